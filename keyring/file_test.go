package keyring

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

func write(t testing.TB, path string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.json")
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o640, 0o644, 0o660, 0o664} { // 0644: a Kubernetes Secret by default
		write(t, path, shopFile(t), mode)
		k, err := Open(path)
		if err != nil || k.Ring().Name() != "shop" {
			t.Fatalf("mode %o: %v, %v", mode, k, err)
		}
		k.Close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	write(t, path, shopFile(t), 0o600)
	if k, err := (Loader{Name: "other"}).Open(path); err == nil || k != nil {
		t.Errorf("another name: %v, %v", k, err)
	}
	write(t, path, append(shopFile(t), '\n'), 0o600)
	k, err := Open(path)
	if err != nil {
		t.Fatalf("a line feed at the end: %v", err)
	}
	k.Close()
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	refused := func(name, says string, is error) {
		t.Helper()
		k, err := Open(path(name))
		if err == nil || k != nil || !strings.HasPrefix(err.Error(), "keyring: ") || !strings.Contains(err.Error(), path(name)) || !strings.Contains(err.Error(), says) || is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v, %v, want an error that says %q", name, k, err, says)
		}
		if _, again := ReadFile(path(name)); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: ReadFile returns %v, and Open %v", name, again, err)
		}
	}
	refused("missing", "missing", fs.ErrNotExist)
	refused("", "not a regular file", nil)
	write(t, path("empty"), nil, 0o600)
	refused("empty", "empty", nil)
	write(t, path("zeros"), make([]byte, 1000), 0o600)
	refused("zeros", "empty, or nothing but zero bytes", nil)
	write(t, path("large"), append(shopFile(t), bytes.Repeat([]byte(" "), maxFile)...), 0o600)
	refused("large", "more than 256 KiB", nil)
	// Sparse: it would not fit into memory if it were read.
	write(t, path("sparse"), nil, 0o600)
	if err := os.Truncate(path("sparse"), 1<<40); err == nil {
		refused("sparse", "more than 256 KiB", nil)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []fs.FileMode{0o602, 0o606, 0o666, 0o777} {
			write(t, path("writable"), shopFile(t), mode)
			refused("writable", "can be written by everybody", nil)
			refused("writable", "run: chmod o-w "+path("writable"), nil)
			os.Remove(path("writable"))
		}
	}
}

// What is written can be read, and what cannot be read is not written.
func TestRingFilesHave256KiBAtMost(t *testing.T) {
	const most = 262144
	d := shop(t)
	encode := func() []byte {
		b, err := d.EncodeWithSecrets()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	bury := func(reason int) {
		k := newKey(t, 100+len(d.Keys), signer.HMACSHA256())
		k.Revoked, k.Reason = base, strings.Repeat("r", reason)
		d.Keys = append(d.Keys, k)
	}
	size := len(encode())
	bury(1000)
	each := len(encode()) - size
	for range (most-size)/each - 2 {
		bury(1000)
	}
	left := most - len(encode()) - 2*(each-1000) // for the reasons of two
	bury(min(left-1, 1000))
	bury(left - min(left-1, 1000))
	file := encode()
	if len(file) != most {
		t.Fatalf("%d bytes", len(file))
	}
	path := filepath.Join(t.TempDir(), "ring.json")
	for _, tt := range []struct {
		name string
		data []byte
		ok   bool
	}{{"as large as may be", file, true}, {"one byte more", append(file, '\n'), false}} {
		write(t, path, tt.data, 0o600)
		if _, err := Parse(tt.data); (err == nil) != tt.ok {
			t.Errorf("%s: Parse: %v", tt.name, err)
		}
		if _, err := ReadFile(path); (err == nil) != tt.ok {
			t.Errorf("%s: ReadFile: %v", tt.name, err)
		}
		if _, err := readOpened(path); (err == nil) != tt.ok {
			t.Errorf("%s: readOpened: %v", tt.name, err)
		}
	}
	d.Keys[0].Reason = "r" // and one byte more
	if _, err := d.EncodeWithSecrets(); err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("more than can be read is written: %v", err)
	}
}

// entries returns the names in a directory.
func entries(t testing.TB, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	r := newTestRing(t, shop(t))
	for range 2 { // new, and in place of one
		if err := WriteFile(path, r); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, shopFile(t)) {
			t.Fatalf("%v, wrote\n%s", err, got)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%v, mode %v, want 0600", err, info.Mode())
		}
		if names := entries(t, dir); names != "ring.json" {
			t.Errorf("the directory has %s", names)
		}
	}
	k, err := Open(path)
	if err != nil || k.Ring().Checksum() != r.Checksum() {
		t.Fatalf("reading it: %v, %v", k, err)
	}
	k.Close()
}

