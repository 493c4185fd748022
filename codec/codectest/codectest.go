// Package codectest checks that a codec keeps the promises of package codec, and
// measures it on the caller's own values.
//
//	func TestCodec(t *testing.T) { codectest.Run(t, mycodec.New()) }
//
// A codec that recurses without a bound ends the test binary, at the promise
// LoopsAreRefused; see [Run].
package codectest

import (
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// Run checks c, one subtest for each promise, named after it. The subtests of
// [codec.Merger] run if c is one.
//
// What fails says which promise is broken, the smallest value found that shows it,
// and what came of it. Values are printed in the words of Go, with the types
// that matter: int64(7) is not float64(7). Of the failures of a promise the first
// few are printed, and the number of the others.
//
// The last subtest, LoopsAreRefused, encodes values that hold themselves. A codec
// that follows them without a bound overflows the stack, which ends the test binary
// there and then; with -v, what the others found has been printed by that time, and
// -skip /LoopsAreRefused leaves it out.
//
// Run it with the race detector too: it calls c from several goroutines.
func Run(t *testing.T, c codec.Codec) {
	for _, s := range []struct {
		name, says string
		check      func(*promise)
	}{
		{"IDAndNameAreFixed", "ID and Name never change, and are not those of another codec", checkIDAndName},
		{"AppendKeepsWhatIsThere", "Append appends to dst; with an error it returns dst at its former length", checkAppend},
		{"AppendDoesNotChangeItsValue", "Append neither changes nor keeps its value", checkAppendReadsOnly},
		{"EqualValuesEqualBytes", "equal values have equal encodings", checkDeterministic},
		{"KindsOfValuesComeBack", "kinds of Values come back as they were, each of just its type", checkKinds},
		{"EmptyStaysEmpty", "slices and maps in kinds of Values that are nil or empty come back empty, not nil", checkEmpty},
		{"TypedValuesComeBack", "values encoded by their Go type come back as they were", checkTyped},
		{"TimesComeBackInUTC", "a time comes back as the same instant, to the nanosecond, in UTC", checkTimes},
		{"DecodeReplacesTheTarget", "what the target of Decode held before makes no difference", checkReplaces},
		{"UnknownMembersAreIgnored", "Decode ignores members that the struct does not have", checkUnknown},
		{"NamesMatchExactly", "a member goes into the field of exactly its name", checkExactNames},
		{"OverflowIsAnError", "a number that does not fit the type of its field is an error of Decode", checkOverflow},
		{"WrongShapeIsAnError", "a value of another shape than its target is an error of Decode", checkShape},
		{"UnfitValuesAreRefused", "what does not come back as it was is an error, never encoded", checkRefused},
		{"LimitsHold", "what is nested deeper than codec.MaxDepth or has more than codec.MaxEntries entries is an error, what is not is none", checkLimits},
		{"AllOfTheDataIsOneValue", "data with bytes missing or left over are an error of Decode", checkWhole},
		{"DecodeNeitherKeepsNorChangesData", "Decode neither changes nor keeps data, and values share no memory", checkOwnership},
		{"DamagedDataIsHarmless", "damaged data are an error or a value like any other, without a panic or much memory", checkDamage},
		{"ConcurrentUse", "goroutines can share a codec", checkConcurrent},
	} {
		check(t, c, s.name, s.says, s.check)
	}
	if _, ok := c.(codec.Merger); ok {
		check(t, c, "ExtraAndMergeKeepBytes", "Extra and Merge take maps apart and join them, and change no member", checkMerger)
		check(t, c, "ExtraAndMergeHoldLimits", "Extra and Merge refuse what Decode refuses, and then return dst at its former length", checkMergerLimits)
	}
	check(t, c, "LoopsAreRefused", "a value that holds itself is an error, as it is nested without an end", checkLoops)
}
