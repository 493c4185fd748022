package codec_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

type lent struct {
	F1 int8
	F2 string
}

type lender struct {
	lent
	F0 uint16
	F3 *float32 `json:",omitempty"`
}

type lentOnly struct{ lent }

// Types of fields that a struct may be read with, whatever it was written with.
var readTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[int](), reflect.TypeFor[uint8](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[[2]byte](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[*int8](), reflect.TypeFor[*string](),
	reflect.TypeFor[*time.Time](), reflect.TypeFor[[]int](), reflect.TypeFor[[2]int](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]int](),
	reflect.TypeFor[map[int]string](), reflect.TypeFor[map[uint8]string](), reflect.TypeFor[struct{}](), reflect.TypeFor[struct{ F0 int }](),
	reflect.TypeFor[*struct{ F0 []string }](), reflect.TypeFor[[]*lender](), reflect.TypeFor[lender](), reflect.TypeFor[lentOnly](),
	reflect.TypeFor[[0]int](), reflect.TypeFor[*[]byte](), reflect.TypeFor[*netip.Addr](), reflect.TypeFor[[][]byte](),
}

func readStruct(r *rand.Rand) reflect.Type {
	if r.IntN(8) == 0 {
		return reflect.TypeFor[lender]()
	}
	var fields []reflect.StructField
	for i := range r.IntN(5) {
		if r.IntN(6) == 0 {
			continue
		}
		t := readTypes[r.IntN(len(readTypes))]
		if t == reflect.TypeFor[[]any]() {
			continue
		}
		tag := []string{"", "", "", ",omitempty", ",omitzero"}[r.IntN(5)]
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", i), Type: t, Tag: reflect.StructTag(`json:"` + tag + `"`)})
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return reflect.StructOf(fields)
}

func fillRead(r *rand.Rand, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf([]time.Time{{}, time.Unix(1, 0).UTC(), time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)}[r.IntN(3)]))
		return
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(3))})))
		return
	}
	ints := []int64{0, 1, -1, 127, -128, 128, 255, 256, math.MaxInt64, math.MinInt64, 1 << 53, 1<<24 + 1}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int, reflect.Int64:
		i := ints[r.IntN(len(ints))]
		if v.OverflowInt(i) {
			i = int64(int8(i))
		}
		v.SetInt(i)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		u := []uint64{0, 1, 127, 255, 1 << 33, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}[r.IntN(8)]
		if v.OverflowUint(u) {
			u &= 0xff
		}
		v.SetUint(u)
	case reflect.Float32:
		v.SetFloat([]float64{0, 1, -1, 1.5, 255, math.MaxFloat32, math.SmallestNonzeroFloat32, math.Copysign(0, -1)}[r.IntN(8)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, 1.5, -2, 1e300, 5e-324, math.MaxFloat32, 1 << 24, math.Copysign(0, -1), 3.4028236e38}[r.IntN(10)])
	case reflect.String:
		v.SetString([]string{"", "a", "é", "7", "AQI=", "2026-01-02T03:04:05Z", "10.0.0.1"}[r.IntN(7)])
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillRead(r, v.Elem())
		}
	case reflect.Slice:
		if r.IntN(4) > 0 {
			n := r.IntN(4)
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fillRead(r, v.Index(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fillRead(r, v.Index(i))
		}
	case reflect.Map:
		if r.IntN(4) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range r.IntN(3) {
				k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fillRead(r, k)
				fillRead(r, e)
				v.SetMapIndex(k, e)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillRead(r, v.Field(i))
		}
	}
}

// A struct that is read as another one is read alike by CBOR and MessagePack, which
// have the same shapes, and by JSON where it has as many.
func TestWhatOneStructWroteAnotherReadsAlikeWhateverTheCodec(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	accepted, refused := 0, 0
	for i := range 12_000 {
		from, to := readStruct(r), readStruct(r)
		v := reflect.New(from)
		fillRead(r, v.Elem())
		var got [3]reflect.Value
		var errs [3]error
		for j, c := range codec.All() {
			b, err := c.Append(nil, v.Interface())
			if err != nil {
				t.Fatalf("%v: %v", from, err)
			}
			got[j] = reflect.New(to)
			errs[j] = c.Decode(b, got[j].Interface())
		}
		if errs[1] == nil {
			accepted++
		} else {
			refused++
		}
		if (errs[1] == nil) != (errs[2] == nil) {
			t.Errorf("%d: %v\nread as %v\n%+v\nmsgpack: %v\ncbor: %v", i, from, to, v.Elem(), errs[1], errs[2])
		} else if errs[1] == nil && !reflect.DeepEqual(got[1].Interface(), got[2].Interface()) {
			t.Errorf("%d: %v\nread as %v\n%+v\nmsgpack: %+v\ncbor: %+v", i, from, to, v.Elem(), got[1].Elem(), got[2].Elem())
		}
		if errs[1] == nil && errs[0] != nil {
			t.Errorf("%d: %v\nread as %v\n%+v\njson alone refuses: %v", i, from, to, v.Elem(), errs[0])
		}
		if errs[1] == nil && errs[0] == nil && !strings.Contains(fmt.Sprint(from), "float32") && !reflect.DeepEqual(got[0].Interface(), got[1].Interface()) {
			t.Errorf("%d: %v\nread as %v\n%+v\njson: %+v\nmsgpack: %+v", i, from, to, v.Elem(), got[0].Elem(), got[1].Elem())
		}
		if t.Failed() && i > 3000 {
			break
		}
	}
	if accepted < 1000 || refused < 1000 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}

}
