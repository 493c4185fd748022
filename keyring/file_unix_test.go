//go:build unix

package keyring

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whatever lies where the ring should be, Open returns, soon, and with an error.
func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	link("fifo", "link to fifo")
	link("gone", "dangling")
	link("loop", "loop")
	link("loop b", "loop a")
	link("loop a", "loop b")
	link(".", "link to directory")
	for name, says := range map[string]string{
		path("fifo"):              "not a regular file",
		path("link to fifo"):      "not a regular file",
		path("dangling"):          "no such file",
		path("loop"):              "symbolic links",
		path("loop a"):            "symbolic links",
		path("link to directory"): "not a regular file",
		dir:                       "not a regular file",
		"/dev/null":               "not a regular file",
		"/dev/zero":               "not a regular file",
	} {
		for what, open := range map[string]func(string) error{
			"Open": func(name string) error { _, err := Open(name); return err },
			// If it took the file's place after Open looked.
			"readOpened": func(name string) error { _, err := readOpened(name); return err },
		} {
			done := make(chan error, 1)
			go func() { done <- open(name) }()
			select {
			case err := <-done:
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %s: %v, want an error that says %q", name, what, err, says)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: %s does not return", name, what)
			}
		}
	}
}

func TestOpenFollowsLinks(t *testing.T) {
	// As Kubernetes mounts a Secret.
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "..2026_10_01"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "..2026_10_01", "ring.json"), shopFile(t), 0o644)
	for name, to := range map[string]string{"..data": "..2026_10_01", "ring.json": "..data/ring.json"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	k, err := Open(filepath.Join(dir, "ring.json"))
	if err != nil || k.Ring().Name() != "shop" {
		t.Fatalf("%v, %v", k, err)
	}
	k.Close() // which leaves the ring
	// WriteFile replaces what the links lead to.
	if err := WriteFile(filepath.Join(dir, "ring.json"), next(t, k.Ring(), nil)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "ring.json")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is replaced: %v, %v", info.Mode(), err)
	}
	if r, err := ReadFile(filepath.Join(dir, "..2026_10_01", "ring.json")); err != nil || r.Generation() != 43 {
		t.Errorf("%v, %v", r, err)
	}
	if names := entries(t, filepath.Join(dir, "..2026_10_01")); names != "ring.json" {
		t.Errorf("the directory has %s", names)
	}
	// Not where they lead nowhere.
	for _, l := range [][2]string{{"gone", "dangling"}, {"loop", "loop"}} {
		if err := os.Symlink(l[0], filepath.Join(dir, l[1])); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, l[1])
		if err := WriteFile(path, k.Ring()); err == nil || !strings.HasPrefix(err.Error(), "keyring: "+path+" is not written: ") {
			t.Errorf("%s: %v", l[1], err)
		}
	}
}

func TestWriteFileRefusesWhatIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, newTestRing(t, shop(t))); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is replaced: %v", err)
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	path := filepath.Join(t.TempDir(), "ring.json")
	write(t, path, shopFile(t), 0)
	if k, err := Open(path); !errors.Is(err, fs.ErrPermission) || k != nil {
		t.Errorf("%v, %v", k, err)
	}
}

func TestWriteFileInADirectoryThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	write(t, path, shopFile(t), 0o600)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if err := WriteFile(path, newTestRing(t, shop(t))); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

func TestWriteFilePassesOnWhoMayRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	r := newTestRing(t, shop(t))
	for _, tt := range []struct{ before, after fs.FileMode }{
		{0o600, 0o600}, {0o640, 0o640}, {0o644, 0o640}, {0o666, 0o640}, {0o400, 0o600}, {0o770, 0o640}, {0o755, 0o640},
	} {
		write(t, path, []byte("former"), tt.before)
		if err := WriteFile(path, r); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != tt.after {
			t.Errorf("mode %o becomes %v, want %o", tt.before, info.Mode(), tt.after)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	for _, of := range [][2]int{{12345, os.Getegid()}, {0, 54321}, {12345, 54321}} {
		if err := os.Chown(path, of[0], of[1]); err != nil {
			t.Skip(err)
		}
		if err := WriteFile(path, r); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); int(s.Uid) != of[0] || int(s.Gid) != of[1] {
			t.Errorf("owner %d, group %d, want %d", s.Uid, s.Gid, of)
		}
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, shopFile(t)) {
		t.Error("wrote something else")
	}
}
