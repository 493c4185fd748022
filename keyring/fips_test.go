package keyring

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// With HMAC-SHA256 keys, everything works where only what FIPS 140 approves may
// run; other keys make no keyring, instead of failing later.
func TestFIPS140Only(t *testing.T) {
	if os.Getenv("KEYRING_TEST_FIPS") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPS140Only$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "KEYRING_TEST_FIPS=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "fips140=only is in force") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if !fips140.Enforced() {
		t.Fatal("fips140=only is not in force")
	}
	t.Log("fips140=only is in force")

	bind(t, Ephemeral(), Use{Name: "session"})
	a, b := hmacKeyAt(t, 1, base), newKey(t, 2, signer.HMACSHA256())
	path := filepath.Join(t.TempDir(), "ring.json")
	if err := WriteFile(path, newTestRing(t, Document{Name: "r", Generation: 1, Keys: []Key{a, b}})); err != nil {
		t.Fatal(err)
	}
	k, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	binding := bind(t, k, Use{Name: "session", Audience: "shop"})
	p, err := binding.Subkeys().Primary(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tag := p.Signer.Sign(nil, []byte("m"))
	if err := k.Replace(next(t, k.Ring(), func(d *Document) { d.Keys = append(d.Keys, GenerateKey(signer.HMACSHA256())) })); err != nil {
		t.Fatal(err)
	}
	v, err := binding.Subkeys().Lookup(p.ID, time.Now())
	if err != nil || !v.Signer.Verify([]byte("m"), tag) {
		t.Errorf("%v, %v", v, err)
	}

	for _, other := range []signer.Algorithm{signer.BLAKE2b256(), signer.XChaCha20Poly1305()} {
		// A key that cannot be used here does not keep the others from being used.
		key := GenerateKey(other)
		key.SignFrom = base.Add(time.Hour)
		if err := k.Replace(next(t, k.Ring(), func(d *Document) { d.Keys = append(d.Keys, key) })); err != nil {
			t.Fatal(err)
		}
		if s := k.Ring().State(key.ID(), time.Now()); s != Unsupported {
			t.Errorf("%s is %v", key, s)
		}
		if _, err := binding.Subkeys().Lookup(key.ID(), time.Now()); err != ErrUnknownKey {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := NewRing(Document{Keys: []Key{key}}); err == nil {
			t.Errorf("%s alone makes a ring", key)
		}
	}
}
