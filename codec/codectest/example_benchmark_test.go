package codectest_test

import (
	"errors"
	"testing"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/codec/codectest"
)

// A versioned codec is one of one's own: CBOR behind a byte that says which layout
// of the application's it is.
type versioned struct{ inner codec.Codec }

func (versioned) ID() byte     { return 128 }
func (versioned) Name() string { return "versioned-cbor" }

func (c versioned) Append(dst []byte, v any) ([]byte, error) {
	out, err := c.inner.Append(append(dst, 1), v)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (c versioned) Decode(data []byte, v any) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("versioned-cbor: not of version 1")
	}
	return c.inner.Decode(data[1:], v)
}

// A Visit is a session of one's own.
type Visit struct {
	User  string           `json:"user"`
	Roles []string         `json:"roles"`
	Cart  map[string]int64 `json:"cart"`
}

// benchmarkVersioned measures the codec on the application's own sessions, beside
// the built-in codecs: as a struct, and as a session.Values has them.
func benchmarkVersioned(b *testing.B) {
	visit := &Visit{User: "tom@example.com", Roles: []string{"admin", "editor"}, Cart: map[string]int64{"apple": 3}}
	values := map[string]any{"user": "tom@example.com", "roles": []any{"admin", "editor"}, "cart": map[string]any{"apple": int64(3)}}
	for _, c := range append(codec.All(), versioned{codec.CBOR()}) {
		b.Run(c.Name(), func(b *testing.B) { codectest.Benchmark(b, c, visit, values) })
	}
}

func ExampleBenchmark() {
	// func BenchmarkVersioned(b *testing.B) { benchmarkVersioned(b) }
	_ = func(b *testing.B) { benchmarkVersioned(b) }
}
