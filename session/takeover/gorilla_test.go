package takeover_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"math/big"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

var (
	gorillaHash  = []byte("a hash key of the old application")
	gorillaBlock = []byte("a block key of thirty-two bytes.")
	gorillaTime  = time.Unix(1_700_000_000, 0)
)

// gorillaMAC makes the cookie of what is already "date|value|".
func gorillaMAC(name string, key []byte, verified string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(name + "|" + strings.TrimSuffix(verified, "|")))
	return base64.URLEncoding.EncodeToString(append([]byte(verified), m.Sum(nil)...))
}

// gorillaSeal makes the cookie of a payload, as securecookie.Encode.
func gorillaSeal(key, block []byte, at time.Time, payload []byte) string {
	if block != nil {
		b, err := aes.NewCipher(block)
		if err != nil {
			panic(err)
		}
		sealed := make([]byte, 16+len(payload))
		copy(sealed, "an iv, 16 bytes.")
		cipher.NewCTR(b, sealed[:16]).XORKeyStream(sealed[16:], payload)
		payload = sealed
	}
	return gorillaMAC("session", key, fmt.Sprintf("%d|%s|", at.Unix(), base64.URLEncoding.EncodeToString(payload)))
}

func gorillaConfig() takeover.GorillaConfig {
	return takeover.GorillaConfig{Cookie: "session", KeyPairs: [][]byte{gorillaHash}, MaxLength: -1}
}

