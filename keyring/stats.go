package keyring

import (
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/internal/stripe"
)

// Stats is what an operator should know of a keyring in use, at a time. It has
// no secret, and nothing in it comes from a client: it is fit for a page, a log
// and the labels of metrics. It comes back from its JSON as it was.
type Stats struct {
	Ring       string    `json:"ring,omitempty"`
	Generation uint64    `json:"generation"`
	Checksum   string    `json:"checksum"`
	Published  time.Time `json:"published,omitzero"`

	// Policy is that of the ring, with the defaults filled in.
	Policy Policy `json:"policy"`

	// Adopted is when this process began to use the ring, and Confirmed when its
	// source last had it: the last look that went well. A keyring that follows
	// no source has no Confirmed.
	Adopted   time.Time `json:"adopted"`
	Confirmed time.Time `json:"confirmed,omitzero"`

	// Failure is what was wrong at the last look; empty if nothing was. What
	// the error of a [Source] says is in the log only.
	Failure string `json:"failure,omitempty"`
	Loads   Loads  `json:"loads"`

	// Primary is the key that signs, and Codec the codec that the ring
	// schedules; zero if there is none.
	Primary KeyID  `json:"primary,omitzero"`
	Codec   string `json:"codec,omitempty"`

	// NewestKey is when the newest key was added, and Standby when the oldest of
	// the standby keys that could take over from the primary was; zero if there
	// is none, or none that says when. An emergency needs a standby key older
	// than the propagation.
	NewestKey time.Time `json:"newest_key,omitzero"`
	Standby   time.Time `json:"standby,omitzero"`

	// Keys are those of the ring, and Warnings what Ring.Warnings says.
	Keys     []KeyStats `json:"keys"`
	Warnings []string   `json:"warnings,omitempty"`
}

// KeyStats is the part of Stats about one key.
type KeyStats struct {
	ID          KeyID     `json:"id"`
	Algorithm   string    `json:"algorithm,omitempty"`
	State       State     `json:"state"`
	Added       time.Time `json:"added,omitzero"`
	SignFrom    time.Time `json:"sign_from,omitzero"`
	VerifyUntil time.Time `json:"verify_until,omitzero"`

	// Verified and Signed count tokens in this process, and LastVerified is when
	// it last verified one, to the second.
	Verified     uint64    `json:"verified"`
	Signed       uint64    `json:"signed"`
	LastVerified time.Time `json:"last_verified,omitzero"`

	// Prunable says that the key's tokens have expired, by every clock:
	// Document.Prune would make it a tombstone.
	Prunable bool `json:"prunable"`
}

// MarshalJSON returns the policy as a ring file has it, without the members that
// this version does not know.
func (y Policy) MarshalJSON() ([]byte, error) { return y.facts().object(), nil }

// UnmarshalJSON reads what MarshalJSON returns.
func (y *Policy) UnmarshalJSON(data []byte) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	var p problems
	o, _ := p.object("policy", data, policyMembers)
	policy := o.policy()
	if err := p.err(); err != nil {
		return err
	}
	*y = policy
	return nil
}

// usage counts what is done with a key, across the rings that it is in.
type usage struct {
	verified stripe.Counter
	last     atomic.Int64 // in Unix seconds; read at each verification
	_        [128]byte    // signed is written too often to be beside it
	signed   atomic.Uint64
}

// CountVerified counts a token of the key that was verified at now, for
// [Keyring.Stats].
func (s *Subkey) CountVerified(now time.Time) {
	if s.usage == nil {
		return
	}
	s.usage.verified.Inc()
	last := &s.usage.last
	t := now.Unix()
	for was := last.Load(); t > was && !last.CompareAndSwap(was, t); {
		was = last.Load()
	}
}

// CountSigned counts a token that was made with the key, for [Keyring.Stats].
func (s *Subkey) CountSigned() {
	if s.usage != nil {
		s.usage.signed.Add(1)
	}
}

// Stats returns what is to be known of the keyring at now.
func (k *Keyring) Stats(now time.Time) Stats {
	present := k.now.Load()
	if present == nil {
		return Stats{}
	}
	r := present.ring
	s := Stats{
		Ring: r.Name(), Generation: r.Generation(), Checksum: r.checksum, Published: r.document.Published,
		Policy: r.policy, Adopted: present.adopted.UTC(),
	}
	s.Policy.unknown = nil
	if f := k.follower; f == nil {
		s.Warnings = r.Warnings(now)
	} else {
		s.Warnings = f.warnings(r, now)
		f.mu.Lock()
		s.Confirmed, s.Failure, s.Loads = f.confirmed.UTC(), f.shown, f.loads
		f.mu.Unlock()
	}
	for _, c := range r.document.Codecs {
		if !c.From.After(now) {
			s.Codec = c.Codec
		}
	}
	primary, err := r.Primary(now)
	if err == nil {
		s.Primary = primary.id
	}
	k.counting.Lock()
	defer k.counting.Unlock()
	for _, key := range r.document.Keys {
		ks := KeyStats{
			ID: key.id, Algorithm: key.name, State: r.State(key.id, now),
			Added: key.Added, SignFrom: key.SignFrom, VerifyUntil: key.VerifyUntil,
			Prunable: r.prunable(key, now),
		}
		if u := k.usage[key.id]; u != nil {
			ks.Verified, ks.Signed = u.verified.Load(), u.signed.Load()
			if t := u.last.Load(); t != 0 {
				ks.LastVerified = time.Unix(t, 0).UTC()
			}
		}
		s.Keys = append(s.Keys, ks)
		if !key.isTombstone() && key.Added.After(s.NewestKey) {
			s.NewestKey = key.Added
		}
		if err == nil && key.standsBy(primary) && (s.Standby.IsZero() || key.Added.Before(s.Standby)) {
			s.Standby = key.Added
		}
	}
	return s
}
