//go:build unix

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/keyturn/keyturn/signer"
)

// requests uses a keyring without a pause, as a server does, until it is told to
// stop. It reports how many times, and every failure.
func requests(t *testing.T, k *Keyring) (stop func() int) {
	b := bind(t, k, Use{Name: "s"})
	first, err := b.Subkeys().Primary(base)
	if err != nil {
		t.Fatal(err)
	}
	tag := first.Signer.Sign(nil, []byte("m"))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	n := 0
	wg.Go(func() {
		for ; ctx.Err() == nil; n++ {
			subkeys := b.Subkeys()
			p, err := subkeys.Primary(base)
			if err != nil {
				t.Errorf("request %d: %v", n, err)
				return
			}
			if v, err := subkeys.Lookup(first.ID, base); err != nil || !v.Signer.Verify([]byte("m"), tag) {
				t.Errorf("request %d: %v", n, err)
				return
			}
			p.Signer.Sign(nil, []byte("m"))
		}
	})
	return func() int {
		cancel()
		wg.Wait()
		return n
	}
}

// Whatever becomes of the ring file, requests go on with the ring that they have,
// it is said and counted once, and the next look after the repair finds all well.
func TestFaultsOfTheFileDisturbNoRequest(t *testing.T) {
	log := listen(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	r := founded(t, signer.HMACSHA256())
	good := encoded(t, r)
	write(t, path, good, 0o600)
	// Without a watch, so that every look is one of the test's.
	k, err := Loader{Interval: 24 * time.Hour}.Follow(file(path))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	stop := requests(t, k)
	snapshot := k.now.Load()
	log.taken()

	replaced := func(data []byte) func() error {
		return func() error { return os.WriteFile(path, data, 0o600) }
	}
	instead := func(make func() error) func() error {
		return func() error { return errors.Join(os.RemoveAll(path), make()) }
	}
	type fault struct {
		name string
		do   func() error
	}
	faults := []fault{
		{"zeros", replaced(make([]byte, len(good)))},
		{"a byte order mark", replaced(append([]byte("\ufeff"), good...))},
		{"two documents", replaced(append(bytes.Clone(good), good...))},
		{"a member twice", replaced(bytes.Replace(good, []byte(`"generation"`), []byte(`"ring": "shop", "generation"`), 1))},
		{"a member in another case", replaced(bytes.Replace(good, []byte(`"generation"`), []byte(`"Ring": "shop", "generation"`), 1))},
		{"too much", replaced(append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxFile)...))},
		{"no file", func() error { return os.Remove(path) }},
		{"a directory", instead(func() error { return os.Mkdir(path, 0o700) })},
		{"a pipe", instead(func() error { return syscall.Mkfifo(path, 0o600) })},
		{"a device", instead(func() error { return os.Symlink("/dev/zero", path) })},
		{"a dangling link", instead(func() error { return os.Symlink(filepath.Join(dir, "nowhere"), path) })},
		{"a link to itself", instead(func() error { return os.Symlink(path, path) })},
		{"writable by everybody", func() error { return os.Chmod(path, 0o622) }},
		{"a sparse file", func() error {
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			return errors.Join(f.Truncate(1<<30), f.Close())
		}},
	}
	faults = append(faults, fault{"not readable", func() error { return errors.Join(os.Chmod(path, 0), asNobody()) }})
	for i := range good {
		if i < len(good)-1 { // without its line feed, it is whole
			faults = append(faults, fault{fmt.Sprintf("cut off at byte %d", i), replaced(good[:i])})
		}
		for bit := range 8 {
			flipped := bytes.Clone(good)
			flipped[i] ^= 1 << bit
			faults = append(faults, fault{fmt.Sprintf("bit %d of byte %d flipped", bit, i), replaced(flipped)})
		}
	}
	for _, f := range faults {
		before := k.Stats(base).Loads
		if err := f.do(); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		err := errors.Join(k.Reload(t.Context()), asMyself())
		if err == nil || k.now.Load() != snapshot {
			t.Fatalf("%s: Reload returns %v, and the ring is %v", f.name, err, k.Ring())
		}
		if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], "going on with the present ring") {
			t.Errorf("%s: logged is %q", f.name, lines)
		}
		after := k.Stats(base).Loads
		if n := after.Unreadable + after.Invalid - before.Unreadable - before.Invalid; n != 1 || after.Adopted != 1 || after.Refused != 0 {
			t.Errorf("%s: %+v, and before %+v", f.name, after, before)
		}
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, good, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := k.Reload(t.Context()); err != nil {
			t.Fatalf("after %s: %v", f.name, err)
		}
		if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], "in order again") {
			t.Errorf("after %s: logged is %q", f.name, lines)
		}
		snapshot = k.now.Load()
	}
	t.Logf("%d faults, %d requests", len(faults), stop())
}

