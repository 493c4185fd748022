package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestSessionFromSignInToSignOut(t *testing.T) {
	each(t, func(t *testing.T, a signer.Algorithm, c codec.Codec) {
		m := newManager[visit](t, Config{
			Keys:   newKeys(t, signing(newKey(t, a, 1), t0)),
			Codecs: []codec.Codec{c},
		})
		s := request(m, t0)
		if o, r := s.Outcome(); o != Absent || r != 0 {
			t.Errorf("without a cookie: %v, %q", o, r)
		}
		if got := s.Data(); got != (visit{}) {
			t.Errorf("without a cookie: %+v", got)
		}
		if err := s.Renew(visit{User: "tom", Seen: t0}); err != nil {
			t.Fatal(err)
		}
		if got := s.Data(); got.User != "tom" {
			t.Errorf("after Renew: %+v", got)
		}
		in := s.Commit(false)
		if in.Sent != SentRenewed || in.MaxAge != DefaultLifetime || in.Token().Codec != c.Name() || in.Token().Algorithm != a.Name || in.Token().Size != len(in.Value) {
			t.Errorf("after Renew: %+v", in)
		}

		later := t0.Add(time.Hour)
		s = request(m, later, in.Value)
		if o, r := s.Outcome(); o != Valid || r != 0 {
			t.Fatalf("with the cookie: %v, %q", o, r)
		}
		if got := s.Data(); got != (visit{User: "tom", Seen: t0}) {
			t.Errorf("with the cookie: %+v", got)
		}
		info := s.Info()
		if !info.Start.Equal(t0) || !info.Issued.Equal(t0) || !info.Expires.Equal(t0.Add(14*day)) || info.Cookie != DefaultName {
			t.Errorf("info = %+v", info)
		}
		if c := s.Commit(false); c.Sent != SentNothing || !c.Touched || c.Value != "" {
			t.Errorf("after reading: %+v", c)
		}

		s = request(m, later, in.Value)
		if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
			t.Fatal(err)
		}
		changed := s.Commit(false)
		if changed.Sent != SentChanged || changed.MaxAge != 14*day-time.Hour {
			t.Errorf("after Update: %+v", changed)
		}
		s = request(m, later, changed.Value)
		if got := s.Data(); got != (visit{User: "tom", Count: 1, Seen: t0}) {
			t.Errorf("after Update: %+v", got)
		}
		if info := s.Info(); !info.Start.Equal(t0) || !info.Issued.Equal(later) || !info.Expires.Equal(t0.Add(14*day)) {
			t.Errorf("after Update: %+v", info)
		}
		if err := s.Destroy(); err != nil {
			t.Fatal(err)
		}
		if got := s.Data(); got != (visit{}) {
			t.Errorf("after Destroy: %+v", got)
		}
		out := s.Commit(false)
		if out.Sent != SentDeleted || len(out.Delete) != 1 || out.Delete[0] != DefaultName || out.Value != "" {
			t.Errorf("after Destroy: %+v", out)
		}
	})
}

func TestUntouchedSessionIsNotOpened(t *testing.T) {
	m := newManager[visit](t, Config{})
	asked := false
	s, ctx := m.Begin(t.Context(), askedFor{instant(t0), &asked})
	if m.From(ctx) != s {
		t.Error("From returns another session")
	}
	if c := s.Commit(true); c.Touched || c.Sent != SentNothing || asked {
		t.Errorf("untouched: %+v, cookies looked at: %v", c, asked)
	}
	s.Data()
	if !asked {
		t.Error("the test cannot tell whether the cookies are looked at")
	}
}

type askedFor struct {
	instant
	asked *bool
}

func (a askedFor) RawCookies(name string) []string { return a.Cookies(name) }
func (askedFor) WouldHaveOurs() bool               { return true }

func (a askedFor) Cookies(string) []string {
	*a.asked = true
	return nil
}

