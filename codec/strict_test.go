package codec_test

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/keyturn/keyturn/codec"
)

// TestWhatIsNotSpelledRight is refused as a value, and in a member that nobody knows.
func TestWhatIsNotSpelledRight(t *testing.T) {
	for _, c := range []struct {
		codec, data string // in hex, but for JSON
		ok          bool
	}{
		// MessagePack timestamps: three forms, and no other extension.
		{"msgpack", "d6ff 00000001", true},
		{"msgpack", "d605 00000001", false},
		{"msgpack", "d600 00000001", false},
		{"msgpack", "d7ff ee6b27fc 00000000", true},  // 999,999,999 ns
		{"msgpack", "d7ff ee6b2800 00000000", false}, // 1,000,000,000 ns
		{"msgpack", "d70d 00000000 00000001", false}, // the type that some others use
		{"msgpack", "c70cff 3b9ac9ff 0000000000000000", true},
		{"msgpack", "c70cff 3b9aca00 0000000000000000", false},
		{"msgpack", "c70cff 00000000 fffffff1886e0900", true},  // 0001-01-01
		{"msgpack", "c70cff 00000000 fffffff1886e08ff", false}, // a second before
		{"msgpack", "c70cff 3b9ac9ff 0000003afff4417f", true},  // the last of 9999
		{"msgpack", "c70cff 00000000 0000003afff44180", false},
		{"msgpack", "c704ff 00000001", false},
		{"msgpack", "c70bff 00000000 0000000000000000", false},
		{"msgpack", "c70dff 00000000 0000000000000000", false},
		{"msgpack", "c70dff 00000000 0000000000000000 00", false},
		{"msgpack", "c80004ff 00000001", false},
		{"msgpack", "c900000004ff 00000001", false},
		{"msgpack", "d4ff 01", false},
		{"msgpack", "d5ff 0001", false},
		{"msgpack", "d8ff 00000000000000000000000000000001", false},
		{"msgpack", "d6ff 000000", false},
		{"msgpack", "d6", false},
		// Names.
		{"msgpack", "81 c0 01", false},
		{"msgpack", "81 c401 61 01", false},
		{"msgpack", "81 c3 01", false},
		{"msgpack", "81 cb3ff0000000000000 01", false},
		{"msgpack", "81 d6ff00000001 01", false},
		{"msgpack", "81 90 01", false},
		// Numbers.
		{"msgpack", "ca7f800000", false},
		{"msgpack", "caff800000", false},
		{"msgpack", "ca7fc00000", false},
		{"msgpack", "cb7ff0000000000000", false},
		{"msgpack", "cb7ff8000000000001", false},
		{"msgpack", "c1", false},
		// Lengths beyond the data.
		{"msgpack", "a2 61", false},
		{"msgpack", "c402 61", false},
		{"msgpack", "d9ff 61", false},
		{"msgpack", "c6ffffffff 61", false},
		{"msgpack", "92 01", false},
		{"msgpack", "82 a161 01", false},
		{"msgpack", "df00000002 a161 01", false},

		// CBOR tags: 0, with the one spelling of each time, and no other.
		{"cbor", "c0 74" + hexOf("2026-10-01T00:00:00Z"), true},
		{"cbor", "c0 74" + hexOf("0001-01-01T00:00:00Z"), true},
		{"cbor", "c0 74" + hexOf("0000-12-31T23:59:59Z"), false},
		{"cbor", "c0 7819" + hexOf("2026-10-01T00:00:00+00:00"), false},
		{"cbor", "c0 7819" + hexOf("2026-10-01T02:00:00+02:00"), false},
		{"cbor", "c0 76" + hexOf("2026-10-01T00:00:00.0Z"), false},
		{"cbor", "c0 7818" + hexOf("2026-10-01T00:00:00.120Z"), false},
		{"cbor", "c0 77" + hexOf("2026-10-01T00:00:00.12Z"), true},
		{"cbor", "c0 74" + hexOf("2026-10-01t00:00:00z"), false},
		{"cbor", "c0 74" + hexOf("2026-02-30T00:00:00Z"), false},
		{"cbor", "c0 73" + hexOf("2026-10-01T0:00:00Z"), false},
		{"cbor", "c0 60", false},
		{"cbor", "c0 01", false},
		{"cbor", "c0 c0 74" + hexOf("2026-10-01T00:00:00Z"), false},
		{"cbor", "c0 54" + hexOf("2026-10-01T00:00:00Z"), false},
		{"cbor", "d800 74" + hexOf("2026-10-01T00:00:00Z"), false},
		{"cbor", "c1 01", false},
		{"cbor", "c1 74" + hexOf("2026-10-01T00:00:00Z"), false},
		{"cbor", "c2 41 01", false},
		{"cbor", "d820 60", false},
		{"cbor", "d9d9f7 01", false},
		// Simple values and numbers.
		{"cbor", "f4", true},
		{"cbor", "f6", true},
		{"cbor", "f7", false},
		{"cbor", "e0", false},
		{"cbor", "f3", false},
		{"cbor", "f814", false},
		{"cbor", "f8ff", false},
		{"cbor", "f97c00", false},
		{"cbor", "f97e00", false},
		{"cbor", "fa7f800000", false},
		{"cbor", "fb7ff8000000000000", false},
		{"cbor", "3b8000000000000000", false},
		// Reserved and indefinite lengths, with enough behind them.
		{"cbor", "1c" + strings.Repeat("00", 16), false},
		{"cbor", "1e" + strings.Repeat("00", 64), false},
		{"cbor", "81 1c" + strings.Repeat("00", 16), false},
		{"cbor", "7c" + strings.Repeat("00", 16), false},
		{"cbor", "5f" + strings.Repeat("00", 128), false},
		{"cbor", "9f" + strings.Repeat("00", 128), false},
		{"cbor", "bf" + strings.Repeat("00", 128), false},
		{"cbor", "fc" + strings.Repeat("00", 16), false},
		{"cbor", "9f 01 ff", false},
		{"cbor", "7f 61 61 ff", false},
		{"cbor", "ff", false},
		// Names.
		{"cbor", "a1 f6 01", false},
		{"cbor", "a1 41 61 01", false},
		{"cbor", "a1 f93c00 01", false},
		{"cbor", "a1 c0 74" + hexOf("2026-10-01T00:00:00Z") + "01", false},
		{"cbor", "a1 80 01", false},
		{"cbor", "a1 3b8000000000000000 01", false},
		// Lengths beyond the data.
		{"cbor", "62 61", false},
		{"cbor", "42 61", false},
		{"cbor", "7bffffffffffffffff 61", false},
		{"cbor", "5b7fffffffffffffff 61", false},
		{"cbor", "82 01", false},
		{"cbor", "a2 6161 01", false},
		{"cbor", "9bffffffffffffffff", false},

		{"json", `{"a":1,"a":2}`, false},
		{"json", `{"a":1,"\u0061":2}`, false},
		{"json", `"\ud800"`, false},
		{"json", `"\udc00\ud800"`, false},
		{"json", `"\ud83c\udf6a"`, true},
		{"json", "\"\xff\"", false},
		{"json", "\"\t\"", false},
		{"json", `01`, false},
		{"json", `1.`, false},
		{"json", `.5`, false},
		{"json", `+1`, false},
		{"json", `-`, false},
		{"json", `NaN`, false},
		{"json", `nul`, false},
		{"json", `'a'`, false},
		{"json", `[1,]`, false},
		{"json", `{"a":1,}`, false},
		{"json", `{1:1}`, false},
		{"json", `[1 2]`, false},
		{"json", `/**/1`, false},
		{"json", "\ufeff1", false},
		{"json", " \t\r\n1\n", true},
		{"json", "1\v", false},
	} {
		cd := codecNamed(t, c.codec)
		value := []byte(c.data)
		if c.codec != "json" {
			value = unhex(t, strings.ReplaceAll(c.data, " ", ""))
		}
		member := append([]byte(map[string]string{"json": `{"v":`, "msgpack": "\x81\xa1v", "cbor": "\xa1\x61v"}[c.codec]), value...)
		if c.codec == "json" {
			member = append(member, '}')
		}
		var v any
		if err := cd.Decode(value, &v); (err == nil) != c.ok {
			t.Errorf("%s %s is %#v, %v, want ok %t", c.codec, c.data, v, err, c.ok)
		}
		if err := cd.Decode(member, &v); (err == nil) != c.ok {
			t.Errorf("%s %s in a map is %#v, %v, want ok %t", c.codec, c.data, v, err, c.ok)
		}
		if err := cd.Decode(member, new(struct{})); (err == nil) != c.ok {
			t.Errorf("%s %s in an unknown member: %v, want ok %t", c.codec, c.data, err, c.ok)
		}
		_, err := cd.(codec.Merger).Extra(nil, member, func(string) bool { return false })
		if (err == nil) != c.ok {
			t.Errorf("%s %s in a member for Extra: %v, want ok %t", c.codec, c.data, err, c.ok)
		}
	}
}

