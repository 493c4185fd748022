package codectest

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/keyturn/keyturn/codec"
)

func nest(depth int) (values any, typed *nestedStruct) {
	values, typed = map[string]any{}, &nestedStruct{}
	for range depth - 1 {
		values, typed = map[string]any{"N": values}, &nestedStruct{N: typed}
	}
	return values, typed
}

// nestedStruct is a struct as deep as one likes.
type nestedStruct struct{ N *nestedStruct }

func checkLimits(p *promise) {
	for _, depth := range []int{1, codec.MaxDepth, codec.MaxDepth + 1, 3000} {
		values, typed := nest(depth)
		// Both are encoded before one of them is decoded: they may not share memory.
		checkValues := p.limit(depth, codec.MaxDepth, "maps in kinds of Values, %d deep; codec.MaxDepth is %d", values, new(any))
		checkTyped := p.limit(depth, codec.MaxDepth, "structs, %d deep; codec.MaxDepth is %d", typed, new(nestedStruct))
		checkValues()
		checkTyped()
	}
	checkEntries(p, codec.MaxEntries)
	checkEntries(p, codec.MaxEntries+1)

	// Bytes are not elements, and a struct's omitted fields are not entries.
	p.comesBack(struct{ B []byte }{bytes.Repeat([]byte{1}, 3000)}, reflect.DeepEqual)
	p.comesBack(struct {
		A []bool
		B string `json:",omitempty"`
	}{A: make([]bool, codec.MaxEntries-1)}, reflect.DeepEqual)
}

// checkLoops is a promise of its own, and the last, since a codec that breaks it
// may end the process: no recover stops a stack that overflows.
func checkLoops(p *promise) {
	type loop struct{ L []*loop }
	l := &loop{}
	l.L = []*loop{l}
	data, err := p.append(nil, l)
	p.refused(err, "Append", "a struct that holds itself", encoded(data))
	m := map[string]any{}
	m["m"] = m
	data, err = p.append(nil, m)
	p.refused(err, "Append", "a map that holds itself", encoded(data))
}

func checkEntries(p *promise, n int) {
	array, m, numbers := make([]any, n-1), make(map[string]any), make(map[int]bool)
	for i := range n - 1 {
		m[fmt.Sprint(i)] = nil
	}
	for i := range n {
		numbers[i] = true
	}
	for _, c := range []struct {
		what string
		v    any
	}{
		{"an array", &map[string]any{"a": array}},
		{"a map", &map[string]any{"m": m}},
		{"two arrays", &map[string]any{"a": array[:(n-2)/2], "b": array[:n-2-(n-2)/2]}},
		{"a slice in a struct", &struct{ A []bool }{make([]bool, n-1)}},
		{"a map by numbers", &numbers},
		{"a slice of slices", &struct{ A [][]int }{append(make([][]int, n-3), []int{1})}},
	} {
		p.limit(n, codec.MaxEntries, c.what+", %d entries all together; codec.MaxEntries is %d", c.v, reflect.New(reflect.TypeOf(c.v).Elem()).Interface())()
	}
}

// limit encodes v, which has n of something as of says, and returns a check: v comes
// back in target if n is within the limit, and was refused if not.
func (p *promise) limit(n, limit int, of string, v, target any) (check func()) {
	what := note("given", of, n, limit)
	data, err := p.append(nil, v)
	return func() {
		p.t.Helper()
		if n > limit {
			p.refused(err, "Append", "what is beyond a limit", what, encoded(data))
			return
		}
		if err != nil {
			p.fail(problem("Append of what is within a limit", err), what, because(err))
			return
		}
		if err := p.decode(data, target); err != nil {
			p.fail(problem("Decode of what is within a limit", err), what, encoded(data), because(err))
			return
		}
		if out := pointed(target); !same(out, pointed(v)) {
			p.fail("what is within a limit comes back as another", what, encoded(data), got(pointed(v), out))
		}
	}
}
