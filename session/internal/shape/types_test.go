package shape

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// standard is the session struct of the benchmarks.
type standard struct {
	UserID int64  `json:"user_id"`
	User   string `json:"user"`
	Role   string `json:"role"`
	CSRF   string `json:"csrf"`
	Theme  string `json:"theme"`
	Seen   int64  `json:"seen"`
}

type (
	role  string
	level int8
	octet byte
	prefs map[role]level
	flags uint16
)

type base struct {
	ID      int64     `json:"id"`
	Created time.Time `json:"created"`
}

// Base has the same members as base, by a name that is exported.
type Base struct {
	ID   int64 `json:"id"`
	Note string
}

type Core struct {
	ID int64 `json:"id"`
}

type item struct {
	SKU   string        `json:"sku"`
	Price float64       `json:"price,omitzero"`
	Until *time.Time    `json:"until"`
	Hold  time.Duration `json:"hold"`
}

// everything has a field of each kind that is carried.
type everything struct {
	base
	Bool    bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint    uint
	Uint8   uint8
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Float32 float32
	Float64 float64
	String  string
	Bytes   []byte
	Array   [3]int16
	Digest  [4]byte
	Time    time.Time
	Wait    time.Duration
	Month   time.Month
	Role    role
	Level   level
	Flags   flags
	Pointer *string
	Number  *int32
	When    *time.Time
	Cart    []item
	Shelf   []*item
	Grid    [][]string
	Prefs   prefs
	Scores  map[string]float64
	ByID    map[int64]item
	ByByte  map[uint8][]byte
	Times   map[string]time.Time
	Set     map[string]struct{}
	Nothing struct{}
	Nested  struct {
		Deep struct{ Deeper map[string][]*bool }
	}
}

// omitting has every kind that may be left out when it is empty or zero.
type omitting struct {
	Bool    bool           `json:"bool,omitempty"`
	Int     int            `json:",omitempty"`
	Float   float64        `json:"float,omitzero"`
	String  string         `json:"string,omitempty,omitzero"`
	Bytes   []byte         `json:"bytes,omitempty"`
	Slice   []string       `json:"slice,omitempty"`
	Map     map[string]int `json:"map,omitempty"`
	Array   [2]int         `json:"array,omitempty"`
	None    [0]int         `json:"none,omitempty"`
	Time    time.Time      `json:"time,omitempty"`
	Zero    time.Time      `json:"zero,omitzero"`
	Number  *int           `json:"number,omitempty"`
	Text    *string        `json:"text,omitzero"`
	Record  *item          `json:"record,omitempty"`
	Slots   *[1]string     `json:"slots,omitempty"`
	Owed    *balance       `json:"owed,omitempty"`
	Spent   *balance       `json:"spent,omitzero"`
	Due     *time.Time     `json:"due,omitempty"`
	Paid    *time.Time     `json:"paid,omitzero"`
	Label   *string        `json:"label,omitempty"`
	Host    netip.Addr     `json:"host,omitempty"`
	IP      net.IP         `json:"ip,omitempty"`
	Hue     shade          `json:"hue,omitempty"`
	Hues    *shade         `json:"hues,omitempty"`
	Void    *struct{}      `json:"void,omitempty"`
	Nested  item           `json:"nested,omitempty"`
	Address netip.Addr     `json:"address,omitzero"`
	Inner   struct {
		A string `json:"a,omitempty"`
		B *int   `json:"b,omitempty"`
	} `json:"inner,omitempty"`
}

// opaques has types that marshal themselves as text.
type opaques struct {
	Addr    netip.Addr
	Prefix  netip.Prefix
	IP      net.IP
	ID      uuid
	Shade   shade
	Word    word
	Point   *point
	Addrs   []netip.Addr
	IDs     map[string]uuid
	Pointer *netip.Addr
	Flag    flag
	Fragile fragile
	Angle   angle
	Picky   picky
}

// A uuid is an array with text marshalling, by value and by pointer.
type uuid [16]byte

func (u uuid) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(u[:])), nil }
func (u *uuid) UnmarshalText(text []byte) error {
	if len(text) != 2*len(u) {
		return errors.New("uuid: wrong length")
	}
	_, err := hex.Decode(u[:], text)
	return err
}

// A shade is a number with names.
type shade uint8

func (s shade) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(s), 10), nil }
func (s *shade) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 8)
	*s = shade(n)
	return err
}

// A word has no indirection but its string, and a method Equal that ignores case.
type word struct{ s string }

func (w word) Equal(other word) bool            { return strings.EqualFold(w.s, other.s) }
func (w word) MarshalText() ([]byte, error)     { return []byte(strings.ToLower(w.s)), nil }
func (w *word) UnmarshalText(text []byte) error { w.s = string(text); return nil }

// A point marshals itself by pointer only.
type point struct{ x, y int }