func gorillaReader(t testing.TB, c takeover.GorillaConfig) *takeover.Reader {
	t.Helper()
	r, err := takeover.Gorilla(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func gorillaOpen(r *takeover.Reader, value string) (session.Foreign, error) {
	return r.Open(gorillaTime, []string{value})
}

// toGob returns x as gob.Encoder writes it.
func toGob(t testing.TB, x any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Types of a program's own.
type (
	gorillaUser struct {
		Name  string
		ID    int
		Tags  []gorillaTag
		Boss  *gorillaUser
		Extra any
		Sum   [4]byte
		Since time.Time
		Big   *big.Int
		Sub   map[string]*gorillaTag
		More  gorillaText
		Score complex64
		Raw   gorillaRaw
	}
	gorillaTag  string
	gorillaRaw  []byte
	gorillaText struct{ s string } // has MarshalBinary
	gorillaName struct{ Name string }
	GorillaBase struct{ F0, Other string }
	gorillaHeir struct{ *GorillaBase }
	gorillaList struct{ Next *gorillaList }

	gorillaHidden struct{ F0, f1 int }
	gorillaEach   struct {
		Name  string
		Other any
		List  []any
		Table map[string]gorillaText
		When  time.Time
		Array [2]float64
		Pair  complex128
		Bytes []byte
		Inner gorillaUser
	}
)

func (g gorillaText) MarshalBinary() ([]byte, error) { return []byte(g.s), nil }
func (g *gorillaText) UnmarshalBinary(b []byte) error {
	if g.s = string(b); g.s == "bad" {
		return errors.New("it is " + g.s)
	}
	return nil
}

func init() {
	for _, x := range []any{
		[]any{}, map[string]any{}, map[any]any{}, map[string]string{}, map[string]int{}, map[string]float64{}, map[int]string{}, map[int64]any{},
		[][]byte{}, [][]string{}, map[string][]string{}, []map[string]any{}, map[string]map[string]string{}, time.Time{}, []time.Time{}, time.Duration(0),
		map[string]struct{}{}, url.Values{}, map[any]bool{}, []map[string]string{},
		gorillaUser{}, &gorillaName{}, gorillaTag(""), gorillaText{}, [2]int{},
	} {
		gob.Register(x)
	}
}

// gorillaAny returns some value of the usual types.
func gorillaAny(r *rand.Rand, depth int) any {
	text := func() string { return strings.Repeat("é", r.IntN(3)) + fmt.Sprint(r.IntN(1000)) }
	if depth > 0 && r.IntN(2) == 0 {
		switch r.IntN(9) {
		case 0:
			list := make([]any, r.IntN(4))
			for i := range list {
				list[i] = gorillaAny(r, depth-1)
			}
			return list
		case 1:
			object := map[string]any{}
			for range r.IntN(4) {
				object[text()] = gorillaAny(r, depth-1)
			}
			return object
		case 2:
			object := map[any]any{}
			for range r.IntN(4) {
				object[[]any{text(), r.IntN(9), r.IntN(2) == 0, 0.5, uint8(7), time.Minute}[r.IntN(6)]] = gorillaAny(r, depth-1)
			}
			return object
		case 3:
			return []map[string]any{{text(): gorillaAny(r, depth-1)}, {}}
		case 4:
			return map[int64]any{r.Int64(): gorillaAny(r, depth-1)}
		case 5:
			return map[string]map[string]string{text(): {text(): text()}}
		case 6:
			return [][]byte{[]byte(text()), {0}}
		case 7:
			return map[string][]string{text(): {text(), text()}}
		}
		return [][]string{{text()}, {}}
	}
	switch r.IntN(24) {
	case 0:
		return r.IntN(2) == 0
	case 1:
		return int(r.Int64())
	case 2:
		return int8(r.Int64())
	case 3:
		return int16(r.Int64())
	case 4:
		return int32(r.Int64())
	case 5:
		return -r.Int64()
	case 6:
		return uint(r.Uint64())
	case 7:
		return uint8(r.Int64())
	case 8:
		return uint16(r.Int64())
	case 9:
		return uint32(r.Int64())
	case 10:
		return r.Uint64()
	case 11:
		return r.NormFloat64()
	case 12:
		return float32(r.NormFloat64())
	case 13:
		return complex(r.NormFloat64(), 1)
	case 14:
		return []byte(text())
	case 15:
		return []string{text(), ""}
	case 16:
		return []int{r.IntN(9), -1}
	case 17:
		return time.Unix(r.Int64N(4e9), r.Int64N(1e9)).In(time.FixedZone("", r.IntN(9)*1800))
	case 18:
		return map[string]string{text(): text(), "": ""}
	case 19:
		return []time.Time{time.Unix(r.Int64N(4e9), 0), {}}
	case 20:
		return time.Duration(r.Int64())
	case 21:
		return math.Inf(1)
	case 22:
		return url.Values{text(): {text()}}
	}
	return text()
}

func TestGorillaReadsWhatGobWrites(t *testing.T) {
	r := gorillaReader(t, gorillaConfig())
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		in := map[any]any{}
		for i := range random.IntN(5) {
			in[fmt.Sprint(i)] = gorillaAny(random, 3)
		}
		payload := toGob(t, in)
		var want map[any]any
		if err := gob.NewDecoder(bytes.NewReader(payload)).Decode(&want); err != nil {
			t.Fatal(err)
		}
		value := gorillaSeal(gorillaHash, nil, gorillaTime, payload)
		if len(value) > takeover.MaxCookie {
			continue
		}
		f, err := gorillaOpen(r, value)
		if err != nil {
			t.Fatalf("%v for %#v", err, in)
		}
		if !reflect.DeepEqual(f.Data, any(want)) {
			t.Fatalf("read as %#v, written was %#v", f.Data, want)
		}
	}
}

func TestGorillaReadsTheTypesOfAProgram(t *testing.T) {
	user := gorillaUser{
		Name: "tom", ID: -4, Tags: []gorillaTag{"a", "b"}, Boss: &gorillaUser{Name: "eve", Extra: []any{1, gorillaTag("t"), nil}},
		Extra: &gorillaName{"x"}, Sum: [4]byte{1, 2, 3, 4}, Since: time.Unix(1e9, 5).UTC(), Big: big.NewInt(-77),
		Sub: map[string]*gorillaTag{"k": new(gorillaTag)}, More: gorillaText{"more"}, Score: 2 - 3i, Raw: gorillaRaw{9},
	}
	c := gorillaConfig()
	c.Types = []any{gorillaUser{}, &gorillaName{}, gorillaTag(""), gorillaText{}, [2]int{}}
	for _, x := range []any{user, &user, map[any]any{"u": user, "p": &gorillaName{"n"}, "t": gorillaTag("t"), "m": gorillaText{"m"}, gorillaName{"k"}: [2]int{1, 2}},
		[]gorillaTag{"x"}, map[string]gorillaText{"k": {"v"}}, gorillaText{"top"}, time.Unix(3, 0).UTC(), [3]int8{1, -2, 3}, int16(-3), "", 0, false,
		map[gorillaTag]uint16{"a": 1}, map[string]int{"n": 1}, []byte("raw\x00"), (*big.Int).SetInt64(new(big.Int), 5), struct{ A, B int }{B: 2},
		gorillaHeir{&GorillaBase{"a", "b"}}, gorillaList{&gorillaList{}}, []bool{true, false}, complex64(1i), uintptr(4)} {
		c.Type = reflect.TypeOf(x)
		if k, ok := x.(map[any]any); ok {
			delete(k, gorillaName{"k"}) // registered as a pointer, which is not the same key again
		}
		payload := toGob(t, x)
		want := reflect.New(c.Type)
		if err := gob.NewDecoder(bytes.NewReader(payload)).DecodeValue(want); err != nil {
			t.Fatal(err)
		}
		f, err := gorillaOpen(gorillaReader(t, c), gorillaSeal(gorillaHash, nil, gorillaTime, payload))
		if err != nil || !reflect.DeepEqual(f.Data, want.Elem().Interface()) {
			t.Errorf("%T: %#v, %v", x, f.Data, err)
		}
	}

	// A field that is no longer there is skipped, whatever was in it.
	each := gorillaEach{"tom", map[string]any{"a": []any{gorillaText{"x"}, 5, gorillaUser{Name: "in"}}}, []any{nil, "x", []string{"a"}}, map[string]gorillaText{"k": {"v"}},
		gorillaTime, [2]float64{1, 2}, 2i, []byte("b"), user}
	c.Type = reflect.TypeFor[gorillaName]()
	f, err := gorillaOpen(gorillaReader(t, c), gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, each)))
	if err != nil || f.Data != (gorillaName{"tom"}) {
		t.Errorf("%#v, %v", f.Data, err)
	}
	// One that has none of its fields any more is left zero, as gob.Decoder leaves it.
	type inner struct{ New int }
	type outer struct {
		Name  string
		Inner inner
	}
	c.Type = reflect.TypeFor[outer]()
	f, err = gorillaOpen(gorillaReader(t, c), gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, each)))
	if err != nil || f.Data != (outer{Name: "tom"}) {
		t.Errorf("%#v, %v", f.Data, err)
	}
}

func TestGorillaLeavesTheRegistryOfGobAlone(t *testing.T) {
	r := gorillaReader(t, gorillaConfig())
	gob.RegisterName("name of the program's", map[int64]uint16{}) // panics if it has another
	_, err := gorillaOpen(r, gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{"m": map[int64]uint16{}})))
	if !errors.Is(err, session.ErrUndecodable) {
		t.Errorf("a type of the program that is not in Types: %v", err)
	}
	_, err = gorillaOpen(r, gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{"m": gorillaUser{}})))
	if !errors.Is(err, session.ErrUndecodable) || !strings.Contains(err.Error(), "in Types") {
		t.Errorf("a type of the program that is not in Types: %v", err)
	}
}