func TestNothingIsSentUnlessTheValueMustChange(t *testing.T) {
	m := newManager[visit](t, Config{})
	cookie := signedIn(t, m, t0, visit{User: "tom", Count: 1})
	for _, tt := range []struct {
		name   string
		cookie string
		do     func(s *Session[visit]) error
		want   Sent
		over   bool // whatever came is
	}{
		{"outcome", cookie, func(s *Session[visit]) error { s.Outcome(); return nil }, SentNothing, false},
		{"the same value again", cookie, func(s *Session[visit]) error {
			return s.Update(func(v *visit) { v.User = "tom" })
		}, SentNothing, false},
		{"there and back", cookie, func(s *Session[visit]) error {
			err := s.Update(func(v *visit) { v.Count = 2 })
			return errors.Join(err, s.Update(func(v *visit) { v.Count = 1 }))
		}, SentNothing, false},
		{"a change, then the same value again", cookie, func(s *Session[visit]) error {
			err := s.Update(func(v *visit) { v.Count = 2 })
			return errors.Join(err, s.Update(func(v *visit) { v.Count = 2 }))
		}, SentChanged, false},
		{"a change, then reading", cookie, func(s *Session[visit]) error {
			err := s.Update(func(v *visit) { v.Count = 2 })
			s.Data()
			return err
		}, SentChanged, false},
		{"renewed with the same data", cookie, func(s *Session[visit]) error { return s.Renew(s.Data()) }, SentRenewed, true},
		{"renewed, then changed", cookie, func(s *Session[visit]) error {
			err := s.Renew(visit{User: "eve"})
			return errors.Join(err, s.Update(func(v *visit) { v.Count = 2 }))
		}, SentRenewed, true},
		{"destroyed", cookie, (*Session[visit]).Destroy, SentDeleted, true},
		{"destroyed, then begun anew", cookie, func(s *Session[visit]) error {
			err := s.Destroy()
			return errors.Join(err, s.Update(func(v *visit) { v.User = "eve" }))
		}, SentChanged, true},
		{"destroyed, then nothing written", cookie, func(s *Session[visit]) error {
			err := s.Destroy()
			return errors.Join(err, s.Update(func(v *visit) {}))
		}, SentDeleted, true},
		{"changed, then destroyed", cookie, func(s *Session[visit]) error {
			err := s.Update(func(v *visit) { v.Count = 9 })
			return errors.Join(err, s.Destroy())
		}, SentDeleted, true},
		{"renewed, then destroyed", cookie, func(s *Session[visit]) error {
			err := s.Renew(visit{User: "eve"})
			return errors.Join(err, s.Destroy())
		}, SentDeleted, true},
		{"new and empty", "", func(s *Session[visit]) error { return s.Update(func(v *visit) {}) }, SentNothing, false},
		{"new, there and back", "", func(s *Session[visit]) error {
			err := s.Update(func(v *visit) { v.Count = 2 })
			return errors.Join(err, s.Update(func(v *visit) { v.Count = 0 }))
		}, SentNothing, false},
		{"new and begun", "", func(s *Session[visit]) error {
			return s.Update(func(v *visit) { v.User = "tom" })
		}, SentChanged, false},
		{"new and renewed", "", func(s *Session[visit]) error { return s.Renew(visit{}) }, SentRenewed, true},
		{"new and destroyed", "", (*Session[visit]).Destroy, SentNothing, true},
		{"forged and read", flip(cookie), func(s *Session[visit]) error { s.Data(); return nil }, SentNothing, false},
		{"forged and destroyed", flip(cookie), (*Session[visit]).Destroy, SentDeleted, true},
	} {
		var values []string
		if tt.cookie != "" {
			values = []string{tt.cookie}
		}
		s := request(m, t0.Add(time.Minute), values...)
		if err := tt.do(s); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if c := s.Commit(true); c.Sent != tt.want || c.Over != tt.over || !c.Touched {
			t.Errorf("%s: sent %v, over %v; want %v, %v", tt.name, c.Sent, c.Over, tt.want, tt.over)
		}
		if c := s.Commit(true); c.Sent != SentNothing || c.Touched {
			t.Errorf("%s: committed twice: %+v", tt.name, c)
		}
	}
}

