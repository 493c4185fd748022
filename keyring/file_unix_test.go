//go:build unix

package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
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

// What is no file is not even opened: somebody may be waiting for that.
func TestAPipeIsNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		f.Close()
		opened <- err
	}()
	for range 10 {
		if _, err := ReadFile(path); err == nil {
			t.Fatal("it is read")
		}
		select {
		case err := <-opened:
			t.Fatalf("it was opened: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := <-opened; err != nil {
		t.Fatal(err)
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

// Of a symbolic link, the directory that the target is in is made durable.
func TestWriteFileIsDurableBehindALink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "ring.json"), filepath.Join(t.TempDir(), "ring.json")
	write(t, path, []byte("former"), 0o600)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	var synced []string
	d := disk{func(f *os.File) error {
		synced = append(synced, f.Name())
		return nil
	}, os.Rename}
	if err := d.replace(link, shopFile(t)); err != nil {
		t.Fatal(err)
	}
	if len(synced) != 2 || filepath.Dir(synced[0]) != dir || synced[1] != dir {
		t.Errorf("synced are %q", synced)
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

// withoutPrivilege calls f as somebody who is not root, and who owns the
// directory if the test is root.
func withoutPrivilege(t *testing.T, dir string, f func() error) error {
	t.Helper()
	if os.Geteuid() == 0 {
		mode := fs.FileMode(0o711) // of what leads there, and was made for root only
		if err := errors.Join(os.Chmod(filepath.Dir(dir), mode), os.Chown(dir, 65534, -1)); err != nil {
			t.Fatal(err)
		}
	}
	err := asNobody()
	if err == nil {
		if _, err := os.Stat(dir); err != nil {
			t.Skip(errors.Join(err, asMyself()))
		}
		err = f()
	}
	if err := asMyself(); err != nil {
		t.Fatal(err)
	}
	return err
}

func TestOpenWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	write(t, path, shopFile(t), 0)
	err := withoutPrivilege(t, dir, func() error {
		_, err := Open(path)
		return err
	})
	if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), "keyring: open ") {
		t.Errorf("got %v", err)
	}
}

// A file that can be opened, and of which nothing can be read.
func TestOpenReportsThatReadingFails(t *testing.T) {
	const path = "/proc/self/mem" // at offset 0 there is never anything
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		t.Skip("there is no such file")
	}
	for what, open := range map[string]func() error{
		"Open":     func() error { _, err := Open(path); return err },
		"ReadFile": func() error { _, err := ReadFile(path); return err },
	} {
		if err := open(); !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "keyring: read "+path) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// In a process of its own, in which no file may have more than 1000 bytes: the files of
// the tests would be cut short as well.
const noRoomFor = "KEYTURN_TEST_NO_ROOM_FOR"

func TestMain(m *testing.M) {
	path := os.Getenv(noRoomFor)
	if path == "" {
		os.Exit(m.Run())
	}
	signal.Ignore(syscall.SIGXFSZ) // which would end the process
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: 1000}); err != nil {
		panic(err)
	}
	k := GenerateKey(signer.HMACSHA256())
	k.SignFrom, k.Reason = base, strings.Repeat("r", maxReason)
	r, err := NewRing(Document{Name: "shop", Generation: 1, Keys: []Key{k}})
	if err != nil {
		panic(err)
	}
	err = WriteFile(path, r)
	fmt.Print(err)
	if errors.Is(err, syscall.EFBIG) {
		os.Exit(noRoom)
	}
	os.Exit(1)
}

// noRoom is the exit status of a process in which the write failed as it should.
const noRoom = 3

// Whatever the system refuses while a file is written, the former one stays as it
// was, and nothing is beside it.
func TestAWriteThatFailsLeavesNothingBehind(t *testing.T) {
	r := newTestRing(t, shop(t))
	former := []byte("former")
	for _, tt := range []struct {
		name         string
		is           error
		says         string
		owner, group int // of the former file, if either is not 0
		write        func(t *testing.T, path string) error
	}{
		{"no room", syscall.EFBIG, "", 0, 0, func(t *testing.T, path string) error {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), noRoomFor+"="+path)
			said, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() == noRoom {
				err = syscall.EFBIG
			}
			return errors.Join(errors.New(string(said)), err)
		}},
		{"close", fs.ErrClosed, "", 0, 0, func(t *testing.T, path string) error {
			// As where a file is sent to its server only when it is closed: here
			// it has been.
			return disk{(*os.File).Close, os.Rename}.replace(path, shopFile(t))
		}},
		{"no file can be made there", fs.ErrPermission, "", 0, 0, func(t *testing.T, path string) error {
			dir := filepath.Dir(path)
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(dir, 0o755)
			return withoutPrivilege(t, dir, func() error { return WriteFile(path, r) })
		}},
		{"another's", fs.ErrPermission, "cannot pass on its owner and group: ", 12345, 65534, func(t *testing.T, path string) error {
			return withoutPrivilege(t, filepath.Dir(path), func() error { return WriteFile(path, r) })
		}},
		{"of another group", fs.ErrPermission, "cannot pass on its owner and group: ", 65534, 54321, func(t *testing.T, path string) error {
			return withoutPrivilege(t, filepath.Dir(path), func() error { return WriteFile(path, r) })
		}},
	} {
		for _, exists := range []bool{true, false} {
			given := tt.owner+tt.group != 0
			if given && !exists {
				continue
			}
			t.Run(fmt.Sprintf("%s, file %v", tt.name, exists), func(t *testing.T) {
				if given && os.Geteuid() != 0 {
					t.Skip("only root may give files away")
				}
				dir := t.TempDir()
				path := filepath.Join(dir, "ring.json")
				var before fs.FileInfo
				if exists {
					write(t, path, former, 0o640)
					if given {
						if err := os.Chown(path, tt.owner, tt.group); err != nil {
							t.Skip(err)
						}
					}
					var err error
					if before, err = os.Stat(path); err != nil {
						t.Fatal(err)
					}
				}
				err := tt.write(t, path)
				if !errors.Is(err, tt.is) || !strings.HasPrefix(err.Error(), "keyring: "+path+" is not written: "+tt.says) {
					t.Errorf("got %v", err)
				}
				if !exists {
					if names := entries(t, dir); names != "" {
						t.Errorf("the directory has %s", names)
					}
					return
				}
				if names := entries(t, dir); names != "ring.json" {
					t.Errorf("the directory has %s", names)
				}
				after, err := os.Stat(path)
				if err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
					t.Errorf("the file is another one: %v", err)
				}
				if got, err := os.ReadFile(path); !bytes.Equal(got, former) {
					t.Errorf("%v, file of %d bytes", err, len(got))
				}
			})
		}
	}
}

// A directory in which files can be made, and which cannot be opened.
func TestAWriteThatMayNotLastSaysSo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	err := withoutPrivilege(t, dir, func() error { return WriteFile(path, newTestRing(t, shop(t))) })
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), "keyring: "+path+" is written, but may be lost if the machine stops now: ") {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, shopFile(t)) || entries(t, dir) != "ring.json" {
		t.Errorf("%v, file of %d bytes; the directory has %s", err, len(got), entries(t, dir))
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
