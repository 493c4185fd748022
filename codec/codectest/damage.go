package codectest

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"time"
)

// checkDamage changes encodings in many ways. What is decoded nonetheless must be
// a value like any other: one that can be encoded, and then comes back.
func checkDamage(p *promise) {
	random := rand.New(rand.NewPCG(1, 2))
	small := map[string]any{"a": []any{"x", int64(7), 7.5, nil, true}, "t": time.Unix(1, 1).UTC(), "b": []byte("b"), "m": map[string]any{"n": "$"}}
	judge := func(data any) verdict { return harmless(p, data.([]byte)) }
	for _, seed := range [][]byte{p.encode(small), p.encode(records()[1]), p.encode(kinds())} {
		const tries = 3000
		var harmful [][]byte
		allocated := allocates(func() {
			for range tries {
				if data := damage(random, seed); judge(data).what != "" {
					harmful = append(harmful, data)
				}
			}
		})
		for _, data := range harmful {
			p.verify(data, judge)
		}
		if perTry := allocated / tries; perTry > maxAllocated {
			p.fail("damaged data make for more memory than 1 MB each", fact{"undamaged", showData(seed)}, note("got", "%d bytes allocated each", perTry))
		}
	}
	for n := range 64 {
		for range 200 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			p.verify(data, judge)
		}
	}
	// Every first byte before a length that is not there.
	for first := range 256 {
		data := append([]byte{byte(first)}, bytes.Repeat([]byte{0xff}, 8)...)
		for n := 1; n <= len(data); n++ {
			if got := allocates(func() { judge(data[:n]) }); got > maxAllocated {
				p.fail("a length that is not there makes for more memory than 1 MB", fact{"decoded", showData(data[:n])}, note("got", "%d bytes allocated", got))
			}
			p.verify(data[:n], judge)
		}
	}
}

// maxAllocated is far more than the codecs of package codec need.
const maxAllocated = 1 << 20

func allocates(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// damage returns data with one to three bytes changed, lost or added.
func damage(random *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
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
	return data
}

// harmless says what is wrong with what data are decoded to, if they are.
func harmless(p *promise, data []byte) verdict {
	decoded := fact{"decoded", showData(data)}
	var v any
	err := p.decode(data, &v)
	if isPanic(err) {
		return verdict{"Decode of damaged data panics", []fact{decoded, because(err)}}
	}
	if err == nil {
		value := fact{"value", describe(v)}
		again, err := p.append(nil, &v)
		if err != nil {
			return verdict{problem("Append of what was decoded", err), []fact{decoded, value, because(err)}}
		}
		var back any
		if err := p.decode(again, &back); err != nil {
			return verdict{problem("Decode of what was decoded and encoded again", err), []fact{decoded, value, encoded(again), because(err)}}
		}
		if !same(back, v) {
			return verdict{"what was decoded comes back as another", []fact{decoded, value, encoded(again), got(v, back)}}
		}
	}
	var r record
	err = p.decode(data, &r)
	if isPanic(err) {
		return verdict{"Decode of damaged data into a struct panics", []fact{decoded, because(err)}}
	}
	if err == nil {
		if _, err := p.append(nil, &r); err != nil {
			return verdict{problem("Append of a struct that was decoded", err), []fact{decoded, fact{"value", describe(r)}, because(err)}}
		}
	}
	return verdict{}
}
