package codectest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/codec/codectest"
)

// A faulty codec is MessagePack with functions of its own here and there.
type faulty struct {
	codec.Merger
	id     byte
	name   string
	append func(dst []byte, v any) ([]byte, error)
	decode func(data []byte, v any) error
	extra  func(dst, data []byte, known func(string) bool) ([]byte, error)
	merge  func(dst, a, b []byte) ([]byte, error)
}

func (f *faulty) ID() byte                                 { return f.id }
func (f *faulty) Name() string                             { return f.name }
func (f *faulty) Append(dst []byte, v any) ([]byte, error) { return f.append(dst, v) }
func (f *faulty) Decode(data []byte, v any) error          { return f.decode(data, v) }
func (f *faulty) Merge(dst, a, b []byte) ([]byte, error)   { return f.merge(dst, a, b) }
func (f *faulty) Extra(dst, data []byte, known func(string) bool) ([]byte, error) {
	return f.extra(dst, data, known)
}

func sound() *faulty {
	m := codec.MessagePack().(codec.Merger)
	return &faulty{Merger: m, id: 200, name: "faulty", append: m.Append, decode: m.Decode, extra: m.Extra, merge: m.Merge}
}

// encodingJSON is what one might take for a codec at first.
func encodingJSON() *faulty {
	f := sound()
	f.append = func(dst []byte, v any) ([]byte, error) {
		b, err := json.Marshal(v)
		if err != nil {
			return dst, err
		}
		return append(dst, b...), nil
	}
	f.decode = func(data []byte, v any) error { return json.Unmarshal(data, v) }
	return f
}

