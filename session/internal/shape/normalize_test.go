package shape

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

var cet = time.FixedZone("CET", 3600)

func TestNormalizeMakesTimesInstants(t *testing.T) {
	now := time.Now()
	if now == now.Round(0) {
		t.Fatal("no monotonic part to strip")
	}
	local := time.Date(2026, 10, 1, 12, 0, 0, 7, cet)
	type value struct {
		base
		Plain   time.Time
		Pointer *time.Time
		List    []time.Time
		Array   [1]time.Time
		Table   map[string]time.Time
		Records map[int]base
		Lists   map[string][]*base
		Deep    map[string]map[string]base
	}
	v := value{
		base:    base{Created: local},
		Plain:   now,
		Pointer: &[]time.Time{local}[0],
		List:    []time.Time{now, local},
		Array:   [1]time.Time{local},
		Table:   map[string]time.Time{"a": now, "b": local, "c": {}},
		Records: map[int]base{1: {Created: local}},
		Lists:   map[string][]*base{"a": {{Created: local}, nil}},
		Deep:    map[string]map[string]base{"a": {"b": {Created: local, ID: 7}}},
	}
	n, l := now.UTC().Round(0), local.UTC()
	want := value{
		base:    base{Created: l},
		Plain:   n,
		Pointer: &l,
		List:    []time.Time{n, l},
		Array:   [1]time.Time{l},
		Table:   map[string]time.Time{"a": n, "b": l, "c": {}},
		Records: map[int]base{1: {Created: l}},
		Lists:   map[string][]*base{"a": {{Created: l}, nil}},
		Deep:    map[string]map[string]base{"a": {"b": {Created: l, ID: 7}}},
	}
	if err := shapeOf[value](t).Normalize(&v); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
}

