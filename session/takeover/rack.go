package takeover

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A RackConfig says how an application has set up Rack::Session::Cookie.
type RackConfig struct {
	// Cookie is the name of the cookie, the option :key; "rack.session" if empty.
	Cookie string

	// Secrets are the secrets, as the application has them, the newest first: what it
	// has in hex is not decoded. They are the options :secret and :old_secret (or
	// :legacy_hmac_secret) without an Encryptor, and :secrets with one.
	Secrets []string

	// Encryptor is the version of rack-session's encryptor. Version 1 is of
	// rack-session 2.0 to 2.1.1, and has secrets of 64 bytes or more; version 2 is of
	// 2.1.2 and later, and has 32 or more. 0 is for the signed cookies of Rack 2 and
	// earlier, and of rack-session with :legacy_hmac_secret.
	Encryptor int

	// Purpose is what the encryptor binds a cookie to. It is the option :key again, if
	// the application sets it. If it does not, as an application of Sinatra, cookies are
	// bound to nothing, and the Purpose is empty.
	Purpose string

	// Hash is that of a signed cookie, the option :hmac (or :legacy_hmac): "SHA1" if
	// empty, else "SHA224", "SHA256", "SHA384" or "SHA512".
	Hash string

	// ZipJSON says that the :coder of signed cookies is Base64::ZipJSON, and not
	// Base64::JSON.
	ZipJSON bool
}

// Rack returns a [Reader] of the cookies of Rack::Session::Cookie, the session of Rack up
// to version 2, and of the gem rack-session. The system is "rack".
//
// It reads sessions that are JSON: of the coders Base64::JSON and Base64::ZipJSON, or of
// an encryptor with serialize_json. Both libraries write Ruby's Marshal by default, which
// is a program to build objects. It is refused by name, and not looked into.
//
// The data are a map[string]any, with the session_id that Rack adds. The cookie says
// neither when a session began nor when it ends.
//
// The reader is stricter than Rack: base64 has one spelling, apart from the two
// alphabets that version 2 of the encryptor has had (2.1.2 writes the standard one, and
// later code that of URLs); the percent-encoding is the one that Rack writes; NaN, which
// Ruby's JSON.dump knows, and a name that an object has twice are not JSON. Of a session,
// no more than 64 KiB are inflated.
//
// A signed cookie is not bound to its name: whatever else the application signs in this
// way with the same secret is a session as well. HMAC-SHA1 is not known to be weak, but
// the secret may be: Rack takes one of any length. Of a secret, the encryptor's version 2
// uses the first 32 bytes, which are 16 if they are hex, and version 1 takes these for
// its cipher.
func Rack(c RackConfig) (*Reader, error) {
	p := problems{function: "Rack"}
	c.Cookie = cmp.Or(c.Cookie, "rack.session")
	c.Hash = cmp.Or(c.Hash, "SHA1")
	c.Secrets = slices.Clone(c.Secrets)
	hash := p.hash("Hash", c.Hash, "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")
	p.secrets(c.Secrets, "it has the application's :secret or :secrets, the newest first")
	least := 1
	switch c.Encryptor {
	case 0:
		if c.Purpose != "" {
			p.add("Purpose is set without an Encryptor: signed cookies have none")
		}
	case 1, 2:
		least = []int{64, 32}[c.Encryptor-1]
		if c.Hash != "SHA1" || c.ZipJSON {
			p.add("Hash and ZipJSON are of signed cookies: encrypted ones have neither")
		}
		if c.Cookie != "rack.session" && c.Purpose == "" {
			p.add("Purpose is empty: an application that sets :key has it as Cookie and as Purpose")
		}
	default:
		p.add("Encryptor is %d: known are 1 and 2, and 0 for signed cookies", c.Encryptor)
	}
	for i, secret := range c.Secrets {
		switch {
		case secret == "":
		case len(secret) < least:
			p.add("Secrets[%d] is of %d bytes, and version %d of the encryptor has %d or more: it is the text that the application has, not decoded from hex or base64", i, len(secret), c.Encryptor, least)
		case c.Encryptor == 0 && hash != nil:
			if err := usableHMAC(hash, []byte(secret)); err != nil {
				p.add("Secrets[%d] with %s: %v", i, c.Hash, err)
			}
		}
	}
	if _, err := aesGCM(make([]byte, 32)); err != nil && c.Encryptor == 2 {
		p.add("Encryptor is 2: %v", err)
	}
	if err := p.err(); err != nil {
		return nil, err
	}

	open := rackSigned(c, hash)
	if c.Encryptor != 0 {
		open = rackEncrypted(c)
	}
	return &Reader{
		system: "rack",
		names:  []string{c.Cookie},
		open: func(_ time.Time, values []string) (session.Foreign, error) {
			text, err := rackUnescape(values[0])
			if err != nil {
				return session.Foreign{}, err
			}
			payload, err := open(text)
			if err != nil {
				return session.Foreign{}, err
			}
			if isMarshal(payload) {
				return session.Foreign{}, errMarshal
			}
			data, err := decodeObject(payload)
			if err != nil {
				return session.Foreign{}, err
			}
			return session.Foreign{Data: data}, nil
		},
	}, nil
}

