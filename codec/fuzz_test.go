package codec_test

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// generator makes kinds of Values of the bytes that a fuzzer chooses.
type generator struct{ data []byte }

func (g *generator) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *generator) uint64() uint64 {
	var u uint64
	for range g.byte() % 9 {
		u = u<<8 | uint64(g.byte())
	}
	return u
}

func (g *generator) bytes() []byte {
	n := min(int(g.byte())%40, len(g.data))
	b := bytes.Clone(g.data[:n])
	g.data = g.data[n:]
	return append([]byte{}, b...)
}

func (g *generator) value(depth int) any {
	switch kind := g.byte() % 12; kind {
	case 0:
		return nil
	case 1:
		return g.byte()%2 == 0
	case 2:
		return string(g.bytes())
	case 3:
		return "$" + string(g.bytes())
	case 4:
		return int64(g.uint64())
	case 5:
		return math.Float64frombits(g.uint64())
	case 6:
		return float64(int64(g.uint64()))
	case 7:
		return g.bytes()
	case 8:
		return time.Unix(int64(g.uint64()), int64(g.uint64()%1e9)).In(time.FixedZone("", int(g.byte())*600-36000))
	case 9, 10:
		a := []any{}
		for n := g.byte() % 8; n > 0 && len(g.data) > 0; n-- {
			a = append(a, g.value(depth+1))
		}
		return a
	default:
		return g.members(depth)
	}
}

func (g *generator) members(depth int) map[string]any {
	m := map[string]any{}
	for n := g.byte() % 8; n > 0 && len(g.data) > 0; n-- {
		m[string(g.bytes())] = g.value(depth + 1)
	}
	return m
}

// inUTC is v with its times in UTC, as they come back.
func inUTC(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC()
	case []any:
		a := make([]any, len(v))
		for i := range v {
			a[i] = inUTC(v[i])
		}
		return a
	case map[string]any:
		m := make(map[string]any, len(v))
		for name := range v {
			m[name] = inUTC(v[name])
		}
		return m
	}
	return v
}

