package keyring

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// What the error of somebody else's Source says may be in the log, but is not for
// a page of statistics.
func TestStatsDoesNotQuoteASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		log.taken()
		timeout := errors.New("timeout of one")
		for _, cause := range []error{timeout, errors.New("of another"), &fs.PathError{Op: "open", Path: "/var/token-hunter2", Err: fs.ErrNotExist}} {
			s.set(nil, &url.Error{Op: "Get", URL: "https://vault/?token=hunter2", Err: cause})
			for range 2 {
				if err := k.Reload(t.Context()); !errors.Is(err, cause) || !strings.Contains(err.Error(), "token=hunter2") {
					t.Errorf("Reload returns %v", err)
				}
			}
			if st := k.Stats(base); st.Failure != "keyring: the source failed; the log says why" {
				t.Errorf("it says %q", st.Failure)
			}
			// Once for each error, though Stats says the same of both.
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], cause.Error()) {
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
