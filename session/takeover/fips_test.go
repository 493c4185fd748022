package takeover_test

import (
	"crypto/md5"
	"crypto/sha1"
	"testing"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// What GODEBUG=fips140=only does not allow is a problem of the configuration, and does not
// panic with the first cookie.
func TestDjangoExpressKoaAndGorillaWithFIPSAlgorithmsOnly(t *testing.T) {
	if !onlyFIPS(t) {
		return
	}
	long, short := []string{"hunter2-hunter2-hunter2"}, []string{"hunter2"}
	const notApproved, tooShort = "hash functions other than SHA-2 or SHA-3", "keys shorter than 112 bits"

	r, err := takeover.Django(takeover.DjangoConfig{Secrets: long, Hash: "sha1"})
	wantProblems(t, r, err, "Secrets[0] with sha1: crypto/sha1: ")
	r, err = takeover.Django(takeover.DjangoConfig{Secrets: long, LegacySHA1: true})
	wantProblems(t, r, err, "Secrets[0] with sha1: crypto/sha1: ")
	r, err = takeover.Django(takeover.DjangoConfig{Secrets: short}) // whose key is derived
	wantProblems(t, r, err)
	wantRefused(t, r, djangoIssued, "e30:a:a", session.ErrForged, "")

	r, err = takeover.Express(takeover.ExpressConfig{Secrets: long})
	wantProblems(t, r, err, "Secrets[0] with sha1: crypto/hmac: use of "+notApproved)
	r, err = takeover.Express(takeover.ExpressConfig{Secrets: append(long, short...), Hash: "sha256"})
	wantProblems(t, r, err, "Secrets[1] with sha256: crypto/hmac: use of "+tooShort)
	r, err = takeover.Koa(takeover.KoaConfig{Secrets: long})
	wantProblems(t, r, err, notApproved)
	r, err = takeover.Koa(takeover.KoaConfig{Secrets: long, Hash: "sha512"})
	wantProblems(t, r, err)
	wantRefused(t, r, djangoIssued, "e30=", session.ErrForged, "", "tag")

	c := takeover.GorillaConfig{Cookie: "c", KeyPairs: [][]byte{[]byte("hunter2"), nil, []byte(long[0])}}
	r, err = takeover.Gorilla(c)
	wantProblems(t, r, err, "KeyPairs[0] is a hash key: crypto/hmac: use of "+tooShort)
	c.Hash, c.KeyPairs = sha1.New, c.KeyPairs[2:]
	r, err = takeover.Gorilla(c)
	wantProblems(t, r, err, notApproved)
	c.Hash = md5.New
	r, err = takeover.Gorilla(c)
	wantProblems(t, r, err, notApproved)
	c.Hash = nil
	r, err = takeover.Gorilla(c)
	wantProblems(t, r, err)
	wantRefused(t, r, gorillaTime, "MXx8", session.ErrForged, "")
}