// A ring that cannot be read again is not written, and what was there stays.
func TestWriteFileRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	write(t, path, shopFile(t), 0o600)
	d := shop(t)
	d.Name = ""
	if err := WriteFile(path, newTestRing(t, d)); err == nil {
		t.Error("a ring without a name is written")
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, shopFile(t)) || entries(t, dir) != "ring.json" {
		t.Errorf("the directory has %s", entries(t, dir))
	}
	for _, path := range []string{dir, filepath.Join(dir, "no", "ring.json"), ""} {
		if err := WriteFile(path, newTestRing(t, shop(t))); err == nil || !strings.HasPrefix(err.Error(), "keyring: ") {
			t.Errorf("%q: %v", path, err)
		}
	}
	if entries(t, dir) != "ring.json" {
		t.Errorf("the directory has %s", entries(t, dir))
	}
}

// Everything that makes a write durable happens, in order, and whichever part
// fails, the file is the former or the new one, whole, with nothing beside it.
func TestWriteFileIsDurable(t *testing.T) {
	failed := errors.New("failed")
	former, wanted := []byte("former"), shopFile(t)
	if runtime.GOOS == "windows" {
		t.Skip("a directory cannot be made durable")
	}
	for _, fail := range []string{"", "sync file", "rename", "sync directory"} {
		for _, exists := range []bool{true, false} {
			dir := t.TempDir()
			path := filepath.Join(dir, "ring.json")
			if exists {
				write(t, path, former, 0o600)
			}
			var steps []string
			step := func(s string) error {
				steps = append(steps, s)
				if s == fail {
					return failed
				}
				return nil
			}
			d := disk{
				sync: func(f *os.File) error {
					info, err := f.Stat()
					if err != nil {
						t.Fatal(err)
					}
					if info.IsDir() {
						if f.Name() != dir {
							t.Errorf("synced directory %s", f.Name())
						}
						if got, _ := os.ReadFile(path); !bytes.Equal(got, wanted) {
							t.Error("the directory is synced before the rename")
						}
						return errors.Join(step("sync directory"), f.Sync())
					}
					if filepath.Dir(f.Name()) != dir || !strings.HasPrefix(filepath.Base(f.Name()), ".ring.json.") {
						t.Errorf("written to %s", f.Name())
					}
					if info.Mode() != 0o600 {
						t.Errorf("temporary file of mode %v", info.Mode())
					}
					if got, _ := os.ReadFile(f.Name()); !bytes.Equal(got, wanted) {
						t.Error("the file is synced before it is written")
					}
					return errors.Join(step("sync file"), f.Sync())
				},
				rename: func(from, to string) error {
					if filepath.Dir(from) != dir || to != path {
						t.Errorf("renamed %s to %s", from, to)
					}
					if err := step("rename"); err != nil {
						return err
					}
					return os.Rename(from, to)
				},
			}
			err := d.replace(path, wanted)
			if (fail == "") != (err == nil) || fail != "" && (!errors.Is(err, failed) || !strings.HasPrefix(err.Error(), "keyring: ")) {
				t.Errorf("%q fails: error %v", fail, err)
			}
			says := map[bool]string{false: "ring.json is not written: failed", true: "ring.json is written, but may be lost if the machine stops now: failed"}
			if fail != "" && !strings.HasSuffix(err.Error(), says[fail == "sync directory"]) {
				t.Errorf("%q fails: error %v", fail, err)
			}
			want := "sync file, rename, sync directory"
			if fail != "" {
				want = want[:strings.Index(want, fail)+len(fail)]
			}
			if got := strings.Join(steps, ", "); got != want {
				t.Errorf("%q fails: steps %s, want %s", fail, got, want)
			}
			got, err := os.ReadFile(path)
			switch {
			case fail == "" || fail == "sync directory":
				if !bytes.Equal(got, wanted) {
					t.Errorf("%q fails: %v, file of %d bytes", fail, err, len(got))
				}
			case exists && !bytes.Equal(got, former) || !exists && !errors.Is(err, fs.ErrNotExist):
				t.Errorf("%q fails: %v, file of %d bytes", fail, err, len(got))
			}
			if names := entries(t, dir); names != "ring.json" && names != "" {
				t.Errorf("%q fails: the directory has %s", fail, names)
			}
		}
	}
}

// What is wrong with a ring that is found later is said with its file as well.
func TestReloadSaysInWhichFile(t *testing.T) {
	log := listen(t)
	path := filepath.Join(t.TempDir(), "ring.json")
	write(t, path, shopFile(t), 0o600)
	k, err := Loader{Interval: time.Hour}.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	log.taken()
	write(t, path, []byte("{}"), 0o600)
	if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	lines := log.taken()
	if len(lines) == 0 {
		t.Error("nothing is logged")
	}
	for _, line := range lines {
		if !strings.Contains(line, "ring.json") {
			t.Errorf("%q", line)
		}
	}
}