// rackSigned opens a signed cookie: base64, two hyphens, and the HMAC of the base64 in
// hex (rack 2.2.22, lib/rack/session/cookie.rb).
func rackSigned(c RackConfig, hash func() hash.Hash) func(text string) ([]byte, error) {
	keys := make([][]byte, len(c.Secrets))
	for i, secret := range c.Secrets {
		keys[i] = []byte(secret)
	}
	size := hash().Size()
	return func(text string) ([]byte, error) {
		i := strings.LastIndex(text, "--")
		if i < 0 {
			return nil, refuse(session.ErrMalformed, "it has no signature")
		}
		data, tag := text[:i], text[i+2:]
		if len(tag) != hex.EncodedLen(size) {
			return nil, refuse(session.ErrMalformed, "its signature is not of the length of %s", c.Hash)
		}
		if !slices.ContainsFunc(keys, func(key []byte) bool {
			// In Rack, too, it is compared as text, which has one spelling.
			return equal([]byte(hex.EncodeToString(sum(hash, key, []byte(data)))), []byte(tag))
		}) {
			return nil, errRackForged
		}
		// Before version 2.1, Rack broke the base64 into lines. They have been verified.
		payload, err := decodeBase64(base64Padded, strings.ReplaceAll(data, "\n", ""))
		if err != nil {
			return nil, refuse(session.ErrUndecodable, "the payload is not base64")
		}
		if c.ZipJSON {
			return inflate(payload)
		}
		return payload, nil
	}
}

var errRackForged = refuse(session.ErrForged, "no secret verifies it")

// The parts of an encrypted cookie (rack-session, lib/rack/session/encryptor.rb):
// version 1 has its tag at the end, version 2 before the ciphertext.
const (
	rackSalt   = 32
	rackIV1    = aes.BlockSize
	rackTag1   = sha256.Size
	rackNonce2 = 12
	rackTag2   = 16
)

// rackEncrypted opens a cookie of rack-session's encryptor.
func rackEncrypted(c RackConfig) func(text string) ([]byte, error) {
	decrypt, least := rackDecrypt1, 1+rackSalt+rackIV1+rackTag1
	if c.Encryptor == 2 {
		decrypt, least = rackDecrypt2, 1+rackSalt+rackNonce2+rackTag2
	}
	return func(text string) ([]byte, error) {
		alphabet := base64URLPad
		if c.Encryptor == 2 && strings.ContainsAny(text, "+/") {
			alphabet = base64Padded
		}
		data, err := decodeBase64(alphabet, text)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 || int(data[0]) != c.Encryptor {
			return nil, refuse(session.ErrMalformed, "it is not of version %d of the encryptor", c.Encryptor)
		}
		if len(data) <= least {
			return nil, refuse(session.ErrMalformed, "it is too short")
		}
		for _, secret := range c.Secrets {
			if plain, ok := decrypt(secret, c.Purpose, data); ok {
				return rackUnpad(plain)
			}
		}
		return nil, errRackForged
	}
}

// rackDecrypt1 is AES-256 in counter mode, and HMAC-SHA256 of it all.
func rackDecrypt1(secret, purpose string, data []byte) ([]byte, bool) {
	signed, tag := data[:len(data)-rackTag1], data[len(data)-rackTag1:]
	if !equal(sum(sha256.New, []byte(secret[32:]), signed, []byte(purpose)), tag) {
		return nil, false
	}
	salt, rest := signed[1:1+rackSalt], signed[1+rackSalt:]
	block, err := aes.NewCipher(rackKey(secret, salt))
	if err != nil {
		return nil, false
	}
	plain := make([]byte, len(rest)-rackIV1)
	cipher.NewCTR(block, rest[:rackIV1]).XORKeyStream(plain, rest[rackIV1:])
	return plain, true
}

// rackDecrypt2 is AES-256-GCM.
func rackDecrypt2(secret, purpose string, data []byte) ([]byte, bool) {
	head, rest := data[:1+rackSalt], data[1+rackSalt:]
	aead, err := aesGCM(rackKey(secret, head[1:]))
	if err != nil {
		return nil, false
	}
	nonce, tag, ciphertext := rest[:rackNonce2], rest[rackNonce2:rackNonce2+rackTag2], rest[rackNonce2+rackTag2:]
	plain, err := aead.Open(nil, nonce, slices.Concat(ciphertext, tag), slices.Concat(head, []byte(purpose)))
	return plain, err == nil
}

// rackKey is the key of one cookie, which has its own salt.
func rackKey(secret string, salt []byte) []byte {
	return sum(sha256.New, []byte(secret[:32]), salt)
}

// rackUnpad takes the padding away that is in front of what has been decrypted.
func rackUnpad(plain []byte) ([]byte, error) {
	if len(plain) < 2 || len(plain) < 2+int(binary.LittleEndian.Uint16(plain)) {
		return nil, refuse(session.ErrUndecodable, "its padding is longer than it")
	}
	return plain[2+int(binary.LittleEndian.Uint16(plain)):], nil
}

// rackUnescape decodes the value of a cookie that URI.encode_www_form_component has
// written, as Rack::Utils.escape does, and no other spelling of it.
func rackUnescape(value string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case rackUnescaped(c):
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(value):
			x, err := hex.DecodeString(value[i+1 : i+3])
			if err != nil || rackUnescaped(x[0]) || x[0] == ' ' || strings.ToUpper(value[i:i+3]) != value[i:i+3] {
				return "", errRackEscape
			}
			c = x[0]
			i += 2
		default:
			return "", errRackEscape
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

var errRackEscape = refuse(session.ErrMalformed, "it is not percent-encoded as Rack does it")

// rackUnescaped reports whether a byte stays as it is.
func rackUnescaped(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("*-._", c) >= 0
}
