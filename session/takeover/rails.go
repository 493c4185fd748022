package takeover

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// A RailsConfig says how Rails signed or encrypted the cookie: see [Rails]. The names in
// brackets are those of Rails' own configuration.
type RailsConfig struct {
	// Cookie is the name of the cookie. It has to be given: for the session, it is the key
	// of config.session_store, or, if that has none, "_" and the application's name and
	// "_session".
	Cookie string

	// Secrets are the values of secret_key_base, the newest first: as they are, not
	// the keys that Rails derives from them, and not what is in config/master.key,
	// which encrypts the file that secret_key_base is in.
	Secrets []string

	// KeyDigest is the hash of the key generator (key_generator_hash_digest_class):
	// "SHA256" where config.load_defaults is 7.0 or later, "SHA1" where it is earlier,
	// unless the application says otherwise. There is no default.
	KeyDigest string

	// Iterations are those of the key generator; 1000 if 0, as in every Rails.
	Iterations int

	// Signed says that the cookie is one of cookies.signed, and not the session or one
	// of cookies.encrypted.
	Signed bool

	// Digest is the hash of the signature (signed_cookie_digest, or cookies_digest):
	// "SHA1" if empty.
	Digest string

	// Cipher is "aes-256-gcm" if empty (encrypted_cookie_cipher).
	Cipher string

	// The salts of the key generator, each as Rails has it by default if empty.
	SignedSalt                 string // signed_cookie_salt
	AuthenticatedEncryptedSalt string // authenticated_encrypted_cookie_salt
	EncryptedSalt              string // encrypted_cookie_salt
	EncryptedSignedSalt        string // encrypted_signed_cookie_salt
}

