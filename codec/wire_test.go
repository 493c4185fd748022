package codec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// A wire writes encodings by hand, right and wrong ones alike, so that one table
// of cases tests what Decode does in every codec.
type wire struct {
	codec.Codec
	array  func(items ...[]byte) []byte
	object func(namesAndValues ...[]byte) []byte
	text   func(s string) []byte
	int    func(i int64) []byte
	uint   func(u uint64) []byte
}

func concat(head []byte, parts [][]byte) []byte {
	return append(head, bytes.Join(parts, nil)...)
}

func jsonJoin(open, close string, items [][]byte) []byte {
	return []byte(open + string(bytes.Join(items, []byte(","))) + close)
}

var wires = []wire{
	{
		Codec: codec.JSON(),
		array: func(items ...[]byte) []byte { return jsonJoin("[", "]", items) },
		object: func(nv ...[]byte) []byte {
			var members [][]byte
			for i := 0; i < len(nv); i += 2 {
				members = append(members, []byte(string(nv[i])+":"+string(nv[i+1])))
			}
			return jsonJoin("{", "}", members)
		},
		text: func(s string) []byte { return []byte(`"` + s + `"`) },
		int:  func(i int64) []byte { return strconv.AppendInt(nil, i, 10) },
		uint: func(u uint64) []byte { return strconv.AppendUint(nil, u, 10) },
	},
	{ // the longest forms that MessagePack has
		Codec: codec.MessagePack(),
		array: func(items ...[]byte) []byte {
			return concat(binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(len(items))), items)
		},
		object: func(nv ...[]byte) []byte {
			return concat(binary.BigEndian.AppendUint32([]byte{0xdf}, uint32(len(nv)/2)), nv)
		},
		text: func(s string) []byte {
			return append(binary.BigEndian.AppendUint32([]byte{0xdb}, uint32(len(s))), s...)
		},
		int:  func(i int64) []byte { return binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(i)) },
		uint: func(u uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0xcf}, u) },
	},
	{ // the longest forms that CBOR has
		Codec: codec.CBOR(),
		array: func(items ...[]byte) []byte {
			return concat(binary.BigEndian.AppendUint64([]byte{0x9b}, uint64(len(items))), items)
		},
		object: func(nv ...[]byte) []byte {
			return concat(binary.BigEndian.AppendUint64([]byte{0xbb}, uint64(len(nv)/2)), nv)
		},
		text: func(s string) []byte {
			return append(binary.BigEndian.AppendUint64([]byte{0x7b}, uint64(len(s))), s...)
		},
		int: func(i int64) []byte {
			if i < 0 {
				return binary.BigEndian.AppendUint64([]byte{0x3b}, uint64(^i))
			}
			return binary.BigEndian.AppendUint64([]byte{0x1b}, uint64(i))
		},
		uint: func(u uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x1b}, u) },
	},
}

func repeat(n int, item []byte) [][]byte {
	items := make([][]byte, n)
	for i := range items {
		items[i] = item
	}
	return items
}

// distinctMembers are n members with the value v.
func (w wire) members(n int, v []byte) [][]byte {
	var nv [][]byte
	for i := range n {
		nv = append(nv, w.text(fmt.Sprint("n", i)), v)
	}
	return nv
}

// nestArrays is depth arrays around v, and nestMaps depth maps.
func (w wire) nestArrays(depth int, v []byte) []byte {
	for range depth {
		v = w.array(v)
	}
	return v
}

func (w wire) nestMaps(depth int, v []byte) []byte {
	for range depth {
		v = w.object(w.text("n"), v)
	}
	return v
}

