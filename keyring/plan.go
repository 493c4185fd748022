package keyring

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// Plan judges whether it is safe to apply the edit that made the new ring of the
// old one at a time: to give the new ring to the first of the instances then,
// all of which have had the old one so far. Without a finding, no session ends
// before its time, however the instances' clocks differ within the skew, and in
// whatever order they load the ring within the propagation.
//
// What counts is when the edit is applied, not when it was made: an edit may
// have waited for days. Plan is pure, so that the job that publishes a ring can
// ask before it does. Leave the propagation between two edits: Plan takes it that
// every instance has the old ring, and of a key only that it was added so long ago.
//
// An edit that means to end sessions has findings, and they can be accepted: those
// of T5 and T6 about a key that is revoked or disabled by its Reason, and any by
// the Override of the new ring, if it is for its generation. They are there all
// the same, and say so. T1, T2 and T3 can be accepted, but servers refuse such a
// ring whatever its Override says.
func Plan(old, new *Ring, at time.Time) []Finding {
	a, b := old.policy, new.policy
	p := planner{
		old: old, new: new, at: at,
		propagation: max(a.Propagation, b.Propagation),
		skew:        max(a.Skew, b.Skew),
		session:     max(a.MaxSessionHigh, b.MaxSessionHigh),
		findings:    succession(old, new),
	}
	p.signersAreKnown()
	p.tokensStayValid()
	p.promisesAreKept()
	p.someKeySigns()
	p.nothingFallsBack()
	p.everyKeyIsKnown()
	p.tombstonesStay()
	p.standbyIsThere()
	p.codecsAreKnown()

	if o := new.document.Override; o.Generation == new.Generation() {
		for i, f := range p.findings {
			p.findings[i].Accepted = f.Accepted || slices.Contains(o.Allow, Exception{f.Rule, f.Key})
		}
	}
	slices.SortStableFunc(p.findings, func(a, b Finding) int { return int(a.Rule) - int(b.Rule) })
	return p.findings
}

// succession returns why next must not follow present, whatever the time is.
func succession(present, next *Ring) (found []Finding) {
	find := func(r Rule, id KeyID, format string, args ...any) {
		found = append(found, Finding{Rule: r, Key: id, Text: fmt.Sprintf(format, args...)})
	}
	if next.Name() != present.Name() {
		find(T1, KeyID{}, "ring: %q, and the present ring is %q; this may be the file of another environment", next.Name(), present.Name())
	}
	switch {
	case next.Generation() < present.Generation():
		find(T1, KeyID{}, "generation: lower than the present %d; publish an older ring again under a higher generation", present.Generation())
	case next.Generation() == present.Generation() && next.checksum != present.checksum:
		find(T1, KeyID{}, "generation: the same as the present %d, for another content; raise it", present.Generation())
	}
	for _, was := range present.document.Keys {
		i, ok := next.index[was.id]
		if !ok {
			if !was.isTombstone() {
				find(T2, was.id, "keys: key %v is gone; leave a tombstone (revoked or pruned) in its place", was.id)
			}
			continue
		}
		is := next.document.Keys[i]
		switch {
		case was.isTombstone() && !is.isTombstone():
			find(T3, was.id, "keys: key %v was revoked or pruned and is back; make a new key", was.id)
		case was.name != "" && is.name != "" && was.name != is.name,
			was.secret != nil && is.secret != nil && subtle.ConstantTimeCompare(was.secret(), is.secret()) == 0:
			find(T3, was.id, "keys: key %v has another secret or algorithm; make it a key of its own", was.id)
		case !was.Revoked.IsZero() && is.Revoked.IsZero():
			find(T3, was.id, "keys: key %v was revoked and no longer is; say so again", was.id)
		case was.seals && is.isTombstone() && (!is.seals || is.hides(was) && !mustSeal(next.document.Keys, is.buried())):
			find(T3, was.id, "keys: the tombstone of key %v must keep seals and sign_from: nothing may fall back from sealed to signed", was.id)
		}
	}
	return found
}