// What is normal may be shared by others, who read it at the same time: the race
// detector is the judge.
func TestNormalizeDoesNotWriteToWhatIsNormal(t *testing.T) {
	type value struct {
		Times []time.Time
		Table map[string]base
	}
	shared := value{[]time.Time{time.Unix(1, 0).UTC()}, map[string]base{"a": {Created: time.Unix(2, 0).UTC()}}}
	s := shapeOf[value](t)
	done := make(chan error)
	for range 2 {
		go func() {
			mine := shared
			done <- s.Normalize(&mine)
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestNormalizeGivesAMapToWrite(t *testing.T) {
	var m map[string]int
	if err := shapeOf[map[string]int](t).Normalize(&m); err != nil || m == nil {
		t.Errorf("got %v, %v; want an empty map", m, err)
	}
	full := map[string]int{"a": 1}
	if err := shapeOf[map[string]int](t).Normalize(&full); err != nil || full["a"] != 1 {
		t.Errorf("got %v, %v; want it unchanged", full, err)
	}
}

func TestNormalizeRefuses(t *testing.T) {
	const bad = "\xffsecret"
	early, late := time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, path, why string
		normalize       func() error
	}{
		{"string", "T.F", "not valid UTF-8", normalize(t, struct{ F string }{bad})},
		{"second string", "T.G", "not valid UTF-8", normalize(t, struct{ F, G string }{"ok", bad})},
		{"named string", "T.F", "not valid UTF-8", normalize(t, struct{ F role }{bad})},
		{"promoted string", "T.Base.Note", "not valid UTF-8", normalize(t, struct{ Base }{Base{Note: bad}})},
		{"NaN", "T.F", "not a finite number", normalize(t, struct{ F float64 }{math.NaN()})},
		{"infinity", "T.F", "not a finite number", normalize(t, struct{ F float64 }{math.Inf(1)})},
		{"negative infinity", "T.F", "not a finite number", normalize(t, struct{ F float32 }{float32(math.Inf(-1))})},
		{"year 0", "T.F", "years 1 to 9999", normalize(t, struct{ F time.Time }{early})},
		{"year 10000", "T.F", "years 1 to 9999", normalize(t, struct{ F time.Time }{late})},
		{"year 10000 in UTC", "T.F", "years 1 to 9999", normalize(t, struct{ F time.Time }{time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600))})},
		{"year 0 in UTC", "T.F", "years 1 to 9999", normalize(t, struct{ F time.Time }{time.Date(1, 1, 1, 0, 0, 0, 0, cet)})},
		{"time beyond years", "T.F", "years 1 to 9999", normalize(t, struct{ F time.Time }{time.Unix(math.MaxInt64, 0)})},
		{"pointer", "T.F", "not valid UTF-8", normalize(t, struct{ F *string }{&[]string{bad}[0]})},
		{"slice", "T.F[1]", "not valid UTF-8", normalize(t, struct{ F []string }{[]string{"", bad}})},
		{"array", "T.F[1]", "not valid UTF-8", normalize(t, struct{ F [2]string }{[2]string{"", bad}})},
		{"map value", "T.F[]", "not valid UTF-8", normalize(t, struct{ F map[string]string }{map[string]string{"key": bad}})},
		{"map key", "T.F[]", "a key that is not valid UTF-8", normalize(t, struct{ F map[string]int }{map[string]int{bad: 1}})},
		{"named map key", "T.F[]", "a key that is not valid UTF-8", normalize(t, struct{ F prefs }{prefs{bad: 1}})},
		{"value under an integer", "T.F[].sub", "not valid UTF-8", func() error {
			type part struct {
				Sub string `json:"sub"`
			}
			err := normalize(t, struct{ F map[int][]part }{map[int][]part{7: {{bad}}}})()
			if err != nil && strings.HasPrefix(err.Error(), "T.F[][0].Sub: ") {
				return &fault{"T.F[].sub", "not valid UTF-8"}
			}
			return err
		}},
		{"map payload", "T[]", "not valid UTF-8", normalize(t, map[string]string{"key": bad})},
		{"map payload key", "T[]", "a key", normalize(t, map[string]int{bad: 1})},
		{"deep", "everything.Cart[1].SKU", "not valid UTF-8", normalize(t, everything{Cart: []item{{}, {SKU: bad}}})},
		{"deep pointer", "everything.Shelf[1].Until", "years 1 to 9999", normalize(t, everything{Shelf: []*item{nil, {Until: &late}}})},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.normalize()
			if err == nil {
				t.Fatal("no error")
			}
			path, why, _ := strings.Cut(err.Error(), ": ")
			if path != test.path || !strings.Contains(why, test.why) {
				t.Errorf("got %q, want %s: ... %s", err, test.path, test.why)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "key\"") {
				t.Errorf("quotes a value: %q", err)
			}
		})
	}
}

// normalize returns a function that normalizes a v of its own.
func normalize[T any](t *testing.T, v T) func() error {
	return func() error { return shapeOf[T](t).Normalize(&v) }
}

