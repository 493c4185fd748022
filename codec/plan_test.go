package codec_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

type (
	embeddedTime struct {
		time.Time
		Name string
	}
	textual interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
	}
	inPointer struct{ *time.Time }
	inInner   struct{ embeddedTime }
	justTime  struct{ time.Time }
	base      struct {
		ID   int    `json:"id"`
		Kind string `json:"kind"`
	}
	middle struct {
		base
		Level uint8 `json:"level"`
	}
	outer struct {
		middle
		Name string `json:"name"`
	}
	namedBase struct {
		base `json:"base"`
	}
	NamedBase struct {
		Base base `json:"base"`
	}
	plainBase  struct{ ID int }
	otherPlain struct{ ID string }
	otherBase  struct {
		ID int `json:"id"`
	}
	Pointed struct{ X int }
	Number  int
	Seconds float64
	Tree    struct {
		Left, Right *Tree
		Leaves      []Tree
		ByName      map[string]Tree
	}
	byteish  uint8
	onlyJSON struct{ N int }
	secret   struct {
		Open   string
		hidden string
	}
)

func (onlyJSON) MarshalJSON() ([]byte, error)  { return []byte("1"), nil }
func (*onlyJSON) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, new(int)) }

// celsius has its own JSON and its own text; the text serves.
type celsius struct{ degrees int }

func (c celsius) MarshalJSON() ([]byte, error) { return []byte(`{"degrees":[]}`), nil }
func (c *celsius) UnmarshalJSON([]byte) error  { return errors.New("not by JSON") }
func (c celsius) MarshalText() ([]byte, error) { return []byte(strings.Repeat("°", c.degrees)), nil }
func (c *celsius) UnmarshalText(b []byte) error {
	c.degrees = strings.Count(string(b), "°")
	return nil
}

// mood is an integer that is text, by a method of its value.
type mood int

func (m mood) MarshalText() ([]byte, error) { return []byte([]string{"low", "high"}[m]), nil }
func (m *mood) UnmarshalText(b []byte) error {
	*m = map[string]mood{"low": 0, "high": 1}[string(b)]
	return nil
}

// weekday is text by methods of its pointer only, and a string otherwise.
type weekday string

func (d *weekday) MarshalText() ([]byte, error) { return []byte("day:" + string(*d)), nil }
func (d *weekday) UnmarshalText(b []byte) error {
	*d = weekday(strings.TrimPrefix(string(b), "day:"))
	return nil
}

