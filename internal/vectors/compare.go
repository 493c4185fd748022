package vectors

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// compare says where data differs from the payload of the case, in ways that the
// case's tags do not allow.
func (c *Case) compare(data any) error {
	if c.has("may-differ") {
		return nil
	}
	m := matcher{dropsKeys: c.has("drops-keys"), roundsNumbers: c.has("js-number"), surrogates: c.has("lone-surrogate")}
	return m.match("payload", c.Payload, data)
}

// compareTimes says where the session begins or ends at other times than the case says:
// when it was issued, and max_age later. A library may grant some seconds more, of which
// iron has the most. What a reader does not say is not looked at.
func (c *Case) compareTimes(f session.Foreign) error {
	issued, err := c.IssuedAt.Int64()
	if err != nil {
		return nil
	}
	if !f.Start.IsZero() && f.Start.Unix() != issued {
		return fmt.Errorf("it begins at %d, and was issued at %d", f.Start.Unix(), issued)
	}
	if c.MaxAge == nil || f.Expires.IsZero() || c.has("no-expiry") {
		return nil
	}
	age, err := c.MaxAge.Int64()
	if late := f.Expires.Unix() - issued - age; err == nil && (late < 0 || late > 60) {
		return fmt.Errorf("it ends at %d, and max_age ends at %d", f.Expires.Unix(), issued+age)
	}
	return nil
}

type matcher struct{ dropsKeys, roundsNumbers, surrogates bool }

func differs(at string, want, got any) error {
	return fmt.Errorf("%s is %T %#v, the library has %v", at, got, got, want)
}

// match compares what a file has (want) with what a reader returns (got).
func (m *matcher) match(at string, want, got any) error {
	ok := false
	switch want := want.(type) {
	case nil:
		ok = got == nil
	case bool:
		ok = got == want
	case string:
		s, is := got.(string)
		ok = is && m.text(want, s)
	case json.Number:
		ok = m.number(want.String(), got)
	case []any:
		return m.list(at, want, got)
	case map[string]any:
		if kind, is := want["$type"].(string); is {
			return m.typed(at, kind, want, got)
		}
		return m.object(at, want, got)
	}
	if !ok {
		return differs(at, want, got)
	}
	return nil
}

// text compares text. Half of a surrogate pair, which a file's decoder makes U+FFFD, a
// reader may make something else.
func (m *matcher) text(want, got string) bool {
	if !m.surrogates || !strings.ContainsRune(want, utf8.RuneError) {
		return want == got
	}
	parts := strings.Split(want, string(utf8.RuneError))
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(parts, `.{0,3}`) + `)$`).MatchString(got)
}

// number compares a JSON number. An int of gob is a plain number in a file, and so is
// every number of JSON.
func (m *matcher) number(want string, got any) bool {
	if strings.ContainsAny(want, ".eE") || m.roundsNumbers {
		f, err := strconv.ParseFloat(want, 64)
		g, ok := got.(float64)
		if m.roundsNumbers {
			switch exact := got.(type) {
			case int64:
				g, ok = float64(exact), true
			case *big.Int:
				g, _ = new(big.Float).SetInt(exact).Float64()
				ok = true
			}
		}
		return err == nil && ok && math.Float64bits(f) == math.Float64bits(g)
	}
	i, ok := new(big.Int).SetString(want, 10)
	if !ok {
		return false
	}
	switch got := got.(type) {
	case int:
		return i.IsInt64() && i.Int64() == int64(got)
	case int64:
		return i.IsInt64() && i.Int64() == got
	case *big.Int:
		return !i.IsInt64() && i.Cmp(got) == 0
	}
	return false
}

