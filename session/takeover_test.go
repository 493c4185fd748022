package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// An old is the Origin of a library whose cookie is "USER;START;END", with a second
// cookie for a signature: the user again.
type old struct {
	system string
	names  []string
	open   func(now time.Time, values []string) (Foreign, error) // in place of its own
}

func (o old) System() string    { return o.system }
func (o old) Cookies() []string { return o.names }

func (o old) Open(now time.Time, values []string) (Foreign, error) {
	if o.open != nil {
		return o.open(now, values)
	}
	user, times, _ := strings.Cut(values[0], ";")
	if len(values) > 1 && values[1] != user {
		return Foreign{}, fmt.Errorf("%s: the signature is another's: %w", o.system, ErrForged)
	}
	start, end, _ := strings.Cut(times, ";")
	f := Foreign{Data: user}
	f.Start, _ = time.Parse(time.DateOnly, start)
	f.Expires, _ = time.Parse(time.DateOnly, end)
	return f, nil
}

func library() old { return old{system: "old", names: []string{"sid", "sid.sig"}} }

func toVisit(data any) (visit, error) {
	if data == "broken" {
		return visit{}, errors.New("no visit")
	}
	return visit{User: data.(string)}, nil
}

// farAway is when takeovers end, by the clock of the machine, which New looks at.
var farAway = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

