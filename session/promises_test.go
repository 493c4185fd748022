package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

// An automatic refresh or reissue must not overwrite or delete a cookie
// that cannot be judged, because another of the request is valid.
func TestRefreshLeavesIndeterminateNeighboursAlone(t *testing.T) {
	known := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))
	newer := signing(newKey(t, signer.HMACSHA256(), 2), t0.Add(-364*day))
	c := Config{IdleTimeout: time.Hour, Name: "b", FormerNames: []FormerName{{"a", t0.Add(-day)}}}
	c.Keys = newKeys(t, known)
	here := newManager[visit](t, c)
	c.Keys = newKeys(t, known, newer)
	ahead := newManager[visit](t, c)
	old := newManager[visit](t, Config{IdleTimeout: time.Hour, Name: "a", Keys: newKeys(t, known)})
	aheadOld := newManager[visit](t, Config{IdleTimeout: time.Hour, Name: "a", Keys: newKeys(t, known, newer)})

	now := t0.Add(45 * time.Minute)
	for _, tt := range []struct {
		name    string
		cookies map[string][]string
	}{
		{"present name unknown, former valid", map[string][]string{
			"a": {signedIn(t, old, t0, visit{User: "stale"})},
			"b": {signedIn(t, ahead, t0.Add(time.Minute), visit{User: "tom"})}}},
		{"same name, one unknown", map[string][]string{
			"b": {signedIn(t, here, t0, visit{User: "stale"}), signedIn(t, ahead, t0.Add(time.Minute), visit{User: "tom"})}}},
		{"former name unknown", map[string][]string{
			"b": {signedIn(t, here, t0, visit{User: "tom"})},
			"a": {signedIn(t, aheadOld, t0.Add(time.Minute), visit{User: "tom"})}}},
	} {
		for _, reissue := range []bool{false, true} {
			s := requestOf(here, now, tt.cookies)
			s.Data()
			if c := s.Commit(reissue); c.Sent != SentNothing || c.Value != "" || len(c.Delete) != 0 {
				t.Errorf("%s: a session that was only read: Sent=%v, sets=%v, deletes=%v", tt.name, c.Sent, c.Value != "", c.Delete)
			}
		}
	}
}

// A sign-in on an instance from before the renaming.
func TestSignInDuringARenameIsNotLost(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	// Even where the older instances already read the newer name.
	older := newManager[visit](t, Config{Keys: keys, Name: "a", FormerNames: []FormerName{{Name: "b"}}})
	newer := newManager[visit](t, Config{Keys: keys, Name: "b", FormerNames: []FormerName{{Name: "a"}}})
	jar := map[string][]string{}
	apply := func(m *Manager[visit], c Commit) {
		if c.Value != "" {
			jar[m.Name()] = []string{c.Value}
		}
		for _, n := range c.Delete {
			delete(jar, n)
		}
	}
	s := requestOf(newer, t0, jar)
	s.Update(func(v *visit) { v.Count = 1 }) // anonymous
	apply(newer, s.Commit(false))
	s = requestOf(older, t0.Add(time.Minute), jar)
	s.Renew(visit{User: "tom"})
	apply(older, s.Commit(false))
	s = requestOf(newer, t0.Add(2*time.Minute), jar)
	if got := s.Data().User; got != "tom" {
		t.Errorf("signed in as %q, want tom", got)
	}
}

// What was planted under a former name must not come back after Renew.
func TestRenewLeavesNothingUnderFormerNames(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	m := newManager[visit](t, Config{Keys: keys, Name: "b", FormerNames: []FormerName{{Name: "a"}}, IdleTimeout: time.Hour})
	old := newManager[visit](t, Config{Keys: keys, Name: "a"})
	jar := map[string][]string{"a": {signedIn(t, old, t0, visit{User: "mallory"})}}
	s := requestOf(m, t0.Add(time.Minute), jar)
	s.Renew(visit{User: "tom"})
	c := s.Commit(false)
	if strings.Join(c.Delete, " ") != "a" {
		t.Errorf("deletes %q", c.Delete)
	}
	jar["b"] = []string{c.Value}
	for _, n := range c.Delete {
		delete(jar, n)
	}
	s = requestOf(m, t0.Add(3*time.Hour), jar) // tom's session is idle for too long
	if got := s.Data().User; got != "" {
		t.Errorf("the planted session of %q is back", got)
	}
	// Of what has not come, nothing is deleted.
	s = requestOf(m, t0.Add(3*time.Hour), jar)
	s.Renew(visit{User: "tom"})
	if c := s.Commit(false); len(c.Delete) != 0 {
		t.Errorf("deletes %q", c.Delete)
	}
}

