package takeover

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A FernetConfig says how an application keeps sessions in Fernet tokens.
type FernetConfig struct {
	// Cookie is the name of the cookie. It has to be given.
	Cookie string

	// Secrets are the keys, newest first, as Fernet.generate_key writes them:
	// 32 bytes in base64, 44 characters. These are the keys of a MultiFernet in
	// its own order.
	Secrets []string

	// MaxAge is the ttl with which the application opened tokens, NoMaxAge if it
	// gave none. It has to be given.
	MaxAge time.Duration
}

// Fernet returns a [Reader] of Fernet tokens (https://github.com/fernet/spec), as the
// Python package cryptography writes them (src/cryptography/fernet.py): encrypted with
// AES-128-CBC, and then signed with HMAC-SHA256. The system is "fernet".
//
// The payload is whatever the application encrypted. One that begins with { and ends
// with }, apart from white space, has to be a JSON object, and the data are then a
// map[string]any. Any other payload is given as it is, as a []byte, which Convert has to
// make something of; take care there to run nothing: Python's pickle is a program.
//
// A session begins when the token was made, which the token says, and ends MaxAge later.
// One made more than 60 s from now is refused, with NoMaxAge as well, where Fernet
// does not look. So is base64 other than Fernet writes it, of which Python skips what
// is not in the alphabet.
//
// The name of the cookie is not in the tag: another token of the application, under the
// same key, opens as a session.
func Fernet(c FernetConfig) (*Reader, error) {
	p := problems{function: "Fernet"}
	p.cookie(c.Cookie, "no name is usual for it, so say which one the application has")
	if len(c.Secrets) == 0 {
		p.add("Secrets is empty: it has the key of the tokens")
	}
	if c.MaxAge == 0 {
		p.add("MaxAge is not set: give the ttl of the application, or NoMaxAge if it has none")
	}
	p.maxAge(c.MaxAge)
	f := &fernetReader{maxAge: c.MaxAge}
	for i, text := range c.Secrets {
		key, err := decodeFernetKey(text)
		if err != nil {
			p.add("Secrets[%d] %w", i, err)
			continue
		}
		f.add(key)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "fernet", names: []string{c.Cookie}, open: f.openAny}, nil
}

// decodeFernetKey decodes the text of a key as Python does, which takes both alphabets
// of base64. An error continues the sentence that names the secret.
func decodeFernetKey(text string) ([]byte, error) {
	key, err := base64.URLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimSpace(text)))
	switch {
	case text == "":
		return nil, errors.New("is empty")
	case err == nil && len(key) == fernetKeySize:
		return key, nil
	case len(text) == fernetKeySize:
		return nil, errors.New("is of 32 characters: a Fernet key is the base64 of 32 bytes, 44 characters; if it is a secret of asgi-sessions, ASGIFernet knows what to do with it")
	case len(text) == 2*fernetKeySize && strings.Trim(text, "0123456789abcdefABCDEF") == "":
		return nil, errors.New("seems to be hex: a Fernet key is the base64 of 32 bytes, 44 characters")
	case err != nil:
		return nil, errors.New("is not base64 with padding: a Fernet key is the base64 of 32 bytes, 44 characters")
	}
	return nil, errors.New("is base64 of another number of bytes than the 32 of a Fernet key: of a password, the application makes a key first, and that key is wanted")
}

const (
	fernetVersion = 0x80
	fernetKeySize = 32
	// A token is version:1 time:8 IV:16 ciphertext tag:32.
	fernetPlain = 1 + 8 + aes.BlockSize
	fernetMin   = fernetPlain + aes.BlockSize + sha256.Size
	// fernetSkew is how far the clock that made a token may be ahead (_MAX_CLOCK_SKEW).
	fernetSkew = 60
)

// A fernetReader opens Fernet tokens.
type fernetReader struct {
	keys   []fernetKey
	maxAge time.Duration // positive, or NoMaxAge
}

type fernetKey struct {
	sign  []byte
	block cipher.Block
}

// add adds a key of 32 bytes.
func (r *fernetReader) add(key []byte) {
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		panic(err) // it is of 16 bytes
	}
	r.keys = append(r.keys, fernetKey{bytes.Clone(key[:16]), block})
}

// openAny opens a token of whatever payload.
func (r *fernetReader) openAny(now time.Time, values []string) (session.Foreign, error) {
	payload, f, err := r.decrypt(now, values[0])
	if err != nil {
		return session.Foreign{}, err
	}
	text := bytes.Trim(payload, " \t\r\n")
	if !bytes.HasPrefix(text, []byte("{")) || !bytes.HasSuffix(text, []byte("}")) {
		f.Data = payload
		return f, nil
	}
	object, err := decodeObject(payload)
	if err != nil {
		return session.Foreign{}, err
	}
	f.Data = object
	return f, nil
}

// openObject opens a token whose payload is a JSON object.
func (r *fernetReader) openObject(now time.Time, values []string) (session.Foreign, error) {
	payload, f, err := r.decrypt(now, values[0])
	if err != nil {
		return session.Foreign{}, err
	}
	object, err := decodeObject(payload)
	if err != nil {
		return session.Foreign{}, err
	}
	f.Data = object
	return f, nil
}

// decrypt returns the payload of a token, and a Foreign without data.
func (r *fernetReader) decrypt(now time.Time, text string) ([]byte, session.Foreign, error) {
	none := session.Foreign{}
	token, err := decodeBase64(base64URLPad, text)
	if err != nil {
		return nil, none, err
	}
	if len(token) < fernetMin || (len(token)-fernetMin)%aes.BlockSize != 0 || token[0] != fernetVersion {
		return nil, none, refuse(session.ErrMalformed, "it is not a Fernet token")
	}
	signed, tag := token[:len(token)-sha256.Size], token[len(token)-sha256.Size:]
	block := r.verify(signed, tag)
	if block == nil {
		return nil, none, refuse(session.ErrForged, "no key verifies it")
	}
	f, err := r.age(now, binary.BigEndian.Uint64(signed[1:]))
	if err != nil {
		return nil, none, err
	}
	iv, b := signed[fernetPlain-aes.BlockSize:fernetPlain], signed[fernetPlain:]
	payload, err := openCBC(block, iv, b)
	return payload, f, err
}

// verify returns the cipher of the key whose tag it is, or nil.
func (r *fernetReader) verify(signed, tag []byte) cipher.Block {
	for _, key := range r.keys {
		if equal(sum(sha256.New, key.sign, signed), tag) {
			return key.block
		}
	}
	return nil
}

// age says whether a token made at this Unix time is in use at now. Fernet counts in
// whole seconds: a token of 60.9 s is not older than 60.
func (r *fernetReader) age(now time.Time, made uint64) (session.Foreign, error) {
	s := now.Unix()
	if made > uint64(max(s+fernetSkew, 0)) {
		return session.Foreign{}, refuse(session.ErrFuture, "it was made more than %d s from now", fernetSkew)
	}
	f := session.Foreign{Start: time.Unix(int64(made), 0)}
	if r.maxAge > 0 {
		f.Expires = wholeSeconds(f.Start, r.maxAge)
		if !now.Before(f.Expires) {
			return session.Foreign{}, refuse(session.ErrExpired, "it is older than MaxAge")
		}
	}
	return f, nil
}