func hexOf(s string) string { return fmt.Sprintf("%x", s) }

// TestJSONTextOfValues: what a string means among kinds of Values, in its one spelling.
func TestJSONTextOfValues(t *testing.T) {
	for text, want := range map[string]any{
		`""`: "", `"x$"`: "x$", `"$$"`: "$", `"$$bytes:AA"`: "$bytes:AA", `"\u0024$"`: "$", `"\u0024bytes:AA"`: []byte{0},
		`"$bytes:"`: []byte{}, `"$bytes:_w"`: []byte{0xff}, `"$bytes:__4"`: []byte{0xff, 0xfe},
		`"$time:2026-10-01T00:00:00Z"`: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		`"$time:0001-01-01T00:00:00Z"`: time.Time{},
		`"$"`:                          nil, `"$x"`: nil, `"$bytes"`: nil, `"$time"`: nil, `"$Bytes:AA"`: nil, `" $bytes:AA"`: " $bytes:AA",
		`"$bytes:_x"`: nil, `"$bytes:_w=="`: nil, `"$bytes:/w"`: nil, `"$bytes:_w\n"`: nil, `"$bytes:_\r\nw"`: nil, `"$bytes:_"`: nil, `"$bytes:AAAA\n"`: nil, `"$bytes: AA"`: nil,
		`"$time:"`: nil, `"$time:2026-10-01T00:00:00"`: nil, `"$time:2026-10-01T00:00:00+00:00"`: nil, `"$time:2026-10-01T00:00:00.10Z"`: nil, `"$time:0000-01-01T00:00:00Z"`: nil,
		`"$time:2026-10-01T00:00:00,5Z"`: nil, `"$time:2026-10-01T00:00:60Z"`: nil, `"$time:10000-01-01T00:00:00Z"`: nil, `"$time:1"`: nil,
		`7`: int64(7), `7.0`: 7.0, `7e0`: 7.0, `7E0`: 7.0, `-0`: int64(0), `-0.0`: math.Copysign(0, -1), `9223372036854775807`: int64(math.MaxInt64), `-9223372036854775808`: int64(math.MinInt64),
		`9223372036854775808`: nil, `-9223372036854775809`: nil, `1e400`: nil, `-1e400`: nil, `1e-400`: 0.0,
	} {
		var v any
		err := codec.JSON().Decode([]byte(text), &v)
		if (err == nil) != (want != nil) || (err == nil && !identical(v, want)) {
			t.Errorf("%s is %#v, %v, want %#v", text, v, err, want)
		}
		// A name is a name.
		if strings.HasPrefix(text, `"`) {
			var m map[string]any
			if err := codec.JSON().Decode([]byte(`{`+text+`:1}`), &m); err != nil || len(m) != 1 {
				t.Errorf("%s as a name: %v, %v", text, m, err)
			}
		}
	}
}

