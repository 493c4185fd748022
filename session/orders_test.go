package session

import (
	"context"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/session/internal/token"
)

// In whatever order it is emptied, ended and begun anew, each of the three codecs
// ends alike, and what is sent opens as what Data said.
func TestWhatIsSentOpensAsWhatDataSaidInEveryOrder(t *testing.T) {
	type deep struct {
		A string            `json:"a,omitempty"`
		M map[string][]byte `json:"m"`
		P *netip.Addr       `json:"p"`
	}
	addr := netip.MustParseAddr("10.0.0.1")
	ops := []func(s *Session[deep]) error{
		func(s *Session[deep]) error { return s.Update(func(v *deep) { *v = deep{} }) },
		func(s *Session[deep]) error {
			return s.Update(func(v *deep) {
				if v.M == nil {
					v.M = map[string][]byte{}
				}
				v.M["k"] = append(v.M["k"], 1)
				v.P = &addr
			})
		},
		func(s *Session[deep]) error { return s.Renew(deep{A: "r"}) },
		func(s *Session[deep]) error { return s.Renew(deep{}) },
		func(s *Session[deep]) error { return s.Destroy() },
		func(s *Session[deep]) error { return s.Update(func(v *deep) {}) },
		func(s *Session[deep]) error { d := s.Data(); d.M["x"] = nil; return nil },
	}
	ops[6] = func(s *Session[deep]) error { // changes of a copy are nobody's
		d := s.Data()
		for _, b := range d.M {
			b[0] = 9
		}
		clear(d.M)
		if d.P != nil {
			*d.P = netip.Addr{}
		}
		return nil
	}
	for _, c := range codec.All() {
		for _, ids := range []bool{false, true} {
			m := newManager[deep](t, Config{Codecs: []codec.Codec{c}, IDs: ids})
			start := signedIn(t, m, t0, deep{A: "x", M: map[string][]byte{"k": {1}}, P: &addr})
			n := len(ops)
			for i := range n * n * n * n {
				for _, values := range [][]string{nil, {start}} {
					s := request(m, t0.Add(time.Minute), values...)
					for j, k := 0, i; j < 4; j, k = j+1, k/n {
						if err := ops[k%n](s); err != nil {
							t.Fatal(err)
						}
					}
					want, id := s.Data(), s.ID()
					cm := s.Commit(false)
					var got *Session[deep]
					switch {
					case cm.Value != "":
						got = m.Open(t0.Add(time.Minute), cm.Value)
						if tok := cm.Token(); tok != got.Info() {
							t.Fatalf("Token %+v, Info %+v", tok, got.Info())
						}
						if got.ID() != id {
							t.Fatal("another ID")
						}
					case len(cm.Delete) == 0 && values != nil:
						got = m.Open(t0.Add(time.Minute), start)
					default:
						got = m.New(t0)
					}
					if a, b := show(want), show(got.Data()); a != b {
						t.Fatalf("%s: operations %d: %s, sent %v: %s", c.Name(), i, a, cm.Sent, b)
					}
				}
			}
			if addr != netip.MustParseAddr("10.0.0.1") {
				t.Fatal("what Renew and Update were given has changed")
			}
		}
	}
}

func show(v any) string {
	b, err := codec.JSON().Append(nil, v)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(b), "null", "{}")
}

// Opening, committing and what Commit tells later do not race with late handlers,
// with and without a hook.
func TestLateHandlersDoNotRaceWithWhatCommitTells(t *testing.T) {
	for _, hook := range []func(context.Context, Info) (bool, error){nil, func(_ context.Context, i Info) (bool, error) {
		runtime.Gosched()
		return false, nil
	}} {
		c := Config{Revoked: hook, IdleTimeout: time.Hour}
		if hook != nil {
			c.RevocationFailure = FailClosed
		}
		m := newManager[map[string][]string](t, c)
		value := signedIn(t, m, t0, map[string][]string{"a": {"b"}})
		for range 60 {
			s := request(m, t0.Add(50*time.Minute), value, value[:20])
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					for j := range 3 {
						switch (i + j) % 4 {
						case 0:
							d := s.Data()
							d["a"] = append(d["a"][:0], "z")
						case 1:
							s.Update(func(v *map[string][]string) { (*v)["n"] = append((*v)["n"], "1") })
						case 2:
							s.Info()
							s.Outcome()
						case 3:
							m.Seal(t0.Add(50*time.Minute), s)
						}
					}
				})
			}
			wg.Go(func() {
				c := s.Commit(true)
				wg.Go(func() { c.Cookie(); c.Token() })
				if c.Value != "" && m.Open(t0.Add(50*time.Minute), c.Value).Data()["a"][0] != "b" {
					t.Error("a copy was not one")
				}
				again := s.Commit(true)
				again.Cookie()
			})
			wg.Wait()
		}
	}
}

// Counts add up under parallel load.
func TestStatsAddUpUnderParallelLoad(t *testing.T) {
	m := newManager[visit](t, Config{})
	value := signedIn(t, m, t0, visit{User: "tom"})
	bad := forge(t, m, t0, []byte(`[`), nil)
	old := forge(t, m, t0, []byte(`{"user":"x"}`), func(h *token.Header) { h.Expires = h.Start })
	base := m.Stats(t0)
	const g, n = 8, 300
	var wg sync.WaitGroup
	for range g {
		wg.Go(func() {
			for range n {
				request(m, t0, value).Data()
				request(m, t0).Data()
				request(m, t0, bad).Data()
				request(m, t0, old).Outcome()
				s := request(m, t0, value)
				s.Update(func(v *visit) { v.Count++ })
				s.Commit(false)
				request(m, t0, value).Commit(true) // not touched
			}
		})
	}
	wg.Wait()
	st := m.Stats(t0)
	for name, want := range map[string]uint64{"valid": 2 * g * n, "absent": g * n, "undecodable": g * n, "expired": g * n} {
		if got := st.Outcomes[name] - base.Outcomes[name]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if st.Written["json"]-base.Written["json"] != g*n || st.Read["json"]-base.Read["json"] != 2*g*n {
		t.Errorf("%v %v", st.Written, st.Read)
	}
	k := st.Keyring.Keys[0]
	if k.Verified-base.Keyring.Keys[0].Verified != 4*g*n || k.Signed-base.Keyring.Keys[0].Signed != g*n {
		t.Errorf("%+v", k)
	}
}
