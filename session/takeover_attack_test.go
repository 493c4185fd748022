package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// TestDifferentSessionsOfOneNameAreAmbiguous: one of them may be planted, from a host of
// the same domain or for a path.
func TestDifferentSessionsOfOneNameAreAmbiguous(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   string
		err    error
	}{
		{[]string{"eve;;", "tom;;"}, "", ErrAmbiguous},
		{[]string{"tom;;", "eve;;"}, "", ErrAmbiguous},
		{[]string{"tom;;", "broken;;", "", "eve;;"}, "", ErrAmbiguous},
		{[]string{"broken;;", "tom;;", "eve;;"}, "", ErrAmbiguous},
		{[]string{"tom;2025-12-30;", "tom;2025-12-31;"}, "tom", nil},
		{[]string{"tom;;", "eve;2025-01-01;2025-02-01"}, "tom", nil}, // over
		{[]string{"tom;;", "broken;;"}, "tom", nil},
		{[]string{"tom;;", ";;"}, "tom", nil},
	} {
		sigs := make([]string, len(tt.values))
		for i, v := range tt.values {
			sigs[i], _, _ = strings.Cut(v, ";")
		}
		second := old{system: "second", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) { return Foreign{Data: "eve"}, nil }}
		m := takingOver(t, Config{}, Takeover[visit]{From: library()}, Takeover[visit]{From: second})
		s := requestOf(m, t0, map[string][]string{"sid": tt.values, "sid.sig": sigs})
		if got := s.Data().User; got != tt.want {
			t.Errorf("%q: user = %q", tt.values, got)
		}
		c := s.Commit(false)
		if last := c.Attempts[len(c.Attempts)-1]; !errors.Is(last.Err, tt.err) || (last.Err == nil) != (tt.err == nil) {
			t.Errorf("%q: %v", tt.values, c.Attempts)
		}
		if (c.Value == "") != (tt.err != nil) {
			t.Errorf("%q: sent %v", tt.values, c.Sent)
		}
	}
}

// TestAnAttemptQuotesNothing of what an authentic cookie holds and a session cannot.
func TestAnAttemptQuotesNothing(t *testing.T) {
	const client = "client's name"
	deep := any(client)
	for range 20 {
		deep = []any{deep}
	}
	for name, x := range map[string]any{"deep": deep, "a year": time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), "a number": math.Inf(1), "a kind": struct{ S string }{client}} {
		m, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))}, Takeover[Values]{
			From: library(), Until: farAway, Convert: func(any) (v Values, err error) {
				v.set(client, x)
				return v, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s := requestOf(m, t0, foreign("tom;;", "tom"))
		s.Outcome()
		c := s.Commit(false)
		if c.Value != "" || len(c.Attempts) != 1 || !errors.Is(c.Attempts[0].Err, ErrNotCarried) || strings.Contains(c.Attempts[0].Err.Error(), "client") {
			t.Errorf("%s: %v", name, c.Attempts)
		}
	}
	m, err := New(Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))}, Takeover[map[string]string]{
		From: library(), Until: farAway, Convert: func(any) (map[string]string, error) {
			return map[string]string{client: "\xff" + client, client + "\xff": ""}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := requestOf(m, t0, foreign("tom;;", "tom"))
	s.Outcome()
	if c := s.Commit(false); len(c.Attempts) != 1 || c.Attempts[0].Err == nil || strings.Contains(c.Attempts[0].Err.Error(), "client") {
		t.Errorf("%v", c.Attempts)
	}
}

// TestStrangeTimesOfAnOrigin make no session that began later or lasts longer, pass no
// not_before, and wrap around nowhere.
func TestStrangeTimesOfAnOrigin(t *testing.T) {
	ring := newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))}
		d.NotBefore = t0.Add(-day)
	})
	strict, lenient := keyring.New(ring), newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	times := []time.Time{
		{}, time.Unix(math.MinInt64, 0), time.Unix(-1<<53, 0), time.Unix(-1, 0), time.Unix(0, 0), time.Unix(1<<32, 0), time.Unix(1<<32+t0.Unix(), 0),
		time.Unix(1<<53, 0), time.Unix(math.MaxInt64, 0), time.UnixMilli(math.MaxInt64), time.Time{}.Add(1), t0, t0.Add(-1), t0.Add(time.Hour), t0.Add(-2 * day),
	}
	for _, keys := range []*keyring.Keyring{strict, lenient} {
		for _, start := range times {
			for _, end := range times {
				m := takingOver(t, Config{Keys: keys}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
					return Foreign{Data: "tom", Start: start, Expires: end}, nil
				}}})
				s := requestOf(m, t0, foreign("x", ""))
				s.Outcome()
				c := s.Commit(false)
				name := fmt.Sprintf("from %v to %v, not before: %t", start, end, keys == strict)
				// By Unix, since the furthest times wrap around in a comparison.
				if end != (time.Time{}) && end.Unix() <= t0.Unix() && c.Value != "" {
					t.Errorf("%s: it is over, and was taken over", name)
				}
				if keys == strict && start.Unix() < t0.Add(-day).Unix() && c.Value != "" {
					t.Errorf("%s: it passed", name)
				}
				if c.Value == "" {
					continue
				}
				i := m.Open(t0, c.Value).Info()
				if i.Start.After(t0) || i.Expires.After(t0.Add(DefaultLifetime)) || c.MaxAge <= 0 || c.MaxAge > DefaultLifetime {
					t.Errorf("%s: from %v to %v, for %v", name, i.Start, i.Expires, c.MaxAge)
				}
			}
		}
	}
}

