package keyring

import (
	"context"
	"log/slog"
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
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.heed(ctx, w)
	}()
	return func() {
		w.Close()
		<-done
	}
}

// heed passes on what a watch says of the file.
func (f *follower) heed(ctx context.Context, w *fsnotify.Watcher) {
	target := f.watchTarget(w, "")
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-w.Errors: // an overflow is a reason to look as well
			if !ok {
				return
			}
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			switch filepath.Base(e.Name) {
			case filepath.Base(f.path), filepath.Base(target), "..data":
			default:
				continue // of another file
			}
		}
		target = f.watchTarget(w, target)
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
}

// watchTarget watches the directory that the path leads to, if it is not that of
// the target known so far, and returns the target.
func (f *follower) watchTarget(w *fsnotify.Watcher, known string) string {
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil || target == known {
		return known
	}
	if dir := filepath.Dir(target); dir != filepath.Dir(known) && dir != filepath.Dir(f.path) {
		w.Add(dir) // or else the next poll finds what changes there
	}
	return target
}