// TestDecodeHoldsLimits decodes encodings that are at a limit and just beyond,
// into any, into a map, into a struct that knows the member, and into one that
// does not and has to pass over it.
func TestDecodeHoldsLimits(t *testing.T) {
	const d, n = codec.MaxDepth, codec.MaxEntries
	cases := []struct {
		name  string
		value func(w wire) []byte // of the member v
		ok    bool
	}{
		{"arrays 15 deep in a map", func(w wire) []byte { return w.nestArrays(d-1, w.int(1)) }, true},
		{"arrays 16 deep in a map", func(w wire) []byte { return w.nestArrays(d, w.int(1)) }, false},
		{"empty arrays 15 deep in a map", func(w wire) []byte { return w.nestArrays(d-2, w.array()) }, true},
		{"empty arrays 16 deep in a map", func(w wire) []byte { return w.nestArrays(d-1, w.array()) }, false},
		{"maps 15 deep in a map", func(w wire) []byte { return w.nestMaps(d-1, w.int(1)) }, true},
		{"maps 16 deep in a map", func(w wire) []byte { return w.nestMaps(d, w.int(1)) }, false},
		{"maps and arrays 16 deep in a map", func(w wire) []byte { return w.nestMaps(d/2, w.nestArrays(d/2, w.int(1))) }, false},
		{"arrays 3,000 deep", func(w wire) []byte { return w.nestArrays(3000, w.int(1)) }, false},
		{"many arrays beside each other 15 deep", func(w wire) []byte {
			return w.array(repeat(20, w.nestArrays(d-2, w.text("[[{{,,")))...)
		}, true},
		{"1,023 elements in a member", func(w wire) []byte { return w.array(repeat(n-1, w.int(1))...) }, true},
		{"1,024 elements in a member", func(w wire) []byte { return w.array(repeat(n, w.int(1))...) }, false},
		{"1,023 members in a member", func(w wire) []byte { return w.object(w.members(n-1, w.int(1))...) }, true},
		{"1,024 members in a member", func(w wire) []byte { return w.object(w.members(n, w.int(1))...) }, false},
		{"1,023 entries all together", func(w wire) []byte {
			return w.array(w.array(repeat(500, w.array())...), w.object(w.members(520, w.int(1))...), w.int(1))
		}, true},
		{"1,024 entries all together", func(w wire) []byte {
			return w.array(w.array(repeat(500, w.array())...), w.object(w.members(521, w.int(1))...), w.int(1))
		}, false},
		{"1,023 texts with commas and brackets", func(w wire) []byte { return w.array(repeat(n-1, w.text("a,[{b,,}],:"))...) }, true},
		{"1,023 texts with quotes in them", func(w wire) []byte { return w.array(repeat(n-1, w.text(`a\",[{\\`))...) }, true},
		{"1,024 texts with quotes in them", func(w wire) []byte { return w.array(repeat(n, w.text(`a\",[{\\`))...) }, false},
		{"one name twice", func(w wire) []byte { return w.object(w.text("a"), w.int(1), w.text("a"), w.int(2)) }, false},
		{"the empty name twice", func(w wire) []byte { return w.object(w.text(""), w.int(1), w.text(""), w.int(2)) }, false},
		{"names that differ in case", func(w wire) []byte { return w.object(w.text("a"), w.int(1), w.text("A"), w.int(2)) }, true},
		{"one name twice, far apart", func(w wire) []byte {
			return w.object(append(w.members(500, w.int(1)), w.text("n7"), w.int(2))...)
		}, false},
		{"one name twice, further in", func(w wire) []byte {
			return w.array(w.object(w.text("a"), w.object(w.text("x"), w.int(1), w.text("y"), w.int(1), w.text("x"), w.int(1))))
		}, false},
		{"one name in two maps", func(w wire) []byte {
			return w.array(w.object(w.text("a"), w.int(1)), w.object(w.text("a"), w.object(w.text("a"), w.int(1))))
		}, true},
		{"text that is not UTF-8", func(w wire) []byte { return w.text("a\xff") }, false},
		{"text with half a surrogate pair", func(w wire) []byte { return w.text("\xed\xa0\x80") }, false},
		{"a name that is not UTF-8", func(w wire) []byte { return w.object(w.text("a\xff"), w.int(1)) }, false},
		{"an integer below int64", func(w wire) []byte {
			switch w.Name() {
			case "json":
				return []byte("-9223372036854775809")
			case "cbor":
				return []byte{0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0}
			}
			return []byte{0xc1} // MessagePack has none
		}, false},
	}
	type member struct {
		V int `json:"v"`
	}
	for _, w := range wires {
		for _, c := range cases {
			t.Run(w.Name()+"/"+c.name, func(t *testing.T) {
				data := w.object(w.text("v"), c.value(w))
				var v any
				var m map[string]any
				var s struct{}
				errAny, errMap, errStruct := w.Decode(data, &v), w.Decode(data, &m), w.Decode(data, &s)
				if c.name == "an integer below int64" && w.Name() == "json" {
					errStruct = errAny // in JSON a number that nobody asked for is any number
				}
				if (errAny == nil) != c.ok || (errMap == nil) != c.ok || (errStruct == nil) != c.ok {
					t.Errorf("into any: %v; into a map: %v; into a struct: %v; want ok %t", errAny, errMap, errStruct, c.ok)
				}
				if err := w.Decode(data, new(member)); err == nil && strings.Contains(c.name, "in a member") {
					t.Error("it went into an int")
				}
				if errAny == nil {
					// What decodes encodes.
					again, err := w.Append(nil, &v)
					var back any
					if err == nil {
						err = w.Decode(again, &back)
					}
					if err != nil || !reflect.DeepEqual(back, v) {
						t.Errorf("what was decoded does not come back: %v", err)
					}
				}
				merger := w.Codec.(codec.Merger)
				_, err := merger.Extra(nil, data, func(string) bool { return true })
				if (err == nil) != c.ok && c.name != "an integer below int64" {
					t.Errorf("Extra: %v, want ok %t", err, c.ok)
				}
				for _, more := range []string{"\x00", "\xc0", "}", "1", string(data)} {
					if err := w.Decode(append(bytes.Clone(data), more...), new(any)); err == nil {
						t.Errorf("followed by %q it was decoded", more)
					}
					if err := w.Decode(append(bytes.Clone(data), more...), new(struct{})); err == nil {
						t.Errorf("followed by %q it was decoded into a struct", more)
					}
				}
			})
		}
	}
}

