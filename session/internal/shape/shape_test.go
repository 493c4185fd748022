package shape

import (
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// accepted are types that are carried, and what is said of them. The round trips
// go over them too.
var accepted = []struct {
	of     reflect.Type
	flat   bool
	opaque bool
}{
	{of: reflect.TypeFor[standard](), flat: true},
	{of: reflect.TypeFor[struct{}](), flat: true},
	{of: reflect.TypeFor[base](), flat: true},
	{of: reflect.TypeFor[struct{ base }](), flat: true},
	{of: reflect.TypeFor[struct {
		base
		Base struct{ ID int64 }
	}](), flat: true},
	{of: reflect.TypeFor[struct{ A [2][2]time.Time }](), flat: true},
	{of: reflect.TypeFor[struct {
		W time.Duration
		M time.Month
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		ID   uuid
		Hue  shade
		Word word
		At   point
	}](), flat: true, opaque: true},
	{of: reflect.TypeFor[struct{ S sql.NullString }](), flat: true},
	{of: reflect.TypeFor[struct{ S sql.Null[time.Time] }](), flat: true},
	{of: reflect.TypeFor[struct{ Bare bare }](), opaque: true, flat: true},
	{of: reflect.TypeFor[everything]()},
	{of: reflect.TypeFor[omitting](), opaque: true},
	{of: reflect.TypeFor[opaques](), opaque: true},
	{of: reflect.TypeFor[struct{ A netip.Addr }](), opaque: true},
	{of: reflect.TypeFor[struct{ IP net.IP }](), opaque: true},
	{of: reflect.TypeFor[struct{ P *point }](), opaque: true},
	{of: reflect.TypeFor[struct{ P *int }]()},
	{of: reflect.TypeFor[struct{ S []int }]()},
	{of: reflect.TypeFor[struct{ M map[string]int }]()},
	{of: reflect.TypeFor[struct{ V url.Values }]()},
	{of: reflect.TypeFor[struct {
		S *[]int
		B *[]byte
		M *map[string]int
		A *net.IP
	}](), opaque: true},
	{of: reflect.TypeFor[struct{ D [5000]byte }](), flat: true},
	{of: reflect.TypeFor[struct {
		M map[string]point
		N map[string]struct{ P [2]point }
		I map[string]big.Int
		P *big.Rat
	}](), opaque: true},
	{of: reflect.TypeFor[struct {
		L slog.Level
		D time.Weekday
	}](), flat: true, opaque: true},
	{of: reflect.TypeFor[struct {
		time.Month `json:"month"`
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		A string `json:"user"`
		B string `json:"User"`
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		A string `json:"größe"`
		B string `json:"a b"`
		C string `json:"$c" yaml:"other" form:"c"`
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		Base `json:"base"`
		ID   int64 `json:"id"`
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		*Base `json:"base,omitempty"`
		ID    int64 `json:"id"`
	}]()},
	{of: reflect.TypeFor[map[string]string]()},
	{of: reflect.TypeFor[map[role]item]()},
	{of: reflect.TypeFor[prefs]()},
	{of: reflect.TypeFor[map[string][]base]()},
	{of: reflect.TypeFor[link]()},
	{of: reflect.TypeFor[tree]()},
	{of: reflect.TypeFor[ping]()},
	{of: reflect.TypeFor[holder]()},
	{of: reflect.TypeFor[maze]()},
}

func TestOfAccepts(t *testing.T) {
	for _, test := range accepted {
		t.Run(test.of.String(), func(t *testing.T) {
			s, err := Of(test.of)
			if err != nil {
				t.Fatal(err)
			}
			if s.Flat() != test.flat || s.Opaque() != test.opaque {
				t.Errorf("flat %v, opaque %v; want %v, %v", s.Flat(), s.Opaque(), test.flat, test.opaque)
			}
		})
	}
}

// Visit is a type of which paths begin with its name.
type Visit[F any] struct{ F F }

// tagged returns a struct with one field, F, with the tag, which may be one that
// go vet would not pass.
func tagged[F any](tag reflect.StructTag) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.TypeFor[F](), Tag: tag}})
}

// twice returns a struct with the fields A and B of one tag.
func twice(tag reflect.StructTag) reflect.Type {
	return reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[string](), Tag: tag},
		{Name: "B", Type: reflect.TypeFor[string](), Tag: tag},
	})
}

// twins embeds two structs with a member of the same name.
var twins = reflect.StructOf([]reflect.StructField{
	{Name: "Base", Type: reflect.TypeFor[Base](), Anonymous: true},
	{Name: "Core", Type: reflect.TypeFor[Core](), Anonymous: true},
})

