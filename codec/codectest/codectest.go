// Package codectest checks that a codec keeps the promises of package codec, and
// measures it on the caller's own values.
//
//	func TestCodec(t *testing.T) { codectest.Run(t, mycodec.New()) }
package codectest

import (
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// Run checks c, one subtest for each promise, named after it. What fails says
// which rule is broken. The subtests of [codec.Merger] run if c is one.
//
// Run it with the race detector too: it calls c from several goroutines.
func Run(t *testing.T, c codec.Codec) {
	t.Run("IDAndNameAreFixed", func(t *testing.T) { testIDAndName(t, c) })
	t.Run("AppendKeepsWhatIsThere", func(t *testing.T) { testAppend(t, c) })
	t.Run("AppendDoesNotChangeItsValue", func(t *testing.T) { testAppendReadsOnly(t, c) })
	t.Run("EqualValuesEqualBytes", func(t *testing.T) { testDeterministic(t, c) })
	t.Run("KindsOfValuesComeBack", func(t *testing.T) { testKinds(t, c) })
	t.Run("EmptyStaysEmpty", func(t *testing.T) { testEmpty(t, c) })
	t.Run("TypedValuesComeBack", func(t *testing.T) { testTyped(t, c) })
	t.Run("TimesComeBackInUTC", func(t *testing.T) { testTimes(t, c) })
	t.Run("DecodeReplacesTheTarget", func(t *testing.T) { testReplaces(t, c) })
	t.Run("UnknownMembersAreIgnored", func(t *testing.T) { testUnknown(t, c) })
	t.Run("NamesMatchExactly", func(t *testing.T) { testExactNames(t, c) })
	t.Run("OverflowIsAnError", func(t *testing.T) { testOverflow(t, c) })
	t.Run("WrongShapeIsAnError", func(t *testing.T) { testShape(t, c) })
	t.Run("UnfitValuesAreRefused", func(t *testing.T) { testRefused(t, c) })
	t.Run("LimitsHold", func(t *testing.T) { testLimits(t, c) })
	t.Run("AllOfTheDataIsOneValue", func(t *testing.T) { testWhole(t, c) })
	t.Run("DecodeNeitherKeepsNorChangesData", func(t *testing.T) { testOwnership(t, c) })
	t.Run("DamagedDataIsHarmless", func(t *testing.T) { testDamage(t, c) })
	t.Run("ConcurrentUse", func(t *testing.T) { testConcurrent(t, c) })
	if m, ok := c.(codec.Merger); ok {
		t.Run("ExtraAndMergeKeepBytes", func(t *testing.T) { testMerger(t, m) })
		t.Run("ExtraAndMergeHoldLimits", func(t *testing.T) { testMergerLimits(t, m) })
	}
}
