package takeover

import (
	"bytes"
	"crypto/sha256"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A JWTConfig says how an application keeps sessions in JSON Web Tokens.
type JWTConfig struct {
	// Cookie is the name of the cookie. It has to be given.
	Cookie string

	// Secrets are the secrets of HS256, newest first, as the bytes that the other
	// library uses: of a secret that is base64 or hex, many use the text itself.
	Secrets [][]byte

	// Audience is the aud that a token has to have, alone or among others. If it
	// is empty, a token must have none.
	Audience string
}

// JWT returns a [Reader] of sessions that are the claims of a JSON Web Token (RFC 7519)
// with a tag of HMAC-SHA256, alg HS256 (RFC 7518, section 3.2), as PyJWT and the
// libraries of most other languages write it. The system is "jwt".
//
// The claims have the meaning that PyJWT gives them (jwt/api_jwt.py): a token is over
// from exp on, and does not begin before nbf and iat, with nothing allowed for clocks
// that differ. These are numbers; fractions of a second count in iat alone. A token
// without exp does not end. It begins with iat; a token without it says nothing of that.
// All claims stay in the data, which are a map[string]any.
//
// Whatever alg a token names, HS256 is computed, and another name is refused with it.
// So are tokens of more or less than three parts, with padding or bits that base64url
// does not need, with a name twice in header or claims, with a header that has crit or
// b64, and with claims that are not a JSON object. PyJWT takes some of these. It also
// takes exp, nbf and iat as text.
//
// The name of the cookie is not in the tag: a token with which the application did
// something else, under the same secret, opens as a session. A secret of less than 32
// bytes can be guessed by who has a token.
func JWT(c JWTConfig) (*Reader, error) {
	p := problems{function: "JWT"}
	p.cookie(c.Cookie, "no name is usual for it, so say which one the application has")
	j := &jwtReader{keys: jwtKeys(&p, c.Secrets), audience: c.Audience}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "jwt", names: []string{c.Cookie}, open: j.open}, nil
}

// jwtKeys returns copies of the secrets, and reports what is wrong with them.
func jwtKeys(p *problems, secrets [][]byte) (keys [][]byte) {
	if len(secrets) == 0 {
		p.add("Secrets is empty: it has the secret that signs the tokens")
	}
	for i, s := range secrets {
		switch {
		case len(s) == 0:
			p.add("Secrets[%d] is empty: anybody could sign with it", i)
		case bytes.HasPrefix(s, []byte("-----BEGIN ")), bytes.HasPrefix(s, []byte("ssh-")):
			p.add("Secrets[%d] is a public or private key, and HS256 has a secret: tokens of RS256 and its like are not read", i)
		default:
			if err := usableHMAC(sha256.New, s); err != nil {
				p.add("Secrets[%d]: %v", i, err)
			}
		}
		keys = append(keys, slices.Clone(s))
	}
	return keys
}

// A jwtReader opens tokens of HS256.
type jwtReader struct {
	keys     [][]byte
	audience string
	strings  []string // claims that are strings, if they are there
}

func (j *jwtReader) open(now time.Time, values []string) (session.Foreign, error) {
	header, payload, err := j.verify(values[0])
	if err != nil {
		return session.Foreign{}, err
	}
	if err := checkJWTHeader(header); err != nil {
		return session.Foreign{}, err
	}
	claims, err := jwtObject(payload)
	if err != nil {
		return session.Foreign{}, err
	}
	f, err := j.check(now, claims)
	if err != nil {
		return session.Foreign{}, err
	}
	f.Data = claims
	return f, nil
}

// verify returns the header and the payload of a token, still encoded, once its tag is
// that of HS256.
func (j *jwtReader) verify(token string) (header, payload string, err error) {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return "", "", refuse(session.ErrMalformed, "it is not three parts with dots between them")
	}
	tag, err := decodeBase64(base64URL, parts[2])
	if err != nil {
		return "", "", err
	}
	if len(tag) != sha256.Size {
		return "", "", refuse(session.ErrMalformed, "its tag is not of %d bytes", sha256.Size)
	}
	signed := token[:len(parts[0])+1+len(parts[1])]
	for _, key := range j.keys {
		if equal(sum(sha256.New, key, []byte(signed)), tag) {
			return parts[0], parts[1], nil
		}
	}
	return "", "", refuse(session.ErrForged, "no secret verifies it with HS256")
}

