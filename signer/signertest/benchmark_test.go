package signertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
	"github.com/keyturn/keyturn/signer/signertest"
)

var unmeasured = map[string]struct {
	algorithm signer.Algorithm
	sizes     []int
	says      string
}{
	"neither": {signer.Algorithm{Name: "none"}, nil, "not exactly one of NewSigner and NewSealer is set"},
	"both": {
		signer.Algorithm{Name: "both", NewSigner: signer.HMACSHA256().NewSigner, NewSealer: signer.XChaCha20Poly1305().NewSealer},
		nil, "not exactly one of NewSigner and NewSealer is set",
	},
	"a negative size":                {signer.HMACSHA256(), []int{16, -1}, "a message of -1 bytes: sizes are 0 or more"},
	"a negative size of what seals":  {signer.XChaCha20Poly1305(), []int{-7}, "a message of -7 bytes"},
	"no size but 0 is no failure":    {signer.HMACSHA256(), []int{0}, ""},
	"none at all is no failure":      {signer.HMACSHA256(), nil, ""},
	"nor is it one of what can seal": {signer.XChaCha20Poly1305(), nil, ""},
}

// BenchmarkUnmeasured is for TestBenchmarkRefusesWhatItCannotMeasure.
func BenchmarkUnmeasured(b *testing.B) {
	test, ok := unmeasured[os.Getenv("SIGNERTEST_UNMEASURED")]
	if !ok {
		b.Skip("only for a test")
	}
	signertest.Benchmark(b, test.algorithm, test.sizes...)
}

func TestBenchmarkRefusesWhatItCannotMeasure(t *testing.T) {
	for name, test := range unmeasured {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkUnmeasured$", "-test.benchtime=1x")
			c.Env = append(os.Environ(), "SIGNERTEST_UNMEASURED="+name)
			out, err := c.CombinedOutput()
			if (err != nil) != (test.says != "") || !strings.Contains(string(out), test.says) || strings.Contains(string(out), "panic") ||
				strings.Contains(string(out), "ns/op") != (test.says == "") {
				t.Errorf("%v, want %q in\n%s", err, test.says, out)
			}
		})
	}
}
