package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a lock that another process has is tried again.
const lockPoll = 20 * time.Millisecond

// lockRing keeps other processes of this program from editing the ring file, for
// as long as it takes, and waits for one that edits it. What it returns lets go
// of it.
//
// The lock is on a file of its own beside the ring, which is never removed: the
// ring is a new file after every edit, and a lock file that another took the
// place of would keep nobody out. The system lets go of the lock when its process
// ends, however it ends, so that the file does no harm. Anybody who may look for
// it can take it, so that operators may be different users.
func lockRing(path string, wait time.Duration) (unlock func(), err error) {
	path = realPath(path)
	l := flock.New(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), flock.SetPermissions(0o644))
	ok, err := l.TryLock()
	if err == nil && !ok {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if ok, err = l.TryLockContext(ctx, lockPoll); errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
	}
	switch {
	case err != nil:
		return nil, failf(statusOutput, "%s cannot be locked for the edit: %w", path, err)
	case !ok:
		return nil, failf(statusBusy, "%s: somebody else is editing it; nothing is changed: try again", path)
	}
	removeLeftovers(path)
	return func() { l.Close() }, nil
}

// leftover is the age from which on a temporary file is one that was left behind.
const leftover = time.Hour

// removeLeftovers removes the temporary files of edits that were killed. The one
// who calls it has the lock, so that no edit of this program uses one; but another
// program that calls keyring.WriteFile may, so that those of late are left alone.
func removeLeftovers(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return // whoever can only write loses nothing but tidiness
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "."+filepath.Base(path)+".")
		number, isTemp := strings.CutSuffix(name, ".tmp")
		if !ok || !isTemp || strings.Trim(number, "0123456789") != "" || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > leftover {
			os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

// realPath follows symbolic links, if it can.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