// TestIntegerNamesAreComparedByValue: 1 is 1 in all its forms, and is not "1".
func TestIntegerNamesAreComparedByValue(t *testing.T) {
	for _, c := range []struct {
		codec, data string
		ok          bool
	}{
		{"msgpack", "82 01 01 cc01 02", false},
		{"msgpack", "82 d30000000000000001 01 01 02", false},
		{"msgpack", "82 ff 01 d0ff 02", false},
		{"msgpack", "82 ff 01 d3ffffffffffffffff 02", false},
		{"msgpack", "82 ff 01 cfffffffffffffffff 02", true},
		{"msgpack", "82 01 01 a131 02", true},
		{"msgpack", "82 a131 01 d90131 02", false},
		{"cbor", "a2 01 01 1801 02", false},
		{"cbor", "a2 20 01 3b0000000000000000 02", false},
		{"cbor", "a2 20 01 1bffffffffffffffff 02", true},
		{"cbor", "a2 01 01 6131 02", true},
		{"cbor", "a2 00 01 20 02", true},
		{"msgpack", "82 00 01 ff 02", true},
		{"cbor", "a2 6131 01 780131 02", false},
	} {
		data := unhex(t, strings.ReplaceAll(c.data, " ", ""))
		_, err := codecNamed(t, c.codec).(codec.Merger).Extra(nil, data, func(string) bool { return true })
		if (err == nil) != c.ok {
			t.Errorf("%s %s: %v, want ok %t", c.codec, c.data, err, c.ok)
		}
		if err := codecNamed(t, c.codec).Decode(data, new(struct{})); err == nil && !c.ok {
			t.Errorf("%s %s was decoded", c.codec, c.data)
		}
	}
}

// TestManyIntegerNamesAreToldApart: those below zero from those above.
func TestManyIntegerNamesAreToldApart(t *testing.T) {
	for _, c := range codecs {
		want := make(map[int64]int64)
		for n := int64(-20); n < 20; n++ {
			want[n] = n
		}
		b, err := c.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var got map[int64]int64
		if err := c.Decode(b, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", c.Name(), got, err)
		}
	}
}