// flip changes one character of a cookie's payload.
func flip(cookie string) string {
	c := byte('A')
	if cookie[40] == c {
		c = 'B'
	}
	return cookie[:40] + string(c) + cookie[41:]
}

// A goodbye for the next page leaves no cookie behind once it has been shown.
func TestASessionThatIsLeftEmptyIsOver(t *testing.T) {
	const flash Key[string] = "flash"
	m := newManager[Values](t, Config{FormerNames: []FormerName{{Name: "old"}}})
	old := newManager[Values](t, Config{Name: "old", Keys: m.keys})
	s := request(m, t0, signedIn(t, m, t0, Values{}))
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := flash.SetIn(s, "bye"); err != nil {
		t.Fatal(err)
	}
	cookie := s.Commit(false).Value
	var bye Values
	flash.Set(&bye, "bye")
	former := signedIn(t, old, t0, bye)
	pop := func(s *Session[Values]) error {
		if x, ok, err := flash.PopIn(s); x != "bye" || !ok {
			return fmt.Errorf("PopIn = %q, %v, %v", x, ok, err)
		}
		return nil
	}
	later := t0.Add(time.Hour)
	for _, tt := range []struct {
		name   string
		m      *Manager[Values]
		values map[string][]string
		do     func(*Session[Values]) error
		sent   Sent
		delete string
	}{
		{"popped", m, map[string][]string{DefaultName: {cookie}}, pop, SentDeleted, DefaultName},
		{"cleared", m, map[string][]string{DefaultName: {cookie}}, func(s *Session[Values]) error { return s.Update((*Values).Clear) }, SentDeleted, DefaultName},
		{"popped under a former name", m, map[string][]string{"old": {former}}, pop, SentDeleted, "old"},
		{"popped under both names", m, map[string][]string{DefaultName: {cookie}, "old": {former}}, pop, SentDeleted, DefaultName + " old"},
		{"popped, and filled again", m, map[string][]string{DefaultName: {cookie}}, func(s *Session[Values]) error {
			return errors.Join(pop(s), keyInt.SetIn(s, 1))
		}, SentChanged, ""},
		{"popped beside a cookie that cannot be judged", m, map[string][]string{DefaultName: {cookie}, "old": {edited(t, former, 1, 0xd8)}}, pop, SentChanged, ""},
		{"popped, and filled as it was", m, map[string][]string{DefaultName: {cookie}}, func(s *Session[Values]) error {
			return errors.Join(pop(s), flash.SetIn(s, "bye"))
		}, SentNothing, ""},
		{"renewed with nothing", m, map[string][]string{DefaultName: {cookie}}, func(s *Session[Values]) error { return s.Renew(Values{}) }, SentRenewed, ""},
		{"empty as it came", m, map[string][]string{DefaultName: {signedIn(t, m, t0, Values{})}}, func(s *Session[Values]) error {
			return s.Update((*Values).Clear)
		}, SentNothing, ""},
	} {
		s := requestOf(tt.m, later, tt.values)
		if err := tt.do(s); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		c := s.Commit(false)
		if c.Sent != tt.sent || strings.Join(c.Delete, " ") != tt.delete || (c.Value != "") != (tt.sent == SentChanged || tt.sent == SentRenewed) {
			t.Errorf("%s: %v, deletes %q, sets %v", tt.name, c.Sent, c.Delete, c.Value != "")
		}
		if c.Sent == SentChanged && !c.Token().Start.Equal(t0) {
			t.Errorf("%s: it began at %v", tt.name, c.Token().Start)
		}
	}

	with := newManager[Values](t, Config{Keys: m.keys, IDs: true})
	s = request(with, t0, signedIn(t, with, t0, bye))
	if err := pop(s); err != nil || s.Commit(false).Sent != SentChanged {
		t.Errorf("a session with an ID is over: %v", err)
	}
	type newer struct {
		visit
		More int `json:"more"`
	}
	fresh := newManager[newer](t, Config{Keys: m.keys})
	typed := newManager[visit](t, Config{Keys: m.keys})
	for more, want := range map[int]Sent{0: SentDeleted, 1: SentChanged} {
		s := request(typed, t0, signedIn(t, typed, t0, visit{User: "tom"}))
		if more > 0 {
			s = request(typed, t0, signedIn(t, fresh, t0, newer{visit{User: "tom"}, more}))
		}
		err := s.Update(func(v *visit) { *v = visit{} })
		if c := s.Commit(false); err != nil || c.Sent != want {
			t.Errorf("a struct, of which %d members more are not known: %v, %v", more, c.Sent, err)
		}
	}
}