// identical compares kinds of Values with all their bits.
func identical(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !identical(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name := range a {
			if v, ok := b[name]; !ok || !identical(a[name], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// migrate takes v through every ordered pair of codecs.
func migrate(t *testing.T, v any) {
	t.Helper()
	want := inUTC(v)
	var encoded [][]byte
	refused := 0
	for _, c := range codecs {
		b, err := c.Append(nil, &v)
		if err != nil {
			refused++
		}
		encoded = append(encoded, b)
	}
	if refused != 0 {
		if refused != len(codecs) {
			t.Fatalf("%d of %d codecs refuse %#v", refused, len(codecs), v)
		}
		return
	}
	for i, from := range codecs {
		var moved any
		if err := from.Decode(encoded[i], &moved); err != nil {
			t.Fatalf("%s does not decode what it encoded: %v: %#v", from.Name(), err, v)
		}
		if !identical(moved, want) {
			t.Fatalf("%s: put in %#v, got %#v", from.Name(), want, moved)
		}
		for j, to := range codecs {
			b, err := to.Append(nil, &moved)
			if err != nil || !bytes.Equal(b, encoded[j]) {
				t.Fatalf("from %s to %s: %x, %v, want %x", from.Name(), to.Name(), b, err, encoded[j])
			}
		}
	}
}

// FuzzMigration: the same Go values come out of every codec, in any order of
// migration, and what one refuses all refuse.
func FuzzMigration(f *testing.F) {
	for kind := range byte(12) {
		f.Add([]byte{1, 1, 'n', kind, 8, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 4, 1, 2, 3, 4, 5, 6})
		f.Add([]byte{2, 0, kind, 3, '$', '$', 'x', 1, 'm', 9, 3, kind, kind, kind})
	}
	f.Add(bytes.Repeat([]byte{1, 0, 11}, 20))
	f.Add(bytes.Repeat([]byte{9, 1}, 20))
	f.Fuzz(func(t *testing.T, data []byte) {
		migrate(t, (&generator{data}).members(0))
		migrate(t, (&generator{data}).value(0))
	})
}

// TestEveryKindMigrates is the table beside the fuzz target.
func TestEveryKindMigrates(t *testing.T) {
	for _, v := range []any{
		nil, true, false, "", "x", "$", "$$", "$bytes:AA", "\x00", "é\U0001f36a",
		int64(0), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), int64(1<<53 + 1),
		0.0, math.Copysign(0, -1), 1.0, -1.0, 0.1, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, float64(math.MaxFloat32), 65504.0, 0x1p-24, 0x1p-25, 0x1.ffcp-15,
		[]byte{}, []byte("x"), []byte{0xff, 0},
		time.Time{}, time.Unix(0, 0), time.Unix(1<<34, 5), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Now(),
		[]any{}, []any{nil, []any{}}, map[string]any{}, map[string]any{"a": map[string]any{"": []any{int64(7), 7.0}}},
		math.NaN(), math.Inf(1), "\xff", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), int(1), uint64(1), float32(1),
	} {
		if tm, ok := v.(time.Time); ok {
			v = tm.Round(0)
		}
		migrate(t, v)
		migrate(t, []any{v, v})
		migrate(t, map[string]any{"v": v, "w": []any{v}})
	}
}

// fuzzTyped has a field of most kinds that there are.
type fuzzTyped struct {
	A string               `json:"a"`
	B []byte               `json:"b"`
	C [3]int8              `json:"c"`
	D time.Duration        `json:"d"`
	E *fuzzTyped           `json:"e,omitempty"`
	F float32              `json:"f"`
	G float64              `json:"g"`
	H [4]byte              `json:"h"`
	I int16                `json:"i"`
	K map[string]fuzzTyped `json:"k,omitempty"`
	L []fuzzTyped          `json:"l,omitempty"`
	M map[int8]string      `json:"m"`
	N uint32               `json:"n"`
	O bool                 `json:"o"`
	S []string             `json:"s"`
	T time.Time            `json:"t"`
	U map[uint64]*int64    `json:"u"`
}

// fuzzDecode is the fuzz target of one codec: what is decoded can be encoded and
// is then the same, the data are left alone, and memory is bounded.
func fuzzDecode(f *testing.F, name string) {
	c := codecNamed(f, name)
	m := c.(codec.Merger)
	seeds := 0
	add := func(data []byte) {
		if len(data) <= 1<<16 {
			f.Add(data)
			seeds++
		}
	}
	for _, in := range badInputs(f) {
		if in.codec == name {
			add(in.data(f))
		}
	}
	one := int64(1)
	for _, v := range []any{
		&standardVisit, standardValues, &fuzzTyped{}, &fuzzTyped{
			A: "a", B: []byte("b"), E: &fuzzTyped{L: []fuzzTyped{{}}}, F: 1.1, G: -0.1, K: map[string]fuzzTyped{"k": {}}, M: map[int8]string{-1: "", 2: "x"},
			S: []string{"$"}, T: time.Unix(1, 1).UTC(), U: map[uint64]*int64{1: &one, math.MaxUint64: nil}, D: -1, N: math.MaxUint32,
		},
		map[string]any{"a": []any{"$bytes:", int64(-300), 0.5, []byte{1}, time.Unix(1, 0), nil, true}, "b": map[string]any{"": map[string]any{}}},
	} {
		data, err := c.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		add(data)
	}
	if seeds < 20 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		var v any
		err := c.Decode(data, &v)
		if bound := bound(data, v, err); bound < most {
			if n := allocated(func() { c.Decode(data, new(any)) }); n > bound {
				t.Fatalf("%d bytes made Decode allocate %d, want %d at most", len(data), n, bound)
			}
		}
		if err == nil {
			same(t, c, &v)
		}
		var typed fuzzTyped
		if err := c.Decode(data, &typed); err == nil {
			same(t, c, &typed)
		}
		extra, err := m.Extra(nil, data, func(name string) bool { return name < "m" })
		if err == nil && len(extra) > 0 {
			if err := c.Decode(extra, new(struct{})); err != nil {
				t.Fatalf("what Extra returned cannot be decoded: %v", err)
			}
			if merged, err := m.Merge(nil, extra, data); err == nil {
				if err := c.Decode(merged, new(struct{})); err != nil {
					t.Fatalf("what Merge returned cannot be decoded: %v", err)
				}
			} else {
				t.Fatalf("what is extra cannot be merged with all: %v", err)
			}
		}
		if !bytes.Equal(data, before) {
			t.Fatal("the data were changed")
		}
	})
}

// bound is how many bytes the decoding of data, into v, may allocate: 64 for each
// byte, 4 kB, and what Go takes at least for a map that is not empty.
func bound(data []byte, v any, err error) uint64 {
	maps := countMaps(v)
	if err != nil {
		maps = min(len(data)/2, codec.MaxEntries) // as many as there can have been
	}
	return uint64(64*len(data) + 4096 + 352*maps)
}

func countMaps(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			n += countMaps(x)
		}
	case map[string]any:
		if len(v) > 0 {
			n++
		}
		for _, x := range v {
			n += countMaps(x)
		}
	}
	return n
}