// TestTypedTextHasNoDollar: there a dollar sign means nothing.
func TestTypedTextHasNoDollar(t *testing.T) {
	var s struct{ A, B string }
	if err := codec.JSON().Decode([]byte(`{"A":"$bytes:AA","B":"$$"}`), &s); err != nil || s.A != "$bytes:AA" || s.B != "$$" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestCBORNumbersAreShortest compares with RFC 8949, appendix A.
func TestCBORNumbersAreShortest(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{int64(0), "00"}, {int64(23), "17"}, {int64(24), "1818"}, {int64(100), "1864"}, {int64(1000), "1903e8"}, {int64(1000000), "1a000f4240"},
		{int64(1000000000000), "1b000000e8d4a51000"}, {int64(-1), "20"}, {int64(-10), "29"}, {int64(-100), "3863"}, {int64(-1000), "3903e7"}, {int64(math.MinInt64), "3b7fffffffffffffff"},
		{0.0, "f90000"}, {math.Copysign(0, -1), "f98000"}, {1.0, "f93c00"}, {1.1, "fb3ff199999999999a"}, {1.5, "f93e00"}, {65504.0, "f97bff"}, {100000.0, "fa47c35000"},
		{float64(math.MaxFloat32), "fa7f7fffff"}, {1.0e+300, "fb7e37e43c8800759c"}, {5.960464477539063e-8, "f90001"}, {0.00006103515625, "f90400"}, {-4.0, "f9c400"}, {-4.1, "fbc010666666666666"},
		{0x1.ff8p-15, "f903ff"}, {0x1p-15, "f90200"}, {-0x1.8p-24, "fab3c00000"}, {0x1p-25, "fa33000000"}, {65505.0, "fa477fe100"}, {65536.0, "fa47800000"}, {0x1.ffcp15, "f97bff"}, {0x1.ffep15, "fa477ff000"},
		{math.SmallestNonzeroFloat64, "fb0000000000000001"}, {float64(math.SmallestNonzeroFloat32), "fa00000001"},
	} {
		b, err := codec.CBOR().Append(nil, &c.v)
		if err != nil || fmt.Sprintf("%x", b) != c.want {
			t.Errorf("%v is %x, %v, want %s", c.v, b, err, c.want)
		}
		var v any
		if err := codec.CBOR().Decode(b, &v); err != nil || !identical(v, c.v) {
			t.Errorf("%x is %v, %v, want %v", b, v, err, c.v)
		}
	}
	// Every half comes back as what it is, if it is finite.
	for h := range 1 << 16 {
		data := []byte{0xf9, byte(h >> 8), byte(h)}
		var v any
		err := codec.CBOR().Decode(data, &v)
		if finite := h>>10&0x1f != 0x1f; (err == nil) != finite {
			t.Fatalf("%x: %v", data, err)
		} else if !finite {
			continue
		}
		if b, err := codec.CBOR().Append(nil, &v); err != nil || string(b) != string(data) {
			t.Fatalf("%x is %v and comes back as %x, %v", data, v, b, err)
		}
	}
}