// TestWhatCannotBeCarriedIsRefused: every codec says so, with the path, before any
// user's data are at stake: Append of the zero value is enough to find out.
func TestWhatCannotBeCarriedIsRefused(t *testing.T) {
	_ = secret{}.hidden
	for name, c := range map[string]struct {
		v    any
		path string
	}{
		"any in a field":           {&struct{ A struct{ B []any } }{}, ".A.B[]: an interface"},
		"map of any":               {&struct{ M map[string]any }{}, ".M[]: an interface"},
		"channel":                  {&struct{ C map[int][]chan int }{}, ".C[][]: chan int"},
		"function":                 {&struct{ F *func() }{}, ".F: func()"},
		"unexported field":         {&secret{}, "secret.hidden: an unexported field"},
		"mutex":                    {&struct{ M sync.Mutex }{}, ".M."},
		"url.URL":                  {&struct{ U url.URL }{}, ".U.User.password: an unexported field"},
		"*url.URL":                 {&struct{ U *url.URL }{}, ".U.User.username: an unexported field"},
		"text of an embedded time": {&embeddedTime{}, "embeddedTime: codec_test.embeddedTime has the MarshalText of its embedded time.Time"},
		"text of an embedded pointer": {&struct {
			*time.Time
			Name string
		}{}, " has the MarshalText of its embedded *time.Time"},
		"text of an embedded pointer alone": {&inPointer{}, "inPointer: codec_test.inPointer has the MarshalText of its embedded *time.Time"},
		"text of an embedded interface": {&struct {
			textual
			Name string
		}{}, " has the MarshalText of its embedded codec_test.textual"},
		"text of an embedded interface alone":    {&struct{ textual }{}, " has the MarshalText of its embedded codec_test.textual"},
		"text of what an embedded struct embeds": {&inInner{}, "inInner: codec_test.inInner has the MarshalText of its embedded time.Time"},
		"halves of a text, embedded": {&struct {
			encoding.TextMarshaler
			encoding.TextUnmarshaler
		}{}, " has the MarshalText of its embedded encoding.TextMarshaler"},
		"shadowed name": {&struct {
			plainBase
			ID int
		}{}, ".ID: another field has its name, ID"},
		"two embedded of one name": {&struct {
			plainBase
			otherPlain
		}{}, ".otherPlain.ID: another field has its name, ID"},
		"two levels, one name": {&struct {
			middle
			otherBase
		}{}, "another field has its name, id"},
		"embedded pointer":           {&struct{ *Pointed }{}, ".Pointed: an embedded *codec_test.Pointed needs a name"},
		"embedded number":            {&struct{ Number }{}, ".Number: an embedded codec_test.Number needs a name"},
		"unexported embedded, named": {&namedBase{}, ".base: an unexported field"},
		"embedded with options": {&struct {
			base `json:",omitempty"`
		}{}, ".base: an embedded struct has no options"},
		"own JSON, no text":     {&struct{ J onlyJSON }{}, ".J: codec_test.onlyJSON has its own JSON or CBOR form"},
		"json.RawMessage":       {&struct{ J json.RawMessage }{}, " has its own JSON or CBOR form"},
		"json.Number":           {&struct{ J json.Number }{}, " has its own JSON or CBOR form"},
		"bytes of another type": {&struct{ B []byteish }{}, ".B: []codec_test.byteish cannot be carried"},
		"cbor tag": {&struct {
			A int `cbor:"b"`
		}{}, ".A: the json tag serves all codecs"},
		"toarray": {&struct {
			_ struct{} `cbor:",toarray"`
			A int
		}{}, "._: the json tag serves all codecs"},
		"option string": {&struct {
			A int `json:",string"`
		}{}, "not \"string\""},
		"option format": {&struct {
			A time.Time `json:"a,format:unix"`
		}{}, "not \"format:unix\""},
		"option inline": {&struct {
			A base `json:",inline"`
		}{}, "not \"inline\""},
		"option omitEmpty": {tagged(`json:"a,omitEmpty"`), ".A: json tags may have the options omitempty and omitzero only, each once, not \"omitEmpty\""},
		"name with a quote": {&struct {
			A int `json:"'a b'"`
		}{}, "malformed json tag"},
		"option twice":         {tagged(`json:"a,omitempty,omitzero,omitempty"`), ".A: json tags may have the options omitempty and omitzero only, each once, not \"omitempty\""},
		"option of no name":    {tagged(`json:"a,,omitempty"`), ".A: malformed json tag"},
		"no option at the end": {tagged(`json:"a,omitempty,"`), ".A: malformed json tag"},
		"embedded with a comma": {reflect.New(reflect.StructOf([]reflect.StructField{
			{Name: "Pointed", Type: reflect.TypeFor[Pointed](), Anonymous: true, Tag: `json:","`},
		})).Interface(), ".Pointed: an embedded struct has no options"},
		"blank fields only":          {&struct{ S struct{ _, _ int } }{}, ".S: a struct of nothing but blank fields"},
		"blank field with a name":    {blank(`json:"x"`), "._: a blank field cannot be carried: drop its json tag"},
		"blank field with an option": {blank(`json:",omitzero"`), "._: a blank field cannot be carried: drop its json tag"},
		"blank field, empty tag":     {blank(`json:""`), "._: a blank field cannot be carried: drop its json tag"},
		"name -":                     {tagged(`json:"-,"`), ".A: malformed json tag"},
		"map by text":                {&struct{ M map[mood]int }{}, ".M: a map by codec_test.mood"},
		"map by Duration":            {&struct{ M map[time.Duration]int }{}, ".M: a map by time.Duration"},
		"map by time":                {&struct{ M map[time.Time]int }{}, ".M: a map by time.Time cannot be carried: use strings or integers without methods"},
		"map by struct":              {&struct{ M map[base]int }{}, ".M: a map by codec_test.base"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cd := range codecs {
				_, err := cd.Append(nil, c.v)
				if err == nil || !strings.Contains(err.Error(), c.path) || !strings.HasPrefix(err.Error(), "codec: ") {
					t.Errorf("%s: Append: %v, want an error with %q", cd.Name(), err, c.path)
				}
				empty, err := cd.Append(nil, map[string]any{})
				if err != nil {
					t.Fatal(err)
				}
				target := reflect.New(reflect.TypeOf(c.v).Elem()).Interface()
				if err := cd.Decode(empty, target); err == nil || !strings.Contains(err.Error(), c.path) {
					t.Errorf("%s: Decode: %v, want an error with %q", cd.Name(), err, c.path)
				}
			}
		})
	}
}

