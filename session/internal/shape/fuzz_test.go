package shape

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// carried are the types whose values the fuzzing makes up.
var carried = []*Shape{
	mustShape[standard](), mustShape[everything](), mustShape[omitting](), mustShape[opaques](), mustShape[tree](), mustShape[ping](),
	mustShape[map[role]item](), mustShape[maze](), mustShape[struct {
		S *[]int
		B *[]byte
		M *map[string]*string
		N []*base
		T [2][]time.Time
	}](),
}

func mustShape[T any]() *Shape {
	s, err := Of(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	return s
}

// A source makes values of bytes; when they are used up, of zeros.
type source []byte

func (s *source) byte() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

func (s *source) uint64() (n uint64) {
	for range s.byte() % 9 {
		n = n<<8 | uint64(s.byte())
	}
	return n
}

// text returns a string that is mostly valid, and never shorter than a marker if
// it is not.
func (s *source) text() string {
	n := min(int(s.byte()%8), len(*s))
	text := string((*s)[:n])
	*s = (*s)[n:]
	if s.byte()%4 != 0 {
		return strings.ToValidUTF8(text, "")
	}
	return marker + text
}

const marker = "SECRET"

func (s *source) time() time.Time {
	switch s.byte() % 8 {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(int64(s.uint64()), int64(s.byte()))
	case 2:
		return time.Now()
	}
	t := time.Unix(int64(s.uint64()%400_000_000_000)-62_135_600_000, int64(s.uint64()%1_000_000_000)).UTC()
	if s.byte()%2 == 0 {
		t = t.In(time.FixedZone("", int(s.byte())*60))
	}
	return t
}

func (s *source) fill(v reflect.Value, depth int) {
	t := v.Type()
	switch {
	case t == timeType:
		v.Set(reflect.ValueOf(s.time()))
		return
	case opaque(t):
		if s.byte()%3 > 0 {
			fillText(v)
		}
		return
	}
	n := int(s.byte() % 4)
	switch k := t.Kind(); {
	case k == reflect.Bool:
		v.SetBool(n > 1)
	case v.CanInt():
		v.SetInt(int64(s.uint64()) << (64 - t.Bits()) >> (64 - t.Bits()))
	case v.CanUint():
		v.SetUint(s.uint64() << (64 - t.Bits()) >> (64 - t.Bits()))
	case k == reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(uint32(s.uint64()))))
	case k == reflect.Float64:
		v.SetFloat(math.Float64frombits(s.uint64()))
	case k == reflect.String:
		v.SetString(s.text())
	case k == reflect.Pointer:
		if n > 0 && depth < 20 {
			v.Set(reflect.New(t.Elem()))
			s.fill(v.Elem(), depth+1)
		}
	case k == reflect.Slice:
		if n > 0 && depth < 20 {
			v.Set(reflect.MakeSlice(t, n-1, n-1))
			for i := range n - 1 {
				s.fill(v.Index(i), depth+1)
			}
		}
	case k == reflect.Array:
		for i := range v.Len() {
			s.fill(v.Index(i), depth+1)
		}
	case k == reflect.Map:
		if n > 0 && depth < 20 {
			v.Set(reflect.MakeMap(t))
			for range n - 1 {
				key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				s.fill(key, depth+1)
				s.fill(value, depth+1)
				v.SetMapIndex(key, value)
			}
		}
	case k == reflect.Struct:
		for i := range v.NumField() {
			s.fill(v.Field(i), depth+1)
		}
	}
}

