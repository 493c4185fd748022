package codec_test

import (
	"math"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// A member whose name is an integer is one that a struct does not have, and ignored.
// One beyond int64 is refused where names can be integers, whatever else is in the
// struct, but not inside of what is ignored.
func TestAStructIsRefusedAMemberNamedByABigInteger(t *testing.T) {
	type single struct{ A int }
	type several struct {
		A int
		B []int
	}
	type nested struct{ N single }
	for _, name := range []uint64{math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		for _, c := range codec.All() {
			data, err := c.Append(nil, map[uint64]int{name: 7})
			if err != nil {
				t.Fatal(err)
			}
			within, err := c.Append(nil, map[string]map[uint64]int{"N": {name: 7}})
			if err != nil {
				t.Fatal(err)
			}
			ignored := name <= math.MaxInt64 || c.Name() == "json"
			for what, err := range map[string]error{
				"single items": c.Decode(data, new(single)), "a slice": c.Decode(data, new(several)), "a struct": c.Decode(within, new(nested)),
			} {
				if (err == nil) != ignored {
					t.Errorf("%s: %d: a struct with %s: %v", c.Name(), name, what, err)
				}
			}
			if err := c.Decode(within, new(several)); err != nil {
				t.Errorf("%s: %d: inside of what is ignored: %v", c.Name(), name, err)
			}
		}
	}
}
