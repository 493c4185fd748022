package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// kills is how often TestKilledEdits kills the command, unless the environment
// says otherwise: .ci/long does.
const killsEnv = "KEYTURN_TEST_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	if s := os.Getenv(killsEnv); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if raceEnabled { // where a process takes long to begin
		return 20
	}
	return 100
}

// Whenever the command is killed, the file has the former ring or the next one,
// whole, and what is left behind is removed by the next edit.
func TestKilledEdits(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	former, was := store(t, path).text, readRing(t, path)
	hidden := len(secrets(t, path))

	start := time.Now()
	want(t, 0, "", "keyring", "rotate", path, "--dry-run")
	if raceEnabled { // it was not a process
		start = start.Add(-300 * time.Millisecond)
	}
	usual := time.Since(start)

	var next, killed, most int
	for i := range kills(t) {
		c := newCommand(t, "keyring", "rotate", path)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			time.Sleep(rand.N(2 * usual))
		} else {
			// As soon as it begins to write.
			for range 1000 {
				if len(temporary(t, path)) > 0 || store(t, path).text != former {
					break
				}
				time.Sleep(usual / 1000)
			}
			time.Sleep(rand.N(usual / 20))
		}
		c.Process.Kill() // or it is over
		if err := c.Wait(); err != nil {
			killed++
		}
		left := temporary(t, path)
		most = max(most, len(left))
		for _, name := range left {
			age(t, name)
			if info, err := os.Stat(name); err == nil && info.Mode().Perm() != 0o600 && info.Mode().Perm() != 0o666 { // Windows
				t.Errorf("%s: %v", name, info.Mode())
			}
		}
		now := store(t, path).text
		if now == former {
			continue
		}
		next++
		is := readRing(t, path)
		if is.Generation() != was.Generation()+1 || len(secrets(t, path)) != hidden+1 {
			t.Fatalf("neither the former ring nor the next: %v", is)
		}
		if found := unaccepted(keyring.Plan(was, is, time.Now())); len(found) > 0 {
			t.Fatalf("%v", found)
		}
		if err := keyring.WriteFile(path, was); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d killed, %d of them or of the others had written, %d temporary files left at most", killed, next, most)
	if most > 1 {
		t.Errorf("%d temporary files pile up", most)
	}
	if killed == 0 || next == 0 {
		t.Error("nothing was tested")
	}
	// The next edit finds nothing in its way, and tidies up.
	for _, name := range []string{".shop.json.123.tmp", ".shop.json.x.tmp", ".other.json.123.tmp"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		age(t, filepath.Join(filepath.Dir(path), name))
	}
	want(t, 0, "", "keyring", "rotate", path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != ".other.json.123.tmp .shop.json.lock .shop.json.x.tmp shop.json" {
		t.Errorf("left: %s", got)
	}
}

// temporary returns the temporary files beside a ring.
func temporary(t *testing.T, path string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".shop.json.*.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