func TestRenewLeavesNothingOfBefore(t *testing.T) {
	m := newManager[visit](t, Config{IDs: true})
	planted := request(m, t0, signedIn(t, m, t0, visit{User: "mallory", Count: 7}))
	before := planted.ID()
	s := request(m, t0.Add(time.Hour), m.sealForTest(t, planted, t0))
	if err := s.Renew(visit{User: "tom"}); err != nil {
		t.Fatal(err)
	}
	after := s.ID()
	c := s.Commit(false)
	s = request(m, t0.Add(2*time.Hour), c.Value)
	if got := s.Data(); got != (visit{User: "tom"}) {
		t.Errorf("after Renew: %+v", got)
	}
	info := s.Info()
	if !info.Start.Equal(t0.Add(time.Hour)) || !info.Expires.Equal(t0.Add(time.Hour+14*day)) {
		t.Errorf("the times are those of before: %+v", info)
	}
	if before == "" || after == "" || before == after || info.ID != after || s.ID() != after {
		t.Errorf("IDs: before %q, after %q, in the cookie %q", before, after, info.ID)
	}
}

func (m *Manager[T]) sealForTest(t *testing.T, s *Session[T], now time.Time) string {
	t.Helper()
	v, err := m.Seal(now, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestIDStaysWithTheSession(t *testing.T) {
	m := newManager[visit](t, Config{IDs: true, IdleTimeout: time.Hour})
	s := request(m, t0)
	if s.ID() != "" {
		t.Errorf("a new session has the ID %q", s.ID())
	}
	for _, f := range []func(*visit){func(*visit) {}, func(v *visit) { v.Count = 1 }, func(v *visit) { v.Count = 0 }} {
		if err := s.Update(f); err != nil {
			t.Fatal(err)
		}
		if id, written := s.ID(), s.Data() != (visit{}); (id != "") != written {
			t.Errorf("the ID is %q, and that something has been written is %v", id, written)
		}
	}
	renewed := request(m, t0)
	if err := renewed.Renew(visit{}); err != nil {
		t.Fatal(err)
	}
	id := renewed.ID()
	if c := renewed.Commit(false); id == "" || c.Token().ID != id {
		t.Errorf("the ID %q after Renew is not the one that is sent", id)
	}
	if err := s.Update(func(v *visit) { v.Count = 1 }); err != nil {
		t.Fatal(err)
	}
	id = s.ID()
	if err := s.Update(func(v *visit) { v.Count = 2 }); err != nil || s.ID() != id || len(id) != 16 {
		t.Errorf("ID = %q, then %q, %v", id, s.ID(), err)
	}
	cookie := s.Commit(false).Value
	for i := range 5 {
		s = request(m, t0.Add(time.Duration(i+1)*40*time.Minute), cookie)
		if i%2 == 0 {
			s.Update(func(v *visit) { v.Count++ })
		}
		if s.ID() != id {
			t.Fatalf("request %d: ID %q, want %q", i, s.ID(), id)
		}
		if c := s.Commit(false); c.Value != "" {
			cookie = c.Value
		}
	}
}

func TestUpdateLeavesTheSessionAsItWas(t *testing.T) {
	type cart struct {
		Items []string       `json:"items"`
		Stock map[string]int `json:"stock"`
		Note  *string        `json:"note"`
	}
	m := newManager[cart](t, Config{})
	note := "n"
	cookie := signedIn(t, m, t0, cart{Items: []string{"a", "b"}, Stock: map[string]int{"a": 1}, Note: &note})
	check := func(t *testing.T, s *Session[cart]) {
		t.Helper()
		got := s.Data()
		if len(got.Items) != 2 || got.Items[0] != "a" || len(got.Stock) != 1 || got.Stock["a"] != 1 || *got.Note != "n" {
			t.Errorf("data = %+v", got)
		}
	}
	wreck := func(v *cart) {
		v.Items[0] = "wrecked"
		v.Items = append(v.Items, "more")
		v.Stock["a"] = 100
		v.Stock["b"] = 200
		*v.Note = "wrecked"
	}
	unchanged := func(t *testing.T, s *Session[cart]) {
		t.Helper()
		check(t, s)
		if c := s.Commit(false); c.Sent != SentNothing {
			t.Errorf("sent %v", c.Sent)
		}
	}

	t.Run("Data shares nothing", func(t *testing.T) {
		s := request(m, t0, cookie)
		for range 3 {
			v := s.Data()
			wreck(&v)
		}
		unchanged(t, s)
	})
	t.Run("too large", func(t *testing.T) {
		s := request(m, t0, cookie)
		err := s.Update(func(v *cart) { wreck(v); v.Items[0] = strings.Repeat("x", 4000) })
		var size *SizeError
		if !errors.As(err, &size) || !errors.Is(err, ErrTooLarge) || size.Limit != 4096 || size.Size <= 4096 {
			t.Errorf("err = %v", err)
		}
		unchanged(t, s)
	})
	t.Run("not carried", func(t *testing.T) {
		s := request(m, t0, cookie)
		if err := s.Update(func(v *cart) { wreck(v); v.Items[0] = "\xff" }); !errors.Is(err, ErrNotCarried) || !strings.Contains(err.Error(), "tems") {
			t.Errorf("err = %v", err)
		}
		unchanged(t, s)
	})
	t.Run("panic", func(t *testing.T) {
		s := request(m, t0, cookie)
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic did not pass")
				}
			}()
			s.Update(func(v *cart) { wreck(v); panic("boom") })
		}()
		check(t, s)
		if err := s.Update(func(*cart) {}); err != nil {
			t.Errorf("after a panic: %v", err)
		}
		unchanged(t, s)
	})
	t.Run("touched inside", func(t *testing.T) {
		s := request(m, t0, cookie)
		for name, touch := range map[string]func() error{
			"Update":  func() error { return s.Update(func(*cart) {}) },
			"Renew":   func() error { return s.Renew(cart{}) },
			"Destroy": s.Destroy,
		} {
			var inside error
			err := s.Update(func(v *cart) {
				inside = touch()
				check(t, s)
			})
			if inside != ErrInUpdate || err != nil {
				t.Errorf("%s inside Update: %v; Update itself: %v", name, inside, err)
			}
		}
		unchanged(t, s)
	})
	t.Run("a kept pointer", func(t *testing.T) {
		s := request(m, t0, cookie)
		var kept *cart
		if err := s.Update(func(v *cart) { kept = v }); err != nil {
			t.Fatal(err)
		}
		wreck(kept)
		unchanged(t, s)
	})
	t.Run("committed", func(t *testing.T) {
		s := request(m, t0, cookie)
		s.Data()
		s.Commit(false)
		for name, err := range map[string]error{
			"Update":  s.Update(wreck),
			"Renew":   s.Renew(cart{}),
			"Destroy": s.Destroy(),
		} {
			if err != ErrCommitted {
				t.Errorf("%s after Commit: %v", name, err)
			}
		}
		check(t, s)
	})
	t.Run("committed inside", func(t *testing.T) {
		s := request(m, t0, cookie)
		var c Commit
		if err := s.Update(func(v *cart) { wreck(v); c = s.Commit(false) }); err != ErrCommitted || c.Sent != SentNothing {
			t.Errorf("Update = %v, %+v", err, c)
		}
		check(t, s)
	})
	t.Run("committed twice", func(t *testing.T) {
		s := request(m, t0, cookie)
		if err := s.Update(wreck); err != nil {
			t.Fatal(err)
		}
		s.Commit(false)
		if c := s.Commit(false); c.Sent != SentNothing || c.Touched || c.Outcome != Valid {
			t.Errorf("again: %+v", c)
		}
		if err := s.Destroy(); err != ErrCommitted {
			t.Errorf("Destroy = %v", err)
		}
	})
}

