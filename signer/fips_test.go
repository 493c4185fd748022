package signer_test

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
	"github.com/keyturn/keyturn/signer/signertest"
)

// With HMAC keys only, all goes on as always where nothing but FIPS 140 is
// allowed. The setting holds for a process from its start, so this one runs its
// own tests again in another.
func TestFIPSOnly(t *testing.T) {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "js/wasm", "wasip1/wasm", "windows/386", "windows/arm", "aix/ppc64":
		t.Skip("Go has no FIPS 140 mode here")
	}
	if runtime.GOOS == "openbsd" {
		t.Skip("Go has no FIPS 140 mode here")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tests := []string{"TestInsideFIPSOnly", "TestHMACSHA256OfWycheproof"}
	cmd := exec.Command(exe, "-test.v", "-test.run=^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("under GODEBUG=fips140=only: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+tests[0]) {
		t.Fatalf("%s did not run:\n%s", tests[0], out)
	}
	t.Logf("%d tests passed under GODEBUG=fips140=only", strings.Count(string(out), "--- PASS: "))
}

func TestInsideFIPSOnly(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("TestFIPSOnly runs this")
	}
	signertest.Run(t, signer.HMACSHA256())

	if _, err := signer.BLAKE2b256().NewSigner(testKey); err == nil || !strings.Contains(err.Error(), "blake2b-256 is not approved by FIPS 140") {
		t.Errorf("BLAKE2b256: %v", err)
	}
	if _, err := signer.XChaCha20Poly1305().NewSealer(testKey); err == nil || !strings.Contains(err.Error(), "xchacha20-poly1305 is not approved by FIPS 140") {
		t.Errorf("XChaCha20Poly1305: %v", err)
	}
	// Someone who knows what they do may still say so.
	fips140.WithoutEnforcement(func() {
		made(t, signer.BLAKE2b256(), testKey)
		made(t, signer.XChaCha20Poly1305(), testKey)
	})
}