func takingOver(t testing.TB, c Config, takeovers ...Takeover[visit]) *Manager[visit] {
	t.Helper()
	if c.Keys == nil {
		c.Keys = newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	}
	if len(takeovers) == 0 {
		takeovers = []Takeover[visit]{{From: library()}}
	}
	for i := range takeovers {
		if takeovers[i].Convert == nil {
			takeovers[i].Convert = toVisit
		}
		if takeovers[i].Until.IsZero() {
			takeovers[i].Until = farAway
		}
	}
	m, err := New(c, takeovers...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func foreign(value, sig string) map[string][]string {
	return map[string][]string{"sid": {value}, "sid.sig": {sig}}
}

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestATakenOverSessionIsOursFromThenOn(t *testing.T) {
	m := takingOver(t, Config{IDs: true, IdleTimeout: time.Hour})
	s := requestOf(m, t0, foreign("tom;2025-12-30;2026-01-05", "tom"))
	wantOutcome(t, s, 0)
	if got := s.Data(); got.User != "tom" {
		t.Errorf("data = %+v", got)
	}
	info := s.Info()
	if info.System != "old" || info.Cookie != "sid" || !info.Start.Equal(date("2025-12-30")) || !info.Expires.Equal(date("2026-01-05")) || info.Size != len("tom;2025-12-30;2026-01-05") {
		t.Errorf("info = %+v", info)
	}
	id := s.ID()
	c := s.Commit(false)
	if c.Sent != SentTakenOver || c.Value == "" || c.Delete != nil || c.Outcome != Valid {
		t.Fatalf("commit = %+v", c)
	}
	if c.Cookie() != info {
		t.Errorf("the commit's cookie is %+v", c.Cookie())
	}
	if want := []Attempt{{"old", nil}}; !slices.Equal(c.Attempts, want) {
		t.Errorf("attempts = %v", c.Attempts)
	}
	if again := s.Commit(false); again.Value != "" || again.Sent != SentNothing || len(again.Attempts) != 1 || again.Outcome != Valid {
		t.Errorf("a second commit = %+v", again)
	}
	next := m.Open(t0.Add(time.Minute), c.Value)
	wantOutcome(t, next, 0)
	i := next.Info()
	if next.Data().User != "tom" || !i.Start.Equal(date("2025-12-30")) || !i.Expires.Equal(date("2026-01-05")) || !i.Issued.Equal(t0) || i.IdleTimeout != time.Hour || i.System != "" {
		t.Errorf("ours = %+v, %+v", next.Data(), i)
	}
	if id == "" || next.ID() != id {
		t.Errorf("the ID is %q, and then %q", id, next.ID())
	}
	stats := m.Stats(t0)
	if stats.TakenOver["old"] != 1 || stats.NotTakenOver["old"] != 0 || stats.Outcomes["valid"] != 2 || stats.Outcomes["absent"] != 0 {
		t.Errorf("stats = %+v", stats)
	}
}

// fromElsewhere is a Request with which a browser keeps back a cookie of ours.
type fromElsewhere struct{ cookies }

func (fromElsewhere) WouldHaveOurs() bool { return false }

func TestNothingIsTakenOverWhereACookieOfOursWouldNotHaveCome(t *testing.T) {
	now := t0
	m := takingOver(t, Config{})
	s, _ := m.Begin(t.Context(), fromElsewhere{cookies{&now, foreign("tom;2025-12-30;2026-01-05", "tom")}})
	if got := s.Data(); got != (visit{}) {
		t.Errorf("data = %+v", got)
	}
	if c := s.Commit(true); c.Outcome != Absent || c.Sent != SentNothing || c.Value != "" || len(c.Attempts) > 0 {
		t.Errorf("commit = %+v", c)
	}
}

func TestWhenATakenOverSessionBeginsAndEnds(t *testing.T) {
	until := date("2026-02-01")
	for _, tt := range []struct {
		name, value, now string
		notBefore        string
		start, end       string
		err              error
	}{
		{"as it did there", "tom;2025-12-30;2026-01-05", "2026-01-01", "", "2025-12-30", "2026-01-05", nil},
		{"not later than a session of ours", "tom;2025-12-30;2026-12-31", "2026-01-01", "", "2025-12-30", "2026-01-15", nil},
		{"even if it is older than a session of ours", "tom;2025-01-01;2026-01-05", "2026-01-01", "", "2025-01-01", "2026-01-05", nil},
		{"from now on if it does not say", "tom;;2026-01-05", "2026-01-01", "", "2026-01-01", "2026-01-05", nil},
		{"with the takeover if it does not say when it began", "tom;;2026-12-31", "2026-01-25", "", "2026-01-25", "2026-02-01", nil},
		{"with the takeover if it has no end", "tom;2025-12-30;", "2026-01-25", "", "2025-12-30", "2026-02-01", nil},
		{"as it did there, also after the last takeover", "tom;2026-01-20;2026-02-05", "2026-01-25", "", "2026-01-20", "2026-02-05", nil},
		{"not in the future", "tom;2026-01-02;2026-01-05", "2026-01-01", "", "2026-01-01", "2026-01-05", nil},
		{"not at all if it has ended", "tom;2025-12-30;2026-01-01", "2026-01-01", "", "", "", ErrExpired},
		{"not at all if it began before not_before", "tom;2025-12-30;2026-01-05", "2026-01-01", "2025-12-31", "", "", ErrNotBefore},
		{"at all if it began at not_before", "tom;2025-12-31;2026-01-05", "2026-01-01", "2025-12-31", "2025-12-31", "2026-01-05", nil},
		{"not at all if nobody knows whether it began before", "tom;;2026-01-05", "2026-01-01", "2025-01-01", "", "", ErrNotBefore},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ring := newRing(t, func(d *keyring.Document) {
				d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))}
				if tt.notBefore != "" {
					d.NotBefore = date(tt.notBefore)
				}
			})
			var m *Manager[visit]
			synctest.Test(t, func(t *testing.T) { // New's clock is in 2000
				m = takingOver(t, Config{Keys: keyring.New(ring)}, Takeover[visit]{From: library(), Until: until})
			})
			now := date(tt.now)
			s := requestOf(m, now, foreign(tt.value, "tom"))
			s.Outcome()
			c := s.Commit(false)
			if tt.err != nil {
				if c.Outcome != Absent || c.Value != "" || len(c.Attempts) != 1 || !errors.Is(c.Attempts[0].Err, tt.err) {
					t.Errorf("commit = %+v, want %v", c, tt.err)
				}
				return
			}
			i := m.Open(now, c.Value).Info()
			if !i.Start.Equal(date(tt.start)) || !i.Expires.Equal(date(tt.end)) {
				t.Errorf("from %v to %v", i.Start, i.Expires)
			}
			if c.MaxAge != date(tt.end).Sub(now) {
				t.Errorf("max-age = %v", c.MaxAge)
			}
		})
	}
}