// tagged is a struct whose field A has a tag that vet would not let stand.
func tagged(tag reflect.StructTag) any {
	return reflect.New(reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: tag}})).Interface()
}

// blank is a struct with a field _ of a tag that vet would not let stand.
func blank(tag reflect.StructTag) any {
	return reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "_", PkgPath: "codec_test", Type: reflect.TypeFor[struct{}](), Tag: tag},
		{Name: "A", Type: reflect.TypeFor[int]()},
	})).Interface()
}

// TestBlankFieldsAreNotThere: they hold nothing that a program could miss.
func TestBlankFieldsAreNotThere(t *testing.T) {
	comeBack(t, &struct {
		_ struct{}
		A int
		_ [4]byte `json:"-"`
	}{A: 7})
}

// TestNamesOfTags are taken as they are.
func TestNamesOfTags(t *testing.T) {
	comeBack(t, &struct {
		A int `json:"a:b"`
		B int `json:" b"`
		C int `json:"c ,omitzero"`
		D int `json:"größe"`
		E int `json:"a b"`
		F int `json:"$f" msgpack:"-" yaml:"other"`
	}{1, 2, 3, 4, 5, 6})
}

// TestAllProblemsOfATypeAreReported in one error.
func TestAllProblemsOfATypeAreReported(t *testing.T) {
	_, err := codec.JSON().Append(nil, &struct {
		A any
		B struct{ C chan int }
		D map[bool]func()
		E map[time.Time]int
		F any
		G chan int
		H []any
		I onlyJSON
		J onlyJSON
	}{})
	for _, path := range []string{".A:", ".B.C:", ".D:", ".D[]:", ".E:", ".F:", ".G:", ".H[]:", ".I:", ".J:"} {
		if err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%v does not have %s once", err, path)
		}
	}
}

// TestEmbeddedStructsLendTheirFields alike in all codecs.
func TestEmbeddedStructsLendTheirFields(t *testing.T) {
	in := outer{middle{base{1, "k"}, 2}, "n"}
	type flat struct {
		ID    int    `json:"id"`
		Kind  string `json:"kind"`
		Level uint8  `json:"level"`
		Name  string `json:"name"`
	}
	for _, c := range codecs {
		embedded, err := c.Append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		if by, err := c.Append(nil, &flat{1, "k", 2, "n"}); err != nil || string(by) != string(embedded) {
			t.Errorf("%s: %q with embedded structs, %q without", c.Name(), embedded, by)
		}
		var out outer
		if err := c.Decode(embedded, &out); err != nil || out != in {
			t.Errorf("%s: %+v, %v", c.Name(), out, err)
		}
	}
	comeBack(t, &NamedBase{base{3, "x"}})
}

// comeBack checks that what in points to comes back equal through every codec, also
// when it is not encoded by pointer.
func comeBack[T any](t *testing.T, in *T) {
	t.Helper()
	for _, c := range codecs {
		for _, v := range []any{in, *in} {
			data, err := c.Append(nil, v)
			if err != nil {
				t.Errorf("%s: %v", c.Name(), err)
				continue
			}
			var out T
			if err := c.Decode(data, &out); err != nil {
				t.Errorf("%s: %v", c.Name(), err)
			} else if !reflect.DeepEqual(&out, in) {
				t.Errorf("%s:\nput in %+v\n   got %+v", c.Name(), *in, out)
			}
		}
	}
}