// gobUint appends an unsigned integer as gob has it, and gobInt a signed one.
func gobUint(b []byte, x uint64) []byte {
	if x <= 0x7f {
		return append(b, byte(x))
	}
	digits := bytes.TrimLeft([]byte{byte(x >> 56), byte(x >> 48), byte(x >> 40), byte(x >> 32), byte(x >> 24), byte(x >> 16), byte(x >> 8), byte(x)}, "\x00")
	return append(append(b, byte(-len(digits))), digits...)
}

func gobInt(b []byte, x int64) []byte {
	if x < 0 {
		return gobUint(b, uint64(^x)<<1|1)
	}
	return gobUint(b, uint64(x)<<1)
}

func gobMessage(parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	return append(gobUint(nil, uint64(len(body))), body...)
}

// gobType is the definition of a type: member is 1 for an array, 2 a slice, 4 a map,
// and then come its fields with their numbers.
func gobType(id int64, member byte, fields ...int64) []byte {
	b := append(gobInt(nil, -id), member, 1, 2)
	b = append(gobInt(b, id), 0)
	for _, f := range fields {
		b = gobInt(append(b, 1), f)
	}
	return append(b, 0, 0)
}

// gobStruct is the definition of a struct of fields of types.
func gobStruct(id int64, fields ...int64) []byte {
	b := append(gobInt(nil, -id), 3, 1, 2)
	b = append(gobInt(b, id), 0, 1)
	b = gobUint(b, uint64(len(fields)))
	for i, f := range fields {
		name := fmt.Sprintf("F%d", i)
		b = append(append(b, 1, byte(len(name))), name...)
		b = append(gobInt(append(b, 1), f), 0)
	}
	return append(b, 0, 0)
}

var (
	gobHead  = gobMessage(gobType(64, 4, 8, 8))                           // map[any]any is 64
	gobAnies = append([]byte("\x0e[]interface {}"), gobType(65, 2, 8)...) // []any is 65, its name before
)

func gobText(s string) []byte {
	return append(append([]byte("\x06string\x0c"), byte(len(s)+2), 0, byte(len(s))), s...)
}

// hostile are gobs that are made for harm, or just wrong.
func hostile(t testing.TB) map[string][]byte {
	root := func(n uint64, rest ...[]byte) []byte { // a map of n entries
		return append(bytes.Clone(gobHead), gobMessage(append([][]byte{gobUint([]byte{0xff, 0x80, 0}, n)}, rest...)...)...)
	}
	all := map[string][]byte{
		"a long map":                root(1 << 40),
		"a map of 2^24 entries":     root(1 << 24),
		"a map of -1 entries":       root(math.MaxUint64),
		"a []byte for a key":        root(1, []byte("\x07[]uint8\x0a\x03\x00\x01x\x00")),
		"a key twice":               root(2, gobText("k"), gobText("v"), gobText("k"), gobText("w")),
		"an unknown type":           root(1, gobText("k"), []byte("\x09main.Evil\x04\x02\x00\x02")),
		"an interface's type":       root(1, gobText("k"), []byte("\x0cinterface {}\x10\x02\x00\x00")),
		"a type that does not fit":  root(1, gobText("k"), []byte("\x03int\x0c\x02\x00\x01x")),
		"an int8 out of range":      root(1, gobText("k"), []byte("\x04int8\x04\x04\x00\xfe\x02\x00")),
		"a uint8 out of range":      root(1, gobText("k"), []byte("\x05uint8\x06\x04\x00\xfe\x02\x00")),
		"a float32 out of range":    root(1, gobText("k"), append([]byte("\x07float32\x08\x0b\x00"), gobUint(nil, 0xffffffffffffef7f)...)),
		"a complex64 out of range":  root(1, gobText("k"), append([]byte("\x09complex64\x0e\x0b\x00\x00"), gobUint(nil, 0xffffffffffffef7f)...)),
		"a long string":             root(1, gobText("k"), []byte("\x06string\x0c\x05\x00\xfc\x7f\xff\xff\xff")),
		"a long name":               root(1, []byte("\xfc\x7f\xff\xff\xff")),
		"a number of nine bytes":    root(1, []byte("\xf7123456789")),
		"one in nine bytes":         append(bytes.Clone(gobHead), gobMessage([]byte{0xff, 0x80, 0, 0xf7, 0, 0, 0, 0, 0, 0, 0, 0, 0})...),
		"a number cut short":        append(bytes.Clone(gobHead), gobMessage([]byte{0xff, 0x80, 0, 0xfc, 1})...),
		"a type of a large number":  append(gobMessage(gobType(1<<33, 2, 8)), root(0)...),
		"a type of a negative kind": append(gobMessage(gobInt(nil, -66), gobUint(nil, math.MaxUint64), []byte{0, 0}), root(0)...),
		"a value behind its type":   gobMessage(gobType(64, 4, 8, 8), []byte{0, 0xff, 0x80, 0, 0}),
		"a message too long":        append(bytes.Clone(gobHead), 0x7f, 1),
		"a huge message":            append(bytes.Clone(gobHead), 0xf8, 0x7f, 1, 1, 1, 1, 1, 1, 1),
		"no value":                  gobHead,
		"nothing":                   {},
		"an empty message":          {0},
		"another type":              gobMessage([]byte("\x0c\x00\x01x")),
		"a type that is not there":  gobMessage([]byte("\xff\x80\x00\x00")),
		"a reserved type":           gobMessage([]byte("\x20\x00\x00")),
		"a type defined twice":      append(bytes.Clone(gobHead), root(0)...),
		"a reserved type, defined":  append(gobMessage(gobType(16, 4, 8, 8)), root(0)...),
		"the least number, defined": gobMessage(gobInt(nil, math.MinInt64), []byte{4, 0, 0}),
		"a type of nothing":         append(gobMessage(gobInt(nil, -66), []byte{0}), root(0)...),
		"a type of two kinds":       append(gobMessage(gobInt(nil, -66), []byte{1, 0, 1, 0, 0}), root(0)...),
		"more behind":               append(root(0), 0),
		"more in the message":       root(0, []byte{0}),
		"not the zero":              append(bytes.Clone(gobHead), gobMessage([]byte{0xff, 0x80, 1, 0})...),
		"a time of 2^31 ns":         root(1, gobText("k"), []byte("\x09time.Time"), append(gobInt(nil, -66), 5, 1, 2, 0xff, 0x84, 0, 0, 0, 20), []byte("\xff\x84\x11\x00\x0f\x01\x00\x00\x00\x0e\xdc\xe5\xe8\x00\x80\x00\x00\x01\xff\xff")),
		"a time that is none":       root(1, gobText("k"), []byte("\x09time.Time"), append(gobInt(nil, -66), 5, 1, 2, 0xff, 0x84, 0, 0, 0, 20), []byte("\xff\x84\x04\x00\x02\x01\x00")),
		"a truncated type":          gobMessage(gobType(64, 4, 8, 8)[:7]),
	}
	var types []byte
	for i := range 300 {
		types = append(types, gobMessage(gobType(int64(100+i), 2, int64(101+i)))...)
	}
	all["slices of slices"] = append(types, root(0)...)
	for len(types) < 8<<10 {
		types = append(types, gobMessage(gobInt(nil, -int64(2000+len(types))), []byte{2, 0, 0})...)
	}
	all["many types"] = append(types, root(1<<20)...)

	// []any of huge length in []any of huge length ...
	deep := append(bytes.Clone(gobHead), gobMessage([]byte{0xff, 0x80, 0, 1, 0}, gobAnies)...)
	var body []byte
	for i := 0; len(body) < 8<<10; i++ {
		if i > 0 {
			body = append(body, "\x0e[]interface {}"...)
		}
		body = gobUint(append(body, 0xff, 0x82, 5, 0), 1<<28)
	}
	all["nested long slices"] = append(deep, gobMessage(body)...)
	body = nil
	for i := 0; len(body) < 8<<10; i++ { // of what may be there, each
		if i > 0 {
			body = append(body, "\x0e[]interface {}"...)
		}
		body = gobUint(append(body, 0xff, 0x82, 5, 0), 300)
	}
	all["nested slices of 300"] = append(deep, gobMessage(body)...)

	var nested any = "end"
	for range 65 {
		nested = []any{nested}
	}
	all["65 slices"] = toGob(t, map[any]any{"k": nested})
	nested = "end"
	for range 65 {
		nested = map[string]any{"": nested}
	}
	all["65 maps"] = toGob(t, map[any]any{"k": nested})
	all["many bools"] = toGob(t, map[any]any{"k": make([]bool, 4097)})
	all["many nils"] = toGob(t, map[any]any{"k": make([]any, 4097)})
	return all
}