func TestATakeoverEndsAtItsTime(t *testing.T) {
	until := date("2026-01-03")
	var m *Manager[visit]
	synctest.Test(t, func(t *testing.T) {
		m = takingOver(t, Config{}, Takeover[visit]{From: library(), Until: until})
	})
	for now, want := range map[time.Time]Outcome{until.Add(-time.Second): Valid, until: Absent, until.Add(time.Hour): Absent} {
		s := requestOf(m, now, foreign("tom;2025-12-30;2026-12-31", "tom"))
		o, _ := s.Outcome()
		c := s.Commit(false)
		if o != want || (c.Value != "") != (want == Valid) {
			t.Errorf("at %v: %v, %+v", now, o, c)
		}
		if want == Absent && len(c.Attempts) > 0 {
			t.Errorf("at %v, it was looked at: %v", now, c.Attempts)
		}
	}
}

// TestACookieOfOursSwitchesTakeoverOff, whatever becomes of it, or who has signed out
// would be signed in again.
func TestACookieOfOursSwitchesTakeoverOff(t *testing.T) {
	m := takingOver(t, Config{FormerNames: []FormerName{{Name: "former"}}})
	valid := signedIn(t, m, t0, visit{User: "ann"})
	for name, values := range map[string]map[string][]string{
		"valid":      {m.Name(): {valid}},
		"expired":    {m.Name(): {signedIn(t, m, t0.Add(-100*day), visit{User: "ann"})}},
		"forged":     {m.Name(): {valid[:len(valid)-4] + "AAAA"}},
		"malformed":  {m.Name(): {"x"}},
		"empty":      {m.Name(): {""}},
		"too large":  {m.Name(): {strings.Repeat("x", 5000)}},
		"formerly":   {"former": {"x"}},
		"unknown":    {m.Name(): {signedIn(t, newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 9), t0.Add(-day)))}), t0, visit{User: "ann"})}},
		"second one": {m.Name(): {"x", valid}},
	} {
		maps.Copy(values, foreign("tom;2025-12-30;2026-01-05", "tom"))
		s := requestOf(m, t0, values)
		if o, _ := s.Outcome(); o == Absent || s.Data().User == "tom" {
			t.Errorf("%s: %v, %+v", name, o, s.Data())
		}
		if c := s.Commit(false); len(c.Attempts) > 0 || c.Value != "" || c.Delete != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestReadersAreTriedInTheirOrderAndTheEndIsAReject(t *testing.T) {
	refuses := old{system: "refuses", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) { return Foreign{}, ErrForged }}
	panics := old{system: "panics", names: []string{"sid"}, open: func(_ time.Time, v []string) (Foreign, error) { panic(v[0]) }}
	accepts := func(system, user string) old {
		return old{system: system, names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) { return Foreign{Data: user}, nil }}
	}
	for _, tt := range []struct {
		name string
		from []old
		want []string // systems that were tried
		user string
	}{
		{"all refuse", []old{refuses, panics}, []string{"refuses", "panics"}, ""},
		{"the first that accepts", []old{refuses, accepts("a", "tom"), accepts("b", "ann")}, []string{"refuses", "a"}, "tom"},
		{"a panic is a refusal", []old{panics, accepts("b", "ann")}, []string{"panics", "b"}, "ann"},
		{"what cannot be converted is refused", []old{accepts("a", "broken"), refuses}, []string{"a", "refuses"}, ""},
		{"what is no data of a session is refused", []old{accepts("a", "\xff"), refuses}, []string{"a", "refuses"}, ""},
		{"a cookie that is not there is not tried", []old{{system: "absent", names: []string{"other"}}, accepts("b", "ann")}, []string{"b"}, "ann"},
		{"a session that holds nothing is none", []old{accepts("a", ""), accepts("b", "ann")}, []string{"b"}, "ann"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var takeovers []Takeover[visit]
			for _, o := range tt.from {
				takeovers = append(takeovers, Takeover[visit]{From: o})
			}
			m := takingOver(t, Config{}, takeovers...)
			s := requestOf(m, t0, foreign("what the client sends", ""))
			if got := s.Data().User; got != tt.user {
				t.Errorf("user = %q", got)
			}
			c := s.Commit(false)
			var systems []string
			for i, a := range c.Attempts {
				systems = append(systems, a.System)
				if (a.Err == nil) != (tt.user != "" && i == len(tt.want)-1) {
					t.Errorf("attempt %d: %v", i, a.Err)
				}
				if a.Err != nil && strings.Contains(a.Err.Error(), "client") {
					t.Errorf("the error quotes the cookie: %v", a.Err)
				}
			}
			if !slices.Equal(systems, tt.want) {
				t.Errorf("tried %v", systems)
			}
			refused := m.Stats(t0).NotTakenOver
			for _, a := range c.Attempts {
				if want := a.Err != nil; refused[a.System] != map[bool]uint64{true: 1}[want] {
					t.Errorf("%d of %s are counted as refused", refused[a.System], a.System)
				}
			}
			if tt.user == "" && (c.Outcome != Absent || c.Value != "" || c.Delete != nil || c.Cookie() != Info{}) {
				t.Errorf("refused, and %+v", c)
			}
		})
	}
}

