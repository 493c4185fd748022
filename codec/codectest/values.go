package codectest

import (
	"math"
	"strings"
	"time"
)

// kinds are values of every kind of Values, one under each name.
func kinds() map[string]any {
	return map[string]any{
		"nil":                                   nil,
		"true":                                  true,
		"false":                                 false,
		"empty text":                            "",
		"text":                                  "Grüße, 世界 \U0001F36A",
		"quotes":                                "\"\\/\b\f\n\r\t\x00\x1f\x7f<&>\u2028\u2029",
		"dollar":                                "$",
		"dollars":                               "$$$x",
		"dollar bytes":                          "$bytes:AAAA",
		"dollar time":                           "$time:2026-01-02T03:04:05Z",
		"long text":                             strings.Repeat("0123456789abcdef", 20),
		"int 0":                                 int64(0),
		"int 7":                                 int64(7),
		"int -1":                                int64(-1),
		"int 23":                                int64(23),
		"int 24":                                int64(24),
		"int -24":                               int64(-24),
		"int -25":                               int64(-25),
		"int -33":                               int64(-33),
		"int 127":                               int64(127),
		"int 128":                               int64(128),
		"int -128":                              int64(-128),
		"int -129":                              int64(-129),
		"int 255":                               int64(255),
		"int 256":                               int64(256),
		"int 65535":                             int64(65535),
		"int 65536":                             int64(65536),
		"int -32769":                            int64(-32769),
		"int 2^32-1":                            int64(math.MaxUint32),
		"int 2^32":                              int64(math.MaxUint32 + 1),
		"int 2^53+1":                            int64(1<<53 + 1),
		"int max":                               int64(math.MaxInt64),
		"int min":                               int64(math.MinInt64),
		"float 0":                               0.0,
		"float -0":                              math.Copysign(0, -1),
		"float 7":                               7.0,
		"float 1.5":                             1.5,
		"float 0.1":                             0.1,
		"float -2^63":                           float64(math.MinInt64),
		"float 2^53":                            float64(1 << 53),
		"float 1e21":                            1e21,
		"float 1e-7":                            1e-7,
		"float max":                             math.MaxFloat64,
		"float min":                             math.SmallestNonzeroFloat64,
		"float 65504":                           65504.0,
		"float 65505":                           65505.0,
		"float 2^-24":                           0x1p-24,
		"float 2^-25":                           0x1p-25,
		"float max32":                           float64(math.MaxFloat32),
		"no bytes":                              []byte{},
		"bytes":                                 []byte{0, 1, 0x7f, 0x80, 0xff, '"', '\\'},
		"bytes like text":                       []byte("text"),
		"long bytes":                            []byte(strings.Repeat("\xff", 300)),
		"time":                                  time.Date(2026, 10, 1, 12, 30, 45, 0, time.UTC),
		"time with ns":                          time.Date(2026, 10, 1, 12, 30, 45, 123456789, time.UTC),
		"time with ms":                          time.Date(2026, 10, 1, 12, 30, 45, 5e6, time.UTC),
		"zero time":                             time.Time{},
		"epoch":                                 time.Unix(0, 0).UTC(),
		"before the epoch":                      time.Unix(-1, 999999999).UTC(),
		"after 2106":                            time.Date(2106, 2, 7, 6, 28, 16, 1, time.UTC),
		"after 2514":                            time.Date(2514, 5, 30, 1, 53, 4, 1, time.UTC),
		"year 1":                                time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		"year 9999":                             time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"no array":                              []any{},
		"array":                                 []any{nil, true, "x", int64(7), 7.0, []byte{7}, time.Unix(7, 0).UTC(), []any{}, map[string]any{}},
		"no map":                                map[string]any{},
		"map":                                   map[string]any{"": int64(1), "$": "$", "é": []any{"$"}, "a": map[string]any{"b": map[string]any{"c": 1.0}}},
		"":                                      "under the empty name",
		"$name":                                 "names are not escaped",
		"name \"quoted\"":                       int64(1),
		"long name " + strings.Repeat("n", 300): int64(1),
	}
}

