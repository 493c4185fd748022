package signertest_test

import (
	"testing"

	"github.com/keyturn/keyturn/signer"
	"github.com/keyturn/keyturn/signer/signertest"
)

// sizes are those of the application's own sessions, encoded, in bytes: keyturn
// inspect shows the payload of a cookie, and codectest.Benchmark what a codec
// makes of a value.
var sizes = []int{132, 900}

// benchmarkBesideOthers measures an algorithm of one's own, AES256GCM of the example
// of Run, beside the built-in ones.
func benchmarkBesideOthers(b *testing.B) {
	for _, a := range append(signer.All(), AES256GCM()) {
		b.Run(a.Name, func(b *testing.B) { signertest.Benchmark(b, a, sizes...) })
	}
}

func ExampleBenchmark() {
	// func BenchmarkAES256GCM(b *testing.B) { benchmarkBesideOthers(b) }
	_ = func(b *testing.B) { benchmarkBesideOthers(b) }
}