// Rails returns a [Reader] of the session of Rails, from 4.1 on, and of the cookies of its
// cookies.encrypted and cookies.signed, where they are JSON (cookies_serializer). What is
// Ruby's Marshal, as it is by default in applications that began before Rails 4.1 and may
// be in those that are set to hybrid, is refused by name, and so is MessagePack.
// The system is "rails".
//
// The formats are those of action_dispatch/middleware/cookies.rb, and of
// message_encryptor.rb, message_verifier.rb and messages/metadata.rb in active_support.
// Every key is made of secret_key_base by PBKDF2 (RFC 8018, section 5.2) with a salt of
// its own. Where the cookie is encrypted, it is AES-GCM in three parts, or, in two, AES-CBC
// under HMAC, as Rails wrote it before 5.2 and where use_authenticated_cookie_encryption
// is false. Both are read, as Rails reads both: their keys differ, so that neither can be
// taken for the other. Where it is signed, it is HMAC in hexadecimal.
//
// From Rails 6.0 on, the name of the cookie is inside, and one that was made for another
// cookie is refused. Before that, and where use_cookies_with_metadata is false, it is not:
// such a cookie, which Rails still takes, passes under the name of any other of its kind.
//
// The session ends where its metadata says so, which they do where it was given
// expire_after; else nothing ends it. When it began is not known.
//
// There is one spelling of a cookie: the escapes are those that Rack writes, there are
// no further parts, and the base64 is strict. Rails reads others. The names in the JSON
// have to be unique, and there are no comments in it. A cookie that is null is refused;
// Rails takes it for none.
//
// The data are a map for a session, with session_id and _csrf_token as Rails has them, and
// for other cookies whatever the application put in. Symbols, dates and decimals are
// strings, as JSON has them. SHA-1, of signatures and of the key generator, is of no
// concern in HMAC; but a secret_key_base that can be guessed lets anybody make sessions.
func Rails(c RailsConfig) (*Reader, error) {
	p := problems{function: "Rails"}
	p.cookie(c.Cookie, "Rails names the session _APPLICATION_session, and binds the name into it")
	r := railsReader{
		purpose: "cookie." + c.Cookie,
		signed:  c.Signed,
		digest:  p.hash("Digest", cmp.Or(c.Digest, "SHA1"), railsHashes...),
	}
	if c.KeyDigest == "" {
		p.add(`KeyDigest is empty: it is "SHA256" where config.load_defaults is 7.0 or later, else "SHA1"`)
	}
	keyHash := p.hash("KeyDigest", cmp.Or(c.KeyDigest, "SHA256"), railsHashes...)
	if c.Iterations < 0 {
		p.add("Iterations is negative: Rails has 1000")
	}
	keySize, ok := railsCiphers[cmp.Or(c.Cipher, "aes-256-gcm")]
	if !ok {
		p.add("Cipher is %q, and known are %q; cookies in aes-256-cbc are read beside them", c.Cipher, slices.Sorted(maps.Keys(railsCiphers)))
	}
	if len(c.Secrets) == 0 {
		p.add("Secrets is empty: it has secret_key_base, which is in Rails.application.secret_key_base")
	}
	for i, secret := range c.Secrets {
		switch {
		case !utf8.ValidString(secret):
			p.add("Secrets[%d] is not text: it wants secret_key_base as it is, and not a key derived from it", i)
		case len(secret) < 16:
			p.add("Secrets[%d] has fewer than 16 characters: it wants secret_key_base, of which Rails makes 128", i)
		case len(secret) == 32 && strings.Trim(secret, "0123456789abcdef") == "":
			r.hint = "; a secret of 32 hexadecimal digits may be master.key, and secret_key_base is wanted"
		}
	}
	if p.all == nil {
		for _, secret := range c.Secrets {
			k, err := c.keys(secret, keyHash, keySize)
			if err == nil {
				err = usableHMAC(r.digest, k.mac)
			}
			if err != nil {
				p.add("the keys cannot be made: %w", err)
				break
			}
			r.keys = append(r.keys, k)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "rails", names: []string{c.Cookie}, open: r.open}, nil
}

var railsCiphers = map[string]int{"aes-128-gcm": 16, "aes-192-gcm": 24, "aes-256-gcm": 32}

var railsHashes = []string{"SHA1", "SHA256", "SHA384", "SHA512"}

// railsKeys are the keys of one secret. A reader of signed cookies has only mac, which
// is then that of these.
type railsKeys struct {
	gcm cipher.AEAD
	cbc cipher.Block
	mac []byte
}

func (c *RailsConfig) keys(secret string, h func() hash.Hash, size int) (k railsKeys, err error) {
	derive := func(salt, byDefault string, size int) (key []byte) {
		if err == nil {
			key, err = pbkdf2.Key(h, secret, []byte(cmp.Or(salt, byDefault)), cmp.Or(c.Iterations, 1000), size)
		}
		return key
	}
	if c.Signed {
		k.mac = derive(c.SignedSalt, "signed cookie", 64)
		return k, err
	}
	gcm := derive(c.AuthenticatedEncryptedSalt, "authenticated encrypted cookie", size)
	cbc := derive(c.EncryptedSalt, "encrypted cookie", 32)
	k.mac = derive(c.EncryptedSignedSalt, "signed encrypted cookie", 64)
	if err != nil {
		return k, err
	}
	if k.cbc, err = aes.NewCipher(cbc); err != nil {
		return k, err
	}
	k.gcm, err = aesGCM(gcm)
	return k, err
}

type railsReader struct {
	purpose string
	signed  bool
	digest  func() hash.Hash
	keys    []railsKeys
	hint    string // at a cookie that no secret verifies
}

func (r *railsReader) open(now time.Time, values []string) (session.Foreign, error) {
	text, err := rackUnescape(values[0])
	if err != nil {
		return session.Foreign{}, err
	}
	var data []byte
	switch parts := strings.SplitN(text, "--", 4); {
	case len(parts) == 2:
		data, err = r.openMAC(parts[0], parts[1])
	case len(parts) == 3 && !r.signed:
		data, err = r.openGCM(parts)
	default:
		err = refuse(session.ErrMalformed, "it has not the parts of a cookie of Rails")
	}
	if err != nil {
		return session.Foreign{}, err
	}
	return r.read(now, data)
}

func (r *railsReader) forged() error {
	return refuse(session.ErrForged, "no secret verifies it%s", r.hint)
}

// openGCM opens what is encrypted in AES-GCM.
func (r *railsReader) openGCM(parts []string) ([]byte, error) {
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decodeBase64(base64Padded, part); err != nil {
			return nil, err
		}
	}
	ciphertext, nonce, tag := raw[0], raw[1], raw[2]
	if len(nonce) != 12 || len(tag) != 16 {
		return nil, refuse(session.ErrMalformed, "its nonce or its tag is not of the length that Rails gives it")
	}
	sealed := slices.Concat(ciphertext, tag)
	for _, k := range r.keys {
		if data, err := k.gcm.Open(nil, nonce, sealed, nil); err == nil {
			return data, nil
		}
	}
	return nil, r.forged()
}

