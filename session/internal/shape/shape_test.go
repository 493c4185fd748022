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
	{of: reflect.TypeFor[struct {
		_    struct{}
		A    string
		_    *time.Time
		_    netip.Addr
		Next *struct{ _, B int }
	}]()},
	{of: reflect.TypeFor[struct {
		A string `json:"a:b"`
		B string `json:" b"`
		C string `json:"c ,omitzero"`
		D string `json:"d" msgpack:"-"`
	}](), flat: true},
	{of: reflect.TypeFor[struct { // what only some codecs of others would ask
		A ownMsgpack
		B ownMsgpackOut
		C ownEncoder
		D ownDecoder
		E ownAppend
		F ownAppendBinary
	}](), flat: true},
	{of: reflect.TypeFor[struct {
		A ownBinary
		B *ownBinaryIn
		C map[ownAppend]ownAppendBinary
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

type userinfo struct{ User *struct{ name string } }

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
	{reflect.TypeFor[userinfo](), "userinfo.User.name", "unexported"},

	// Kinds.
	{reflect.TypeFor[struct{ F any }](), "T.F", "an interface"},
	{reflect.TypeFor[struct{ F error }](), "T.F", "an interface"},
	{reflect.TypeFor[struct{ F io.Reader }](), "T.F", "an interface"},
	{reflect.TypeFor[struct{ F chan int }](), "T.F", "chan int cannot"},
	{reflect.TypeFor[struct{ F func() }](), "T.F", "func() cannot"},
	{reflect.TypeFor[struct{ F complex64 }](), "T.F", "complex64 cannot"},
	{reflect.TypeFor[struct{ F complex128 }](), "T.F", "complex128 cannot"},
	{reflect.TypeFor[struct{ F uintptr }](), "T.F", "uintptr cannot"},
	{reflect.TypeFor[struct{ F unsafe.Pointer }](), "T.F", "unsafe.Pointer cannot"},

	// Where in a type.
	{reflect.TypeFor[Visit[[]any]](), "Visit[[]interface {}].F[]", "an interface"},
	{reflect.TypeFor[struct{ F [2]any }](), "T.F[]", "an interface"},
	{reflect.TypeFor[struct{ F *any }](), "T.F", "an interface"},
	{reflect.TypeFor[struct{ F map[string]any }](), "T.F[]", "an interface"},
	{reflect.TypeFor[map[string]any](), "T", "session.Values"},
	{reflect.TypeFor[map[string]map[string]any](), "T[][]", "an interface"},
	{reflect.TypeFor[struct{ Cart []struct{ Price chan int } }](), "T.Cart[].Price", "chan int"},
	{reflect.TypeFor[struct {
		Cart map[int]*struct{ Price [][]func() }
	}](), "T.Cart[].Price[][]", "func()"},
	{reflect.TypeFor[struct {
		Base
		Inner struct{ Bad any }
	}](), "T.Inner.Bad", "an interface"},

	// Keys.
	{reflect.TypeFor[struct{ F map[float64]int }](), "T.F", "by float64"},
	{reflect.TypeFor[struct{ F map[bool]int }](), "T.F", "by bool"},
	{reflect.TypeFor[struct{ F map[uintptr]int }](), "T.F", "by uintptr"},
	{reflect.TypeFor[struct{ F map[any]int }](), "T.F", "by interface {}"},
	{reflect.TypeFor[struct{ F map[*string]int }](), "T.F", "by *string"},
	{reflect.TypeFor[struct{ F map[[2]string]int }](), "T.F", "by [2]string"},
	{reflect.TypeFor[struct{ F map[struct{ A string }]int }](), "T.F", "by struct"},
	{reflect.TypeFor[struct{ F map[time.Duration]int }](), "T.F", "by time.Duration"},
	{reflect.TypeFor[struct{ F map[time.Time]int }](), "T.F", "by time.Time"},
	{reflect.TypeFor[struct{ F map[netip.Addr]int }](), "T.F", "by netip.Addr"},
	{reflect.TypeFor[struct{ F map[shade]int }](), "T.F", "by shape.shade"},
	{reflect.TypeFor[struct{ F map[onlyOut]int }](), "T.F", "by shape.onlyOut"},

	// Bytes by another name.
	{reflect.TypeFor[struct{ F []octet }](), "T.F", "use []byte or [N]byte"},
	{reflect.TypeFor[struct{ F [4]octet }](), "T.F", "use []byte or [N]byte"},
	{reflect.TypeFor[struct{ F []shade }](), "T.F", "use []byte or [N]byte"},

	// Pointers that lose a nil.
	{reflect.TypeFor[struct{ F **int }](), "T.F", "which of them is nil"},
	{reflect.TypeFor[struct{ F []**int }](), "T.F[]", "which of them is nil"},

	// Structs.
	{reflect.TypeFor[struct{ f int }](), "T.f", "unexported"},
	{reflect.TypeFor[struct{ _ int }](), "T", "blank fields"},
	{reflect.TypeFor[struct{ F struct{ f int } }](), "T.F.f", "unexported"},
	{reflect.TypeFor[struct{ role }](), "T.role", "needs a name"},
	{reflect.TypeFor[struct{ *base }](), "T.base", "needs a name"},
	{reflect.TypeFor[struct{ *Base }](), "T.Base", "needs a name"},
	{reflect.TypeFor[struct {
		*Base `json:",omitzero"`
	}](), "T.Base", "no options"},
	{reflect.TypeFor[struct {
		base `json:"base"`
	}](), "T.base", "unexported"},
	{reflect.TypeFor[struct {
		Base `json:",omitempty"`
	}](), "T.Base", "no options"},
	{reflect.TypeFor[struct {
		Base `json:",omitzero"`
	}](), "T.Base", "no options"},
	{reflect.TypeFor[struct {
		Base `json:"-"`
	}](), "T.Base", "leaves the field out"},
	{reflect.TypeFor[struct {
		Base `cbor:""`
	}](), "T.Base", "a cbor tag"},
	{reflect.TypeFor[struct {
		time.Month
		Note string
	}](), "T.Month", "needs a name"},
	{reflect.TypeFor[struct{ io.Reader }](), "T.Reader", "needs a name"},

	// Names.
	{twice(`json:"x"`), "T.B", "has its name, x"},
	{reflect.TypeFor[struct {
		X string
		Y string `json:"X"`
	}](), "T.Y", "has its name, X"},
	{reflect.TypeFor[struct {
		Base
		ID int64 `json:"id"`
	}](), "T.ID", "has its name, id"},
	{reflect.TypeFor[struct {
		ID int64 `json:"id"`
		Base
	}](), "T.Base.ID", "has its name, id"},
	{twins, "T.Core.ID", "has its name, id"},
	{reflect.StructOf([]reflect.StructField{
		{Name: "Base", Type: reflect.TypeFor[Base]()}, // of which only one is embedded
		{Name: "Core", Type: reflect.TypeFor[Core](), Anonymous: true},
		{Name: "Twin", Type: twins},
	}), "T.Twin.Core.ID", "has its name, id"},
	{tagged[int](`json:"-"`), "T.F", "leaves the field out"},
	{tagged[int](`json:"-,omitempty"`), "T.F", "malformed"},
	{tagged[int](`json:"\xff"`), "T.F", "malformed"},
	{tagged[int](`json:"'a'"`), "T.F", "malformed"},
	{tagged[int](`json:"a\\b"`), "T.F", "malformed"},
	{tagged[int](`json:"a\"b"`), "T.F", "malformed"},
	{tagged[int]("json:\"a`b\""), "T.F", "malformed"},

	// Tags and their options.
	{tagged[int](`cbor:"f"`), "T.F", "a cbor tag"},
	{tagged[int](`json:"f,string"`), "T.F", `each once, not "string"`},
	{tagged[map[string]int](`json:",inline"`), "T.F", `each once, not "inline"`},
	{tagged[map[string]int](`json:",embed"`), "T.F", `each once, not "embed"`},
	{tagged[map[string]int](`json:",unknown"`), "T.F", `each once, not "unknown"`},
	{tagged[time.Time](`json:"f,format:DateOnly"`), "T.F", `each once, not "format:DateOnly"`},
	{tagged[int](`json:"f,case:ignore"`), "T.F", `each once, not "case:ignore"`},
	{tagged[int](`json:"f,keyasint"`), "T.F", `each once, not "keyasint"`},
	{tagged[string](`json:"f,intern"`), "T.F", `each once, not "intern"`},
	{tagged[int](`json:"f,alias:g"`), "T.F", `each once, not "alias:g"`},
	{tagged[int](`json:"f,omitempty,omitempty"`), "T.F", "each once, not"},
	{tagged[int](`json:"f,omitzero,omitzero"`), "T.F", "each once, not"},
	{tagged[int](`json:"f,omitEmpty"`), "T.F", `each once, not "omitEmpty"`},
	{tagged[int](`json:"f, omitempty"`), "T.F", `each once, not " omitempty"`},
	{tagged[int](`json:"f,"`), "T.F", "malformed"},

	// What is left out would come back as something else.
	{tagged[balance](`json:",omitzero"`), "T.F", "IsZero method of shape.balance calls zero would come back as the zero value"},
	{tagged[debt](`json:"f,omitempty,omitzero"`), "T.F", "IsZero method of shape.debt"},

	// Types that marshal themselves.
	{reflect.TypeFor[struct{ F onlyOut }](), "T.F", "only one of"},
	{reflect.TypeFor[struct{ F onlyIn }](), "T.F", "only one of"},
	{reflect.TypeFor[struct{ F ownJSON }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F ownJSONv2 }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F ownJSONv2Out }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F ownJSONIn }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F ownCBORIn }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F ownCBOR }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F *ownJSON }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F json.RawMessage }](), "T.F", "but not MarshalText"},
	{reflect.TypeFor[struct{ F json.Number }](), "T.F", "json.Number has its own JSON"},
	{reflect.TypeFor[struct{ F stamp }](), "T.F", "the MarshalText of its embedded time.Time"},
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
		}](), "T.A T.B[].Bad T.d T.F T.F[] T.Again T.E"},
		{reflect.TypeFor[struct{ F sync.Mutex }](), "T.F.mu"},
		{reflect.TypeFor[url.URL](), "URL.User.username URL.User.password URL.User.passwordSet"},
		{reflect.TypeFor[struct{ F *url.URL }](), "T.F.User.username T.F.User.password T.F.User.passwordSet"},
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