// faults are ways to break a promise, and the subtest that must notice.
var faults = map[string]struct {
	notices string
	codec   func() *faulty
}{
	"reserved ID": {"IDAndNameAreFixed", func() *faulty { f := sound(); f.id = 7; return f }},
	"no ID":       {"IDAndNameAreFixed", func() *faulty { f := sound(); f.id = 0; return f }},
	"taken name":  {"IDAndNameAreFixed", func() *faulty { f := sound(); f.name = "cbor"; return f }},
	"bad name":    {"IDAndNameAreFixed", func() *faulty { f := sound(); f.name = "My Codec"; return f }},
	"forgets dst": {"AppendKeepsWhatIsThere", func() *faulty {
		f := sound()
		f.append = func(_ []byte, v any) ([]byte, error) { return f.Merger.Append(nil, v) }
		return f
	}},
	"nil on errors": {"AppendKeepsWhatIsThere", func() *faulty {
		f := sound()
		f.append = func(dst []byte, v any) ([]byte, error) {
			out, err := f.Merger.Append(dst, v)
			if err != nil {
				return nil, err
			}
			return out, nil
		}
		return f
	}},
	"shares its buffer": {"AppendDoesNotChangeItsValue", func() *faulty {
		f := sound()
		var buf []byte
		f.append = func(dst []byte, v any) ([]byte, error) {
			if len(dst) > 0 {
				return f.Merger.Append(dst, v)
			}
			var err error
			buf, err = f.Merger.Append(buf[:0], v)
			return buf, err
		}
		return f
	}},
	"random order": {"EqualValuesEqualBytes", func() *faulty {
		f := sound()
		var n atomic.Uint32
		f.append = func(dst []byte, v any) ([]byte, error) {
			m, ok := v.(map[string]any)
			if !ok || len(m) < 2 {
				return f.Merger.Append(dst, v)
			}
			b, err := f.Merger.Append(nil, v)
			if err != nil {
				return dst, err
			}
			name := slices.Sorted(maps.Keys(m))[int(n.Add(1))%len(m)]
			only, err := f.Merger.Append(nil, map[string]any{name: m[name]})
			if err != nil {
				return dst, err
			}
			return f.Merger.Merge(dst, only, b)
		}
		return f
	}},
	"integers as floats": {"KindsOfValuesComeBack", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if m, ok := v.(*map[string]any); ok {
				for name, x := range *m {
					if i, ok := x.(int64); ok {
						(*m)[name] = float64(i)
					}
				}
			}
			return err
		}
		return f
	}},
	"nil for empty": {"EmptyStaysEmpty", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if m, ok := v.(*map[string]any); ok && len(*m) == 0 {
				*m = nil
			}
			return err
		}
		return f
	}},
	"merges into the target": {"DecodeReplacesTheTarget", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			m, ok := v.(*map[string]any)
			if !ok || m == nil || *m == nil {
				return f.Merger.Decode(data, v)
			}
			var fresh map[string]any
			err := f.Merger.Decode(data, &fresh)
			maps.Copy(*m, fresh)
			return err
		}
		return f
	}},
	"takes trailing bytes": {"AllOfTheDataIsOneValue", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			for n := len(data) - 1; err != nil && n > 0 && strings.Contains(err.Error(), "after the value"); n-- {
				err = f.Merger.Decode(data[:n], v)
			}
			return err
		}
		return f
	}},
	"changes data": {"DecodeNeitherKeepsNorChangesData", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if len(data) > 400 {
				data[0] ^= 1
			}
			return err
		}
		return f
	}},
	"panics": {"DamagedDataIsHarmless", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			if len(data) > 0 && data[0] == 0xc1 {
				panic("an unused code")
			}
			return f.Merger.Decode(data, v)
		}
		return f
	}},
	"panics for an error": {"WrongShapeIsAnError", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			if err := f.Merger.Decode(data, v); err != nil {
				panic(err)
			}
			return nil
		}
		return f
	}},
	"changes refused data": {"WrongShapeIsAnError", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if err != nil && len(data) > 0 {
				data[0] ^= 1
			}
			return err
		}
		return f
	}},
	"believes lengths": {"DamagedDataIsHarmless", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			if len(data) == 5 && data[0] == 0xdd {
				sink = make([]byte, 16<<20)
			}
			return f.Merger.Decode(data, v)
		}
		return f
	}},
	"no limit of entries": {"LimitsHold", func() *faulty {
		f := sound()
		f.append = func(dst []byte, v any) ([]byte, error) {
			out, err := f.Merger.Append(dst, v)
			if err != nil && strings.Contains(err.Error(), "entries") {
				return append(dst, 0x80), nil
			}
			return out, err
		}
		return f
	}},
	"takes bad text": {"UnfitValuesAreRefused", func() *faulty {
		f := sound()
		f.append = func(dst []byte, v any) ([]byte, error) {
			out, err := f.Merger.Append(dst, v)
			if err != nil && strings.Contains(err.Error(), "UTF-8") {
				return append(dst, 0x80), nil
			}
			return out, err
		}
		return f
	}},
	"takes null for a map": {"WrongShapeIsAnError", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			if bytes.Equal(data, []byte{0xc0}) {
				return nil
			}
			return f.Merger.Decode(data, v)
		}
		return f
	}},
	"one buffer for all": {"ConcurrentUse", func() *faulty {
		f := sound()
		var inside atomic.Int32
		f.decode = func(data []byte, v any) error {
			defer inside.Add(-1)
			inside.Add(1)
			runtime.Gosched()
			if inside.Load() > 1 {
				return fmt.Errorf("another one is using the buffer")
			}
			return f.Merger.Decode(data, v)
		}
		return f
	}},
	"folds case":    {"NamesMatchExactly", encodingJSON},
	"encoding/json": {"TypedValuesComeBack", encodingJSON},
	"local times": {"TimesComeBackInUTC", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if m, ok := v.(*map[string]any); ok {
				for name, x := range *m {
					if t, ok := x.(time.Time); ok {
						(*m)[name] = t.In(time.FixedZone("", 3600))
					}
				}
			}
			return err
		}
		return f
	}},
	"narrows": {"OverflowIsAnError", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			err := f.Merger.Decode(data, v)
			if err != nil && strings.HasSuffix(err.Error(), "does not fit int8") {
				return nil
			}
			return err
		}
		return f
	}},
	"unknown members refused": {"UnknownMembersAreIgnored", func() *faulty {
		f := sound()
		f.decode = func(data []byte, v any) error {
			if strings.Contains(fmt.Sprintf("%T", v), "older") {
				return fmt.Errorf("an unknown member")
			}
			return f.Merger.Decode(data, v)
		}
		return f
	}},
	"extra of the known": {"ExtraAndMergeKeepBytes", func() *faulty {
		f := sound()
		f.extra = func(dst, data []byte, known func(string) bool) ([]byte, error) {
			return f.Merger.Extra(dst, data, func(name string) bool { return !known(name) })
		}
		return f
	}},
	"second map wins": {"ExtraAndMergeKeepBytes", func() *faulty {
		f := sound()
		f.merge = func(dst, a, b []byte) ([]byte, error) { return f.Merger.Merge(dst, b, a) }
		return f
	}},
	"merges without limit": {"ExtraAndMergeHoldLimits", func() *faulty {
		f := sound()
		f.merge = func(dst, a, b []byte) ([]byte, error) {
			out, err := f.Merger.Merge(dst, a, b)
			if err != nil && strings.Contains(err.Error(), "entries") {
				return append(dst, a...), nil
			}
			return out, err
		}
		return f
	}},
	"takes loops": {"LoopsAreRefused", func() *faulty {
		f := sound()
		f.append = func(dst []byte, v any) ([]byte, error) {
			out, err := f.Merger.Append(dst, v)
			if m, ok := v.(map[string]any); ok && err != nil && m["m"] != nil {
				return append(dst, 0x80), nil
			}
			return out, err
		}
		return f
	}},
}