// TestWhatAnOriginRefusesIsNotTaken, whatever it returns beside the error, which is what
// the Attempt has.
func TestWhatAnOriginRefusesIsNotTaken(t *testing.T) {
	refusal := fmt.Errorf("old: another secret: %w", ErrForged)
	m := takingOver(t, Config{}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
		return Foreign{Data: "tom", Start: t0.Add(-time.Hour), Expires: t0.Add(time.Hour)}, refusal
	}}})
	s := requestOf(m, t0, foreign("x", ""))
	user := s.Data().User
	if c := s.Commit(false); user != "" || c.Outcome != Absent || c.Value != "" || len(c.Attempts) != 1 || c.Attempts[0].Err != refusal {
		t.Errorf("user %q, %+v", user, c)
	}
}

func TestSeveralCookiesOfOneNameAreEachTriedWithTheirOwn(t *testing.T) {
	m := takingOver(t, Config{})
	for _, tt := range []struct {
		values, sigs []string
		want         string
		attempts     int
	}{
		{[]string{"tom;;", "ann;;"}, []string{"tom", "x"}, "tom", 1},
		{[]string{"tom;;", "ann;;"}, []string{"ann", "ann"}, "ann", 2},
		{[]string{"tom;;", "ann;;"}, []string{"ann", "tom"}, "", 2},
		{[]string{"tom;;", "ann;;"}, []string{"x"}, "", 2},
		{[]string{"", "ann;;"}, []string{"", "ann"}, "ann", 1},
		{[]string{"a;;", "b;;", "c;;", "d;;", "ann;;"}, []string{"", "", "", "", "ann"}, "", 4},
		{nil, []string{"ann"}, "", 0},
	} {
		s := requestOf(m, t0, map[string][]string{"sid": tt.values, "sid.sig": tt.sigs})
		got := s.Data().User
		if c := s.Commit(false); got != tt.want || len(c.Attempts) != tt.attempts {
			t.Errorf("%q, %q: %q after %v", tt.values, tt.sigs, got, c.Attempts)
		}
	}
}

// TestTokensAreGivenToNoReader, of whatever key: they are not another library's.
func TestTokensAreGivenToNoReader(t *testing.T) {
	m := takingOver(t, Config{}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
		return Foreign{Data: "tom"}, nil
	}}})
	value := signedIn(t, m, t0, visit{User: "ann"})
	s := requestOf(m, t0, map[string][]string{"sid": {value, value[:2] + "f" + value[3:], ""}}) // of another version, and nothing
	if o, _ := s.Outcome(); o != Absent {
		t.Errorf("outcome = %v", o)
	}
}

