package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

func decodeText(t testing.TB, cookie string) []byte {
	t.Helper()
	raw, err := token.DecodeText(nil, cookie)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encodeText(raw []byte) string { return string(token.AppendText(nil, raw)) }

// edited returns a cookie with one byte of its token changed.
func edited(t testing.TB, cookie string, i int, b byte) string {
	raw := decodeText(t, cookie)
	raw[i] = b
	return encodeText(raw)
}

// A countedSigner counts the MACs that are computed to verify.
type countedSigner struct {
	signer.Signer
	macs *int
}

func (c countedSigner) Verify(msg, tag []byte) bool {
	*c.macs++
	return c.Signer.Verify(msg, tag)
}

// Each reason is found, in its order, with one MAC at most, and with none where no key
// may verify, or what came is no token.
func TestEveryReason(t *testing.T) {
	macs := 0
	counted := signer.Algorithm{Name: "counted", NewSigner: func(k []byte) (signer.Signer, error) {
		s, err := signer.HMACSHA256().NewSigner(k)
		return countedSigner{s, &macs}, err
	}}
	key := func(n byte) keyring.Key { return signing(newKey(t, counted, n), t0.Add(-100*day)) }
	elsewhere := newManager[visit](t, Config{Keys: newKeys(t, key(9))})
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		revoked, disabled, retired, primary := key(2), key(3), key(4), key(1)
		retired.VerifyUntil = t0.Add(-day)
		disabled.Disabled = true
		primary.SignFrom = t0.Add(-50 * day)
		revoked.Revoked, revoked.Reason = t0.Add(-day), "lost"
		d.Keys = []keyring.Key{primary, revoked, disabled, retired}
		d.NotBefore = t0.Add(-9 * day)
	}))
	signedBy := func(n byte) string {
		return signedIn(t, newManager[visit](t, Config{Keys: newKeys(t, key(n))}), t0, visit{User: "tom"})
	}
	revokedIDs := map[string]error{}
	m := newManager[visit](t, Config{
		Keys: keys, IDs: true, IdleTimeout: time.Hour,
		Revoked: func(_ context.Context, i Info) (bool, error) {
			err, ok := revokedIDs[i.ID]
			return ok && err == nil, err
		},
		RevocationFailure: FailClosed,
	})
	good := signedIn(t, m, t0, visit{User: "tom"})
	payload := []byte(`{"user":"tom"}`)
	hooked := func(err error) string {
		cookie := signedIn(t, m, t0, visit{User: "tom"})
		revokedIDs[m.Open(t0, cookie).ID()] = err
		return cookie
	}
	forged := func(edit func(*token.Header)) string { return forge(t, m, t0, payload, edit) }

	for _, tt := range []struct {
		want          Reason
		indeterminate bool
		cookie        string
		now           time.Time
	}{
		{0, false, good, t0},
		{0, false, good, t0.Add(time.Hour - time.Second)},
		{ErrTooLarge, false, strings.Repeat("k", MaxCookie), t0},
		{ErrMalformed, false, "", t0},
		{ErrMalformed, false, "x", t0},
		{ErrMalformed, false, "theme=dark", t0},
		{ErrMalformed, false, good + "=", t0},
		{ErrMalformed, false, good[:1] + "\n" + good[1:], t0},
		{ErrMalformed, false, encodeText(payload), t0},
		{ErrMalformed, false, edited(t, good, 0, 0x93), t0},
		{ErrUnsupportedVersion, true, edited(t, good, 1, 0xdb), t0},
		{ErrUnsupportedVersion, true, edited(t, good, 1, 0xdf), t0},
		{ErrUnknownKey, true, signedIn(t, elsewhere, t0, visit{}), t0},
		{ErrRevoked, false, signedBy(2), t0},
		{ErrDisabled, true, signedBy(3), t0},
		{ErrRetired, false, signedBy(4), t0},
		{ErrForged, false, edited(t, good, 40, decodeText(t, good)[40]^1), t0},
		{ErrForged, false, encodeText(decodeText(t, good)[:60]), t0},
		{ErrForged, false, encodeText(decodeText(t, good)[:35]), t0},
		{ErrMalformed, false, encodeText(decodeText(t, good)[:34]), t0},
		{ErrUnsupportedCodec, true, forged(func(h *token.Header) { h.Codec = 200 }), t0},
		{ErrFuture, true, forged(func(h *token.Header) { h.Issued += 601 }), t0},
		{ErrFuture, true, forged(func(h *token.Header) { h.Start += 601 }), t0},
		{0, false, forged(func(h *token.Header) { h.Start += 600; h.Issued += 600 }), t0},
		{ErrExpired, false, forged(func(h *token.Header) { h.Expires = h.Start }), t0},
		{ErrExpired, false, forged(func(h *token.Header) { h.Idle = 100 * 86400 }), t0.Add(14 * day)},
		{0, false, forged(func(h *token.Header) { h.Idle = 100 * 86400 }), t0.Add(14*day - time.Second)},
		{ErrIdle, false, good, t0.Add(time.Hour)},
		{ErrNotBefore, false, forged(func(h *token.Header) { h.Start -= 9*86400 + 1 }), t0},
		{0, false, forged(func(h *token.Header) { h.Start -= 9 * 86400 }), t0},
		{ErrSessionRevoked, false, hooked(nil), t0},
		{ErrRevocationUnavailable, true, hooked(errors.New("down")), t0},
		{ErrUndecodable, true, forge(t, m, t0, []byte(`{"user":7}`), nil), t0},
		{ErrUndecodable, true, forge(t, m, t0, []byte(`[]`), nil), t0},
		{ErrUndecodable, true, forge(t, m, t0, []byte(`null`), nil), t0},
		{ErrUndecodable, true, forge(t, m, t0, nil, nil), t0},
	} {
		macs = 0
		s := request(m, tt.now, tt.cookie)
		wantOutcome(t, s, tt.want)
		switch tt.want {
		case ErrTooLarge, ErrMalformed, ErrUnsupportedVersion, ErrUnknownKey, ErrRevoked, ErrDisabled, ErrRetired:
			if macs != 0 {
				t.Errorf("%q takes %d MACs", tt.want, macs)
			}
		case ErrForged: // none if there is no room for a tag
			if macs > 1 {
				t.Errorf("%q takes %d MACs", tt.want, macs)
			}
		default:
			if macs != 1 {
				t.Errorf("%q takes %d MACs", tt.want, macs)
			}
		}
		switch id := s.Info().KeyID; tt.want {
		case ErrTooLarge, ErrMalformed, ErrUnsupportedVersion, ErrUnknownKey:
			if id != (keyring.KeyID{}) {
				t.Errorf("%q: key %v, which the client has made up", tt.want, id)
			}
		default:
			if keys.Ring().State(id, tt.now) == keyring.Unknown {
				t.Errorf("%q: key %v is not of the ring", tt.want, id)
			}
		}
		if (tt.want.Outcome() == Indeterminate) != tt.indeterminate {
			t.Errorf("%q is %v", tt.want, tt.want.Outcome())
		}
		if tt.want == 0 {
			continue
		}
		if got := s.Data(); got != (visit{}) {
			t.Errorf("%q: data = %+v", tt.want, got)
		}
		if c := s.Commit(true); c.Sent != SentNothing || c.Value != "" || c.Delete != nil {
			t.Errorf("%q: read only, and sent %+v", tt.want, c)
		}
	}
}

