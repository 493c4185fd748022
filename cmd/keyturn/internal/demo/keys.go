package demo

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

// shownKeys is how many live keys are shown at once: after many turns, most of
// them only verify, and the page is about those that were turned last.
const shownKeys = 6

type shownKey struct {
	keyring.Key
	State keyring.State
}

// keyLists are the keys of the ring as the page shows them: the last two lists
// are folded away.
type keyLists struct {
	Live  []shownKey // those that verify, by use, and what signed last first
	Older []shownKey // live ones that are too many
	Dead  []shownKey // what they made is not accepted
}

// liveByUse has the states of keys that verify, in the order of the page.
var liveByUse = []keyring.State{keyring.Active, keyring.Standby, keyring.Pending, keyring.Retiring}

func listKeys(r *keyring.Ring, at time.Time) keyLists {
	var l keyLists
	for _, k := range slices.Backward(r.Document().Keys) { // the newest first
		shown := shownKey{k, r.State(k.ID(), at)}
		if slices.Contains(liveByUse, shown.State) {
			l.Live = append(l.Live, shown)
		} else {
			l.Dead = append(l.Dead, shown)
		}
	}
	slices.SortStableFunc(l.Live, func(a, b shownKey) int {
		return cmp.Or(
			cmp.Compare(slices.Index(liveByUse, a.State), slices.Index(liveByUse, b.State)),
			b.SignFrom.Compare(a.SignFrom),
		)
	})
	if len(l.Live) > shownKeys {
		l.Live, l.Older = l.Live[:shownKeys], l.Live[shownKeys:]
	}
	return l
}