const gorillaMemory = 1 << 20 // for what fits into MaxCookie

func TestGorillaBoundsHostileGobs(t *testing.T) {
	r := gorillaReader(t, gorillaConfig())
	for name, payload := range hostile(t) {
		value := gorillaSeal(gorillaHash, nil, gorillaTime, payload)
		if len(value) > takeover.MaxCookie {
			t.Fatalf("%s: %d bytes", name, len(value))
		}
		var err error
		n := allocated(func() { _, err = gorillaOpen(r, value) })
		if !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("%s: %v", name, err)
		}
		if n > gorillaMemory {
			t.Errorf("%s: %d bytes of memory", name, n)
		}
	}

	// What is read up to the limits is bounded as well.
	for name, x := range map[string]any{
		"nils": make([]any, 4000), "maps": make([]map[string]any, 4000), "texts": make([]string, 4000), "times": make([]time.Time, 300),
		"bytes": make([][]byte, 4000), "maps of text": make([]map[string]string, 4000),
	} {
		value := gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{"k": x}))
		var err error
		n := allocated(func() { _, err = gorillaOpen(r, value) })
		if err != nil || n > gorillaMemory {
			t.Errorf("%s: %v, %d bytes of memory", name, err, n)
		}
	}
	for _, depth := range []int{60, 63} {
		var nested any = "end"
		for range depth {
			nested = []any{nested}
		}
		if _, err := gorillaOpen(r, gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{"k": nested}))); err != nil {
			t.Errorf("%d slices: %v", depth, err)
		}
	}

	// A field that is not exported is skipped.
	c := gorillaConfig()
	c.Type = reflect.TypeFor[gorillaHidden]()
	named := gobMessage(bytes.ReplaceAll(gobStruct(64, 2, 2), []byte("\x02F1"), []byte("\x02f1")))
	f, err := gorillaOpen(gorillaReader(t, c), gorillaSeal(gorillaHash, nil, gorillaTime, append(named, gobMessage([]byte{0xff, 0x80, 1, 2, 1, 2, 0})...)))
	if err != nil || f.Data != (gorillaHidden{F0: 1, f1: 0}) {
		t.Errorf("a field that is not exported: %v, %v", f.Data, err)
	}

	// The same for what is skipped, and for what is not of a type of gob's.
	long := gobUint(nil, 1<<40)
	c.Types = []any{gorillaText{}, gorillaUser{}}
	for name, test := range map[string]struct {
		t    reflect.Type
		gobs [][]byte
	}{
		"skipped slices in slices": {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 65, 2)), gobMessage(gobType(65, 2, 65)), gobMessage([]byte{0xff, 0x80, 1}, bytes.Repeat([]byte{1}, 9000))}},
		"a skipped slice":          {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 65, 2)), gobMessage(gobType(65, 2, 2)), gobMessage([]byte{0xff, 0x80, 1}, long)}},
		"a skipped map":            {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 65, 2)), gobMessage(gobType(65, 4, 2, 2)), gobMessage([]byte{0xff, 0x80, 1}, long)}},
		"skipped structs":          {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 64, 2)), gobMessage([]byte{0xff, 0x80}, bytes.Repeat([]byte{1}, 9000))}},
		"a skipped unknown":        {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 99, 2)), gobMessage([]byte{0xff, 0x80, 1, 0})}},
		"a skipped bad interface":  {reflect.TypeFor[struct{ F1 int }](), [][]byte{gobMessage(gobStruct(64, 8, 2)), gobMessage([]byte{0xff, 0x80, 1, 1, 'x', 4, 1, 1, 1})}},
		"another struct":           {reflect.TypeFor[gorillaName](), [][]byte{gobMessage(gobStruct(64, 2)), gobMessage([]byte{0xff, 0x80, 1, 2, 0})}},
		"a field that is not":      {reflect.TypeFor[struct{ F0 int }](), [][]byte{gobMessage(gobStruct(64, 2)), gobMessage([]byte{0xff, 0x80, 2, 2, 0})}},
		"a field far away":         {reflect.TypeFor[struct{ F0 int }](), [][]byte{gobMessage(gobStruct(64, 2)), gobMessage([]byte{0xff, 0x80}, gobUint(nil, math.MaxUint64), []byte{2, 0})}},
		"an unfinished struct":     {reflect.TypeFor[struct{ F0 int }](), [][]byte{gobMessage(gobStruct(64, 2)), gobMessage([]byte{0xff, 0x80, 1, 2})}},
		"a type that does not fit": {reflect.TypeFor[struct{ F0 string }](), [][]byte{gobMessage(gobStruct(64, 2)), gobMessage([]byte{0xff, 0x80, 0})}},
		"a promoted field":         {reflect.TypeFor[gorillaHeir](), [][]byte{gobMessage(gobStruct(64, 6)), gobMessage([]byte{0xff, 0x80, 1, 1, 'x', 0})}},
		"an array too long":        {reflect.TypeFor[[2]int](), [][]byte{gobMessage(gobType(64, 1, 2, 2)), gobMessage([]byte{0xff, 0x80, 0, 3, 2, 2, 2})}},
		"an array of 3 for 2":      {reflect.TypeFor[[2]int](), [][]byte{gobMessage(gobType(64, 1, 2, 3)), gobMessage([]byte{0xff, 0x80, 0, 2, 2, 2})}},
		"an array of another type": {reflect.TypeFor[[2]int](), [][]byte{gobMessage(gobType(64, 1, 2, 3)), gobMessage([]byte{0xff, 0x80, 0, 3, 2, 2, 2})}},
		"70 types of lists": {reflect.TypeFor[gorillaList](), append(func() (defs [][]byte) {
			for i := range int64(70) {
				defs = append(defs, gobMessage(bytes.ReplaceAll(gobStruct(64+i, 65+i), []byte("\x02F0"), []byte("\x04Next"))))
			}
			return defs
		}(), gobMessage([]byte{0xff, 0x80, 0}))},
		"bytes that are not": {reflect.TypeFor[gorillaText](), [][]byte{toGob(t, gorillaText{"bad"})}},
		"a text for its own": {reflect.TypeFor[gorillaText](), [][]byte{toGob(t, "x")}},
		"its own for a text": {reflect.TypeFor[string](), [][]byte{toGob(t, gorillaText{"x"})}},
		"binary for gob":     {reflect.TypeFor[time.Time](), [][]byte{toGob(t, gorillaText{"\x01\x00\x00\x00\x0e\xdc\xe5\xe8\x00\x00\x00\x00\x01\xff\xff"})}},
		"not an error":       {reflect.TypeFor[struct{ F0 error }](), [][]byte{gobMessage(gobStruct(64, 8)), gobMessage([]byte{0xff, 0x80, 1}, gobText("x"), []byte{0})}},
		"a list without end": {reflect.TypeFor[gorillaList](), [][]byte{gobMessage(bytes.ReplaceAll(gobStruct(64, 64), []byte("\x02F0"), []byte("\x04Next"))), gobMessage([]byte{0xff, 0x80}, bytes.Repeat([]byte{1}, 8000))}},
		"70 of a list": {reflect.TypeFor[gorillaList](), [][]byte{func() []byte {
			l := &gorillaList{}
			for range 70 {
				l = &gorillaList{l}
			}
			return toGob(t, l)
		}()}},
	} {
		c.Type = test.t
		value := gorillaSeal(gorillaHash, nil, gorillaTime, bytes.Join(test.gobs, nil))
		r := gorillaReader(t, c)
		var err error
		n := allocated(func() { _, err = gorillaOpen(r, value) })
		if !errors.Is(err, session.ErrUndecodable) || n > gorillaMemory {
			t.Errorf("%s: %v, %d bytes of memory", name, err, n)
		}
		if strings.Contains(name, "0 ") || strings.HasPrefix(name, "skipped") {
			if err == nil || !strings.Contains(err.Error(), "too deeply") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestGorillaBoundsJSONAndLengths(t *testing.T) {
	c := gorillaConfig()
	c.Serializer = takeover.GorillaJSON
	r := gorillaReader(t, c)
	for _, payload := range []string{strings.Repeat("[", 8000), strings.Repeat("[", 65) + strings.Repeat("]", 65), "[" + strings.Repeat("0,", 4097) + "0]", `{"a":1,"a":2}`, "{}{}", "", "nul"} {
		if _, err := gorillaOpen(r, gorillaSeal(gorillaHash, nil, gorillaTime, []byte(payload))); !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("%.20s: %v", payload, err)
		}
	}
	c.Serializer = takeover.GorillaRaw
	raw := func(n int) string { return gorillaSeal(gorillaHash, nil, gorillaTime, make([]byte, n)) }
	for _, test := range []struct{ setting, limit int }{{0, 4096}, {100, 100}, {-1, takeover.MaxCookie}, {1 << 30, takeover.MaxCookie}} {
		c.MaxLength = test.setting
		r := gorillaReader(t, c)
		n, longest := max(0, test.limit*9/16-200), 0
		for ; len(raw(n)) <= test.limit; n++ {
			longest = len(raw(n))
		}
		if longest > 0 {
			if _, err := gorillaOpen(r, raw(n-1)); err != nil {
				t.Errorf("MaxLength %d, %d bytes: %v", test.setting, longest, err)
			}
		}
		if _, err := gorillaOpen(r, raw(n)); !errors.Is(err, session.ErrTooLarge) {
			t.Errorf("MaxLength %d, %d bytes: %v", test.setting, len(raw(n)), err)
		}
	}
	huge := strings.Repeat("A", 1<<20)
	if n := allocated(func() {
		if _, err := gorillaOpen(r, huge); !errors.Is(err, session.ErrTooLarge) {
			t.Error(err)
		}
	}); n > 1<<16 {
		t.Errorf("1 MB is refused with %d bytes of memory", n)
	}
}

func TestGorillaSaysAtWhichStageItRefuses(t *testing.T) {
	const secret = "Secr3t"
	c := gorillaConfig()
	payload := toGob(t, map[any]any{"k": secret})
	inner := base64.URLEncoding.EncodeToString(payload)
	good := gorillaSeal(gorillaHash, nil, gorillaTime, payload)
	decoded, _ := base64.URLEncoding.DecodeString(good)
	mac := func(verified string) string { return gorillaMAC("session", gorillaHash, verified) }
	date := fmt.Sprint(gorillaTime.Unix())
	for name, test := range map[string]struct {
		value string
		want  session.Reason
	}{
		"empty":                 {"", session.ErrMalformed},
		"not base64":            {"%" + secret, session.ErrMalformed},
		"base64 without end":    {strings.TrimRight(mac(date+"|"+inner+"|"), "=")[:5], session.ErrMalformed},
		"a line break":          {good[:8] + "\n" + good[8:], session.ErrMalformed},
		"standard base64":       {base64.StdEncoding.EncodeToString(append(bytes.Clone(decoded), 0xfb, 0xff, 0xfe)), session.ErrMalformed},
		"no bars":               {base64.URLEncoding.EncodeToString([]byte(secret)), session.ErrMalformed},
		"one bar":               {base64.URLEncoding.EncodeToString([]byte("1|" + secret)), session.ErrMalformed},
		"no MAC":                {base64.URLEncoding.EncodeToString([]byte(date + "|" + inner + "|")), session.ErrForged},
		"a MAC cut short":       {base64.URLEncoding.EncodeToString(decoded[:len(decoded)-1]), session.ErrForged},
		"a MAC and a byte":      {base64.URLEncoding.EncodeToString(append(bytes.Clone(decoded), 0)), session.ErrForged},
		"another name":          {gorillaMAC("other", gorillaHash, date+"|"+inner+"|"), session.ErrForged},
		"another key":           {gorillaSeal([]byte("another"), nil, gorillaTime, payload), session.ErrForged},
		"no name":               {gorillaMAC("", gorillaHash, date+"|"+inner+"|"), session.ErrForged},
		"no date":               {mac("|" + inner + "|"), session.ErrMalformed},
		"a date with a sign":    {mac("+" + date + "|" + inner + "|"), session.ErrMalformed},
		"a negative date":       {mac("-" + date + "|" + inner + "|"), session.ErrMalformed},
		"a date with a zero":    {mac("0" + date + "|" + inner + "|"), session.ErrMalformed},
		"a date with a space":   {mac(date + " |" + inner + "|"), session.ErrMalformed},
		"a huge date":           {mac("99999999999999999999|" + inner + "|"), session.ErrMalformed},
		"a far date":            {mac("9223372036854775807|" + inner + "|"), session.ErrFuture},
		"the beginning of time": {mac("0|" + inner + "|"), session.ErrExpired},
		"inner not base64":      {mac(date + "|" + secret + "#|"), session.ErrUndecodable},
		"inner unpadded":        {mac(date + "|" + strings.TrimRight(base64.URLEncoding.EncodeToString([]byte("ab")), "=") + "|"), session.ErrUndecodable},
		"not gob":               {gorillaSeal(gorillaHash, nil, gorillaTime, []byte(secret)), session.ErrUndecodable},
		"another type":          {gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, secret)), session.ErrUndecodable},
		"a type that is its own": {gorillaSeal(gorillaHash, nil, gorillaTime, bytes.ReplaceAll(toGob(t, map[any]any{"k": gorillaText{"x"}}), []byte("gorillaText"), []byte("Secr3t.Text"))),
			session.ErrUndecodable},
		"encrypted": {gorillaSeal(gorillaHash, gorillaBlock, gorillaTime, payload), session.ErrUndecodable},
	} {
		_, err := gorillaOpen(gorillaReader(t, c), test.value)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), date)) {
			t.Errorf("%s: the error quotes the cookie: %v", name, err)
		}
	}
	f, err := gorillaOpen(gorillaReader(t, c), good)
	if err != nil || !f.Start.Equal(gorillaTime) || !f.Expires.Equal(gorillaTime.Add(30*24*time.Hour+time.Second)) {
		t.Errorf("%v, %v", f, err)
	}

	c.KeyPairs = [][]byte{gorillaHash, gorillaBlock}
	r := gorillaReader(t, c)
	c.Serializer = takeover.GorillaRaw
	raw := gorillaReader(t, c)
	for name, value := range map[string]string{
		"another block key": gorillaSeal(gorillaHash, bytes.ToUpper(gorillaBlock), gorillaTime, payload),
		"not encrypted":     good,
	} {
		if _, err := gorillaOpen(r, value); !errors.Is(err, session.ErrUndecodable) || !strings.Contains(err.Error(), "block key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 17 {
		if _, err := gorillaOpen(raw, gorillaSeal(gorillaHash, nil, gorillaTime, make([]byte, n))); !errors.Is(err, session.ErrUndecodable) {
			t.Errorf("%d bytes of what should be encrypted: %v", n, err)
		}
	}
}

