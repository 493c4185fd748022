package session

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

const (
	keyBool   Key[bool]           = "bool"
	keyString Key[string]         = "string"
	keyInt    Key[int64]          = "int"
	keyFloat  Key[float64]        = "float"
	keyBytes  Key[[]byte]         = "bytes"
	keyTime   Key[time.Time]      = "time"
	keyList   Key[[]any]          = "list"
	keyMap    Key[map[string]any] = "map"
)

// everyKind has a value of every kind, and those of each that codecs are
// known to confuse.
func everyKind() Values {
	var v Values
	when := time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	keyBool.Set(&v, true)
	keyString.Set(&v, "$tom é \x00 \u2028 </script>")
	keyInt.Set(&v, 7)
	keyFloat.Set(&v, 7)
	keyBytes.Set(&v, []byte{0, 255, 10})
	keyTime.Set(&v, when)
	keyList.Set(&v, []any{
		nil, false, "", "$", "$$", "$bytes:", "$time:2026", int64(0), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), int64(1<<53 + 1),
		0.0, math.Copysign(0, -1), -7.0, 0.1, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, float64(1 << 62),
		[]byte{}, []byte("text"), when.Truncate(time.Second), time.Time{}, time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		[]any{}, map[string]any{}, []any{[]any{int64(1)}},
	})
	keyMap.Set(&v, map[string]any{"": int64(1), "$x": "y", "nested": map[string]any{"t": when, "f": 1.0}})
	return v
}

func sameValues(a, b Values) error {
	if reflect.DeepEqual(a.tree(), b.tree()) {
		return nil
	}
	return fmt.Errorf("%#v\nis not\n%#v", a.tree(), b.tree())
}

func TestValuesComeBackThroughEveryCodecInEveryOrder(t *testing.T) {
	want := everyKind()
	for _, order := range permutations(codecs()) {
		checkMigration(t, order, want)
	}
	for _, a := range codecs() {
		for _, b := range codecs() {
			checkMigration(t, []codec.Codec{a, b, a}, want)
		}
	}
}

func permutations(c []codec.Codec) [][]codec.Codec {
	return [][]codec.Codec{{c[0], c[1], c[2]}, {c[0], c[2], c[1]}, {c[1], c[0], c[2]}, {c[1], c[2], c[0]}, {c[2], c[0], c[1]}, {c[2], c[1], c[0]}}
}

// checkMigration writes v, and then changes one unrelated key under each of
// the further codecs: v has to be the same throughout.
func checkMigration(t *testing.T, order []codec.Codec, v Values) {
	t.Helper()
	keys := newKeys(t, signing(newKey(t, signer.XChaCha20Poly1305(), 1), t0))
	const step Key[int64] = "step"
	cookie := ""
	for i, c := range order {
		codecs := []codec.Codec{c}
		if i > 0 {
			codecs = append(codecs, order[i-1])
		}
		if len(codecs) == 2 && codecs[0].ID() == codecs[1].ID() {
			codecs = codecs[:1]
		}
		m := newManager[Values](t, Config{Keys: keys, Codecs: codecs})
		var s *Session[Values]
		if i == 0 {
			s = m.New(t0)
			if err := s.Renew(v); err != nil {
				t.Fatal(err)
			}
		} else {
			s = request(m, t0, cookie)
			wantOutcome(t, s, 0)
		}
		if err := step.SetIn(s, int64(i)); err != nil {
			t.Fatal(err)
		}
		committed := s.Commit(false)
		if committed.Token().Codec != c.Name() {
			t.Fatalf("written as %s, want %s", committed.Token().Codec, c.Name())
		}
		cookie = committed.Value
		got := request(m, t0, cookie).Data()
		step.Delete(&got)
		if err := sameValues(got, v); err != nil {
			t.Fatalf("after %s: %v", c.Name(), err)
		}
	}
}

// Nothing in Values is unknown to the program, which need not change them to move them.
func TestValuesThatAreReadAreReissuedInTheLaterCodec(t *testing.T) {
	want := everyKind()
	for _, a := range codecs() {
		for _, b := range codecs() {
			m := newManager[Values](t, Config{Keys: keyring.New(newRing(t, func(d *keyring.Document) {
				d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
				d.Codecs = []keyring.CodecFrom{{Codec: a.Name(), From: t0}, {Codec: b.Name(), From: t0.Add(day)}}
			}))})
			s := request(m, t0.Add(day), signedIn(t, m, t0, want))
			s.Outcome()
			c := s.Commit(true)
			if a.ID() == b.ID() {
				if c.Sent != SentNothing {
					t.Errorf("of %s, sent %v", a.Name(), c.Sent)
				}
				continue
			}
			if c.Sent != SentReissued || c.Token().Codec != b.Name() {
				t.Errorf("from %s to %s: sent %v in %q", a.Name(), b.Name(), c.Sent, c.Token().Codec)
			}
			if err := sameValues(request(m, t0.Add(day), c.Value).Data(), want); err != nil {
				t.Errorf("from %s to %s: %v", a.Name(), b.Name(), err)
			}
		}
	}
}

