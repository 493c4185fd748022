package takeover

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A GorillaConfig says how the cookies of gorilla/securecookie were made.
type GorillaConfig struct {
	// Cookie is the name of the cookie, which is that of the session. It has to be given.
	// The name is authenticated with the value.
	Cookie string

	// KeyPairs are the keys in the order in which the program gives them to
	// sessions.NewCookieStore or securecookie.CodecsFromPairs: a hash key and the
	// block key that belongs to it, nil if there is none, and then the next, older
	// pair. The last block key may be missing.
	KeyPairs [][]byte

	// Serializer says what the values are. A CookieStore has GorillaGob, if the
	// program has not called SetSerializer.
	Serializer GorillaSerializer

	// Type is the type of what the program gave to Encode, for GorillaGob: a gob
	// does not tell an int from an int8. If it is nil, it is the map[any]any of a
	// session.
	Type reflect.Type

	// Types are values of the types that the program gave to gob.Register, as it
	// gave them, for GorillaGob. Those that Gorilla lists need not be here.
	Types []any

	// Hash is what the program gave to HashFunc. If it is nil, it is sha256.New.
	Hash func() hash.Hash

	// MaxAge is what the program gave to MaxAge, in whole seconds: 30 days if it
	// is zero, as by default, and NoMaxAge for what was 0 there.
	MaxAge time.Duration

	// MinAge is what the program gave to MinAge, in whole seconds.
	MinAge time.Duration

	// MaxLength is what the program gave to MaxLength: 4096 if it is zero, as by
	// default, and -1 for what was 0 there. More than MaxCookie is never read.
	MaxLength int
}

// A GorillaSerializer is one of those of gorilla/securecookie.
type GorillaSerializer int

const (
	GorillaGob  GorillaSerializer = iota // securecookie.GobEncoder
	GorillaJSON                          // securecookie.JSONEncoder
	GorillaRaw                           // securecookie.NopEncoder: the data are a []byte
)

// Gorilla returns a [Reader] of the cookies of gorilla/securecookie, and of the
// CookieStore of gorilla/sessions, which is also that of gin-contrib/sessions and
// echo-contrib. The system is "gorilla".
//
// A value is base64 (RFC 4648, section 5, with padding) of "date|value|mac": Unix
// seconds, base64 of the serialized data, and an HMAC of "name|date|value". With a
// block key, the data are encrypted (AES-CTR behind its 16 bytes of IV) before the HMAC
// is made (securecookie.go, Encode and Decode). Of the pairs of keys, those are tried in
// their order whose hash key verifies the cookie. That the block key is another one
// shows only in data that do not decode.
//
// A session starts when it was last sent, which is all that the date says, and ends
// MaxAge later. Session.Options.MaxAge of a single session was never more than an
// attribute of the cookie: what the store has is what counts.
//
// The data are a map[any]any, as Session.Values is, with flashes, if there are any, in a
// []any under "_flash"; with another Type, one of that; with GorillaJSON what JSON has,
// and with GorillaRaw a []byte. The types within are those that were there, an int as an
// int. These need not be in Types: the basic types, time.Time and time.Duration; of those
// and of any a slice, and a map whose keys are string, int, int64 or any; slices of, and
// maps from string to, a []T or a map[string]T where T is string, any, int or byte;
// map[string]struct{}, and url.Values. A type under a name of gob.RegisterName is refused,
// and so is a session that has anything of a type that is not known.
//
// The reader is stricter than the library: base64 has one spelling, a date has no sign
// and no zeros before it and is at most a minute ahead, nothing follows the data, in JSON
// no name is there twice and in a gob no key.
//
// # Gobs of a stranger
//
// Whoever has an old key can make a gob of any content, and gob.Decoder is not made for
// that (as of Go 1.26). A map's length is believed: 23 bytes make it allocate 1.3 GB for
// 2^24 entries, and with 2^26 end a process that has 6 GB, which cannot be recovered from.
// A slice costs up to 10 MB before its elements are there, and slices can be nested: 4 kB
// make 1.7 GB, 16 kB 6.8 GB. A []byte for a key of a map panics (33 bytes). And it makes
// values of every type that anything in the program has registered, and calls their methods.
//
// So this package reads gobs with a decoder of its own. It has no part in the registry
// of encoding/gob: what the program registers there makes no difference, and nothing is
// registered that could clash with it. It makes values of the types above and of Types
// only, of which the methods GobDecode and UnmarshalBinary are called with what is in the
// cookie. A gob has at most 4,096 elements, entries, fields and types, which are counted
// before there is memory for them, and is nested no deeper than 64. Each may be a byte in
// the cookie, and is in memory as large as its type: a struct of 1 kB that is in Types can
// make 4 MB.
func Gorilla(c GorillaConfig) (*Reader, error) {
	p := problems{function: "Gorilla"}
	p.cookie(c.Cookie, "it is the name of the session, as it is given to Get")
	if c.Hash == nil {
		c.Hash = sha256.New
	}
	g := gorilla{
		name:    c.Cookie,
		pairs:   gorillaPairs(c, &p),
		hash:    c.Hash,
		maxAge:  30 * 24 * time.Hour,
		minAge:  c.MinAge,
		longest: 4096,
		decode:  gorillaDecoder(c, &p),
	}
	switch {
	case c.MaxAge == NoMaxAge:
		g.maxAge = 0
	case c.MaxAge < 0 || c.MaxAge%time.Second != 0:
		p.add("MaxAge is %v: it has to be whole seconds, 0 for the default, or NoMaxAge", c.MaxAge)
	case c.MaxAge > 0:
		g.maxAge = c.MaxAge
	}
	if c.MinAge < 0 || c.MinAge%time.Second != 0 {
		p.add("MinAge is %v: it has to be whole seconds", c.MinAge)
	} else if g.maxAge > 0 && c.MinAge > g.maxAge {
		p.add("MinAge is %v, and MaxAge %v: nothing is ever that old", c.MinAge, g.maxAge)
	}
	switch {
	case c.MaxLength == -1:
		g.longest = MaxCookie
	case c.MaxLength < 0:
		p.add("MaxLength is %d: it has to be a length, 0 for the default, or -1 for none", c.MaxLength)
	case c.MaxLength > 0:
		g.longest = c.MaxLength
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "gorilla", names: []string{c.Cookie}, open: g.open}, nil
}

