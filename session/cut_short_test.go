package session

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

// A program that has gained a field opens what one without it wrote: an Update that
// leaves the session as it was does not send it again.
func TestASessionOfAnOlderStructThatIsLeftAsItWasIsNotSent(t *testing.T) {
	type older struct {
		User string `json:"user"`
	}
	type newer struct {
		User string `json:"user"`
		Lang string `json:"lang"`
	}
	type reordered struct {
		Lang string `json:"lang"`
		User string `json:"user"`
	}
	c := Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))}
	o, n, r := newManager[older](t, c), newManager[newer](t, c), newManager[reordered](t, c)
	s := request(n, t0, signedIn(t, o, t0, older{"tom"}))
	if err := s.Update(func(*newer) {}); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); c.Sent != SentNothing {
		t.Errorf("a field more: sent %v", c.Sent)
	}
	s2 := request(r, t0, signedIn(t, n, t0, newer{"tom", "en"}))
	if err := s2.Update(func(*reordered) {}); err != nil {
		t.Fatal(err)
	}
	if c := s2.Commit(false); c.Sent != SentNothing {
		t.Errorf("fields in another order: sent %v", c.Sent)
	}
}

// Every session that was touched is among the outcomes, also one whose hook panicked.
func TestOutcomesCountASessionWhoseHookPanicked(t *testing.T) {
	m := newManager[visit](t, Config{
		Revoked:           func(context.Context, Info) (bool, error) { panic("boom") },
		RevocationFailure: FailClosed,
	})
	s := request(m, t0, signedIn(t, m, t0, visit{User: "tom"}))
	before := sum(m.Stats(t0).Outcomes)
	func() {
		defer func() { recover() }()
		s.Data()
	}()
	wantOutcome(t, s, ErrRevocationUnavailable)
	if after := m.Stats(t0).Outcomes; sum(after) != before+1 {
		t.Errorf("outcomes before sum up to %d, after: %v", before, after)
	}
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// slowCodec does not come back from Decode before it may.
type slowCodec struct {
	codec.Codec
	begun, end chan bool
}

func (c slowCodec) ID() byte     { return 150 }
func (c slowCodec) Name() string { return "slow" }
func (c slowCodec) Decode(data []byte, v any) error {
	if c.begun != nil && strings.Contains(string(data), "slow") {
		c.begun <- true
		<-c.end
	}
	return c.Codec.Decode(data, v)
}

// Commit waits for nobody, where there is no hook either.
func TestCommitDoesNotWaitForACodec(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))
	value := signedIn(t, newManager[visit](t, Config{Keys: keys, Codecs: []codec.Codec{slowCodec{Codec: codec.JSON()}}}), t0, visit{User: "slow"})
	c := slowCodec{codec.JSON(), make(chan bool), make(chan bool)}
	m := newManager[visit](t, Config{Keys: keys, Codecs: []codec.Codec{c}})
	s := request(m, t0, value)
	read := make(chan visit)
	go func() { read <- s.Data() }()
	<-c.begun
	committed := make(chan Commit, 1)
	go func() { committed <- s.Commit(true) }()
	select {
	case c := <-committed:
		if c.Sent != SentNothing || c.Outcome != Indeterminate {
			t.Errorf("%+v", c)
		}
	case <-time.After(300 * time.Millisecond):
		t.Error("Commit waits for a codec that decodes the cookie in another goroutine")
	}
	c.end <- true
	<-read
}

// quitting is a text that ends the goroutine that reads it.
type quitting struct{ S string }

var quits atomic.Bool

func (q quitting) MarshalText() ([]byte, error) { return []byte(q.S), nil }
func (q *quitting) UnmarshalText(b []byte) error {
	if quits.Load() {
		runtime.Goexit()
	}
	q.S = string(b)
	return nil
}

// What was not decoded to its end is not valid data: an Update of it would lose what
// is in the cookie.
func TestASessionWhoseDecodingEndsTheGoroutineIsNotValid(t *testing.T) {
	type T struct {
		A string
		Q quitting
	}
	for _, c := range codec.All() {
		m := newManager[T](t, Config{Codecs: []codec.Codec{c}})
		s := request(m, t0, signedIn(t, m, t0, T{"kept", quitting{"x"}}))
		quits.Store(true)
		done := make(chan bool)
		go func() {
			defer close(done)
			s.Data()
		}()
		<-done
		quits.Store(false)
		if o, _ := s.Outcome(); o != Indeterminate || s.Data() != (T{}) {
			t.Errorf("%s: %v with the data %+v", c.Name(), o, s.Data())
		}
	}
}

// brittle is a codec of one's own whose Merger panics.
type brittle struct{ codec.Merger }

func (brittle) ID() byte     { return 151 }
func (brittle) Name() string { return "brittle" }
func (brittle) Extra(_, data []byte, _ func(string) bool) ([]byte, error) {
	if strings.Contains(string(data), "boom") {
		panic("secret: " + string(data))
	}
	return nil, nil
}

// A codec that panics fails: in Extra and Merge, too.
func TestMergerThatPanicsFails(t *testing.T) {
	m := newManager[map[string]string](t, Config{Codecs: []codec.Codec{brittle{codec.JSON().(codec.Merger)}}})
	s := request(m, t0, signedIn(t, m, t0, map[string]string{"a": "boom"}))
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Update panicked with %v", p)
			}
		}()
		if err := s.Update(func(v *map[string]string) { (*v)["b"] = "c" }); err != nil && !errors.Is(err, ErrNotCarried) {
			t.Error(err)
		}
	}()
}

// breaking is a Request that panics when it is asked for the second name.
type breaking struct{ cookies }

func (b breaking) RawCookies(name string) []string { return b.Cookies(name) }
func (breaking) WouldHaveOurs() bool               { return true }

func (b breaking) Cookies(name string) []string {
	if name == "former" {
		panic("boom")
	}
	return b.cookies.Cookies(name)
}

// Where looking for cookies is cut short, what was found is not valid for that.
func TestACookieWhoseLookIsCutShortIsNotValid(t *testing.T) {
	for _, hook := range []bool{false, true} {
		c := Config{FormerNames: []FormerName{{Name: "former"}}}
		if hook {
			c.Revoked, c.RevocationFailure = func(context.Context, Info) (bool, error) { return false, nil }, FailClosed
		}
		m := newManager[visit](t, c)
		for name, value := range map[string]string{
			"expired": forge(t, m, t0, []byte(`{"user":"tom"}`), func(h *token.Header) { h.Expires = h.Start }),
			"forged":  "x" + signedIn(t, m, t0, visit{User: "tom"})[1:],
		} {
			now := t0.Add(time.Hour)
			s, _ := m.Begin(t.Context(), breaking{cookies{&now, map[string][]string{m.Name(): {value}}}})
			func() {
				defer func() { recover() }()
				s.Data()
			}()
			if o, r := s.Outcome(); o == Valid {
				t.Errorf("hook %v, %s: %v, %v, with the data %+v", hook, name, o, r, s.Data())
			}
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("hook %v, %s: Update panicked: %v", hook, name, p)
					}
				}()
				s.Update(func(v *visit) { v.Count++ })
			}()
		}
	}
}
