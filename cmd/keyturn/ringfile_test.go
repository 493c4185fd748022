package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestCreateLeavesNothingBehindOnFailure(t *testing.T) {
	a := signer.HMACSHA256()
	nameless, err := keyring.NewRing(keyring.Document{Keys: func() []keyring.Key {
		k := keyring.GenerateKey(a)
		k.SignFrom = time.Now()
		return []keyring.Key{k}
	}()})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keyring.json")
	if err := createRing(path, nameless); err == nil {
		t.Error("a ring that no file can hold was written")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
	good, err := firstRing("test", a, defaultPolicy(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := createRing(path, good); err != nil {
		t.Fatal(err)
	}
	if err := createRing(path, good); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second time: %v", err)
	}
	keys, err := keyring.Open(path)
	if err != nil || keys.Ring().Checksum() != good.Checksum() {
		t.Errorf("the ring is another: %v", err)
	}
}

func TestAlgorithmsHaveTheirNames(t *testing.T) {
	for _, name := range algorithmNames {
		if a, ok := algorithmNamed(name); !ok || a.Name != name {
			t.Errorf("%s is %s", name, a.Name)
		}
	}
	for _, name := range []string{"", "md5", "HMAC-SHA256"} { // none stands for another
		if a, ok := algorithmNamed(name); ok || a.Name != "" {
			t.Errorf("%q is %s", name, a.Name)
		}
	}
}
