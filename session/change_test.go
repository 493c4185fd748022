package session

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

// A change of key, algorithm or codec signs nobody out: a session made before
// it is read after it, and one made after it by an instance that has not
// heard of it yet.
func TestNobodyIsSignedOutByAChange(t *testing.T) {
	type state struct {
		a signer.Algorithm
		c codec.Codec
	}
	var states []state
	each(t, func(t *testing.T, a signer.Algorithm, c codec.Codec) { states = append(states, state{a, c}) })
	change := t0.Add(day)
	for i, from := range states {
		for j, to := range states {
			old, fresh := newKey(t, from.a, byte(2*i+1)), newKey(t, to.a, byte(2*j+40))
			r := newRing(t, func(d *keyring.Document) {
				d.Keys = []keyring.Key{signing(old, t0.Add(-day)), signing(fresh, change)}
				d.Codecs = []keyring.CodecFrom{{Codec: from.c.Name(), From: t0.Add(-day)}, {Codec: to.c.Name(), From: change}}
			})
			m := newManager[visit](t, Config{Keys: keyring.New(r), IdleTimeout: 10 * day})
			cookie := signedIn(t, m, t0, visit{User: "tom", Seen: t0})
			before := request(m, t0, cookie).Info()
			if before.Algorithm != from.a.Name || before.Codec != from.c.Name() {
				t.Fatalf("before the change: %+v", before)
			}

			now := change.Add(time.Hour)
			s := request(m, now, cookie)
			if s.Data().User != "tom" {
				t.Fatalf("%v -> %v: signed out: %v", before, to, s.reason)
			}
			if c := s.Commit(false); c.Sent != SentNothing {
				t.Errorf("a mere read sent %v", c.Sent)
			}
			s = request(m, now, cookie)
			if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
				t.Fatal(err)
			}
			c := s.Commit(false)
			s = request(m, now, c.Value)
			after := s.Info()
			if s.Data() != (visit{User: "tom", Count: 1, Seen: t0}) || after.Algorithm != to.a.Name || after.Codec != to.c.Name() ||
				after.Start != before.Start || after.Expires != before.Expires || after.IdleTimeout != before.IdleTimeout {
				t.Errorf("%v -> %v: %+v, %+v", before, to, s.Data(), after)
			}
		}
	}
}

