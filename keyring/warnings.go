package keyring

import (
	"fmt"
	"slices"
	"time"
)

// Warnings says, in a sentence each, what an operator should see to: now, and in
// all that the ring schedules from now on. There are keys that would cut sessions
// off, that never sign or at another time than was meant; times at which no key
// may sign; no standby key that could take over; keys that this binary cannot use;
// and members of the file that it does not know, as a misspelled one is. There
// are none in a ring as it should be.
//
// Whether an edit came in time for every instance is for [Plan] to judge: a ring
// does not know what was before it.
func (r *Ring) Warnings(now time.Time) []string {
	w := &warnings{ring: r, now: now, told: make(map[KeyID]bool), hurried: make(map[KeyID]bool)}
	w.tooSoon()
	w.notBefore()
	w.cutOff()
	w.neverSigns()
	w.periods()
	w.unsupported()
	w.standby()
	return append(w.list, r.document.unknownMembers()...)
}

// warnings collects them.
type warnings struct {
	ring    *Ring
	now     time.Time
	list    []string
	told    map[KeyID]bool // the keys of whose schedule they tell
	hurried map[KeyID]bool // those that may have to sign early because of another key's
}

func (w *warnings) add(format string, args ...any) {
	w.list = append(w.list, fmt.Sprintf(format, args...))
}

// tooSoon tells of a policy by which rings would have to arrive in no time.
func (w *warnings) tooSoon() {
	if p := w.ring.policy; p.isTooFast() {
		w.add("%s", p.tooFast())
	}
}

// isTooFast reports whether rings would have to arrive in no time.
func (p Policy) isTooFast() bool { return p.Propagation <= 2*p.Skew }

func (p Policy) tooFast() string {
	return fmt.Sprintf("policy.propagation is %s, and leaves instances no time to load a ring: it must be longer than %s, which is twice the skew; raise it, or lower policy.skew if every clock is better than that", spell(p.Propagation), spell(2*p.Skew))
}

func (w *warnings) notBefore() {
	if t := w.ring.NotBefore(); t.After(w.now.Add(w.ring.policy.Skew)) {
		w.add("not_before is %s, which is to come: nobody who signs in before then stays signed in", stamp(t))
	}
}

// cutOff tells of keys that cease to verify before their last sessions end.
func (w *warnings) cutOff() {
	for _, k := range w.ring.document.Keys {
		if !k.canVerify() || k.SignFrom.IsZero() || k.VerifyUntil.IsZero() {
			continue
		}
		next, ok := w.successor(k)
		if !ok {
			continue // periods tells of what comes of it
		}
		need := next.SignFrom.Add(w.ring.reach())
		if !k.VerifyUntil.Before(need) || !need.After(w.now) {
			continue
		}
		w.add("key %v signs until key %v takes over at %s, and verifies until %s only, so that sessions would be cut off; set its verify_until to %s or later",
			k.id, next.id, stamp(next.SignFrom), stamp(k.VerifyUntil), later(need))
		w.told[k.id], w.hurried[next.id] = true, true
	}
}

// successor returns the key that follows k: that of the next SignFrom, of those
// that can sign. If k does not sign any more, it may have been one that cannot.
func (w *warnings) successor(k Key) (next Key, ok bool) {
	signs := w.ring.State(k.id, w.now) == Active
	for _, n := range w.ring.document.Keys {
		can := n.canVerify() || !signs && !n.SignFrom.After(w.now)
		if can && n.SignFrom.After(k.SignFrom) && (!ok || n.SignFrom.Before(next.SignFrom)) {
			next, ok = n, true
		}
	}
	return next, ok
}

// neverSigns tells of keys that have SignFrom in vain.
func (w *warnings) neverSigns() {
	primary, _ := w.ring.Primary(w.now)
	for i, k := range w.ring.document.Keys {
		if !k.Usable(w.now) || k.SignFrom.IsZero() || w.told[k.id] {
			continue
		}
		until := w.signsUntil(i)
		switch from := stamp(k.SignFrom); {
		case until.After(k.SignFrom.Add(w.ring.policy.Skew)):
			continue
		case !k.SignFrom.After(w.now):
			if !until.IsZero() || !k.SignFrom.Before(primary.SignFrom) || !k.Added.After(primary.SignFrom) {
				continue // it signs still, or it may have signed
			}
			w.add("key %v never signs: it was added when key %v signed already, and has an earlier sign_from; set that to when it is to take over, or remove it", k.id, primary.id)
		case !k.VerifyUntil.IsZero() && k.VerifyUntil.Before(k.SignFrom.Add(w.ring.reach()+w.ring.policy.Skew)):
			w.add("key %v is to sign from %s, and does not: it verifies until %s only, before sessions that begin then end; remove its verify_until until another key is to follow", k.id, from, stamp(k.VerifyUntil))
		case until.IsZero():
			w.add("key %v is to sign from %s, and does not: another key has the same sign_from; set them apart", k.id, from)
		default:
			w.add("key %v is to sign from %s, and only until %s, when another takes over; set them apart by more than clocks differ", k.id, from, stamp(until))
		}
		w.told[k.id] = true
	}
}