// hides reports whether the tombstone no longer says that the key may have signed.
// It may say so although the former ring does not: the one between them, which not
// every instance has to have seen, may have scheduled the key, or have unscheduled
// it in time.
func (k Key) hides(was Key) bool {
	return k.SignFrom.IsZero() && !was.SignFrom.IsZero() && !was.SignFrom.After(k.buried())
}

// A planner collects what is wrong with an edit.
type planner struct {
	old, new                   *Ring
	at                         time.Time
	propagation, skew, session time.Duration // the larger of both rings'
	findings                   []Finding
}

func (p *planner) find(r Rule, id KeyID, format string, args ...any) {
	p.findings = append(p.findings, Finding{Rule: r, Key: id, Text: fmt.Sprintf(format, args...)})
}

// meant finds what is not to be wondered at of a key that was put out of use, if that
// says why.
func (p *planner) meant(k Key, r Rule, format string, args ...any) {
	p.find(r, k.id, format, args...)
	p.findings[len(p.findings)-1].Accepted = k.Reason != "" && (!k.Revoked.IsZero() || k.Disabled && k.Pruned.IsZero())
}

// begins says in words when a period that is not over begins.
func (p *planner) begins(q period) string {
	if !q.from.After(p.at) {
		return "now"
	}
	return stamp(q.from)
}

// everywhere is when every instance has the new ring, and says so itself.
func (p *planner) everywhere() time.Time { return p.at.Add(p.propagation) }

// signersAreKnown checks T4: while some instances have the old ring still,
// nobody signs with a key that they do not verify.
func (p *planner) signersAreKnown() {
	told := map[KeyID]bool{}
	for _, q := range p.new.periods(p.at.Add(-p.skew)) {
		if q.key < 0 || !q.from.Before(p.everywhere()) {
			continue
		}
		id := p.new.document.Keys[q.key].id
		was, ok := p.old.key(id)
		switch {
		case told[id]:
			continue
		case !ok || !was.Usable(p.everywhere()):
			p.find(T4, id, "key %v signs from %s, when instances that have the old ring still do not accept it; let it sign from %s or later",
				id, p.begins(q), later(p.everywhere()))
		case was.Added.Add(p.propagation).After(p.at) && !p.signed(q):
			p.find(T4, id, "key %v signs from %s, and was added at %s: not every instance may have it yet; let it sign from %s or later",
				id, p.begins(q), stamp(was.Added), later(p.everywhere()))
		default:
			continue
		}
		told[id] = true
	}
}

// signed reports whether the key signs in that period under the old ring too.
func (p *planner) signed(q period) bool {
	for _, o := range p.old.periods(p.at.Add(-p.skew)) {
		if o.key >= 0 && p.old.document.Keys[o.key].id == p.new.document.Keys[q.key].id && !o.from.After(q.from) {
			return true
		}
	}
	return false
}

// tokensStayValid checks T5: of each key that signs, or may go on signing until
// the new ring is everywhere, the last tokens are accepted until they expire.
func (p *planner) tokensStayValid() {
	for _, was := range p.old.document.Keys {
		last, signs := p.lastSigned(was.id)
		if !signs {
			continue
		}
		need := last.Add(p.session + p.skew)
		is, ok := p.new.key(was.id)
		if !ok {
			continue // T2 says so
		}
		if out := is.outOfUse(); out != "" {
			p.meant(is, T5, "key %v signs until %s, so its tokens are valid until %s, and it is %s: sessions end", is.id, stamp(last), later(need), out)
		}
		switch end := is.VerifyUntil; { // also of a disabled key: it is to be enabled again
		case is.isTombstone():
		case !end.IsZero() && end.Before(need):
			p.find(T5, is.id, "key %v signs until %s, and verifies until %s only: sessions end; set verify_until to %s or later", is.id, stamp(last), stamp(end), later(need))
		default:
			p.remembers(was, is, last)
		}
	}
}

