package codec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/keyturn/keyturn/codec"
)

type goldenStruct struct {
	B  bool              `json:"b"`
	I  int16             `json:"i"`
	U  uint64            `json:"u"`
	F  float64           `json:"f"`
	G  float32           `json:"g"`
	S  string            `json:"s"`
	X  []byte            `json:"x"`
	H  [2]byte           `json:"h"`
	T  time.Time         `json:"t"`
	D  time.Duration     `json:"d"`
	P  *int              `json:"p"`
	L  []string          `json:"l"`
	M  map[string]int    `json:"m"`
	N  map[int]bool      `json:"n"`
	O  map[uint8]string  `json:"o"`
	ID mood              `json:"id"`
	E  map[string]string `json:"e,omitempty"`
}

// TestEncodingsAreFrozen: tokens outlive releases, so these bytes never change.
// Names are in the order of their encodings, struct fields in that of the struct.
func TestEncodingsAreFrozen(t *testing.T) {
	typed := &goldenStruct{
		B: true, I: -300, U: math.MaxUint64, F: 7, G: 0.1, S: "$é\"", X: []byte{0xff}, H: [2]byte{1, 2},
		T: time.Date(2026, 10, 1, 2, 3, 4, 500000000, time.FixedZone("", 3600)), D: time.Second,
		L: []string{}, M: map[string]int{"b": 1, "aa": 2, "": 3, "a!": 4, "a": 5}, N: map[int]bool{-1: true, 2: true, 10: true, 200: false, -33: true, -200: true, 70000: true},
		O: map[uint8]string{200: "", 3: "x"}, ID: 1,
	}
	values := map[string]any{
		"nil": nil, "t": true, "i": int64(7), "j": int64(-70000), "f": 7.0, "g": 0.1, "z": math.Copysign(0, -1), "s": "$x", "x": []byte{0xff, 0xfe},
		"time": time.Unix(1, 0), "a": []any{int64(1), map[string]any{}}, "": "", "é": "é",
	}
	for _, c := range []struct {
		codec, typed, values string
	}{
		{
			"json",
			`{"b":true,"i":-300,"u":18446744073709551615,"f":7,"g":0.1,"s":"$é\"","x":"/w==","h":"AQI=","t":"2026-10-01T01:03:04.5Z","d":1000000000,"p":null,"l":[],` +
				`"m":{"":3,"a":5,"a!":4,"aa":2,"b":1},"n":{"-1":true,"-200":true,"-33":true,"10":true,"2":true,"200":false,"70000":true},"o":{"200":"","3":"x"},"id":"high"}`,
			`{"":"","a":[1,{}],"f":7.0,"g":0.1,"i":7,"j":-70000,"nil":null,"s":"$$x","t":true,"time":"$time:1970-01-01T00:00:01Z","x":"$bytes:__4","z":-0.0,"é":"é"}`,
		},
		{
			"msgpack",
			"de0010a162c3a169d1fed4a175cfffffffffffffffffa166cb401c000000000000a167ca3dcccccda173a424c3a922a178c401ffa168c4020102a174" +
				"d7ff773594006abdb148a164ce3b9aca00a170c0a16c90a16d85a003a16105a16201a2612104a2616102a16e8702c30ac3ccc8c2ce00011170c3d0df" +
				"c3d1ff38c3ffc3a16f8203a178ccc8a0a26964a468696768",
			"8da0a0a161920180a166cb401c000000000000a167cb3fb999999999999aa16907a16ad2fffeee90a173a22478a174c3a178c402fffea17acb800000" +
				"0000000000a2c3a9a2c3a9a36e696cc0a474696d65d6ff00000001",
		},
		{
			"cbor",
			"b06162f5616939012b61751bffffffffffffffff6166f947006167fa3dcccccd61736424c3a922617841ff61684201026174c076323032362d31302d" +
				"30315430313a30333a30342e355a61641a3b9aca006170f6616c80616da560036161056162016261210462616102616ea702f50af518c8f41a000111" +
				"70f520f53820f538c7f5616fa203617818c8606269646468696768",
			"ad606061618201a06166f947006167fb3fb999999999999a616907616a3a0001116f61736224786174f5617842fffe617af9800062c3a962c3a9636e" +
				"696cf66474696d65c074313937302d30312d30315430303a30303a30315a",
		},
	} {
		cd := codecNamed(t, c.codec)
		gotTyped, err := cd.Append(nil, typed)
		if err != nil {
			t.Fatal(err)
		}
		gotValues, err := cd.Append(nil, values)
		if err != nil {
			t.Fatal(err)
		}
		if c.codec != "json" {
			c.typed, c.values = fromHex(t, c.typed), fromHex(t, c.values)
		}
		if string(gotTyped) != c.typed {
			t.Errorf("%s: a struct is %s, want %s", c.codec, show(gotTyped), show([]byte(c.typed)))
		}
		if string(gotValues) != c.values {
			t.Errorf("%s: kinds of Values are %s, want %s", c.codec, show(gotValues), show([]byte(c.values)))
		}
		var back goldenStruct
		if err := cd.Decode([]byte(c.typed), &back); err != nil {
			t.Errorf("%s: %v", c.codec, err)
		}
		want := *typed
		want.T = want.T.UTC()
		if !reflect.DeepEqual(back, want) {
			t.Errorf("%s: comes back as %+v", c.codec, back)
		}
	}
}