// endless is after every time in a ring.
var endless = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// signsUntil returns when the key last signs, from now on, as it is meant to, or
// the zero time if it does not.
func (w *warnings) signsUntil(key int) (until time.Time) {
	for _, q := range w.ring.periods(w.now) {
		if q.key != key || q.basis != due {
			continue
		}
		if until = q.to; until.IsZero() {
			return endless
		}
	}
	return until
}

// periods tells of times at which no key signs, or one that should not, unless
// that comes of what has been told.
func (w *warnings) periods() {
	keys := w.ring.document.Keys
	explained := false // why the key of the period before signs no more
	for _, q := range w.ring.periods(w.now) {
		at, from, then := w.now, "", "now"
		if q.from.After(w.now) {
			at, from, then = q.from, "from "+stamp(q.from)+", ", "then"
		}
		if q.key < 0 {
			switch {
			case explained:
			case mustSeal(keys, at):
				w.add("%sno key may sign, since none that encrypts can follow one that did: no session can begin or change; give one a sign_from", from)
			default:
				w.add("%sno key may sign: no session can begin or change; give one a sign_from", from)
			}
			continue
		}
		k := keys[q.key]
		explained = w.told[k.id]
		switch {
		case explained:
		case q.basis == early && !w.hurried[k.id]:
			w.add("%skey %v signs before its sign_from of %s, since no other key may", from, k.id, stamp(k.SignFrom))
		case q.basis == late:
			w.add("%skey %v signs although it verifies until %s only, before sessions that begin %s end; schedule a key to follow it, or remove its verify_until", from, k.id, stamp(k.VerifyUntil), then)
			explained = true
		}
	}
}

func (w *warnings) unsupported() {
	for _, k := range w.ring.document.Keys {
		if w.ring.State(k.id, w.now) == Unsupported {
			w.add("key %v is for the algorithm %s, which this binary lacks or cannot use", k.id, k.name)
		}
	}
}

// standby tells if no key could take over from that which signs now, or from the
// one that signs last.
func (w *warnings) standby() {
	const lacking = "%sno standby key of the kind of key %v (%s): an emergency would have to wait for a new key to reach every instance"
	if p, err := w.ring.Primary(w.now); err == nil {
		// One that retires soon will do, if it is there until the next one signs.
		stands := func(k Key) bool { return k.Usable(w.now) && k.SignFrom.IsZero() && k.seals == p.seals }
		if !slices.ContainsFunc(w.ring.document.Keys, stands) {
			w.add(lacking, "", p.id, p.name)
			return
		}
	}
	last := w.ring.changes[len(w.ring.changes)-1]
	if last.key < 0 {
		return
	}
	k := w.ring.document.Keys[last.key]
	if !slices.ContainsFunc(w.ring.document.Keys, func(s Key) bool { return s.standsBy(k) }) {
		from := ""
		if last.from.After(w.now) {
			from = "from " + stamp(last.from) + ", "
		}
		w.add(lacking, from, k.id, k.name)
	}
}

// unknownMembers says which members of the file this version ignores.
func (d Document) unknownMembers() (w []string) {
	tell := func(where string, u *unknown, known []string) {
		for _, m := range u.all() {
			switch {
			case m.name == "critical":
			case isMemberName(m.name):
				w = append(w, fmt.Sprintf("%sthe member %s is not known to this version, and is ignored%s", where, m.name, didYouMean(m.name, known)))
			default:
				w = append(w, where+"a member is not known to this version, and is ignored")
			}
		}
	}
	tell("", d.unknown, ringMembers)
	tell("policy: ", d.Policy.unknown, policyMembers)
	tell("override: ", d.Override.unknown, overrideMembers)
	for _, k := range d.Keys {
		tell(fmt.Sprintf("key %v: ", k.id), k.unknown, keyMembers)
	}
	for _, c := range d.Codecs {
		tell(fmt.Sprintf("codec %s from %s: ", c.Codec, c.From.Format(time.RFC3339)), c.unknown, codecMembers)
	}
	return w
}