func TestGorillaAges(t *testing.T) {
	value := gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{}))
	second := time.Second
	for _, test := range []struct {
		maxAge, minAge, age time.Duration
		want                error
	}{
		{0, 0, 30*24*time.Hour + second - 1, nil},
		{0, 0, 30*24*time.Hour + second, session.ErrExpired},
		{time.Hour, 0, time.Hour, nil},
		{time.Hour, 0, time.Hour + second - 1, nil},
		{time.Hour, 0, time.Hour + second, session.ErrExpired},
		{takeover.NoMaxAge, 0, 20 * 365 * 24 * time.Hour, nil},
		{0, 0, -60 * second, nil},
		{0, 0, -60*second - 1, session.ErrFuture},
		{0, 0, 0, nil},
		{0, 100 * second, 99*second + 999_999_999, session.ErrFuture},
		{0, 100 * second, 100 * second, nil},
		{100 * second, 100 * second, 100 * second, nil},
	} {
		c := gorillaConfig()
		c.MaxAge, c.MinAge = test.maxAge, test.minAge
		f, err := gorillaReader(t, c).Open(gorillaTime.Add(test.age), []string{value})
		if !errors.Is(err, test.want) || err != nil && test.want == nil {
			t.Errorf("MaxAge %v, MinAge %v, aged %v: %v", test.maxAge, test.minAge, test.age, err)
		}
		if test.maxAge == takeover.NoMaxAge && !f.Expires.IsZero() {
			t.Errorf("without MaxAge, it expires at %v", f.Expires)
		}
		if err == nil && test.maxAge > 0 && !f.Expires.Equal(gorillaTime.Add(test.maxAge+second)) {
			t.Errorf("with MaxAge %v, it expires at %v", test.maxAge, f.Expires)
		}
	}
}