func TestNormalizeTakesTheEdges(t *testing.T) {
	for name, f := range map[string]func() error{
		"first instant":  normalize(t, struct{ F time.Time }{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}),
		"zero time":      normalize(t, struct{ F time.Time }{}),
		"last instant":   normalize(t, struct{ F time.Time }{time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}),
		"year 1 in UTC":  normalize(t, struct{ F time.Time }{time.Date(0, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600))}),
		"largest float":  normalize(t, struct{ F float64 }{math.MaxFloat64}),
		"smallest float": normalize(t, struct{ F float64 }{-math.SmallestNonzeroFloat64}),
		"negative zero":  normalize(t, struct{ F float64 }{math.Copysign(0, -1)}),
		"NUL":            normalize(t, struct{ F string }{"\x00"}),
		"U+FFFD":         normalize(t, struct{ F string }{"\ufffd"}),
		"nil everywhere": normalize(t, everything{}),
		"bytes":          normalize(t, struct{ F []byte }{[]byte{0xff}}),
		"empty key":      normalize(t, map[string]string{"": ""}),
	} {
		if err := f(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNormalizeEndsOnWhatContainsItself(t *testing.T) {
	loop := &link{}
	loop.Next = loop
	family := &tree{}
	family.More = map[string]*tree{"a": {}, "b": family}
	var hole nest = make([]nest, 1)
	hole[0] = hole
	ring := maze{}
	ring["a"] = ring
	partner := &pong{Ping: make([]ping, 2)}
	partner.Ping[1].Pong = partner

	// Without a cycle, but as many ways through it as there are atoms.
	shared := &tree{}
	for range codec.MaxDepth/2 - 2 {
		next := &tree{More: make(map[string]*tree)}
		for i := range 50 {
			next.More[string(rune('a'+i))] = shared
		}
		shared = next
	}

	for name, test := range map[string]struct {
		normalize func() error
		why       string
	}{
		"linked list":    {func() error { return shapeOf[link](t).Normalize(loop) }, "nested deeper than 16 levels"},
		"tree":           {func() error { return shapeOf[tree](t).Normalize(family) }, "nested deeper than 16 levels"},
		"slice":          {func() error { return shapeOf[holder](t).Normalize(&holder{Nest: hole}) }, "nested deeper than 16 levels"},
		"map":            {func() error { return shapeOf[maze](t).Normalize(&ring) }, "nested deeper than 16 levels"},
		"two types":      {func() error { return shapeOf[ping](t).Normalize(&ping{partner}) }, "nested deeper than 16 levels"},
		"shared parts":   {func() error { return shapeOf[tree](t).Normalize(shared) }, "more than 1024 entries"},
		"long slice":     {func() error { return shapeOf[tree](t).Normalize(&tree{Kids: make([]tree, 1025)}) }, "more than 1024 entries"},
		"many pointers":  {func() error { return normalize(t, struct{ F []*string }{pointers(1025)})() }, "more than 1024 entries"},
		"wide map":       {func() error { return normalize(t, wide(1025))() }, "more than 1024 entries"},
		"pointers, fit":  {func() error { return normalize(t, struct{ F []*string }{pointers(1024)})() }, ""},
		"wide map, fits": {func() error { return normalize(t, wide(1024))() }, ""},
	} {
		err := test.normalize()
		if test.why == "" && err != nil || test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)) {
			t.Errorf("%s: got %v, want %q", name, err, test.why)
		}
	}
}

func pointers(n int) []*string {
	p := make([]*string, n)
	for i := range p {
		p[i] = new(string)
	}
	return p
}

func wide(n int) map[string]string {
	m := make(map[string]string)
	for i := range n {
		m[string(rune(0x4e00+i))] = ""
	}
	return m
}

// Types of which one value is one level deep, and each within adds one.
type (
	limb struct {
		joint
		Note string
	}
	joint struct{ Next *limb } // embedded: no level of its own
)

func TestNormalizeNestsAsDeepAsTheCodecs(t *testing.T) {
	deep := map[string]func(levels int) any{
		"structs": func(levels int) any {
			v := &link{Value: 1}
			for range levels - 1 {
				v = &link{Next: v}
			}
			return v
		},
		"embedded": func(levels int) any {
			v := &limb{Note: "a"}
			for range levels - 1 {
				v = &limb{joint: joint{v}}
			}
			return v
		},
		"slices": func(levels int) any {
			v := nest{nil}
			for range levels - 2 {
				v = nest{v}
			}
			return &struct{ Nest nest }{v}
		},
		"maps": func(levels int) any {
			v := maze{"a": nil}
			for range levels - 1 {
				v = maze{"a": v}
			}
			return &v
		},
	}
	for name, nested := range deep {
		for levels := 2; levels < codec.MaxDepth+4; levels++ {
			v := nested(levels)
			s, err := Of(reflect.TypeOf(v).Elem())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Normalize(v); (err == nil) != (levels <= codec.MaxDepth) {
				t.Errorf("%s, %d levels: Normalize says %v", name, levels, err)
			}
			for _, c := range codecs {
				if _, err := c.Append(nil, v); (err == nil) != (levels <= codec.MaxDepth) {
					t.Errorf("%s, %d levels: %s says %v", name, levels, c.Name(), err)
				}
			}
		}
	}
}

