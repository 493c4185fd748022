package session

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// A panic of a method of the data fails the Update, and tells nothing of the data.
func TestTextThatPanicsFailsTheUpdateAndTellsNothing(t *testing.T) {
	type T struct {
		A string
		P panicText
	}
	for _, c := range codec.All() {
		m := newManager[T](t, Config{Codecs: []codec.Codec{c}})
		s := request(m, t0, signedIn(t, m, t0, T{A: "x"}))
		err := s.Update(func(v *T) { v.P.s = "boom" })
		if err == nil || strings.Contains(err.Error(), "boom") || s.Data().P.s == "boom" {
			t.Errorf("%s: %v", c.Name(), err)
		}
		if cm := s.Commit(true); cm.Sent != SentNothing {
			t.Errorf("%s: sent %v", c.Name(), cm.Sent)
		}
	}
}

type panicText struct{ s string }

func (p panicText) MarshalText() ([]byte, error) {
	if p.s == "boom" {
		panic(p.s)
	}
	return []byte(p.s), nil
}
func (p *panicText) UnmarshalText(b []byte) error { p.s = string(b); return nil }
