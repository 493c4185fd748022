package codec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/keyturn/keyturn/codec"
)

// vectors is the folder of standard test vectors: that of KEYTURN_VECTORS, or the
// one that lies beside the repository. Without it the test is skipped, and what
// is in testdata has to do.
func vectors(t testing.TB) string {
	dir := os.Getenv("KEYTURN_VECTORS")
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("KEYTURN_VECTORS: %v", err)
		}
		return dir
	}
	dir = filepath.Join("..", "..", "shared", "vectors", "standards")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no folder of standard vectors; set KEYTURN_VECTORS to have them tested")
	}
	return dir
}

func readJSON[T any](t testing.TB, file string) T {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func codecNamed(t testing.TB, name string) codec.Codec {
	t.Helper()
	for _, c := range codecs {
		if c.Name() == name {
			return c
		}
	}
	t.Fatalf("no codec %q", name)
	return nil
}

// TestJSONTestSuite: what must be accepted is, and is read as encoding/json reads
// it; what must be rejected is; and the rest gives a value or an error.
func TestJSONTestSuite(t *testing.T) {
	files := readJSON[map[string][]byte](t, filepath.Join(vectors(t), "json-test-suite", "test_parsing.json"))
	c := codec.JSON()
	count := make(map[string]int)
	for name, data := range files {
		var v any
		err := c.Decode(data, &v)
		if err == nil {
			count[name[:1]+" accepted"]++
		} else {
			count[name[:1]+" rejected"]++
		}
		switch name[0] {
		case 'y':
			if strings.Contains(name, "duplicated_key") {
				if err == nil {
					t.Errorf("%s: one name twice was accepted", name)
				}
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			d := json.NewDecoder(bytes.NewReader(data))
			d.UseNumber()
			var want any
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if !sameJSON(v, want) {
				t.Errorf("%s: %#v, want %#v", name, v, want)
			}
		case 'n':
			if err == nil {
				t.Errorf("%s was accepted, as %#v", name, v)
			}
		}
		c.Decode(data, new(hostileTarget))
	}
	t.Log(count)
	if count["y accepted"] != 93 || count["n rejected"] != 188 {
		t.Errorf("%v, want 93 y accepted and 188 n rejected", count)
	}
}

// sameJSON compares kinds of Values with what encoding/json makes of the same text.
func sameJSON(v, want any) bool {
	switch w := want.(type) {
	case json.Number:
		if i, err := w.Int64(); err == nil {
			return v == i || v == float64(i)
		}
		f, _ := w.Float64()
		return v == f
	case []any:
		a, ok := v.([]any)
		return ok && slices.EqualFunc(a, w, sameJSON)
	case map[string]any:
		m, ok := v.(map[string]any)
		return ok && maps.EqualFunc(m, w, sameJSON)
	}
	return v == want
}

// TestMessagePackTestSuite: every encoding of a value, also those that Append does
// not choose, decodes to it, but for extensions that are not times; and Append
// chooses one of the shortest.
func TestMessagePackTestSuite(t *testing.T) {
	groups := readJSON[map[string][]map[string]any](t, filepath.Join(vectors(t), "msgpack-test-suite", "msgpack-test-suite.json"))
	c := codec.MessagePack()
	accepted, rejected := 0, 0
	for group, tests := range groups {
		for _, test := range tests {
			want, ok := suiteValue(t, test)
			var shortest []byte
			for _, enc := range test["msgpack"].([]any) {
				data := unhex(t, strings.ReplaceAll(enc.(string), "-", ""))
				if isFloat := data[0] == 0xca || data[0] == 0xcb; !isFloat && (shortest == nil || len(data) < len(shortest)) {
					shortest = data
				}
				var v any
				err := c.Decode(data, &v)
				if err != nil {
					rejected++
				} else {
					accepted++
				}
				if (err == nil) != ok {
					t.Errorf("%s: %v as %x: %v, want ok %t", group, test, data, err, ok)
				} else if ok && !reflect.DeepEqual(v, want) && !sameNumber(v, want) {
					t.Errorf("%s: %x is %#v, want %#v", group, data, v, want)
				}
				for n := range data {
					if err := c.Decode(data[:n], &v); err == nil {
						t.Errorf("%s: the first %d bytes of %x were decoded", group, n, data)
					}
				}
				if err := c.Decode(append(data, 0xc0), &v); err == nil {
					t.Errorf("%s: %x and a byte were decoded", group, data)
				}
			}
			if !ok {
				continue
			}
			b, err := c.Append(nil, &want)
			if err != nil || (len(b) != len(shortest) && reflect.TypeOf(want) != reflect.TypeFor[float64]()) {
				t.Errorf("%s: Append of %#v gives %x, %v, want something as short as %x", group, want, b, err, shortest)
			}
		}
	}
	t.Logf("%d encodings accepted, %d rejected", accepted, rejected)
	if accepted+rejected != 233 {
		t.Errorf("%d encodings, want 233", accepted+rejected)
	}
}

// suiteValue is the value of a test of msgpack-test-suite, if it has one here.
func suiteValue(t *testing.T, test map[string]any) (any, bool) {
	for kind, v := range test {
		switch kind {
		case "msgpack":
			continue
		case "ext":
			return nil, false
		case "binary":
			return unhex(t, strings.ReplaceAll(v.(string), "-", "")), true
		case "bignum":
			i, err := strconv.ParseInt(v.(string), 10, 64)
			return i, err == nil
		case "timestamp":
			at := v.([]any)
			v := time.Unix(int64(at[0].(float64)), int64(at[1].(float64))).UTC()
			return v, v.Year() >= 1
		}
		if kind == "bignum" {
			continue
		}
		if _, ok := test["bignum"]; ok {
			continue
		}
		return suiteKinds(v), true
	}
	return nil, false
}

// suiteKinds makes integers of JSON's whole numbers, all the way down.
func suiteKinds(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) {
			return int64(v)
		}
	case []any:
		for i := range v {
			v[i] = suiteKinds(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = suiteKinds(v[name])
		}
	}
	return v
}

// sameNumber: the suite writes 0.0 and 0 alike, and floats in 32 bits too.
func sameNumber(v, want any) bool {
	number := func(v any) (float64, bool) {
		switch v := v.(type) {
		case int64:
			return float64(v), true
		case float64:
			return v, true
		}
		return 0, false
	}
	a, ok := number(v)
	b, ok2 := number(want)
	return ok && ok2 && (a == b || float32(a) == float32(b))
}

// TestCBORTestVectors: what is malformed is rejected; what is well-formed is either
// rejected, because sessions have no such values, or read as the library reads it.
func TestCBORTestVectors(t *testing.T) {
	type suite struct {
		Tests []struct {
			Description string `cbor:"description"`
			Encoded     []byte `cbor:"encoded"`
			Fail        bool   `cbor:"fail"`
		} `cbor:"tests"`
	}
	reader, err := cbor.DecOptions{MaxNestedLevels: 1000, IntDec: cbor.IntDecConvertSignedOrBigInt}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	strict, err := cbor.DecOptions{
		MaxNestedLevels: 2 * codec.MaxDepth, IndefLength: cbor.IndefLengthForbidden, DupMapKey: cbor.DupMapKeyEnforcedAPF,
		IntDec: cbor.IntDecConvertSignedOrFail, DefaultMapType: reflect.TypeFor[map[string]any](), BignumTag: cbor.BignumTagForbidden,
	}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(vectors(t), "cbor-rfc8949")
	c := codec.CBOR()
	for file, want := range map[string]struct{ tests, accepted int }{
		"rfc8949/bad.cbor": {47, 0}, "rfc8949/good.cbor": {88, 78}, "rfc8949-appendixA/*.cbor": {81, 48}, "spike/spike.cbor": {1165, 752},
	} {
		names, err := filepath.Glob(filepath.Join(dir, file))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no such file", file)
		}
		accepted, rejected := 0, 0
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var s suite
			if err := reader.Unmarshal(data, &s); err != nil {
				t.Fatal(err)
			}
			for _, test := range s.Tests {
				var v any
				if err := c.Decode(test.Encoded, &v); err != nil {
					rejected++
					continue
				}
				accepted++
				if test.Fail || strings.Contains(file, "bad") {
					t.Errorf("%s: %x was accepted", test.Description, test.Encoded)
				}
				var want any
				if err := strict.Unmarshal(test.Encoded, &want); err != nil {
					t.Errorf("%s: %x was accepted, but not by the library: %v", test.Description, test.Encoded, err)
				} else if !reflect.DeepEqual(v, want) {
					t.Errorf("%s: %x is %#v, want %#v", test.Description, test.Encoded, v, want)
				}
			}
		}
		t.Logf("%s: %d accepted, %d rejected", file, accepted, rejected)
		if accepted+rejected != want.tests || accepted != want.accepted {
			t.Errorf("%s: %d tests of which %d accepted, want %d and %d", file, accepted+rejected, accepted, want.tests, want.accepted)
		}
	}
}