func TestI7ReasonsAreGivenInOrder(t *testing.T) {
	// A token with many faults: each is mended in turn, and the reason given
	// is always the first of those that remain.
	hook := true
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-100*day)))
	m := newManager[visit](t, Config{Keys: keys, IDs: true,
		Revoked: func(context.Context, Info) (bool, error) { return hook, nil }, RevocationFailure: FailClosed})
	old := m.Keys()
	d := old.Document()
	d.Generation++
	d.NotBefore = t0.Add(-day)
	if r, err := keyring.NewRing(d); err != nil || keys.Replace(r) != nil {
		t.Fatal(err)
	}

	payload := []byte(`[`)
	h := m.newHeader(m.keys.Ring(), t0)
	h.Codec, h.Start, h.Issued, h.Expires, h.Idle = 200, seconds(t0.Add(-2*day)), seconds(t0.Add(day)), seconds(t0.Add(-day)), 1
	tag := byte(1)
	make := func() string {
		k, err := m.names[0].keys.Subkeys().Primary(t0)
		if err != nil {
			t.Fatal(err)
		}
		h.Key = k.ID
		raw := decodeText(t, seal(&h, k, payload))
		raw[len(raw)-1] ^= tag
		return encodeText(raw)
	}
	for _, step := range []struct {
		want Reason
		mend func()
	}{
		{ErrForged, func() { tag = 0 }},
		{ErrUnsupportedCodec, func() { h.Codec = codec.JSON().ID() }},
		{ErrFuture, func() { h.Issued = seconds(t0.Add(-day)) }},
		{ErrExpired, func() { h.Expires = seconds(t0.Add(day)) }},
		{ErrIdle, func() { h.Idle = 0 }},
		{ErrNotBefore, func() { h.Start = seconds(t0) }},
		{ErrSessionRevoked, func() { hook = false }},
		{ErrUndecodable, func() { payload = []byte(`{}`) }},
		{0, func() {}},
	} {
		wantOutcome(t, request(m, t0, make()), step.want)
		step.mend()
	}
}

