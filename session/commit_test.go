package session

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// clock is a Request that counts how often it is asked for the time.
type clock struct {
	cookies
	asked *int
}

func (c clock) Now() time.Time {
	*c.asked++
	return c.cookies.Now()
}

func TestCommitAsksForTheTimeWhereSomethingDependsOnIt(t *testing.T) {
	older := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-50*day))
	newer := signing(newKey(t, signer.HMACSHA256(), 2), t0.Add(-day))
	before := newManager[visit](t, Config{Keys: newKeys(t, older)})
	old := signedIn(t, before, t0, visit{User: "tom"})
	m := newManager[visit](t, Config{Keys: newKeys(t, older, newer), FormerNames: []FormerName{{Name: "sid"}}})
	good := signedIn(t, m, t0, visit{User: "tom"})
	former := signedIn(t, newManager[visit](t, Config{Name: "sid", Keys: newKeys(t, older, newer)}), t0, visit{User: "tom"})
	idle := newManager[visit](t, Config{Keys: newKeys(t, older, newer), IdleTimeout: time.Hour, IDs: true})
	used := signedIn(t, idle, t0, visit{User: "tom"})
	unknown := signedIn(t, newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 3), t0.Add(-day)))}), t0, visit{})

	read := func(s *Session[visit]) { s.Data() }
	change := func(s *Session[visit]) { s.Update(func(v *visit) { v.Count++ }) }
	renew := func(s *Session[visit]) { s.Renew(visit{User: "ann"}) }
	destroy := func(s *Session[visit]) { s.Destroy() }
	named := func(name string, values ...string) map[string][]string { return map[string][]string{name: values} }

	for _, tt := range []struct {
		name    string
		m       *Manager[visit]
		values  map[string][]string
		after   time.Duration
		do      func(s *Session[visit])
		reissue bool
		sent    Sent
		timed   bool // something depends on the time of the response
	}{
		{"untouched", m, named(m.Name(), good), 0, func(*Session[visit]) {}, true, SentNothing, false},
		{"absent", m, nil, 0, read, true, SentNothing, false},
		{"read", m, named(m.Name(), good), time.Minute, read, false, SentNothing, false},
		{"read, old", m, named(m.Name(), old), time.Minute, read, false, SentNothing, false},
		{"read, under a former name", m, named("sid", former), time.Minute, read, false, SentNothing, false},
		{"reissued, under a former name", m, named("sid", former), time.Minute, read, true, SentReissued, true},
		{"unknown", m, named(m.Name(), unknown), time.Minute, read, true, SentNothing, false},
		{"malformed", m, named(m.Name(), "x"), time.Minute, read, true, SentNothing, false},
		{"expired", m, named(m.Name(), good), 100 * day, read, true, SentNothing, false},
		{"beside one that cannot be judged", m, named(m.Name(), old, unknown), time.Minute, read, true, SentNothing, true},
		{"changed", m, named(m.Name(), good), time.Minute, change, false, SentChanged, true},
		{"changed, absent", m, nil, time.Minute, change, false, SentChanged, true},
		{"changed, unknown", m, named(m.Name(), unknown), time.Minute, change, false, SentChanged, true},
		{"changed to nothing", m, named(m.Name(), good), time.Minute, func(s *Session[visit]) { s.Update(func(v *visit) { *v = visit{} }) }, false, SentDeleted, true},
		{"renewed", m, map[string][]string{m.Name(): {good}, "sid": {"x"}}, time.Minute, renew, false, SentRenewed, true},
		{"destroyed", m, map[string][]string{m.Name(): {good}, "sid": {"x"}}, time.Minute, destroy, false, SentDeleted, true},
		{"destroyed, absent", m, nil, time.Minute, destroy, false, SentNothing, true},
		{"reissued", m, named(m.Name(), old), time.Minute, read, true, SentReissued, true},
		{"not reissued", m, named(m.Name(), good), time.Minute, read, true, SentNothing, true},
		{"not refreshed", idle, named(idle.Name(), used), 29 * time.Minute, read, false, SentNothing, true},
		{"refreshed", idle, named(idle.Name(), used), 31 * time.Minute, read, false, SentRefreshed, true},
	} {
		now := t0.Add(tt.after)
		asked := 0
		s, _ := tt.m.Begin(t.Context(), clock{cookies{&now, tt.values}, &asked})
		tt.do(s)
		asked = 0
		c := s.Commit(tt.reissue)
		if c.Sent != tt.sent || (asked > 0) != tt.timed {
			t.Errorf("%s: Commit sends %v, want %v, and asks for the time %d times", tt.name, c.Sent, tt.sent, asked)
		}
		if sends := c.Value != ""; sends != (c.Token() != Info{}) || sends && c.Token() != tt.m.Open(now, c.Value).Info() {
			t.Errorf("%s: what is sent is told as %+v", tt.name, c.Token())
		}
		again := s.Commit(tt.reissue)
		if again.Touched || again.Sent != SentNothing || again.Value != "" || again.Delete != nil ||
			again.Outcome != c.Outcome || again.Reason != c.Reason || again.Cookie() != c.Cookie() || again.Token() != (Info{}) {
			t.Errorf("%s, again: %+v", tt.name, again)
		}
		if c.Touched && c.Cookie() != s.Info() {
			t.Errorf("%s: what came is told as %+v, want %+v", tt.name, c.Cookie(), s.Info())
		}
		if err := s.Destroy(); err != ErrCommitted {
			t.Errorf("%s: then Destroy returns %v", tt.name, err)
		}
	}
}
