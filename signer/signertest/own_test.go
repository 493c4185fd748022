package signertest_test

import (
	"testing"

	"github.com/keyturn/keyturn/signer/signertest"
)

func TestAES256GCM(t *testing.T) { signertest.Run(t, AES256GCM()) }

func BenchmarkAES256GCM(b *testing.B) { benchmarkBesideOthers(b) }