// record is a struct with a field of every kind that codecs carry.
type record struct {
	Bool     bool               `json:"bool"`
	Int      int                `json:"int"`
	Int8     int8               `json:"int8"`
	Int16    int16              `json:"int16"`
	Int32    int32              `json:"int32"`
	Int64    int64              `json:"int64"`
	Uint     uint               `json:"uint"`
	Uint8    uint8              `json:"uint8"`
	Uint16   uint16             `json:"uint16"`
	Uint32   uint32             `json:"uint32"`
	Uint64   uint64             `json:"uint64"`
	Float32  float32            `json:"float32"`
	Float64  float64            `json:"float64"`
	Text     string             `json:"text"`
	Bytes    []byte             `json:"bytes"`
	Hash     [4]byte            `json:"hash"`
	Triple   [3]int16           `json:"triple"`
	Time     time.Time          `json:"time"`
	Wait     time.Duration      `json:"wait"`
	Level    level              `json:"level"`
	LevelPtr *level             `json:"level_ptr"`
	Levels   []level            `json:"levels"`
	ByLevel  map[string]level   `json:"by_level"`
	Pointer  *string            `json:"pointer"`
	TimePtr  *time.Time         `json:"time_ptr"`
	Slice    []string           `json:"slice"`
	Slices   [][]uint32         `json:"slices"`
	Map      map[string]string  `json:"map"`
	ByInt    map[int]string     `json:"by_int"`
	ByUint   map[uint16][]int8  `json:"by_uint"`
	Nested   map[string]inner   `json:"nested"`
	Inner    inner              `json:"inner"`
	InnerPtr *inner             `json:"inner_ptr"`
	Named    text               `json:"named"`
	Blob     blob               `json:"blob"`
	Times    map[int8]time.Time `json:"times"`
	embedded
	Untagged string
	Omitted  string    `json:"omitted,omitempty"`
	NoTime   time.Time `json:"no_time,omitzero"`
	Ignored  chan int  `json:"-"`
}

// inner is a struct inside of another.
type inner struct {
	N    int64    `json:"n"`
	Next *inner   `json:"next,omitempty"`
	Tags []string `json:"tags,omitempty"`
}

// embedded lends its fields to the struct around it.
type embedded struct {
	Lent int32 `json:"lent"`
}

// text and blob have no methods.
type (
	text string
	blob []byte
)

// A level is text on the wire, by methods of its pointer.
type level struct{ n uint8 }

// MarshalText makes text of a level.
func (l *level) MarshalText() ([]byte, error) {
	return []byte(strings.Repeat("+", int(l.n))), nil
}

// UnmarshalText makes a level of text.
func (l *level) UnmarshalText(text []byte) error {
	l.n = uint8(len(text))
	return nil
}

// records are a zero, an ordinary, a least and a greatest record. None has a time that is not UTC,
// or an empty slice or map where there is omitempty.
func records() []*record {
	pointed, when := "by pointer", time.Time{}
	ordinary := &record{
		Bool: true, Int: -7, Int8: -8, Int16: 1600, Int32: -320000, Int64: 1 << 60,
		Uint: 7, Uint8: 200, Uint16: 60000, Uint32: 4000000000, Uint64: 1<<63 + 1,
		Float32: 1.1, Float64: -0.1, Text: "$bytes:AAAA Grüße", Bytes: []byte{0, 255},
		Hash: [4]byte{1, 2, 3, 4}, Triple: [3]int16{-1, 0, 1},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Wait: -90 * time.Minute,
		Level: level{3}, LevelPtr: &level{4}, Levels: []level{{0}, {1}, {2}},
		ByLevel: map[string]level{"a": {1}, "b": {2}, "ccc": {3}},
		Pointer: &pointed, TimePtr: &when, Slice: []string{"", "a", "b"},
		Slices: [][]uint32{nil, {}, {1, 2, 1 << 31}}, Map: map[string]string{"": "", "z": "1", "aa": "2", "é": "3"},
		ByInt:  map[int]string{0: "0", -1: "-1", 23: "23", 24: "24", -200: "-200", 1 << 30: "2^30"},
		ByUint: map[uint16][]int8{0: nil, 65535: {-128, 127}, 256: {}},
		Nested: map[string]inner{"x": {N: 1, Next: &inner{N: 2, Tags: []string{"t"}}}, "y": {}},
		Inner:  inner{N: -1, Next: &inner{Next: &inner{N: 3}}}, InnerPtr: &inner{N: 9},
		Named: "named", Blob: blob("blob"), Times: map[int8]time.Time{-1: {}, 1: time.Unix(1e9, 1).UTC()},
		embedded: embedded{Lent: 5}, Untagged: "u", Omitted: "here", NoTime: time.Unix(1, 0).UTC(),
	}
	least := &record{
		Int: math.MinInt32, Int8: math.MinInt8, Int16: math.MinInt16, Int32: math.MinInt32, Int64: math.MinInt64,
		Float32: -math.MaxFloat32, Float64: -math.MaxFloat64, Wait: math.MinInt64,
		Bytes: []byte{}, Slice: []string{}, Map: map[string]string{}, Nested: map[string]inner{}, Levels: []level{},
	}
	most := &record{
		Int: math.MaxInt32, Int8: math.MaxInt8, Int16: math.MaxInt16, Int32: math.MaxInt32, Int64: math.MaxInt64,
		Uint: math.MaxUint32, Uint8: math.MaxUint8, Uint16: math.MaxUint16, Uint32: math.MaxUint32, Uint64: math.MaxUint64,
		Float32: math.SmallestNonzeroFloat32, Float64: math.SmallestNonzeroFloat64, Wait: math.MaxInt64,
		Time: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), TimePtr: new(time.Time), LevelPtr: new(level),
	}
	return []*record{new(record), ordinary, least, most}
}
