package codectest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
)

func checkMerger(p *promise) {
	type deep struct {
		M map[int]map[string]uint64
		T []time.Time
	}
	type newer struct {
		A    int             `json:"a"`
		Deep deep            `json:"deep"`
		Big  uint64          `json:"big"`
		B    string          `json:"b"`
		Blob []byte          `json:"blob"`
		F    float64         `json:"f"`
		When time.Time       `json:"when"`
		By   map[int8]string `json:"by"`
		Odd  string          `json:"odd name é"`
	}
	type older struct {
		A int    `json:"a"`
		B string `json:"b"`
	}
	known := func(name string) bool { return name == "a" || name == "b" }
	in := newer{
		A: 1, B: "b", Big: math.MaxUint64, Blob: []byte{0, 0xff}, F: 0.1, When: time.Unix(9, 9).UTC(),
		Deep: deep{M: map[int]map[string]uint64{-1: {"x": 1}, 300: {}}, T: []time.Time{{}}},
		By:   map[int8]string{-1: "$"}, Odd: "odd",
	}
	data := p.encode(&in)
	before := bytes.Clone(data)

	extra, err := p.extra(nil, data, known)
	if err != nil {
		p.fatal(problem("Extra", err), given(in), encoded(data), because(err))
	}
	old := decodeTo[older](p, data)
	old.A, old.B = 2, "changed"
	oldData := p.encode(&old)
	merged, err := p.merge(nil, oldData, extra)
	if err != nil {
		p.fatal(problem("Merge", err), fact{"a", showData(oldData)}, fact{"b", showData(extra)}, because(err))
	}
	wanted := in
	wanted.A, wanted.B = 2, "changed"
	if out := decodeTo[newer](p, merged); !reflect.DeepEqual(out, wanted) {
		p.fail("members are lost or changed when an older struct changes those it knows, a and b",
			given(in), fact{"extra", showData(extra)}, fact{"merged", showData(merged)}, fact{"differs", difference(wanted, out)})
	}
	// The members keep their bytes: what is extra in the merged map is what was extra.
	again, err := p.extra([]byte("pre"), merged, known)
	if err != nil {
		p.fail(problem("Extra of a merged map", err), fact{"merged", showData(merged)}, because(err))
	} else if wanted := append([]byte("pre"), extra...); !bytes.Equal(again, wanted) {
		p.fail("Extra of a merged map is not the extra members that were merged",
			fact{"merged", showData(merged)}, fact{"extra", showData(extra)}, note("dst", "%q", "pre"), fact{"got", showData(again)})
	}
	if !bytes.Equal(data, before) {
		p.fail("Extra or Merge changes its argument", got(before, data))
	}

	out, err := p.extra([]byte("pre"), data, func(string) bool { return true })
	if err != nil {
		p.fail(problem("Extra of a map that is known in full", err), given(in), encoded(data), because(err))
	} else if string(out) != "pre" {
		p.fail("Extra of a map that is known in full is not dst as it is", encoded(data), note("dst", "%q", "pre"), fact{"got", showData(out)})
	}
	out, err = p.extra(nil, data, func(string) bool { return false })
	if err != nil {
		p.fail(problem("Extra of a map that is not known at all", err), given(in), encoded(data), because(err))
	} else if all := decodeTo[newer](p, out); !reflect.DeepEqual(all, in) {
		p.fail("Extra of a map that is not known at all is not the map", given(in), encoded(data), got(in, all))
	}
	checkExtraAsks(p, data, []string{"a", "deep", "big", "b", "blob", "f", "when", "by", "odd name é"})
	checkMergeKeepsFirst(p)
}

// checkExtraAsks checks that Extra asks once for each name of a map.
func checkExtraAsks(p *promise, data []byte, wanted []string) {
	var names []string
	if _, err := p.extra(nil, data, func(name string) bool { names = append(names, name); return true }); err != nil {
		p.fatal(problem("Extra", err), encoded(data), because(err))
	}
	slices.Sort(names)
	slices.Sort(wanted)
	if !slices.Equal(names, wanted) {
		p.fail("Extra does not ask once for each name of the map", encoded(data), note("got", "%q", names), note("want", "%q, in any order", wanted))
	}
}

