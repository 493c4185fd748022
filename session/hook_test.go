package session

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestHookThatPanicsLeavesTheCookieUnjudged(t *testing.T) {
	m := newManager[visit](t, Config{
		IdleTimeout:       time.Hour,
		Revoked:           func(context.Context, Info) (bool, error) { panic("boom") },
		RevocationFailure: FailOpen,
	})
	s := request(m, t0.Add(50*time.Minute), signedIn(t, m, t0, visit{User: "tom"}))
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not pass")
			}
		}()
		s.Data()
	}()
	wantOutcome(t, s, ErrRevocationUnavailable)
	if c := s.Commit(true); c.Sent != SentNothing || c.Value != "" {
		t.Errorf("sent %+v", c)
	}
}

func TestCommitDoesNotWaitForTheHook(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	m := newManager[visit](t, Config{
		Revoked: func(context.Context, Info) (bool, error) {
			asked <- true
			return <-answer, nil
		},
		RevocationFailure: FailClosed,
	})
	s := request(m, t0, signedIn(t, m, t0, visit{User: "tom"}))
	read, updated := make(chan visit), make(chan error)
	go func() { read <- s.Data() }()
	<-asked
	go func() { updated <- s.Update(func(v *visit) { v.Count = 1 }) }()
	c := s.Commit(true)
	if !c.Touched || c.Sent != SentNothing || c.Outcome != Indeterminate || c.Reason != ErrRevocationUnavailable {
		t.Errorf("while the hook is asked: %+v", c)
	}
	answer <- false
	if v := <-read; v.User != "tom" {
		t.Errorf("data = %+v", v)
	}
	if err := <-updated; err != ErrCommitted {
		t.Errorf("Update = %v", err)
	}
	wantOutcome(t, s, 0)
}

func TestWhoeverComesWhileTheHookIsAskedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan bool)
		m := newManager[visit](t, Config{
			Revoked:           func(context.Context, Info) (bool, error) { return <-answer, nil },
			RevocationFailure: FailClosed,
		})
		s := request(m, t0, signedIn(t, m, t0, visit{User: "tom"}))
		for range 3 { // one that asks, and two who wait
			go func() {
				if v := s.Data(); v.User != "tom" {
					t.Errorf("data = %+v", v)
				}
			}()
			synctest.Wait()
		}
		answer <- false
	})
}

// committing is a Request during whose look for cookies the response begins.
type committing struct {
	cookies
	commit func()
}

func (c committing) RawCookies(name string) []string { return c.Cookies(name) }
func (committing) WouldHaveOurs() bool               { return true }

func (c committing) Cookies(name string) []string {
	c.commit()
	return c.cookies.Cookies(name)
}

func TestACookieThatIsLookedForIsOneThatCannotBeJudged(t *testing.T) {
	m := newManager[visit](t, Config{
		Revoked:           func(context.Context, Info) (bool, error) { return false, nil },
		RevocationFailure: FailClosed,
	})
	var s *Session[visit]
	var c Commit
	s, _ = m.Begin(t.Context(), committing{cookies{&t0, nil}, func() { c = s.Commit(true) }})
	s.Data()
	if want := (Commit{Touched: true, Outcome: Indeterminate, Reason: ErrRevocationUnavailable}); !reflect.DeepEqual(c, want) {
		t.Errorf("Commit = %+v, want %+v", c, want)
	}
}

// No key of the ring may sign: what is there goes on, and nothing is sent.
func TestWithoutAPrimarySessionsCanBeRead(t *testing.T) {
	key := newKey(t, signer.HMACSHA256(), 1)
	keys := newKeys(t, signing(key, t0))
	m := newManager[visit](t, Config{Keys: keys, IdleTimeout: time.Hour})
	cookie := signedIn(t, m, t0, visit{User: "tom"})
	replace(t, keys, func(d *keyring.Document) {
		retired := signing(newKey(t, signer.HMACSHA256(), 2), t0)
		retired.VerifyUntil = t0.Add(time.Minute)
		d.Keys[0].SignFrom = time.Time{}
		d.Keys = append(d.Keys, retired)
	})
	for _, now := range []time.Time{t0.Add(10 * time.Minute), t0.Add(45 * time.Minute)} { // a refresh is due at the latter
		s := request(m, now, cookie)
		if v := s.Data(); v.User != "tom" {
			t.Errorf("data = %+v", v)
		}
		if err := s.Update(func(v *visit) { v.Count = 1 }); !errors.Is(err, keyring.ErrNoPrimary) {
			t.Errorf("Update = %v", err)
		}
		if err := s.Renew(visit{}); !errors.Is(err, keyring.ErrNoPrimary) {
			t.Errorf("Renew = %v", err)
		}
		if _, err := m.Seal(now, s); !errors.Is(err, keyring.ErrNoPrimary) {
			t.Errorf("Seal = %v", err)
		}
		if c := s.Commit(true); c.Sent != SentNothing || c.Value != "" || c.Token() != (Info{}) {
			t.Errorf("sent %+v", c)
		}
	}
}

