package session

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/internal/stripe"
	"github.com/keyturn/keyturn/keyring"
)

// Stats is what a Manager has done since it was made, in this process, and what
// is to be known of its keyring. It has no secret and nothing of a session, and
// nothing in it comes from a client: it is fit for a page, a log and the labels of
// metrics. It comes back from its JSON as it was.
type Stats struct {
	Cookie  string        `json:"cookie"`
	Keyring keyring.Stats `json:"keyring"`

	// Warnings says, beside those of Keyring, which codecs the ring schedules that
	// the program lacks.
	Warnings []string `json:"warnings,omitempty"`

	// Outcomes counts the sessions that were touched, by what became of the
	// cookie: absent, valid, or the name of a Reason. All of them are in it,
	// also those that never occurred. Many of unknown_key say that this instance
	// lags behind.
	Outcomes map[string]uint64 `json:"outcomes"`

	// Read counts the sessions that were valid, and Written the tokens that were
	// made, by codec; each of Config.Codecs is in both. When none of a codec has
	// been read on any instance for as long as a session lasts, a program can do
	// without that codec.
	Read    map[string]uint64 `json:"read"`
	Written map[string]uint64 `json:"written"`

	// TakenOver counts the sessions that came in the cookies of other libraries and
	// were taken over, and NotTakenOver the cookies that were not, by system. When
	// nobody has been taken over for a while, the Takeover can go.
	TakenOver    map[string]uint64 `json:"taken_over,omitempty"`
	NotTakenOver map[string]uint64 `json:"not_taken_over,omitempty"`

	// Reissued counts the tokens that were made for sessions to go on under
	// another key or in another codec than they came in, by the changes that
	// occurred.
	Reissued []Reissue `json:"reissued,omitempty"`
}

// A Reissue is a change of sessions from one key and codec to others.
type Reissue struct {
	FromKey   keyring.KeyID `json:"from_key"`
	ToKey     keyring.KeyID `json:"to_key"`
	FromCodec string        `json:"from_codec"`
	ToCodec   string        `json:"to_codec"`
	Count     uint64        `json:"count"`
}

// Stats returns what the Manager has done, and what is to be known of its keyring
// at now.
func (m *Manager[T]) Stats(now time.Time) Stats { return m.envelope.stats(now) }

// Keyring returns Config.Keys, by which one can tell which Managers have the same
// keys.
func (m *Manager[T]) Keyring() *keyring.Keyring { return m.keys }

// tally counts for Stats. What is counted where nothing is written is striped: there,
// it would be a good part of what a request costs.
type tally struct {
	outcomes [len(reasons)]atomic.Uint64 // by reason
	absent   stripe.Counter
	read     [256]*stripe.Counter // by the ID of the codec: what is valid
	written  [256]atomic.Uint64   // by the ID of the codec

	mu       sync.Mutex
	reissued map[Reissue]uint64 // without their counts
}

// reissue counts a token that takes the place of a cookie, if it is of another
// key or codec.
func (t *tally) reissue(r Reissue) {
	if r.FromKey == r.ToKey && r.FromCodec == r.ToCodec {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reissued == nil {
		t.reissued = make(map[Reissue]uint64)
	}
	t.reissued[r]++
}

func (e *envelope) stats(now time.Time) Stats {
	s := Stats{
		Cookie: e.names[0].name, Keyring: e.keys.Stats(now), Warnings: e.missing(e.keys.Ring(), now),
		Outcomes: make(map[string]uint64), Read: make(map[string]uint64), Written: make(map[string]uint64),
	}
	s.Outcomes[Absent.String()] = e.tally.absent.Load()
	for i := range e.tally.outcomes[1:] {
		s.Outcomes[reasons[i+1].name] = e.tally.outcomes[i+1].Load()
	}
	for _, c := range e.codecs {
		read := e.tally.read[c.ID()].Load()
		s.Read[c.Name()] = read
		s.Outcomes[Valid.String()] += read
		s.Written[c.Name()] = e.tally.written[c.ID()].Load()
	}
	for _, t := range e.takeovers {
		if s.TakenOver == nil {
			s.TakenOver, s.NotTakenOver = make(map[string]uint64), make(map[string]uint64)
		}
		n := t.taken.Load()
		s.TakenOver[t.system] += n
		s.NotTakenOver[t.system] += t.refused.Load()
		s.Outcomes[Valid.String()] += n
	}
	s.Reissued = e.tally.reissues(e.keys.Ring(), now)
	return s
}

// reissues returns the counts, in a fixed order. Those of keys that have left the
// ring are forgotten, or they would grow with every turn of a key.
func (t *tally) reissues(ring *keyring.Ring, now time.Time) []Reissue {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Reissue
	for r, n := range t.reissued {
		if ring.State(r.FromKey, now) == keyring.Unknown || ring.State(r.ToKey, now) == keyring.Unknown {
			delete(t.reissued, r)
			continue
		}
		r.Count = n
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Reissue) int {
		return cmp.Or(slices.Compare(a.FromKey[:], b.FromKey[:]), slices.Compare(a.ToKey[:], b.ToKey[:]),
			cmp.Compare(a.FromCodec, b.FromCodec), cmp.Compare(a.ToCodec, b.ToCodec))
	})
	return all
}