// FuzzNormalize holds Normalize to its word: every codec carries what it lets
// through, and none what it refuses; and it does not change what came back.
func FuzzNormalize(f *testing.F) {
	for i := range carried {
		f.Add(byte(i), []byte(nil))
		f.Add(byte(i), []byte(strings.Repeat("\x03\x07\x02\x01kt\xffé\x05", 60)))
		f.Add(byte(i), []byte(strings.Repeat("\x02\x01\x03\x06\x08\x7f\xf0abc\x09", 80)))
		f.Add(byte(i), []byte(strings.Repeat("\x03", 300)))
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		s := carried[int(which)%len(carried)]
		src := source(data)
		p := reflect.New(s.typ)
		src.fill(p.Elem(), 0)

		refused := s.Normalize(p.Interface())
		if refused != nil && strings.Contains(refused.Error(), marker) {
			t.Errorf("quotes a value: %v", refused)
		}
		for _, c := range codecs {
			encoded, err := c.Append(nil, p.Interface())
			if refused != nil {
				if err == nil {
					t.Errorf("%v: refused, but %s carries it", refused, c.Name())
				}
				continue
			}
			if err != nil {
				if !strings.Contains(err.Error(), "entries") && !strings.Contains(err.Error(), "nested deeper") {
					t.Errorf("let through, but %s refuses it: %v", c.Name(), err)
				}
				continue
			}
			back := reflect.New(s.typ)
			if err := c.Decode(encoded, back.Interface()); err != nil {
				t.Fatalf("%s does not decode what it encoded: %v", c.Name(), err)
			}
			if path, ok := Equal(p.Elem(), back.Elem()); !ok {
				t.Errorf("%s comes back different from %s", path, c.Name())
			}
			again, err := c.Append(nil, p.Interface())
			if err != nil || string(again) != string(encoded) {
				t.Errorf("%s encodes the same differently: %v", c.Name(), err)
			}
			kept := reflect.New(s.typ)
			if err := c.Decode(encoded, kept.Interface()); err != nil {
				t.Fatal(err)
			}
			if err := s.Normalize(back.Interface()); err != nil {
				t.Errorf("what came back from %s is refused: %v", c.Name(), err)
			}
			if !reflect.DeepEqual(back.Interface(), kept.Interface()) {
				t.Errorf("what came back from %s was not normal", c.Name())
			}
			checkNames(t, s, c, encoded)
		}
	})
}

// checkNames fails if the encoded map has a member that s does not know.
func checkNames(t *testing.T, s *Shape, c codec.Codec, encoded []byte) {
	t.Helper()
	extra, err := c.(codec.Merger).Extra(nil, encoded, s.Known)
	if err != nil || len(extra) != 0 {
		t.Errorf("%s: %d bytes of unknown members, %v", c.Name(), len(extra), err)
	}
}

// FuzzFilled lets the shape of a struct be made up, of every kind of field, and
// holds Of and RoundTrip to each other: what is accepted is carried.
func FuzzFilled(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"))
	f.Add([]byte("\x10\x41\x11\x82\x12\x43\x13\x84\x14\x45\x15\x86\x16\x47\x17\x88"))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := source(data)
		typ := src.structure(0)
		s, err := Of(typ)
		if err != nil {
			t.Fatalf("%v: %v", typ, err)
		}
		v := s.Filled()
		if err := s.Normalize(v.Addr().Interface()); err != nil {
			t.Errorf("%v: Filled is refused: %v", typ, err)
		}
		for _, c := range codecs {
			if err := s.RoundTrip(c); err != nil && !strings.Contains(err.Error(), "entries") && !strings.Contains(err.Error(), "nested deeper") {
				t.Errorf("%v: %v", typ, err)
			}
		}
	})
}

var parts = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[role](), reflect.TypeFor[byte](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Month](), reflect.TypeFor[uuid](), reflect.TypeFor[point](),
	reflect.TypeFor[link](), reflect.TypeFor[tree](), reflect.TypeFor[nest](), reflect.TypeFor[maze](), reflect.TypeFor[struct{}](),
	reflect.TypeFor[everything](), reflect.TypeFor[[]byte](), reflect.TypeFor[[3]byte](),
}

// structure makes up a struct type.
func (s *source) structure(depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range int(s.byte() % 6) {
		name := string(rune('A' + i))
		tags := []reflect.StructTag{"", `json:",omitempty"`, `json:",omitzero"`, reflect.StructTag(`json:"x` + name + `,omitempty,omitzero"`)}
		fields = append(fields, reflect.StructField{Name: name, Type: s.typ(depth + 1), Tag: tags[s.byte()%4]})
	}
	return reflect.StructOf(fields)
}

func (s *source) typ(depth int) reflect.Type {
	choice := s.byte()
	if depth > 8 {
		choice %= 128
	}
	switch choice / 32 {
	case 4:
		if t := s.typ(depth + 1); t.Kind() != reflect.Pointer {
			return reflect.PointerTo(t)
		}
	case 5:
		if t := s.typ(depth + 1); t.Kind() != reflect.Uint8 {
			return reflect.SliceOf(t)
		}
	case 6:
		if choice%2 == 0 {
			return reflect.ArrayOf(int(choice)%3, s.typ(depth+1))
		}
		return reflect.MapOf(parts[1:5][choice/2%4], s.typ(depth+1))
	case 7:
		if choice%2 == 0 {
			return s.structure(depth + 1)
		}
		return reflect.MapOf(parts[7:9][choice/2%2], s.typ(depth+1))
	}
	return parts[int(choice)%len(parts)]
}
