package codec_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// vectors is the folder of standard test vectors: that of KEYTURN_VECTORS, or the
// one that lies beside the repository. Without it the test is skipped, and what
// is in testdata has to do.
func vectors(t testing.TB) string {
	dir := os.Getenv("KEYTURN_VECTORS")
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("KEYTURN_VECTORS: %v", err)
		}
		return dir
	}
	dir = filepath.Join("..", "..", "shared", "vectors", "standards")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no folder of standard vectors; set KEYTURN_VECTORS to have them tested")
	}
	return dir
}

func readJSON[T any](t testing.TB, file string) T {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func codecNamed(t testing.TB, name string) codec.Codec {
	t.Helper()
	for _, c := range codecs {
		if c.Name() == name {
			return c
		}
	}
	t.Fatalf("no codec %q", name)
	return nil
}
