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
	payload, ok := open()
	if !ok || !bytes.Equal(payload, raw[token.MinHeader:len(raw)-32]) {
		t.Errorf("opened %t, %q", ok, payload)
	}
	if again := seal(); again != value {
		t.Errorf("%s instead of %s", again, value)
	}
	for _, v := range []struct {
		value string
		want  error
	}{{value, nil}, {flip(value), ErrForged}, {"x" + value, ErrMalformed}} {
		if err := bare.Judge(m, t0, v.value)(); err != v.want {
			t.Errorf("%s: %v instead of %v", v.value, err, v.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a forged token can be measured as one that opens")
		}
	}()
	bare.Of(m, t0, flip(value))
}