func TestNotBeforeEndsWhatBeganInTheSameSecond(t *testing.T) {
	for _, into := range []time.Duration{1, 900 * time.Millisecond} {
		ring := newRing(t, func(d *keyring.Document) {
			d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day))}
			d.NotBefore = t0.Add(into)
		})
		m := newManager[visit](t, Config{Keys: keyring.New(ring)})
		for begun, want := range map[time.Duration]Reason{
			-1: ErrNotBefore, 0: ErrNotBefore, 100 * time.Millisecond: ErrNotBefore, time.Second: 0, 1100 * time.Millisecond: 0,
		} {
			wantOutcome(t, request(m, t0.Add(time.Minute), signedIn(t, m, t0.Add(begun), visit{User: "tom"})), want)
		}
	}
}

// Keys returns the ring in use, for tests.
func (m *Manager[T]) Keys() *keyring.Ring { return m.names[0].keys.Subkeys().Ring() }

func TestRevocationThatFailsOpen(t *testing.T) {
	type key struct{}
	var seen Info
	m := newManager[visit](t, Config{
		IDs: true,
		Revoked: func(ctx context.Context, i Info) (bool, error) {
			if ctx.Value(key{}) != "request" {
				t.Error("not called with the context of the request")
			}
			seen = i
			return true, errors.New("down")
		},
		RevocationFailure: FailOpen,
	})
	cookie := signedIn(t, m, t0, visit{User: "tom"})
	s, _ := m.Begin(context.WithValue(t.Context(), key{}, "request"), &single{instant(t0), m.Name(), [1]string{cookie}})
	wantOutcome(t, s, 0)
	if seen.ID == "" || seen.ID != s.ID() || !seen.Start.Equal(t0) {
		t.Errorf("the hook was given %+v", seen)
	}
	s = request(m, t0, flip(cookie))
	seen = Info{}
	wantOutcome(t, s, ErrForged)
	if seen != (Info{}) {
		t.Error("the hook was asked about a forged token")
	}
}

func TestARevokedSessionIsRefusedHoweverFailuresAreTaken(t *testing.T) {
	for _, failure := range []RevocationFailure{FailClosed, FailOpen} {
		m := newManager[visit](t, Config{
			Revoked:           func(context.Context, Info) (bool, error) { return true, nil },
			RevocationFailure: failure,
		})
		wantOutcome(t, request(m, t0, signedIn(t, m, t0, visit{User: "tom"})), ErrSessionRevoked)
	}
}

func TestIndeterminateCookieIsNotTouched(t *testing.T) {
	elsewhere := newManager[visit](t, Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 9), t0))})
	cookie := signedIn(t, elsewhere, t0, visit{User: "tom"})
	m := newManager[visit](t, Config{IdleTimeout: time.Hour})
	for _, read := range []func(*Session[visit]){
		func(s *Session[visit]) { s.Data() },
		func(s *Session[visit]) { s.Update(func(*visit) {}) },
	} {
		s := request(m, t0, cookie)
		read(s)
		if c := s.Commit(true); c.Sent != SentNothing || c.Delete != nil {
			t.Errorf("sent %+v", c)
		}
	}
	write := func(v *visit) { v.User = "eve" }
	s := request(m, t0, cookie)
	if err := s.Update(write); err != nil || s.Commit(false).Sent != SentChanged {
		t.Errorf("by default, Update overwrites; it returned %v", err)
	}

	keep := newManager[visit](t, Config{KeepIndeterminate: true})
	s = request(keep, t0, cookie)
	if err := s.Update(write); err != ErrIndeterminate {
		t.Errorf("Update = %v", err)
	}
	if err := s.Renew(visit{User: "eve"}); err != ErrIndeterminate {
		t.Errorf("Renew = %v", err)
	}
	if c := s.Commit(false); c.Sent != SentNothing {
		t.Errorf("sent %v", c.Sent)
	}
	s = request(keep, t0, cookie)
	if err := s.Destroy(); err != nil || s.Commit(false).Sent != SentDeleted {
		t.Errorf("Destroy always deletes; it returned %v", err)
	}
	s = request(keep, t0, flip(signedIn(t, keep, t0, visit{})))
	if err := s.Update(write); err != nil {
		t.Errorf("a rejected cookie: Update = %v", err)
	}
}