func TestReissueGoesForwardOnly(t *testing.T) {
	change := t0.Add(day)
	older, newer := newKey(t, signer.HMACSHA256(), 1), newKey(t, signer.BLAKE2b256(), 2)
	sealing, sealingToo := newKey(t, signer.XChaCha20Poly1305(), 3), newKey(t, signer.XChaCha20Poly1305(), 4)
	ring := func(codecs []keyring.CodecFrom, keys ...keyring.Key) *keyring.Keyring {
		return keyring.New(newRing(t, func(d *keyring.Document) { d.Keys, d.Codecs = keys, codecs }))
	}
	always := t0.Add(-100 * day)
	twoCodecs := []keyring.CodecFrom{{Codec: "json", From: always}, {Codec: "cbor", From: change}}
	jsonBetween := []keyring.CodecFrom{{Codec: "cbor", From: always}, {Codec: "json", From: change}, {Codec: "cbor", From: change.Add(day)}}
	for _, tt := range []struct {
		name     string
		made     *keyring.Keyring // where the token is made
		madeAt   time.Time
		read     *keyring.Keyring // where it is read
		readAt   time.Time
		reissued bool
	}{
		{"nothing changed", ring(nil, signing(older, always)), t0, ring(nil, signing(older, always)), t0, false},
		{"later key", ring(nil, signing(older, always), signing(newer, change)), t0, ring(nil, signing(older, always), signing(newer, change)), change, true},
		{"from a standby", ring(nil, signing(older, always)), t0, ring(nil, older, signing(newer, always)), t0, true},
		{"clock behind", ring(nil, signing(older, always), signing(newer, change)), change, ring(nil, signing(older, always), signing(newer, change)), change.Add(-time.Minute), false},
		{"later codec", ring(twoCodecs, signing(older, always)), t0, ring(twoCodecs, signing(older, always)), change, true},
		{"codec of a clock ahead", ring(twoCodecs, signing(older, always)), change, ring(twoCodecs, signing(older, always)), change.Add(-time.Minute), false},
		{"codec of a clock ahead, scheduled twice", ring(jsonBetween, signing(older, always)), change.Add(day), ring(jsonBetween, signing(older, always)), change.Add(day - time.Minute), false},
		{"codec scheduled later only", ring(nil, signing(older, always)), t0, ring([]keyring.CodecFrom{{Codec: "msgpack", From: t0}, {Codec: "json", From: change}}, signing(older, always)), t0, true},
		{"codec not scheduled before", ring(nil, signing(older, always)), t0, ring([]keyring.CodecFrom{{Codec: "msgpack", From: t0}}, signing(older, always)), t0, true},
		{"codec not scheduled any more", ring(twoCodecs, signing(older, always)), change, ring(nil, signing(older, always)), change, false},
		{"signed to sealed", ring(nil, signing(older, always)), t0, ring(nil, signing(older, always), signing(sealing, t0)), t0, true},
		{"sealed to signed", ring(nil, signing(sealing, always)), t0, ring(nil, signing(sealing, always), signing(newer, t0)), t0, false},
		{"sealed to sealed", ring(nil, signing(sealing, always)), t0, ring(nil, signing(sealing, always), signing(sealingToo, t0)), t0, true},
	} {
		cookie := signedIn(t, newManager[visit](t, Config{Keys: tt.made}), tt.madeAt, visit{User: "tom"})
		m := newManager[visit](t, Config{Keys: tt.read})
		s := request(m, tt.readAt, cookie)
		wantOutcome(t, s, 0)
		want := SentNothing
		if tt.reissued {
			want = SentReissued
		}
		c := s.Commit(true)
		if c.Sent != want {
			t.Errorf("%s: sent %v, want %v", tt.name, c.Sent, want)
		}
		if c.Value != "" {
			again := request(m, tt.readAt, c.Value)
			if again.Data().User != "tom" || again.Info().Start != s.Info().Start || again.Commit(true).Sent != SentNothing {
				t.Errorf("%s: reissued as %+v", tt.name, again.Info())
			}
		}
		s = request(m, tt.readAt, cookie)
		s.Data()
		if c := s.Commit(false); c.Sent != SentNothing {
			t.Errorf("%s: not asked for, and sent %v", tt.name, c.Sent)
		}
	}
}

func TestIdleRefreshInTheLastHalfOnly(t *testing.T) {
	m := newManager[visit](t, Config{IdleTimeout: time.Hour, Lifetime: 3 * time.Hour})
	cookie := signedIn(t, m, t0, visit{User: "tom"})
	for _, tt := range []struct {
		at   time.Duration
		want Sent
	}{
		{0, SentNothing}, {30*time.Minute - time.Second, SentNothing}, {30 * time.Minute, SentRefreshed}, {time.Hour - time.Second, SentRefreshed},
	} {
		s := request(m, t0.Add(tt.at), cookie)
		s.Data()
		c := s.Commit(false)
		if c.Sent != tt.want {
			t.Errorf("after %v: sent %v, want %v", tt.at, c.Sent, tt.want)
		}
		if c.Sent == SentRefreshed && c.MaxAge != time.Hour {
			t.Errorf("after %v: MaxAge = %v", tt.at, c.MaxAge)
		}
	}
	// However often it is used, it ends when it was to end.
	now := t0
	for {
		now = now.Add(45 * time.Minute)
		s := request(m, now, cookie)
		if o, r := s.Outcome(); o != Valid {
			if r != ErrExpired || now.Sub(t0) < 3*time.Hour {
				t.Errorf("after %v: %v", now.Sub(t0), r)
			}
			break
		}
		c := s.Commit(false)
		if left := t0.Add(3 * time.Hour).Sub(now); c.MaxAge > left {
			t.Errorf("after %v: MaxAge = %v, %v are left", now.Sub(t0), c.MaxAge, left)
		}
		cookie = c.Value
	}
}