func TestWhatBecomesOfTheOtherLibrarysCookie(t *testing.T) {
	const cookie = "tom;2025-12-30;2026-01-05"
	both := []string{"sid", "sid.sig"}
	update := func(user string) func(*Session[visit]) error {
		return func(s *Session[visit]) error { return s.Update(func(v *visit) { v.User = user }) }
	}
	for _, tt := range []struct {
		name   string
		age    time.Duration // of DeleteAfter
		ours   bool          // a session of ours came, too
		do     func(*Session[visit]) error
		sent   Sent
		delete []string
		user   string
	}{
		{"it is kept", 0, false, nil, SentTakenOver, nil, "tom"},
		{"it is kept when the session changes", 0, false, update("ann"), SentChanged, nil, "ann"},
		{"an Update that changes nothing", 0, false, update("tom"), SentTakenOver, nil, "tom"},
		{"it is kept until it is time", 1, false, nil, SentTakenOver, nil, "tom"},
		{"it is deleted when it is time", -1, false, nil, SentTakenOver, both, "tom"},
		{"it is deleted with the next write, too", -1, true, update("ann"), SentChanged, both, "ann"},
		{"but not because it is read", -1, true, nil, SentNothing, nil, ""},
		{"it is kept when a session of ours changes", 0, true, update("ann"), SentChanged, nil, "ann"},
		{"signing out deletes it", 0, false, (*Session[visit]).Destroy, SentDeleted, both, ""},
		{"signing out deletes both", 0, true, (*Session[visit]).Destroy, SentDeleted, append([]string{DefaultName}, both...), ""},
		{"signing in anew deletes it", 0, false, func(s *Session[visit]) error { return s.Renew(visit{User: "ann"}) }, SentRenewed, both, "ann"},
		{"signing in anew, with a session of ours", 0, true, func(s *Session[visit]) error { return s.Renew(visit{User: "ann"}) }, SentRenewed, both, "ann"},
		{"a session that is emptied is over", 0, false, update(""), SentDeleted, both, ""},
		{"a session of ours that is emptied is over", 0, true, func(s *Session[visit]) error { return s.Update(func(v *visit) { *v = visit{} }) }, SentDeleted, append([]string{DefaultName}, both...), ""},
		{"one that begins after signing out", 0, false, func(s *Session[visit]) error {
			return errors.Join(s.Destroy(), s.Update(func(v *visit) { v.User = "tom" }))
		}, SentChanged, both, "tom"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var after time.Time
			if tt.age != 0 {
				after = t0.Add(tt.age)
			}
			m := takingOver(t, Config{}, Takeover[visit]{From: library(), DeleteAfter: after})
			values := foreign(cookie, "tom")
			if tt.ours {
				values[m.Name()] = []string{signedIn(t, m, t0.Add(-time.Hour), visit{User: "tom", Count: 1})}
			}
			s := requestOf(m, t0, values)
			s.Outcome()
			if tt.do != nil {
				if err := tt.do(s); err != nil {
					t.Fatal(err)
				}
			}
			c := s.Commit(false)
			if c.Sent != tt.sent || !slices.Equal(c.Delete, tt.delete) {
				t.Errorf("%v, deleting %q", c.Sent, c.Delete)
			}
			if got := m.Open(t0, c.Value).Data().User; got != tt.user {
				t.Errorf("user = %q", got)
			}
		})
	}
}

func TestEveryOtherLibrarysCookieIsDeletedAtItsOwnTime(t *testing.T) {
	first, second := old{system: "first", names: []string{"sid", "sid.sig"}}, old{system: "second", names: []string{"id"}}
	for _, tt := range []struct {
		name          string
		first, second time.Time // DeleteAfter
		delete        []string
	}{
		{"neither", time.Time{}, t0.Add(1), nil},
		{"the first", t0, time.Time{}, []string{"sid", "sid.sig"}},
		{"the second", t0.Add(1), t0, []string{"id"}},
		{"both", t0, t0, []string{"sid", "sid.sig", "id"}},
	} {
		m := takingOver(t, Config{}, Takeover[visit]{From: first, DeleteAfter: tt.first}, Takeover[visit]{From: second, DeleteAfter: tt.second})
		values := foreign("tom;2025-12-30;2026-01-05", "tom")
		values["id"] = []string{"tom;2025-12-30;2026-01-05"}
		values[m.Name()] = []string{signedIn(t, m, t0, visit{User: "tom"})}
		s := requestOf(m, t0, values)
		if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
			t.Fatal(err)
		}
		if c := s.Commit(false); c.Sent != SentChanged || !slices.Equal(c.Delete, tt.delete) {
			t.Errorf("%s: sent %v, deleting %q", tt.name, c.Sent, c.Delete)
		}
	}
}

