package codectest

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// testDamage changes encodings in many ways. What is decoded nonetheless must be
// a value like any other: one that can be encoded, and then comes back.
func testDamage(t *testing.T, c codec.Codec) {
	random := rand.New(rand.NewPCG(1, 2))
	small := map[string]any{"a": []any{"x", int64(7), 7.5, nil, true}, "t": time.Unix(1, 1).UTC(), "b": []byte("b"), "m": map[string]any{"n": "$"}}
	seeds := [][]byte{encode(t, c, small), encode(t, c, records()[1]), encode(t, c, kinds())}
	try := func(data []byte) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("a panic: %v, from % x", r, data)
			}
		}()
		var v any
		if err := c.Decode(data, &v); err == nil {
			again, err := c.Append(nil, &v)
			if err != nil {
				t.Fatalf("what was decoded cannot be encoded: %v, from % x", err, data)
			}
			if back := decode[any](t, c, again); !same(back, v) {
				t.Fatalf("what was decoded comes back as another: %#v and %#v, from % x", v, back, data)
			}
		}
		var m record
		if err := c.Decode(data, &m); err == nil {
			if _, err := c.Append(nil, &m); err != nil {
				t.Fatalf("a struct that was decoded cannot be encoded: %v, from % x", err, data)
			}
		}
	}
	var before, after runtime.MemStats
	for _, seed := range seeds {
		tries := 0
		runtime.ReadMemStats(&before)
		for range 3000 {
			data := bytes.Clone(seed)
			for range 1 + random.IntN(3) {
				switch i := random.IntN(len(data)); random.IntN(5) {
				case 0:
					data[i] ^= 1 << random.IntN(8)
				case 1:
					data[i] = byte(random.Uint32())
				case 2:
					data = append(data[:i], data[i+1:]...)
				case 3:
					data = append(data[:i:i], append([]byte{byte(random.Uint32())}, data[i:]...)...)
				case 4:
					data[i] = 0xff
				}
				if len(data) == 0 {
					break
				}
			}
			try(data)
			tries++
		}
		runtime.ReadMemStats(&after)
		if perTry := (after.TotalAlloc - before.TotalAlloc) / uint64(tries); perTry > 1<<20 {
			t.Errorf("damaged data of %d bytes make for %d bytes allocated each, want no more than 1 MB", len(seed), perTry)
		}
	}
	for n := range 64 {
		for range 200 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			try(data)
		}
	}
	// Every first byte before a length that is not there.
	for first := range 256 {
		data := append([]byte{byte(first)}, bytes.Repeat([]byte{0xff}, 8)...)
		for n := 1; n <= len(data); n++ {
			runtime.ReadMemStats(&before)
			try(data[:n])
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("% x makes for %d bytes allocated, want no more than 1 MB", data[:n], got)
			}
		}
	}
}