// TestTextIsFoundEverywhere: a type with MarshalText and UnmarshalText is text in
// fields, slices, arrays and maps, by pointer and by value, whoever has the method,
// whatever other forms it has.
func TestTextIsFoundEverywhere(t *testing.T) {
	type places[T any] struct {
		V  T
		P  *T
		N  *T
		L  []T
		LP []*T
		A  [2]T
		M  map[string]T
		MP map[int]*T
		D  map[string][]map[int8]T
	}
	all := func(t *testing.T, v any) { // v is places[T] filled by hand below
		t.Helper()
		switch v := v.(type) {
		case *places[weekday]:
			comeBack(t, v)
		case *places[mood]:
			comeBack(t, v)
		case *places[celsius]:
			comeBack(t, v)
		case *places[big.Int]:
			comeBack(t, v)
		case *places[netip.Addr]:
			comeBack(t, v)
		case *places[net.IP]:
			comeBack(t, v)
		}
		// On the wire it is text.
		var m struct{ V, P string }
		for _, c := range codecs {
			data, err := c.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Decode(data, &m); err != nil || m.V == "" || m.V != m.P {
				t.Errorf("%s: %T is not text: %+v, %v", c.Name(), v, m, err)
			}
		}
	}
	all(t, fill(weekday("monday"), func(v *places[weekday], x weekday) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []weekday{x}, []*weekday{&x, nil}, [2]weekday{x, x}, map[string]weekday{"m": x}, map[int]*weekday{1: &x, 2: nil}, map[string][]map[int8]weekday{"d": {{-1: x}}}
	}))
	all(t, fill(mood(1), func(v *places[mood], x mood) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []mood{x}, []*mood{&x, nil}, [2]mood{x, x}, map[string]mood{"m": x}, map[int]*mood{1: &x, 2: nil}, map[string][]map[int8]mood{"d": {{-1: x}}}
	}))
	all(t, fill(celsius{3}, func(v *places[celsius], x celsius) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []celsius{x}, []*celsius{&x, nil}, [2]celsius{x, x}, map[string]celsius{"m": x}, map[int]*celsius{1: &x, 2: nil}, map[string][]map[int8]celsius{"d": {{-1: x}}}
	}))
	all(t, fill(*new(big.Int).Lsh(big.NewInt(1), 90), func(v *places[big.Int], x big.Int) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []big.Int{x}, []*big.Int{&x, nil}, [2]big.Int{x, x}, map[string]big.Int{"m": x}, map[int]*big.Int{1: &x, 2: nil}, map[string][]map[int8]big.Int{"d": {{-1: x}}}
	}))
	all(t, fill(netip.MustParseAddr("2001:db8::1"), func(v *places[netip.Addr], x netip.Addr) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []netip.Addr{x}, []*netip.Addr{&x, nil}, [2]netip.Addr{x, x}, map[string]netip.Addr{"m": x}, map[int]*netip.Addr{1: &x, 2: nil}, map[string][]map[int8]netip.Addr{"d": {{-1: x}}}
	}))
	all(t, fill(net.IPv4(10, 0, 0, 1), func(v *places[net.IP], x net.IP) {
		v.V, v.P, v.L, v.LP, v.A, v.M, v.MP, v.D = x, &x, []net.IP{x}, []*net.IP{&x, nil}, [2]net.IP{x, x}, map[string]net.IP{"m": x}, map[int]*net.IP{1: &x, 2: nil}, map[string][]map[int8]net.IP{"d": {{-1: x}}}
	}))
}

func fill[T, P any](x T, f func(*P, T)) *P {
	v := new(P)
	f(v, x)
	return v
}

// TestNamedTypes without methods are carried as what they are.
func TestNamedTypes(t *testing.T) {
	comeBack(t, &struct {
		D []time.Month
		S Seconds
		M map[Number]Seconds
	}{[]time.Month{1, 12}, 0.5, map[Number]Seconds{-1: 1}})
}

// TestRecursiveTypes are carried as deep as the limit.
func TestRecursiveTypes(t *testing.T) {
	comeBack(t, &Tree{Left: &Tree{Leaves: []Tree{{}, {ByName: map[string]Tree{"x": {}}}}}})
}

