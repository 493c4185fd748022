package session

import (
	"bytes"
	"testing"

	bare "github.com/keyturn/keyturn/internal/envelope"
	"github.com/keyturn/keyturn/session/internal/token"
)

// What the benchmarks measure is what Open and Seal do, all but the codec's part.
func TestBenchmarksMeasureTheEnvelopeOfSessions(t *testing.T) {
	m := newManager[visit](t, Config{})
	value := signedIn(t, m, t0, visit{User: "tom"})
	raw := decodeText(t, value)
	open, seal := bare.Of(m, t0, value)
	payload, err := open(t0)
	if err != nil || !bytes.Equal(payload, raw[token.MinHeader:len(raw)-32]) {
		t.Errorf("opened %q, %v", payload, err)
	}
	if again := seal(t0); again != value {
		t.Errorf("%s instead of %s", again, value)
	}
	open, seal = bare.Of(m, t0, flip(value))
	if _, err := open(t0); err != ErrForged || seal != nil {
		t.Errorf("of a forged token: %v", err)
	}
}
