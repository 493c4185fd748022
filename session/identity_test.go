package session

import (
	"testing"
	"time"
)

// TestNoSessionHasAnIDWithoutBeingGivenOne: neither where IDs are not asked for, nor
// one that is over.
func TestNoSessionHasAnIDWithoutBeingGivenOne(t *testing.T) {
	without := newManager[visit](t, Config{})
	if id := without.Open(t0, signedIn(t, without, t0, visit{User: "tom"})).ID(); id != "" {
		t.Errorf("without IDs: %q", id)
	}
	m := newManager[visit](t, Config{IDs: true, Lifetime: time.Hour})
	cookie := signedIn(t, m, t0, visit{User: "tom"})
	if id := m.Open(t0, cookie).ID(); id == "" {
		t.Error("no ID")
	}
	if id := m.Open(t0.Add(2*time.Hour), cookie).ID(); id != "" {
		t.Errorf("of what has expired: %q", id)
	}
	gone := request(m, t0, cookie)
	if err := gone.Destroy(); err != nil || gone.ID() != "" {
		t.Errorf("of what has been destroyed: %q, %v", gone.ID(), err)
	}
}

// TestWhatIsWrittenAfterTheEndBeginsAnew: nothing of a session that has expired or has
// been destroyed is in the one that takes its place, and its time is a whole one.
func TestWhatIsWrittenAfterTheEndBeginsAnew(t *testing.T) {
	m := newManager[visit](t, Config{IDs: true, Lifetime: time.Hour})
	cookie := signedIn(t, m, t0, visit{User: "tom", Count: 5})
	was := m.Open(t0, cookie).ID()
	for name, after := range map[string]time.Duration{"destroyed": 10 * time.Minute, "expired": 2 * time.Hour} {
		now := t0.Add(after)
		s := request(m, now, cookie)
		if name == "destroyed" {
			if err := s.Destroy(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
			t.Fatal(err)
		}
		c := s.Commit(false)
		if c.MaxAge != time.Hour {
			t.Errorf("%s: the next one lasts %v", name, c.MaxAge)
		}
		next := m.Open(now, c.Value)
		wantOutcome(t, next, 0)
		if v := next.Data(); v.User != "" || v.Count != 1 {
			t.Errorf("%s: %+v is left", name, v)
		}
		if id := next.ID(); id == was || id == "" {
			t.Errorf("%s: ID %q, and was %q", name, id, was)
		}
	}
}
