package shape

import (
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func equal[T any](a, b T) (string, bool) {
	return Equal(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

func ptr[T any](v T) *T { return &v }

func TestEqual(t *testing.T) {
	utc := time.Date(2026, 10, 1, 12, 0, 0, 7, time.UTC)
	for name, same := range map[string]bool{
		"nil and empty slice":            is(equal(struct{ F []int }{}, struct{ F []int }{[]int{}})),
		"nil and empty bytes":            is(equal(struct{ F []byte }{[]byte{}}, struct{ F []byte }{})),
		"nil and empty map":              is(equal(struct{ F map[string]int }{}, struct{ F map[string]int }{map[string]int{}})),
		"nil and empty within":           is(equal(struct{ F [][]int }{[][]int{nil}}, struct{ F [][]int }{[][]int{{}}})),
		"different pointers":             is(equal(struct{ F *int }{ptr(7)}, struct{ F *int }{ptr(7)})),
		"instants":                       is(equal(utc, time.Unix(utc.Unix(), 7).UTC())),
		"address":                        is(equal(netip.MustParseAddr("fe80::1%x"), netip.MustParseAddr("fe80::1%x"))),
		"by Equal, 4 in 6":               is(equal(net.IP{10, 0, 0, 1}, net.ParseIP("10.0.0.1"))),
		"by Equal, case":                 is(equal(struct{ F word }{word{"Tom"}}, struct{ F word }{word{"tom"}})),
		"by Equal of pointers":           is(equal(angle(10), angle(370))),
		"big numbers, nil and empty":     is(equal(*big.NewInt(0), *new(big.Int).Sub(big.NewInt(7), big.NewInt(7)))),
		"times within what marshals":     is(equal(bare{utc}, bare{utc.In(cet)})),
		"maps":                           is(equal(map[string][]int{"a": {1}, "b": nil}, map[string][]int{"b": {}, "a": {1}})),
		"a value that contains itself":   is(equal(loop(1), loop(1))),
		"values that contain each other": is(equal(loop(2), loop(2))),
		"everything":                     is(equal(*filled[everything](t), *filled[everything](t))),
	} {
		if !same {
			t.Errorf("%s: not equal", name)
		}
	}
}

func is(_ string, ok bool) bool { return ok }

// loop returns a list of n that ends where it begins.
func loop(n int) link {
	first := &link{}
	last := first
	for range n - 1 {
		last.Next = &link{}
		last = last.Next
	}
	last.Next = first
	return *first
}

func filled[T any](t *testing.T) *T { return shapeOf[T](t).Filled().Addr().Interface().(*T) }

func TestEqualNamesTheFirstDifference(t *testing.T) {
	utc := time.Date(2026, 10, 1, 12, 0, 0, 7, time.UTC)
	type item struct {
		Price float64
		Until *time.Time
	}
	type visit struct {
		base
		Bool  bool
		Int   int8
		Uint  uint16
		Text  role
		Bytes []byte
		Cart  []item
		Table map[string]item
		Array [2]string
		Addr  netip.Addr
		Word  word
		Point *point
		Big   big.Int
		Bare  bare
		Lossy forgetful
	}
	whole := func() visit {
		return visit{
			base: base{7, utc}, Bool: true, Int: 1, Uint: 1, Text: "a", Bytes: []byte{1},
			Cart: []item{{1, &utc}, {2, nil}}, Table: map[string]item{"a": {1, nil}}, Array: [2]string{"a", "b"},
			Addr: netip.MustParseAddr("10.0.0.1"), Word: word{"a"}, Point: &point{1, 2}, Big: *big.NewInt(7), Bare: bare{utc},
			Lossy: forgetful{"a", "b"},
		}
	}
	for _, test := range []struct {
		path   string
		change func(v *visit)
	}{
		{"visit.base.ID", func(v *visit) { v.ID = 8 }},
		{"visit.base.Created", func(v *visit) { v.Created = utc.Add(1) }},
		{"visit.base.Created", func(v *visit) { v.Created = utc.In(cet) }},
		{"visit.base.Created", func(v *visit) { v.Created = utc.In(time.FixedZone("UTC", 0)) }},
		{"visit.Bool", func(v *visit) { v.Bool = false }},
		{"visit.Int", func(v *visit) { v.Int = -1 }},
		{"visit.Uint", func(v *visit) { v.Uint = 2 }},
		{"visit.Text", func(v *visit) { v.Text = "" }},
		{"visit.Bytes", func(v *visit) { v.Bytes = nil }},
		{"visit.Bytes[0]", func(v *visit) { v.Bytes = []byte{2} }},
		{"visit.Cart", func(v *visit) { v.Cart = v.Cart[:1] }},
		{"visit.Cart[1].Price", func(v *visit) { v.Cart[1].Price = 3 }},
		{"visit.Cart[0].Until", func(v *visit) { v.Cart[0].Until = nil }},
		{"visit.Cart[1].Until", func(v *visit) { v.Cart[1].Until = &utc }},
		{"visit.Cart[0].Until", func(v *visit) { v.Cart[0].Until = ptr(utc.Add(1)) }},
		{"visit.Table", func(v *visit) { v.Table["b"] = item{} }},
		{"visit.Table", func(v *visit) { v.Table = map[string]item{"b": {1, nil}} }},
		{"visit.Table[].Price", func(v *visit) { v.Table["a"] = item{} }},
		{"visit.Array[1]", func(v *visit) { v.Array[1] = "" }},
		{"visit.Addr", func(v *visit) { v.Addr = netip.MustParseAddr("10.0.0.2") }},
		{"visit.Word", func(v *visit) { v.Word = word{"b"} }},
		{"visit.Point", func(v *visit) { v.Point = &point{1, 3} }},
		{"visit.Point", func(v *visit) { v.Point = nil }},
		{"visit.Big", func(v *visit) { v.Big = *big.NewInt(-7) }},
		{"visit.Big", func(v *visit) { v.Big = *new(big.Int).Lsh(big.NewInt(7), 64) }},
		{"visit.Bare", func(v *visit) { v.Bare = bare{utc.Add(1)} }},
		{"visit.Lossy", func(v *visit) { v.Lossy.Lost = "" }}, // though the texts are the same
	} {
		a, b := whole(), whole()
		test.change(&b)
		if path, ok := equal(a, b); ok || path != test.path {
			t.Errorf("got %q, %v; want %q", path, ok, test.path)
		}
		if path, ok := equal(b, a); ok || path != test.path {
			t.Errorf("the other way: got %q, %v; want %q", path, ok, test.path)
		}
	}
	if path, ok := equal(whole(), whole()); !ok {
		t.Errorf("%s differs in the same", path)
	}
	if _, ok := Equal(reflect.ValueOf(1), reflect.ValueOf("1")); ok {
		t.Error("values of different types are equal")
	}
}

func TestNegativeZeroIsNotZero(t *testing.T) {
	negative := math.Copysign(0, -1)
	for name, same := range map[string]bool{
		"float64":  is(equal(0.0, negative)),
		"float32":  is(equal(0, float32(negative))),
		"in parts": is(equal(struct{ A [1]item }{}, struct{ A [1]item }{[1]item{{Price: negative}}})),
		"complex":  is(equal(odd{c: complex(0, 0)}, odd{c: complex(0, negative)})),
	} {
		if same {
			t.Errorf("%s: equal", name)
		}
	}
	if _, ok := equal(negative, negative); !ok {
		t.Error("not equal to itself")
	}
}

// What marshals itself may be made of anything.
type odd struct {
	f    func()
	ch   chan int
	any  any
	c    complex128
	p    uintptr
	self *odd
	time time.Time
}

func (odd) MarshalText() ([]byte, error)    { return nil, nil }
func (*odd) UnmarshalText([]byte) error     { return nil }
func (odd) Equal(other odd, deep bool) bool { return strings.Contains("not", "called") == deep }

func TestEqualLooksInsideOfWhatMarshalsItself(t *testing.T) {
	ch := make(chan int)
	self := func() odd {
		v := &odd{}
		v.self = &odd{self: v}
		return *v
	}
	for name, test := range map[string]struct {
		a, b odd
		same bool
	}{
		"zero":             {odd{}, odd{}, true},
		"functions":        {odd{f: func() {}}, odd{f: func() {}}, false},
		"function and nil": {odd{f: func() {}}, odd{}, false},
		"channel":          {odd{ch: ch}, odd{ch: ch}, true},
		"channels":         {odd{ch: ch}, odd{ch: make(chan int)}, false},
		"any":              {odd{any: []int{7}}, odd{any: []int{7}}, true},
		"any, nil":         {odd{any: 7}, odd{}, false},
		"any, other type":  {odd{any: 7}, odd{any: int8(7)}, false},
		"any, other value": {odd{any: 7}, odd{any: 8}, false},
		"complex":          {odd{c: 1i}, odd{c: 1i}, true},
		"complex, other":   {odd{c: 1i}, odd{c: 2i}, false},
		"uintptr":          {odd{p: 1}, odd{p: 2}, false},
		"itself":           {self(), self(), true},
		"time":             {odd{time: time.Unix(7, 0)}, odd{time: time.Unix(7, 0)}, true},
		"time, other":      {odd{time: time.Unix(7, 0)}, odd{time: time.Unix(8, 0)}, false},
	} {
		if _, ok := equal(test.a, test.b); ok != test.same {
			t.Errorf("%s: got %v, want %v", name, ok, test.same)
		}
	}
}
