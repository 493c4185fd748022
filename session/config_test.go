package session

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// renamed is a codec under another name and ID.
type renamed struct {
	codec.Codec
	id   byte
	name string
}

func (r renamed) ID() byte     { return r.id }
func (r renamed) Name() string { return r.name }

func TestNewListsEveryProblem(t *testing.T) {
	type bad struct {
		User string    `json:"user"`
		Any  any       `json:"any"`
		Ch   chan int  `json:"ch"`
		Link url.URL   `json:"link"`
		Seen time.Time `json:"seen"`
	}
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	_, err := New[bad](Config{
		Name:              "a b",
		FormerNames:       []FormerName{{Name: "x"}, {Name: "x"}, {Name: "é"}},
		Audience:          strings.Repeat("a", 1<<16),
		Codecs:            []codec.Codec{codec.JSON(), codec.JSON(), nil, renamed{codec.JSON(), 0, "zero"}, renamed{codec.CBOR(), 3, ""}, renamed{codec.JSON(), 127, "mine"}, renamed{codec.JSON(), 128, "My codec"}},
		Keys:              keys,
		Lifetime:          15 * day,
		IdleTimeout:       16 * day,
		Revoked:           func(context.Context, Info) (bool, error) { return false, nil },
		RevocationFailure: 0,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"a b"`, `"x" is given twice`, `"é"`, "Audience", `Codecs[1] is named "json"`, "Codecs[1], \"json\", has the ID 1", "Codecs[2] is nil",
		`Codecs[3], "zero", has the ID 0`, `Codecs[4] is named ""`, "max_session of 336h0m0s", "IdleTimeout is 384h0m0s", `Codecs[5], "mine", has the ID 127`, `Codecs[6] is named "My codec"`, "RevocationFailure",
		"bad.Any", "bad.Ch", "bad.Link",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of %s", want)
		}
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if strings.Contains(line, "User string") || strings.Contains(line, "Seen") {
			t.Errorf("not a problem: %s", line)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	short := keyring.New(newRing(t, func(d *keyring.Document) {
		d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
		d.Policy.MaxSession = day
	}))
	hook := func(context.Context, Info) (bool, error) { return false, nil }
	for _, tt := range []struct {
		want string
		c    Config
	}{
		{"Keys is nil", Config{}},
		{"zero Keyring", Config{Keys: new(keyring.Keyring)}},
		{"Lifetime", Config{Keys: keys, Lifetime: -time.Second}},
		{"Lifetime", Config{Keys: keys, Lifetime: 1500 * time.Millisecond}},
		{"IdleTimeout", Config{Keys: keys, IdleTimeout: time.Second}},
		{"IdleTimeout", Config{Keys: keys, IdleTimeout: -time.Minute}},
		{"RevocationFailure is not chosen", Config{Keys: keys, Revoked: hook}},
		{"RevocationFailure is not chosen", Config{Keys: keys, Revoked: hook, RevocationFailure: 9}},
		{"Revoked is nil", Config{Keys: keys, RevocationFailure: FailOpen}},
		{"at most 7", Config{Keys: keys, FormerNames: []FormerName{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}, {Name: "f"}, {Name: "g"}, {Name: "h"}}}},
		{"Codecs[0] is nil", Config{Keys: keys, Codecs: []codec.Codec{nil}}},
		{"cookie name of 257", Config{Keys: keys, Name: strings.Repeat("x", 257)}},
		{"IdleTimeout is 337h0m0s, longer than a session, which lasts 336h0m0s", Config{Keys: keys, IdleTimeout: 337 * time.Hour}},
		{"IdleTimeout is 25h0m0s, longer than a session, which lasts 24h0m0s", Config{Keys: short, IdleTimeout: 25 * time.Hour}},
		{"Lifetime is 25h0m0s, longer than the ring's max_session of 24h0m0s", Config{Keys: short, Lifetime: 25 * time.Hour}},
		{"lower-case", Config{Keys: keys, Codecs: []codec.Codec{renamed{codec.JSON(), 200, strings.Repeat("a", 33)}}}},
		{"lower-case", Config{Keys: keys, Codecs: []codec.Codec{renamed{codec.JSON(), 200, "a_b"}}}},
		{"ID 1: a codec of your own", Config{Keys: keys, Codecs: []codec.Codec{renamed{codec.JSON(), 1, "mine"}}}},
		{"ID 2: a codec of your own", Config{Keys: keys, Codecs: []codec.Codec{renamed{codec.JSON(), 2, "json"}}}},
		{"given twice", Config{Keys: keys, FormerNames: []FormerName{{Name: DefaultName}}}},
	} {
		if _, err := New[visit](tt.c); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want an error that tells of %q and of nothing else, got %v", tt.want, err)
		}
	}
	for _, err := range []error{
		errOf(New[visit](Config{Keys: new(keyring.Keyring), Sealed: true})),
		errOf(New[visit](Config{Keys: keys, Sealed: true})),
		errOf(New[struct{ C chan int }](Config{Keys: keys})),
		errOf(New[visit](Config{Keys: keys, Codecs: []codec.Codec{refusing{codec.JSON()}}})),
		errOf(New[Values](Config{Keys: keys, Codecs: []codec.Codec{refusing{codec.JSON()}}})),
	} {
		if err == nil || strings.Contains(strings.TrimPrefix(err.Error(), "session: "), "session: ") {
			t.Errorf("%v, want an error that says once where it is from", err)
		}
	}
	m := newManager[visit](t, Config{Keys: keys, FormerNames: []FormerName{{Name: "old"}}})
	if m.Name() != DefaultName || strings.Join(m.FormerNames(), " ") != "old" {
		t.Errorf("names = %q, %q", m.Name(), m.FormerNames())
	}
	if _, err := New[int](Config{Keys: keys}); err == nil || strings.Count(err.Error(), "int:") != 1 {
		t.Errorf("of a payload that is no map: %v", err)
	}
	for _, c := range []codec.Codec{renamed{codec.JSON(), 128, strings.Repeat("a", 32)}, renamed{codec.JSON(), 255, "a-9"}, renamed{codec.CBOR(), 3, "cbor"}} {
		if _, err := New[visit](Config{Keys: keys, Codecs: []codec.Codec{c}}); err != nil {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
	if _, err := New[visit](Config{Keys: keys, Name: strings.Repeat("x", 256), FormerNames: []FormerName{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}, {Name: "f"}, {Name: "g"}}}); err != nil {
		t.Errorf("the longest name, and as many as may be: %v", err)
	}
	if m, err := New[visit](Config{Keys: keyring.Ephemeral()}); err != nil || m.Open(time.Now(), "x") == nil {
		t.Errorf("the zero Config with keys: %v", err)
	}
}

func errOf[T any](_ *Manager[T], err error) error { return err }

func TestLifetimeIsTheRingsLongestSessionWhereThatIsShorterThanTheDefault(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0))
	m := newManager[visit](t, Config{Keys: keys})
	of := func(want time.Duration) {
		t.Helper()
		i := m.Open(t0, signedIn(t, m, t0, visit{User: "tom"})).Info()
		if got := i.Expires.Sub(i.Start); got != want {
			t.Errorf("a session lasts %v, want %v", got, want)
		}
	}
	of(DefaultLifetime)
	replace(t, keys, func(d *keyring.Document) { d.Policy.MaxSession, d.Policy.MaxSessionHigh = day, 14*day })
	m = newManager[visit](t, Config{Keys: keys})
	of(day)
	replace(t, keys, func(d *keyring.Document) { d.Policy.MaxSession = 2 * day })
	of(2 * day)
	replace(t, keys, func(d *keyring.Document) { d.Policy.MaxSession, d.Policy.MaxSessionHigh = 90*day, 90*day })
	of(DefaultLifetime)
}

// refusing is a codec that encodes nothing.
type refusing struct{ codec.Codec }

func (refusing) Append(dst []byte, _ any) ([]byte, error) { return dst, errors.New("refused") }

// forgetful is a codec of somebody else's that loses what it is given.
type forgetful struct{ codec.Codec }

func (forgetful) ID() byte     { return firstCustomID }
func (forgetful) Name() string { return "forgetful" }
func (f forgetful) Decode(data []byte, v any) error {
	if strings.Contains(string(data), "boom") {
		panic("boom")
	}
	return f.Codec.Decode([]byte(strings.ReplaceAll(string(data), "precious", "lost")), v)
}

func TestCustomCodecIsReadBack(t *testing.T) {
	check := func(t *testing.T, set func(string) error, data func() string) {
		t.Helper()
		if err := set("kept"); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"precious", "boom"} {
			if err := set(s); err == nil || !strings.Contains(err.Error(), "forgetful") || strings.Contains(err.Error(), s) {
				t.Errorf("%q: %v", s, err)
			}
			if got := data(); got != "kept" {
				t.Errorf("data = %q", got)
			}
		}
	}
	codecs := []codec.Codec{forgetful{codec.JSON()}}
	s := newManager[visit](t, Config{Codecs: codecs}).New(t0)
	check(t, func(x string) error { return s.Update(func(v *visit) { v.User = x }) }, func() string { return s.Data().User })
	v := newManager[Values](t, Config{Codecs: codecs}).New(t0)
	check(t, func(x string) error { return keyString.SetIn(v, x) }, func() string { return keyString.GetIn(v) })
}

// shy marshals itself to less than it is.
type shy struct{ Name, Password string }

func (s shy) MarshalText() ([]byte, error)  { return []byte(s.Name), nil }
func (s *shy) UnmarshalText(b []byte) error { s.Name = string(b); return nil }

func TestTypesThatMarshalThemselvesAreReadBack(t *testing.T) {
	type account struct {
		Who shy `json:"who"`
	}
	m := newManager[account](t, Config{})
	s := m.New(t0)
	if err := s.Renew(account{shy{Name: "tom"}}); err != nil {
		t.Fatal(err)
	}
	err := s.Renew(account{shy{"tom", "hunter2"}})
	if err == nil || !strings.Contains(err.Error(), "Who") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}