func show(b []byte) string {
	if bytes.HasPrefix(b, []byte("{")) {
		return string(b)
	}
	return hex.EncodeToString(b)
}

func fromHex(t *testing.T, s string) string {
	return string(unhex(t, strings.ReplaceAll(s, " ", "")))
}

// TestLibrariesReadWhatIsWritten: a struct is in the form that the bare libraries
// read and write too, as far as they can carry it.
func TestLibrariesReadWhatIsWritten(t *testing.T) {
	type shared struct {
		A string            `json:"a"`
		B int64             `json:"b"`
		C []uint16          `json:"c"`
		D map[string]string `json:"d"`
		E []byte            `json:"e"`
		F float64           `json:"f"`
		G *bool             `json:"g"`
		H time.Time         `json:"h"`
		I base              `json:"i"`
		K uint8             `json:"k,omitempty"`
	}
	yes := true
	in := shared{"$x", -1 << 40, []uint16{1, 60000}, map[string]string{"b": "1", "a": "2"}, []byte{1, 2, 3}, 0.1, &yes, time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), base{1, "k"}, 0}
	writeCBOR, err := cbor.EncOptions{Time: cbor.TimeRFC3339NanoUTC, TimeTag: cbor.EncTagRequired, Sort: cbor.SortNone, ShortestFloat: cbor.ShortestFloat16}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct {
		codec.Codec
		read  func([]byte, any) error
		write func(any) ([]byte, error)
	}{
		{codec.JSON(), func(b []byte, v any) error { return json.Unmarshal(b, v) }, func(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }},
		{codec.MessagePack(), func(data []byte, v any) error {
			d := msgpack.NewDecoder(bytes.NewReader(data))
			d.SetCustomStructTag("json")
			return d.Decode(v)
		}, func(v any) ([]byte, error) {
			var b bytes.Buffer
			e := msgpack.NewEncoder(&b)
			e.SetCustomStructTag("json")
			e.UseCompactInts(true)
			e.SetSortMapKeys(true)
			err := e.Encode(v)
			return b.Bytes(), err
		}},
		{codec.CBOR(), cbor.Unmarshal, func(v any) ([]byte, error) { return writeCBOR.Marshal(v) }},
	} {
		ours, err := l.Append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		var out shared
		if err := l.read(ours, &out); err != nil {
			t.Errorf("%s: the library: %v", l.Name(), err)
		}
		out.H = out.H.UTC()
		if !reflect.DeepEqual(out, in) {
			t.Errorf("%s: the library reads %+v, want %+v", l.Name(), out, in)
		}
		theirs, err := l.write(&in)
		if err != nil {
			t.Fatal(err)
		}
		out = shared{}
		if err := l.Decode(theirs, &out); err != nil || !reflect.DeepEqual(out, in) {
			t.Errorf("%s: of what the library wrote came %+v, %v", l.Name(), out, err)
		}
		in := in
		in.D = map[string]string{"a": "2"} // CBOR libraries order names otherwise when they do not sort
		ours, _ = l.Append(nil, &in)
		if theirs, err = l.write(&in); err != nil || (!bytes.Equal(ours, theirs) && l.Name() != "json") {
			t.Errorf("%s: the library writes %s, we %s", l.Name(), show(theirs), show(ours))
		}
	}
}

