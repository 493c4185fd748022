package demo

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

func TestTheSentenceOfEachCase(t *testing.T) {
	token := func(key byte, algorithm, codec string) session.Info {
		return session.Info{KeyID: keyring.KeyID{key}, Algorithm: algorithm, Codec: codec}
	}
	const hmac, blake, sealed = "hmac-sha256", "blake2b-256", "xchacha20-poly1305"
	first := token(1, hmac, "json")
	for name, test := range map[string]struct {
		came, sent session.Info
		why        session.Sent
		first      bool
		restarted  bool
		want       string
	}{
		"untouched": {
			came: first,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), and this response leaves it as it is.",
		},
		"untouched and sealed": {
			came: token(1, sealed, "json"),
			want: "You are still signed in: your cookie was encrypted with key 01000000 (xchacha20-poly1305, json), and this response leaves it as it is.",
		},
		"the same key": {
			came: first, sent: first, why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which still signs; this response replaces it with one of the same key, since each visit is counted.",
		},
		"refreshed": {
			came: first, sent: first, why: session.SentRefreshed,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which still signs; this response replaces it with one of the same key, since its idle time begins anew.",
		},
		"the same sealing key": {
			came: token(1, sealed, "cbor"), sent: token(1, sealed, "cbor"), why: session.SentChanged,
			want: "You are still signed in: your cookie was encrypted with key 01000000 (xchacha20-poly1305, cbor), which still encrypts; this response replaces it with one of the same key, since each visit is counted.",
		},
		"just signed in": {
			came: first, sent: first, why: session.SentChanged, first: true,
			want: "You have just signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which still signs; this response replaces it with one of the same key, since each visit is counted.",
		},
		"restarted": {
			came: first, sent: first, why: session.SentChanged, restarted: true,
			want: "You are still signed in, though the demo has restarted: your cookie was signed with key 01000000 (hmac-sha256, json), which still signs; this response replaces it with one of the same key, since each visit is counted.",
		},
		"just signed in, restarted and turned": {
			came: first, sent: token(2, hmac, "json"), why: session.SentChanged, first: true, restarted: true,
			want: "You have just signed in, though the demo has restarted: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one of key 02000000.",
		},
		"a new key": {
			came: first, sent: token(2, hmac, "json"), why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one of key 02000000.",
		},
		"reissued": {
			came: first, sent: token(2, hmac, "json"), why: session.SentReissued,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one of key 02000000.",
		},
		"a new algorithm": {
			came: first, sent: token(2, blake, "json"), why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one of key 02000000 (blake2b-256, json).",
		},
		"a new codec": {
			came: first, sent: token(1, hmac, "cbor"), why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which still signs; this response replaces it with one of the same key in cbor, the present codec.",
		},
		"a new key and codec": {
			came: first, sent: token(2, hmac, "cbor"), why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one of key 02000000 (hmac-sha256, cbor).",
		},
		"sealed": {
			came: first, sent: token(2, sealed, "json"), why: session.SentChanged,
			want: "You are still signed in: your cookie was signed with key 01000000 (hmac-sha256, json), which now only verifies; this response replaces it with one encrypted with key 02000000 (xchacha20-poly1305, json), so that only the holder of the key can read it.",
		},
		"a new sealing key": {
			came: token(1, sealed, "json"), sent: token(2, sealed, "json"), why: session.SentChanged,
			want: "You are still signed in: your cookie was encrypted with key 01000000 (xchacha20-poly1305, json), which now only decrypts; this response replaces it with one of key 02000000.",
		},
		"no longer sealed": {
			came: token(1, sealed, "json"), sent: token(2, hmac, "json"), why: session.SentChanged,
			want: "You are still signed in: your cookie was encrypted with key 01000000 (xchacha20-poly1305, json), which now only decrypts; this response replaces it with one signed with key 02000000 (hmac-sha256, json), so that whoever has it can read it.",
		},
	} {
		e := middleware.Event{Outcome: session.Valid, Cookie: test.came, Sent: test.why, Token: test.sent}
		if got := (account{e, test.first, test.restarted}).String(); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

// Times in a cookie are to the second, so that they do not always tell.
func TestRestartsAreNoticed(t *testing.T) {
	s := &Server{started: now()}
	here := middleware.Event{Cookie: session.Info{ID: "here"}}
	s.events.add(entry{Event: middleware.Event{Token: session.Info{ID: "here"}}})
	s.events.add(entry{Event: here})
	s.events.add(entry{Event: middleware.Event{Cookie: session.Info{ID: "elsewhere"}}})
	for _, test := range []struct {
		id    string
		after time.Duration // of the start
		want  bool
	}{
		{"here", -time.Second, true}, // a cookie that was kept for long
		{"here", 0, false},
		{"here", time.Second, false},
		{"elsewhere", -time.Second, true},
		{"elsewhere", 0, true},
		{"elsewhere", time.Second, false}, // its events are forgotten
	} {
		if got := s.restartedSince(session.Info{ID: test.id, Issued: s.started.Add(test.after)}); got != test.want {
			t.Errorf("%s, %v after the start: %v", test.id, test.after, got)
		}
	}
}
