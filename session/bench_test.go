package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/turns"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// standard is the session that codecs and peers are compared with.
type standard struct {
	UserID int64  `json:"user_id"`
	User   string `json:"user"`
	Role   string `json:"role"`
	CSRF   string `json:"csrf"`
	Theme  string `json:"theme"`
	Seen   int64  `json:"seen"`
}

var standardSession = standard{12345, "tom@example.com", "admin", "c3ab8ff13720e8ad9047dd39466b3c89", "dark", 1732345678}

// sideBySide measures ours beside floor, and reports the median of each, in ns,
// and the median of their ratios with its bounds.
func sideBySide(b *testing.B, floor, ours func()) {
	o := turns.Options{Turn: 50 * time.Microsecond, Rounds: max(1, min(b.N, 2000))}
	if b.N > 1 {
		o.Rounds = max(o.Rounds, 201)
	}
	all := turns.Measure(o, turns.Case{Name: "floor", Do: floor}, turns.Case{Name: "ours", Do: ours})
	ratio := all[1].Over(all[0])
	b.ReportMetric(0, "ns/op") // a round is not an operation
	b.ReportMetric(all[0].Time().Median, "floor-ns")
	b.ReportMetric(all[1].Time().Median, "ours-ns")
	b.ReportMetric(ratio.Low, "ratio-low")
	b.ReportMetric(ratio.Median, "ratio")
	b.ReportMetric(ratio.High, "ratio-high")
}

// BenchmarkEnvelope opens and makes tokens without their codec. The floor is what
// no envelope can do without: one keyed hash, pooled, over the same bytes,
// and their base64.
func BenchmarkEnvelope(b *testing.B) {
	for _, size := range []int{16, 132, 1000, 2900} {
		m := newManager[visit](b, Config{})
		token := forge(b, m, t0, make([]byte, size), nil)
		raw := decodeText(b, token)
		pool := sync.Pool{New: func() any { return hmac.New(sha256.New, make([]byte, 32)) }}
		mac := func(msg, tag []byte) []byte {
			h := pool.Get().(hash.Hash)
			h.Reset()
			h.Write(msg)
			tag = h.Sum(tag)
			pool.Put(h)
			return tag
		}
		keys := m.names[0].keys.Subkeys()
		var o opened
		reason := m.open(&o, keys, t0, 0, token)
		if reason != 0 {
			b.Fatal(reason)
		}
		b.Run(fmt.Sprintf("op=open/size=%d", size), func(b *testing.B) {
			tag := make([]byte, 0, 32)
			sideBySide(b, func() {
				raw, err := base64.RawURLEncoding.DecodeString(token)
				if err != nil || hmac.Equal(mac(raw[:len(raw)-32], tag), raw[len(raw)-32:]) {
					b.Fatal("the key is another")
				}
			}, func() {
				var o opened
				if r := m.open(&o, keys, t0, 0, token); r != 0 {
					b.Fatal(r)
				}
			})
		})
		b.Run(fmt.Sprintf("op=seal/size=%d", size), func(b *testing.B) {
			buf := make([]byte, 0, len(raw))
			text := make([]byte, len(token))
			var s string
			sideBySide(b, func() {
				buf = append(buf[:0], raw[:len(raw)-32]...)
				buf = mac(buf, buf)
				base64.RawURLEncoding.Encode(text, buf)
				s = string(text)
			}, func() { s = m.issue(&written{o.header, o.key, m.codec(&o), o.payload}) })
			if s == "" {
				b.Fatal("no token")
			}
		})
	}
}

// BenchmarkOpenByRingSize opens a token of a ring of many keys beside one of a ring
// of one.
func BenchmarkOpenByRingSize(b *testing.B) {
	opens := func(n int) func() {
		var keys []keyring.Key
		for i := range n {
			keys = append(keys, signing(newKey(b, signer.HMACSHA256(), byte(i)), t0.Add(-day)))
		}
		m := newManager[visit](b, Config{Keys: newKeys(b, keys...)})
		cookie := signedIn(b, m, t0, visit{User: "tom"})
		subkeys := m.names[0].keys.Subkeys()
		return func() {
			var o opened
			if r := m.open(&o, subkeys, t0, 0, cookie); r != 0 {
				b.Fatal(r)
			}
		}
	}
	one := opens(1)
	for _, n := range []int{2, 8, 64} {
		many := opens(n)
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) { sideBySide(b, one, many) })
	}
}

func BenchmarkOpenRefused(b *testing.B) {
	m := newManager[visit](b, Config{})
	cookie := signedIn(b, m, t0, visit{User: "tom"})
	keys := m.names[0].keys.Subkeys()
	for name, value := range map[string]string{
		"valid": cookie, "forged": flip(cookie), "malformed": "x" + cookie, "too_large": cookie + string(make([]byte, MaxCookie)),
		"unknown_key": edited(b, cookie, 3, decodeText(b, cookie)[3]^1),
	} {
		b.Run("cookie="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var o opened
				m.open(&o, keys, t0, 0, value)
			}
		})
	}
}

func BenchmarkValue(b *testing.B) {
	for _, c := range codecs() {
		m := newManager[standard](b, Config{Codecs: []codec.Codec{c}})
		cookie := signedIn(b, m, t0, standardSession)
		b.Run("op=open/codec="+c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(cookie)), "cookie-B")
			for b.Loop() {
				if m.Open(t0, cookie).Data() != standardSession {
					b.Fatal("another session")
				}
			}
		})
		b.Run("op=update/codec="+c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			n := int64(0)
			for b.Loop() {
				n++
				s := m.Open(t0, cookie)
				if s.Update(func(v *standard) { v.Seen = n }) != nil || s.Commit(false).Value == "" {
					b.Fatal("nothing to send")
				}
			}
		})
	}
}
