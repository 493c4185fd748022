package codectest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

func testMerger(t *testing.T, c codec.Merger) {
	type deep struct {
		M map[int]map[string]uint64
		T []time.Time
	}
	type newer struct {
		A    int             `json:"a"`
		Deep deep            `json:"deep"`
		Big  uint64          `json:"big"`
		B    string          `json:"b"`
		Blob []byte          `json:"blob"`
		F    float64         `json:"f"`
		When time.Time       `json:"when"`
		By   map[int8]string `json:"by"`
		Odd  string          `json:"odd name é"`
	}
	type older struct {
		A int    `json:"a"`
		B string `json:"b"`
	}
	known := func(name string) bool { return name == "a" || name == "b" }
	in := newer{
		A: 1, B: "b", Big: math.MaxUint64, Blob: []byte{0, 0xff}, F: 0.1, When: time.Unix(9, 9).UTC(),
		Deep: deep{M: map[int]map[string]uint64{-1: {"x": 1}, 300: {}}, T: []time.Time{{}}},
		By:   map[int8]string{-1: "$"}, Odd: "odd",
	}
	data := encode(t, c, &in)
	before := bytes.Clone(data)

	extra, err := c.Extra(nil, data, known)
	if err != nil {
		t.Fatal(err)
	}
	old := decode[older](t, c, data)
	old.A, old.B = 2, "changed"
	merged, err := c.Merge(nil, encode(t, c, &old), extra)
	if err != nil {
		t.Fatal(err)
	}
	want := in
	want.A, want.B = 2, "changed"
	if got := decode[newer](t, c, merged); !reflect.DeepEqual(got, want) {
		t.Errorf("after a change by an older struct:\n got %+v\nwant %+v", got, want)
	}
	// The members keep their bytes: what is extra in the merged map is what was extra.
	again, err := c.Extra([]byte("pre"), merged, known)
	if err != nil || !bytes.Equal(again, append([]byte("pre"), extra...)) {
		t.Errorf("extra members changed on the way, %v:\n got %q\nwant %q", err, again, extra)
	}
	if !bytes.Equal(data, before) {
		t.Error("Extra or Merge changed its argument")
	}

	if got, err := c.Extra([]byte("pre"), data, func(string) bool { return true }); err != nil || string(got) != "pre" {
		t.Errorf("Extra of a map that is known in full gives %q, %v, want dst as it is", got, err)
	}
	if got, err := c.Extra(nil, data, func(string) bool { return false }); err != nil || !reflect.DeepEqual(decode[newer](t, c, got), in) {
		t.Errorf("Extra of a map that is not known at all is not the map: %v", err)
	}
	var names []string
	if _, err := c.Extra(nil, data, func(name string) bool { names = append(names, name); return true }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "deep", "big", "b", "blob", "f", "when", "by", "odd name é"}; len(names) != len(want) {
		t.Errorf("Extra asked for %q, want %q in some order", names, want)
	} else {
		have := make(map[string]bool)
		for _, name := range names {
			have[name] = true
		}
		for _, name := range want {
			if !have[name] {
				t.Errorf("Extra asked for %q, want %q in some order", names, want)
			}
		}
	}

	// Of two members of one name, the first map's is kept.
	a, b := encode(t, c, map[string]any{"x": int64(1), "y": int64(2)}), encode(t, c, map[string]any{"y": int64(9), "z": int64(3)})
	both, err := c.Merge([]byte("pre"), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode[map[string]any](t, c, both[3:]); !same(got, map[string]any{"x": int64(1), "y": int64(2), "z": int64(3)}) || string(both[:3]) != "pre" {
		t.Errorf("Merge gives %q", both)
	}
	none := encode(t, c, map[string]any{})
	for _, pair := range [][2][]byte{{a, none}, {none, a}, {a, a}} {
		got, err := c.Merge(nil, pair[0], pair[1])
		if err != nil || !same(decode[any](t, c, got), decode[any](t, c, a)) {
			t.Errorf("Merge with nothing new gives %q, %v", got, err)
		}
	}
}

func testMergerLimits(t *testing.T, c codec.Merger) {
	none, some := encode(t, c, map[string]any{}), encode(t, c, map[string]any{"a": int64(1)})
	array := encode(t, c, &[]any{int64(1)})
	yes := func(string) bool { return true }
	for name, bad := range map[string][]byte{
		"no data": nil, "an array": array, "half of a map": some[:len(some)-1], "a map and more": append(bytes.Clone(some), some...),
	} {
		if got, err := c.Extra([]byte("pre"), bad, yes); err == nil || string(got) != "pre" {
			t.Errorf("Extra of %s gives %q, %v, want an error and dst", name, got, err)
		}
		if got, err := c.Merge([]byte("pre"), bad, none); err == nil || string(got) != "pre" {
			t.Errorf("Merge of %s gives %q, %v, want an error and dst", name, got, err)
		}
		if got, err := c.Merge([]byte("pre"), some, bad); err == nil || string(got) != "pre" {
			t.Errorf("Merge with %s gives %q, %v, want an error and dst", name, got, err)
		}
	}
	half := func(prefix string, n int) []byte {
		m := make(map[string]any)
		for i := range n {
			m[fmt.Sprint(prefix, i)] = nil
		}
		return encode(t, c, m)
	}
	const n = codec.MaxEntries / 2
	if got, err := c.Merge(nil, half("a", n), half("b", n)); err != nil {
		t.Errorf("Merge to %d entries: %v", 2*n, err)
	} else {
		decode[any](t, c, got)
	}
	if _, err := c.Merge(nil, half("a", n), half("b", n+1)); err == nil {
		t.Errorf("Merge to %d entries has no error", 2*n+1)
	}
	lists := func(name string) []byte { return encode(t, c, map[string]any{name: make([]any, n)}) }
	if _, err := c.Merge(nil, lists("a"), lists("b")); err == nil {
		t.Errorf("Merge to %d entries further in has no error", 2*n+2)
	}
}