// lastSigned returns when an instance last signs with a key that is in the old
// ring, under either ring, and whether one does at all from now on. A key that
// signs for ever under the new ring does so without an end that matters.
func (p *planner) lastSigned(id KeyID) (last time.Time, signs bool) {
	for _, q := range p.old.periods(p.at.Add(-p.skew)) {
		if q.key < 0 || p.old.document.Keys[q.key].id != id || !q.from.Before(p.everywhere()) {
			continue
		}
		until := p.everywhere()
		if !q.to.IsZero() && q.to.Before(until) {
			until = q.to
		}
		last, signs = until, true
	}
	for _, q := range p.new.periods(p.at.Add(-p.skew)) {
		if q.key < 0 || p.new.document.Keys[q.key].id != id {
			continue
		}
		if q.to.After(last) {
			last = q.to
		}
		signs = true
	}
	return last, signs
}

// promisesAreKept checks T6.
func (p *planner) promisesAreKept() {
	for _, was := range p.old.document.Keys {
		is, ok := p.new.key(was.id)
		if !ok || was.SignFrom.IsZero() && was.VerifyUntil.IsZero() || was.isTombstone() || !was.VerifyUntil.IsZero() && !p.at.Before(was.VerifyUntil) {
			continue
		}
		if _, signs := p.lastSigned(was.id); signs || was.VerifyUntil.IsZero() && !was.SignFrom.Before(p.everywhere()) {
			continue // it is judged already, or has signed nothing
		}
		if out := is.outOfUse(); out != "" && (is.isTombstone() || !was.Disabled) {
			p.meant(is, T6, "key %v still verifies, %s, and is %s: sessions end", is.id, until(was.VerifyUntil), out)
		}
		switch {
		case is.isTombstone():
		case was.VerifyUntil.IsZero() && !is.VerifyUntil.IsZero():
			// When it signed last is not known: at the latest, before the primary began.
			if need := p.primarySince().Add(p.session + p.skew); is.VerifyUntil.Before(need) {
				p.find(T6, is.id, "key %v may have signed until %s, and verifies until %s only: sessions end; set verify_until to %s or later",
					is.id, stamp(p.primarySince()), stamp(is.VerifyUntil), later(need))
			}
		case !is.VerifyUntil.IsZero() && is.VerifyUntil.Before(was.VerifyUntil):
			p.find(T6, is.id, "key %v was to verify until %s, and now until %s only: sessions end; do not lower verify_until", is.id, stamp(was.VerifyUntil), stamp(is.VerifyUntil))
		default:
			p.remembers(was, is, time.Time{})
		}
	}
	a, b := p.old.policy, p.new.policy
	if b.MaxSessionHigh < a.MaxSessionHigh {
		p.find(T6, KeyID{}, "policy.max_session_high is lowered: there may be sessions as long as it said; lower it when they have ended")
	}
	if n := p.new.NotBefore(); n.After(p.old.NotBefore()) {
		p.find(T6, KeyID{}, "not_before is raised: every session that began before %s ends", stamp(n))
	}
}

// remembers checks for T6 that the new ring tells of a key without an end that it has signed,
// and until when: else an edit to come could end its sessions, and nobody would know.
// It last signs at a time, which is zero if it does so no more.
func (p *planner) remembers(was, is Key, last time.Time) {
	if !is.VerifyUntil.IsZero() {
		return
	}
	need := later(p.everywhere().Add(p.session + p.skew))
	// What was to retire may have signed before its sign_from, if that was put off.
	retires := !was.VerifyUntil.IsZero()
	may := retires || !was.SignFrom.IsZero() && was.SignFrom.Before(p.everywhere())
	tells := p.at.Add(p.new.policy.Propagation) // whoever judges the next edit takes it so
	next, present := p.new.changes[p.new.at(last)], p.new.changes[p.new.at(p.at)]
	switch {
	case may && (is.SignFrom.IsZero() || !is.SignFrom.Before(tells) && (retires || is.SignFrom.After(was.SignFrom))):
		p.find(T6, is.id, "key %v may have signed, which this ring does not tell: a later one could end its sessions; keep its sign_from, or set verify_until to %s or later", is.id, need)
	case !last.IsZero() && next.key >= 0 && p.new.document.Keys[next.key].id != is.id && next.from.Before(last):
		p.find(T6, is.id, "key %v signs until %s, and this ring tells of %s: a later one could end its sessions; set verify_until to %s or later", is.id, stamp(last), stamp(next.from), need)
	case may && last.IsZero() && present.key != p.new.index[is.id] && present.from.Before(p.primarySince()):
		p.find(T6, is.id, "key %v may have signed until %s, and this ring tells of %s: a later one could end its sessions; set verify_until to %s or later", is.id, stamp(p.primarySince()), stamp(present.from), need)
	}
}

