package signer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
	"github.com/keyturn/keyturn/signer/signertest"
)

var algorithms = signer.All()

func TestBuiltIn(t *testing.T) {
	for _, a := range algorithms {
		t.Run(a.Name, func(t *testing.T) { signertest.Run(t, a) })
	}
}

func BenchmarkBuiltIn(b *testing.B) {
	for _, a := range algorithms {
		b.Run(a.Name, func(b *testing.B) { signertest.Benchmark(b, a) })
	}
}

var testKey = []byte("a key of 32 bytes, for this test")

// made returns a Signer or Sealer as what it is.
func made(t testing.TB, a signer.Algorithm, key []byte) any {
	t.Helper()
	if a.Seals() {
		s, err := a.NewSealer(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, err := a.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The names and sizes are in tokens and ring files, and can never change.
func TestNamesAndSizes(t *testing.T) {
	sizes := map[string]int{"hmac-sha256": 32, "blake2b-256": 32, "xchacha20-poly1305": 40}
	for _, a := range algorithms {
		size := 0
		switch s := made(t, a, testKey).(type) {
		case signer.Signer:
			size = s.Size()
		case signer.Sealer:
			size = s.Overhead()
		}
		if want, ok := sizes[a.Name]; !ok || size != want {
			t.Errorf("%s: size %d, want %d", a.Name, size, want)
		}
		delete(sizes, a.Name)
	}
	for name := range sizes {
		t.Errorf("no algorithm %s", name)
	}
}

func TestKeyIsCopied(t *testing.T) {
	for _, a := range algorithms {
		key := bytes.Clone(testKey)
		early, late := made(t, a, key), made(t, a, testKey)
		clear(key)
		switch early := early.(type) {
		case signer.Signer:
			if !late.(signer.Signer).Verify(nil, early.Sign(nil, nil)) {
				t.Errorf("%s: clearing the key changed the signer", a.Name)
			}
		case signer.Sealer:
			if _, ok := late.(signer.Sealer).Open(nil, early.Seal(nil, nil, nil), nil); !ok {
				t.Errorf("%s: clearing the key changed the sealer", a.Name)
			}
		}
	}
}

// What is printed is the same for every key, to the letter: nothing that is
// derived from the key shows either.
func TestOnlyTheNameShows(t *testing.T) {
	for _, a := range algorithms {
		s, want := made(t, a, testKey), a.Name+" (key hidden)"
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			if got := fmt.Sprintf(verb, s); got != want {
				t.Errorf("%s under %s: %s", a.Name, verb, got)
			}
			if got := fmt.Sprintf(verb, struct{ S any }{s}); !strings.Contains(got, want) {
				t.Errorf("%s in a struct under %s: %s", a.Name, verb, got)
			}
		}
		if got, err := json.Marshal(s); err != nil || string(got) != `"`+want+`"` {
			t.Errorf("%s in JSON: %s, %v", a.Name, got, err)
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "s", s)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("", "s", s)
		if strings.Count(log.String(), want) != 2 {
			t.Errorf("%s in slog: %s", a.Name, log.String())
		}
	}
}

// Some packages print what they reach through unexported fields and pointers.
func TestReflectionDoesNotReachTheKey(t *testing.T) {
	if !reaches(reflect.ValueOf(&struct{ a any }{&struct{ b [32]byte }{[32]byte(testKey)}}), testKey) {
		t.Fatal("the search finds nothing")
	}
	for _, a := range algorithms {
		s := made(t, a, testKey)
		if s, ok := s.(signer.Signer); ok {
			s.Sign(nil, testKey) // so that there is something in the pool
		}
		if reaches(reflect.ValueOf(s), testKey) {
			t.Errorf("%s: reflection reaches the key", a.Name)
		}
	}
}

// reaches reports whether a byte slice or array that holds key, or a part that
// is as long as a quarter, is reachable from v.
func reaches(v reflect.Value, key []byte) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && reaches(v.Elem(), key)
	case reflect.Struct:
		for i := range v.NumField() {
			if reaches(v.Field(i), key) {
				return true
			}
		}
	case reflect.Map:
		for k, e := range v.Seq2() {
			if reaches(k, key) || reaches(e, key) {
				return true
			}
		}
	case reflect.String:
		return strings.Contains(v.String(), string(key[:len(key)/4]))
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				if reaches(v.Index(i), key) {
					return true
				}
			}
			return false
		}
		var held []byte
		for i := range v.Len() {
			held = append(held, byte(v.Index(i).Uint()))
		}
		return bytes.Contains(held, key[:len(key)/4])
	}
	return false
}