func TestI12DeadlinesSurviveEveryReissue(t *testing.T) {
	keys := newKeys(t,
		signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)),
		signing(newKey(t, signer.BLAKE2b256(), 2), t0.Add(2*day)),
		signing(newKey(t, signer.XChaCha20Poly1305(), 3), t0.Add(5*day)))
	old := newManager[visit](t, Config{Keys: keys, Lifetime: 10 * day, IdleTimeout: 2 * day, IDs: true})
	// Later instances have another configuration: it is for new tokens only.
	changed := newManager[visit](t, Config{Keys: keys, Lifetime: 13 * day, IdleTimeout: 9 * day})
	check := func(steps []uint16) bool {
		now := t0
		cookie := signedIn(t, old, now, visit{User: "tom"})
		first := old.Open(now, cookie).Info()
		last := now
		for _, step := range steps {
			now = now.Add(time.Duration(step) * 5 * time.Second)
			m := old
			if step%2 == 1 {
				m = changed
			}
			s := request(m, now, cookie)
			o, r := s.Outcome()
			idle, expired := !now.Before(last.Add(2*day)), !now.Before(first.Expires)
			if (o == Valid) != !(idle || expired) {
				t.Errorf("%v after the start, %v after the last use: %v", now.Sub(t0), now.Sub(last), r)
				return false
			}
			if o != Valid {
				return true
			}
			if step%3 == 0 {
				s.Update(func(v *visit) { v.Count++ })
			}
			if c := s.Commit(step%5 == 0); c.Value != "" {
				cookie, last = c.Value, now
			}
			i := m.Open(now, cookie).Info()
			if i.Start != first.Start || i.Expires != first.Expires || i.IdleTimeout != first.IdleTimeout || i.ID != first.ID {
				t.Errorf("reissued as %+v, first %+v", i, first)
				return false
			}
		}
		return true
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestClockSteppedBack(t *testing.T) {
	m := newManager[visit](t, Config{IdleTimeout: time.Hour})
	cookie := signedIn(t, m, t0, visit{})
	s := request(m, t0.Add(-5*time.Minute), cookie)
	if err := s.Update(func(v *visit) { v.Count = 1 }); err != nil {
		t.Fatal(err)
	}
	c := s.Commit(false)
	i := m.Open(t0, c.Value).Info()
	if i.Issued.Before(t0) || i.Start != t0 {
		t.Errorf("the newer token looks older: %+v", i)
	}
	// Nor is it older than one that was made since the session began.
	s = request(m, t0.Add(10*time.Minute), cookie)
	s.Update(func(v *visit) { v.Count = 2 })
	s = request(m, t0.Add(5*time.Minute), s.Commit(false).Value)
	s.Update(func(v *visit) { v.Count = 3 })
	if i := m.Open(t0.Add(10*time.Minute), s.Commit(false).Value).Info(); i.Issued != t0.Add(10*time.Minute) {
		t.Errorf("the newest token looks older: %+v", i)
	}
}

func TestTimesToTheEndOfTheFormat(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), time.Unix(0, 0)))
	m := newManager[visit](t, Config{Keys: keys})
	end := time.Unix(1<<32-1, 0)
	cookie := signedIn(t, m, end.Add(-day), visit{User: "tom"})
	if s := request(m, end.Add(-time.Second), cookie); s.Data().User != "tom" {
		t.Errorf("shortly before the end of the format: %v", s.reason)
	}
	wantOutcome(t, request(m, end.Add(10*365*day), cookie), ErrExpired)
	wantOutcome(t, request(m, time.Unix(-5, 0), cookie), ErrFuture)
	before := m.Open(time.Unix(0, 0), signedIn(t, m, time.Unix(-5, 0), visit{User: "tom"}))
	if before.Data().User != "tom" || before.Info().Start != time.Unix(0, 0).UTC() {
		t.Errorf("begun before the beginning of the format: %v, %+v", before.reason, before.Info())
	}
}

// newer is what visit will be in the next release.
type newer struct {
	Added map[string]int64 `json:"added,omitempty"`
	User  string           `json:"user"`
	Count int              `json:"count,omitempty"`
	Big   uint64           `json:"big,omitempty"`
	Raw   []byte           `json:"raw,omitempty"`
	When  time.Time        `json:"when,omitzero"`
	Seen  time.Time        `json:"seen,omitzero"`
	Byint map[int16]string `json:"zz,omitempty"`
}