// asNobody gives up that root may read everything, until asMyself.
func asNobody() error {
	if os.Getuid() != 0 {
		return nil
	}
	return syscall.Seteuid(65534)
}

func asMyself() error { return syscall.Seteuid(os.Getuid()) }

// publisher writes generations of a ring in some way, and remembers them.
type publisher struct {
	rings map[string]bool // by checksum
	last  *Ring
}

func newPublisher(r *Ring) *publisher { return &publisher{map[string]bool{r.checksum: true}, r} }

func (p *publisher) next(t *testing.T) []byte {
	d := p.last.Document()
	d.Generation++
	d.Published = base.Add(time.Duration(d.Generation) * time.Second)
	p.last = newTestRing(t, d)
	p.rings[p.last.checksum] = true
	return encoded(t, p.last)
}

// watched returns a keyring that a watch alone keeps up to date. The system has
// few watches for all its processes: it waits until there is one to be had.
func watched(t *testing.T, log *journal, path string) *Keyring {
	t.Helper()
	for range 600 {
		log.taken()
		k, err := Loader{Interval: 24 * time.Hour}.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(log.taken(), func(line string) bool { return strings.Contains(line, "no watch") }) {
			t.Cleanup(func() { k.Close() })
			return k
		}
		k.Close()
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the system has no watch to give")
	return nil
}

// However the file is replaced, a watch finds the last ring long before a poll
// would, no ring is in use that was not written whole, and no request fails.
func TestAWatchFindsTheFileHoweverItIsReplaced(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string, data []byte)
		publish func(t *testing.T, path string, n int, data []byte)
	}{
		{"written in place", func(t *testing.T, path string, data []byte) { write(t, path, data, 0o600) },
			func(t *testing.T, path string, n int, data []byte) {
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				for part := range slices.Chunk(data, 100) { // and seen by halves
					if _, err := f.Write(part); err != nil {
						t.Fatal(err)
					}
				}
				f.Close()
			}},
		{"renamed over", func(t *testing.T, path string, data []byte) { write(t, path, data, 0o600) },
			func(t *testing.T, path string, n int, data []byte) {
				write(t, path+".new", data, 0o600)
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			}},
		{"removed and made again", func(t *testing.T, path string, data []byte) { write(t, path, data, 0o600) },
			func(t *testing.T, path string, n int, data []byte) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				write(t, path, data, 0o600)
			}},
		{"as Kubernetes does", func(t *testing.T, path string, data []byte) { volume(t, path, 0, data) }, volume},
		{"behind a link", func(t *testing.T, path string, data []byte) {
			elsewhere := filepath.Join(t.TempDir(), "real.json")
			write(t, elsewhere, data, 0o600)
			if err := os.Symlink(elsewhere, path); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, path string, n int, data []byte) {
			target, err := filepath.EvalSymlinks(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, target+".new", data, 0o600)
			if err := os.Rename(target+".new", target); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := listen(t)
			path := filepath.Join(t.TempDir(), "ring.json")
			p := newPublisher(founded(t, signer.HMACSHA256()))
			tt.prepare(t, path, encoded(t, p.last))
			k := watched(t, log, path)
			stop := requests(t, k)
			seen := map[string]bool{}
			for n := range 60 { // at 100 Hz
				tt.publish(t, path, n+1, p.next(t))
				time.Sleep(10 * time.Millisecond)
				seen[k.Ring().Checksum()] = true
			}
			for end := time.Now().Add(10 * time.Second); k.Ring().checksum != p.last.checksum; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("in use is %v, the last is %v: %+v", k.Ring(), p.last, k.Stats(base))
				}
			}
			for checksum := range seen {
				if !p.rings[checksum] {
					t.Error("a ring is in use that was never written")
				}
			}
			// And once more, when all is calm.
			tt.publish(t, path, 1000, p.next(t))
			for end := time.Now().Add(10 * time.Second); k.Ring().checksum != p.last.checksum; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("later, in use is %v, the last is %v: %+v", k.Ring(), p.last, k.Stats(base))
				}
			}
			st := k.Stats(base)
			t.Logf("%d requests, %+v", stop(), st.Loads)
			if st.Failure != "" || st.Loads.Refused != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// Links may have any name, as where each release has a directory of its own.