// boundless is MessagePack that follows values to their end before anything else.
func boundless() *faulty {
	debug.SetMaxStack(16 << 20) // a gigabyte by default, which takes a while to fill
	f := sound()
	f.id = 7 // another promise that it breaks
	var follow func(v reflect.Value) int
	follow = func(v reflect.Value) (n int) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			return 1 + follow(v.Elem())
		case reflect.Slice:
			for i := range v.Len() {
				n += follow(v.Index(i))
			}
		case reflect.Map:
			for _, x := range v.Seq2() {
				n += follow(x)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				n += follow(v.Field(i))
			}
		}
		return n
	}
	f.append = func(dst []byte, v any) ([]byte, error) {
		follow(reflect.ValueOf(v))
		return f.Merger.Append(dst, v)
	}
	return f
}

// TestKitEndsWithLoops: a codec that recurses without a bound ends the process, but
// not before all other promises have been checked.
func TestKitEndsWithLoops(t *testing.T) {
	if os.Getenv("CODECTEST_BOUNDLESS") != "" {
		codectest.Run(t, boundless())
		return
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command(os.Args[0], append(args, "-test.run=^TestKitEndsWithLoops$", "-test.v")...)
		cmd.Env = append(os.Environ(), "CODECTEST_BOUNDLESS=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run()
	before, after, ok := strings.Cut(out, "=== RUN   TestKitEndsWithLoops/LoopsAreRefused\n")
	if err == nil || !ok || !strings.Contains(before, "broken promise: ID and Name") || !strings.Contains(after, "stack overflow") || strings.Contains(after, "=== RUN") {
		t.Errorf("%v\n%.5000s", err, out)
	}
	if out, err := run("-test.skip=/LoopsAreRefused"); err == nil || !strings.Contains(out, "--- FAIL: TestKitEndsWithLoops/IDAndNameAreFixed") || strings.Contains(out, "overflow") {
		t.Errorf("without it: %v\n%.5000s", err, out)
	}
}

var sink []byte

// TestKitNoticesFaults runs the kit on codecs that each break one promise, in
// processes of their own, because the kit fails then.
func TestKitNoticesFaults(t *testing.T) {
	if name := os.Getenv("CODECTEST_FAULT"); name != "" {
		codectest.Run(t, faults[name].codec())
		return
	}
	noticed := make(map[string]bool)
	for name, fault := range faults {
		noticed[fault.notices] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := runWithFault(name)
			if err == nil || !regexp.MustCompile(`(?m)^ *--- FAIL: TestKitNoticesFaults/`+fault.notices+`\b`).MatchString(out) {
				t.Errorf("%s does not notice: %v\n%s", fault.notices, err, out)
			}
			checkIsBrief(t, out)
		})
	}
	t.Logf("%d faults in %d promises", len(faults), len(noticed))
}