func TestUnknownMembersSurviveAnOlderInstance(t *testing.T) {
	full := newer{
		Added: map[string]int64{"b": -1, "a": 1 << 60}, User: "tom", Big: 1<<64 - 1, Raw: []byte{0, 255},
		When: t0.Add(12345), Byint: map[int16]string{-3: "x", 300: "y"},
	}
	each(t, func(t *testing.T, a signer.Algorithm, c codec.Codec) {
		target := "cbor"
		if c.Name() == target {
			target = "json"
		}
		keys := keyring.New(newRing(t, func(d *keyring.Document) {
			d.Keys = []keyring.Key{signing(newKey(t, a, 1), t0)}
			d.Codecs = []keyring.CodecFrom{{Codec: c.Name(), From: t0.Add(-day)}, {Codec: target, From: t0.Add(day)}}
		}))
		fresh := newManager[newer](t, Config{Keys: keys, IdleTimeout: 40 * time.Hour})
		old := newManager[visit](t, Config{Keys: keys})
		cookie := signedIn(t, fresh, t0, full)

		s := request(old, t0, cookie)
		if err := s.Update(func(v *visit) { v.User = "tom" }); err != nil {
			t.Fatal(err)
		}
		if sent := s.Commit(false).Sent; sent != SentNothing {
			t.Errorf("nothing changed, and it sent %v", sent)
		}

		now := t0.Add(25 * time.Hour).Add(-2 * time.Hour) // the idle refresh is due
		s = request(old, now, cookie)
		s.Data()
		c1 := s.Commit(true)
		if c1.Sent != SentRefreshed || c1.Token().Codec != c.Name() {
			t.Errorf("refresh: %+v", c1)
		}

		// An Update that changes nothing does not lose them on the way.
		s = request(old, now, cookie)
		if err := s.Update(func(v *visit) { v.User = "tom" }); err != nil {
			t.Fatal(err)
		}
		c4 := s.Commit(false)
		if c4.Sent != SentRefreshed {
			t.Errorf("refresh after an Update that changes nothing: %v", c4.Sent)
		}
		// They count.
		s = request(old, now, cookie)
		n, without := MaxCookie, old.New(t0)
		for without.Update(func(v *visit) { v.User = strings.Repeat("x", n) }) != nil {
			n--
		}
		if err := s.Update(func(v *visit) { v.User = strings.Repeat("x", n) }); !errors.Is(err, ErrTooLarge) {
			t.Errorf("Update that fits without them only: %v", err)
		}

		// Once another codec is to be written, the refresh stays in this one:
		// what is not known cannot be put into the other.
		s = request(old, t0.Add(day+time.Hour), cookie)
		s.Data()
		c3 := s.Commit(true)
		if c3.Sent != SentRefreshed || c3.Token().Codec != c.Name() {
			t.Errorf("refresh after the change of codecs: %+v", c3)
		}
		s = request(old, now, cookie)
		for _, user := range []string{"tim", "tam"} {
			if err := s.Update(func(v *visit) { v.User, v.Seen = user, t0 }); err != nil {
				t.Fatal(err)
			}
		}
		c2 := s.Commit(false)
		if c2.Sent != SentChanged || c2.Token().Codec != c.Name() {
			t.Errorf("update: %+v", c2)
		}
		for _, tt := range []struct {
			cookie string
			at     time.Time
			edit   func(*newer)
		}{
			{c1.Value, now, func(*newer) {}},
			{c3.Value, t0.Add(day + time.Hour), func(*newer) {}},
			{c4.Value, now, func(*newer) {}},
			{c2.Value, now, func(v *newer) { v.User, v.Seen = "tam", t0 }},
		} {
			want := full
			tt.edit(&want)
			got := request(fresh, tt.at, tt.cookie).Data()
			if !equalNewer(got, want) {
				t.Errorf("after the older instance:\n%+v, want\n%+v", got, want)
			}
		}

		// Once nothing is unknown, the session goes on to the later codec.
		next := request(fresh, t0.Add(day+time.Hour), c2.Value)
		if err := next.Update(func(v *newer) { v.Count = 5 }); err != nil {
			t.Fatal(err)
		}
		if c := next.Commit(false); c.Token().Codec != target {
			t.Errorf("the newer instance writes %s, want %s", c.Token().Codec, target)
		}
		// Renew leaves nothing of before, and that is meant.
		s = request(old, now, cookie)
		if err := s.Renew(visit{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(func(v *visit) { v.User = "eve" }); err != nil {
			t.Fatal(err)
		}
		if got := request(fresh, now, s.Commit(false).Value).Data(); got.User != "eve" || got.Raw != nil || got.Added != nil {
			t.Errorf("after Renew: %+v", got)
		}
	})
}

func equalNewer(a, b newer) bool {
	return a.User == b.User && a.Count == b.Count && a.Big == b.Big && string(a.Raw) == string(b.Raw) &&
		a.When.Equal(b.When) && a.Seen.Equal(b.Seen) && len(a.Added) == len(b.Added) && a.Added["a"] == b.Added["a"] &&
		a.Added["b"] == b.Added["b"] && len(a.Byint) == len(b.Byint) && a.Byint[-3] == b.Byint[-3] && a.Byint[300] == b.Byint[300]
}

func TestFormerNames(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	switchOver := t0.Add(3 * day)
	old := newManager[visit](t, Config{Keys: keys, Name: "session"})
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "session", DeleteAfter: switchOver}, {Name: "older"}}})
	former := signedIn(t, old, t0, visit{User: "tom"})
	all := func(values ...string) map[string][]string {
		r := map[string][]string{}
		for i := 0; i < len(values); i += 2 {
			r[values[i]] = append(r[values[i]], values[i+1])
		}
		return r
	}

	s := requestOf(m, t0, all("session", former))
	if s.Data().User != "tom" || s.Info().Cookie != "session" {
		t.Fatalf("under the former name: %v, %+v", s.reason, s.Info())
	}
	if c := s.Commit(false); c.Sent != SentNothing {
		t.Errorf("a mere read sent %v", c.Sent)
	}
	if c := func() Commit { s := requestOf(m, t0, all("session", former)); s.Data(); return s.Commit(true) }(); c.Sent != SentReissued {
		t.Errorf("with reissue on read: %v", c.Sent)
	}

	update := func(now time.Time, r map[string][]string) Commit {
		t.Helper()
		s := requestOf(m, now, r)
		if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
			t.Fatal(err)
		}
		return s.Commit(false)
	}
	c := update(t0, all("session", former))
	if c.Sent != SentChanged || len(c.Delete) != 0 || c.Token().Cookie != DefaultName {
		t.Errorf("before the switch-over: %+v", c)
	}
	present := c.Value
	if s := request(m, t0, present); s.Data() != (visit{User: "tom", Count: 1}) {
		t.Errorf("under the present name: %+v, %v", s.Data(), s.reason)
	}
	if c := update(switchOver, all("session", former)); len(c.Delete) != 1 || c.Delete[0] != "session" {
		t.Errorf("after the switch-over: %+v", c)
	}

	// Of two that are made in the same second, that of the present name.
	if s := requestOf(m, t0.Add(time.Second), all(DefaultName, present, "session", former)); s.Data().Count != 1 {
		t.Errorf("what was written under the present name is lost: %+v", s.Data())
	}
	// An older instance goes on writing the former name: the newer one wins.
	so := request(old, t0.Add(time.Hour), former)
	so.Update(func(v *visit) { v.Count = 50 })
	s = requestOf(m, t0.Add(time.Hour), all(DefaultName, present, "session", so.Commit(false).Value))
	if s.Data().Count != 50 {
		t.Errorf("the older instance's write is lost: %+v", s.Data())
	}
	// A different session under a former name may be planted: it does not.
	planted := signedIn(t, old, t0.Add(time.Hour), visit{User: "mallory"})
	s = requestOf(m, t0.Add(2*time.Hour), all(DefaultName, present, "session", planted))
	if s.Data().User != "tom" {
		t.Errorf("a planted cookie of a former name wins: %+v", s.Data())
	}
	// Each name has keys of its own.
	wantOutcome(t, requestOf(m, t0, all(DefaultName, former)), ErrForged)
	wantOutcome(t, requestOf(m, t0, all("older", former)), ErrForged)
	wantOutcome(t, requestOf(m, t0, all("session", present)), ErrForged)

	s = requestOf(m, t0, all(DefaultName, present, "session", former, "other", "x"))
	s.Destroy()
	if c := s.Commit(false); c.Sent != SentDeleted || strings.Join(c.Delete, " ") != DefaultName+" session" {
		t.Errorf("signed out: %+v", c)
	}
}

