//go:build unix

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

// Whoever may not write in the folder is told so, and can look at everything.
func TestAFolderThatCannotBeWritten(t *testing.T) {
	dir, err := os.MkdirTemp("", "keyturn-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path, _ := rotated(t, signer.HMACSHA256())
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	ring := filepath.Join(closed, "shop.json")
	if err := os.WriteFile(ring, []byte(store(t, path).text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(closed, 0o755)
	binary := copyOfCommand(t, dir)
	before := store(t, ring)
	for _, test := range []struct {
		args   string
		status int
	}{
		{"rotate @RING", 74}, {"standby @RING", 74}, {"rotate @RING --dry-run", 0}, {"status @RING", 0}, {"list @RING", 0},
	} {
		c := exec.Command(binary, append([]string{"keyring"}, expand(test.args, ring, nil)...)...)
		c.Env = append(os.Environ(), asCommand+"=1")
		if os.Geteuid() == 0 { // who may write everywhere
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := c.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if status := c.ProcessState.ExitCode(); status != test.status || status == 74 && !strings.Contains(string(out), "permission denied") {
			t.Errorf("%s: status %d, want %d: %s", test.args, status, test.status, out)
		}
	}
	before.untouched(t, ring)
	if left, err := os.ReadDir(closed); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// copyOfCommand copies the command to where everybody can run it.
func copyOfCommand(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(dir, "keyturn"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, fs.FileMode(0o755))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return to.Name()
}

// Operators may be different users: each can open the lock of another.
func TestTheLockIsForEverybody(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	path, _ := rotated(t, signer.HMACSHA256())
	unlock, err := lockRing(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	lock := filepath.Join(filepath.Dir(path), ".shop.json.lock")
	info, err := os.Stat(lock)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o644 {
		t.Errorf("mode %v", info.Mode())
	}
}