// openMAC opens what has an HMAC, and is encrypted in AES-CBC unless the cookie is signed.
func (r *railsReader) openMAC(text, tag string) ([]byte, error) {
	for _, k := range r.keys {
		if !equal([]byte(tag), []byte(hex.EncodeToString(sum(r.digest, k.mac, []byte(text))))) {
			continue
		}
		data, err := decodeBase64(base64Padded, text)
		if err != nil {
			return nil, refuse(session.ErrUndecodable, "what is signed is not base64")
		}
		if r.signed {
			return data, nil
		}
		text, iv, _ := strings.Cut(string(data), "--")
		nonce, _ := decodeBase64(base64Padded, iv) // which is not whole if it is not base64
		ciphertext, _ := decodeBase64(base64Padded, text)
		return openCBC(k.cbc, nonce, ciphertext)
	}
	return nil, r.forged()
}

// read decodes what has been verified: the value, or metadata with the value in it.
func (r *railsReader) read(now time.Time, data []byte) (f session.Foreign, err error) {
	v, err := railsValue(data)
	if err != nil {
		return f, err
	}
	object, _ := v.(map[string]any)
	if metadata, ok := object["_rails"]; ok {
		if f.Expires, data, err = r.unwrap(metadata); err != nil {
			return f, err
		}
		if !f.Expires.IsZero() && !now.Before(f.Expires) {
			return f, session.ErrExpired
		}
		if v, err = railsValue(data); err != nil {
			return f, err
		}
	}
	if v == nil {
		return f, refuse(session.ErrUndecodable, "it is null")
	}
	f.Data = v
	return f, nil
}

// unwrap checks the metadata and returns what they have: the end, if any, and the value.
func (r *railsReader) unwrap(metadata any) (expires time.Time, data []byte, err error) {
	m, _ := metadata.(map[string]any)
	switch m["pur"] {
	case r.purpose, nil, "": // Rails tries without a purpose as well
	default:
		return expires, nil, refuse(session.ErrForged, "it was made for another cookie")
	}
	exp, isText := m["exp"].(string)
	if isText {
		expires, err = time.Parse(time.RFC3339, exp)
	}
	if err != nil || !isText && m["exp"] != nil {
		return expires, nil, refuse(session.ErrUndecodable, "the end in its metadata is not a time")
	}
	message, ok := m["message"].(string)
	if ok {
		data, err = decodeBase64(base64Padded, message)
	}
	if !ok || err != nil {
		return expires, nil, refuse(session.ErrUndecodable, "its metadata have no value in them")
	}
	return expires, data, nil
}

// railsValue decodes what a serializer of Rails has made.
func railsValue(data []byte) (any, error) {
	switch {
	case isMarshal(data):
		return nil, errMarshal
	case bytes.HasPrefix(data, []byte("\xcc\x80")):
		return nil, refuse(session.ErrUndecodable, "the payload is Rails' MessagePack, which is not read")
	}
	return decodeJSON(data)
}
