package session

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

// With HMAC-SHA256 keys, everything runs where only FIPS 140-3 algorithms do.
func TestFIPSWithHMACKeys(t *testing.T) {
	if os.Getenv("KEYTURN_FIPS_TEST") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSWithHMACKeys$", "-test.v")
		cmd.Env = append(os.Environ(), "KEYTURN_FIPS_TEST=1", "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "sessions opened: 3") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	keys := keyring.Ephemeral()
	opened := 0
	for _, c := range codecs() {
		m := newManager[Values](t, Config{Keys: keys, IDs: true, IdleTimeout: time.Hour})
		m.codecs = append(m.codecs[:0:0], c)
		now := time.Now()
		cookie := signedIn(t, m, now, everyKind())
		s := request(m, now, cookie)
		wantOutcome(t, s, 0)
		if err := keyInt.SetIn(s, 8); err != nil || s.Commit(false).Sent != SentChanged || s.ID() == "" {
			t.Errorf("%s: %v", c.Name(), err)
		}
		wantOutcome(t, request(m, now, flip(cookie)), ErrForged)
		opened++
	}
	t.Logf("sessions opened: %d", opened)
}
