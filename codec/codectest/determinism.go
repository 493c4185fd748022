package codectest

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"
)

func checkDeterministic(p *promise) {
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
	wantTyped, wantValues := p.encode(typed), p.encode(values)
	for range 20 {
		typed, values := build(rand.Perm(30))
		p.sameBytes(unequal, *typed, wantTyped, p.encode(typed))
		p.sameBytes(unequal, values, wantValues, p.encode(values))
	}
	// By value, by pointer, and after a round trip.
	p.sameBytes("a struct and a pointer to it have different encodings", *typed, p.encode(*typed), wantTyped)
	through[maps](p, typed) // whose failures are small values
	again := decodeTo[maps](p, wantTyped)
	p.sameBytes("what was decoded has another encoding", *typed, p.encode(&again), wantTyped)
	p.sameBytes("a map and a pointer to it have different encodings", values, p.encode(&values), wantValues)
	for _, r := range records() {
		p.verify(*r, func(v any) verdict {
			byPointer, err1 := p.append(nil, pointerTo(v))
			byValue, err2 := p.append(nil, v)
			if err := cmp.Or(err1, err2); err != nil {
				return verdict{problem("Append", err), []fact{given(v), because(err)}}
			}
			return differentBytes("a struct and a pointer to it have different encodings", v, byPointer, byValue)
		})
	}
}

const unequal = "equal values have different encodings"

func differentBytes(what string, v any, a, b []byte) verdict {
	if bytes.Equal(a, b) {
		return verdict{}
	}
	return verdict{what, []fact{given(v), {"encoded", showData(a)}, {"and as", showData(b)}}}
}

// sameBytes checks that a and b, the encodings of two values equal to v, are the same.
func (p *promise) sameBytes(what string, v any, a, b []byte) {
	p.t.Helper()
	found := differentBytes(what, v, a, b)
	switch {
	case found.what == "":
	case p.full():
		p.count()
	// Small values are found if their encodings unequal from one time to another.
	case p.verify(v, func(v any) verdict { return encodedAgain(p, v) }):
		p.fail(found.what, found.facts...)
	}
}

// encodedAgain says whether values equal to v have different encodings.
func encodedAgain(p *promise, v any) verdict {
	first, err := p.append(nil, pointerTo(v))
	if err != nil {
		return verdict{}
	}
	for range 20 {
		other, err := p.append(nil, pointerTo(clone(v)))
		if err != nil {
			return verdict{}
		}
		if found := differentBytes(unequal, v, first, other); found.what != "" {
			return found
		}
	}
	return verdict{}
}
