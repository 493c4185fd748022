package keyringtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// epoch is when a history begins. Every instance has the first ring then.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// edits is how many edits of a ring make a history.
const edits = 12

// A history is what happens to a fleet, except for its sessions. Times in it are
// real ones.
type history struct {
	fleet     Fleet
	rng       *rand.Rand
	rings     []published
	refused   int
	instances [][]life
	end       time.Time   // of the time in which sessions begin
	moments   []time.Time // at which something changes, in order
	revoked   map[keyring.KeyID]time.Time
	first     map[keyring.KeyID]time.Time // when a key was published first
	hasty     map[keyring.KeyID]time.Time // until when a key may be unknown that had to sign at once
}

// published is a ring that was.
type published struct {
	at     time.Time
	edit   string
	ring   *keyring.Ring
	former *keyring.Ring // as a binary has it that is rolled back; nil: it refuses the ring
}

// A life is that of an instance from one start to the next.
type life struct {
	from       time.Time
	ring       int           // that it comes up with
	error      time.Duration // of its clock
	rolledBack bool
	lacks      int // the codec, if it is rolled back
	loads      []load
}

// A load is that of a ring, by an instance.
type load struct {
	at   time.Time
	ring int
}

func newHistory(f Fleet, seed uint64) (*history, error) {
	h := &history{fleet: f, rng: rand.New(rand.NewPCG(seed, 0))}
	h.revoked, h.first, h.hasty = make(map[keyring.KeyID]time.Time), make(map[keyring.KeyID]time.Time), make(map[keyring.KeyID]time.Time)
	r, err := f.first(h.rng)
	if err != nil {
		return nil, err
	}
	if err := h.publish(epoch, "made", r); err != nil {
		return nil, err
	}
	if err := h.editAll(); err != nil {
		return nil, err
	}
	h.end = h.rings[len(h.rings)-1].at.Add(f.Policy.Propagation + f.Policy.MaxSessionHigh)
	for i := range f.Instances {
		h.instances = append(h.instances, h.lives(i))
	}
	h.mark()
	return h, nil
}

// first returns the first ring of a fleet.
func (f Fleet) first(rng *rand.Rand) (*keyring.Ring, error) {
	a := f.Algorithms[rng.IntN(len(f.Algorithms))]
	d := keyring.Document{Name: "simulated", Generation: 1, Published: epoch, Policy: f.Policy}
	for range 2 {
		k, err := newKey(rng, a)
		if err != nil {
			return nil, err
		}
		k.Added = epoch.Add(-365 * 24 * time.Hour)
		d.Keys = append(d.Keys, k)
	}
	d.Keys[0].SignFrom = d.Keys[0].Added
	return keyring.NewRing(d)
}

// newKey returns a key whose secret is of the seed.
func newKey(rng *rand.Rand, a signer.Algorithm) (keyring.Key, error) {
	secret := make([]byte, keyring.MinSecret)
	for i := range secret {
		secret[i] = byte(rng.Uint32())
	}
	return keyring.NewKey(a, secret)
}

// publish makes the ring the latest.
func (h *history) publish(at time.Time, edit string, r *keyring.Ring) error {
	file, err := r.Document().EncodeWithSecrets()
	if err != nil {
		return err
	}
	var others []signer.Algorithm
	for _, a := range h.fleet.Algorithms {
		if !isBuiltIn(a.Name) {
			others = append(others, a)
		}
	}
	p := published{at: at, edit: edit}
	if p.ring, err = (keyring.Loader{Algorithms: others}).Parse(file); err != nil {
		return err
	}
	p.former, _ = keyring.Parse(file)
	h.rings = append(h.rings, p)
	for _, k := range r.Document().Keys {
		if _, ok := h.revoked[k.ID()]; !ok && !k.Revoked.IsZero() {
			h.revoked[k.ID()] = at
		}
		if _, ok := h.first[k.ID()]; !ok {
			h.first[k.ID()] = at
		}
	}
	return nil
}