// gorillaPairs returns the pairs of keys.
func gorillaPairs(c GorillaConfig, p *problems) []gorillaPair {
	if len(c.KeyPairs) == 0 {
		p.add("KeyPairs is empty: it has a hash key, its block key or nil, the next hash key, ...")
	}
	var pairs []gorillaPair
	for i := 0; i < len(c.KeyPairs); i += 2 {
		pair := gorillaPair{hash: slices.Clone(c.KeyPairs[i])}
		if len(pair.hash) == 0 {
			p.add("KeyPairs[%d] is a hash key, and is empty", i)
		} else if err := usableHMAC(c.Hash, pair.hash); err != nil {
			p.add("KeyPairs[%d] is a hash key: %v", i, err)
		}
		if i+1 < len(c.KeyPairs) && c.KeyPairs[i+1] != nil {
			key := c.KeyPairs[i+1]
			var err error
			if pair.block, err = aes.NewCipher(key); err != nil {
				p.add("KeyPairs[%d] is a block key of %d bytes, and AES has 16, 24 or 32: %s", i+1, len(key), gorillaHint(key))
			}
		}
		for j, other := range pairs {
			if c.Serializer != GorillaRaw || !bytes.Equal(other.hash, pair.hash) {
				continue
			}
			p.add("KeyPairs[%d] and [%d] are the same hash key: raw data do not say which of the block keys is theirs", 2*j, i)
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// gorillaHint says what a block key of a wrong length may be.
func gorillaHint(key []byte) string {
	isKey := func(b []byte, err error) bool { return err == nil && (len(b) == 16 || len(b) == 24 || len(b) == 32) }
	if len(key) == 0 {
		return "nil stands for none"
	}
	if isKey(hex.DecodeString(string(key))) {
		return "it seems to be the hex of one, which has to be decoded"
	}
	if isKey(base64.StdEncoding.DecodeString(string(key))) || isKey(base64.URLEncoding.DecodeString(string(key))) {
		return "it seems to be the base64 of one, which has to be decoded"
	}
	return "if it is the next hash key, a nil is missing before it"
}

// gorillaDecoder returns what decodes the data.
func gorillaDecoder(c GorillaConfig, p *problems) func([]byte) (any, error) {
	if c.Serializer != GorillaGob && (c.Type != nil || c.Types != nil) {
		p.add("Type and Types are for GorillaGob")
	}
	switch c.Serializer {
	case GorillaJSON:
		return decodeJSON
	case GorillaRaw:
		return func(b []byte) (any, error) { return b, nil }
	case GorillaGob:
	default:
		p.add("Serializer is %d, and there is GorillaGob, GorillaJSON and GorillaRaw", c.Serializer)
	}
	top := c.Type
	if top == nil {
		top = reflect.TypeFor[map[any]any]()
	}
	if !gobCanHold(top) {
		p.add("Type is %s, which gob has no values of", top)
	}
	types := maps.Clone(usualGob())
	for i, x := range c.Types {
		t := reflect.TypeOf(x)
		if t == nil || !gobCanHold(t) || gobBase(t).Kind() == reflect.Interface {
			p.add("Types[%d] is a %T, and has to be a value as for gob.Register", i, x)
			continue
		}
		if other, ok := types[gobName(t)]; ok && other != t {
			p.add("Types[%d], a %T, has the name of another type in a gob: %s", i, x, gobName(t))
		}
		types[gobName(t)] = t
	}
	return func(b []byte) (any, error) { return decodeGob(b, top, types) }
}

// gobCanHold reports whether gob has values of a type, as far as its kind tells.
func gobCanHold(t reflect.Type) bool {
	switch gobBase(t).Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Pointer:
		return false
	}
	return true
}

// gorilla opens the cookies of a GorillaConfig.
type gorilla struct {
	name           string
	pairs          []gorillaPair
	hash           func() hash.Hash
	maxAge, minAge time.Duration // none if zero
	longest        int
	decode         func([]byte) (any, error)
}

type gorillaPair struct {
	hash  []byte
	block cipher.Block // nil if the data are not encrypted
}

func (g *gorilla) open(now time.Time, values []string) (session.Foreign, error) {
	if len(values[0]) > g.longest {
		return session.Foreign{}, session.ErrTooLarge
	}
	b, err := decodeBase64(base64URLPad, values[0])
	if err != nil {
		return session.Foreign{}, err
	}
	parts := bytes.SplitN(b, []byte("|"), 3) // the MAC may have a "|"
	if len(parts) != 3 {
		return session.Foreign{}, refuse(session.ErrMalformed, "it is not a date, a value and a MAC")
	}
	date, value, tag := string(parts[0]), string(parts[1]), parts[2]
	verified := b[:len(date)+1+len(value)]
	issued, err := strconv.ParseInt(date, 10, 64)
	if err != nil || issued < 0 || strconv.FormatInt(issued, 10) != date {
		return session.Foreign{}, refuse(session.ErrMalformed, "its date is not a number of seconds")
	}

	err = refuse(session.ErrForged, "no hash key verifies it")
	for _, pair := range g.pairs {
		if !equal(sum(g.hash, pair.hash, []byte(g.name+"|"), verified), tag) {
			continue
		}
		f, e := g.session(now, issued, value, pair.block)
		if e == nil {
			return f, nil
		}
		err = further(err, e)
	}
	return session.Foreign{}, err
}

// session returns the session of a cookie that is verified.
func (g *gorilla) session(now time.Time, issued int64, value string, block cipher.Block) (session.Foreign, error) {
	age := now.Unix() - issued
	switch {
	case age < -60:
		return session.Foreign{}, refuse(session.ErrFuture, "it is from the future")
	case g.minAge > 0 && age < int64(g.minAge/time.Second):
		return session.Foreign{}, refuse(session.ErrFuture, "it is younger than MinAge")
	case g.maxAge > 0 && age > int64(g.maxAge/time.Second):
		return session.Foreign{}, refuse(session.ErrExpired, "it is older than MaxAge")
	}
	data, err := g.payload(value, block)
	if err != nil {
		return session.Foreign{}, err
	}
	f := session.Foreign{Data: data, Start: time.Unix(issued, 0)}
	if g.maxAge > 0 {
		f.Expires = wholeSeconds(f.Start, g.maxAge)
	}
	return f, nil
}

func (g *gorilla) payload(value string, block cipher.Block) (any, error) {
	b, err := decodeBase64(base64URLPad, value)
	if err != nil {
		return nil, refuse(session.ErrUndecodable, "its value is not base64 as the system writes it")
	}
	if block == nil {
		data, err := g.decode(b)
		if err == errNotGob {
			return nil, refuse(session.ErrUndecodable, "%v, unless it is encrypted and its block key is missing", err)
		}
		return data, err
	}
	if len(b) <= aes.BlockSize { // the library does not decrypt an empty text either
		return nil, refuse(session.ErrUndecodable, "its value is too short to be encrypted")
	}
	text := make([]byte, len(b)-aes.BlockSize)
	cipher.NewCTR(block, b[:aes.BlockSize]).XORKeyStream(text, b[aes.BlockSize:])
	data, err := g.decode(text)
	if err != nil {
		return nil, refuse(session.ErrUndecodable, "%v, unless its block key is another", err)
	}
	return data, nil
}
