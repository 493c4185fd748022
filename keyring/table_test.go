package keyring

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestATableFindsWhatIsInIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 3, 64, 1000} {
		for _, spread := range []uint32{1, 1 << 4, 1 << 31} { // IDs that meet in the same slots, and such as do not
			table := newTable(n)
			want := make(map[KeyID]*entry)
			for len(want) < n {
				var id KeyID
				binary.LittleEndian.PutUint32(id[:], random.Uint32()*spread)
				if spread > 1 {
					id[3] = byte(random.Uint32())
					id[2] = byte(random.Uint32())
				}
				e := new(entry)
				if want[id] == nil {
					want[id] = e
					table.put(id, e)
				}
			}
			for id, e := range want {
				if table.find(id).entry != e {
					t.Fatalf("%d keys: %v is not found", n, id)
				}
				other := id
				other[0] ^= 1
				if got := table.find(other).entry; got != want[other] {
					t.Fatalf("%d keys: for %v, another is found", n, other)
				}
			}
			if free := len(table.slots) - n; free < n || free < 1 {
				t.Errorf("%d keys: %d slots are free", n, free)
			}
		}
	}
}