func TestSameNamedCookies(t *testing.T) {
	for _, ids := range []bool{false, true} {
		m := newManager[visit](t, Config{IDs: ids})
		a := signedIn(t, m, t0, visit{User: "a"})
		s := request(m, t0.Add(time.Minute), a)
		s.Update(func(v *visit) { v.Count = 1 })
		newer := s.Commit(false).Value
		b := signedIn(t, m, t0.Add(time.Second), visit{User: "b"})
		bad := flip(a)
		unknown := edited(t, a, 3, decodeText(t, a)[3]^1)
		for _, tt := range []struct {
			name    string
			cookies []string
			want    Reason
			user    string
			count   int
		}{
			{"one", []string{a}, 0, "a", 0},
			{"the same twice", []string{a, a}, 0, "a", 0},
			{"newer last", []string{a, newer}, 0, "a", 1},
			{"newer first", []string{newer, a}, 0, "a", 1},
			{"junk first", []string{"junk", a}, 0, "a", 0},
			{"forged first", []string{bad, a}, 0, "a", 0},
			{"forged last", []string{a, bad}, 0, "a", 0},
			{"different sessions", []string{a, b}, ErrAmbiguous, "", 0},
			{"different sessions and junk", []string{"", a, bad, b}, ErrAmbiguous, "", 0},
			{"three, two of one session", []string{a, b, newer}, ErrAmbiguous, "", 0},
			{"the fourth", []string{bad, bad, bad, a}, 0, "a", 0},
			{"the fifth is not tried", []string{bad, bad, bad, bad, a}, ErrForged, "", 0},
			{"none good", []string{"junk", bad}, ErrMalformed, "", 0},
			{"none good, one unknown", []string{"junk", bad, unknown}, ErrUnknownKey, "", 0},
			{"none good, two that cannot be judged", []string{unknown, edited(t, a, 1, 0xd8)}, ErrUnknownKey, "", 0},
			{"none good, one unknown first", []string{unknown, bad}, ErrUnknownKey, "", 0},
		} {
			s := request(m, t0.Add(time.Hour), tt.cookies...)
			wantOutcome(t, s, tt.want)
			if v := s.Data(); v.User != tt.user || v.Count != tt.count {
				t.Errorf("IDs %v, %s: %+v", ids, tt.name, v)
			}
			if c := s.Commit(false); c.Sent != SentNothing {
				t.Errorf("IDs %v, %s: sent %v", ids, tt.name, c.Sent)
			}
		}
	}
}

// Of different sessions, the present name's counts; of two under a former name, neither.
func TestDifferentSessionsUnderAFormerNameAreAmbiguous(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "sid"}}})
	former := newManager[visit](t, Config{Keys: keys, Name: "sid"})
	a, b := signedIn(t, former, t0, visit{User: "a"}), signedIn(t, former, t0.Add(time.Second), visit{User: "b"})
	present := signedIn(t, m, t0.Add(2*time.Second), visit{User: "c"})
	for _, tt := range []struct {
		name            string
		present, former []string
		want            Reason
		user            string
	}{
		{"one", nil, []string{a}, 0, "a"},
		{"two", nil, []string{a, b}, ErrAmbiguous, ""},
		{"two, behind junk of the present name", []string{"junk"}, []string{a, b}, ErrAmbiguous, ""},
		{"two, behind junk", nil, []string{"junk", a, b}, ErrAmbiguous, ""},
		{"two, behind one of the present name", []string{present}, []string{a, b}, 0, "c"},
	} {
		s := requestOf(m, t0.Add(time.Hour), map[string][]string{m.Name(): tt.present, "sid": tt.former})
		if _, r := s.Outcome(); r != tt.want || s.Data().User != tt.user {
			t.Errorf("%s: %q, of %q; want %q, of %q", tt.name, r, s.Data().User, tt.want, tt.user)
		}
	}
}