func TestGorillaTriesEveryPair(t *testing.T) {
	other, otherBlock := []byte("another hash key"), bytes.ToUpper(gorillaBlock)[:16]
	payload := toGob(t, map[any]any{"user": "tom"})
	all := [][]byte{[]byte("the newest"), nil, gorillaHash, otherBlock, gorillaHash, gorillaBlock, gorillaHash, nil, other}
	c := gorillaConfig()
	c.KeyPairs = all
	r := gorillaReader(t, c)
	for i := 0; i < len(all); i += 2 {
		var block []byte
		if i+1 < len(all) {
			block = all[i+1]
		}
		f, err := gorillaOpen(r, gorillaSeal(all[i], block, gorillaTime, payload))
		if err != nil || !reflect.DeepEqual(f.Data, map[any]any{"user": "tom"}) {
			t.Errorf("pair %d: %v, %v", i/2, f.Data, err)
		}
	}
	// A block key belongs to its hash key.
	if _, err := gorillaOpen(r, gorillaSeal(other, gorillaBlock, gorillaTime, payload)); !errors.Is(err, session.ErrUndecodable) {
		t.Error(err)
	}
	// Keys are copied.
	keys := [][]byte{bytes.Clone(gorillaHash)}
	c.KeyPairs = keys
	r = gorillaReader(t, c)
	keys[0][0] ^= 1
	if _, err := gorillaOpen(r, gorillaSeal(gorillaHash, nil, gorillaTime, payload)); err != nil {
		t.Error(err)
	}
}