// TestBytesAreNotText, also where a type has a binary form beside its text.
func TestBytesAreNotText(t *testing.T) {
	for _, c := range codecs {
		data, err := c.Append(nil, &struct{ V []byte }{[]byte{10, 0, 0, 1}})
		if err != nil {
			t.Fatal(err)
		}
		var s struct{ V netip.Addr }
		if err := c.Decode(data, &s); err == nil {
			t.Errorf("%s: four bytes became %v", c.Name(), s.V)
		}
	}
}

// TestNothingIsKept: neither dst nor data are in a pool when Append and Decode are done.
func TestNothingIsKept(t *testing.T) {
	for _, c := range codecs {
		kept := func(what string, use func(memory []byte)) {
			memory := make([]byte, 1000)
			pointer := weak.Make(&memory[0])
			use(memory)
			memory = nil
			runtime.GC() // pools keep through one
			if pointer.Value() != nil {
				t.Errorf("%s keeps %s", c.Name(), what)
			}
		}
		data, err := c.Append(nil, standardValues)
		if err != nil {
			t.Fatal(err)
		}
		kept("dst", func(memory []byte) { c.Append(memory[:0], standardValues) })
		kept("dst after an error", func(memory []byte) { c.Append(memory[:0], map[string]any{"a": 1}) })
		kept("data", func(memory []byte) { c.Decode(memory[:copy(memory, data)], new(any)) })
		kept("data of a struct", func(memory []byte) { c.Decode(memory[:copy(memory, data)], new(visit)) })
		kept("data after an error", func(memory []byte) { c.Decode(memory[:copy(memory, data)-1], new(any)) })
		kept("a struct's data after an error", func(memory []byte) {
			c.Decode(memory[:copy(memory, data)], new(struct {
				User int `json:"user"`
			}))
		})
	}
}
