package keyring

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// What a program shows as JSON, another reads as it was.
func TestStatsComeBackFromJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		followed, s, _ := followed(t, Loader{})
		s.set(nil, errors.New("no route to host"))
		followed.Reload(t.Context())
		d := shop(t)
		d.Policy.unknown = keep(members{{"later", text("x")}})
		d.Keys = append(d.Keys, unsupported(newKey(t, 10, signer.HMACSHA256())))
		k := New(newTestRing(t, d))
		key, err := bind(t, k, Use{Name: "s"}).Subkeys().Primary(base)
		if err != nil {
			t.Fatal(err)
		}
		key.CountSigned()
		key.CountVerified(base)
		for name, k := range map[string]*Keyring{"in every state": k, "that follows": followed, "zero": new(Keyring)} {
			was := k.Stats(base)
			b, err := json.Marshal(was)
			if err != nil {
				t.Fatal(err)
			}
			var is Stats
			if err := json.Unmarshal(b, &is); err != nil || !reflect.DeepEqual(is, was) {
				t.Errorf("a keyring %s: %v\n%+v\n%+v\n%s", name, err, is, was, b)
			}
		}
	})
}

func TestStatsNamesNoPrimaryWhereThereIsNone(t *testing.T) {
	d := shop(t)
	for i := range d.Keys {
		if d.Keys[i].SignFrom = (time.Time{}); i == 0 {
			d.Keys[i].SignFrom, d.Keys[i].VerifyUntil = base.Add(-day), base.Add(day)
		}
	}
	s := New(newTestRing(t, d)).Stats(base.Add(2 * day))
	b, err := json.Marshal(s)
	if err != nil || s.Primary != (KeyID{}) || strings.Contains(string(b), `"primary"`) {
		t.Errorf("%v, %v\n%s", s.Primary, err, b)
	}
}

func TestAPolicyMarshalsAsInARingFile(t *testing.T) {
	y := Policy{Propagation: 36 * time.Hour, Skew: 90 * time.Second, MaxSession: 14 * day, MaxSessionHigh: 30 * day,
		unknown: keep(members{{"later", text("x")}})}
	want := `{"propagation":"36h","skew":"1m30s","max_session":"336h","max_session_high":"720h"}`
	if b, err := json.Marshal(y); err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
	for _, text := range []string{`{"skew":"0s"}`, `{"skew":5}`, `{"Skew":"5m"}`, `{"skew":"5m","skew":"5m"}`, `[]`, `"5m"`} {
		was := Policy{Skew: time.Minute}
		if y := was; json.Unmarshal([]byte(text), &y) == nil || y != was {
			t.Errorf("%s is read, as %+v", text, y)
		}
	}
}

func TestStatesMarshalAsWords(t *testing.T) {
	for s := Unknown; s <= Retiring; s++ {
		b, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back State
		if err := back.UnmarshalText(b); err != nil || back != s {
			t.Errorf("%s comes back as %v, %v", b, back, err)
		}
	}
	for _, word := range []string{"", "Active", "active ", "State(10)"} {
		if s := Pending; s.UnmarshalText([]byte(word)) == nil || s != Pending {
			t.Errorf("%q is read, as %v", word, s)
		}
	}
}

// What the error of somebody else's Source says may be in the log, but is not for
// a page of statistics.
func TestStatsDoesNotQuoteASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		log.taken()
		timeout := errors.New("timeout of one")
		for i, cause := range []error{timeout, errors.New("of another"), &fs.PathError{Op: "open", Path: "/var/token-hunter2", Err: fs.ErrNotExist}} {
			s.set(nil, &url.Error{Op: "Get", URL: "https://vault/?token=hunter2", Err: cause})
			for range 2 {
				if err := k.Reload(t.Context()); !errors.Is(err, cause) || !strings.Contains(err.Error(), "token=hunter2") {
					t.Errorf("Reload returns %v", err)
				}
			}
			if st := k.Stats(base); st.Failure != "keyring: the source failed; the log says why" {
				t.Errorf("it says %q", st.Failure)
			}
			if lines := log.taken(); i == 0 && (len(lines) != 1 || !strings.Contains(lines[0], cause.Error())) || i > 0 && len(lines) > 0 {
				t.Errorf("logged is %q", lines)
			}
		}
		s.set(encoded(t, r), nil)
		if err := k.Reload(t.Context()); err != nil || k.Stats(base).Failure != "" {
			t.Errorf("%v, %q", err, k.Stats(base).Failure)
		}
	})
}

// What is wrong with a file is told in full: it has no secret.
func TestStatsSaysWhatIsWrongWithAFile(t *testing.T) {
	listen(t)
	path := filepath.Join(t.TempDir(), "keyring.json")
	if err := WriteFile(path, founded(t, signer.HMACSHA256())); err != nil {
		t.Fatal(err)
	}
	k, err := Loader{Interval: time.Hour}.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(t.Context()); err == nil || k.Stats(base).Failure != err.Error() || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, %q", err, k.Stats(base).Failure)
	}
}