// TestSigningOutDeletesACookieThatWasRefused, and one that is no longer looked at:
// another instance may take it over.
func TestSigningOutDeletesACookieThatWasRefused(t *testing.T) {
	m := takingOver(t, Config{})
	for _, values := range []map[string][]string{foreign("tom;;", "forged"), {"sid": {"tom;;"}}} {
		s := requestOf(m, t0, values)
		if err := s.Destroy(); err != nil {
			t.Fatal(err)
		}
		c := s.Commit(false)
		var want []string
		for _, n := range []string{"sid", "sid.sig"} {
			if values[n] != nil {
				want = append(want, n)
			}
		}
		if c.Sent != SentDeleted || !slices.Equal(c.Delete, want) {
			t.Errorf("%v: %v, deleting %q", values, c.Sent, c.Delete)
		}
	}
	// Of two libraries with one name, it is deleted once.
	m = takingOver(t, Config{}, Takeover[visit]{From: library()}, Takeover[visit]{From: old{system: "other", names: []string{"sid"}}})
	s := requestOf(m, t0, foreign("tom;;", "tom"))
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); !slices.Equal(c.Delete, []string{"sid", "sid.sig"}) {
		t.Errorf("deleting %q", c.Delete)
	}
	s = requestOf(m, t0, nil)
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); c.Sent != SentNothing || c.Delete != nil {
		t.Errorf("nothing came, and %+v", c)
	}
}

func TestInPlace(t *testing.T) {
	name := DefaultName
	origin := old{system: "old", names: []string{name, name + ".sig"}}
	if _, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))}, Takeover[visit]{From: origin, Convert: toVisit, Until: farAway}); err == nil || !strings.Contains(err.Error(), "InPlace") {
		t.Errorf("New = %v", err)
	}
	m := takingOver(t, Config{}, Takeover[visit]{From: origin, InPlace: true})
	theirs := "tom;2025-12-30;2026-01-05"
	s := requestOf(m, t0, map[string][]string{name: {theirs}, name + ".sig": {"tom"}})
	wantOutcome(t, s, 0)
	c := s.Commit(false)
	if c.Sent != SentTakenOver || c.Delete != nil || m.Open(t0, c.Value).Data().User != "tom" {
		t.Errorf("commit = %+v", c)
	}
	// A token is never another library's.
	for _, values := range [][]string{{c.Value, theirs}, {theirs, c.Value}} {
		s := requestOf(m, t0, map[string][]string{name: values, name + ".sig": {"tom", "tom"}})
		s.Outcome()
		if c := s.Commit(false); len(c.Attempts) > 0 || c.Outcome != Valid {
			t.Errorf("%q: %+v", values, c)
		}
	}
	// Nor do others in front of it hide it.
	s = requestOf(m, t0, map[string][]string{name: {"a;;", "b;;", "c;;", theirs, c.Value}, name + ".sig": {"a", "b", "c", "tom"}})
	s.Outcome()
	if c := s.Commit(false); len(c.Attempts) > 0 {
		t.Errorf("hidden behind four others: %+v", c)
	}
	expired := signedIn(t, m, t0.Add(-100*day), visit{User: "ann"})
	s = requestOf(m, t0, map[string][]string{name: {expired, theirs}, name + ".sig": {"tom", "tom"}})
	wantOutcome(t, s, ErrExpired)
	// A cookie of a former name is ours, whatever it is.
	former := takingOver(t, Config{FormerNames: []FormerName{{Name: "former"}}}, Takeover[visit]{From: origin, InPlace: true})
	s = requestOf(former, t0, map[string][]string{name: {theirs}, name + ".sig": {"tom"}, "former": {"x"}})
	wantOutcome(t, s, ErrMalformed)
	if c := s.Commit(false); len(c.Attempts) > 0 {
		t.Errorf("beside a former one: %+v", c)
	}
	// Signing out deletes it once.
	s = requestOf(m, t0, map[string][]string{name: {theirs}, name + ".sig": {"tom"}})
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); !slices.Equal(c.Delete, []string{name, name + ".sig"}) {
		t.Errorf("deleting %q", c.Delete)
	}
	// What takes its place does not delete it.
	s = requestOf(m, t0, map[string][]string{name: {theirs}, name + ".sig": {"tom"}})
	if err := s.Renew(visit{User: "ann"}); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); !slices.Equal(c.Delete, []string{name + ".sig"}) {
		t.Errorf("deleting %q", c.Delete)
	}
}

