package codectest

import (
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func encode(t *testing.T, c codec.Codec, v any) []byte {
	t.Helper()
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("Append of %T: %v", v, err)
	}
	return b
}

func decode[T any](t *testing.T, c codec.Codec, data []byte) T {
	t.Helper()
	var v T
	if err := c.Decode(data, &v); err != nil {
		t.Fatalf("Decode into %T: %v", &v, err)
	}
	return v
}