// checkMergeKeepsFirst checks that of two members of one name, the first map's is kept.
func checkMergeKeepsFirst(p *promise) {
	first, second := map[string]any{"x": int64(1), "y": int64(2)}, map[string]any{"y": int64(9), "z": int64(3)}
	a, b := p.encode(first), p.encode(second)
	both, err := p.merge([]byte("pre"), a, b)
	if err != nil {
		p.fatal(problem("Merge", err), given(first), note("and", "%s", describe(second)), because(err))
	}
	if !bytes.HasPrefix(both, []byte("pre")) {
		p.fatal("Merge does not return dst and after it the merged map", note("dst", "%q", "pre"), note("got", "%s", showData(both)))
	}
	wanted := map[string]any{"x": int64(1), "y": int64(2), "z": int64(3)}
	if out := decodeTo[map[string]any](p, both[3:]); !same(out, wanted) {
		p.fail("Merge does not keep the members of the first map, and those of the second that the first does not have",
			given(first), note("and", "%s", describe(second)), got(wanted, out), want(wanted))
	}
	none := p.encode(map[string]any{})
	for _, pair := range [][2][]byte{{a, none}, {none, a}, {a, a}} {
		facts := []fact{{"a", showData(pair[0])}, {"b", showData(pair[1])}}
		out, err := p.merge(nil, pair[0], pair[1])
		if err != nil {
			p.fail(problem("Merge with nothing new", err), append(facts, because(err))...)
			continue
		}
		if out := decodeTo[any](p, out); !same(out, decodeTo[any](p, a)) {
			p.fail("Merge with nothing new gives another map", append(facts, got(first, out), want(first))...)
		}
	}
}

func checkMergerLimits(p *promise) {
	none, some := p.encode(map[string]any{}), p.encode(map[string]any{"a": int64(1)})
	array := p.encode(&[]any{int64(1)})
	yes := func(string) bool { return true }
	for _, bad := range []struct {
		name string
		data []byte
	}{
		{"no data", nil}, {"an array", array}, {"half of a map", some[:len(some)-1]}, {"a map and more", append(bytes.Clone(some), some...)},
	} {
		out, err := p.extra([]byte("pre"), bad.data, yes)
		p.refusedWithDst("Extra", bad.name, bad.data, out, err)
		out, err = p.merge([]byte("pre"), bad.data, none)
		p.refusedWithDst("Merge", bad.name+" and an empty map", bad.data, out, err)
		out, err = p.merge([]byte("pre"), some, bad.data)
		p.refusedWithDst("Merge", "a map and "+bad.name, bad.data, out, err)
	}
	half := func(prefix string, n int) []byte {
		m := make(map[string]any)
		for i := range n {
			m[fmt.Sprint(prefix, i)] = nil
		}
		return p.encode(m)
	}
	const n = codec.MaxEntries / 2
	if out, err := p.merge(nil, half("a", n), half("b", n)); err != nil {
		p.fail(problem(fmt.Sprintf("Merge of two maps of %d members", n), err), because(err))
	} else {
		decodeTo[any](p, out)
	}
	_, err := p.merge(nil, half("a", n), half("b", n+1))
	p.refused(err, "Merge", fmt.Sprintf("maps with %d members together, more than codec.MaxEntries", 2*n+1))
	lists := func(name string) []byte { return p.encode(map[string]any{name: make([]any, n)}) }
	_, err = p.merge(nil, lists("a"), lists("b"))
	p.refused(err, "Merge", fmt.Sprintf("maps of arrays with %d entries all together, more than codec.MaxEntries", 2*n+2))
}

// refusedWithDst checks that a call with the dst "pre" returned an error and this.
func (p *promise) refusedWithDst(call, of string, bad, out []byte, err error) {
	p.t.Helper()
	facts := []fact{encoded(bad), note("dst", "%q", "pre"), note("got", "%s", showData(out))}
	if p.refused(err, call, of, facts...) && string(out) != "pre" {
		p.fail(call+" of "+of+" returns an error, and not dst as it was", facts...)
	}
}
