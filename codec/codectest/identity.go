package codectest

import "regexp"

func checkIDAndName(p *promise) {
	if p.c.ID() == 0 {
		p.fail("ID is 0")
	}
	if !regexp.MustCompile(`^[a-z0-9-]{1,32}$`).MatchString(p.c.Name()) {
		p.fail("Name is not 1 to 32 lower-case letters, digits and hyphens", note("got", "%q", p.c.Name()))
	}
	id, name := p.c.ID(), p.c.Name()
	p.encode(kinds())
	if p.c.ID() != id || p.c.Name() != name {
		p.fail("ID or Name changes", note("before", "%d, %q", id, name), note("after", "%d, %q", p.c.ID(), p.c.Name()))
	}
	builtin := map[byte]string{1: "json", 2: "msgpack", 3: "cbor"}
	if p.c.ID() < 128 && builtin[p.c.ID()] != p.c.Name() {
		p.fail("ID is below 128: these are for package codec", note("got", "%d, of the codec %q", p.c.ID(), p.c.Name()))
	}
	if p.c.ID() >= 128 {
		for _, name := range builtin {
			if p.c.Name() == name {
				p.fail("Name is taken by package codec", note("got", "%q", name))
			}
		}
	}
}