// same checks that what v points to comes back equal, and from the same bytes.
func same(t *testing.T, c codec.Codec, v any) {
	t.Helper()
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("what was decoded cannot be encoded: %v: %#v", err, v)
	}
	back := reflect.New(reflect.TypeOf(v).Elem())
	if err := c.Decode(b, back.Interface()); err != nil {
		t.Fatalf("what was encoded cannot be decoded: %v: %x", err, b)
	}
	if again, err := c.Append(nil, back.Interface()); err != nil || !bytes.Equal(again, b) {
		t.Fatalf("encoded again: %x, %v, want %x", again, err, b)
	}
	if x, ok := v.(*any); ok {
		if !identical(back.Elem().Interface(), *x) {
			t.Fatalf("comes back as %#v, want %#v", back.Elem(), *x)
		}
	}
}

func FuzzDecodeJSON(f *testing.F)        { fuzzDecode(f, "json") }
func FuzzDecodeMessagePack(f *testing.F) { fuzzDecode(f, "msgpack") }
func FuzzDecodeCBOR(f *testing.F)        { fuzzDecode(f, "cbor") }

// FuzzText: any text comes back from every place, or is refused in each.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "$", "$$", "$bytes:AAAA", "$time:2026-01-01T00:00:00Z", "\x00\x1f\x7f\"\\", "\xff", "é\u2028\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range codecs {
			testString(t, c, s)
		}
	})
}

// TestAllocationIsBounded measures the inputs that cost most for their size, as far
// as they are known: see bound.
func TestAllocationIsBounded(t *testing.T) {
	worst := 0.0
	for _, w := range wires {
		for name, data := range map[string][]byte{
			"empty arrays":        w.array(repeat(1000, []byte{map[string]byte{"json": '0', "msgpack": 0x90, "cbor": 0x80}[w.Name()]})...),
			"empty maps":          w.array(repeat(1000, map[string][]byte{"json": []byte("{}"), "msgpack": {0x80}, "cbor": {0xa0}}[w.Name()])...),
			"maps of one member":  w.array(repeat(500, map[string][]byte{"json": []byte(`{"":0}`), "msgpack": {0x81, 0xa0, 0xc0}, "cbor": {0xa1, 0x60, 0xf6}}[w.Name()])...),
			"maps in maps":        w.array(repeat(60, bytes.Join([][]byte{bytes.Repeat(map[string][]byte{"json": []byte(`{"":`), "msgpack": {0x81, 0xa0}, "cbor": {0xa1, 0x60}}[w.Name()], 15), map[string][]byte{"json": append([]byte("0"), bytes.Repeat([]byte("}"), 15)...), "msgpack": {0xc0}, "cbor": {0xf6}}[w.Name()]}, nil))...),
			"a map of many":       w.object(w.members(1000, w.int(1))...),
			"texts":               w.array(repeat(1000, map[string][]byte{"json": []byte(`"a"`), "msgpack": {0xa1, 'a'}, "cbor": {0x61, 'a'}}[w.Name()])...),
			"no bytes":            w.array(repeat(1000, map[string][]byte{"json": []byte(`"$bytes:"`), "msgpack": {0xc4, 0}, "cbor": {0x40}}[w.Name()])...),
			"floats":              w.array(repeat(1000, map[string][]byte{"json": []byte("0.5"), "msgpack": {0xca, 0x3f, 0, 0, 0}, "cbor": {0xf9, 0x38, 0}}[w.Name()])...),
			"an array not there":  w.array(repeat(1000, nil)...),
			"one deep":            w.nestArrays(codec.MaxDepth, w.int(1)),
			"nothing":             nil,
			"one integer":         w.int(1),
			"a long text":         w.text(string(bytes.Repeat([]byte("x"), 100000))),
			"text with an escape": w.array(repeat(1000, w.text(map[string]string{"json": `\n`}[w.Name()]))...),
		} {
			var v any
			err := w.Decode(data, &v)
			n := allocated(func() { w.Decode(data, new(any)) })
			if limit := bound(data, v, err); n > limit {
				t.Errorf("%s: %s: %d bytes made Decode allocate %d, want %d at most", w.Name(), name, len(data), n, limit)
			}
			if n > most/2 {
				t.Errorf("%s: %s: %d bytes made Decode allocate %d", w.Name(), name, len(data), n)
			}
			if ratio := (float64(n) - 4096) / float64(max(len(data), 1)); ratio > worst {
				worst = ratio
				t.Logf("%s: %s: %d bytes, %d allocated: %.0f times, 4 kB apart", w.Name(), name, len(data), n, ratio)
			}
		}
	}
}
