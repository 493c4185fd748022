package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/big"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

func decodeText(t testing.TB, text string) any {
	t.Helper()
	v, err := decode(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func integer(text string) *big.Int {
	i, _ := new(big.Int).SetString(text, 10)
	return i
}

func TestCompareTellsTypesAndValuesApart(t *testing.T) {
	when := time.Date(2024, 2, 29, 12, 30, 59, 0, time.UTC)
	type named string
	for _, tt := range []struct {
		payload string
		same    []any
		other   []any
	}{
		{`null`, []any{nil}, []any{false, "", int64(0), "null", map[string]any(nil)}},
		{`true`, []any{true}, []any{false, nil, "true", int64(1)}},
		{`"a"`, []any{"a"}, []any{"b", "", nil, []byte("a"), takeover.Atom("a"), takeover.Markup("a"), named("a")}},
		{`7`, []any{int64(7), 7}, []any{int64(8), 7.0, "7", int32(7), uint64(7), integer("7"), nil}},
		{`-9223372036854775808`, []any{int64(math.MinInt64)}, []any{int64(math.MaxInt64), float64(math.MinInt64)}},
		{`9223372036854775808`, []any{integer("9223372036854775808")}, []any{int64(math.MinInt64), 9223372036854775808.0, integer("9223372036854775809")}},
		{`7.0`, []any{7.0}, []any{int64(7), 7.5, "7.0", float32(7)}},
		{`1e2`, []any{100.0}, []any{int64(100)}},
		{`-0.0`, []any{math.Copysign(0, -1)}, []any{0.0}},
		{`[]`, []any{[]any{}}, []any{nil, map[string]any{}, []any{nil}, takeover.Tuple{}}},
		{`[1,"x"]`, []any{[]any{int64(1), "x"}}, []any{[]any{"x", int64(1)}, []any{int64(1)}, []any{int64(1), "x", nil}, takeover.Tuple{int64(1), "x"}}},
		{`{}`, []any{map[string]any{}}, []any{nil, []any{}, map[string]any{"a": nil}, map[any]any{}, map[string]string{}}},
		{`{"a":null}`, []any{map[string]any{"a": nil}}, []any{map[string]any{}, map[string]any{"b": nil}, map[string]any{"a": nil, "b": nil}}},
		{`{"$type":"bytes","base64":"AP8="}`, []any{[]byte{0, 255}}, []any{[]byte{0}, []byte{}, "AP8=", "\x00\xff", nil}},
		{`{"$type":"string","base64":"AP8="}`, []any{"\x00\xff"}, []any{[]byte{0, 255}, "AP8=", "\x00"}},
		{`{"$type":"tuple","items":[1,"x"]}`, []any{takeover.Tuple{int64(1), "x"}}, []any{[]any{int64(1), "x"}, takeover.Tuple{int64(1)}, takeover.Tuple{int64(1), "y"}, nil}},
		{`{"$type":"uuid","value":"00000000-0000-0000-0000-000000000001"}`, []any{takeover.UUID{15: 1}}, []any{takeover.UUID{}, "00000000-0000-0000-0000-000000000001"}},
		{`{"$type":"markup","value":"<b>"}`, []any{takeover.Markup("<b>")}, []any{"<b>", takeover.Markup(""), takeover.Atom("<b>")}},
		{`{"$type":"atom","value":"ok"}`, []any{takeover.Atom("ok")}, []any{"ok", takeover.Atom("no"), takeover.Markup("ok")}},
		{`{"$type":"datetime","value":"2024-02-29T12:30:59+00:00","unix":1709209859}`, []any{when, when.In(time.FixedZone("", 3600))}, []any{when.Add(1), when.Add(time.Hour), when.Unix(), "2024-02-29T12:30:59+00:00", time.Time{}}},
		{`{"$type":"float","value":"NaN"}`, []any{math.NaN()}, []any{0.0, math.Inf(1), "NaN", nil}},
		{`{"$type":"float","value":"Infinity"}`, []any{math.Inf(1)}, []any{math.Inf(-1), math.NaN(), math.MaxFloat64}},
		{`{"$type":"float","value":"-Infinity"}`, []any{math.Inf(-1)}, []any{math.Inf(1)}},
		{`{"$type":"map","entries":[[1,"a"],["x",{"$type":"bytes","base64":""}]]}`,
			[]any{map[any]any{int64(1): "a", "x": []byte{}}, map[any]any{1: "a", "x": []byte{}}},
			[]any{map[any]any{int64(1): "a"}, map[any]any{int64(2): "a", "x": []byte{}}, map[any]any{int64(1): "b", "x": []byte{}}, map[any]any{"1": "a", "x": []byte{}}, map[any]any{int64(1): "a", "x": []byte{}, "y": nil}, nil, []any{}}},
		{`{"$type":"map","entries":[[1,"a"],[1,"a"]]}`, nil, []any{map[any]any{int64(1): "a", int64(2): "b"}}},
		{`{"$type":"map","entries":[[1]]}`, nil, []any{map[any]any{int64(1): nil}}},
		{`{"$type":"[]string","items":["a"]}`, []any{[]string{"a"}}, []any{[]any{"a"}, []string{"b"}, []string{}, nil}},
		{`{"$type":"map[string]int","entries":{"n":1}}`, []any{map[string]int{"n": 1}}, []any{map[string]any{"n": 1}, map[string]int{"n": 2}, map[string]int{}, map[string]int{"n": 1, "m": 1}}},
		{`{"$type":"int16","value":"300"}`, []any{int16(300)}, []any{int16(301), int32(300), 300, "300"}},
		{`{"$type":"int64","value":"-1"}`, []any{int64(-1)}, []any{-1, int64(1)}},
		{`{"$type":"uint64","value":"18446744073709551615"}`, []any{uint64(math.MaxUint64)}, []any{uint64(0), integer("18446744073709551615")}},
		{`{"$type":"float32","value":"1.5"}`, []any{float32(1.5)}, []any{1.5, float32(2)}},
		{`{"$type":"float64","value":"1000000"}`, []any{1e6}, []any{1e7, int64(1000000)}},
		{`{"$type":"float64","value":"-0"}`, []any{math.Copysign(0, -1)}, []any{0.0}},
		{`{"$type":"float64","value":"+Inf"}`, []any{math.Inf(1)}, []any{math.Inf(-1), math.NaN()}},
		{`{"$type":"float64"}`, nil, []any{1.5}},
		{`{"$type":"int16"}`, nil, []any{int16(0)}},
		{`{"$type":"gob:main.User","fields":{"ID":1}}`, nil, []any{nil, map[string]any{"ID": 1}, struct{ ID int }{1}}},
	} {
		c := Case{Payload: decodeText(t, tt.payload)}
		for _, data := range tt.same {
			if err := c.compare(data); err != nil {
				t.Errorf("%s, %T %#v: %v", tt.payload, data, data, err)
			}
		}
		for _, data := range tt.other {
			if c.compare(data) == nil {
				t.Errorf("%s is said to be %T %#v", tt.payload, data, data)
			}
			// Nor is it deeper inside.
			if deep := (Case{Payload: map[string]any{"a": []any{c.Payload}}}); deep.compare(map[string]any{"a": []any{data}}) == nil {
				t.Errorf("within others, %s is said to be %T %#v", tt.payload, data, data)
			}
		}
	}
}

// A tag allows what it says, and nothing else.
func TestTagsAllowWhatTheySay(t *testing.T) {
	for _, tt := range []struct {
		tag, payload string
		allowed      []any
		other        []any
	}{
		{"may-differ", `{"a":1}`, []any{nil, map[string]any{"a": int64(2)}}, nil},
		{"drops-keys", `{"a":1}`, []any{map[string]any{"a": int64(1), "b": int64(2)}}, []any{map[string]any{"a": int64(2), "b": int64(2)}, map[string]any{"b": int64(2)}, map[string]any{}}},
		{"js-number", `{"a":9007199254740992}`, []any{map[string]any{"a": int64(9007199254740993)}, map[string]any{"a": 9007199254740992.0}}, []any{map[string]any{"a": int64(9007199254740996)}, map[string]any{"a": "9007199254740992"}, map[string]any{"a": nil}, map[string]any{}}},
		{"js-number", `{"a":18446744073709552000}`, []any{map[string]any{"a": integer("18446744073709551615")}}, []any{map[string]any{"a": integer("18446744073709500000")}}},
		{"js-number", `{"a":100}`, []any{map[string]any{"a": int64(100)}, map[string]any{"a": 100.0}}, []any{map[string]any{"a": int64(101)}}},
		{"lone-surrogate", `{"a":"x\ufffdy","b":"z"}`, []any{map[string]any{"a": "x\ufffdy", "b": "z"}, map[string]any{"a": "x?y", "b": "z"}, map[string]any{"a": "xy", "b": "z"}, map[string]any{"a": "x\xed\xa0\x80y", "b": "z"}},
			[]any{map[string]any{"a": "x\ufffdy", "b": "w"}, map[string]any{"a": "x\ufffd", "b": "z"}, map[string]any{"a": "\ufffdy", "b": "z"}, map[string]any{"b": "z"}, map[string]any{"a": nil, "b": "z"}}},
		{"lone-surrogate", `{"\ufffd":"x"}`, []any{map[string]any{"\ufffd": "x"}, map[string]any{"?": "x"}}, []any{map[string]any{"\ufffd": "y"}, map[string]any{"abcde": "x"}, map[string]any{}}},
		{"unsigned", `{"a":1}`, []any{map[string]any{"a": int64(1)}}, []any{map[string]any{"a": int64(1), "b": nil}, map[string]any{"a": 1.0}}},
	} {
		c := Case{Payload: decodeText(t, tt.payload), Tags: []string{"rotation", tt.tag}}
		for _, data := range tt.allowed {
			if err := c.compare(data); err != nil {
				t.Errorf("%s, %s, %#v: %v", tt.tag, tt.payload, data, err)
			}
		}
		without := Case{Payload: c.Payload}
		allowedWithout := 0
		for _, data := range tt.allowed {
			if without.compare(data) == nil {
				allowedWithout++
			}
		}
		if allowedWithout == len(tt.allowed) && tt.tag != "unsigned" {
			t.Errorf("%s: %s is nothing that needs it", tt.tag, tt.payload)
		}
		for _, data := range tt.other {
			if c.compare(data) == nil {
				t.Errorf("%s allows that %s is %#v", tt.tag, tt.payload, data)
			}
		}
	}
}

// read calls f with each case that a reader accepts, and what it reads.
func read(t *testing.T, f func(c *Case, data any)) {
	paths, err := filepath.Glob("../../session/takeover/testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%q %v", paths, err)
	}
	n := 0
	for _, path := range paths {
		file, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range file.Cases {
			c := &file.Cases[i]
			if c.Expect != "accept" {
				continue
			}
			opened, err := c.open()
			if err != nil {
				if errors.As(err, new(*SettingsError)) {
					t.Errorf("%s: %v", c.Name, err)
				}
				continue
			}
			n++
			f(c, opened.Data)
		}
	}
	if n < 500 {
		t.Errorf("%d cookies were read", n)
	}
}

// Whatever one changes in the payload of a real case, its reader fails.
func TestNoChangeOfAPayloadPasses(t *testing.T) {
	changed := 0
	read(t, func(c *Case, data any) {
		if c.has("may-differ") {
			return
		}
		if err := c.compare(data); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			return
		}
		changes(c.Payload, c, func(payload any) {
			changed++
			other := *c
			other.Payload = payload
			if other.compare(data) == nil {
				t.Errorf("%s: %v passes, and %#v is what was read", c.Name, payload, data)
			}
		})
	})
	t.Logf("%d changes", changed)
	if changed < 10_000 {
		t.Errorf("%d payloads were tried", changed)
	}
}

