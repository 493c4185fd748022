package demo

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

// The parts of every kind of token say what session says of it, and are all of
// it.
func TestPartsAreAllOfTheToken(t *testing.T) {
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	for _, a := range algorithms {
		for _, c := range codecs {
			for _, optional := range []struct {
				idle time.Duration
				ids  bool
			}{{0, false}, {time.Hour, false}, {0, true}, {time.Hour, true}} {
				keys, err := keyring.FromKeys(keyring.GenerateKey(a))
				if err != nil {
					t.Fatal(err)
				}
				m, err := session.New[visit](session.Config{
					Keys: keys, Codecs: []codec.Codec{c}, IDs: optional.ids, IdleTimeout: optional.idle,
				})
				if err != nil {
					t.Fatal(err)
				}
				s := m.New(now)
				if err := s.Renew(visit{User: "tom"}); err != nil {
					t.Fatal(err)
				}
				value, err := m.Seal(now, s)
				if err != nil {
					t.Fatal(err)
				}
				info := m.Open(now, value).Info()
				parts := takeApart(value, info, a.Seals())
				var joined string
				byName := map[string]part{}
				for _, p := range parts {
					if p.Offset != len(joined)/2 {
						t.Errorf("%s is said to be at %d and is at %d", p.Name, p.Offset, len(joined)/2)
					}
					joined += p.Hex
					byName[p.Name] = p
				}
				raw, _ := base64.RawURLEncoding.DecodeString(value)
				if joined != hex.EncodeToString(raw) {
					t.Errorf("%s, %s: the parts are not the token", a.Name, c.Name())
				}
				if byName["key ID"].Hex != info.KeyID.String() || byName["issued"].Says != "2026-10-01 12:00:00 UTC" ||
					byName["session ID"].Says != info.ID || (info.ID != "") != optional.ids || (byName["idle"].Says == "1h0m0s") != (optional.idle > 0) {
					t.Errorf("%s, %s: %+v", a.Name, c.Name(), parts)
				}
				says := "keyturn, version 1"
				if optional.idle > 0 {
					says += ", has an idle time"
				}
				if optional.ids {
					says += ", has a session ID"
				}
				if parts[0].Says != says {
					t.Errorf("%s, %s: %q, want %q", a.Name, c.Name(), parts[0].Says, says)
				}
				last := parts[len(parts)-1]
				if a.Seals() {
					if len(byName["nonce"].Hex) != 48 || len(last.Hex) != 32 || len(byName["ciphertext"].Hex) != 2*info.Payload {
						t.Errorf("%+v", parts)
					}
				} else if len(last.Hex) != 64 || !strings.Contains(byName["payload"].Says, "tom") || len(byName["payload"].Hex) != 2*info.Payload {
					t.Errorf("%+v", parts)
				}
				if slices.ContainsFunc(parts, func(p part) bool { return a.Seals() && strings.Contains(p.Says, "tom") }) {
					t.Error("what is encrypted is shown")
				}
				for _, other := range []string{"", "x", value[:8], value + "AAAA"} {
					if p := takeApart(other, info, a.Seals()); p != nil {
						t.Errorf("%q is taken apart", other)
					}
				}
			}
		}
	}
}