// What is written as a null, or not at all, takes no level.
func TestNormalizeTakesWhatNeedsNoLevel(t *testing.T) {
	type part struct {
		Kids  []*part
		Texts []string
		Table map[string]string
		Empty []string `json:"empty,omitempty"`
		Next  *part
		Zero  struct{ Text string } `json:"zero,omitzero"`
		Array [1]string             `json:"array,omitzero"`
	}
	v := &part{Empty: []string{}}
	for range codec.MaxDepth - 1 {
		v = &part{Next: v}
	}
	if err := shapeOf[part](t).Normalize(v); err != nil {
		t.Error(err)
	}
	for _, c := range codecs {
		if _, err := c.Append(nil, v); err != nil {
			t.Errorf("%s: %v", c.Name(), err)
		}
	}
}

// Two values beside each other are not within each other.
func TestNormalizeCountsLevelsOnTheWayUpToo(t *testing.T) {
	type part struct {
		Text  string
		Texts []string
		Table map[string]string
		None  map[string]string
		More  map[string][]string
	}
	part1 := part{"a", []string{"a"}, map[string]string{"a": "a"}, nil, map[string][]string{"a": {"a"}, "b": {"b"}}}
	v := struct{ Parts []part }{}
	for range 3 * codec.MaxDepth {
		v.Parts = append(v.Parts, part1)
	}
	if err := normalize(t, v)(); err != nil {
		t.Error(err)
	}
}

func TestPlanSkipsWhatNeedsNoCheck(t *testing.T) {
	type quiet struct {
		A int
		B []int
		C map[int]bool
		D [4]byte
		E struct{ X *time.Duration }
		F netip.Addr
		base2
	}
	if op := shapeOf[quiet](t).root.op; op != fine {
		t.Errorf("a type without anything to check has a plan: %v", op)
	}
	s := shapeOf[struct {
		quiet
		More []quiet
		Text string
	}](t)
	if fields := s.root.fields; len(fields) != 1 || fields[0].name != "Text" {
		t.Errorf("%d fields are checked, want only Text", len(fields))
	}
}

type base2 struct{ G bool }

func TestNormalizeOfAnotherTypePanics(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "shape: Normalize of *shape.base, not of *shape.standard") {
			t.Errorf("got %v, want a panic that names the types", r)
		}
	}()
	_ = shapeOf[standard](t).Normalize(&base{})
}

func TestNormalizeDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s, v := shapeOf[standard](t), &standard{7, "tom", "admin", strings.Repeat("0f", 16), "dark", 1_700_000_000}
	check(t, "standard", func() error { return s.Normalize(v) })

	now := time.Now()
	type mixed struct {
		base
		Rate  float64
		Cart  []item
		Times [2]time.Time
		Note  *string
	}
	m, w := shapeOf[mixed](t), &mixed{Cart: make([]item, 3), Note: new(string)}
	check(t, "mixed", func() error {
		w.Created, w.Times[1] = now, now
		return m.Normalize(w)
	})
}

func check(t *testing.T, name string, normalize func() error) {
	t.Helper()
	if n := testing.AllocsPerRun(100, func() {
		if err := normalize(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%s: %v allocations, want none", name, n)
	}
}

func BenchmarkNormalize(b *testing.B) {
	b.Run("standard", func(b *testing.B) {
		s, v := shapeOf[standard](b), &standard{7, "tom", "admin", strings.Repeat("0f", 16), "dark", 1_700_000_000}
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Normalize(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("everything", func(b *testing.B) {
		s := shapeOf[everything](b)
		v := s.Filled().Addr().Interface()
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Normalize(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestChangesWhereThereAreTimesOrAMap(t *testing.T) {
	for name, test := range map[string]struct {
		shape *Shape
		want  bool
	}{
		"single items":      {shapeOf[struct{ A string }](t), false},
		"what refers":       {shapeOf[struct{ A map[string][]*int }](t), false},
		"time":              {shapeOf[struct{ A time.Time }](t), true},
		"time further down": {shapeOf[struct{ A map[string][]*base }](t), true},
		"map":               {shapeOf[map[string]int](t), true},
	} {
		if got := test.shape.Changes(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
