package codectest

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

func testOverflow(t *testing.T, c codec.Codec) {
	fits(t, c, int64(math.MinInt64), narrow[int8], narrow[int16], narrow[int32], narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64])
	fits(t, c, int64(-1), narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64], narrow[uint])
	for _, v := range []int64{math.MinInt8 - 1, math.MaxInt8 + 1, 300} {
		fits(t, c, v, narrow[int8])
	}
	for _, v := range []int64{math.MinInt16 - 1, math.MaxInt16 + 1} {
		fits(t, c, v, narrow[int8], narrow[int16])
	}
	for _, v := range []int64{math.MinInt32 - 1, math.MaxInt32 + 1} {
		fits(t, c, v, narrow[int8], narrow[int16], narrow[int32])
	}
	fits(t, c, int64(math.MaxUint8+1), narrow[uint8])
	fits(t, c, int64(math.MaxUint16+1), narrow[uint8], narrow[uint16])
	fits(t, c, int64(math.MaxUint32+1), narrow[uint8], narrow[uint16], narrow[uint32])
	for _, v := range []uint64{math.MaxInt64 + 1, math.MaxUint64} {
		fits(t, c, v, narrow[int8], narrow[int16], narrow[int32], narrow[int64], narrow[int], narrow[uint8], narrow[uint16], narrow[uint32], narrow[time.Duration])
	}
	fits(t, c, math.MaxFloat64, narrow[float32])
	fits(t, c, -1e39, narrow[float32])
	fits(t, c, 1.5, narrow[int64], narrow[uint64], narrow[int8], narrow[time.Duration])
	fits(t, c, 1e300, narrow[int64], narrow[uint64])
}

// fits checks that v comes back in its own type and is refused by the others.
func fits[T comparable](t *testing.T, c codec.Codec, v T, others ...func(*testing.T, codec.Codec, any, []byte, []byte)) {
	t.Helper()
	type holder struct{ V T }
	field, list := encode(t, c, &holder{v}), encode(t, c, map[string][]T{"V": {v}})
	if got := decode[holder](t, c, field); got.V != v {
		t.Errorf("%T: put in %v, got %v", v, v, got.V)
	}
	for _, other := range others {
		other(t, c, v, field, list)
	}
}

func narrow[N any](t *testing.T, c codec.Codec, v any, field, list []byte) {
	t.Helper()
	var f struct{ V N }
	if err := c.Decode(field, &f); err == nil {
		t.Errorf("%T %v in a field of type %T became %v, want an error", v, v, f.V, f.V)
	}
	var l struct{ V []N }
	if err := c.Decode(list, &l); err == nil {
		t.Errorf("%T %v in a slice of %T became %v, want an error", v, v, f.V, l.V)
	}
}

func testShape(t *testing.T, c codec.Codec) {
	shapes := map[string][]byte{
		"bool":   encode(t, c, map[string]any{"v": true}),
		"int":    encode(t, c, map[string]any{"v": int64(1)}),
		"text":   encode(t, c, map[string]any{"v": "x"}),
		"array":  encode(t, c, map[string]any{"v": []any{"x"}}),
		"map":    encode(t, c, map[string]any{"v": map[string]any{"x": "x"}}),
		"array3": encode(t, c, map[string]any{"v": []any{int64(1), int64(2), int64(3)}}),
	}
	refuse := func(shape string, v any) {
		t.Helper()
		if err := c.Decode(shapes[shape], v); err == nil {
			t.Errorf("%s went into %T", shape, v)
		}
	}
	for shape := range shapes {
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
		}
		if shape != "array" {
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

	hash := encode(t, c, &struct{ V []byte }{[]byte("abc")})
	for _, v := range []any{new(struct{ V [2]byte }), new(struct{ V [4]byte }), new(struct{ V *[0]byte }), new(struct{ V []struct{ A [4]byte } })} {
		if err := c.Decode(hash, v); err == nil {
			t.Errorf("3 bytes went into %T", v)
		}
	}
	list := encode(t, c, &struct{ V [][]byte }{[][]byte{[]byte("abc")}})
	for _, v := range []any{new(struct{ V [][4]byte }), new(struct{ V [2][3]byte }), new(struct{ V map[string][3]byte })} {
		if err := c.Decode(list, v); err == nil {
			t.Errorf("a list of 3 bytes went into %T", v)
		}
	}
	if got := decode[struct{ V [1][3]byte }](t, c, list); string(got.V[0][:]) != "abc" {
		t.Errorf("a list of 3 bytes became %v", got)
	}

	// What is not a map is neither a map nor a struct.
	for _, v := range []any{nil, true, int64(1), "", []any{}, 1.5} {
		data := encode(t, c, &v)
		var m map[string]any
		if err := c.Decode(data, &m); err == nil {
			t.Errorf("%#v went into a map[string]any", v)
		}
		if err := c.Decode(data, new(inner)); err == nil {
			t.Errorf("%#v went into a struct", v)
		}
		if err := c.Decode(data, new(map[int]int)); err == nil {
			t.Errorf("%#v went into a map[int]int", v)
		}
	}
	for _, target := range []any{nil, inner{}, (*inner)(nil), map[string]any{}, (*map[string]any)(nil), (*any)(nil)} {
		if err := c.Decode(shapes["int"], target); err == nil {
			t.Errorf("Decode into %#v has no error, want one: it is not a pointer to something", target)
		}
	}
}

func testWhole(t *testing.T, c codec.Codec) {
	for _, v := range []any{map[string]any{"a": int64(1)}, map[string]any{}, &inner{N: 1, Tags: []string{"x"}}} {
		data := encode(t, c, v)
		for n := range data {
			if bytes.Equal(data[:n], data) {
				continue
			}
			if err := c.Decode(data[:n], new(any)); err == nil {
				t.Errorf("the first %d of the %d bytes of %T were decoded", n, len(data), v)
			}
			if err := c.Decode(data[:n], new(inner)); err == nil {
				t.Errorf("the first %d of the %d bytes of %T were decoded into a struct", n, len(data), v)
			}
		}
		for _, more := range [][]byte{{0}, {0xff}, []byte("x"), data} {
			long := append(bytes.Clone(data), more...)
			if err := c.Decode(long, new(any)); err == nil {
				t.Errorf("%T followed by %q was decoded", v, more)
			}
			if err := c.Decode(long, new(inner)); err == nil {
				t.Errorf("%T followed by %q was decoded into a struct", v, more)
			}
		}
	}
	if err := c.Decode(nil, new(any)); err == nil {
		t.Error("no data at all was decoded")
	}
}
