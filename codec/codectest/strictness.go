package codectest

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

func checkOverflow(p *promise) {
	fits(p, int64(math.MinInt64), narrow[int8], narrow[int16], narrow[int32], narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64])
	fits(p, int64(-1), narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64], narrow[uint])
	for _, v := range []int64{math.MinInt8 - 1, math.MaxInt8 + 1, 300} {
		fits(p, v, narrow[int8])
	}
	for _, v := range []int64{math.MinInt16 - 1, math.MaxInt16 + 1} {
		fits(p, v, narrow[int8], narrow[int16])
	}
	for _, v := range []int64{math.MinInt32 - 1, math.MaxInt32 + 1} {
		fits(p, v, narrow[int8], narrow[int16], narrow[int32])
	}
	fits(p, int64(math.MaxUint8+1), narrow[uint8])
	fits(p, int64(math.MaxUint16+1), narrow[uint8], narrow[uint16])
	fits(p, int64(math.MaxUint32+1), narrow[uint8], narrow[uint16], narrow[uint32])
	for _, v := range []uint64{math.MaxInt64 + 1, math.MaxUint64} {
		fits(p, v, narrow[int8], narrow[int16], narrow[int32], narrow[int64], narrow[int], narrow[uint8], narrow[uint16], narrow[uint32], narrow[time.Duration])
	}
	fits(p, math.MaxFloat64, narrow[float32])
	fits(p, -1e39, narrow[float32])
	fits(p, 3.4028235677e38, narrow[float32]) // which rounds to math.MaxFloat32
	fits(p, 1.5, narrow[int64], narrow[uint64], narrow[int8], narrow[time.Duration])
	fits(p, 1e300, narrow[int64], narrow[uint64])
}

// fits checks that v comes back in its own type and is refused by the others.
func fits[T comparable](p *promise, v T, others ...func(*promise, any, []byte, []byte)) {
	p.t.Helper()
	type holder struct{ V T }
	one, several := p.encode(&holder{v}), p.encode(map[string][]T{"V": {v}})
	var out holder
	if err := p.decode(one, &out); err != nil {
		p.fatal(problem("Decode of a number into a field of its type", err), given(v), encoded(one), because(err))
	}
	if out.V != v {
		p.fail("a number comes back as another", given(v), encoded(one), got(v, out.V))
	}
	for _, other := range others {
		other(p, v, one, several)
	}
}

func narrow[N any](p *promise, v any, one, several []byte) {
	p.t.Helper()
	var f struct{ V N }
	err := p.decode(one, &f)
	p.refused(err, "Decode into a field of type "+typeName(reflect.TypeFor[N]()), "a number that does not fit it", given(v), encoded(one), result(f.V))
	var l struct{ V []N }
	err = p.decode(several, &l)
	p.refused(err, "Decode into a slice of type "+typeName(reflect.TypeOf(l.V)), "a number that does not fit it", given([]any{v}), encoded(several), result(l.V))
}

