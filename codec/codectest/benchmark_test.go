package codectest_test

import (
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/codec/codectest"
)

func BenchmarkCallersOwnValues(b *testing.B) {
	type visit struct {
		User string   `json:"user"`
		Seen int64    `json:"seen"`
		Tags []string `json:"tags"` // nil comes back empty
	}
	m := map[string]any{"user": "tom"}
	codectest.Benchmark(b, codec.CBOR(), &visit{User: "tom", Seen: 1789000000}, &m, m)
}

// BenchmarkComesBackAlike is of what comes back as the codec promises, if not as reflect
// would have it.
func BenchmarkComesBackAlike(b *testing.B) {
	type inZone struct {
		At      time.Time       `json:"at"`
		IP      *netip.Addr     `json:"ip"`
		Cart    map[string]bool `json:"cart,omitempty"`
		Ignored int             `json:"-"`
		*Visit  `json:"visit"`
	}
	ip := netip.MustParseAddr("fe80::1%eth0")
	at := time.Now().In(time.FixedZone("east", 3600)) // with a monotonic clock
	for _, c := range codec.All() {
		codectest.Benchmark(b, c,
			&inZone{At: at, IP: &ip, Cart: map[string]bool{}, Ignored: 7, Visit: &Visit{User: "tom"}}, &inZone{},
			map[string]any{"at": at, "list": []any(nil), "bytes": []byte(nil), "map": map[string]any(nil), "nil": nil},
			&map[string]map[string][]string{"a": nil, "b": {"c": nil}})
	}
}

func BenchmarkVersioned(b *testing.B) { benchmarkVersioned(b) }

func TestVersioned(t *testing.T) { codectest.Run(t, versioned{codec.CBOR()}) }

// lossy is MessagePack that loses what it is given.
func lossy() codec.Codec {
	f := sound()
	f.decode = func(data []byte, v any) error { return codec.MessagePack().Decode([]byte{0x80}, v) }
	return f
}

// silent is MessagePack that writes an empty map for whatever it is given, so that
// what comes back has the encoding of what was given.
func silent() codec.Codec {
	f := sound()
	f.append = func(dst []byte, v any) ([]byte, error) { return append(dst, 0x80), nil }
	return f
}

// BenchmarkRefused is for TestBenchmarkRefuses.
func BenchmarkRefused(b *testing.B) {
	what := os.Getenv("CODECTEST_REFUSED")
	values, ok := refusedValues[what]
	switch {
	case !ok:
		b.Skip("only for a test")
	case what == "lost":
		codectest.Benchmark(b, lossy(), values...)
	case what == "never written":
		codectest.Benchmark(b, silent(), values...)
	case what == "of another type":
		codectest.Benchmark(b, encodingJSON(), values...)
	default:
		codectest.Benchmark(b, codec.JSON(), values...)
	}
}

var refusedValues = map[string][]any{
	"nothing":         {},
	"no pointer":      {struct{}{}},
	"a nil pointer":   {(*struct{})(nil)},
	"a nil map":       {map[string]any(nil)},
	"nil":             {nil},
	"of a bad kind":   {map[string]any{"n": 1}},
	"lost":            {map[string]any{"user": "tom"}},
	"never written":   {&Visit{User: "tom"}},
	"of another type": {map[string]any{"n": int64(4)}},
	"the second one":  {map[string]any{}, struct{}{}},
}

// benchmark runs benchmarks of this package once, and returns what they print.
func benchmark(name string, env ...string) (string, error) {
	c := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^"+name+"$", "-test.benchtime=1x")
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestBenchmarkMeasuresEachValue(t *testing.T) {
	out, err := benchmark("BenchmarkCallersOwnValues")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^BenchmarkCallersOwnValues/(\S+?)(?:-\d+)?\s.* ns/op.* (\d+)\.00 bytes\b.* B/op.* allocs/op$`).FindAllStringSubmatch(out, -1) {
		names = append(names, m[1]+" "+m[2])
	}
	want := []string{
		"0-codectest_test.visit/append 26", "0-codectest_test.visit/decode 26",
		"1-map[string]any/append 10", "1-map[string]any/decode 10",
		"2-map[string]any/append 10", "2-map[string]any/decode 10",
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q\n%s", names, want, out)
	}
}

func TestBenchmarkTakesWhatComesBackAlike(t *testing.T) {
	if out, err := benchmark("BenchmarkComesBackAlike"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBenchmarkRefuses(t *testing.T) {
	for what, says := range map[string]string{
		"nothing":         "no values to measure",
		"no pointer":      "0-struct {}: neither a pointer to a value nor a map",
		"a nil pointer":   "neither a pointer to a value nor a map",
		"a nil map":       "neither a pointer to a value nor a map",
		"nil":             "neither a pointer to a value nor a map",
		"of a bad kind":   "0-map[string]any: codec: ",
		"lost":            `does not come back as it was: ["user"] is missing`,
		"never written":   `0-codectest_test.Visit: it does not come back as it was: .User: "tom" became ""`,
		"of another type": `does not come back as it was: ["n"]: int64(4) became float64(4)`,
		"the second one":  "1-struct {}: neither",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			out, err := benchmark("BenchmarkRefused", "CODECTEST_REFUSED="+what)
			if err == nil || !strings.Contains(out, says) || strings.Contains(out, "panic") {
				t.Errorf("%v, want %q in\n%s", err, says, out)
			}
		})
	}
}