func FuzzValuesThroughEveryCodec(f *testing.F) {
	f.Add("user", "tom", int64(7), 7.0, []byte{1}, int64(1767225600), uint32(5), byte(0))
	f.Add("$", "$bytes:AA", int64(math.MinInt64), math.Copysign(0, -1), []byte{}, int64(-62135596800), uint32(999999999), byte(5))
	f.Add("\xff", "\xed\xa0\x80", int64(1<<53+1), math.NaN(), []byte(nil), int64(1<<40), uint32(0), byte(3))
	f.Fuzz(func(t *testing.T, name, text string, n int64, x float64, raw []byte, sec int64, nsec uint32, order byte) {
		var v Values
		Key[string](name).Set(&v, text)
		keyInt.Set(&v, n)
		keyFloat.Set(&v, x)
		keyBytes.Set(&v, raw)
		keyTime.Set(&v, time.Unix(sec%1e12, int64(nsec%1e9)))
		keyList.Set(&v, []any{text, n, x, raw, nil, map[string]any{text: name}})
		all := codecs()
		var size int
		ok := true
		for i, c := range all {
			b, err := c.Append(nil, v.tree())
			if i > 0 && (err == nil) != ok {
				t.Fatalf("%s and %s do not agree on %#v: %v", all[0].Name(), c.Name(), v.tree(), err)
			}
			ok = err == nil
			size = max(size, len(b))
		}
		if ok && size < 2000 {
			checkMigration(t, permutations(all)[order%6], v)
		}
	})
}

func TestWhatCannotComeBackIsRefusedWhenSet(t *testing.T) {
	deep := any(int64(1))
	for range 20 {
		deep = []any{deep}
	}
	cycle := []any{nil}
	cycle[0] = cycle
	loop := map[string]any{}
	loop["a"], loop["b"] = loop, loop
	for _, c := range codecs() {
		m := newManager[Values](t, Config{Codecs: []codec.Codec{c}})
		for name, set := range map[string]func(*Values){
			"not UTF-8":      func(v *Values) { keyString.Set(v, "\xff") },
			"key not UTF-8":  func(v *Values) { Key[bool]("\xff").Set(v, true) },
			"NaN":            func(v *Values) { keyFloat.Set(v, math.NaN()) },
			"infinite":       func(v *Values) { keyFloat.Set(v, math.Inf(-1)) },
			"year 10000":     func(v *Values) { keyTime.Set(v, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) },
			"year 0":         func(v *Values) { keyTime.Set(v, time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC)) },
			"int":            func(v *Values) { keyList.Set(v, []any{7}) },
			"struct":         func(v *Values) { keyMap.Set(v, map[string]any{"x": struct{}{}}) },
			"depth":          func(v *Values) { keyList.Set(v, []any{deep}) },
			"cycle":          func(v *Values) { keyList.Set(v, cycle) },
			"cycle of maps":  func(v *Values) { keyMap.Set(v, loop) },
			"too many":       func(v *Values) { keyList.Set(v, make([]any, 1025)) },
			"float32 nested": func(v *Values) { keyMap.Set(v, map[string]any{"a": []any{float32(1)}}) },
		} {
			s := m.New(t0)
			if err := keyInt.SetIn(s, 5); err != nil {
				t.Fatal(err)
			}
			var set1 Values
			set(&set1)
			key := slices.Collect(set1.Names())[0]
			if err := s.Update(set); !errors.Is(err, ErrNotCarried) || !strings.Contains(err.Error(), strconv.Quote(key)) {
				t.Errorf("%s, %s: %v, want the key %q named", c.Name(), name, err, key)
			}
			if v := s.Data(); keyInt.Get(v) != 5 || v.Len() != 1 {
				t.Errorf("%s, %s: data = %v", c.Name(), name, v.tree())
			}
		}
	}
}