// An instance whose clock is slow does not write a sealed session in the clear,
// whichever name it comes by.
func TestSlowClockDoesNotWriteSealedInTheClear(t *testing.T) {
	a := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))
	b := signing(newKey(t, signer.XChaCha20Poly1305(), 2), t0)
	for _, name := range []string{"present", "former"} {
		old := newManager[visit](t, Config{Keys: newKeys(t, a, b), Name: name, IdleTimeout: 4 * time.Second})
		m := newManager[visit](t, Config{Keys: newKeys(t, a, b), Name: "present", FormerNames: []FormerName{{Name: "former"}}, IdleTimeout: 4 * time.Second})
		v := signedIn(t, old, t0, visit{User: "very-secret"})                   // sealed
		s := requestOf(m, t0.Add(-time.Second), map[string][]string{name: {v}}) // within the skew
		s.Update(func(p *visit) { p.Count++ })
		c := s.Commit(false)
		if raw, err := token.DecodeText(nil, c.Value); err != nil || len(raw) == 0 || strings.Contains(string(raw), "very-secret") {
			t.Errorf("Update of a sealed session that came as %s is sent in the clear", name)
		}
		if s := request(m, t0, c.Value); s.Data().Count != 1 {
			t.Errorf("what came as %s and was written is %v", name, s.reason)
		}
	}
}

// A slow clock stays under the key of the cookie, for the present name whichever it
// came by, but not under one that ceases to verify while the session lasts.
func TestWhatIsWrittenOpensLater(t *testing.T) {
	a := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))
	b := signing(newKey(t, signer.HMACSHA256(), 2), t0)
	limited := b
	limited.VerifyUntil = t0.Add(2 * day)
	for _, tt := range []struct {
		name string
		keys *keyring.Keyring
		at   time.Time
		want keyring.KeyID
	}{
		{"a", newKeys(t, a, b), t0.Add(-time.Second), b.ID()},
		{"b", newKeys(t, a, b), t0.Add(-time.Second), b.ID()},
		{"b", newKeys(t, a, limited), t0.Add(time.Hour), a.ID()},
	} {
		cookie := signedIn(t, newManager[visit](t, Config{Keys: newKeys(t, a, b), Name: tt.name}), t0, visit{User: "tom"})
		m := newManager[visit](t, Config{Keys: tt.keys, Name: "b", FormerNames: []FormerName{{Name: "a"}}})
		s := requestOf(m, tt.at, map[string][]string{tt.name: {cookie}})
		if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
			t.Fatal(err)
		}
		c := s.Commit(false)
		if v := m.Open(t0.Add(3*day), c.Value).Data(); c.Token().KeyID != tt.want || tt.keys.Ring().Document().Keys[1].VerifyUntil.IsZero() && v.User != "tom" {
			t.Errorf("at %v, what came as %s is written under %v, and is %+v later", tt.at, tt.name, c.Token().KeyID, v)
		}
	}
}

// Codecs of others that panic.
type panicking struct {
	codec.Codec
	append *bool
}

func (panicking) ID() byte     { return 200 }
func (panicking) Name() string { return "panicking" }
func (c panicking) Append(dst []byte, v any) ([]byte, error) {
	if *c.append {
		panic("append of a secret")
	}
	return c.Codec.Append(dst, v)
}

