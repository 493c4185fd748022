package codec_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

var update = flag.Bool("update", false, "write what is decoded into testdata/bad_inputs.tsv")

// hostileTarget has a field for each place where decoders are known to go wrong.
type hostileTarget struct {
	A string            `json:"a"`
	N int64             `json:"n"`
	M map[string]string `json:"m"`
	L []string          `json:"l"`
	I []int64           `json:"i"`
	B []byte            `json:"b"`
}

type badInput struct {
	codec, name, bytes string
	wantAny, wantTyped string
}

// data makes the bytes of a notation such as "81a17a 91*3000 c0".
func (in badInput) data(t testing.TB) []byte {
	t.Helper()
	var data []byte
	if in.bytes == "-" {
		return nil
	}
	for part := range strings.FieldsSeq(in.bytes) {
		unit, times, ok := strings.Cut(part, "*")
		n := 1
		if ok {
			var err error
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatal(err)
			}
		}
		data = append(data, bytes.Repeat(unhex(t, unit), n)...)
	}
	return data
}

func badInputs(t testing.TB) []badInput {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "bad_inputs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var inputs []badInput
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			t.Fatalf("bad_inputs.tsv: %d fields in %q", len(f), line)
		}
		inputs = append(inputs, badInput{f[0], f[1], f[2], f[3], f[4]})
	}
	return inputs
}

// allocated returns how many bytes f allocates: the least of some runs, because
// others in the process may allocate meanwhile.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

const most = 1 << 20 // what no input may make Decode allocate

// TestBadInputs decodes 144 inputs that were collected because decoders fail on
// them: each gives the value that is written beside it, or an error.
func TestBadInputs(t *testing.T) {
	inputs := badInputs(t)
	if len(inputs) != 144 {
		t.Fatalf("testdata/bad_inputs.tsv has %d inputs, want 144", len(inputs))
	}
	var lines []string
	worst, worstName := uint64(0), ""
	for _, in := range inputs {
		c := codecNamed(t, in.codec)
		data := in.data(t)

		var v any
		gotAny := "error"
		err := c.Decode(data, &v)
		if err == nil {
			b, err := codec.JSON().Append(nil, &v)
			if err != nil {
				t.Fatalf("%s: %s: decoded into what is not kinds of Values: %v", in.codec, in.name, err)
			}
			gotAny = string(b)
		}
		var m map[string]any
		if err := c.Decode(data, &m); (err == nil) != strings.HasPrefix(gotAny, "{") {
			t.Errorf("%s: %s: into a map: %v, but %s into any", in.codec, in.name, err, gotAny)
		} else if err == nil && !reflect.DeepEqual(any(m), v) {
			t.Errorf("%s: %s: into a map: %v, but %v into any", in.codec, in.name, m, v)
		}
		var s hostileTarget
		gotTyped := "error"
		if err := c.Decode(data, &s); err == nil {
			gotTyped = fmt.Sprintf("%q", fmt.Sprintf("%+v", s))
		}
		if !*update && (gotAny != in.wantAny || gotTyped != in.wantTyped) {
			t.Errorf("%s: %s:\n got %s and %s\nwant %s and %s", in.codec, in.name, gotAny, gotTyped, in.wantAny, in.wantTyped)
		}
		lines = append(lines, strings.Join([]string{in.codec, in.name, in.bytes, gotAny, gotTyped}, "\t"))

		for _, target := range []any{new(any), new(map[string]any), new(hostileTarget)} {
			n := allocated(func() { c.Decode(data, target) })
			if n > most {
				t.Errorf("%s: %s into %T: %d bytes allocated", in.codec, in.name, target, n)
			}
			if n > worst {
				worst, worstName = n, in.codec+": "+in.name
			}
		}
	}
	t.Logf("the most that one of %d inputs made Decode allocate: %d bytes (%s)", len(inputs), worst, worstName)
	if *update {
		old, _ := os.ReadFile(filepath.Join("testdata", "bad_inputs.tsv"))
		head, _, _ := strings.Cut(string(old), "\njson\t")
		head, _, _ = strings.Cut(head, "\nmsgpack\t")
		if err := os.WriteFile(filepath.Join("testdata", "bad_inputs.tsv"), []byte(head+"\n"+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBadInputsAreTheMeasuredOnes compares testdata with the file of vectors.
func TestBadInputsAreTheMeasuredOnes(t *testing.T) {
	type measured struct{ Codec, Name, Hex, Gen string }
	all := readJSON[[]measured](t, filepath.Join(vectors(t), "generated", "bad_inputs_measured.json"))
	inputs := badInputs(t)
	if len(all) != len(inputs) {
		t.Fatalf("%d inputs there, %d here", len(all), len(inputs))
	}
	for i, m := range all {
		in := inputs[i]
		if strings.TrimSuffix(m.Codec, "v2") != in.codec || m.Name != in.name {
			t.Errorf("input %d is %s: %s there, %s: %s here", i, m.Codec, m.Name, in.codec, in.name)
		}
		if m.Gen == "" && !bytes.Equal(unhex(t, m.Hex), in.data(t)) {
			t.Errorf("%s: %s is of other bytes there", in.codec, in.name)
		}
		if m.Gen != "" && len(in.data(t)) < 1e6 {
			t.Errorf("%s: %s has %d bytes here", in.codec, in.name, len(in.data(t)))
		}
	}
}

// TestExtensionIsNoWayAroundTheScan: the MessagePack library skips the head of an
// extension where it expects a map, and reads its payload as the map's head.
func TestExtensionIsNoWayAroundTheScan(t *testing.T) {
	c := codec.MessagePack()
	for _, payload := range []string{"dfffffff", "df7fffff", "de00ffff", "ddffffff", "81a16180"} {
		for _, name := range []string{"a16d", "a16c", "a169", "a162", "a161"} {
			data := unhex(t, "81"+name+"d6ff"+payload)
			n := allocated(func() {
				var s hostileTarget
				if err := c.Decode(data, &s); err == nil {
					t.Errorf("a timestamp in member %s became %+v", name, s)
				}
			})
			if n > 4096 {
				t.Errorf("%x: %d bytes allocated", data, n)
			}
		}
	}
}
