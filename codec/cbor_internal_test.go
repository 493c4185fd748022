package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// singles has every kind of single item.
type singles struct {
	Bool    bool
	Int     int64
	Small   int8
	Uint    uint64
	Byte    uint8
	Float32 float32
	Float64 float64
	Text    string
	Bytes   []byte
	Array   [3]byte
	Time    time.Time
	Span    time.Duration
	embedded
}

type embedded struct{ Inner string }

// twoPasses decodes as what has containers is decoded: by the scan and the library.
func twoPasses(data []byte, v reflect.Value, n *node) error {
	if err := cborScan(data, n); err != nil {
		return err
	}
	if data[0]&cborOther != cborMap {
		return errNotMap
	}
	return cborMode.Unmarshal(data, v.Addr().Interface())
}

func sameAsTheLibrary(t *testing.T, data []byte) (accepted bool) {
	t.Helper()
	n := planOf(reflect.TypeFor[singles]()).root
	var one, two singles
	oneErr := cborStruct(data, reflect.ValueOf(&one).Elem(), n)
	twoErr := twoPasses(data, reflect.ValueOf(&two).Elem(), n)
	switch {
	case (oneErr == nil) != (twoErr == nil):
		t.Fatalf("% x: in one pass %v, in two %v", data, oneErr, twoErr)
	case oneErr == nil && !reflect.DeepEqual(one, two):
		t.Fatalf("% x: in one pass %+v, in two %+v", data, one, two)
	}
	return oneErr == nil
}

