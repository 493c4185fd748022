package codectest

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func testAppend(t *testing.T, c codec.Codec) {
	for _, v := range []any{map[string]any{"a": "b"}, &inner{N: 1}} {
		want := encode(t, c, v)
		for _, spare := range []int{0, 1, 1000} {
			prefix := append(make([]byte, 0, 3+spare), "pre"...)
			got, err := c.Append(prefix, v)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, append([]byte("pre"), want...)) {
				t.Errorf("with %d bytes to spare, Append after %q gives %q, want it followed by %q", spare, "pre", got, want)
			}
			if !bytes.Equal(prefix, []byte("pre")) {
				t.Error("Append changed the bytes that were there")
			}
		}
		got, err := c.Append([]byte("pre"), map[string]any{"a": "b", "z": make(chan int)})
		if err == nil {
			t.Error("a channel was encoded")
		} else if string(got) != "pre" {
			t.Errorf("with an error, Append returned %q, want dst at its former length", got)
		}
	}
}

func testAppendReadsOnly(t *testing.T, c codec.Codec) {
	for i, v := range records() {
		encode(t, c, v)
		if !reflect.DeepEqual(v, records()[i]) {
			t.Error("Append changed the value")
		}
	}
	v := kinds()
	encode(t, c, v)
	if !reflect.DeepEqual(v, kinds()) {
		t.Error("Append changed the values")
	}
	buf := []byte("abc")
	first := encode(t, c, map[string]any{"b": buf})
	copied := bytes.Clone(first)
	copy(buf, "xyz")
	encode(t, c, map[string]any{"b": buf})
	if !bytes.Equal(first, copied) {
		t.Error("what Append returned changed when its value did")
	}
}
