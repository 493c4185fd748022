package codectest

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

func testReplaces(t *testing.T, c codec.Codec) {
	ms := records()
	for i, in := range ms {
		data := encode(t, c, in)
		for _, before := range records() {
			if err := c.Decode(data, before); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(before, in) {
				t.Errorf("record %d into a target that is in use:\nput in %+v\n   got %+v", i, in, before)
			}
		}
	}
	m := map[string]any{"old": true}
	kept := m
	if err := c.Decode(encode(t, c, map[string]any{"new": true}), &m); err != nil {
		t.Fatal(err)
	}
	if !same(m, map[string]any{"new": true}) || !same(kept, map[string]any{"old": true}) {
		t.Errorf("Decode into a map that is in use gives %v and leaves %v", m, kept)
	}
}

func testUnknown(t *testing.T, c codec.Codec) {
	type newer struct {
		A     int `json:"a"`
		Extra struct {
			M map[int][]string
			T time.Time
		} `json:"extra"`
		U    uint64  `json:"u"`
		B    string  `json:"b"`
		F    float64 `json:"f"`
		Blob []byte  `json:"blob"`
	}
	type older struct {
		B string `json:"b"`
		A int8   `json:"a"`
	}
	in := newer{A: 1, U: math.MaxUint64, B: "x", F: 0.1, Blob: []byte{1}}
	in.Extra.M = map[int][]string{1: {"x"}, -300: {}}
	if got := decode[older](t, c, encode(t, c, &in)); got != (older{"x", 1}) {
		t.Errorf("a struct with fewer fields got %+v", got)
	}
}

func testExactNames(t *testing.T, c codec.Codec) {
	type upper struct {
		X int `json:"NAME"`
		Y int
	}
	type lower struct {
		X int `json:"name"`
		Y int `json:"y"`
	}
	if got := decode[lower](t, c, encode(t, c, &upper{1, 2})); got != (lower{}) {
		t.Errorf("members NAME and Y went into fields name and y: %+v", got)
	}
}

func testOwnership(t *testing.T, c codec.Codec) {
	for i, in := range records() {
		data := encode(t, c, in)
		before := bytes.Clone(data)
		got := decode[record](t, c, data)
		if !bytes.Equal(data, before) {
			t.Fatal("Decode changed data")
		}
		for i := range data {
			data[i] ^= 0x55
		}
		if !reflect.DeepEqual(&got, in) {
			t.Errorf("record %d changed with the data they were decoded from", i)
		}
	}
	data := encode(t, c, kinds())
	before := bytes.Clone(data)
	got := decode[map[string]any](t, c, data)
	if !bytes.Equal(data, before) {
		t.Fatal("Decode changed data")
	}
	for i := range data {
		data[i] ^= 0x55
	}
	if !same(got, kinds()) {
		t.Error("values changed with the data they were decoded from")
	}
	// Nor may one value be in the memory of another.
	first, second := decode[record](t, c, encode(t, c, records()[1])), decode[record](t, c, encode(t, c, records()[1]))
	copy(first.Bytes, "\x99\x99")
	copy(first.Blob, "\x99\x99\x99\x99")
	if !reflect.DeepEqual(&second, records()[1]) {
		t.Error("two decoded values share memory")
	}
}
