package codectest

import (
	"regexp"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func testIDAndName(t *testing.T, c codec.Codec) {
	if c.ID() == 0 {
		t.Error("ID is 0")
	}
	if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.Name()) {
		t.Errorf("the name %q is not of lower-case letters, digits and hyphens", c.Name())
	}
	if len(c.Name()) > 32 {
		t.Errorf("the name %q is longer than 32", c.Name())
	}
	id, name := c.ID(), c.Name()
	encode(t, c, kinds())
	if c.ID() != id || c.Name() != name {
		t.Error("ID or Name changes")
	}
	builtin := map[byte]string{1: "json", 2: "msgpack", 3: "cbor"}
	if c.ID() < 128 && builtin[c.ID()] != c.Name() {
		t.Errorf("%q has the ID %d: those below 128 are for package codec", c.Name(), c.ID())
	}
	if c.ID() >= 128 {
		for _, name := range builtin {
			if c.Name() == name {
				t.Errorf("the name %q is taken by package codec", name)
			}
		}
	}
}
