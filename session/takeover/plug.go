package takeover

import (
	"cmp"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/keyturn/keyturn/session"
)

// A PlugConfig says how an application has set up Plug.Session with store: :cookie, as
// every application of Phoenix does.
type PlugConfig struct {
	// Cookie is the name of the cookie, the option key. It has to be given: Phoenix has
	// it in endpoint.ex, as "_my_app_key".
	Cookie string

	// PlugKeys are the present ones.
	PlugKeys

	// Rotating are the option rotating_options. As there, each has a secret_key_base of
	// its own, and takes nothing over from the present ones.
	Rotating []PlugKeys
}

// PlugKeys say what the keys of Plug's cookies are derived from.
type PlugKeys struct {
	// SecretKeyBase is the secret_key_base of the endpoint's configuration, as text and
	// not decoded, of 64 bytes or more. In Phoenix, that is usually what SECRET_KEY_BASE
	// has in the environment.
	SecretKeyBase string

	// SigningSalt is the option signing_salt of Plug.Session, and not that of
	// live_view.
	SigningSalt string

	// EncryptionSalt is the option encryption_salt. Cookies are encrypted if an
	// application sets it, and else signed.
	EncryptionSalt string

	// The options key_digest, key_iterations and key_length: "sha256", 1000 and 32 if
	// they are not set. Digest may also be "sha1", which Erlang calls sha, "sha224",
	// "sha384" or "sha512".
	Digest     string
	Iterations int
	Length     int
}