// changes calls f with payloads that differ from p in one place.
func changes(p any, c *Case, f func(any)) {
	if p != nil {
		f(nil)
	}
	f(map[string]any{"$type": "nonsense", "value": "x"})
	switch p := p.(type) {
	case nil:
		f(false)
		f("")
	case bool:
		f(!p)
		f(json.Number("1"))
	case string:
		f(p + "x")
		f("x" + p)
		f(map[string]any{"$type": "bytes", "base64": ""})
		if len(p) > 0 && !c.has("lone-surrogate") {
			f(p[1:])
		}
	case json.Number:
		f(p.String())
		f(json.Number("12345678"))
		f(json.Number("-8.25"))
		if _, err := p.Int64(); err == nil && !c.has("js-number") {
			f(json.Number(p.String() + ".0"))
		}
	case []any:
		f(append(slices.Clone(p), nil))
		f(map[string]any{})
		f(map[string]any{"$type": "tuple", "items": p})
		for i := range p {
			f(slices.Delete(slices.Clone(p), i, i+1))
			changes(p[i], c, func(e any) {
				q := slices.Clone(p)
				q[i] = e
				f(q)
			})
		}
	case map[string]any:
		if kind, ok := p["$type"].(string); ok {
			changesOfTyped(kind, p, c, f)
			return
		}
		f([]any{})
		changesOfMembers(p, c, f)
	}
}