// TestNaughtyStrings: strings that break programs come back as they were, as text,
// as names and as bytes, through every codec.
func TestNaughtyStrings(t *testing.T) {
	encoded := readJSON[[]string](t, filepath.Join(vectors(t), "naughty-strings", "blns.base64.json"))
	if len(encoded) < 500 {
		t.Fatalf("%d strings, want 500 or more", len(encoded))
	}
	for _, c := range codecs {
		for _, e := range encoded {
			b, err := base64.StdEncoding.DecodeString(e)
			if err != nil {
				t.Fatal(err)
			}
			testString(t, c, string(b))
		}
	}
}

// testString checks that s comes back from every place where there is text, or is
// refused in each if it is not UTF-8.
func testString(t *testing.T, c codec.Codec, s string) {
	t.Helper()
	type holder struct {
		S string            `json:"s"`
		M map[string]string `json:"m"`
		L []string          `json:"l"`
		P *string           `json:"p"`
	}
	for _, in := range []any{
		&map[string]any{"text": s, "array": []any{s}, "bytes": []byte(s), "map": map[string]any{s: s}, "dollar": "$" + s},
		&holder{s, map[string]string{s: s}, []string{s}, &s},
		&map[string]string{s: s},
	} {
		data, err := c.Append(nil, in)
		if (err == nil) != utf8.ValidString(s) {
			t.Errorf("%s: Append of %q: %v", c.Name(), s, err)
		}
		if err != nil {
			continue
		}
		out := reflect.New(reflect.TypeOf(in).Elem())
		if err := c.Decode(data, out.Interface()); err != nil {
			t.Errorf("%s: %q does not come back: %v", c.Name(), s, err)
		} else if !reflect.DeepEqual(out.Interface(), in) {
			t.Errorf("%s: %q comes back as %+v", c.Name(), s, out.Elem())
		}
	}
}

// TestStrings is what of TestNaughtyStrings needs no vectors.
func TestStrings(t *testing.T) {
	var all []string
	for i := range 256 {
		all = append(all, string(rune(i)), string([]byte{byte(i)}), "a"+string([]byte{byte(i)})+"b")
	}
	all = append(all, "", "$", "$$", "$$$", "$a", "$bytes:", "$bytes:AA", "$time:", "$time:0001-01-01T00:00:00Z", "\u2028\u2029", "\ufeff", "\ufffd", "\uffff",
		"\U0010ffff", "\xf4\x90\x80\x80", "\xed\xa0\x80", "\xc0\x80", "\xe2\x82", "null", "true", "1", "1.0", "-0", "{}", "[]", `\`, `\\`, `\"`, `"`, "</script>", "\x00", "a\x00b")
	for _, n := range []int{23, 24, 31, 32, 255, 256, 65535, 65536} {
		all = append(all, strings.Repeat("x", n))
	}
	for _, c := range codecs {
		for _, s := range all {
			testString(t, c, s)
		}
	}
}
