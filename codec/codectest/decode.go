package codectest

import (
	"bytes"
	"math"
	"reflect"
	"time"
)

func checkReplaces(p *promise) {
	// A target held a record before it gets another.
	type target struct{ Held, Gets record }
	for _, in := range records() {
		for _, before := range records() {
			p.verify(target{*before, *in}, func(v any) verdict {
				target, ok := v.(target)
				if !ok {
					return verdict{}
				}
				data, err := p.append(nil, &target.Gets)
				if err != nil {
					return verdict{problem("Append", err), []fact{given(target.Gets), because(err)}}
				}
				// The same data, to begin with, into a target that is not in use.
				if found := decodesAs(p, "Decode", data, target.Gets, reflect.TypeFor[record](), reflect.DeepEqual); found.what != "" {
					return found
				}
				held, out := fact{"held", describe(target.Held)}, clone(target.Held)
				if err := p.decode(data, &out); err != nil {
					return verdict{problem("Decode into a target that is in use", err), []fact{given(target.Gets), encoded(data), held, because(err)}}
				}
				if !reflect.DeepEqual(out, target.Gets) {
					return verdict{"Decode into a target that is in use gives another value",
						[]fact{given(target.Gets), encoded(data), held, got(target.Gets, out)}}
				}
				return verdict{}
			})
		}
	}
	before, in := map[string]any{"old": true}, map[string]any{"new": true}
	held := fact{"held", describe(before)}
	m := before
	data := p.encode(in)
	if err := p.decode(data, &m); err != nil {
		p.fatal(problem("Decode into a map that is in use", err), given(in), because(err))
	}
	if !same(m, in) {
		p.fail("Decode into a map that is in use gives another", given(in), held, got(in, m))
	}
	if old := map[string]any{"old": true}; !same(before, old) {
		p.fail("Decode changes the map that the target held, want a new one in its place", given(in), held, got(old, before))
	}
}

func checkUnknown(p *promise) {
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
	wanted := older{"x", 1}
	if out := through[older](p, &in); out != wanted {
		p.fail("a struct with fewer fields gets other values for these", given(in), got(wanted, out), want(wanted))
	}
}

func checkExactNames(p *promise) {
	type upper = struct {
		X int `json:"NAME"`
		Y int
	}
	type lower = struct {
		X int `json:"name"`
		Y int `json:"y"`
	}
	in := upper{1, 2}
	if out := through[lower](p, &in); out != (lower{}) {
		p.fail("members NAME and Y go into fields of the names name and y", given(in), got(lower{}, out), want(lower{}))
	}
}

func checkOwnership(p *promise) {
	for _, in := range records() {
		p.verify(*in, func(v any) verdict { return owns(p, v, reflect.DeepEqual) })
	}
	p.verify(kinds(), func(v any) verdict { return owns(p, v, same) })
	// Nor may one value be in the memory of another.
	in := records()[1]
	first, second := through[record](p, in), through[record](p, in)
	if !reflect.DeepEqual(&second, in) {
		p.fatal("a value comes back as another, before one is changed", given(in), got(*in, second))
	}
	copy(first.Bytes, "\x99\x99")
	copy(first.Blob, "\x99\x99\x99\x99")
	if !reflect.DeepEqual(&second, in) {
		p.fail("a decoded value changes when another one does: they share memory", got(*in, second))
	}
}

// owns says whether a decoded value changes with its data, or data when they are decoded.
func owns(p *promise, v any, same func(a, b any) bool) verdict {
	data, err := p.append(nil, pointerTo(v))
	if err != nil {
		return verdict{problem("Append", err), []fact{given(v), because(err)}}
	}
	before := bytes.Clone(data)
	target := reflect.New(reflect.TypeOf(v))
	if err := p.decode(data, target.Interface()); err != nil {
		return verdict{problem("Decode", err), []fact{given(v), encoded(before), because(err)}}
	}
	if !bytes.Equal(data, before) {
		return verdict{"Decode changes data", []fact{given(v), encoded(before), got(before, data)}}
	}
	if out := target.Elem().Interface(); !same(out, v) {
		return verdict{"a value comes back as another, before data are overwritten", []fact{given(v), encoded(before), got(v, out)}}
	}
	for i := range data {
		data[i] ^= 0x55
	}
	if out := target.Elem().Interface(); !same(out, v) {
		return verdict{"a decoded value changes when data are overwritten", []fact{given(v), encoded(before), got(v, out)}}
	}
	return verdict{}
}