func changesOfMembers(p map[string]any, c *Case, f func(any)) {
	with := func(name string, e any) map[string]any {
		q := maps.Clone(p)
		q[name] = e
		return q
	}
	f(with("one more", nil))
	for name := range p {
		q := maps.Clone(p)
		delete(q, name)
		if !c.has("drops-keys") {
			f(q)
		}
		q[name+"x"] = p[name]
		f(q)
		changes(p[name], c, func(e any) { f(with(name, e)) })
	}
}

func changesOfTyped(kind string, p map[string]any, c *Case, f func(any)) {
	with := func(name string, e any) {
		q := maps.Clone(p)
		q[name] = e
		f(q)
	}
	if text, ok := p["value"].(string); ok {
		with("value", nil)
		with("value", "1"+text)
		f(text)
	}
	if text, ok := p["base64"].(string); ok {
		with("base64", "AAAA"+text)
		f(text)
	}
	if items, ok := p["items"].([]any); ok {
		f(items)
		changes(items, c, func(e any) {
			if list, ok := e.([]any); ok {
				with("items", list)
			}
		})
	}
	if members, ok := p["entries"].(map[string]any); ok {
		f(members)
		changesOfMembers(members, c, func(e any) { with("entries", e) })
	}
	entries, _ := p["entries"].([]any)
	if kind == "map" {
		f(map[string]any{})
		with("entries", append(slices.Clone(entries), []any{"one more", nil}))
	}
	for i := range entries {
		with("entries", slices.Delete(slices.Clone(entries), i, i+1))
		if len(entries) > 1 { // the next of them twice
			q := slices.Clone(entries)
			q[i] = q[(i+1)%len(q)]
			with("entries", q)
		}
		pair := entries[i].([]any)
		for k := range pair {
			changes(pair[k], c, func(e any) {
				q := slices.Clone(entries)
				r := slices.Clone(pair)
				r[k] = e
				q[i] = r
				with("entries", q)
			})
		}
	}
}