// TestOmitted: omitempty leaves out what encoding/json always left out, omitzero what
// is zero, and neither loses anything.
func TestOmitted(t *testing.T) {
	type options struct {
		A int               `json:"a,omitempty"`
		B *int              `json:"b,omitempty"`
		C *string           `json:"c,omitempty"`
		D map[string]string `json:"d,omitempty"`
		E time.Time         `json:"e,omitempty"`
		F time.Time         `json:"f,omitzero"`
		G *time.Time        `json:"g,omitzero"`
		H Seconds           `json:"h,omitempty"`
		I [2]int            `json:"i,omitzero"`
		J base              `json:"j,omitzero"`
		K bool              `json:",omitempty"`
		L mood              `json:"l,omitempty"`
	}
	names := func(c codec.Codec, v *options) []string {
		data, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		if _, err := c.(codec.Merger).Extra(nil, data, func(name string) bool { all = append(all, name); return true }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, c := range codecs {
		if got := names(c, &options{D: map[string]string{}}); !reflect.DeepEqual(got, []string{"e"}) {
			t.Errorf("%s: of nothing, %q is written", c.Name(), got)
		}
		zero, empty, negative := 0, "", Seconds(0)
		negative *= -1
		full := options{A: 1, B: &zero, C: &empty, D: map[string]string{"": ""}, F: time.Unix(0, 0).UTC(), G: &time.Time{}, H: negative, I: [2]int{0, 1}, J: base{ID: 1}, K: true, L: 1}
		if got := names(c, &full); len(got) != reflect.TypeFor[options]().NumField() { // -0 too
			t.Errorf("%s: of everything, only %q is written", c.Name(), got)
		}
		comeBack(t, &full)
	}
}

// TestNegativeZeroIsNotLeftOut, however deep it is in what omitzero might leave out.
func TestNegativeZeroIsNotLeftOut(t *testing.T) {
	type deep struct{ A [2]struct{ F float32 } }
	type holder struct {
		F float64              `json:"f,omitzero"`
		S struct{ F float64 }  `json:"s,omitzero"`
		A [1]float64           `json:"a,omitzero"`
		D deep                 `json:"d,omitzero"`
		E Seconds              `json:"e,omitempty"`
		P *struct{ F float64 } `json:"p,omitzero"`
	}
	negative := math.Copysign(0, -1)
	for name, in := range map[string]holder{
		"field":   {F: negative},
		"struct":  {S: struct{ F float64 }{negative}},
		"array":   {A: [1]float64{negative}},
		"deep":    {D: deep{[2]struct{ F float32 }{1: {float32(negative)}}}},
		"empty":   {E: Seconds(negative)},
		"pointer": {P: &struct{ F float64 }{negative}},
	} {
		for _, c := range codecs {
			data, err := c.Append(nil, &in)
			if err != nil {
				t.Fatal(err)
			}
			var out holder
			if err := c.Decode(data, &out); err != nil {
				t.Fatal(err)
			}
			again, err := c.Append(nil, &out)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s: %s: %x comes back as %x, %v", c.Name(), name, data, again, err)
			}
			signs := 0
			for _, f := range []float64{out.F, out.S.F, out.A[0], float64(out.D.A[1].F), float64(out.E)} {
				if math.Signbit(f) {
					signs++
				}
			}
			if out.P != nil && math.Signbit(out.P.F) {
				signs++
			}
			if signs != 1 {
				t.Errorf("%s: -0 in a %s comes back as 0: %x", c.Name(), name, data)
			}
		}
	}
	for _, c := range codecs {
		if data, err := c.Append(nil, &holder{}); err != nil || len(data) > 2 {
			t.Errorf("%s: of zeros, %x is written, %v", c.Name(), data, err)
		}
	}
}

// TestNilAndEmptyStayApart where there is no omitempty.
func TestNilAndEmptyStayApart(t *testing.T) {
	type lists struct {
		B []byte
		S []string
		T [][]int
		M map[string]int
		N map[int]map[int]bool
		P *[]string
		Q *map[string]int
		R *[]byte
	}
	comeBack(t, &lists{})
	comeBack(t, &lists{B: []byte{}, S: []string{}, T: [][]int{}, M: map[string]int{}, N: map[int]map[int]bool{}, P: &[]string{}, Q: &map[string]int{}, R: &[]byte{}})
	comeBack(t, &lists{T: [][]int{nil, {}}, N: map[int]map[int]bool{1: nil, 2: {}}})

	// A pointer to a nil slice is not a nil pointer.
	for _, c := range codecs {
		var out lists
		data, err := c.Append(nil, &lists{P: new([]string), Q: new(map[string]int), R: new([]byte)})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Decode(data, &out); err != nil || out.P == nil || out.Q == nil || out.R == nil || len(*out.P)+len(*out.Q)+len(*out.R) != 0 {
			t.Errorf("%s: %+v, %v", c.Name(), out, err)
		}
	}
}

// TestEmbeddedTextAlone: a struct of nothing but an embedded text is that text.
func TestEmbeddedTextAlone(t *testing.T) {
	comeBack(t, &struct{ T justTime }{justTime{time.Unix(7, 0).UTC()}})
}

// TestMarshalTextErrors stay within reach, and out of the message.
func TestMarshalTextErrors(t *testing.T) {
	for _, c := range codecs {
		data, err := c.Append(nil, &struct{ V stubborn }{stubborn{true}})
		if !errors.Is(err, errStubborn) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Append gives %q, %v", c.Name(), data, err)
		}
		if data, err = c.Append(nil, &struct{ V stubborn }{}); err != nil {
			t.Fatal(err)
		}
		err = c.Decode(data, &struct{ V stubborn }{})
		if !errors.Is(err, errStubborn) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Decode gives %v", c.Name(), err)
		}
	}
}