func TestI17CookiesNamesAndAudiencesDoNotMix(t *testing.T) {
	names := []string{"a", "b", "ab", "a.b", "session", DefaultName}
	audiences := []string{"", "a", "b", "ab", "shop"}
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	type id struct{ name, audience string }
	managers := map[id]*Manager[visit]{}
	for _, n := range names {
		for _, a := range audiences {
			managers[id{n, a}] = newManager[visit](t, Config{Keys: keys, Name: n, Audience: a})
		}
	}
	tried := 0
	for from, m := range managers {
		cookie := signedIn(t, m, t0, visit{User: "tom"})
		for to, other := range managers {
			s := request(other, t0, cookie)
			if from == to {
				wantOutcome(t, s, 0)
				continue
			}
			wantOutcome(t, s, ErrForged)
			tried++
		}
	}
	t.Logf("%d swaps tried, 0 accepted", tried)
}

func TestWriterFallsBackToAnEarlierCodec(t *testing.T) {
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
		d.Codecs = []keyring.CodecFrom{{Codec: "msgpack", From: t0.Add(-2 * day)}, {Codec: "cbor", From: t0.Add(-day)}, {Codec: "json", From: t0.Add(day)}}
	}))
	for _, tt := range []struct {
		codecs []codec.Codec
		at     time.Time
		want   string
	}{
		{nil, t0, "cbor"},
		{nil, t0.Add(day), "json"},
		{[]codec.Codec{codec.JSON(), codec.MessagePack()}, t0, "msgpack"},
		{[]codec.Codec{codec.JSON()}, t0, "json"},
		{[]codec.Codec{codec.CBOR()}, t0.Add(2 * day), "cbor"},
	} {
		m := newManager[visit](t, Config{Keys: keys, Codecs: tt.codecs})
		if got := request(m, tt.at, signedIn(t, m, tt.at, visit{})).Info().Codec; got != tt.want {
			t.Errorf("writes %s, want %s", got, tt.want)
		}
	}
	full := newManager[visit](t, Config{Keys: keys})
	less := newManager[visit](t, Config{Keys: keys, Codecs: []codec.Codec{codec.JSON(), codec.MessagePack()}})
	wantOutcome(t, request(less, t0, signedIn(t, full, t0, visit{})), ErrUnsupportedCodec)
}