func TestANewSessionOfAMapCanBeWrittenTo(t *testing.T) {
	type counts map[string]int
	m := newManager[counts](t, Config{})
	add := func(c *counts) { (*c)["tea"]++ }
	for _, begin := range []func(s *Session[counts]) error{
		func(*Session[counts]) error { return nil },
		(*Session[counts]).Destroy,
		func(s *Session[counts]) error { return s.Update(func(c *counts) { *c = nil }) },
		func(s *Session[counts]) error { return s.Renew(nil) },
	} {
		s := m.New(t0)
		if err := begin(s); err != nil {
			t.Fatal(err)
		}
		if d := s.Data(); d == nil || len(d) != 0 {
			t.Errorf("Data = %#v, want an empty map", d)
		}
		if err := s.Update(func(*counts) {}); err != nil || s.changed {
			t.Errorf("an Update that changes nothing: %v", err)
		}
		if err := s.Update(add); err != nil || s.Data()["tea"] != 1 {
			t.Errorf("Update: %v, %v", err, s.Data())
		}
	}
}

func TestRenewOfTooMuchKeepsTheSession(t *testing.T) {
	m := newManager[visit](t, Config{IDs: true})
	cookie := signedIn(t, m, t0, visit{User: "tom"})
	s := request(m, t0, cookie)
	id := s.ID()
	if err := s.Renew(visit{User: strings.Repeat("x", 5000)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Renew = %v", err)
	}
	if s.Data().User != "tom" || s.ID() != id || s.Commit(false).Sent != SentNothing {
		t.Error("the session is not as it was")
	}
}

func TestSizeLimitIsExact(t *testing.T) {
	each(t, func(t *testing.T, a signer.Algorithm, c codec.Codec) {
		m := newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, a, 1), t0)), Codecs: []codec.Codec{c}, IDs: true, IdleTimeout: time.Hour})
		fits := 0
		for n := 2700; n < 3100; n++ {
			s := m.New(t0)
			err := s.Update(func(v *visit) { v.User = strings.Repeat("é", n/2) + strings.Repeat("x", n%2) })
			if err != nil {
				var size *SizeError
				if !errors.As(err, &size) || size.Size <= MaxCookie || size.Size > MaxCookie+2 {
					t.Fatalf("first refused at %d bytes: %v", n, err)
				}
				break
			}
			fits = len(m.Name()) + len(s.Commit(false).Value)
		}
		if fits > MaxCookie || fits < MaxCookie-1 {
			t.Errorf("the largest that fits has %d bytes, the limit is %d", fits, MaxCookie)
		}
	})
}

