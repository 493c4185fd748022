package codectest

import (
	"bytes"
	"reflect"
)

func checkAppend(p *promise) {
	for _, v := range []any{map[string]any{"a": "b"}, &inner{N: 1}} {
		alone := p.encode(v)
		for _, spare := range []int{0, 1, 1000} {
			prefix := append(make([]byte, 0, 3+spare), "pre"...)
			out, err := p.append(prefix, v)
			if err != nil {
				p.fatal(problem("Append", err), given(v), because(err))
			}
			dst := note("dst", "%q, with room for %d bytes more", "pre", spare)
			if wanted := append([]byte("pre"), alone...); !bytes.Equal(out, wanted) {
				p.fail("Append does not return dst and after it the encoding", given(v), dst, got(wanted, out), want(wanted))
			}
			if !bytes.Equal(prefix, []byte("pre")) {
				p.fail("Append changes the bytes of dst", given(v), dst, got([]byte("pre"), prefix))
			}
		}
	}
	unfit := map[string]any{"a": "b", "z": make(chan int)}
	out, err := p.append([]byte("pre"), unfit)
	if p.refused(err, "Append", "a channel", given(unfit), encoded(out)) && string(out) != "pre" {
		p.fail("Append returns an error, and not dst as it was", given(unfit), note("dst", "%q", "pre"), note("got", "%q", out))
	}
}

func checkAppendReadsOnly(p *promise) {
	changes := func(v any) verdict {
		before, arg := clone(v), pointerTo(clone(v))
		if _, err := p.append(nil, arg); err != nil {
			return verdict{problem("Append", err), []fact{given(v), because(err)}}
		}
		if after := pointed(arg); !reflect.DeepEqual(after, before) {
			return verdict{"Append changes the value", []fact{given(before), got(before, after)}}
		}
		return verdict{}
	}
	for _, v := range records() {
		p.verify(*v, changes)
	}
	p.verify(kinds(), changes)

	buf := []byte("abc")
	first := p.encode(map[string]any{"b": buf})
	copied := bytes.Clone(first)
	copy(buf, "xyz")
	p.encode(map[string]any{"b": buf})
	if !bytes.Equal(first, copied) {
		p.fail("what Append returned changes when its value does, or with the next call", given(map[string]any{"b": []byte("abc")}),
			note("first", "%s", showData(copied)), note("then", "%s", showData(first)))
	}
}