func TestCodecThatPanicsWhenItWrites(t *testing.T) {
	on := false
	bad := panicking{Codec: codec.JSON(), append: &on}
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))}
		d.Codecs = []keyring.CodecFrom{{Codec: "panicking", From: t0.Add(time.Minute)}}
	}))
	m := newManager[visit](t, Config{Keys: keys, IdleTimeout: time.Hour, Codecs: []codec.Codec{codec.JSON(), bad}})
	v := signedIn(t, m, t0, visit{User: "tom"})
	on = true
	s := request(m, t0.Add(45*time.Minute), v)
	s.Data()
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("Commit of a session that was only read panics: %v", r)
			}
		}()
		c := s.Commit(false)
		if v := m.Open(t0.Add(45*time.Minute), c.Value).Data(); c.Sent != SentRefreshed || v.User != "tom" {
			t.Errorf("%v: refreshed as %+v", c.Sent, v)
		}
	}()
	s = request(m, t0.Add(45*time.Minute), v)
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("Update panics: %v", r)
			}
		}()
		err := s.Update(func(p *visit) { p.Count = 2 })
		if err != nil {
			t.Errorf("the former codec will do: %v", err)
		}
		if v := m.Open(t0.Add(45*time.Minute), s.Commit(false).Value).Data(); v != (visit{User: "tom", Count: 2}) {
			t.Errorf("written in the former codec: %+v", v)
		}
		s = m.New(t0.Add(45 * time.Minute))
		err = s.Update(func(p *visit) { p.Count = 2 })
		if !errors.Is(err, ErrNotCarried) || !strings.Contains(err.Error(), "panicked with a string") || strings.Contains(err.Error(), "secret") {
			t.Errorf("err = %v, which is to tell the type of what a codec panics with, and no more", err)
		}
	}()
}

// A value that contains itself twice.
func TestValueThatContainsItselfTwiceIsCutShort(t *testing.T) {
	var top any = int64(1)
	for range 60 { // as a tree, 2^60 elements
		top = []any{top, top}
	}
	s := newManager[Values](t, Config{}).New(t0)
	if err := Key[[]any]("x").SetIn(s, top.([]any)); !errors.Is(err, ErrNotCarried) {
		t.Errorf("err = %v", err)
	}
}

// What prints.
func TestSessionsDoNotPrintTheirData(t *testing.T) {
	m := newManager[Values](t, Config{Keys: newKeys(t, signing(newKey(t, signer.XChaCha20Poly1305(), 1), t0.Add(-365*day))), Sealed: true})
	var v Values
	Key[string]("k").Set(&v, "very-secret")
	value := signedIn(t, m, t0, v)
	s, ctx := m.Begin(context.Background(), cookies{&t0, map[string][]string{m.Name(): {value}}})
	s.Data()
	for _, x := range []any{s, ctx} {
		for _, verb := range []string{"%v", "%+v", "%s", "%#v", "%x", "%q"} {
			out := fmt.Sprintf(verb, x)
			dec := strings.Trim(fmt.Sprint([]byte("very-secret")), "[]")
			hx := fmt.Sprintf("%x", "very-secret")
			for _, leak := range []string{"very-secret", dec, hx, value} {
				if strings.Contains(out, leak) {
					t.Errorf("%T with %s prints %q", x, verb, leak)
					break
				}
			}
		}
	}
}

// Renew with data that others share.
type shared struct {
	M map[string]time.Time
	P *visit
	L []time.Time
}

// kin refers to itself in two ways, so that there is no end of paths.
type kin struct {
	Left, Right *kin
}

func TestDataThatContainsItselfIsRefused(t *testing.T) {
	s := newManager[kin](t, Config{}).New(t0)
	var k kin
	k.Left, k.Right = &k, &k
	if err := s.Renew(k); !errors.Is(err, ErrNotCarried) {
		t.Errorf("Renew = %v", err)
	}
	if err := s.Update(func(v *kin) { v.Left, v.Right = v, v }); !errors.Is(err, ErrNotCarried) {
		t.Errorf("Update = %v", err)
	}
}

func TestRenewDoesNotWriteToTheCallersData(t *testing.T) {
	m := newManager[shared](t, Config{})
	local := time.Now() // monotonic, local
	d := shared{M: map[string]time.Time{"x": local}, P: &visit{Seen: local}, L: []time.Time{local}}
	if err := m.New(t0).Renew(d); err != nil {
		t.Fatal(err)
	}
	if d.M["x"] != local || d.P.Seen != local || d.L[0] != local {
		t.Error("Renew changed what its argument refers to: concurrent requests that renew with one value race")
	}
}