// checkJWTHeader says what is wrong with the header of a token that has been verified
// with HS256.
func checkJWTHeader(text string) error {
	header, err := jwtObject(text)
	if err != nil {
		return err
	}
	if header["alg"] != "HS256" {
		return refuse(session.ErrUndecodable, "the alg of its header is not HS256")
	}
	for _, name := range []string{"crit", "b64"} {
		if _, ok := header[name]; ok { // RFC 7515, section 4.1.11; RFC 7797, section 3
			return refuse(session.ErrUndecodable, "its header has %s, which changes what a token is", name)
		}
	}
	return nil
}

// jwtObject decodes a part of a token that has been verified.
func jwtObject(text string) (map[string]any, error) {
	b, err := decodeBase64(base64URL, text)
	if err != nil {
		return nil, refuse(session.ErrUndecodable, "a part of it is not base64url without padding")
	}
	return decodeObject(b)
}

// check says whether the claims let the token be used at now, and when it began and ends.
func (j *jwtReader) check(now time.Time, claims map[string]any) (f session.Foreign, err error) {
	iat, err := jwtTime(claims, "iat")
	if err != nil {
		return f, err
	}
	nbf, err := jwtTime(claims, "nbf")
	if err != nil {
		return f, err
	}
	exp, err := jwtTime(claims, "exp")
	if err != nil {
		return f, err
	}
	_, ends := claims["exp"]
	// PyJWT takes nbf and exp as whole seconds.
	nbf, exp = nbf.Truncate(time.Second), exp.Truncate(time.Second)
	switch {
	case now.Before(iat):
		return f, refuse(session.ErrFuture, "its iat is later than now")
	case now.Before(nbf):
		return f, refuse(session.ErrFuture, "its nbf is later than now")
	case ends && !now.Before(exp):
		return f, refuse(session.ErrExpired, "its exp is past")
	case !isJWTAudience(claims["aud"], j.audience):
		return f, refuse(session.ErrUndecodable, "its aud is another one than the reader's Audience")
	}
	for _, name := range j.strings {
		if v, ok := claims[name]; ok {
			if _, ok := v.(string); !ok {
				return f, refuse(session.ErrUndecodable, "its %s is not a string, and PyJWT takes no other since 2.10", name)
			}
		}
	}
	return session.Foreign{Start: iat, Expires: exp}, nil
}

// jwtTime returns the time of a claim, and the zero time if it is not there (RFC 7519,
// section 2, NumericDate). One further away than any clock goes is as far as that.
func jwtTime(claims map[string]any, name string) (time.Time, error) {
	const most = 1 << 53
	v, ok := claims[name]
	if !ok {
		return time.Time{}, nil
	}
	switch v := v.(type) {
	case int64:
		return time.Unix(min(max(v, -most), most), 0), nil
	case *big.Int:
		return time.Unix(int64(v.Sign())*most, 0), nil
	case float64:
		s, fraction := math.Modf(min(max(v, -most), most))
		return time.Unix(int64(s), int64(fraction*1e9)), nil
	}
	return time.Time{}, refuse(session.ErrUndecodable, "its %s is not a number of seconds", name)
}

// isJWTAudience reports whether a token with this aud is for audience, "" being nobody
// in particular. PyJWT takes an aud with nothing in it for none.
func isJWTAudience(aud any, audience string) bool {
	switch aud := aud.(type) {
	case nil:
		return audience == ""
	case bool:
		return audience == "" && !aud
	case int64:
		return audience == "" && aud == 0
	case float64:
		return audience == "" && aud == 0
	case string:
		return aud == audience
	case map[string]any:
		return audience == "" && len(aud) == 0
	case []any:
		if audience == "" {
			return len(aud) == 0
		}
		for _, a := range aud {
			if _, ok := a.(string); !ok {
				return false
			}
		}
		return slices.Contains(aud, any(audience))
	}
	return false
}