// What Encode writes is what a file of cases has for the same data.
func TestEncodedDataAreThePayload(t *testing.T) {
	encoded := func(data any) any {
		b, err := json.Marshal(Encode(data))
		if err != nil {
			t.Fatal(err)
		}
		return decodeText(t, string(b))
	}
	read(t, func(c *Case, data any) {
		other := *c
		other.Payload = encoded(data)
		other.Tags = nil
		if err := other.compare(data); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	})
	for _, data := range []any{
		nil, true, "a", "\xff", 7, int64(7), 7.0, 1e300, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), integer("18446744073709551616"),
		[]byte{0, 255}, time.Date(2024, 2, 29, 12, 30, 59, 123456789, time.FixedZone("", -3600)), takeover.Tuple{int64(1), takeover.Tuple{}}, takeover.UUID{1, 2}, takeover.Markup("<b>"), takeover.Atom("ok"),
		[]any{}, map[string]any{}, map[string]any{"$type": "tuple"}, map[string]any{"a\xff": int64(1)}, map[any]any{int64(1): "a", "x": nil, takeover.Atom("a"): []any{}},
		[]string{"a"}, map[string]int{"a": 1}, int16(-3), uint8(3), uint64(math.MaxUint64), float32(0.1), []int{1, 2}, map[string][]string{"a": {"b"}},
		map[int]string{7: "a"},
	} {
		c := Case{Payload: encoded(data)}
		if err := c.compare(data); err != nil {
			t.Errorf("%#v: %v", data, err)
		}
	}
	// In an order that does not change from run to run.
	for range 20 {
		b, err := json.Marshal(Encode(map[any]any{int64(1): "a", "x": nil, "a": 1.0, takeover.Atom("a"): []any{}}))
		if want := `{"$type":"map","entries":[["a",1.0],["x",null],[1,"a"],[{"$type":"atom","value":"a"},[]]]}`; err != nil || !bytes.Equal(b, []byte(want)) {
			t.Fatalf("%s, want %s", b, want)
		}
	}
}