// Plug returns a [Reader] of the session cookies of Plug and Phoenix (Elixir). The system
// is "plug".
//
// It reads signed cookies, with HMAC-SHA256, and encrypted ones, which plug_crypto
// writes with XChaCha20-Poly1305 since version 2 and with AES-GCM before: both are
// authentic by the same secret, and each says which one it is. The cookie says neither
// when a session began nor when it ends.
//
// The session is Erlang's external term format, of which plain data are read. Integers,
// floats and lists are those of Go, a charlist is a list of integers; a binary is a
// string if it is UTF-8, and else a []byte; nil, true and false are themselves, and other
// atoms an [Atom]; a tuple is a [Tuple]. A map is a map[string]any if all of its keys are
// binaries, as those of a session are, and else a map[any]any: so is a struct, with
// its atoms. Keys that Go cannot compare, such as lists and tuples, are refused; so are
// functions, which a program could be made of, and processes, ports and references,
// which mean nothing elsewhere.
//
// The reader is stricter than Plug: base64 has no padding, and one spelling; a signed
// cookie has no other algorithm than HMAC-SHA256, which is the only one that Plug's
// session writes; a wrapped key is of AES-128; compressed terms, which it does not write,
// and bytes behind a term are refused, and so is a session that is no map.
//
// Cookies are not bound to their name: whatever else the application signs with the same
// salt is a session as well, if it is a map.
func Plug(c PlugConfig) (*Reader, error) {
	p := problems{function: "Plug"}
	p.cookie(c.Cookie, "it is the key: of plug Plug.Session, in Phoenix in @session_options of endpoint.ex")
	opens := []func(text string) ([]byte, error){c.PlugKeys.open(&p, "")}
	for i, keys := range c.Rotating {
		opens = append(opens, keys.open(&p, fmt.Sprintf("Rotating[%d].", i)))
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{
		system: "plug",
		names:  []string{c.Cookie},
		open: func(_ time.Time, values []string) (session.Foreign, error) {
			var failure error
			for _, open := range opens {
				payload, err := open(values[0])
				if err != nil {
					failure = further(failure, err)
					continue
				}
				data, err := decodeTerm(payload)
				if err != nil {
					return session.Foreign{}, err
				}
				switch data.(type) {
				case map[string]any, map[any]any:
					return session.Foreign{Data: data}, nil
				}
				return session.Foreign{}, refuse(session.ErrUndecodable, "the term is not a map")
			}
			return session.Foreign{}, failure
		},
	}, nil
}

// open derives the keys, and returns what opens a cookie with them. Problems are of the
// fields of at.
func (k PlugKeys) open(p *problems, at string) func(text string) ([]byte, error) {
	before := len(p.all)
	if len(k.SecretKeyBase) < 64 {
		p.add("%sSecretKeyBase is of %d bytes, and Plug wants 64 or more: it is the text of secret_key_base, as mix phx.gen.secret prints it, and neither decoded nor derived", at, len(k.SecretKeyBase))
	}
	if k.SigningSalt == "" {
		p.add("%sSigningSalt is empty: it is the signing_salt of plug Plug.Session, which encrypted cookies need as well", at)
	}
	digest := p.hash(at+"Digest", cmp.Or(k.Digest, "sha256"), sha2...)
	if k.Iterations == 0 {
		k.Iterations = 1000
	}
	if k.Iterations < 0 {
		p.add("%sIterations is %d", at, k.Iterations)
	}
	if k.Length == 0 {
		k.Length = 32
	}
	switch {
	case k.Length < 0:
		p.add("%sLength is %d", at, k.Length)
	case k.EncryptionSalt != "" && k.Length < 32 && k.Length != 16 && k.Length != 24:
		p.add("%sLength is %d, and keys that encrypt are of 16, 24 or 32 bytes", at, k.Length)
	}
	if len(p.all) > before {
		return nil
	}
	derive := func(salt string) []byte {
		key, err := pbkdf2.Key(digest, k.SecretKeyBase, []byte(salt), k.Iterations, k.Length)
		if err != nil {
			p.add("%sno key: %v", at, err)
		}
		return key
	}
	signing := derive(k.SigningSalt)
	if k.EncryptionSalt == "" {
		if len(p.all) == before {
			if err := usableHMAC(sha256.New, signing); err != nil {
				p.add("%sLength is %d: %v", at, k.Length, err)
			}
		}
		return plugSigned(signing)
	}
	encryption := derive(k.EncryptionSalt)
	if len(p.all) > before {
		return nil
	}
	open, err := plugEncrypted(encryption, signing)
	if err != nil {
		p.add("%s%v", at, err)
	}
	return open
}

// plugHS256 is "HS256" in base64, which begins a signed cookie.
const plugHS256 = "SFMyNTY"

var (
	errPlugShape  = refuse(session.ErrMalformed, "it is not a cookie as Plug writes it")
	errPlugForged = refuse(session.ErrForged, "no secret verifies it")
)

// plugSigned opens a signed cookie: base64 of "HS256", of the term, and of the
// HMAC-SHA256 of what is before (plug_crypto 2.1.1, message_verifier.ex).
func plugSigned(key []byte) func(text string) ([]byte, error) {
	return func(text string) ([]byte, error) {
		parts := strings.SplitN(text, ".", 4)
		switch {
		case len(parts) == 3 && (parts[0] == "SFMzODQ" || parts[0] == "SFM1MTI"):
			return nil, refuse(session.ErrMalformed, "its algorithm is not HMAC-SHA256, which Plug's session signs with")
		case len(parts) != 3 || parts[0] != plugHS256:
			return nil, errPlugShape
		}
		tag, err := decodeBase64(base64URL, parts[2])
		if err != nil {
			return nil, err
		}
		if !equal(sum(sha256.New, key, []byte(text[:len(plugHS256)+1+len(parts[1])])), tag) {
			return nil, errPlugForged
		}
		payload, err := decodeBase64(base64URL, parts[1])
		if err != nil {
			return nil, refuse(session.ErrUndecodable, "the payload is not base64")
		}
		return payload, nil
	}
}

// What begins an encrypted cookie of plug_crypto 2, and of version 1: "A128GCM" in base64.
const (
	plugXCP     = "XCP."
	plugA128GCM = "QTEyOEdDTQ."
)

// plugAAD is authenticated with what is encrypted, by both versions.
var plugAAD = []byte("A128GCM")

// plugEncrypted opens an encrypted cookie (plug_crypto 2.1.1, message_encryptor.ex).
func plugEncrypted(encryption, signing []byte) (func(text string) ([]byte, error), error) {
	// Version 1 cut a longer key short, and version 2 encrypts with one of 32 bytes only.
	wrapping, err := aesGCM(encryption[:min(len(encryption), 32)])
	if err != nil {
		return nil, err
	}
	var present cipher.AEAD
	if len(encryption) == chacha20poly1305.KeySize {
		if present, err = chacha20poly1305.NewX(encryption); err != nil {
			return nil, err
		}
	}
	return func(text string) ([]byte, error) {
		if rest, ok := strings.CutPrefix(text, plugXCP); ok && present != nil {
			return plugDecrypt2(present, rest)
		}
		if rest, ok := strings.CutPrefix(text, plugA128GCM); ok {
			return plugDecrypt1(wrapping, signing, rest)
		}
		return nil, errPlugShape
	}, nil
}

// plugDecrypt2 opens the base64 of nonce, tag and ciphertext.
func plugDecrypt2(aead cipher.AEAD, text string) ([]byte, error) {
	data, err := decodeBase64(base64URL, text)
	if err != nil {
		return nil, err
	}
	head := aead.NonceSize() + aead.Overhead()
	if len(data) < head {
		return nil, errPlugShape
	}
	nonce, tag, ciphertext := data[:aead.NonceSize()], data[aead.NonceSize():head], data[head:]
	return plugOpen(aead, nonce, ciphertext, tag, plugAAD)
}

// plugDecrypt1 opens base64 of a wrapped key, and of nonce, ciphertext and tag with that
// key. The key is wrapped with its own tag and nonce behind it.
func plugDecrypt1(wrapping cipher.AEAD, signing []byte, text string) ([]byte, error) {
	parts := strings.SplitN(text, ".", 5)
	if len(parts) != 4 {
		return nil, errPlugShape
	}
	var bytes [4][]byte
	for i, part := range parts {
		var err error
		if bytes[i], err = decodeBase64(base64URL, part); err != nil {
			return nil, err
		}
	}
	const key, tagSize, nonceSize = 16, 16, 12 // of AES-128-GCM
	wrapped, nonce, ciphertext, tag := bytes[0], bytes[1], bytes[2], bytes[3]
	if len(wrapped) != key+tagSize+nonceSize || len(nonce) != nonceSize || len(tag) != tagSize {
		return nil, errPlugShape
	}
	unwrapped, err := plugOpen(wrapping, wrapped[key+tagSize:], wrapped[:key], wrapped[key:key+tagSize], signing)
	if err != nil {
		return nil, err
	}
	aead, err := aesGCM(unwrapped)
	if err != nil {
		return nil, errPlugForged
	}
	return plugOpen(aead, nonce, ciphertext, tag, plugAAD)
}

func plugOpen(aead cipher.AEAD, nonce, ciphertext, tag, aad []byte) ([]byte, error) {
	plain, err := aead.Open(nil, nonce, slices.Concat(ciphertext, tag), aad)
	if err != nil {
		return nil, errPlugForged
	}
	return plain, nil
}