// runWithFault runs the subtest that must notice a fault, and returns what it prints.
func runWithFault(name string) (string, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKitNoticesFaults$/^"+faults[name].notices+"$")
	cmd.Env = append(os.Environ(), "CODECTEST_FAULT="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// checkIsBrief checks that a failing subtest names its promise and prints a few lines that can be read.
func checkIsBrief(t *testing.T, out string) {
	t.Helper()
	if n := strings.Count(out, "broken promise: "); n != 1 {
		t.Errorf("%d promises named, want 1:\n%s", n, out)
	}
	lines := strings.Split(out, "\n")
	if len(lines) > 25 {
		t.Errorf("%d lines, want no more than a few:\n%s", len(lines), out)
	}
	for _, line := range lines {
		if len(line) > 400 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

// TestFailuresShowWhy: what is printed are the smallest values, with their types.
func TestFailuresShowWhy(t *testing.T) {
	for fault, wanted := range map[string][]string{
		"integers as floats": {
			"broken promise: kinds of Values come back as they were, each of just its type",
			"Decode into map[string]any gives another value",
			`given    map[string]any{"v": int64(0)}`,
			"encoded  81 a1 76 00",
			`got      map[string]any{"v": float64(0)}`,
			"more failures, not printed: ",
		},
		"random order": {
			"broken promise: equal values have equal encodings",
			`given    map[string]any{"`,
			"encoded  82 a1 ", // two members
			"and as   82 a1 ",
		},
		"folds case": {
			"broken promise: a member goes into the field of exactly its name",
			"given    struct { X int `json:\"NAME\"`; Y int }{X: 1, Y: 2}",
			"got      struct { X int `json:\"name\"`; Y int `json:\"y\"` }{X: 1, Y: 2}",
		},
		"encoding/json": {
			"Decode returns an error",
			"given    struct { ByLevel map[string]level `json:\"by_level\"` }",
			`encoded  {"by_level":{"v":{}}}`,
			"error    json: cannot unmarshal object",
		},
		"panics": {
			"broken promise: damaged data are an error or a value like any other, without a panic or much memory",
			"Decode of damaged data panics",
			"decoded  c1\n",
			"error    panic in codectest_test.",
			"(codectest_test.go:",
			"): an unused code",
		},
		"panics for an error": {
			"Decode into struct { V bool `json:\"v\"` } panics at a value of another shape, want an error",
			`given    map[string]any{"v": []any{"x"}}`,
			"error    panic in codectest_test.",
		},
		"narrows": {
			"Decode into a field of type int8 takes a number that does not fit it, want an error",
			"given    int64(-9223372036854775808)",
			"got      int8(0)",
		},
		"nil for empty": {
			"given    map[string]any(nil)",
			"got      map[string]any(nil)",
			"want     map[string]any{}",
		},
		"shares its buffer": {
			"what Append returned changes when its value does, or with the next call",
			`given    map[string]any{"b": []byte("abc")}`,
		},
		"merges into the target": {
			`given    map[string]any{"new": true}`,
			`held     map[string]any{"old": true}`,
			`got      map[string]any{"new": true, "old": true}`,
		},
		"takes trailing bytes": {
			"Decode takes data with bytes left over, want an error",
			`given    map[string]any{"a": int64(1)}`,
			"encoded  81 a1 61 01",
			"decoded  81 a1 61 01 00",
		},
		"local times": {
			`given    map[string]any{"t": time.Time(`,
			"+01:00)",
		},
		"takes bad text": {
			"Append takes bad UTF-8 in kinds of Values, want an error",
			`given    map[string]any{"v": "a\xff"}`,
		},
		"no limit of entries": {
			"an array, 1025 entries all together; codec.MaxEntries is 1024",
		},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			out, _ := runWithFault(fault)
			for _, want := range wanted {
				if !strings.Contains(out, want) {
					t.Errorf("does not print %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestKitPassesWhatIsSound: the same wrapping without a fault.
func TestKitPassesWhatIsSound(t *testing.T) { codectest.Run(t, sound()) }