func TestValuesAreCopies(t *testing.T) {
	v := everyKind()
	want := everyKind()
	w := v
	keyString.Delete(&w)
	keyInt.Set(&w, 99)
	keyList.Get(v)[0] = "changed"
	keyMap.Get(v)["nested"].(map[string]any)["t"] = "changed"
	keyBytes.Get(v)[0] = 9
	list := []any{[]any{int64(1)}}
	keyList.Set(&w, list)
	list[0].([]any)[0] = int64(2)
	if got := keyList.Get(w)[0].([]any)[0]; got != int64(1) {
		t.Errorf("Set keeps what it is given: %v", got)
	}
	if err := sameValues(v, want); err != nil {
		t.Error(err)
	}
	if keyInt.Get(w) != 99 || keyString.Get(w) != "" {
		t.Error("the copy is not changed")
	}

	m := newManager[Values](t, Config{})
	s := m.New(t0)
	var kept *Values
	s.Update(func(v *Values) { keyInt.Set(v, 1); kept = v })
	data := s.Data()
	keyInt.Set(kept, 2)
	keyInt.Set(&data, 3)
	if got := keyInt.GetIn(s); got != 1 {
		t.Errorf("the session has %d, want 1", got)
	}
}

func TestKeys(t *testing.T) {
	m := newManager[Values](t, Config{})
	s := m.New(t0)
	if keyString.GetIn(s) != "" || s.Data().Has("string") {
		t.Error("a new session is not empty")
	}
	if err := keyString.SetIn(s, "tom"); err != nil {
		t.Fatal(err)
	}
	if got, ok := keyString.Lookup(s.Data()); got != "tom" || !ok {
		t.Errorf("Lookup = %q, %v", got, ok)
	}
	if got, ok := Key[int64]("string").Lookup(s.Data()); got != 0 || ok {
		t.Errorf("as another kind: %v, %v", got, ok)
	}
	if got, ok, err := keyString.PopIn(s); got != "tom" || !ok || err != nil {
		t.Errorf("PopIn = %q, %v, %v", got, ok, err)
	}
	if got, ok, err := keyString.PopIn(s); got != "" || ok || err != nil {
		t.Errorf("PopIn again = %q, %v, %v", got, ok, err)
	}
	keyInt.SetIn(s, 1)
	if err := keyInt.DeleteIn(s); err != nil || s.Data().Len() != 0 {
		t.Errorf("DeleteIn = %v; %d keys are left", err, s.Data().Len())
	}
	keyBytes.SetIn(s, nil)
	if b, ok := keyBytes.Lookup(s.Data()); b == nil || len(b) != 0 || !ok {
		t.Errorf("nil bytes come back as %v, %v", b, ok)
	}
	local := time.Date(2026, 7, 1, 12, 0, 0, 5, time.FixedZone("X", 3600))
	keyTime.SetIn(s, local)
	if got := keyTime.GetIn(s); !got.Equal(local) || got.Location() != time.UTC {
		t.Errorf("time = %v", got)
	}
	now := time.Now()
	keyTime.SetIn(s, now)
	if got := keyTime.GetIn(s); !reflect.DeepEqual(got, now.UTC().Round(0)) {
		t.Errorf("time.Now() = %#v, came back as %#v", now, got)
	}
	var names []string
	s.Update(func(v *Values) {
		for name := range v.Names() {
			names = append(names, name)
		}
		v.Clear()
	})
	if strings.Join(names, " ") == "" || s.Data().Len() != 0 {
		t.Errorf("keys %q, then %d", names, s.Data().Len())
	}
	s.Commit(false)
	if v, ok, err := keyString.PopIn(s); err != ErrCommitted || v != "" || ok {
		t.Errorf("PopIn after Commit = %q, %v, %v", v, ok, err)
	}
}

func TestWrongTopLevelIsNoSession(t *testing.T) {
	for _, c := range codecs() {
		m := newManager[Values](t, Config{Codecs: []codec.Codec{c}})
		typed := newManager[visit](t, Config{Codecs: []codec.Codec{c}})
		dict := newManager[map[string]int](t, Config{Codecs: []codec.Codec{c}})
		for _, v := range []any{nil, "", int64(1), true, []any{}, []any{[]any{"user", "tom"}}, []byte("{}"), 1.5} {
			payload, err := c.Append(nil, &v)
			if err != nil {
				t.Fatalf("%s: %#v: %v", c.Name(), v, err)
			}
			wantOutcome(t, request(m, t0, forge(t, m, t0, payload, nil)), ErrUndecodable)
			wantOutcome(t, request(typed, t0, forge(t, typed, t0, payload, nil)), ErrUndecodable)
			wantOutcome(t, request(dict, t0, forge(t, dict, t0, payload, nil)), ErrUndecodable)
		}
	}
}

var _ = keyring.ErrUnknownKey