func TestSizeLimitIsExactForWhatComes(t *testing.T) {
	m := newManager[visit](t, Config{})
	longest := MaxCookie - len(m.Name())
	wantOutcome(t, request(m, t0, strings.Repeat("k", longest)), ErrMalformed)
	wantOutcome(t, request(m, t0, strings.Repeat("k", longest+1)), ErrTooLarge)

	type large struct {
		Raw [4000]byte `json:"raw"`
	}
	zero := newManager[large](t, Config{})
	if _, err := zero.Seal(t0, zero.New(t0)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Seal of a zero value that does not fit: %v", err)
	}
}

func TestConcurrentUseOfASession(t *testing.T) {
	m := newManager[Values](t, Config{})
	const n = counter("n")
	s := request(m, t0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				err := n.SetIn(s, n.GetIn(s)+1)
				if err != nil && err != ErrInUpdate && err != ErrCommitted {
					t.Error(err)
				}
				s.Outcome()
				s.Info()
				s.ID()
			}
		})
	}
	wg.Go(func() { s.Commit(false) })
	wg.Wait()
}

type counter = Key[int64]

func TestFromWithoutTheMiddlewareNamesWhatIsMissing(t *testing.T) {
	m := newManager[visit](t, Config{})
	other := newManager[visit](t, Config{})
	_, ctx := other.Begin(t.Context(), instant(t0))
	if s, ok := m.Lookup(ctx); ok || s != nil {
		t.Errorf("Lookup = %v, %v", s, ok)
	}
	defer func() {
		if p, ok := recover().(string); !ok || !strings.Contains(p, DefaultName) || !strings.Contains(p, "middleware") {
			t.Errorf("panic = %v", p)
		}
	}()
	m.From(ctx)
}

