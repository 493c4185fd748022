package keyring

import "encoding/binary"

// A table finds the entry of a key by its ID, of which nobody but the ring's owner
// chooses any, and which is as good as random: its own bytes say where to look.
type table struct {
	slots []slot // a power of two, of which half are free at least
}

type slot struct {
	id    KeyID
	entry *entry // nil: the slot is free
}

func newTable(keys int) table {
	size := 2
	for size < 2*keys {
		size *= 2
	}
	return table{make([]slot, size)}
}

// find returns the slot of id, or the free one where it would be.
func (t table) find(id KeyID) *slot {
	for i := binary.LittleEndian.Uint32(id[:]); ; i++ {
		s := &t.slots[int(i)&(len(t.slots)-1)]
		if s.entry == nil || s.id == id {
			return s
		}
	}
}

func (t table) put(id KeyID, e *entry) { *t.find(id) = slot{id, e} }
