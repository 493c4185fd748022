package session

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

type nestedOlder struct {
	User string `json:"user"`
	Cart struct {
		Items []string `json:"items"`
	} `json:"cart"`
}

type nestedNewer struct {
	User string `json:"user"`
	Cart struct {
		Items  []string `json:"items"`
		Coupon string   `json:"coupon"`
	} `json:"cart"`
}

func nestedSession(t *testing.T, c Config) (m *Manager[nestedOlder], n *Manager[nestedNewer], cookie string) {
	m, n = newManager[nestedOlder](t, c), newManager[nestedNewer](t, c)
	v := nestedNewer{User: "tom"}
	v.Cart.Coupon = "SAVE10"
	return m, n, signedIn(t, n, t0, v)
}

// An instance with an older struct that only refreshes a session, or sends it again in
// another codec, loses nothing of it, nor does an Update that leaves it as it was:
// also of what is not in the outermost map.
func TestWhoeverChangesNothingLosesNothingFurtherIn(t *testing.T) {
	key := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day))
	for name, f := range map[string]struct {
		codecs []keyring.CodecFrom
		do     func(s *Session[nestedOlder]) error
	}{
		"Update that changes nothing": {nil, func(s *Session[nestedOlder]) error { return s.Update(func(*nestedOlder) {}) }},
		"refresh":                     {nil, func(s *Session[nestedOlder]) error { s.Data(); return nil }},
		"refresh in another codec": {[]keyring.CodecFrom{{Codec: "json", From: t0.Add(-day)}, {Codec: "cbor", From: t0.Add(time.Minute)}},
			func(s *Session[nestedOlder]) error { s.Data(); return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			keys := keyring.New(newRing(t, func(d *keyring.Document) { d.Keys, d.Codecs = []keyring.Key{key}, f.codecs }))
			o, n, cookie := nestedSession(t, Config{Keys: keys, IdleTimeout: time.Hour})
			now := t0.Add(50 * time.Minute)
			s := request(o, now, cookie)
			if err := f.do(s); err != nil {
				t.Fatal(err)
			}
			c := s.Commit(true)
			if c.Value == "" {
				t.Fatalf("nothing is sent: %+v", c)
			}
			if got := n.Open(now, c.Value).Data(); got.Cart.Coupon != "SAVE10" {
				t.Errorf("sent %v in %s, and the coupon is lost: %+v", c.Sent, c.Token().Codec, got)
			}
		})
	}
}

// An Update that changes nothing does not end a session of which this program's struct
// knows nothing that is not zero.
func TestAnUpdateThatChangesNothingEndsNoSession(t *testing.T) {
	o := newManager[nestedOlder](t, Config{})
	n := newManager[nestedNewer](t, Config{Keys: o.keys})
	v := nestedNewer{}
	v.Cart.Coupon = "SAVE10"
	s := request(o, t0, signedIn(t, n, t0, v))
	if err := s.Update(func(*nestedOlder) {}); err != nil {
		t.Fatal(err)
	}
	if c := s.Commit(false); c.Sent != SentNothing {
		t.Errorf("sent %v", c.Sent)
	}

	type more struct {
		nestedNewer
		Lang string
	}
	m := newManager[more](t, Config{Keys: o.keys})
	s2 := request(m, t0, signedIn(t, n, t0, nestedNewer{}))
	if err := s2.Update(func(*more) {}); err != nil {
		t.Fatal(err)
	}
	if c := s2.Commit(false); c.Sent != SentNothing {
		t.Errorf("a field more: sent %v", c.Sent)
	}
}

// A session that has to stay in its codec is not sent again at each read.
func TestWhatCannotBeRecodedIsNotReissuedForThat(t *testing.T) {
	key := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day))
	keys := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{key}
		d.Codecs = []keyring.CodecFrom{{Codec: "json", From: t0.Add(-day)}, {Codec: "cbor", From: t0.Add(time.Minute)}}
	}))
	o, n, cookie := nestedSession(t, Config{Keys: keys})
	now := t0.Add(time.Hour)
	s := request(o, now, cookie)
	s.Data()
	if c := s.Commit(true); c.Sent != SentNothing || c.Value != "" {
		t.Errorf("sent %v", c.Sent)
	}
	s2 := request(n, now, cookie)
	s2.Data()
	if c := s2.Commit(true); c.Sent != SentReissued || c.Token().Codec != "cbor" {
		t.Errorf("who knows all of it sends %v in %q", c.Sent, c.Token().Codec)
	}
}
