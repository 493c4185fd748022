package session

import (
	"bytes"
	"encoding/gob"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// gobs is a codec of somebody else's that carries what no codec of this module does.
type gobs struct{}

func (gobs) ID() byte     { return firstCustomID }
func (gobs) Name() string { return "gobs" }
func (gobs) Append(dst []byte, v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return append(dst, b.Bytes()...), err
}
func (gobs) Decode(data []byte, v any) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(v) }

// TestWhatIsRefusedDoesNotDependOnTheCodec, or a change of codec would sign out who
// has such data.
func TestWhatIsRefusedDoesNotDependOnTheCodec(t *testing.T) {
	type data struct {
		User string
		Load float64
	}
	for _, c := range append(codec.All(), gobs{}) {
		m := newManager[data](t, Config{Codecs: []codec.Codec{c}})
		for _, v := range []data{{User: "\xff"}, {Load: math.NaN()}} {
			s := m.New(t0)
			err := s.Renew(v)
			if !errors.Is(err, ErrNotCarried) {
				t.Errorf("%s: Renew(%+v) = %v", c.Name(), v, err)
			} else if !strings.HasPrefix(err.Error(), ErrNotCarried.Error()) {
				t.Errorf("%s: %q does not begin with what is the matter", c.Name(), err)
			}
		}
		if got := m.Open(t0, signedIn(t, m, t0, data{User: "tom", Load: 1})).Data(); got.User != "tom" {
			t.Errorf("%s: %+v comes back", c.Name(), got)
		}
	}
}

// TestCodecThatCannotMerge is asked for nothing that it does not have.
func TestCodecThatCannotMerge(t *testing.T) {
	type data struct{ Names []string }
	m := newManager[data](t, Config{Codecs: []codec.Codec{gobs{}}})
	s := m.Open(t0, signedIn(t, m, t0, data{[]string{"tom"}}))
	if err := s.Update(func(v *data) { v.Names = append(v.Names, "ann") }); err != nil {
		t.Fatal(err)
	}
	if got := m.Open(t0, s.Commit(false).Value).Data().Names; len(got) != 2 {
		t.Errorf("%q comes back", got)
	}
}