// TestASessionThatIsTakenOverOutlivesNoKey: it ends within the ring's max_session.
func TestASessionThatIsTakenOverOutlivesNoKey(t *testing.T) {
	ring := newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))}
		d.Policy.MaxSession = 3 * day
	})
	m := takingOver(t, Config{Keys: keyring.New(ring)})
	s := requestOf(m, t0, foreign("tom;2025-12-30;2027-01-01", "tom"))
	s.Outcome()
	if i := m.Open(t0, s.Commit(false).Value).Info(); !i.Expires.Equal(t0.Add(3 * day)) {
		t.Errorf("it ends at %v", i.Expires)
	}
}

// TestManyTouchesTakeOverOnce, from however many goroutines, with a Commit between them.
func TestManyTouchesTakeOverOnce(t *testing.T) {
	opened := 0
	m := takingOver(t, Config{}, Takeover[visit]{From: old{system: "old", names: []string{"sid"}, open: func(time.Time, []string) (Foreign, error) {
		opened++
		return Foreign{Data: "tom"}, nil
	}}})
	s := requestOf(m, t0, foreign("x", ""))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			switch i % 5 {
			case 0:
				s.Data()
			case 1:
				s.Update(func(v *visit) { v.Count++ })
			case 2:
				s.Info()
			case 3:
				s.Commit(false)
			case 4:
				s.Renew(visit{User: "ann"})
			}
		})
	}
	wg.Wait()
	if m.Open(t0, ""); opened > 1 {
		t.Errorf("opened %d times", opened)
	}
	if n := m.Stats(t0).TakenOver["old"]; n != uint64(opened) {
		t.Errorf("counted %d", n)
	}
}

// TestATakeoverThatCannotBeJudgedIsNotWrittenOver where the configuration says so of ours:
// the session of the Update would switch the takeover off.
func TestATakeoverThatCannotBeJudgedIsNotWrittenOver(t *testing.T) {
	for _, keep := range []bool{true, false} {
		m := takingOver(t, Config{KeepIndeterminate: keep, RevocationFailure: FailClosed, Revoked: func(context.Context, Info) (bool, error) {
			return false, errors.New("down")
		}})
		s := requestOf(m, t0, foreign("tom;;", "tom"))
		if err := s.Update(func(v *visit) { v.User = "new" }); errors.Is(err, ErrIndeterminate) != keep {
			t.Errorf("KeepIndeterminate %t: %v", keep, err)
		}
		if c := s.Commit(false); (c.Value == "") != keep || slices.Contains(c.Delete, "sid") {
			t.Errorf("KeepIndeterminate %t: %+v", keep, c)
		}
		// What is refused for good is written over.
		s = requestOf(m, t0, foreign("tom;;", "forged"))
		if err := s.Update(func(v *visit) { v.User = "new" }); err != nil {
			t.Error(err)
		}
	}
}