func TestSessionWithAnIDIsNotTheSameAsOneWithout(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	with := newManager[visit](t, Config{Keys: keys, IDs: true})
	without := newManager[visit](t, Config{Keys: keys})
	a, b := signedIn(t, with, t0, visit{User: "a"}), signedIn(t, without, t0, visit{User: "b"})
	wantOutcome(t, request(with, t0, a, b), ErrAmbiguous)
	wantOutcome(t, request(with, t0, b, a), ErrAmbiguous)
	// Not even where what the ID is does not tell them apart.
	a = forge(t, with, t0, []byte("{}"), func(h *token.Header) { h.ID = [token.IDSize]byte{} })
	wantOutcome(t, request(with, t0, a, b), ErrAmbiguous)
	wantOutcome(t, request(with, t0, b, a), ErrAmbiguous)
}

func TestReasonAndOutcomeHaveOneNameEach(t *testing.T) {
	want := "too_large malformed unsupported_version unknown_key revoked disabled retired forged unsupported_codec " +
		"future expired idle not_before session_revoked revocation_unavailable undecodable ambiguous"
	var names []string
	for r := ErrTooLarge; r <= ErrAmbiguous; r++ {
		names = append(names, r.String())
		b, err := json.Marshal(r)
		if err != nil || string(b) != `"`+r.String()+`"` {
			t.Errorf("%d in JSON: %s, %v", r, b, err)
		}
		if !strings.HasPrefix(r.Error(), "session: ") {
			t.Errorf("%q: %q", r, r.Error())
		}
		if err := fmt.Errorf("wrapped: %w", r); !errors.Is(err, r) || errors.Is(err, r+1) {
			t.Errorf("%q is not itself for errors.Is", r)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names = %s\nwant    %s", got, want)
	}
	if Reason(0).Outcome() != Valid || Reason(0).String() != "" {
		t.Error("no reason is not valid")
	}
	indeterminate := "unsupported_version unknown_key disabled unsupported_codec future revocation_unavailable undecodable"
	for r := ErrTooLarge; r <= ErrAmbiguous; r++ {
		if got, want := r.Outcome() == Indeterminate, strings.Contains(" "+indeterminate+" ", " "+r.String()+" "); got != want {
			t.Errorf("%q: indeterminate %v, want %v", r, got, want)
		}
	}
	for r := Reason(0); r <= ErrAmbiguous; r++ {
		if err := r.Err(); (err == nil) != (r == 0) || r != 0 && err != r {
			t.Errorf("%q.Err() = %v", r, err)
		}
	}
	for o, name := range map[Outcome]string{Absent: "absent", Valid: "valid", Rejected: "rejected", Indeterminate: "indeterminate"} {
		if o.String() != name {
			t.Errorf("%d = %q, want %q", o, o, name)
		}
	}
	for _, n := range []uint8{uint8(ErrAmbiguous) + 1, 255} {
		if r := Reason(n); r.String() != fmt.Sprintf("Reason(%d)", n) || r.Error() != "session: "+r.String() || r.Outcome() != Rejected {
			t.Errorf("Reason(%d) is %q, %q, %v", n, r.String(), r.Error(), r.Outcome())
		}
		if o, s := Outcome(n).String(), Sent(n).String(); o != fmt.Sprintf("Outcome(%d)", n) || s != fmt.Sprintf("Sent(%d)", n) {
			t.Errorf("Outcome(%d) is %q, Sent(%d) is %q", n, o, n, s)
		}
	}
	if o, s := Indeterminate+1, SentDeleted+1; o.String() != "Outcome(4)" || s.String() != "Sent(7)" {
		t.Errorf("the first that is no Outcome is %q, and no Sent %q", o, s)
	}
	for s, name := range map[Sent]string{
		SentNothing: "nothing", SentChanged: "changed", SentRenewed: "renewed", SentRefreshed: "refreshed",
		SentReissued: "reissued", SentTakenOver: "taken_over", SentDeleted: "deleted",
	} {
		if s.String() != name {
			t.Errorf("%d = %q, want %q", s, s, name)
		}
	}
}

func TestLogsSpellOutcomesAndReasonsByTheirNames(t *testing.T) {
	for r := Reason(0); r <= ErrAmbiguous; r++ {
		var text, inJSON strings.Builder
		for _, h := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&inJSON, nil)} {
			slog.New(h).Info("m", "outcome", r.Outcome(), "reason", r, "sent", SentReissued)
		}
		name := r.String()
		if r == 0 {
			name = `""`
		}
		if want := fmt.Sprintf("msg=m outcome=%v reason=%v sent=reissued\n", r.Outcome(), name); !strings.HasSuffix(text.String(), want) {
			t.Errorf("%swant %s", &text, want)
		}
		if want := fmt.Sprintf(`"msg":"m","outcome":"%v","reason":"%s","sent":"reissued"}`, r.Outcome(), r.String()); !strings.HasSuffix(inJSON.String(), want+"\n") {
			t.Errorf("%swant %s", &inJSON, want)
		}
	}
}