func TestConcurrentRenewWithOneValue(t *testing.T) {
	m := newManager[shared](t, Config{})
	d := shared{M: map[string]time.Time{}}
	for i := range 40 {
		d.M[fmt.Sprint(i)] = time.Now()
	}
	done := make(chan error)
	for range 4 {
		go func() { done <- m.New(t0).Renew(d) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A ring that shortens new sessions says so when it is adopted, once, and not
// if it is refused.
func TestShortenedSessionsAreLogged(t *testing.T) {
	var log strings.Builder
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	for _, lifetime := range []time.Duration{0, 10 * day} {
		keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
		m := newManager[visit](t, Config{Keys: keys, Lifetime: lifetime, FormerNames: []FormerName{{Name: "former"}}})
		refuse := false
		if _, err := keys.Bind(keyring.Use{Name: "other", Check: func(*keyring.Ring) error {
			if refuse {
				return errors.New("refused")
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		set := func(longest time.Duration) error {
			d := keys.Ring().Document()
			d.Generation++
			d.Policy.MaxSession, d.Policy.MaxSessionHigh = longest, 14*day
			r, err := keyring.NewRing(d)
			if err != nil {
				t.Fatal(err)
			}
			return keys.Replace(r)
		}
		for _, tt := range []struct {
			longest time.Duration
			refuse  bool
			lines   int
		}{{14 * day, false, 0}, {5 * day, true, 0}, {5 * day, false, 1}, {5 * day, false, 0}, {4 * day, false, 1}, {14 * day, false, 0}, {5 * day, false, 1}} {
			log.Reset()
			refuse = tt.refuse
			if err := set(tt.longest); (err != nil) != tt.refuse {
				t.Fatalf("max_session %v: %v", tt.longest, err)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != tt.lines || n > 0 && !strings.Contains(log.String(), "max_session="+tt.longest.String()) {
				t.Errorf("Lifetime %v, max_session %v, refused %v: logged %q", lifetime, tt.longest, tt.refuse, log.String())
			}
		}
		if log.Len() == 0 || !strings.Contains(log.String(), "cookie="+m.Name()) {
			t.Errorf("logged %q", log.String())
		}
	}
}

// Nor is it news that the ring had a shorter longest session from the beginning.
func TestDefaultLifetimeOfAShortRingIsNotLogged(t *testing.T) {
	var log strings.Builder
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))}
		d.Policy.MaxSession = 10 * day
	}))
	newManager[visit](t, Config{Keys: keys})
	replace(t, keys, func(d *keyring.Document) { d.NotBefore = t0 })
	if log.Len() > 0 {
		t.Errorf("logged %q", log.String())
	}
}

// A ring that lowers max_session to next to nothing.
func TestTinyMaxSession(t *testing.T) {
	for _, fraction := range []time.Duration{0, 1, time.Second - 1} {
		for _, longest := range []time.Duration{time.Second, 2*time.Second - 1} {
			keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
			m := newManager[visit](t, Config{Keys: keys})
			replace(t, keys, func(d *keyring.Document) { d.Policy.MaxSession = longest; d.Policy.MaxSessionHigh = DefaultLifetime })
			now := t0.Add(fraction)
			s := m.New(now)
			if err := s.Update(func(p *visit) { p.User = "tom" }); err != nil {
				t.Fatal(err)
			}
			c := s.Commit(false)
			if got := m.Open(now, c.Value); got.Data().User != "tom" || c.MaxAge > longest {
				_, r := got.Outcome()
				t.Errorf("MaxAge %v, and the cookie is %v", c.MaxAge, r)
			}
		}
	}
}

// Errors of Update are those that it documents.
func TestMergeBeyondTheLimitsIsAnErrorThatUpdateDocuments(t *testing.T) {
	type doc struct {
		L []int `json:"l"`
	}
	type newer struct {
		L []int          `json:"l"`
		M map[string]int `json:"m"`
	}
	for _, c := range codecs() {
		keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
		o := newManager[doc](t, Config{Keys: keys, Codecs: []codec.Codec{c}})
		n := newManager[newer](t, Config{Keys: keys, Codecs: []codec.Codec{c}})
		v := signedIn(t, n, t0, newer{L: make([]int, 10), M: map[string]int{"a": 1, "b": 2, "c": 1}})
		s := request(o, t0, v)
		err := s.Update(func(d *doc) { d.L = make([]int, 1020) })
		if !errors.Is(err, ErrNotCarried) {
			t.Errorf("%s: an undocumented error: %v", c.Name(), err)
		}
	}
}

// A session that fits goes on being refreshed when the key takes more room, also
// if the cookie is renamed at the same time.
func TestFullSessionIsRefreshedAfterAChangeOfAlgorithm(t *testing.T) {
	a := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))
	b := signing(newKey(t, signer.XChaCha20Poly1305(), 2), t0.Add(time.Minute))
	for _, name := range []string{"present", "earlier"} {
		before := newManager[visit](t, Config{Keys: newKeys(t, a), Name: name, IdleTimeout: time.Hour})
		after := newManager[visit](t, Config{Keys: newKeys(t, a, b), Name: "present", FormerNames: []FormerName{{Name: "earlier", DeleteAfter: t0}}, IdleTimeout: time.Hour})
		s := before.New(t0)
		for n := MaxCookie; s.Update(func(v *visit) { v.User = strings.Repeat("x", n) }) != nil; n-- {
		}
		jar := map[string][]string{name: {s.Commit(false).Value}}
		for now := t0.Add(40 * time.Minute); now.Before(t0.Add(3 * time.Hour)); now = now.Add(10 * time.Minute) {
			s := requestOf(after, now, jar) // the visitor is never idle
			wantOutcome(t, s, 0)
			c := s.Commit(false)
			if c.Value != "" {
				jar["present"] = []string{c.Value}
			}
			for _, deleted := range c.Delete {
				delete(jar, deleted)
			}
		}
	}
}

