package keyring

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// watch has the follower look at its file when something happens to it, until
// ctx is done. The function that it returns releases what that takes.
//
// It is a hint and no more: what the polls find is what counts, so that a watch
// that cannot be had, or that dies, costs nothing but time. Watched is the
// directory, since a watch on the file would go with the file when another is
// renamed over it; and the directory that the file really is in, if the path
// leads there by symbolic links. Kubernetes replaces a link named ..data.
func (f *follower) watch(ctx context.Context) (release func()) {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		err = w.Add(filepath.Dir(f.path))
	}
	if err != nil {
		slog.Debug("keyring: no watch on the directory of the ring file, which is looked at all the same", "error", err)
		if w != nil {
			w.Close()
		}
		return func() {}
	}
	elsewhere := f.watchElsewhere(w, "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.heed(ctx, w, elsewhere)
	}()
	return func() {
		w.Close()
		<-done
	}
}

// heed passes on what a watch says. Whatever happens there is a reason to look:
// there is no telling which of the links is the one that leads to the file.
func (f *follower) heed(ctx context.Context, w *fsnotify.Watcher, elsewhere string) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-w.Errors: // an overflow is a reason to look as well
			if !ok {
				return
			}
		case _, ok := <-w.Events:
			if !ok {
				return
			}
		}
		elsewhere = f.watchElsewhere(w, elsewhere)
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
}

// watchElsewhere watches the directory that the file really is in, where it is not
// that of the path, in the place of the one known so far, and returns it.
func (f *follower) watchElsewhere(w *fsnotify.Watcher, known string) string {
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return known // it is being replaced, or gone
	}
	dir := filepath.Dir(target)
	if sameDirectory(dir, filepath.Dir(f.path)) {
		dir = ""
	}
	if dir == known {
		return known
	}
	// What fails is left to the polls.
	if known != "" {
		w.Remove(known)
	}
	if dir != "" {
		w.Add(dir)
	}
	return dir
}

func sameDirectory(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