func TestAWatchFollowsALinkOfAnyName(t *testing.T) {
	log := listen(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	p := newPublisher(founded(t, signer.HMACSHA256()))
	release := func(n int, data []byte) {
		name := fmt.Sprintf("release%d", n)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "ring.json"), data, 0o600)
		link := filepath.Join(dir, "link")
		if err := errors.Join(os.Symlink(name, link), os.Rename(link, filepath.Join(dir, "present"))); err != nil {
			t.Fatal(err)
		}
	}
	release(0, encoded(t, p.last))
	if err := os.Symlink("present/ring.json", path); err != nil {
		t.Fatal(err)
	}
	k := watched(t, log, path)
	find := func() {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); k.Ring().checksum != p.last.checksum; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("in use is %v, the last is %v: %+v", k.Ring(), p.last, k.Stats(base))
			}
		}
	}
	for n := range 10 {
		release(n+1, p.next(t))
		find()
	}
	// In the directory that the links lead to now.
	write(t, filepath.Join(dir, "present", "ring.json"), p.next(t), 0o600)
	find()
	// Those that they led to are watched no longer.
	time.Sleep(4 * calm)
	before := k.Stats(base).Loads
	for n := range 10 {
		write(t, filepath.Join(dir, fmt.Sprintf("release%d", n), "ring.json"), nil, 0o600)
	}
	time.Sleep(4 * calm)
	if after := k.Stats(base).Loads; after != before {
		t.Errorf("%+v, and before %+v", after, before)
	}
}

// A directory that is reached by a link is watched once, and for good.
func TestAWatchStaysOnADirectoryBehindALink(t *testing.T) {
	log := listen(t)
	dir, other := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "link", "ring.json")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o700), os.Symlink("real", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	p := newPublisher(founded(t, signer.HMACSHA256()))
	write(t, path, encoded(t, p.last), 0o600)
	k := watched(t, log, path)
	write(t, filepath.Join(other, "ring.json"), p.next(t), 0o600)
	steps := []func() error{
		func() error { return os.Symlink(filepath.Join(other, "ring.json"), path+".new") },
		func() error { return os.WriteFile(path+".new", p.next(t), 0o600) },
	}
	for i, step := range steps {
		if err := errors.Join(step(), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); k.Ring().checksum != p.last.checksum; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("step %d: in use is %v, the last is %v", i, k.Ring(), p.last)
			}
		}
	}
}

// The directory that the file really is in is watched besides that of the path,
// and nothing else: not the one before, nor the one that the process is in.
func TestWatchedIsWhereTheFileIs(t *testing.T) {
	dir, other, third := t.TempDir(), t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other, third} {
		write(t, filepath.Join(d, "real.json"), nil, 0o600)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, path := range []string{"ring.json", filepath.Join(dir, "ring.json"), filepath.Join(link, "ring.json")} {
		w, err := fsnotify.NewWatcher()
		if err == nil {
			defer w.Close()
			err = w.Add(filepath.Dir(path))
		}
		if err != nil {
			t.Skip(err)
		}
		known := ""
		lead := func(to string, want ...string) {
			t.Helper()
			os.Remove(path)
			if to != "" {
				if err := os.Symlink(to, path); err != nil {
					t.Fatal(err)
				}
			}
			known = (&follower{path: path}).watchElsewhere(w, known)
			got := w.WatchList()
			slices.Sort(got)
			want = append(want, filepath.Dir(path))
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s leads to %q: watched are %q, want %q", path, to, got, want)
			}
		}
		lead("real.json")
		lead(filepath.Join(other, "real.json"), other)
		lead("", other) // for as long as it is not known where it is
		lead(filepath.Join(third, "real.json"), third)
		lead("real.json")
		// What is watched already is left alone.
		lead(filepath.Join(other, "real.json"), other)
		w.Remove(other)
		lead(filepath.Join(other, "real.json"))
	}
}

