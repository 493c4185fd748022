package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	good, err := firstRing("test", a, keyring.Policy{}, time.Now())
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

// What is kept encrypted need not be put into a file to be read.
func TestRingsAreReadFromStandardInput(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	former := store(t, path).text
	want(t, 0, "", "keyring", "rotate", path, "--in", "7d")
	// The file is new, or that on standard input is.
	if r := want(t, 0, former, "keyring", "plan", "-", path); !strings.Contains(r.out, path+": generation 8 can take the place of 7") {
		t.Errorf("%s", r.out)
	}
	if r := want(t, 1, former, "keyring", "plan", path, "-"); !strings.Contains(r.out, "T1: generation: lower") || !strings.Contains(r.out, "standard input: not to be published") {
		t.Errorf("%s", r.out)
	}
	want(t, 64, former, "keyring", "plan", "-", "-")
	want(t, 0, former, "keyring", "restore", path, "-")
	if k, err := readRing(t, path).Primary(time.Now().Add(300 * day)); err != nil || k.ID() != keys["active"] {
		t.Errorf("%v, %v", k, err)
	}
	before := store(t, path)
	for _, test := range []struct{ input, says string }{
		{"", "standard input: empty; has the command before this one failed?"},
		{"age: no identity matched", "standard input: line 1: not JSON"},
		{strings.Replace(former, `"ring": "shop"`, `"ring": "blog"`, 1), "run: keyturn keyring check FILE --write"},
		{former + strings.Repeat(" ", 2*maxRing), "more than 256 KiB"},
	} {
		for _, args := range []string{"restore @RING -", "plan - @RING", "plan @RING -"} {
			r := want(t, 65, test.input, append([]string{"keyring"}, expand(args, path, nil)...)...)
			if !strings.Contains(r.err, "keyturn: standard input: ") || !strings.Contains(r.err, test.says) || r.out != "" {
				t.Errorf("%s: %q, want %q", args, r.err, test.says)
			}
			hideSecrets(t, path, r)
		}
	}
	before.untouched(t, path)
}
