package vectors

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

func gorilla(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Only("codec", "securecookie", "sessions.CookieStore")
	c := takeover.GorillaConfig{
		Cookie:    cookie,
		KeyPairs:  gorillaKeys(s),
		MaxAge:    s.MaxAge(),
		MinAge:    time.Duration(s.Int("min_age", 0)) * time.Second,
		MaxLength: int(s.Int("max_length", 4096)),
	}
	if c.MaxLength == 0 {
		c.MaxLength = -1
	}
	hashes := map[string]func() hash.Hash{
		"sha256": sha256.New, "sha1": sha1.New, "sha224": sha256.New224, "sha384": sha512.New384, "sha512": sha512.New,
	}
	s.Only("hash_func", "sha256", "sha1", "sha224", "sha384", "sha512")
	c.Hash = hashes[s.String("hash_func", "sha256")]

	s.Only("serializer", "gob", "json", "nop", "raw")
	switch s.String("serializer", "gob") {
	case "gob":
		// A type of the program's, as main.User, only the program has: the cookie is refused.
		dst := s.String("dst_type", "map[interface {}]interface {}")
		if c.Type = goType(dst); c.Type == nil && !strings.Contains(dst, ".") {
			s.problem(`"dst_type" is not a type that is known: %q`, dst)
		}
	case "json":
		c.Serializer = takeover.GorillaJSON
		s.Only("dst_type", "any", "interface {}", "map[string]interface {}", "map[string]any", "[]interface {}", "[]any", "string", "bool")
	case "nop", "raw":
		c.Serializer = takeover.GorillaRaw
		s.Only("dst_type", "[]uint8", "[]byte")
	}
	return takeover.Gorilla(c)
}

// gorillaKeys returns the pairs of keys one after the other. From a command line, their
// list is of texts in that same order, "" where there is no block key.
func gorillaKeys(s *Settings) [][]byte {
	const list = "key_pairs_newest_first"
	v, _ := s.get(list)
	if text, ok := v.(string); ok {
		v = []any{text}
	}
	elements, ok := v.([]any)
	if v == nil {
		return gorillaPair(s)
	}
	if !ok {
		s.problem("%q is not a list", list)
	}
	s.Ignore("hash_key", "hash_key_encoding", "block_key", "block_key_encoding")
	var keys [][]byte
	for i, e := range elements {
		switch e := e.(type) {
		case map[string]any:
			pair := Settings{values: e}
			keys = append(keys, gorillaPair(&pair)...)
			if err := pair.Err(); err != nil {
				s.problem("%s[%d]: %v", list, i, err)
			}
		case string:
			name := [2]string{"hash_key", "block_key"}[i%2]
			var key []byte
			if e != "" {
				key = gorillaKey(s, list+"["+strconv.Itoa(i)+"]", e, s.String(name+"_encoding", "utf8"))
			}
			keys = append(keys, key)
		default:
			s.problem("%s[%d] is neither a pair of keys nor a key", list, i)
		}
	}
	return keys
}

func gorillaPair(s *Settings) [][]byte {
	pair := [][]byte{s.Secret("hash_key"), nil}
	if s.Ignore("block_key_encoding"); s.Has("block_key") {
		pair[1] = s.Secret("block_key")
	}
	return pair
}

func gorillaKey(s *Settings, name, text, encoding string) []byte {
	if encoding != "hex" {
		return []byte(text)
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		s.problem("%s is not hex", name)
	}
	return b
}

// goType returns the type of this name, as package reflect writes it, or nil.
func goType(name string) reflect.Type {
	basic := []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
	}
	for _, t := range basic {
		if t.String() == name {
			return t
		}
	}
	switch name {
	case "any":
		return reflect.TypeFor[any]()
	case "byte":
		return reflect.TypeFor[byte]()
	}
	before, after, ok := strings.Cut(name, "]")
	if !ok {
		return nil
	}
	elem := goType(after)
	if elem == nil {
		return nil
	}
	if before == "[" {
		return reflect.SliceOf(elem)
	}
	if text, ok := strings.CutPrefix(before, "map["); ok {
		if key := goType(text); key != nil && key.Comparable() {
			return reflect.MapOf(key, elem)
		}
		return nil
	}
	if n, err := strconv.ParseUint(before[1:], 10, 16); err == nil && before[0] == '[' {
		return reflect.ArrayOf(int(n), elem)
	}
	return nil
}