func TestATakeoverThatDoesNotFitWaits(t *testing.T) {
	m := takingOver(t, Config{})
	user := strings.Repeat("x", 4000)
	s := requestOf(m, t0, foreign(user+";;", user))
	if got := s.Data().User; got != user {
		t.Errorf("the session is not there")
	}
	c := s.Commit(false)
	if c.Outcome != Valid || c.Sent != SentNothing || c.Value != "" || c.Delete != nil {
		t.Errorf("commit = %+v", c)
	}
	s = requestOf(m, t0, foreign(user+";;", user))
	if err := s.Update(func(v *visit) { v.Count = 1 }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Update = %v", err)
	}
}

// TestATakenOverSessionIsAsSecretAsOurs: where sessions have to be sealed, it is.
func TestATakenOverSessionIsAsSecretAsOurs(t *testing.T) {
	m := takingOver(t, Config{Sealed: true, Keys: newKeys(t, signing(newKey(t, signer.XChaCha20Poly1305(), 1), t0.Add(-day)))})
	s := requestOf(m, t0, foreign("tom;;", "tom"))
	s.Outcome()
	if c := s.Commit(false); c.Token().Algorithm != "xchacha20-poly1305" {
		t.Errorf("sent with %q", c.Token().Algorithm)
	}
}

func TestRevokedIsAskedAboutWhatIsTakenOver(t *testing.T) {
	for _, tt := range []struct {
		revoked bool
		err     error
		failure RevocationFailure
		want    error
	}{
		{false, nil, FailClosed, nil},
		{true, nil, FailClosed, ErrSessionRevoked},
		{false, errors.New("down"), FailClosed, ErrRevocationUnavailable},
		{false, errors.New("down"), FailOpen, nil},
	} {
		var asked Info
		m := takingOver(t, Config{RevocationFailure: tt.failure, Revoked: func(_ context.Context, i Info) (bool, error) {
			asked = i
			return tt.revoked, tt.err
		}})
		s := requestOf(m, t0, foreign("tom;2025-12-30;2026-01-05", "tom"))
		s.Outcome()
		c := s.Commit(false)
		if asked.System != "old" || !asked.Start.Equal(date("2025-12-30")) {
			t.Errorf("asked about %+v", asked)
		}
		if len(c.Attempts) != 1 || !errors.Is(c.Attempts[0].Err, tt.want) {
			t.Errorf("%+v: attempts = %v", tt, c.Attempts)
		}
		if (c.Value != "") != (tt.want == nil) {
			t.Errorf("%+v: sent %v", tt, c.Sent)
		}
	}
}

func TestATakeoverSharesNothingWithConvert(t *testing.T) {
	type lists struct{ Names []string }
	kept := lists{[]string{"tom"}}
	m, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))}, Takeover[lists]{
		From: library(), Until: farAway, Convert: func(any) (lists, error) { return kept, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := requestOf(m, t0, foreign("tom;;", "tom"))
	s.Outcome()
	kept.Names[0] = "ann"
	if got := s.Data().Names[0]; got != "tom" {
		t.Errorf("names[0] = %q", got)
	}
	s.Data().Names[0] = "eve"
	if got := m.Open(t0, s.Commit(false).Value).Data().Names[0]; got != "tom" {
		t.Errorf("sent with %q", got)
	}
}

// TestCommitDoesNotWaitForAnOrigin that hangs, as for no code of somebody else's.
func TestCommitDoesNotWaitForAnOrigin(t *testing.T) {
	hang, opened := make(chan struct{}), make(chan struct{})
	m := takingOver(t, Config{}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
		close(opened)
		<-hang
		return Foreign{Data: "tom"}, nil
	}}})
	s := requestOf(m, t0, foreign("x", ""))
	done := make(chan struct{})
	go func() {
		s.Outcome()
		close(done)
	}()
	<-opened
	if c := s.Commit(false); c.Outcome != Indeterminate || c.Value != "" {
		t.Errorf("commit = %+v", c)
	}
	close(hang)
	<-done
	if c := s.Commit(false); c.Value != "" {
		t.Errorf("a later commit sends %v", c.Sent)
	}
}

func TestAnUntouchedSessionTakesNothingOver(t *testing.T) {
	m := takingOver(t, Config{}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
		t.Error("the cookie was opened")
		return Foreign{}, nil
	}}})
	if c := requestOf(m, t0, foreign("x", "")).Commit(false); !reflect.DeepEqual(c, Commit{}) {
		t.Errorf("commit = %+v", c)
	}
}