func checkShape(p *promise) {
	shapes := map[string]any{
		"bool":   map[string]any{"v": true},
		"int":    map[string]any{"v": int64(1)},
		"text":   map[string]any{"v": "x"},
		"array":  map[string]any{"v": []any{"x"}},
		"map":    map[string]any{"v": map[string]any{"x": "x"}},
		"array0": map[string]any{"v": []any{}},
		"array3": map[string]any{"v": []any{int64(1), int64(2), int64(3)}},
	}
	refuse := func(shape string, target any) {
		p.t.Helper()
		p.refusesInto(shapes[shape], target)
	}
	for _, shape := range slices.Sorted(maps.Keys(shapes)) {
		if shape != "bool" {
			refuse(shape, &struct {
				V bool `json:"v"`
			}{})
		}
		if shape != "int" {
			refuse(shape, &struct {
				V int `json:"v"`
			}{})
		}
		if shape != "text" {
			refuse(shape, &struct {
				V string `json:"v"`
			}{})
			refuse(shape, &struct {
				V time.Time `json:"v"`
			}{})
			refuse(shape, &struct {
				V level `json:"v"`
			}{})
			refuse(shape, &struct {
				V []byte `json:"v"`
			}{})
			refuse(shape, &struct {
				V *[3]byte `json:"v"`
			}{})
		}
		if shape != "array" && shape != "array0" {
			refuse(shape, &struct {
				V []string `json:"v"`
			}{})
		}
		if shape != "map" {
			refuse(shape, &struct {
				V map[string]string `json:"v"`
			}{})
			refuse(shape, &struct {
				V inner `json:"v"`
			}{})
		}
	}
	refuse("array3", &struct {
		V [2]int `json:"v"`
	}{})
	refuse("array3", &struct {
		V [4]int `json:"v"`
	}{})

	hash := struct{ V []byte }{[]byte("abc")}
	for _, target := range []any{new(struct{ V [2]byte }), new(struct{ V [4]byte }), new(struct{ V *[0]byte }), new(struct{ V []struct{ A [4]byte } })} {
		p.refusesInto(&hash, target)
	}
	list := struct{ V [][]byte }{[][]byte{[]byte("abc")}}
	for _, target := range []any{new(struct{ V [][4]byte }), new(struct{ V [2][3]byte }), new(struct{ V map[string][3]byte })} {
		p.refusesInto(&list, target)
	}
	wanted := struct{ V [1][3]byte }{[1][3]byte{[3]byte([]byte("abc"))}}
	if out := through[struct{ V [1][3]byte }](p, &list); out != wanted {
		p.fail("a slice that fits an array does not come back in it", given(list), got(wanted, out), want(wanted))
	}

	// What is not a map is neither a map nor a struct.
	for _, v := range []any{nil, true, int64(1), "", []any{}, 1.5} {
		for _, target := range []any{new(map[string]any), new(inner), new(map[int]int)} {
			p.refusesInto(&v, target)
		}
	}
	data := p.encode(shapes["int"])
	for _, target := range []any{nil, inner{}, (*inner)(nil), map[string]any{}, (*map[string]any)(nil), (*any)(nil)} {
		err := p.decode(data, target)
		p.refused(err, "Decode", "a target that is not a pointer to something", note("target", "%s", describe(target)))
	}
}

// refusesInto checks that v, once encoded, is refused by Decode into target, which leaves data as they are.
func (p *promise) refusesInto(v, target any) {
	p.t.Helper()
	data := p.encode(v)
	before := bytes.Clone(data)
	err := p.decode(data, target)
	decode := "Decode into " + declaration(reflect.TypeOf(target).Elem())
	p.refused(err, decode, "a value of another shape", given(v), encoded(before), result(pointed(target)))
	if !bytes.Equal(data, before) {
		p.fail(decode+" changes data that it refuses", given(v), encoded(before), fact{"data", showData(data)})
	}
}

func checkWhole(p *promise) {
	targets := func() []any { return []any{new(any), new(inner)} }
	for _, v := range []any{map[string]any{"a": int64(1)}, map[string]any{}, &inner{N: 1, Tags: []string{"x"}}} {
		data := p.encode(v)
		for n := range data {
			for _, target := range targets() {
				err := p.decode(data[:n], target)
				p.refused(err, "Decode", "data whose end is missing", given(v), encoded(data), note("decoded", "%s", showData(data[:n])), result(pointed(target)))
			}
		}
		for _, more := range [][]byte{{0}, {0xff}, []byte("x"), data} {
			long := append(bytes.Clone(data), more...)
			for _, target := range targets() {
				err := p.decode(long, target)
				p.refused(err, "Decode", "data with bytes left over", given(v), encoded(data), note("decoded", "%s", showData(long)), result(pointed(target)))
			}
		}
	}
	var v any
	err := p.decode(nil, &v)
	p.refused(err, "Decode", "no data at all for a value", result(v))
}