// TestDuplicatesAreFoundInLargeMaps: of whichever member, and wherever it is.
func TestDuplicatesAreFoundInLargeMaps(t *testing.T) {
	for _, format := range []struct {
		codec string
		text  byte // of one letter
		begin func(n int) []byte
	}{
		{"msgpack", 0xa1, func(n int) []byte { return []byte{0xde, 0, byte(n)} }},
		{"cbor", 0x61, func(n int) []byte { return []byte{0xb8, byte(n)} }},
	} {
		c := codecNamed(t, format.codec)
		for _, n := range []int{2, 16, 17, 18, 50} {
			names := []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")[:n]
			encode := func(names []byte) []byte {
				b := format.begin(len(names))
				for _, name := range names {
					b = append(b, format.text, name, 1)
				}
				return b
			}
			var got map[string]int
			if err := c.Decode(encode(names), &got); err != nil || len(got) != n {
				t.Errorf("%s, %d members: %v", format.codec, n, err)
			}
			for i := range names {
				for _, twice := range [][]byte{slices.Concat(names, names[i:i+1]), slices.Concat(names[i:i+1], names)} {
					if err := c.Decode(encode(twice), &got); err == nil {
						t.Errorf("%s, %q: taken", format.codec, twice)
					}
				}
			}
		}
	}
}

// TestEveryWidthHoldsItsRangeAndNoMore puts the least and the greatest number of
// each type, and the next beyond, into a field, an element, a map's value and name.
func TestEveryWidthHoldsItsRangeAndNoMore(t *testing.T) {
	checked := 0
	for _, w := range wires {
		for _, typ := range []reflect.Type{
			reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
			reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
			reflect.TypeFor[int](), reflect.TypeFor[uint](),
		} {
			for _, n := range numbersAround(typ) {
				number := w.int(n.i)
				if n.i >= 0 {
					number = w.uint(uint64(n.i))
				}
				if n.big {
					number = w.uint(n.u)
				}
				name := number
				if w.Name() == "json" {
					name = w.text(string(number))
				}
				for place, target := range map[string]reflect.Type{
					"field":     reflect.StructOf([]reflect.StructField{{Name: "V", Type: typ}}),
					"pointer":   reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.PointerTo(typ)}}),
					"element":   reflect.SliceOf(typ),
					"array":     reflect.ArrayOf(1, typ),
					"map value": reflect.MapOf(reflect.TypeFor[string](), typ),
					"map name":  reflect.MapOf(typ, reflect.TypeFor[bool]()),
				} {
					if typ.Kind() == reflect.Uint8 && (place == "element" || place == "array") {
						continue // bytes
					}
					data := w.object(w.text("V"), number)
					switch place {
					case "element", "array":
						data = w.array(number)
					case "map name":
						data = w.object(name, []byte{map[string]byte{"json": '0', "msgpack": 0xc2, "cbor": 0xf4}[w.Name()]})
						if w.Name() == "json" {
							data = w.object(name, []byte("false"))
						}
					}
					v := reflect.New(target)
					err := w.Decode(data, v.Interface())
					if (err == nil) != n.fits {
						t.Errorf("%s: %s in a %s of %v: %v, want ok %t", w.Name(), n, place, typ, err, n.fits)
					}
					if err == nil && !strings.Contains(fmt.Sprintf("%+v", reflect.Indirect(lookAt(v.Elem()))), n.String()) {
						t.Errorf("%s: %s in a %s of %v became %+v", w.Name(), n, place, typ, v.Elem())
					}
					checked++
				}
			}
		}
	}
	t.Logf("%d places", checked)
}

// lookAt reaches into a struct whose field is a pointer.
func lookAt(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Struct && v.Field(0).Kind() == reflect.Pointer {
		return v.Field(0)
	}
	return v
}

// A number is an int64, or if big a uint64 beyond it.
type number struct {
	i    int64
	u    uint64
	big  bool
	fits bool
}

