package keyring

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// What a ring's policy is where it is silent.
const (
	DefaultPropagation = time.Hour
	DefaultSkew        = 5 * time.Minute
	DefaultMaxSession  = 14 * 24 * time.Hour
)

// A Policy is what a ring's schedule is made for. A duration of zero stands for
// the default, in a [Document]; [Ring.Policy] has the defaults filled in.
type Policy struct {
	// Propagation is how long after its publication a ring has reached every
	// instance and their clocks agree that it has. It is longer than the
	// slowest load plus twice Skew.
	Propagation time.Duration

	// Skew is the largest error of one clock.
	Skew time.Duration

	// MaxSession is the longest life of a session, and MaxSessionHigh the
	// longest it ever was: a session that began before MaxSession was lowered
	// still lives as long as it was promised. The default of MaxSessionHigh is
	// MaxSession.
	MaxSession, MaxSessionHigh time.Duration

	unknown *unknown
}

// A CodecFrom says which codec sessions are written with from a time on.
type CodecFrom struct {
	Codec string
	From  time.Time

	unknown *unknown
}

// A Document is what a ring file says. To edit a ring, use [Ring.Edit]. The methods
// of a Document go by the Generation that it was made with: who makes a new ring of it
// with NewRing raises Generation after them.
//
// It also keeps, out of sight, the members of the file that this version of the
// package does not know, so that editing with an older version loses nothing.
// It does not print, marshal or log its secrets; [Document.EncodeWithSecrets]
// does.
type Document struct {
	// Name tells rings apart, say of environments: 1 to 64 letters, digits,
	// dots, underscores and hyphens. It may be empty in memory, not in a file.
	Name string

	// Generation rises with every edit.
	Generation uint64

	// Published is when this generation was made, to be published then. It is a note
	// to people; [Document.Restore] goes by it, too.
	Published time.Time

	// NotBefore, unless zero, puts an end to every session that began earlier.
	NotBefore time.Time

	Policy Policy

	// Keys are the ring's keys and tombstones. Their order means nothing.
	Keys []Key

	// Codecs schedules the codec to write. Its order means nothing.
	Codecs []CodecFrom

	// Override says which findings of Plan an operator has accepted, for one
	// generation and no later one.
	Override Override

	unknown *unknown
}

// clone returns a copy that shares nothing that can be modified.
func (d Document) clone() Document {
	d.Keys = slices.Clone(d.Keys)
	d.Codecs = slices.Clone(d.Codecs)
	d.Override.Allow = slices.Clone(d.Override.Allow)
	return d
}

// A Ring is a validated Document with the schedule worked out. It is immutable
// and safe for concurrent use. It prints and logs without its secrets.
type Ring struct {
	document Document
	policy   Policy        // defaults filled in
	index    map[KeyID]int // into document.Keys
	changes  []change      // of the primary
	recent   atomic.Int64  // the change found last; see at
	checksum string
}

// NewRing returns the ring of a document, which it copies. Times become UTC,
// tombstones lose their secrets, and keys and codecs are put in order.
//
// It refuses a document that is wrong whatever the time is: fields out of
// range, no key that could ever sign, two keys of one ID or of one secret (even
// for two algorithms, or with zeros appended), secrets that NewKey refuses. The
// error lists every problem. Whether the document is a safe successor to
// another is not judged here.
func NewRing(d Document) (*Ring, error) {
	var p problems
	r := newRing(d, &p)
	if err := p.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// newRing returns the ring of d, meaningful only if it adds no problems.
func newRing(d Document, p *problems) *Ring {
	d = d.clone()
	if d.Name != "" && !isRingName(d.Name) {
		p.add("ring", "not 1 to 64 letters, digits, dots, underscores and hyphens")
	}
	p.instant("published", &d.Published)
	p.instant("not_before", &d.NotBefore)
	p.instant("override.since", &d.Override.Since)
	r := &Ring{policy: p.policy(d.Policy), index: make(map[KeyID]int, len(d.Keys))}
	p.keys(d.Keys)
	p.codecs(d.Codecs)
	p.override(d.Override)

	slices.SortFunc(d.Keys, func(a, b Key) int {
		return cmp.Or(a.Added.Compare(b.Added), slices.Compare(a.id[:], b.id[:]))
	})
	slices.SortFunc(d.Codecs, func(a, b CodecFrom) int {
		return a.From.Compare(b.From) // no two are the same
	})
	for i, k := range d.Keys {
		r.index[k.id] = i
	}
	r.document = d
	if len(p.found) > 0 {
		return r
	}
	for i := range d.Keys {
		d.Keys[i].forgetUnusable()
	}
	r.changes = schedule(d.Keys, r.reach())
	if !slices.ContainsFunc(r.changes, func(c change) bool { return c.key >= 0 }) {
		p.add("keys", "no key can ever sign: one is needed that is neither disabled, revoked nor pruned, "+
			"has sign_from and an algorithm of this binary, and seals if the key it follows does")
	}
	r.checksum = checksum(d.members())
	return r
}

// reach is how far ahead of now a key must verify to be worth signing with:
// until the longest session that begins or is reissued now has ended.
func (r *Ring) reach() time.Duration { return r.policy.MaxSessionHigh + r.policy.Skew }

// Document returns what the ring says, for an edited copy of the ring. Changes
// to it do not reach the ring.
func (r *Ring) Document() Document { return r.document.clone() }

// Name returns the ring's name.
func (r *Ring) Name() string { return r.document.Name }

// Generation returns the ring's generation.
func (r *Ring) Generation() uint64 { return r.document.Generation }

// Policy returns the ring's policy with the defaults filled in.
func (r *Ring) Policy() Policy { return r.policy }

// key returns the key of a ring with the ID.
func (r *Ring) key(id KeyID) (Key, bool) {
	i, ok := r.index[id]
	if !ok {
		return Key{}, false
	}
	return r.document.Keys[i], true
}

// NotBefore returns the time before which no session may have begun, or zero.
func (r *Ring) NotBefore() time.Time { return r.document.NotBefore }

// Codecs returns a copy of the schedule of codecs, the earliest first.
func (r *Ring) Codecs() []CodecFrom { return slices.Clone(r.document.Codecs) }

// Checksum returns "sha256:" and a hash over all that the ring says, by which
// operators see whether two instances have the same ring. It is the checksum of
// the file that WriteFile makes of the ring.
func (r *Ring) Checksum() string { return r.checksum }