func TestI18TheFormerCodecIsKeptWhereTheLaterOneDoesNotFit(t *testing.T) {
	change := t0.Add(day)
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
		d.Codecs = []keyring.CodecFrom{{Codec: "cbor", From: t0.Add(-day)}, {Codec: "json", From: change}}
	}))
	type blob struct {
		Raw []byte `json:"raw"`
		N   int    `json:"n"`
	}
	m := newManager[blob](t, Config{Keys: keys, IdleTimeout: 2 * day})
	cookie := signedIn(t, m, t0, blob{Raw: make([]byte, 2900)})
	s := request(m, change, cookie)
	if len(s.Data().Raw) != 2900 {
		t.Fatal(s.reason)
	}
	if c := s.Commit(false); c.Sent != SentRefreshed || c.Token().Codec != "cbor" {
		t.Errorf("refresh: %+v", c)
	}
	s = request(m, change, cookie)
	if err := s.Update(func(v *blob) { v.N = 1 }); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); c.Token().Codec != "cbor" || m.Open(change, c.Value).Data().N != 1 {
		t.Errorf("update: %+v", c)
	}
}

func TestRingThatLowersTheLongestSessionClampsNewTokens(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	m := newManager[visit](t, Config{Keys: keys})
	old := signedIn(t, m, t0, visit{User: "tom"})
	var log bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(was) })
	replace(t, keys, func(d *keyring.Document) {
		d.Policy.MaxSession, d.Policy.MaxSessionHigh = day, 14*day
	})
	if i := m.Open(t0, signedIn(t, m, t0, visit{})).Info(); !i.Expires.Equal(t0.Add(day)) {
		t.Errorf("a new token expires at %v", i.Expires)
	}
	if s := m.Open(t0.Add(10*day), old); s.Data().User != "tom" {
		t.Errorf("a token from before: %v", s.reason)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "max_session=24h0m0s") {
		t.Errorf("it is logged %d times, want once: %s", n, &log)
	}
}