func (p *point) MarshalText() ([]byte, error) {
	return []byte(strconv.Itoa(p.x) + "/" + strconv.Itoa(p.y)), nil
}
func (p *point) UnmarshalText(text []byte) (err error) {
	x, y, _ := strings.Cut(string(text), "/")
	if p.x, err = strconv.Atoi(x); err == nil {
		p.y, err = strconv.Atoi(y)
	}
	return err
}

// A forgetful type reads less than it was given.
type forgetful struct{ Kept, Lost string }

func (f forgetful) MarshalText() ([]byte, error)     { return []byte(f.Kept), nil }
func (f *forgetful) UnmarshalText(text []byte) error { f.Kept = string(text); return nil }

// A mute type's zero value has no text.
type mute string

func (m mute) MarshalText() ([]byte, error) {
	if m == "" {
		return nil, errors.New("mute: nothing to say")
	}
	return []byte(m), nil
}
func (m *mute) UnmarshalText(text []byte) error { *m = mute(text); return nil }

// A flag reads most texts as its zero value.
type flag bool

func (f flag) MarshalText() ([]byte, error)     { return strconv.AppendBool(nil, bool(f)), nil }
func (f *flag) UnmarshalText(text []byte) error { *f = string(text) == "true"; return nil }

// A fragile type panics at texts that are too short, but for its own.
type fragile string

func (f fragile) MarshalText() ([]byte, error) { return []byte(f), nil }
func (f *fragile) UnmarshalText(text []byte) error {
	if *f = ""; len(text) > 0 {
		*f = fragile(text[:9]) + fragile(text[9:])
	}
	return nil
}

// A picky type reads more than it writes.
type picky string

func (p picky) MarshalText() ([]byte, error) {
	if p != "" && !strings.Contains(string(p), "@") {
		return nil, errors.New("picky: not an address")
	}
	return []byte(p), nil
}
func (p *picky) UnmarshalText(text []byte) error { *p = picky(text); return nil }

// An angle compares by its pointer.
type angle int

func (a angle) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(a)%360, 10), nil }
func (a *angle) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	*a = angle(n)
	return err
}
func (a *angle) Equal(b *angle) bool { return (*a-*b)%360 == 0 }

// Types that marshal themselves in ways that not every codec knows.
type (
	onlyOut    string
	onlyIn     string
	ownJSON    string
	ownJSONv2  struct{ A int }
	ownCBOR    struct{ A int }
	ownMsgpack struct{ A int }
	ownEncoder struct{ A int }
	ownBinary  []byte
	ownAppend  string

	ownJSONIn       string
	ownJSONv2Out    struct{ A int }
	ownCBORIn       struct{ A int }
	ownMsgpackOut   struct{ A int }
	ownDecoder      struct{ A int }
	ownBinaryIn     []byte
	ownAppendBinary string
)

func (*ownJSONIn) UnmarshalJSON([]byte) error                   { return nil }
func (ownJSONv2Out) MarshalJSONTo(*jsontext.Encoder) error      { return nil }
func (*ownCBORIn) UnmarshalCBOR([]byte) error                   { return nil }
func (ownMsgpackOut) MarshalMsgpack() ([]byte, error)           { return nil, nil }
func (*ownDecoder) DecodeMsgpack(any) error                     { return nil }
func (*ownBinaryIn) UnmarshalBinary([]byte) error               { return nil }
func (ownAppendBinary) AppendBinary(dst []byte) ([]byte, error) { return dst, nil }

func (onlyOut) MarshalText() ([]byte, error)                 { return nil, nil }
func (*onlyIn) UnmarshalText([]byte) error                   { return nil }
func (ownJSON) MarshalJSON() ([]byte, error)                 { return []byte("1"), nil }
func (*ownJSONv2) UnmarshalJSONFrom(*jsontext.Decoder) error { return nil }
func (ownCBOR) MarshalCBOR() ([]byte, error)                 { return nil, nil }
func (*ownMsgpack) UnmarshalMsgpack([]byte) error            { return nil }
func (ownEncoder) EncodeMsgpack(any) error                   { return nil }
func (ownBinary) MarshalBinary() ([]byte, error)             { return nil, nil }
func (ownAppend) AppendText(dst []byte) ([]byte, error)      { return dst, nil }

// A balance says of itself when it is zero.
type balance struct{ Cents, Scale int64 }

func (b balance) IsZero() bool { return b.Cents == 0 }

// A debt says so by its pointer.
type debt struct{ Cents, Scale int64 }

func (d *debt) IsZero() bool { return d.Cents == 0 }

// Types that contain themselves.
type (
	link struct {
		Value int
		Next  *link
	}
	tree struct {
		Name string
		Kids []tree
		More map[string]*tree
	}
	ping struct{ Pong *pong }
	pong struct {
		At   time.Time
		Ping []ping
	}
	nest   []nest
	maze   map[string]maze
	holder struct {
		Nest nest
		Maze maze
	}
)

// text types that embed what marshals itself
type stamp struct {
	time.Time
	Note string
}

type bare struct{ time.Time }

func shapeOf[T any](t interface{ Fatal(...any) }) *Shape {
	s, err := Of(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