func (n number) String() string {
	if n.big {
		return strconv.FormatUint(n.u, 10)
	}
	return strconv.FormatInt(n.i, 10)
}

func numbersAround(typ reflect.Type) []number {
	bits := typ.Bits()
	v := reflect.New(typ).Elem()
	var numbers []number
	add := func(i int64) {
		fits := false
		if v.CanInt() {
			fits = !v.OverflowInt(i)
		} else {
			fits = i >= 0 && !v.OverflowUint(uint64(i))
		}
		numbers = append(numbers, number{i: i, fits: fits})
	}
	for _, i := range []int64{0, 1, -1, 300, -1 << 63, 1<<63 - 1} {
		add(i)
	}
	if bits < 64 {
		for _, edge := range []int64{1 << (bits - 1), 1 << bits} {
			add(edge - 1)
			add(edge)
			add(-edge)
			add(-edge - 1)
		}
	}
	for _, u := range []uint64{1 << 63, 1<<64 - 1} {
		numbers = append(numbers, number{u: u, big: true, fits: !v.CanInt() && !v.OverflowUint(u)})
	}
	return numbers
}

// TestFloatsHoldTheirRange: a float32 takes what is in its range, rounded.
func TestFloatsHoldTheirRange(t *testing.T) {
	type wide struct{ V float64 }
	type narrow struct{ V float32 }
	for _, c := range codecs {
		for v, ok := range map[float64]bool{
			0: true, 1.1: true, 16777217: true, 1e-45: true, 1e-46: true, 1e-300: true, math.SmallestNonzeroFloat64: true, 0x1.fffffep-127: true,
			math.MaxFloat32: true, -math.MaxFloat32: true,
			math.Nextafter(3.4028235e38, 4e38): false, 3.4028235677e38: false, -3.4028235677e38: false, 3.4028235678e38: false, 3.5e38: false, 1e39: false, -1e300: false,
		} {
			data, err := c.Append(nil, &wide{v})
			if err != nil {
				t.Fatal(err)
			}
			var n narrow
			if err := c.Decode(data, &n); (err == nil) != ok || (ok && n.V != float32(v)) {
				t.Errorf("%s: %g into a float32: %v, %v", c.Name(), v, n.V, err)
			}
		}
	}
	// Wherever it is, and by any name.
	type single float32
	type wides struct {
		P *float64
		L []float64
		M map[int]float64
		N float64
		Z *float64
		T time.Time
		S struct{ A [1]float64 }
	}
	type singles struct {
		P *single
		L []single
		M map[int]single
		N single
		Z *single
		T time.Time
		S struct{ A [1]single }
	}
	places := func(x float64) []wides {
		return []wides{{P: &x}, {L: []float64{x}}, {M: map[int]float64{0: x}}, {N: x}, {S: struct{ A [1]float64 }{[1]float64{x}}}}
	}
	for _, c := range codecs {
		for x, ok := range map[float64]bool{3: true, 3.4028235677e38: false} {
			for _, v := range places(x) {
				data, err := c.Append(nil, &v)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Decode(data, new(singles)); (err == nil) != ok || err != nil && !strings.HasSuffix(err.Error(), "codec_test.single") {
					t.Errorf("%s: %+v into float32s: %v", c.Name(), v, err)
				}
			}
		}
		comeBack(t, &singles{P: new(single(1.1)), L: []single{math.MaxFloat32, -math.MaxFloat32, 1.1, math.SmallestNonzeroFloat32, 0, single(math.Copysign(0, -1))}, M: map[int]single{-7: 16777216}, T: time.Unix(7, 0).UTC()})
	}
	for _, w := range wires {
		var f struct {
			V float64
			W float32
		}
		if err := w.Decode(w.object(w.text("V"), w.int(-7), w.text("W"), w.uint(1<<24)), &f); err != nil || f.V != -7 || f.W != 1<<24 {
			t.Errorf("%s: integers into floats: %+v, %v", w.Name(), f, err)
		}
	}
}