func TestGorillaListsEveryProblem(t *testing.T) {
	hexKey := []byte(hex.EncodeToString(gorillaBlock))
	text := []byte(base64.StdEncoding.EncodeToString(gorillaBlock))
	for _, test := range []struct {
		change func(*takeover.GorillaConfig)
		want   []string
	}{
		{func(c *takeover.GorillaConfig) { *c = takeover.GorillaConfig{} }, []string{"Cookie is empty", "KeyPairs is empty"}},
		{func(c *takeover.GorillaConfig) { c.KeyPairs = [][]byte{{}, nil, nil} }, []string{"KeyPairs[0] is a hash key, and is empty", "KeyPairs[2] is a hash key, and is empty"}},
		{func(c *takeover.GorillaConfig) {
			c.KeyPairs = [][]byte{gorillaHash, gorillaHash, gorillaHash, hexKey, gorillaHash, text, gorillaHash, {}}
		},
			[]string{"KeyPairs[1] is a block key of 33 bytes", "a nil is missing before it", "KeyPairs[3] is a block key of 64 bytes", "the hex of one", "KeyPairs[5] is a block key of 44 bytes", "the base64 of one", "KeyPairs[7] is a block key of 0 bytes", "nil stands for none"}},
		{func(c *takeover.GorillaConfig) {
			c.KeyPairs, c.Serializer = [][]byte{gorillaHash, gorillaBlock, gorillaHash, nil}, takeover.GorillaRaw
		}, []string{"KeyPairs[0] and [2] are the same hash key"}},
		{func(c *takeover.GorillaConfig) { c.MaxAge, c.MinAge = -time.Hour, -1 }, []string{"MaxAge is -1h0m0s", "MinAge is -1ns"}},
		{func(c *takeover.GorillaConfig) { c.MaxAge, c.MinAge = time.Millisecond, time.Second+1 }, []string{"MaxAge is 1ms", "MinAge is 1.000000001s"}},
		{func(c *takeover.GorillaConfig) { c.MaxAge, c.MinAge = time.Minute, time.Hour }, []string{"nothing is ever that old"}},
		{func(c *takeover.GorillaConfig) { c.MaxLength = -2 }, []string{"MaxLength is -2"}},
		{func(c *takeover.GorillaConfig) { c.Serializer = 9 }, []string{"Serializer is 9"}},
		{func(c *takeover.GorillaConfig) { c.Serializer, c.Types = takeover.GorillaJSON, []any{gorillaUser{}} }, []string{"Type and Types are for GorillaGob"}},
		{func(c *takeover.GorillaConfig) {
			c.Serializer, c.Type = takeover.GorillaRaw, reflect.TypeFor[string]()
		}, []string{"Type and Types are for GorillaGob"}},
		{func(c *takeover.GorillaConfig) { c.Type = reflect.TypeFor[chan int]() }, []string{"Type is chan int"}},
		{func(c *takeover.GorillaConfig) { c.Types = []any{nil, func() {}, new(any)} }, []string{"Types[0]", "Types[1]", "Types[2]"}},
		{func(c *takeover.GorillaConfig) { c.Types = []any{new(gorillaName), clashing()} }, []string{"Types[1]", "has the name of another type"}},
	} {
		c := gorillaConfig()
		test.change(&c)
		r, err := takeover.Gorilla(c)
		if err == nil || r != nil {
			t.Errorf("no problem, and it has %q", test.want)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nhas no %q", err, want)
			}
		}
		if strings.Contains(err.Error(), string(gorillaHash)) || strings.Contains(err.Error(), string(hexKey)) || strings.Contains(err.Error(), string(text)) {
			t.Errorf("the error quotes a key: %v", err)
		}
	}
}