func (m *matcher) list(at string, want []any, got any) error {
	list, ok := got.([]any)
	if !ok || len(list) != len(want) {
		return differs(at, want, got)
	}
	for i := range want {
		if err := m.match(fmt.Sprintf("%s[%d]", at, i), want[i], list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *matcher) object(at string, want map[string]any, got any) error {
	object, ok := got.(map[string]any)
	if !ok || len(object) < len(want) || len(object) > len(want) && !m.dropsKeys {
		return differs(at, want, got)
	}
	for k := range want {
		x, ok := object[k]
		for name := range object {
			if !ok && m.text(k, name) {
				x, ok = object[name], true
			}
		}
		if !ok {
			return fmt.Errorf("%s has no %q", at, k)
		}
		if err := m.match(fmt.Sprintf("%s[%q]", at, k), want[k], x); err != nil {
			return err
		}
	}
	return nil
}

// typed compares what plain JSON has no type for.
func (m *matcher) typed(at, kind string, want map[string]any, got any) error {
	text, _ := want["value"].(string)
	ok := false
	switch kind {
	case "bytes":
		b, is := got.([]byte)
		ok = is && base64.StdEncoding.EncodeToString(b) == want["base64"]
	case "string":
		s, is := got.(string)
		ok = is && !utf8.ValidString(s) && base64.StdEncoding.EncodeToString([]byte(s)) == want["base64"]
	case "tuple":
		items, _ := want["items"].([]any)
		t, is := got.(takeover.Tuple)
		if !is {
			return differs(at, want, got)
		}
		return m.list(at, items, []any(t))
	case "uuid":
		u, is := got.(takeover.UUID)
		ok = is && u.String() == text
	case "markup":
		ok = got == takeover.Markup(text)
	case "atom":
		ok = got == takeover.Atom(text)
	case "datetime":
		t, is := got.(time.Time)
		w, err := time.Parse(time.RFC3339Nano, text)
		ok = is && err == nil && t.Equal(w)
	case "float":
		f, is := got.(float64)
		w, err := strconv.ParseFloat(text, 64)
		ok = is && err == nil && (math.Float64bits(f) == math.Float64bits(w) || math.IsNaN(f) && math.IsNaN(w))
	case "map":
		return m.entries(at, want, got)
	default:
		return m.gotype(at, kind, want, got)
	}
	if !ok {
		return differs(at, want, got)
	}
	return nil
}

// gotype compares a value of a type of Go, as gob has it.
func (m *matcher) gotype(at, kind string, want map[string]any, got any) error {
	v := reflect.ValueOf(got)
	if got == nil || v.Type().String() != kind {
		return differs(at, want, got)
	}
	switch {
	case v.Kind() == reflect.Slice:
		items, _ := want["items"].([]any)
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		return m.list(at, items, list)
	case v.Kind() == reflect.Map:
		entries, _ := want["entries"].(map[string]any)
		object := make(map[string]any, v.Len())
		for _, k := range v.MapKeys() {
			object[fmt.Sprint(k)] = v.MapIndex(k).Interface()
		}
		return m.object(at, entries, object)
	case v.CanFloat():
		w, err := strconv.ParseFloat(fmt.Sprint(want["value"]), v.Type().Bits())
		if f := v.Float(); err != nil || math.Float64bits(f) != math.Float64bits(w) && !(math.IsNaN(f) && math.IsNaN(w)) {
			return differs(at, want, got)
		}
	case want["value"] == nil || fmt.Sprint(got) != fmt.Sprint(want["value"]):
		return differs(at, want, got)
	}
	return nil
}

// entries compares a map whose keys are of any type, in any order.
func (m *matcher) entries(at string, want map[string]any, got any) error {
	entries, _ := want["entries"].([]any)
	v := reflect.ValueOf(got)
	if got == nil || v.Kind() != reflect.Map || v.Len() != len(entries) {
		return differs(at, want, got)
	}
	keys := v.MapKeys()
	for _, e := range entries {
		pair, _ := e.([]any)
		if len(pair) != 2 {
			return fmt.Errorf("%s: an entry of the file is not a pair", at)
		}
		i := slices.IndexFunc(keys, func(k reflect.Value) bool { return m.match(at, pair[0], k.Interface()) == nil })
		if i < 0 {
			return fmt.Errorf("%s has no %v", at, pair[0])
		}
		if err := m.match(fmt.Sprintf("%s[%v]", at, pair[0]), pair[1], v.MapIndex(keys[i]).Interface()); err != nil {
			return err
		}
		keys = slices.Delete(keys, i, i+1) // it is no other entry's
	}
	return nil
}
