package codec

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"reflect"
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