// refused are types that are not carried, with the path that the message begins
// with and a word of why.
var refused = []struct {
	of        reflect.Type
	path, why string
}{
	// What a payload cannot be.
	{reflect.TypeFor[*standard](), "T", "use standard itself"},
	{reflect.TypeFor[int](), "int", "not int"},
	{reflect.TypeFor[string](), "string", "not string"},
	{reflect.TypeFor[any](), "T", "not interface {}"},
	{reflect.TypeFor[[]string](), "T", "not []string"},
	{reflect.TypeFor[[3]string](), "T", "not [3]string"},
	{reflect.TypeFor[map[int]string](), "T", "map with string keys"},
	{reflect.TypeFor[time.Time](), "Time", "marshals itself"},
	{reflect.TypeFor[uuid](), "uuid", "marshals itself"},
	{reflect.TypeFor[stamp](), "stamp", "embeds what does"},
	{reflect.TypeFor[netip.Addr](), "Addr", "marshals itself"},
	{reflect.TypeFor[url.URL](), "URL", "marshals itself"},

	// Kinds.
	{reflect.TypeFor[struct{ F any }](), "T.F", "concrete type"},
	{reflect.TypeFor[struct{ F error }](), "T.F", "error (interface)"},
	{reflect.TypeFor[struct{ F io.Reader }](), "T.F", "io.Reader (interface)"},
	{reflect.TypeFor[struct{ F chan int }](), "T.F", "chan int cannot"},
	{reflect.TypeFor[struct{ F func() }](), "T.F", "func() cannot"},
	{reflect.TypeFor[struct{ F complex64 }](), "T.F", "complex64 cannot"},
	{reflect.TypeFor[struct{ F complex128 }](), "T.F", "complex128 cannot"},
	{reflect.TypeFor[struct{ F uintptr }](), "T.F", "uintptr cannot"},
	{reflect.TypeFor[struct{ F unsafe.Pointer }](), "T.F", "unsafe.Pointer cannot"},
	{reflect.TypeFor[struct{ F [1025]bool }](), "T.F", "1025 elements"},

	// Where in a type.
	{reflect.TypeFor[Visit[[]any]](), "Visit[[]interface {}].F[]", "concrete type"},
	{reflect.TypeFor[struct{ F [2]any }](), "T.F[]", "concrete type"},
	{reflect.TypeFor[struct{ F *any }](), "T.F", "concrete type"},
	{reflect.TypeFor[struct{ F map[string]any }](), "T.F[]", "concrete type"},
	{reflect.TypeFor[map[string]any](), "T[]", "concrete type"},
	{reflect.TypeFor[struct{ Cart []struct{ Price chan int } }](), "T.Cart[].Price", "chan int"},
	{reflect.TypeFor[struct {
		Cart map[int]*struct{ Price [][]func() }
	}](), "T.Cart[].Price[][]", "func()"},
	{reflect.TypeFor[struct {
		Base
		Inner struct{ Bad any }
	}](), "T.Inner.Bad", "concrete type"},

	// Keys.
	{reflect.TypeFor[struct{ F map[float64]int }](), "T.F", "not float64"},
	{reflect.TypeFor[struct{ F map[bool]int }](), "T.F", "not bool"},
	{reflect.TypeFor[struct{ F map[uintptr]int }](), "T.F", "not uintptr"},
	{reflect.TypeFor[struct{ F map[any]int }](), "T.F", "not interface {}"},
	{reflect.TypeFor[struct{ F map[*string]int }](), "T.F", "not *string"},
	{reflect.TypeFor[struct{ F map[[2]string]int }](), "T.F", "not [2]string"},
	{reflect.TypeFor[struct{ F map[struct{ A string }]int }](), "T.F", "keys are strings or integers"},
	{reflect.TypeFor[struct{ F map[time.Duration]int }](), "T.F", "keys of type time.Duration"},
	{reflect.TypeFor[struct{ F map[time.Time]int }](), "T.F", "keys of type time.Time"},
	{reflect.TypeFor[struct{ F map[netip.Addr]int }](), "T.F", "keys of type netip.Addr"},
	{reflect.TypeFor[struct{ F map[shade]int }](), "T.F", "keys of type shape.shade"},
	{reflect.TypeFor[struct{ F map[onlyOut]int }](), "T.F", "keys of type shape.onlyOut"},

	// Bytes by another name.
	{reflect.TypeFor[struct{ F []octet }](), "T.F", "use byte itself"},
	{reflect.TypeFor[struct{ F [4]octet }](), "T.F", "use byte itself"},
	{reflect.TypeFor[struct{ F []shade }](), "T.F", "use byte itself"},

	// Pointers that lose a nil.
	{reflect.TypeFor[struct{ F **int }](), "T.F", "drop a pointer"},
	{reflect.TypeFor[struct{ F []**int }](), "T.F[]", "drop a pointer"},

	// Structs.
	{reflect.TypeFor[struct{ f int }](), "T.f", "unexported"},
	{reflect.TypeFor[struct{ _ int }](), "T._", "unexported"},
	{reflect.TypeFor[struct{ F struct{ f int } }](), "T.F.f", "unexported"},
	{reflect.TypeFor[struct{ role }](), "T.role", "unexported"},
	{reflect.TypeFor[struct{ *base }](), "T.base", "embedded pointer"},
	{reflect.TypeFor[struct{ *Base }](), "T.Base", "embedded pointer"},
	{reflect.TypeFor[struct {
		*Base `json:",omitzero"`
	}](), "T.Base", "embedded pointer"},
	{reflect.TypeFor[struct {
		base `json:"base"`
	}](), "T.base", "embed it without a name"},
	{reflect.TypeFor[struct {
		Base `json:",omitempty"`
	}](), "T.Base", "is not left out"},
	{reflect.TypeFor[struct {
		Base `json:",omitzero"`
	}](), "T.Base", "is not left out"},
	{reflect.TypeFor[struct {
		Base `json:"-"`
	}](), "T.Base", "leaves the field out"},
	{reflect.TypeFor[struct {
		Base `msgpack:",noinline"`
	}](), "T.Base", "`msgpack` tag"},
	{reflect.TypeFor[struct {
		Base `cbor:""`
	}](), "T.Base", "`cbor` tag"},
	{reflect.TypeFor[struct {
		time.Month
		Note string
	}](), "T.Month", "no name to all codecs"},
	{reflect.TypeFor[struct{ io.Reader }](), "T.Reader", "no name to all codecs"},

	// Names.
	{twice(`json:"x"`), "T.B", `its name "x" is also that of A`},
	{reflect.TypeFor[struct {
		X string
		Y string `json:"X"`
	}](), "T.Y", "also that of X"},
	{reflect.TypeFor[struct {
		Base
		ID int64 `json:"id"`
	}](), "T.ID", "also that of Base.ID"},
	{reflect.TypeFor[struct {
		ID int64 `json:"id"`
		Base
	}](), "T.Base.ID", "also that of ID"},
	{twins, "T.Core.ID", "also that of Base.ID"},
	{reflect.StructOf([]reflect.StructField{
		{Name: "Base", Type: reflect.TypeFor[Base]()}, // of which only one is embedded
		{Name: "Core", Type: reflect.TypeFor[Core](), Anonymous: true},
		{Name: "Twin", Type: twins},
	}), "T.Twin.Core.ID", "also that of Base.ID"},
	{tagged[int](`json:"-"`), "T.F", "leaves the field out"},
	{tagged[int](`json:"-,omitempty"`), "T.F", "leaves the field out"},
	{tagged[int](`json:"\xff"`), "T.F", "not valid UTF-8"},
	{tagged[int](`json:"a:b"`), "T.F", `on the name "a:b"`},
	{tagged[int](`json:"'a'"`), "T.F", "on the name"},
	{tagged[int](`json:"a\\b"`), "T.F", "on the name"},
	{tagged[int](`json:"a\"b"`), "T.F", "on the name"},
	{tagged[int]("json:\"a`b\""), "T.F", "on the name"},
	{tagged[int](`json:" a"`), "T.F", "on the name"},
	{tagged[int](`json:"a ,omitzero"`), "T.F", "on the name"},

	// Tags and their options.
	{tagged[int](`cbor:"f"`), "T.F", "`cbor` tag"},
	{tagged[int](`json:"f" msgpack:"f,omitempty"`), "T.F", "`msgpack` tag"},
	{tagged[int](`json:"f,string"`), "T.F", `option "string"`},
	{tagged[map[string]int](`json:",inline"`), "T.F", `option "inline"`},
	{tagged[map[string]int](`json:",embed"`), "T.F", `option "embed"`},
	{tagged[map[string]int](`json:",unknown"`), "T.F", `option "unknown"`},
	{tagged[time.Time](`json:"f,format:DateOnly"`), "T.F", `option "format:DateOnly"`},
	{tagged[int](`json:"f,case:ignore"`), "T.F", `option "case:ignore"`},
	{tagged[int](`json:"f,keyasint"`), "T.F", `option "keyasint"`},
	{tagged[string](`json:"f,intern"`), "T.F", `option "intern"`},
	{tagged[int](`json:"f,alias:g"`), "T.F", `option "alias:g"`},
	{tagged[int](`json:"f,omitempty,omitempty"`), "T.F", "once each"},
	{tagged[int](`json:"f,omitzero,omitzero"`), "T.F", "once each"},
	{tagged[int](`json:"f,omitEmpty"`), "T.F", `option "omitEmpty"`},
	{tagged[int](`json:"f, omitempty"`), "T.F", `option " omitempty"`},
	{tagged[int](`json:"f,"`), "T.F", `option ""`},

	// What is left out would come back as something else.
	{tagged[balance](`json:",omitzero"`), "T.F", "IsZero method of shape.balance calls zero would come back as the zero value"},
	{tagged[debt](`json:"f,omitempty,omitzero"`), "T.F", "IsZero method of shape.debt"},

	// Types that marshal themselves.
	{reflect.TypeFor[struct{ F onlyOut }](), "T.F", "only one of"},
	{reflect.TypeFor[struct{ F onlyIn }](), "T.F", "only one of"},
	{reflect.TypeFor[struct{ F ownJSON }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownJSONv2 }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownJSONIn }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownJSONv2Out }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownCBORIn }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownMsgpackOut }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownDecoder }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownBinaryIn }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownAppendBinary }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownCBOR }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownMsgpack }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownEncoder }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownBinary }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F ownAppend }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F *ownJSON }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F json.RawMessage }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F json.Number }](), "T.F", "json.Number"},
	{reflect.TypeFor[struct{ F url.URL }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F *url.URL }](), "T.F", "not as text"},
	{reflect.TypeFor[struct{ F stamp }](), "T.F.Time", "in place of all of shape.stamp"},
}