func TestTwoManagersDoNotMeet(t *testing.T) {
	a := newManager[visit](t, Config{Name: "a"})
	b := newManager[visit](t, Config{Name: "b"})
	sa, ctx := a.Begin(t.Context(), instant(t0))
	sb, ctx := b.Begin(ctx, instant(t0))
	if a.From(ctx) != sa || b.From(ctx) != sb {
		t.Error("From returns the other's session")
	}
	type key struct{}
	if ctx := context.WithValue(ctx, key{}, 1); a.From(ctx) != sa || ctx.Value(key{}) != 1 {
		t.Error("the context does not hand on")
	}
	if s, ok := b.Lookup(ctx); !ok || s != sb {
		t.Error("Lookup returns the other's session")
	}
	s := a.New(t0)
	if a.From(a.NewContext(t.Context(), s)) != s {
		t.Error("NewContext carries another session")
	}
}

func TestSealedIsNeverWrittenInTheClear(t *testing.T) {
	sealing := signing(newKey(t, signer.XChaCha20Poly1305(), 1), t0)
	clear := newKey(t, signer.HMACSHA256(), 2)
	if _, err := New[visit](Config{Sealed: true, Keys: newKeys(t, signing(clear, t0))}); !errors.Is(err, ErrNotSealed) {
		t.Errorf("New with a primary that signs: %v", err)
	}
	if _, err := New[visit](Config{Sealed: true, Keys: newKeys(t, sealing, signing(clear, time.Now().Add(day)))}); !errors.Is(err, ErrNotSealed) {
		t.Errorf("New with a later primary that signs: %v", err)
	}
	now := time.Now()
	limited := sealing
	limited.VerifyUntil = now.Add(20 * day)
	older := signing(newKey(t, signer.HMACSHA256(), 3), t0.Add(-day))
	for _, tt := range []struct {
		name  string
		later func(*keyring.Key) // of the key that signs an hour from now
		err   error
	}{
		// It is passed over at first, and so is the sealing one from the sixth day on.
		{"that verifies for too short", func(k *keyring.Key) { k.VerifyUntil = now.Add(10 * day) }, ErrNotSealed},
		{"that retires", func(k *keyring.Key) { k.VerifyUntil = now.Add(2 * day) }, ErrNotSealed},
		{"that is disabled", func(k *keyring.Key) { k.Disabled = true }, nil},
		{"that is revoked", func(k *keyring.Key) { k.Revoked = now }, nil},
	} {
		later := signing(clear, now.Add(time.Hour))
		tt.later(&later)
		if _, err := New[visit](Config{Sealed: true, Keys: newKeys(t, older, limited, later)}); !errors.Is(err, tt.err) {
			t.Errorf("New with a signing key %s: %v, want %v", tt.name, err, tt.err)
		}
	}
	keys := newKeys(t, sealing, clear)
	m := newManager[visit](t, Config{Sealed: true, Keys: keys})
	before := keys.Ring()
	d := before.Document()
	d.Generation++
	for i := range d.Keys {
		if !d.Keys[i].Seals() {
			d.Keys[i].SignFrom = t0.Add(day)
		}
	}
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Replace(r); !errors.Is(err, ErrNotSealed) || keys.Ring() != before {
		t.Errorf("Replace by a ring whose primary signs: %v", err)
	}
	// Whatever the ring was checked for, no token is made with a key that signs.
	migrated := newManager[visit](t, Config{Sealed: true, Keys: newKeys(t, signing(clear, t0.Add(-day)), sealing)})
	if err := migrated.New(t0.Add(-time.Hour)).Renew(visit{}); err != ErrNotSealed {
		t.Errorf("Renew under a key that signs: %v", err)
	}
	if _, err := migrated.Seal(t0.Add(-time.Hour), migrated.New(t0)); err != ErrNotSealed {
		t.Errorf("Seal under a key that signs: %v", err)
	}
	cookie := signedIn(t, migrated, t0, visit{User: "a secret of tom's"})
	s := request(migrated, t0.Add(-time.Minute), cookie) // as on an instance whose clock is slow
	if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
		t.Errorf("Update on an instance whose clock is slow: %v", err)
	} else if c := s.Commit(false); c.Token().KeyID != sealing.ID() {
		t.Errorf("an instance whose clock is slow writes %+v", c.Token())
	}
	// A signing key that a fast clock took early does not go on signing here.
	between := newKeys(t, sealing, signing(clear, t0.Add(day)), signing(newKey(t, signer.XChaCha20Poly1305(), 3), t0.Add(2*day)))
	cookie = signedIn(t, newManager[visit](t, Config{Keys: between}), t0.Add(day), visit{User: "tom"})
	s = request(newManager[visit](t, Config{Sealed: true, Keys: between}), t0.Add(day-time.Minute), cookie)
	wantOutcome(t, s, 0)
	if err := s.Update(func(v *visit) { v.Count++ }); err != ErrNotSealed {
		t.Errorf("Update of what a fast clock has signed: %v", err)
	}
	// Nor does a key that signs because the one that seals takes more room.
	full := newManager[visit](t, Config{Keys: newKeys(t, older), IdleTimeout: time.Hour})
	s = full.New(t0)
	for n := MaxCookie; s.Update(func(v *visit) { v.User = strings.Repeat("x", n) }) != nil; n-- {
	}
	refreshing := newManager[visit](t, Config{Sealed: true, Keys: newKeys(t, older, sealing)})
	s = request(refreshing, t0.Add(45*time.Minute), s.Commit(false).Value)
	wantOutcome(t, s, 0)
	if c := s.Commit(false); c.Sent != SentNothing || c.Value != "" {
		t.Errorf("refreshed as %+v", c)
	}
	cookie = signedIn(t, m, t0, visit{User: "a secret of tom's"})
	s = request(m, t0, cookie)
	if s.Data().User != "a secret of tom's" || s.Info().Algorithm != "xchacha20-poly1305" {
		t.Errorf("%+v", s.Info())
	}
	if raw := decodeText(t, cookie); strings.Contains(string(raw), "secret") {
		t.Error("the payload can be read")
	}
}
