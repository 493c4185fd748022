package vectors

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session/takeover"
)

// Encode returns data of a reader as a file of cases has them, for encoding/json: with
// {"$type": ...} for what JSON has no type for.
func Encode(data any) any {
	type typed = map[string]any
	switch x := data.(type) {
	case nil, bool, int, int64:
		return x
	case *big.Int:
		return json.Number(x.String())
	case string:
		if !utf8.ValidString(x) {
			return typed{"$type": "string", "base64": base64.StdEncoding.EncodeToString([]byte(x))}
		}
		return x
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			text := strings.Replace(strconv.FormatFloat(x, 'g', -1, 64), "Inf", "Infinity", 1)
			return typed{"$type": "float", "value": strings.TrimPrefix(text, "+")}
		}
		text := strconv.FormatFloat(x, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0" // or it would be an integer
		}
		return json.Number(text)
	case []byte:
		return typed{"$type": "bytes", "base64": base64.StdEncoding.EncodeToString(x)}
	case time.Time:
		return typed{"$type": "datetime", "value": x.Format(time.RFC3339Nano), "unix": x.Unix()}
	case takeover.Tuple:
		return typed{"$type": "tuple", "items": encodeList(x)}
	case takeover.UUID:
		return typed{"$type": "uuid", "value": x.String()}
	case takeover.Markup:
		return typed{"$type": "markup", "value": string(x)}
	case takeover.Atom:
		return typed{"$type": "atom", "value": string(x)}
	case []any:
		return encodeList(x)
	case map[string]any:
		object := make(map[string]any, len(x))
		for name, e := range x {
			if name == "$type" || !utf8.ValidString(name) {
				return encodeEntries(x)
			}
			object[name] = Encode(e)
		}
		return object
	}
	v := reflect.ValueOf(data)
	switch kind := v.Type().String(); v.Kind() {
	case reflect.Slice, reflect.Array:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = Encode(v.Index(i).Interface())
		}
		return typed{"$type": kind, "items": items}
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return encodeEntries(data)
		}
		entries := make(map[string]any, v.Len())
		for i := v.MapRange(); i.Next(); {
			entries[i.Key().String()] = Encode(i.Value().Interface())
		}
		return typed{"$type": kind, "entries": entries}
	default:
		return typed{"$type": kind, "value": fmt.Sprint(data)}
	}
}

func encodeList(list []any) []any {
	items := make([]any, len(list))
	for i, e := range list {
		items[i] = Encode(e)
	}
	return items
}

// encodeEntries encodes a map as pairs, in an order of their own.
func encodeEntries(data any) any {
	type entry struct {
		id   string
		pair []any
	}
	v := reflect.ValueOf(data)
	var all []entry
	for i := v.MapRange(); i.Next(); {
		key := Encode(i.Key().Interface())
		id, _ := json.Marshal(key)
		all = append(all, entry{string(id), []any{key, Encode(i.Value().Interface())}})
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	entries := make([]any, len(all))
	for i, e := range all {
		entries[i] = e.pair
	}
	return map[string]any{"$type": "map", "entries": entries}
}
