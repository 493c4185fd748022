package codectest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func testDeterministic(t *testing.T, c codec.Codec) {
	type maps struct {
		A map[string]int
		B map[int]string
		C map[uint16]bool
		D map[int8]map[string][]map[uint64]string
		E map[string]any `json:"-"`
	}
	build := func(order []int) (*maps, map[string]any) {
		m := &maps{A: map[string]int{}, B: map[int]string{}, C: map[uint16]bool{}, D: map[int8]map[string][]map[uint64]string{}}
		values := map[string]any{}
		for _, i := range order {
			name := strings.Repeat("n", i%5) + fmt.Sprint(i)
			m.A[name] = i
			m.B[i*i*i-5000] = name
			m.C[uint16(i*2000)] = i%2 == 0
			m.D[int8(i-20)] = map[string][]map[uint64]string{name: {{uint64(i) << 40: "a", uint64(i): "b", 3: "c"}}, "x": nil, "yy": {}}
			values[name] = map[string]any{name: int64(i), "x": []any{map[string]any{"p": nil, "q": true, "rr": ""}}}
		}
		return m, values
	}
	order := rand.Perm(30)
	typed, values := build(order)
	wantTyped, wantValues := encode(t, c, typed), encode(t, c, values)
	for range 20 {
		typed, values := build(rand.Perm(30))
		if !bytes.Equal(encode(t, c, typed), wantTyped) {
			t.Fatal("equal structs with maps have different encodings")
		}
		if !bytes.Equal(encode(t, c, values), wantValues) {
			t.Fatal("equal maps have different encodings")
		}
	}
	// By value, by pointer, and after a round trip.
	if !bytes.Equal(encode(t, c, *typed), wantTyped) {
		t.Error("a struct and a pointer to it have different encodings")
	}
	again := decode[maps](t, c, wantTyped)
	if !bytes.Equal(encode(t, c, &again), wantTyped) {
		t.Error("what was decoded has another encoding")
	}
	if !bytes.Equal(encode(t, c, &values), wantValues) {
		t.Error("a map and a pointer to it have different encodings")
	}
	for i, m := range records() {
		if !bytes.Equal(encode(t, c, m), encode(t, c, *m)) {
			t.Errorf("record %d: a struct and a pointer to it have different encodings", i)
		}
	}
}