func TestNothingIsDecodedBeforeItIsVerified(t *testing.T) {
	for _, a := range algorithms {
		keys := newKeys(t, signing(newKey(t, a, 1), t0))
		cookie := signedIn(t, newManager[Values](t, Config{Keys: keys}), t0, Values{})
		m := newManager[Values](t, Config{Keys: keys})
		for i, c := range m.codecs {
			m.codecs[i] = refused{c, t}
			m.byID[c.ID()] = m.codecs[i]
		}
		raw := decodeText(t, cookie)
		for i := range raw {
			for bit := range 8 {
				o, r := m.Open(t0, edited(t, cookie, i, raw[i]^1<<bit)).Outcome()
				if o == Valid || r == 0 {
					t.Fatalf("%s: byte %d, bit %d: accepted", a.Name, i, bit)
				}
			}
		}
	}
}

// I6: a token names a key, and the key decides what verifies it. Under the name of
// another key, of whatever algorithm, it is forged.
func TestI6ATokenDoesNotChooseItsAlgorithm(t *testing.T) {
	var ring []keyring.Key
	for i, a := range signer.All() {
		for n := range 2 {
			ring = append(ring, signing(newKey(t, a, byte(2*i+n+1)), t0.Add(-day)))
		}
	}
	for _, maker := range ring {
		cookie := signedIn(t, newManager[visit](t, Config{Keys: newKeys(t, maker)}), t0, visit{User: "tom"})
		m := newManager[visit](t, Config{Keys: newKeys(t, ring...)})
		for _, named := range ring {
			raw := decodeText(t, cookie)
			id := named.ID()
			copy(raw[3:], id[:])
			s := m.Open(t0, encodeText(raw))
			if _, reason := s.Outcome(); (reason == 0) != (named.ID() == maker.ID()) || reason != 0 && reason != ErrForged {
				t.Errorf("made with %v, under the name of %v: %v", maker, named, reason)
			}
		}
	}
}

func TestReadUnverifiedSaysWhatItCannotRead(t *testing.T) {
	m := newManager[visit](t, Config{})
	good := signedIn(t, m, t0, visit{User: "tom"})
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"good", good, nil},
		{"as long as a cookie may be", good + strings.Repeat("A", MaxCookie-len(good)), nil},
		{"too long", strings.Repeat("A", MaxCookie+1), ErrTooLarge},
		{"no text of bytes", good[:len(good)-1] + "=", ErrMalformed},
		{"no token", "AAAA", ErrMalformed},
		{"a newer version", edited(t, good, 1, 0xd8), ErrUnsupportedVersion},
	} {
		info, err := ReadUnverified(tt.value)
		if err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err == nil && info.Size != len(tt.value) {
			t.Errorf("%s: the size is %d, want %d", tt.name, info.Size, len(tt.value))
		}
	}
}

// Of two that are not valid, the one that cannot be judged is told of.
func TestInfoIsOfTheCookieThatDecides(t *testing.T) {
	m := newManager[visit](t, Config{})
	good := signedIn(t, m, t0, visit{User: "tom"})
	unknown := edited(t, good, 3, decodeText(t, good)[3]^1)
	for _, values := range [][]string{{"junk", unknown}, {unknown, "junk"}} {
		if got := request(m, t0, values...).Info().Size; got != len(unknown) {
			t.Errorf("of %q, one of %d bytes is told of", values, got)
		}
	}
}

func TestOpenGivesTheRevocationHookAContext(t *testing.T) {
	var got context.Context
	m := newManager[visit](t, Config{RevocationFailure: FailClosed, Revoked: func(ctx context.Context, _ Info) (bool, error) {
		got = ctx
		return false, nil
	}})
	wantOutcome(t, m.Open(t0, signedIn(t, m, t0, visit{User: "tom"})), 0)
	if got == nil {
		t.Error("the hook has no context")
	}
}