func TestNewListsEveryProblemOfTakeovers(t *testing.T) {
	c := Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0)), FormerNames: []FormerName{{Name: "former"}}}
	named := func(system string, names ...string) old { return old{system: system, names: names} }
	_, err := New(c,
		Takeover[visit]{},
		Takeover[visit]{From: named("Old!", "sid"), Convert: toVisit, Until: t0.Add(-365 * 10 * day)},
		Takeover[visit]{From: named("none"), Convert: toVisit, Until: farAway},
		Takeover[visit]{From: named("bad", "a;b", "", "former", DefaultName), Convert: toVisit, Until: farAway},
		Takeover[visit]{From: named("twice", "x"), Convert: toVisit, Until: farAway},
		Takeover[visit]{From: named("twice", "x"), Convert: toVisit, Until: farAway},
		Takeover[visit]{From: (*unsigned)(nil), Convert: toVisit, Until: farAway},
	)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Takeover 0: Convert is nil", "Takeover 0: Until is not set", "Takeover 0: From is nil",
		`Takeover 1: the system is named "Old!"`, "Takeover 1: Until is 2016-", "which is past",
		"Takeover 2: none has no cookie",
		`Takeover 3: cookie name "a;b"`, `Takeover 3: cookie name ""`, `"former" is among Config.FormerNames`, `"__Host-session" is this Manager's`,
		`Takeover 5: cookie name "x" of twice is there twice`,
		"Takeover 6: From is a nil *session.unsigned: the function that makes it has returned an error",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("there is no %q in\n%v", want, err)
		}
	}
}

func TestNamesThatCannotComeInAHeader(t *testing.T) {
	for c := range 256 {
		want := c > ' ' && c < 0x7f && !strings.ContainsRune(`;=,"`, rune(c))
		for _, name := range []string{string([]byte{byte(c)}), string([]byte{'a', byte(c), 'b'})} {
			if got := isRawName(name); got != want {
				t.Errorf("isRawName(%q) = %t", name, got)
			}
		}
	}
	if isRawName("") {
		t.Error("no name is one")
	}
}

// unsigned is an Origin that believes everybody.
type unsigned struct {
	old
	is bool
}

func (u unsigned) Unsigned() bool { return u.is }

func TestUnsignedCookiesAreTakenAloneOrNotAtAll(t *testing.T) {
	of := func(from Origin) Takeover[visit] {
		return Takeover[visit]{From: from, Convert: toVisit, Until: farAway}
	}
	alone, signed := of(unsigned{library(), true}), of(unsigned{library(), false})
	other := of(old{system: "other", names: []string{"other"}})
	for _, tt := range []struct {
		takeovers []Takeover[visit]
		refused   bool
	}{
		{[]Takeover[visit]{alone}, false},
		{[]Takeover[visit]{signed, other}, false},
		{[]Takeover[visit]{alone, other}, true},
		{[]Takeover[visit]{other, alone}, true},
	} {
		_, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))}, tt.takeovers...)
		if refused := err != nil && strings.Contains(err.Error(), "unsigned"); refused != tt.refused {
			t.Errorf("New = %v, want a refusal: %t", err, tt.refused)
		}
	}
}

func TestTakeoverNamesAreThoseOfTheirCookies(t *testing.T) {
	m := takingOver(t, Config{}, Takeover[visit]{From: library()}, Takeover[visit]{From: old{system: "other", names: []string{"koa:sess", "sid"}}})
	if got := m.TakeoverNames(); !slices.Equal(got, []string{"sid", "sid.sig", "koa:sess"}) {
		t.Errorf("names = %q", got)
	}
}

func TestValuesCanBeTakenOver(t *testing.T) {
	user := Key[string]("user")
	m, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))}, Takeover[Values]{
		From: library(), Until: farAway, Convert: func(data any) (v Values, err error) {
			user.Set(&v, data.(string))
			return v, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := requestOf(m, t0, foreign("tom;;", "tom"))
	if err := user.SetIn(s, user.GetIn(s)+"my"); err != nil {
		t.Fatal(err)
	}
	if got := user.Get(m.Open(t0, s.Commit(false).Value).Data()); got != "tommy" {
		t.Errorf("user = %q", got)
	}
}