func TestSealIsWhatCommitSends(t *testing.T) {
	m := newManager[visit](t, Config{})
	s := m.New(t0)
	v, err := m.Seal(t0, s)
	if s := m.Open(t0, v); err != nil || s.Data() != (visit{}) {
		t.Errorf("a new session: %v", err)
	} else {
		wantOutcome(t, s, 0)
	}
	s.Update(func(v *visit) { v.User = "tom" })
	v, err = m.Seal(t0, s)
	c := s.Commit(false)
	if err != nil || v != c.Value {
		t.Errorf("Seal = %q, %v", v, err)
	}
	if i := m.Open(t0, v).Info(); c.Token() != i {
		t.Errorf("what is sent is told as %+v, and is %+v", c.Token(), i)
	}
	s = m.Open(t0.Add(time.Hour), v)
	v2, err := m.Seal(t0.Add(time.Hour), s)
	if i := m.Open(t0.Add(time.Hour), v2).Info(); err != nil || !i.Issued.Equal(t0.Add(time.Hour)) || !i.Start.Equal(t0) {
		t.Errorf("sealed an hour later: %+v, %v", i, err)
	}
}

func TestOpeningAllocatesItsResultOnly(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, a := range []signer.Algorithm{signer.HMACSHA256(), signer.BLAKE2b256()} {
		m := newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, a, 1), t0))})
		cookie := signedIn(t, m, t0, visit{User: "tom"})
		keys := m.names[0].keys.Subkeys()
		var o opened
		if n := testing.AllocsPerRun(1000, func() { m.open(&o, nil, keys, t0, 0, cookie) }); n > 1 {
			t.Errorf("%s: open allocates %v times, want 1", a.Name, n)
		}
		var v string
		if n := testing.AllocsPerRun(1000, func() { v = seal(&o.header, o.key, o.payload) }); n > 1 {
			t.Errorf("%s: seal allocates %v times, want 1", a.Name, n)
		}
		if v != cookie {
			t.Error("another token")
		}
		// The session has room for its cookie.
		if n := testing.AllocsPerRun(1000, func() { m.Open(t0, cookie[:len(cookie)-1]) }); n > 1 {
			t.Errorf("%s: Open of what is not valid allocates %v times, want 1", a.Name, n)
		}
	}
}

func TestAChangeCostsTheSameWhereCodecsAreScheduled(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	allocates := func(schedule ...keyring.CodecFrom) float64 {
		keys := keyring.New(newRing(t, func(d *keyring.Document) {
			d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
			d.Codecs = schedule
		}))
		m := newManager[visit](t, Config{Keys: keys, Codecs: codecs()})
		cookie := signedIn(t, m, t0, visit{User: "tom"})
		n := 0
		return testing.AllocsPerRun(1000, func() {
			n++
			s := m.Open(t0, cookie)
			if s.Update(func(v *visit) { v.Count = n }) != nil || s.Commit(false).Value == "" {
				t.Error("nothing to send")
			}
		})
	}
	without := allocates()
	if with := allocates(keyring.CodecFrom{Codec: "json", From: t0.Add(-day)}, keyring.CodecFrom{Codec: "cbor", From: t0.Add(day)}); with > without {
		t.Errorf("%v allocations, and %v without a schedule", with, without)
	}
}

// apart is a codec of somebody else's that fails at what it does not know.
type apart struct{ codec.Merger }

func (apart) ID() byte     { return 200 }
func (apart) Name() string { return "apart" }
func (a apart) Extra(dst, data []byte, known func(string) bool) ([]byte, error) {
	if strings.Contains(string(data), "big") {
		return dst, errors.New("it cannot be told apart")
	}
	return a.Merger.Extra(dst, data, known)
}

func TestMembersThatCannotBeToldApartAreNotLost(t *testing.T) {
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
		d.Codecs = []keyring.CodecFrom{{Codec: "apart", From: t0}, {Codec: "cbor", From: t0.Add(time.Minute)}}
	}))
	fresh := newManager[newer](t, Config{Keys: keys, IdleTimeout: time.Hour, Codecs: []codec.Codec{renamed{codec.JSON(), 200, "apart"}, codec.CBOR()}})
	old := newManager[visit](t, Config{Keys: keys, Codecs: []codec.Codec{apart{codec.JSON().(codec.Merger)}, codec.CBOR()}})
	cookie := signedIn(t, fresh, t0, newer{User: "tom", Big: 7})
	now := t0.Add(45 * time.Minute)
	s := request(old, now, cookie)
	if err := s.Update(func(v *visit) { v.Count = 1 }); !errors.Is(err, ErrNotCarried) {
		t.Errorf("Update = %v", err)
	}
	c := s.Commit(true)
	if c.Sent != SentRefreshed || c.Token().Codec != "apart" || request(fresh, now, c.Value).Data().Big != 7 {
		t.Errorf("refreshed as %+v", c)
	}
}

var _ = token.MinHeader