var errStubborn = errors.New("no, says the secret")

type stubborn struct{ B bool }

func (s stubborn) MarshalText() ([]byte, error) {
	if s.B {
		return nil, errStubborn
	}
	return []byte("x"), nil
}
func (*stubborn) UnmarshalText([]byte) error { return errStubborn }

// TestErrorsDoNotQuoteValues: no error has a client's text or a member's name in it.
func TestErrorsDoNotQuoteValues(t *testing.T) {
	const canary = "CaNaRy7"
	type target struct {
		A int       `json:"a"`
		T time.Time `json:"t"`
		L [2]int    `json:"l"`
		M map[int]string
	}
	for _, w := range wires {
		tried := 0
		for _, data := range [][]byte{
			w.text(canary), w.object(w.text(canary), w.text(canary), w.text(canary), w.text(canary)),
			w.object(w.text("a"), w.text(canary)), w.object(w.text("t"), w.text(canary)), w.object(w.text("l"), w.text(canary)),
			w.object(w.text("M"), w.object(w.text(canary), w.text(canary))), w.object(w.text("v"), w.text("$"+canary)),
			w.object(w.text("v"), w.text("$time:"+canary)), w.object(w.text("v"), w.text("$bytes:*"+canary)),
			append(w.object(w.text(canary), w.text(canary)), canary...), append([]byte("c0"), canary...),
			w.object(w.text(canary), w.text(canary+"\xff")), w.object(w.text(canary), w.array(w.text(`\ud800`+canary))), []byte(canary),
			w.object(w.text("a"), w.uint(1<<63+77777777)), append([]byte{0xc0, 0x67}, canary...), append([]byte{0xa1, 0x61, 't', 0xc0, 0x67}, canary...),
		} {
			for _, v := range []any{new(any), new(map[string]any), new(target), new(map[int]int), new(map[string]mood)} {
				err := w.Decode(data, v)
				if err == nil {
					continue
				}
				tried++
				if s := err.Error(); strings.Contains(s, canary) || strings.Contains(s, "77777777") || strings.Contains(s, "9223372036932553585") || !strings.HasPrefix(s, "codec: ") {
					t.Errorf("%s: %q into %T: %q", w.Name(), data, v, s)
				}
			}
		}
		if tried < 30 {
			t.Errorf("%s: only %d errors", w.Name(), tried)
		}
	}
}