func singlesSeeds(t testing.TB) (seeds [][]byte) {
	for _, v := range []singles{
		{},
		{true, -12345, -128, math.MaxUint64, 255, 1.5, 1e300, "tom@example.com", []byte{1, 2, 3}, [3]byte{4, 5, 6},
			time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), time.Hour, embedded{"é"}},
		{Int: math.MinInt64, Small: 127, Float32: math.SmallestNonzeroFloat32, Float64: math.Copysign(0, -1), Bytes: []byte{}},
	} {
		b, err := cborCodec.Append(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	for _, pairs := range []map[any]any{
		{"Int": uint64(math.MaxUint64)}, {"Int": 1.0}, {"Small": 128}, {"Small": -129}, {"Byte": 256}, {"Byte": -1},
		{"Float32": 1e300}, {"Float32": 3}, {"Float64": uint64(math.MaxUint64)}, {"Float64": int64(math.MinInt64)},
		{"Float32": math.MaxFloat64}, {"Float32": float32(math.MaxFloat32)}, {"Float64": math.NaN()}, {"Float64": "1"},
		{"Text": []byte("x")}, {"Bytes": "x"}, {"Bytes": []int{1}}, {"Array": []byte{1, 2}}, {"Array": []byte{1, 2, 3, 4}},
		{"Text": nil}, {"Int": nil}, {"Time": nil}, {"Time": "2026-01-02T03:04:05Z"}, {"Time": cbor.Tag{Number: 1, Content: 5}},
		{"Time": cbor.Tag{Number: 0, Content: "2026-01-02T03:04:05Z"}}, {"Text": cbor.Tag{Number: 0, Content: "2026-01-02T03:04:05Z"}},
		{"Bool": 1}, {"Bool": nil}, {"Other": []any{1, map[any]any{2: 3}}}, {7: 8}, {"Inner": "x"}, {"inner": "x"}, {"Text": "\xff"},
	} {
		b, err := cbor.Marshal(pairs)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	for _, s := range []string{
		"", "f6", "f7", "80", "01", "a0", "a1", "b8", "bf", "bfff", "a0a0",
		"a264546578746161645465787461 61", // Text twice
		"a2644f7468 6501644f7468 6502",    // an unknown name twice
		"a16354657874", "a1645465787478", "a163496e743bffffffffffffffff", "a163496e743b7fffffffffffffff", "a163496e741bffffffffffffffff",
	} {
		var b []byte
		for _, part := range []byte(s) {
			if part != ' ' {
				b = append(b, part)
			}
		}
		raw, err := hex.DecodeString(string(b))
		if err != nil {
			continue
		}
		seeds = append(seeds, raw)
	}
	return seeds
}

func TestStructsOfSingleItemsDecodeInOnePassAsInTwo(t *testing.T) {
	if !planOf(reflect.TypeFor[singles]()).root.plain {
		t.Fatal("the struct is not decoded in one pass")
	}
	accepted := 0
	random := rand.New(rand.NewPCG(1, 1))
	seeds := singlesSeeds(t)
	for _, seed := range seeds {
		if sameAsTheLibrary(t, seed) {
			accepted++
		}
		for range 2000 {
			data := append([]byte{}, seed...)
			for range 1 + random.IntN(3) {
				if len(data) == 0 {
					break
				}
				i := random.IntN(len(data))
				switch random.IntN(4) {
				case 0:
					data[i] = byte(random.Uint32())
				case 1:
					data[i] ^= 1 << random.IntN(8)
				case 2:
					data = append(data[:i], data[i+1:]...)
				case 3:
					other := seeds[random.IntN(len(seeds))]
					data = append(data[:i:i], other[random.IntN(len(other)+1):]...)
				}
			}
			if sameAsTheLibrary(t, data) {
				accepted++
			}
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d of the encodings are accepted", accepted)
	}
}

// A struct with more fields than a word has bits, and one with a field that holds
// several items, are decoded all the same.
func TestManyFieldsDecode(t *testing.T) {
	var fields []reflect.StructField
	for i := range 70 {
		fields = append(fields, reflect.StructField{Name: "F" + string(rune('0'+i/10)) + string(rune('0'+i%10)), Type: reflect.TypeFor[int]()})
	}
	for _, count := range []int{63, 64, 65, 70} {
		typ := reflect.StructOf(fields[:count])
		v := reflect.New(typ)
		for i := range count {
			v.Elem().Field(i).SetInt(int64(i + 1))
		}
		for _, c := range All() {
			data, err := c.Append(nil, v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			got := reflect.New(typ)
			if err := c.Decode(data, got.Interface()); err != nil || got.Elem().Interface() != v.Elem().Interface() {
				t.Errorf("%s: %d fields: %v, %v", c.Name(), count, got.Elem(), err)
			}
		}
	}
}

func FuzzCBORStruct(f *testing.F) {
	for _, seed := range singlesSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameAsTheLibrary(t, data) })
}

// What tells the names of fields apart in a word of bits does so for as many as it
// has, and no more.
func TestNoFieldMayComeTwice(t *testing.T) {
	var fields []reflect.StructField
	for i := range 70 {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%02d", i), Type: reflect.TypeFor[int]()})
	}
	for _, count := range []int{1, 63, 64, 65, 70} {
		typ := reflect.StructOf(fields[:count])
		for i := range count {
			member := append([]byte{0x63}, fields[i].Name+"\x01"...)
			once := append([]byte{0xa1}, member...)
			twice := slices.Concat([]byte{0xa2}, member, member)
			if err := cborCodec.Decode(once, reflect.New(typ).Interface()); err != nil {
				t.Errorf("%d fields: %s once: %v", count, fields[i].Name, err)
			}
			if err := cborCodec.Decode(twice, reflect.New(typ).Interface()); err != errDuplicate {
				t.Errorf("%d fields: %s twice: %v", count, fields[i].Name, err)
			}
		}
	}
}

// The limits are those of what is decoded in two passes.
func TestStructsOfSingleItemsHoldLimits(t *testing.T) {
	for n, want := range map[int]error{MaxEntries: nil, MaxEntries + 1: errEntries} {
		data := binary.BigEndian.AppendUint32([]byte{0xba}, uint32(n))
		for i := range n {
			data = append(binary.BigEndian.AppendUint32(append(data, 0x1a), uint32(i)), 0)
		}
		var v singles
		if err := cborCodec.Decode(data, &v); err != want {
			t.Errorf("%d members: %v, want %v", n, err, want)
		}
	}
}

// A field is one level below its struct, whether the codec knows it or not.
func TestFieldsAreOneLevelDeeper(t *testing.T) {
	for levels, want := range map[int]error{MaxDepth: nil, MaxDepth + 1: errDepth} {
		typ := reflect.TypeFor[int]()
		for range levels - 1 {
			typ = reflect.SliceOf(typ)
		}
		n := &node{kind: kindInt, typ: reflect.TypeFor[int]()}
		for range levels - 1 {
			n = &node{kind: kindSlice, typ: reflect.SliceOf(n.typ), elem: n}
		}
		root := &node{kind: kindStruct, fields: []field{{name: "A", node: n}}, byName: map[string]int{"A": 0}}
		data := append([]byte("\xa1\x61A"), bytes.Repeat([]byte{0x81}, levels-1)...)
		data = append(data, 1)
		if err := cborScan(data, root); err != want {
			t.Errorf("%d levels, in a field: %v, want %v", levels, err, want)
		}
		if err := cborScan(data, nil); err != want {
			t.Errorf("%d levels: %v, want %v", levels, err, want)
		}
	}
}

// The error says what is wrong: the kind of item, or the tag, or the text.
func TestSingleItemsThatDoNotFitAreNamed(t *testing.T) {
	typ := reflect.TypeFor[singles]()
	for _, f := range planOf(typ).root.fields {
		data := append([]byte{0xa1, 0x60 + byte(len(f.name))}, f.name...)
		var v singles
		if err := cborCodec.Decode(append(data, 0x80), &v); err == nil || err.Error() != misfit(f.typ).Error() {
			t.Errorf("an array for %s: %v", f.name, err)
		}
	}
	for item, want := range map[string]error{"\xc1\x05": errCBORTag, "\xc0\x05": errTime} {
		var v singles
		if err := cborCodec.Decode([]byte("\xa1\x64Time"+item), &v); err != want {
			t.Errorf("% x for a time: %v, want %v", item, err, want)
		}
	}
}

// A string that outlives its session keeps little of it.
func TestStringsShareOnlyWhatIsShort(t *testing.T) {
	type visit struct{ A, B, C, D string }
	for _, size := range []int{2, 100, sharedText - 20, sharedText, 10 * sharedText} {
		in := visit{strings.Repeat("a", size), "bb", "", "dd"}
		data, err := CBOR().Append(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		var out visit
		allocs := testing.AllocsPerRun(10, func() {
			out = visit{}
			if err := CBOR().Decode(data, &out); err != nil {
				t.Error(err)
			}
		})
		if out != in {
			t.Errorf("%d bytes: %+v comes back as %+v", size, in, out)
		}
		want := 3.0
		if len(data) <= sharedText {
			want = 1
		}
		if allocs != want {
			t.Errorf("%d bytes: %v allocations, want %v", size, allocs, want)
		}
		clear(data) // which the caller may write to again
		if out != in {
			t.Errorf("%d bytes: the strings are the caller's memory", size)
		}
	}
}