// Nor does it panic where the key that it came with ceases to verify before the response.
func TestFullSessionWhoseKeyRetiresDuringTheRequestIsNotSent(t *testing.T) {
	a := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day))
	b := signing(newKey(t, signer.XChaCha20Poly1305(), 2), t0.Add(time.Minute))
	before := newManager[visit](t, Config{Keys: newKeys(t, a), IdleTimeout: 2 * time.Hour})
	a.VerifyUntil = t0.Add(90 * time.Minute)
	after := newManager[visit](t, Config{Keys: newKeys(t, a, b), IdleTimeout: 2 * time.Hour})
	s := before.New(t0)
	for n := MaxCookie; s.Update(func(v *visit) { v.User = strings.Repeat("x", n) }) != nil; n-- {
	}
	cookie := s.Commit(false).Value
	for _, tt := range []struct {
		committed time.Duration
		sent      Sent
	}{{-1, SentRefreshed}, {0, SentNothing}} {
		now := a.VerifyUntil.Add(-time.Minute)
		s, _ := after.Begin(t.Context(), cookies{&now, map[string][]string{after.Name(): {cookie}}})
		wantOutcome(t, s, 0)
		now = a.VerifyUntil.Add(tt.committed)
		if c := s.Commit(false); c.Sent != tt.sent || (c.Value != "") != (c.Sent == SentRefreshed) {
			t.Errorf("sent %v", c.Sent)
		}
	}
}

// A ring that is refused is told of once, however often it is found.
func TestARefusedRingIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		was := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		defer slog.SetDefault(was)
		long := time.Now().Add(-365 * day)
		sealing, clear := signing(newKey(t, signer.XChaCha20Poly1305(), 1), long), signing(newKey(t, signer.HMACSHA256(), 2), long.Add(day))
		file := func(generation uint64, keys ...keyring.Key) []byte {
			b, err := keyring.Document{Name: "test", Generation: generation, Keys: keys}.EncodeWithSecrets()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		s := &source{data: file(1, sealing)}
		keys, err := keyring.Follow(s)
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		newManager[visit](t, Config{Keys: keys, Sealed: true})
		log.Reset()
		s.set(file(2, sealing, clear)) // in which the key that signs does not encrypt
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(log.String(), "level="); n != 1 || !strings.Contains(log.String(), clear.ID().String()) {
			t.Errorf("%d lines: %s", n, log.String())
		}
	})
}

// A source has the contents of a ring file.
type source struct {
	mu   sync.Mutex
	data []byte
}

func (s *source) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, nil
}

func (s *source) set(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
}

// A codec of others that gives out the same memory again.
type reusing struct {
	codec.Codec
	buf []byte
}