// hasten notes that a key has to sign, in an emergency, before it has propagated:
// there is no other of its kind.
func (h *history) hasten(at time.Time) {
	old, r := h.rings[len(h.rings)-2].ring, h.rings[len(h.rings)-1].ring
	primary, err := r.Primary(at)
	propagated := func(k keyring.Key) bool {
		return !h.first[k.ID()].Add(h.fleet.Policy.Propagation).After(at)
	}
	if err != nil || propagated(primary) {
		return
	}
	for _, k := range r.Document().Keys {
		if o := old.State(k.ID(), at); k.Seals() == primary.Seals() && k.Usable(at) && propagated(k) && (o == keyring.Standby || o == keyring.Pending) {
			return
		}
	}
	h.hasty[primary.ID()] = h.first[primary.ID()].Add(h.fleet.Policy.Propagation)
}

func isBuiltIn(algorithm string) bool {
	return slices.ContainsFunc(signer.All(), func(a signer.Algorithm) bool { return a.Name == algorithm })
}

// editAll has the operator make the history's edits, and publishes the rings.
func (h *history) editAll() error {
	f, t := h.fleet, epoch
	for range 10 * edits {
		if len(h.rings) > edits {
			break
		}
		last := h.rings[len(h.rings)-1]
		t = t.Add(upTo(h.rng, f.Policy.MaxSession*3/2))
		rings := make([]*keyring.Ring, len(h.rings))
		for i, p := range h.rings {
			rings[i] = p.ring
		}
		now := t.Add(h.clockError(-1))
		e := f.Operator(h.rng, now, rings)
		propagated := last.at.Add(f.Policy.Propagation)
		if !e.Emergency && t.Before(propagated) {
			t = propagated // and see what there is to be done then
			continue
		}
		if e.Do == nil {
			continue
		}
		next, err := last.ring.Edit(now, func(d *keyring.Document) error { return h.do(e, d) })
		if err != nil {
			if errors.Is(err, errSecret) {
				return err
			}
			continue // it cannot be done
		}
		if next == last.ring {
			continue
		}
		if !e.Emergency && h.rng.IntN(2) == 0 {
			t = t.Add(upTo(h.rng, f.Late))
		}
		if !f.Apply(last.ring, next, t.Add(h.clockError(-1))) {
			h.refused++
			continue
		}
		if err := h.publish(t, e.Name, next); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		if e.Emergency {
			h.hasten(t)
		}
	}
	return nil
}

var errSecret = errors.New("no new secret")

// do edits the document, and gives its new keys secrets of the seed.
func (h *history) do(e Edit, d *keyring.Document) error {
	was := make(map[keyring.KeyID]bool)
	for _, k := range d.Keys {
		was[k.ID()] = true
	}
	if err := e.Do(d); err != nil {
		return err
	}
	for i, k := range d.Keys {
		a := slices.IndexFunc(h.fleet.Algorithms, func(a signer.Algorithm) bool { return a.Name == k.Algorithm() })
		if was[k.ID()] || a < 0 || !k.Revoked.IsZero() || !k.Pruned.IsZero() {
			continue
		}
		fresh, err := newKey(h.rng, h.fleet.Algorithms[a])
		if err != nil {
			return errors.Join(errSecret, err)
		}
		fresh.Added, fresh.SignFrom, fresh.VerifyUntil = k.Added, k.SignFrom, k.VerifyUntil
		fresh.Disabled, fresh.Reason = k.Disabled, k.Reason
		d.Keys[i] = fresh
	}
	return nil
}

// clockError returns the error of the clock of an instance as it starts, or of
// another clock: more often than not the largest.
func (h *history) clockError(instance int) time.Duration {
	s := h.fleet.Skew
	switch {
	case instance == 0:
		return s
	case instance == 1:
		return -s
	}
	switch h.rng.IntN(5) {
	case 0, 1:
		return s
	case 2, 3:
		return -s
	}
	return time.Duration(h.rng.Int64N(int64(2*s)+1)) - s
}