// primarySince returns when the present period of the old ring began.
func (p *planner) primarySince() time.Time { return p.old.changes[p.old.at(p.at)].from }

// until says in words when a key ceases to verify.
func until(t time.Time) string {
	if t.IsZero() {
		return "for as long as it takes"
	}
	return "until " + stamp(t)
}

// someKeySigns checks T7.
func (p *planner) someKeySigns() {
	for _, q := range p.new.periods(p.at.Add(-p.skew)) {
		from := p.begins(q)
		if q.key < 0 {
			p.find(T7, KeyID{}, "no key may sign from %s on: no session can begin or change; add a key", from)
			continue
		}
		k := p.new.document.Keys[q.key]
		switch {
		case q.basis == early && !q.to.After(p.at.Add(2*p.skew)):
			// It begins to sign about now, and some clocks are slow.
		case q.basis == early:
			p.find(T7, k.id, "from %s, key %v signs before its sign_from, since no other key may: leave another key to sign until then", from, k.id)
		case q.basis == late:
			p.find(T7, k.id, "from %s, key %v signs although it ceases to verify before sessions that begin then end; schedule a key to follow it, or remove its verify_until", from, k.id)
		}
	}
}

// nothingFallsBack checks for T7 that no session that is encrypted is written in the
// clear, other than as the old ring has it already.
func (p *planner) nothingFallsBack() {
	sealed, since := p.sealedFrom()
	for _, q := range p.new.periods(p.at.Add(-p.skew)) {
		switch {
		case q.key < 0:
			continue
		case p.new.document.Keys[q.key].seals:
			if !sealed && (q.to.IsZero() || q.to.After(p.at)) {
				sealed, since = true, latest(q.from, p.at)
			}
			continue
		case !sealed:
			continue
		case !q.to.IsZero() && !q.to.After(since):
			if k, _ := p.old.Primary(q.to.Add(-1)); !k.seals {
				continue // it is what slow clocks do anyhow
			}
		}
		id := p.new.document.Keys[q.key].id
		was, _ := p.old.Primary(q.from.Add(-1))
		if k, _ := p.old.Primary(q.from); was.seals && k.id == id && q.from.After(since) {
			sealed = false // as it was to be anyhow
		} else {
			p.find(T7, id, "from %s, key %v signs, which does not encrypt as the one before does: sessions are written in the clear", p.begins(q), id)
		}
	}
	// Nor where an instance lacks the algorithm of the key that signs.
	keys := p.new.document.Keys
	lifted := mustSeal(p.old.document.Keys, p.at) && !mustSeal(keys, p.at)
	for _, k := range keys {
		from := k.SignFrom
		if k.seals || from.IsZero() || from.Before(p.at.Add(-p.skew)) && !lifted || !mustSeal(keys, from.Add(-1)) || mustSeal(keys, from) {
			continue
		}
		if signs, _ := p.new.Primary(from); signs.seals {
			p.find(T7, k.id, "key %v, which does not encrypt, is to sign from %s, and key %v does: an instance that lacks the algorithm of that would write in the clear; remove the sign_from", k.id, stamp(from), signs.id)
		}
	}
}