func TestOverlapPanics(t *testing.T) {
	s := made(t, signer.XChaCha20Poly1305(), testKey).(signer.Sealer)
	panics := func(f func()) (did bool) {
		defer func() { did = recover() != nil }()
		f()
		return
	}
	// For every place of a short message, also where the cipher by itself
	// would not mind, but would encrypt its own nonce.
	for at := range 200 {
		buf := make([]byte, 300)
		sealed := s.Seal(nil, make([]byte, 10), nil)
		inside := at < 100+50 && at+10 > 100 // appended: buf[100:150]
		if got := panics(func() { s.Seal(buf[:100], buf[at:at+10], nil) }); got != inside {
			t.Fatalf("Seal, plaintext at %d: panic %t", at, got)
		}
		if got := panics(func() { s.Seal(buf[:100], make([]byte, 10), buf[at:at+10]) }); got != inside {
			t.Fatalf("Seal, additional at %d: panic %t", at, got)
		}
		copy(buf[at:], sealed)
		inside = at < 100+10 && at+50 > 100 // appended: buf[100:110]
		if got := panics(func() { s.Open(buf[:100], buf[at:at+50], nil) }); got != inside {
			t.Fatalf("Open, sealed at %d: panic %t", at, got)
		}
		inside = at < 100+10 && at+10 > 100
		if got := panics(func() { s.Open(buf[:100], sealed, buf[at:at+10]) }); got != inside {
			t.Fatalf("Open, additional at %d: panic %t", at, got)
		}
	}
	// In place is fine where there is room, and where there is none.
	buf := make([]byte, 20)
	if panics(func() { s.Seal(buf[:0], buf, nil) }) {
		t.Error("a slice that has to grow overlaps nothing")
	}
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops what it holds under the race detector")
	}
	free := func(name string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for _, n := range []int{0, 16, 132, 2900} {
		msg, additional, dst := make([]byte, n), make([]byte, 22), make([]byte, 22, n+100)
		for _, a := range algorithms {
			switch s := made(t, a, testKey).(type) {
			case signer.Signer:
				right, wrong := s.Sign(nil, msg), make([]byte, s.Size())
				free(a.Name+" Sign", func() { s.Sign(dst, msg) })
				free(a.Name+" Sign in place", func() { s.Sign(dst, dst) })
				free(a.Name+" Verify, right", func() { s.Verify(msg, right) })
				free(a.Name+" Verify, wrong", func() { s.Verify(msg, wrong) })
				free(a.Name+" Verify, short", func() { s.Verify(msg, wrong[:8]) })
			case signer.Sealer:
				right, wrong := s.Seal(nil, msg, additional), make([]byte, n+s.Overhead())
				free(a.Name+" Seal", func() { s.Seal(dst, msg, dst) })
				free(a.Name+" Open, right", func() { s.Open(dst, right, additional) })
				free(a.Name+" Open, wrong", func() { s.Open(dst, wrong, additional) })
				free(a.Name+" Open, short", func() { s.Open(dst, wrong[:8], additional) })
			}
		}
	}
}

// Growing dst is one allocation, not several.
func TestOneAllocationToGrow(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops what it holds under the race detector")
	}
	msg := make([]byte, 132)
	for _, a := range algorithms {
		var f func()
		switch s := made(t, a, testKey).(type) {
		case signer.Signer:
			f = func() { s.Sign(nil, msg) }
		case signer.Sealer:
			f = func() { s.Seal(nil, msg, nil) }
		}
		if n := testing.AllocsPerRun(200, f); n != 1 {
			t.Errorf("%s: %v allocations to grow dst", a.Name, n)
		}
	}
}