// lives returns those of an instance.
func (h *history) lives(instance int) []life {
	f := h.fleet
	lives := []life{{from: epoch, error: h.clockError(instance)}}
	if instance >= f.Instances-f.Stuck {
		return lives
	}
	var starts []time.Time
	for range h.rng.IntN(5) {
		starts = append(starts, h.rings[h.rng.IntN(len(h.rings))].at.Add(upTo(h.rng, 2*f.Policy.Propagation)))
	}
	slices.SortFunc(starts, time.Time.Compare)
	for _, at := range starts {
		lives = append(lives, life{
			from:       at,
			ring:       h.latest(at.Add(-h.lag())),
			error:      h.clockError(instance),
			rolledBack: !lives[len(lives)-1].rolledBack && h.rng.IntN(2) == 0,
			lacks:      h.rng.IntN(len(codec.All())),
		})
	}
	for i := range lives {
		l := &lives[i]
		end := h.end.Add(f.Policy.MaxSessionHigh + time.Hour)
		if i+1 < len(lives) {
			end = lives[i+1].from
		}
		for r := l.ring + 1; r < len(h.rings); r++ {
			published := h.rings[r].at
			at := published.Add(h.lag())
			if at.Before(l.from) { // it has missed that, and has the rest of the lag for it
				at = l.from.Add(time.Duration(h.rng.Int64N(int64(published.Add(f.Lag).Sub(l.from)) + 1)))
			}
			if at.Before(end) {
				l.loads = append(l.loads, load{at, r})
			}
		}
	}
	return lives
}

// lag returns how long an instance lags: often not at all, or as long as can be.
func (h *history) lag() time.Duration {
	switch h.rng.IntN(3) {
	case 0:
		return 0
	case 1:
		return h.fleet.Lag
	}
	return time.Duration(h.rng.Int64N(int64(h.fleet.Lag) + 1))
}

// latest returns the ring that is the latest at a time.
func (h *history) latest(at time.Time) int {
	i := 0
	for i+1 < len(h.rings) && !h.rings[i+1].at.After(at) {
		i++
	}
	return i
}

// mark finds the moments.
func (h *history) mark() {
	y := h.fleet.Policy
	add := func(t time.Time) {
		if !t.IsZero() && !t.Before(epoch) {
			h.moments = append(h.moments, t)
		}
	}
	for _, p := range h.rings {
		add(p.at)
		for _, k := range p.ring.Document().Keys {
			add(k.SignFrom)
			add(k.VerifyUntil)
			add(k.VerifyUntil.Add(-y.MaxSessionHigh - y.Skew))
		}
		for _, c := range p.ring.Codecs() {
			add(c.From)
		}
		add(p.ring.NotBefore())
	}
	for _, lives := range h.instances {
		for _, l := range lives {
			add(l.from)
		}
	}
	slices.SortFunc(h.moments, time.Time.Compare)
	h.moments = slices.Compact(h.moments)
}

// at returns the life of an instance at a time.
func (h *history) at(instance int, t time.Time) life {
	lives := h.instances[instance]
	i := len(lives) - 1
	for i > 0 && lives[i].from.After(t) {
		i--
	}
	return lives[i]
}

// when returns a time from one up to another: often one at which something is
// about to change, or just has, by somebody's clock.
func (h *history) when(from, to time.Time) time.Time {
	near, _ := slices.BinarySearchFunc(h.moments, from, time.Time.Compare)
	far, _ := slices.BinarySearchFunc(h.moments, to, time.Time.Compare)
	if near == far || h.rng.IntN(4) == 0 {
		return from.Add(time.Duration(h.rng.Int64N(int64(to.Sub(from)) + 1)))
	}
	t := h.moments[near+h.rng.IntN(far-near)].Add(h.nudge())
	switch {
	case t.Before(from):
		return from
	case t.After(to):
		return to
	}
	return t
}

// nudge returns by how much a time is to be missed.
func (h *history) nudge() time.Duration {
	s, l := h.fleet.Skew, h.fleet.Lag
	all := [...]time.Duration{-2 * s, -s, 0, s, 2 * s, l, l + s, l + 2*s}
	if h.rng.IntN(4) == 0 {
		return time.Duration(h.rng.Int64N(int64(2*(l+2*s))+1)) - (l + 2*s)
	}
	d := all[h.rng.IntN(len(all))]
	switch h.rng.IntN(4) {
	case 0:
		d += time.Duration(h.rng.IntN(3) - 1)
	case 1:
		d += time.Duration(h.rng.IntN(3)-1) * time.Second
	case 2:
		d += time.Duration(h.rng.Int64N(int64(time.Minute)))
	}
	return d
}
