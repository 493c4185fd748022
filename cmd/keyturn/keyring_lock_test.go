package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// Who has let go of the lock keeps nobody out, although the process goes on.
func TestTheLockIsLetGo(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	for range 2 {
		unlock, err := lockRing(path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lockRing(path, 0); complain(io.Discard, err) != 75 {
			t.Errorf("a second one has it as well: %v", err)
		}
		unlock()
	}
}

// age makes a file one of yesterday.
func age(t *testing.T, path string) {
	t.Helper()
	yesterday := time.Now().Add(-day)
	if err := os.Chtimes(path, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
}

// Nothing is removed but what an edit that was killed may have left behind.
func TestOnlyLeftoversAreRemoved(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	beside := func(name string) string { return filepath.Join(filepath.Dir(path), name) }
	for name, kept := range map[string]bool{
		".shop.json.123.tmp": false,
		".shop.json.x.tmp":   true,
		".shop.json.123":     true,
		"shop.json.123.tmp":  true,
		"123.tmp":            true,
		".blog.json.123.tmp": true,
	} {
		if err := os.WriteFile(beside(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		removeLeftovers(path)
		if _, err := os.Lstat(beside(name)); err != nil {
			t.Errorf("%s, which may be in use: %v", name, err)
		}
		age(t, beside(name))
		removeLeftovers(path)
		if _, err := os.Lstat(beside(name)); (err == nil) != kept {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Mkdir(beside(".shop.json.4.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	age(t, beside(".shop.json.4.tmp"))
	removeLeftovers(path)
	for _, name := range []string{".shop.json.4.tmp", "shop.json"} {
		if _, err := os.Lstat(beside(name)); err != nil {
			t.Error(err)
		}
	}
}