// clashing returns a value of a type whose name in a gob is that of *gorillaName.
func clashing() any {
	type gorillaName struct{ X int }
	return new(gorillaName)
}

func TestGorillaHashIsTheOneConfigured(t *testing.T) {
	value := gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{}))
	c := gorillaConfig()
	c.Hash = func() hash.Hash { return sha256.New224() }
	if _, err := gorillaOpen(gorillaReader(t, c), value); !errors.Is(err, session.ErrForged) {
		t.Error(err)
	}
}

func TestGorillaDataBecomeValues(t *testing.T) {
	payload := toGob(t, map[any]any{"n": 4, "who": "tom", "cart": []string{"a"}, "_flash": []any{"hello"}, "nothing": nil})
	f, err := gorillaOpen(gorillaReader(t, gorillaConfig()), gorillaSeal(gorillaHash, nil, gorillaTime, payload))
	if err != nil {
		t.Fatal(err)
	}
	v, err := takeover.Values(f.Data)
	if err != nil || session.Key[int64]("n").Get(v) != 4 || session.Key[string]("who").Get(v) != "tom" || v.Len() != 4 {
		t.Errorf("%v, %v", v, err)
	}
}

// gorillaSeeds adds the values of the cases, or what payload has them be.
func gorillaSeeds(f *testing.F, add func(value string)) {
	for _, c := range casesOf(f, "gorilla") {
		add(c.CookieValues[0].Value)
	}
}

func FuzzGorilla(f *testing.F) {
	gorillaSeeds(f, func(value string) { f.Add(value) })
	r := gorillaReader(f, gorillaConfig())
	f.Fuzz(func(t *testing.T, value string) {
		if _, err := gorillaOpen(r, value); err == nil || !errors.As(err, new(session.Reason)) {
			t.Fatalf("a value that no key has made: %v", err)
		}
	})
}

// What is read of a gob is what encoding/gob reads of it, in bounded memory.
func FuzzGorillaPayload(f *testing.F) {
	seeds := 0
	gorillaSeeds(f, func(value string) {
		b, _ := base64.URLEncoding.DecodeString(value)
		parts := bytes.SplitN(b, []byte("|"), 3)
		if len(parts) < 2 {
			return
		}
		if payload, err := base64.URLEncoding.DecodeString(string(parts[1])); err == nil {
			f.Add(payload)
			seeds++
		}
	})
	if seeds == 0 {
		f.Fatal("no case has a payload")
	}
	for _, payload := range hostile(f) {
		f.Add(payload)
	}
	f.Add(toGob(f, gorillaUser{Name: "tom", Boss: &gorillaUser{}, Extra: []any{gorillaTag("x")}}))
	f.Add(toGob(f, gorillaEach{Name: "tom", Other: []any{1}, Table: map[string]gorillaText{"a": {}}}))

	c := gorillaConfig()
	plain := gorillaReader(f, c)
	c.Types = []any{gorillaTag(""), gorillaText{}, &gorillaName{}, gorillaUser{}}
	c.Type = reflect.TypeFor[gorillaUser]()
	typed := gorillaReader(f, c)
	c.Type, c.Types, c.Serializer = nil, nil, takeover.GorillaJSON
	json := gorillaReader(f, c)
	f.Fuzz(func(t *testing.T, payload []byte) {
		value := gorillaSeal(gorillaHash, nil, gorillaTime, payload)
		for _, r := range []*takeover.Reader{typed, json, plain} {
			var got session.Foreign
			var err error
			if n := allocated(func() { got, err = gorillaOpen(r, value) }); n > 4*gorillaMemory {
				t.Fatalf("%d bytes of memory for %d", n, len(payload))
			}
			if err != nil {
				if !errors.As(err, new(session.Reason)) {
					t.Fatal(err)
				}
				continue
			}
			if r != plain {
				continue
			}
			var want map[any]any
			if err := gob.NewDecoder(bytes.NewReader(payload)).Decode(&want); err != nil {
				t.Fatalf("read, and encoding/gob says %v", err)
			}
			if a, b := fmt.Sprintf("%#v", got.Data), fmt.Sprintf("%#v", want); a != b {
				t.Fatalf("read as %s, by encoding/gob as %s", a, b)
			}
		}
	})
}