func (reusing) ID() byte     { return 201 }
func (reusing) Name() string { return "reusing" }
func (c reusing) Append(_ []byte, v any) ([]byte, error) {
	return c.Codec.Append(c.buf[:0], v)
}

func TestCodecThatReusesItsMemory(t *testing.T) {
	m := newManager[visit](t, Config{Codecs: []codec.Codec{reusing{codec.JSON(), make([]byte, 0, 1000)}}})
	a, b := m.New(t0), m.New(t0)
	a.Renew(visit{User: "tom"})
	b.Renew(visit{User: "ann"})
	if got := m.Open(t0, a.Commit(false).Value).Data().User; got != "tom" {
		t.Errorf("tom's cookie is %q's", got)
	}
}

// An algorithm of others that panics at what a client sends.
type panicSigner struct{ signer.Signer }

func (p panicSigner) Verify(msg, tag []byte) bool {
	if len(msg) > 100 {
		panic("long")
	}
	return p.Signer.Verify(msg, tag)
}

func TestAlgorithmThatPanicsHasNotVerified(t *testing.T) {
	a := signer.Algorithm{Name: "panics", NewSigner: func(k []byte) (signer.Signer, error) {
		s, err := signer.HMACSHA256().NewSigner(k)
		return panicSigner{s}, err
	}}
	m := newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, a, 1), t0))})
	wantOutcome(t, request(m, t0, signedIn(t, m, t0, visit{User: strings.Repeat("x", 200)})), ErrForged)
}

func TestNegativeZeroIsNotLeftOut(t *testing.T) {
	type zeros struct {
		A float64 `json:"a"`
		B float64 `json:"b,omitempty"`
		C float32 `json:"c,omitzero"`
	}
	n := math.Copysign(0, -1)
	for _, c := range codecs() {
		m := newManager[zeros](t, Config{Codecs: []codec.Codec{c}})
		got := m.Open(t0, signedIn(t, m, t0, zeros{n, n, float32(n)})).Data()
		if !math.Signbit(got.A) || !math.Signbit(got.B) || !math.Signbit(float64(got.C)) {
			t.Errorf("%s: signs %v %v %v", c.Name(), math.Signbit(got.A), math.Signbit(got.B), math.Signbit(float64(got.C)))
		}
	}
}

// A ring that schedules a codec that the program lacks says so at the start and when it
// is adopted, once, and in Stats for as long as it is so.
func TestACodecThatIsLackingIsToldOf(t *testing.T) {
	var log strings.Builder
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	next := func(codecs ...keyring.CodecFrom) {
		replace(t, keys, func(d *keyring.Document) { d.Codecs = codecs })
	}
	from := func(d time.Duration) time.Time { return time.Now().Add(d).UTC().Truncate(time.Second) }
	cbor, msgpack := keyring.CodecFrom{Codec: "cbor", From: from(-day)}, keyring.CodecFrom{Codec: "msgpack", From: from(day)}
	next(cbor)
	m := newManager[visit](t, Config{Keys: keys, Codecs: []codec.Codec{codec.JSON()}, FormerNames: []FormerName{{Name: "former"}}})
	told := func(step string, lines int, stats ...string) {
		t.Helper()
		if n := strings.Count(log.String(), "not among Config.Codecs"); n != lines {
			t.Errorf("%s: %d lines, want %d: %s", step, n, lines, log.String())
		}
		log.Reset()
		w := m.Stats(time.Now()).Warnings
		if len(w) != len(stats) {
			t.Fatalf("%s: %q, want %q", step, w, stats)
		}
		for i, s := range stats {
			if !strings.Contains(w[i], "the codec "+s+" from ") {
				t.Errorf("%s: %q", step, w[i])
			}
		}
	}
	told("at the start", 1, "cbor")
	next(cbor, msgpack)
	told("another is to come", 1, "cbor", "msgpack")
	next(cbor, msgpack, keyring.CodecFrom{Codec: "json", From: from(2 * day)})
	told("one that is there is to follow", 0, "cbor", "msgpack")
	next(cbor, keyring.CodecFrom{Codec: "json", From: from(-time.Hour)})
	told("it is there again", 0)
	next(cbor)
	told("and gone", 1, "cbor")
}