func TestOfRefuses(t *testing.T) {
	for _, test := range refused {
		t.Run(test.of.String(), func(t *testing.T) {
			s, err := Of(test.of)
			if err == nil {
				t.Fatal("accepted")
			}
			if s != nil {
				t.Error("a shape and an error")
			}
			path, why, _ := strings.Cut(err.Error(), ": ")
			if path != test.path || !strings.Contains(why, test.why) {
				t.Errorf("got  %v\nwant %s: ... %s", err, test.path, test.why)
			}
			if strings.Contains(why, "\n") {
				t.Errorf("more than one problem: %v", err)
			}
		})
	}
}

func TestOfNamesEveryField(t *testing.T) {
	type inner struct {
		Good int
		Bad  chan int
	}
	for _, test := range []struct {
		of    reflect.Type
		paths string
	}{
		{reflect.TypeFor[struct {
			A     any
			B     []inner
			C     map[string]inner // said of B already
			d     int
			E     int `json:"-"`
			F     map[float64]func()
			Good  string
			Again any
		}](), "T.A T.B[].Bad T.d T.E T.F T.F[] T.Again"},
		{reflect.TypeFor[struct{ F sync.Mutex }](), "T.F._ T.F.mu"},
		{reflect.TypeFor[struct { // whose methods hide each other's
			word
			point
		}](), "T.word T.point"},
	} {
		_, err := Of(test.of)
		if err == nil {
			t.Errorf("%v: accepted", test.of)
			continue
		}
		var paths []string
		for line := range strings.Lines(err.Error()) {
			path, _, _ := strings.Cut(line, ": ")
			paths = append(paths, path)
		}
		if got := strings.Join(paths, " "); got != test.paths {
			t.Errorf("%v: got %s, want %s\n%v", test.of, got, test.paths, err)
		}
	}
}

func TestKnown(t *testing.T) {
	if s := shapeOf[struct {
		Base `json:"base"`
	}](t); !s.Known("base") || s.Known("id") {
		t.Error("an embedded struct with a name has its members")
	}
	s := shapeOf[everything](t)
	for _, name := range []string{"id", "created", "Bool", "Cart", "Nested"} {
		if !s.Known(name) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"", "base", "Created", "bool", "sku", "Deep", "nested", "Bool "} {
		if s.Known(name) {
			t.Errorf("%q is known", name)
		}
	}
	if s := shapeOf[struct{}](t); s.Known("") || s.Known("x") {
		t.Error("an empty struct knows a name")
	}
	if s := shapeOf[map[string]int](t); !s.Known("anything") || !s.Known("") {
		t.Error("a map does not know a name")
	}
}
