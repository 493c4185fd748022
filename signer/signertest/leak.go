package signertest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/keyturn/keyturn/signer"
)

func noLeak[S any](_ S, with maker[S]) error {
	key := leakKey(signer.KeySize)
	s, err := with(key)
	if err != nil {
		return err
	}
	shows := shown(s)
	for _, n := range []int{signer.KeySize - 1, signer.KeySize + 1, 2 * signer.KeySize} {
		wrong, err := with(leakKey(n))
		if err == nil {
			continue // for KeySize to complain of
		}
		for form, text := range shown(err) {
			shows["the error on a wrong key, "+form] = text
		}
		for form, text := range shown(wrong) {
			shows["what comes with the error on a wrong key, "+form] = text
		}
	}
	spelled := spellings(leakKey(2 * signer.KeySize))
	for form, text := range shows {
		lower := strings.ToLower(text)
		for spelling, as := range spelled {
			if strings.Contains(text, spelling) || strings.Contains(lower, spelling) {
				return fmt.Errorf("%s shows bytes of the key as %s; keep the key, and what holds it, in a closure instead of a field: fmt finds every field, and methods like Format are not called on one that is not exported", form, as)
			}
		}
	}
	return nil
}

// leakKey returns bytes that are distinct, with the shorter a prefix of the
// longer, and that are invalid in UTF-8, so that all quoting spells them alike.
func leakKey(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 0x80 | byte(i*37+11)&0x3f
	}
	return b
}

// shown returns v in all the forms in which a value gets into a log.
func shown(v any) map[string]string {
	type exported struct{ Value any }
	type unexported struct{ value any }
	shows := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% x", "%X", "% X", "%#x", "%d", "%o", "%b", "%c", "%U", "%t"} {
		shows[verb] = fmt.Sprintf(verb, v)
		shows[verb+" of a pointer to it"] = fmt.Sprintf(verb, &v)
		shows[verb+" of a struct with it"] = fmt.Sprintf(verb, exported{v})
		shows[verb+" of a struct with it unexported"] = fmt.Sprintf(verb, unexported{v})
		shows[verb+" of a slice with it"] = fmt.Sprintf(verb, []any{v})
		shows[verb+" of a map with it"] = fmt.Sprintf(verb, map[string]any{"value": v})
	}
	for name, v := range map[string]any{"it": v, "a struct with it": exported{v}} {
		if data, err := json.Marshal(v); err == nil {
			shows["JSON of "+name] = string(data)
		} else {
			shows["the error on JSON of "+name] = err.Error()
		}
		var text, object strings.Builder
		slog.New(slog.NewTextHandler(&text, nil)).Info("", "value", v)
		slog.New(slog.NewJSONHandler(&object, nil)).Info("", "value", v)
		shows["slog text of "+name] = text.String()
		shows["slog JSON of "+name] = object.String()
	}
	return shows
}

// spellings returns how every 8 consecutive bytes of key are written down in
// one notation or another (9 in base64), with the name of the notation.
func spellings(key []byte) map[string]string {
	forms := make(map[string]string)
	for i := 0; i+9 <= len(key); i++ {
		w := key[i : i+8]
		forms[string(w)] = "they are"
		forms[strings.Trim(strconv.Quote(string(w)), `"`)] = "a quoted string"
		forms[hex.EncodeToString(w)] = "hexadecimal"
		forms[base64.StdEncoding.EncodeToString(key[i:i+9])] = "base64"
		forms[base64.URLEncoding.EncodeToString(key[i:i+9])] = "base64"
		for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			forms[strconv.FormatUint(o.Uint64(w), 10)] = "a number"
			forms[strconv.FormatUint(o.Uint64(w), 16)] = "a number"
		}
		for _, base := range []int{2, 8, 10, 16} {
			var list []string
			for _, b := range w {
				list = append(list, strconv.FormatUint(uint64(b), base))
			}
			lists := [][]string{list}
			for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
				lists = append(lists, []string{
					strconv.FormatUint(uint64(o.Uint32(w)), base),
					strconv.FormatUint(uint64(o.Uint32(w[4:])), base),
				})
			}
			for _, list := range lists {
				for _, separator := range []string{" ", ",", ", ", ":", " 0x", ", 0x", " u+00"} {
					forms[strings.Join(list, separator)] = "a list of numbers"
				}
			}
		}
	}
	return forms
}