// A watch that has lost something says so, and then there is a reason to look.
func TestAnOverflowIsAReasonToLook(t *testing.T) {
	f := &follower{path: filepath.Join(t.TempDir(), "nowhere"), changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error, 1)}
	w.Errors <- fsnotify.ErrEventOverflow
	go f.heed(ctx, w, "")
	select {
	case <-f.changed:
	case <-time.After(10 * time.Second):
		t.Error("nobody is told")
	}
}

// What watches the file ends also if nobody heeds what it says.
func TestAWatchThatNobodyHeedsEnds(t *testing.T) {
	f := &follower{path: filepath.Join(t.TempDir(), "ring.json"), changed: make(chan struct{}, 1)}
	release := f.watch(t.Context())
	for end := time.Now().Add(calm); time.Now().Before(end); time.Sleep(time.Millisecond) {
		write(t, f.path, nil, 0o600)
	}
	done := make(chan struct{})
	go func() {
		release()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}

// Neither Close nor an Open that fails leaves goroutines or open files.
func TestCloseLeavesNothing(t *testing.T) {
	listen(t)
	path := filepath.Join(t.TempDir(), "ring.json")
	write(t, path, encoded(t, founded(t, signer.HMACSHA256())), 0o600)
	invalid := filepath.Join(filepath.Dir(path), "invalid.json")
	write(t, invalid, []byte("{}"), 0o600)
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(files)
	}
	files, goroutines := open(), runtime.NumGoroutine()
	for range 50 {
		k, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(k.Close(), k.Close()); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{invalid, filepath.Join(invalid, "nowhere", "ring.json")} {
			if _, err := Open(path); err == nil {
				t.Fatalf("%s is opened", path)
			}
		}
	}
	// What package fsnotify closes ends a moment later.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines || open() > files; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, and before %d; %d open files, and before %d", runtime.NumGoroutine(), goroutines, open(), files)
		}
	}
}

// Whatever comes of it, neither a read nor a write leaves a file open.
func TestFilesAreClosed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close them
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(files)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "ring.json")
	failed := errors.New("failed")
	sound := disk{(*os.File).Sync, os.Rename}
	for _, tt := range []struct {
		name string
		do   func() error
		want error
	}{
		{"a write", func() error { return sound.replace(path, shopFile(t)) }, nil},
		{"a read", func() error { _, err := ReadFile(path); return err }, nil},
		{"a write that fails", func() error { return disk{func(*os.File) error { return failed }, os.Rename}.replace(path, nil) }, failed},
	} {
		before := open()
		for range 20 {
			if err := tt.do(); !errors.Is(err, tt.want) {
				t.Fatalf("%s: %v", tt.name, err)
			}
		}
		if after := open(); after >= before+20 {
			t.Errorf("%s: %d open files, and before %d", tt.name, after, before)
		}
	}
}

// A file may be longer than it says: one that grows, and some of the system's.
func TestNoMoreIsReadThanARingMayHave(t *testing.T) {
	const path = "/proc/kallsyms"
	if data, err := os.ReadFile(path); err != nil || len(data) <= maxFile+1 {
		t.Skip("the system has no such file", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		t.Skip("the system says how long it is")
	}
	if data, err := readOpened(path); err != nil || len(data) != maxFile+1 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "more than 256 KiB") {
		t.Errorf("%v", err)
	}
}

// volume publishes a file as the kubelet does: in a directory of its own, to which
// ..data is a link that is renamed over the former one.
func volume(t *testing.T, path string, n int, data []byte) {
	t.Helper()
	dir := filepath.Dir(path)
	name := fmt.Sprintf("..2026_10_01_%d", n)
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name, filepath.Base(path)), data, 0o644)
	former, err := os.Readlink(filepath.Join(dir, "..data"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if former == "" {
		if err := os.Symlink(filepath.Join("..data", filepath.Base(path)), path); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.RemoveAll(filepath.Join(dir, former)); err != nil {
		t.Fatal(err)
	}
}