func TestOpenLooksAtOneCookieAndAtOnce(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "old"}}})
	old := newManager[visit](t, Config{Keys: keys, Name: "old"})
	wantOutcome(t, m.Open(t0, signedIn(t, old, t0, visit{User: "tom"})), ErrForged)
	s := m.Open(t0, signedIn(t, m, t0, visit{User: "tom"}))
	replace(t, keys, func(d *keyring.Document) {
		d.Keys[0].Revoked = t0
		d.Keys = append(d.Keys, signing(newKey(t, signer.HMACSHA256(), 2), t0))
	})
	wantOutcome(t, s, 0)
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); strings.Join(c.Delete, " ") != m.Name() {
		t.Errorf("deletes %q", c.Delete)
	}
}

func TestEndedSessionIsDeletedUnderItsFormerName(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	old := newManager[visit](t, Config{Keys: keys, Name: "session"})
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "session"}}})
	s := requestOf(m, t0, map[string][]string{"session": {signedIn(t, old, t0, visit{User: "tom"})}})
	if err := s.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(v *visit) { v.Count = 1 }); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); c.Sent != SentChanged || strings.Join(c.Delete, " ") != "session" {
		t.Errorf("%+v", c)
	}
}

// What Update has accepted is sent, though the key turns before it is.
func TestAcceptedUpdateIsSentWhateverTurns(t *testing.T) {
	turn := t0.Add(time.Hour)
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0), signing(newKey(t, signer.XChaCha20Poly1305(), 2), turn))
	m := newManager[visit](t, Config{Keys: keys})
	now := turn.Add(-time.Second)
	s, _ := m.Begin(t.Context(), cookies{&now, nil})
	n := 3100
	for s.Update(func(v *visit) { v.User = strings.Repeat("x", n) }) != nil {
		n--
	}
	now = turn.Add(time.Second)
	c := s.Commit(false)
	if c.Sent != SentChanged {
		t.Fatalf("sent %v", c.Sent)
	}
	if got := m.Open(now, c.Value).Data(); len(got.User) != n {
		t.Errorf("%d bytes came back, want %d", len(got.User), n)
	}
}

func TestPlantedFormerCookieRejectsNothing(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	old := newManager[visit](t, Config{Keys: keys, Name: "session", IDs: true})
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "session"}}, IDs: true})
	first := signedIn(t, old, t0, visit{User: "tom"})
	s := request(old, t0.Add(time.Hour), first)
	s.Update(func(v *visit) { v.Count = 1 })
	newer := s.Commit(false).Value
	s = requestOf(m, t0, map[string][]string{"session": {first}})
	s.Update(func(v *visit) { v.Count = 2 })
	present := s.Commit(false).Value
	planted := signedIn(t, old, t0.Add(2*time.Hour), visit{User: "mallory"})
	for _, former := range [][]string{{newer, planted}, {planted, newer}} {
		s := requestOf(m, t0.Add(3*time.Hour), map[string][]string{DefaultName: {present}, "session": former})
		wantOutcome(t, s, 0)
		if v := s.Data(); v != (visit{User: "tom", Count: 1}) {
			t.Errorf("%+v", v)
		}
	}
}

func TestSessionsOfAnotherManagerAreRefused(t *testing.T) {
	keys := keyring.Ephemeral()
	a, b := newManager[visit](t, Config{Keys: keys, Name: "a"}), newManager[visit](t, Config{Keys: keys, Name: "b"})
	for name, f := range map[string]func(){
		"Seal":       func() { a.Seal(t0, b.New(t0)) },
		"NewContext": func() { a.NewContext(t.Context(), b.New(t0)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took a session of another Manager", name)
				}
			}()
			f()
		}()
	}
}

func TestFailedNewLeavesNothingInTheKeyring(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.XChaCha20Poly1305(), 1), t0))
	if _, err := New[struct{ C chan int }](Config{Keys: keys, Sealed: true}); err == nil {
		t.Fatal("no error")
	}
	// Were its check still there, this ring would be refused.
	replace(t, keys, func(d *keyring.Document) {
		d.Keys = append(d.Keys, signing(newKey(t, signer.HMACSHA256(), 2), t0.Add(time.Hour)))
	})
}