// sealedFrom returns since when sessions are encrypted that are made under the old ring,
// now or until the new one is everywhere, and whether they are.
func (p *planner) sealedFrom() (sealed bool, from time.Time) {
	for _, q := range p.old.periods(p.at.Add(-p.skew)) {
		if from = latest(q.from, p.at); !from.Before(p.everywhere()) {
			break
		}
		if q.key >= 0 && p.old.document.Keys[q.key].seals || mustSeal(p.old.document.Keys, from) {
			return true, from
		}
	}
	return false, time.Time{}
}

// everyKeyIsKnown checks for T7 that what is judged here is what instances do: one that
// has an algorithm that this binary lacks may sign with a key that is passed over here.
func (p *planner) everyKeyIsKnown() {
	told := map[KeyID]bool{}
	for _, r := range []*Ring{p.new, p.old} {
		for _, k := range r.unjudged(p.at.Add(-p.skew)) {
			if !told[k.id] {
				told[k.id] = true
				p.find(T7, k.id, "key %v may sign, and is for the algorithm %s, which this binary lacks or cannot use: what instances do that have it cannot be judged; ask one that has it", k.id, k.name)
			}
		}
	}
}

// unjudged returns the keys that sign, at a time or after it, where their algorithm is
// known, which this binary lacks.
func (r *Ring) unjudged(at time.Time) (keys []Key) {
	known := slices.Clone(r.document.Keys)
	for i := range known {
		if k := &known[i]; !k.isSupported() {
			k.algorithm = signer.HMACSHA256() // any: whether it seals, the key says
		}
	}
	there := &Ring{changes: schedule(known, r.reach())}
	seen := make(map[int]bool)
	for _, p := range there.periods(at) {
		if p.key >= 0 && !seen[p.key] && !r.document.Keys[p.key].isSupported() {
			seen[p.key] = true
			keys = append(keys, r.document.Keys[p.key])
		}
	}
	return keys
}

// tombstonesStay checks T8: of keys, and of sessions.
func (p *planner) tombstonesStay() {
	if was := p.old.NotBefore(); p.new.NotBefore().Before(was) && p.at.Before(was.Add(p.session+p.skew)) {
		p.find(T8, KeyID{}, "not_before is lowered: sessions that it ended go on, until %s; keep it until then", later(was.Add(p.session+p.skew)))
	}
	for _, k := range p.old.document.Keys {
		is, ok := p.new.key(k.id)
		if ok && k.isTombstone() && k.seals && !is.SignFrom.Equal(k.SignFrom) {
			p.find(T8, k.id, "the tombstone of key %v has another sign_from, by which it is known from when on sessions were encrypted: keep it", k.id)
		}
		if ok || !k.isTombstone() {
			continue
		}
		if end := k.buried().Add(p.session + p.skew); p.at.Before(end) {
			p.find(T8, k.id, "the tombstone of key %v is gone, and there may be tokens of the key until %s: keep it until then", k.id, stamp(end))
		}
	}
}

// standbyIsThere checks T9.
func (p *planner) standbyIsThere() {
	last := p.new.changes[len(p.new.changes)-1]
	if last.key < 0 {
		return // T7 says so
	}
	kind := p.new.document.Keys[last.key]
	if !slices.ContainsFunc(p.new.document.Keys, func(k Key) bool { return k.standsBy(kind) }) {
		p.find(T9, KeyID{}, "no standby key of the kind of key %v (%s): an emergency would have to wait for a new key to reach every instance; add one", kind.id, kind.name)
	}
}

// codecsAreKnown checks T10. What is over, by every clock, does no harm.
func (p *planner) codecsAreKnown() {
	codecs := p.new.Codecs()
	for i, c := range codecs {
		over := i+1 < len(codecs) && !codecs[i+1].From.After(p.at.Add(-p.skew))
		same := func(o CodecFrom) bool { return o.Codec == c.Codec && o.From.Equal(c.From) }
		if !over && !slices.ContainsFunc(p.old.document.Codecs, same) && c.From.Before(p.everywhere()) {
			p.find(T10, KeyID{}, "codec %s begins at %s, before every instance has this ring; let it begin at %s or later", c.Codec, stamp(c.From), later(p.everywhere()))
		}
	}
}