// TestJSONMembersKeepTheirText: what a program does not know passes through Extra
// and Merge as it is spelled, and names are compared as they are meant.
func TestJSONMembersKeepTheirText(t *testing.T) {
	c := codec.JSON().(codec.Merger)
	const data = " { \"\\u0061\" : 1 , \"n\":1e5,\t\"big\" : 123456789012345678901234567890.000 , \"\\\"q\\\\\": [ 1 , {\"x\" : null} ] , \"s\":\"\\u00e9\\/\"\n}\n"
	known := func(name string) bool { return name == "a" }
	extra, err := c.Extra([]byte("x"), []byte(data), known)
	const want = "{\"n\":1e5,\"big\" : 123456789012345678901234567890.000,\"\\\"q\\\\\": [ 1 , {\"x\" : null} ],\"s\":\"\\u00e9\\/\"}"
	if err != nil || string(extra) != "x"+want {
		t.Errorf("Extra: %s, %v, want %s", extra, err, want)
	}
	merged, err := c.Merge(nil, []byte(`{"a":2,"\u006e":3}`), []byte(want))
	if wantMerged := `{"a":2,"\u006e":3,` + strings.TrimPrefix(want, `{"n":1e5,`); err != nil || string(merged) != wantMerged {
		t.Errorf("Merge: %s, %v, want %s", merged, err, wantMerged)
	}
	for _, bad := range []string{`{"a":1,"\u0061":2}`, `{"x":{"a":1,"a":2}}`, `{"a":1}x`, `{"a":1`, `{"a"}`, `{a:1}`, "{\"\xff\":1}", `{"a":"\ud800"}`, `{,}`, `{"a":1,}`, `null`, `[{}]`, ``} {
		if got, err := c.Extra(nil, []byte(bad), known); err == nil {
			t.Errorf("Extra of %s gives %s", bad, got)
		}
		if got, err := c.Merge(nil, []byte(`{}`), []byte(bad)); err == nil {
			t.Errorf("Merge with %s gives %s", bad, got)
		}
	}
}

// TestOnlyMapsAreTakenApart: of all else there are no members, and dst stays.
func TestOnlyMapsAreTakenApart(t *testing.T) {
	for _, c := range codecs {
		m := c.(codec.Merger)
		encode := func(v any) []byte {
			b, err := c.Append(nil, &v)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		good := encode(map[string]any{"a": int64(1)})
		for _, v := range []any{[]any{}, []any{"a", int64(1)}, "a", int64(1), nil, true} {
			bad := encode(v)
			if b, err := m.Extra([]byte("dst"), bad, func(string) bool { return false }); err == nil || string(b) != "dst" {
				t.Errorf("%s: Extra of %v is %x, %v", c.Name(), v, b, err)
			}
			for _, ab := range [][2][]byte{{good, bad}, {bad, good}} {
				if b, err := m.Merge([]byte("dst"), ab[0], ab[1]); err == nil || string(b) != "dst" {
					t.Errorf("%s: Merge with %v is %x, %v", c.Name(), v, b, err)
				}
			}
		}
	}
}

// TestMergeTellsIntegersFromText: a map by integers keeps its members too.
func TestMergeTellsIntegersFromText(t *testing.T) {
	for _, c := range codecs {
		m := c.(codec.Merger)
		a, err := c.Append(nil, map[int64]string{1: "a", -1: "b", 1 << 40: "c"})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Append(nil, map[uint64]string{1: "x", 2: "y", math.MaxUint64: "z"})
		if err != nil {
			t.Fatal(err)
		}
		extra, err := m.Extra(nil, b, func(name string) bool { return name == "18446744073709551615" })
		if err != nil {
			t.Fatal(err)
		}
		merged, err := m.Merge(nil, a, extra)
		if err != nil {
			t.Fatal(err)
		}
		var got map[int64]string
		if want := (map[int64]string{1: "a", -1: "b", 1 << 40: "c", 2: "y"}); c.Decode(merged, &got) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", c.Name(), got, want)
		}
	}
}

// TestAppendDoesNotAllocate for what has no maps; and Decode no more than it returns.
func TestAppendDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	dst := make([]byte, 0, 4096)
	small := map[string]any{"user": "tom", "n": int64(1 << 40), "a": []any{true, nil, 0.5}, "b": []byte("bytes")}
	for _, c := range codecs {
		for name, v := range map[string]any{"struct": &standardVisit, "kinds of Values": &small, "times": &struct{ T time.Time }{time.Unix(1, 1)}} {
			if n := testing.AllocsPerRun(100, func() { c.Append(dst, v) }); n > 0 {
				t.Errorf("%s: Append of %s allocates %v times", c.Name(), name, n)
			}
		}
		data, err := c.Append(nil, &standardVisit)
		if err != nil {
			t.Fatal(err)
		}
		var v visit
		// Its four texts.
		if n := testing.AllocsPerRun(100, func() { c.Decode(data, &v) }); n > 4 {
			t.Errorf("%s: Decode of the standard session allocates %v times, want 4 at most", c.Name(), n)
		}
	}
}
