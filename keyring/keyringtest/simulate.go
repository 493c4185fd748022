package keyringtest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

// sessions is how many there are in a history. Each has a few tokens.
const sessions = 1000

// data is what is in a session.
type data struct {
	N int `json:"n"`
}

// A step is something that happens to a fleet. Of what happens at one time,
// instances start first, and then load rings.
type step struct {
	at       time.Time
	what     what
	instance int
	n        int // of the life, the ring or the session
}

type what int

const (
	start   what = iota // an instance starts
	loads               // one loads a ring
	begin               // a session begins
	open                // it is opened
	reissue             // it is opened, and reissued if it is valid
)

// A running instance.
type instance struct {
	life    life
	keys    *keyring.Keyring
	manager *session.Manager[data]
	behind  bool // it has refused a ring
}

// A visitor has a session, and a token of it.
type visitor struct {
	begun, made time.Time
	maker       View
	stopgap     bool // it was once of a key that only an instance signed with that lacked the primary's algorithm
	token       string
}

// A simulation is the run of one history.
type simulation struct {
	*history
	seed     uint64
	running  []instance
	visitors []visitor
	result   Result
}

// simulate runs the history of the seed.
func (f Fleet) simulate(seed uint64) (Result, error) {
	h, err := newHistory(f, seed)
	if err != nil {
		return Result{}, err
	}
	s := &simulation{history: h, seed: seed, running: make([]instance, f.Instances), visitors: make([]visitor, sessions)}
	s.result = Result{Fleets: 1, Edits: len(h.rings) - 1, Refused: h.refused, Reasons: make(map[session.Reason]int)}
	for _, p := range s.plan() {
		if err := s.take(p); err != nil {
			return Result{}, err
		}
	}
	return s.result, nil
}

// plan returns all that is to happen, in order.
func (s *simulation) plan() []step {
	var steps []step
	for i, lives := range s.instances {
		for n, l := range lives {
			steps = append(steps, step{l.from, start, i, n})
			for _, o := range l.loads {
				steps = append(steps, step{o.at, loads, i, o.ring})
			}
		}
	}
	for n := range s.visitors {
		steps = s.visit(steps, n)
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return int(min(a.what, begin) - min(b.what, begin))
	})
	return steps
}

// visit adds what happens to a session.
func (s *simulation) visit(steps []step, n int) []step {
	rng, life := s.rng, s.fleet.Policy.MaxSession
	add := func(t time.Time, w what, instance int) { steps = append(steps, step{t, w, instance, n}) }
	t, first := s.when(epoch, s.end), rng.IntN(s.fleet.Instances)
	add(t, begin, first)
	expires := t.Add(s.at(first, t).error).Truncate(time.Second).Add(life)
	for end := t.Add(life); ; {
		// At once, by another: a redirect, or the next image of the page.
		add(t.Add(s.soon()), open, rng.IntN(s.fleet.Instances))
		if rng.IntN(3) == 0 || !t.Before(end) {
			break
		}
		t = s.when(t, end)
		add(t, reissue, rng.IntN(s.fleet.Instances))
	}
	add(s.when(t, t.Add(life)), open, rng.IntN(s.fleet.Instances))
	for range 2 {
		// Just before it ends, by the clock of whom opens it.
		i := rng.IntN(s.fleet.Instances)
		add(expires.Add(-1-s.at(i, expires).error), open, i)
	}
	return steps
}

// soon returns how long it takes until the next request of a visitor.
func (s *simulation) soon() time.Duration {
	if s.rng.IntN(2) == 0 {
		return 0
	}
	return upTo(s.rng, 2*s.fleet.Skew)
}

// take takes a step.
func (s *simulation) take(p step) error {
	i := &s.running[p.instance]
	switch p.what {
	case start:
		return s.start(p, i)
	case loads:
		s.load(i, p.n)
	case begin:
		return s.begin(p, i)
	default:
		return s.open(p, i)
	}
	return nil
}

// load has an instance load a ring, unless it has a later one.
func (s *simulation) load(i *instance, n int) {
	r := s.ring(i.life, n)
	if r != nil && r.Generation() <= i.keys.Ring().Generation() {
		return
	}
	i.behind = r == nil || i.keys.Replace(r) != nil
	if i.behind && !i.life.rolledBack {
		s.result.Unloaded++
	}
}

// ring returns a ring as an instance has it.
func (s *simulation) ring(l life, n int) *keyring.Ring {
	if l.rolledBack {
		return s.rings[n].former
	}
	return s.rings[n].ring
}

// start starts an instance anew. A binary that cannot use the ring does not come
// up, and the present one goes on.
func (s *simulation) start(p step, i *instance) error {
	l := s.instances[p.instance][p.n]
	r := s.ring(l, l.ring)
	if r == nil {
		s.load(i, l.ring)
		return nil
	}
	codecs := codec.All()
	if l.rolledBack {
		codecs = slices.Delete(codecs, l.lacks, l.lacks+1)
	}
	keys := keyring.New(r)
	m, err := session.New[data](session.Config{
		Keys:     keys,
		Codecs:   codecs,
		Lifetime: min(s.fleet.Policy.MaxSession, r.Policy().MaxSession).Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	*i = instance{life: l, keys: keys, manager: m}
	return nil
}

// view returns what an instance knows.
func (s *simulation) view(p step, i *instance) View {
	return View{Instance: p.instance, Error: i.life.error, Generation: i.keys.Ring().Generation(), RolledBack: i.life.rolledBack}
}

// begin begins a session.
func (s *simulation) begin(p step, i *instance) error {
	v := &s.visitors[p.n]
	*v = visitor{begun: p.at}
	now := p.at.Add(i.life.error)
	fresh := i.manager.New(now)
	err := fresh.Update(func(d *data) { d.N = p.n })
	if err == nil {
		err = s.seal(p, i, fresh)
	}
	return s.unsigned(err, i)
}

// seal makes the token of a session at a time.
func (s *simulation) seal(p step, i *instance, of *session.Session[data]) error {
	now := p.at.Add(i.life.error)
	token, err := i.manager.Seal(now, of)
	if err != nil {
		return err
	}
	v := &s.visitors[p.n]
	v.stopgap = v.stopgap || s.isStopgap(i, now)
	v.token, v.made, v.maker = token, p.at, s.view(p, i)
	s.result.Tokens++
	return nil
}

// isStopgap reports whether an instance that lacks the algorithm of the primary
// signs with another key.
func (s *simulation) isStopgap(i *instance, now time.Time) bool {
	if !i.life.rolledBack || i.behind {
		return i.life.rolledBack
	}
	k, err := s.rings[i.keys.Ring().Generation()-1].ring.Primary(now)
	return err == nil && i.keys.Ring().State(k.ID(), now) == keyring.Unsupported
}

// unsigned counts a token that could not be made. Where the primary's algorithm
// is not known, and nothing else may take its place, that is as it must be.
func (s *simulation) unsigned(err error, i *instance) error {
	if !errors.Is(err, keyring.ErrNoPrimary) {
		return err
	}
	if i.life.rolledBack {
		s.result.RolledBack++
	} else {
		s.result.Unsigned++
	}
	return nil
}

// open opens a session.
func (s *simulation) open(p step, i *instance) error {
	v := &s.visitors[p.n]
	if v.token == "" {
		return nil
	}
	s.result.Opened++
	now := p.at.Add(i.life.error)
	came := i.manager.Open(now, v.token)
	outcome, reason := came.Outcome()
	if s.fleet.ignorePending && outcome == session.Valid {
		switch i.keys.Ring().State(came.Info().KeyID, now) {
		case keyring.Standby, keyring.Pending:
			outcome, reason = session.Indeterminate, session.ErrUnknownKey
		}
	}
	if outcome != session.Valid {
		s.judge(p, i, v, reason)
		return nil
	}
	s.result.Valid++
	if n := came.Data().N; n != p.n {
		return fmt.Errorf("session %d has the data of session %d", p.n, n)
	}
	if p.what == reissue {
		return s.unsigned(s.seal(p, i, came), i)
	}
	return nil
}

// judge counts a token that was not accepted.
func (s *simulation) judge(p step, i *instance, v *visitor, reason session.Reason) {
	now, ring := p.at.Add(i.life.error), i.keys.Ring()
	info, _ := session.ReadUnverified(v.token)
	switch {
	case !now.Before(info.Expires), s.hasEnded(p.at, now, ring, info):
		s.result.Ended++
	case i.life.rolledBack && (reason == session.ErrUnsupportedCodec || reason == session.ErrUnknownKey && (i.behind || ring.State(info.KeyID, now) == keyring.Unsupported)),
		v.stopgap && (reason == session.ErrRetired || reason == session.ErrUnknownKey):
		s.result.RolledBack++
	case reason == session.ErrUnknownKey && p.at.Before(s.hasty[info.KeyID]):
		s.result.Hasty++
	default:
		s.result.WronglyRejected++
		s.result.Reasons[reason]++
		if len(s.result.Failures) < maxFailures {
			f := Failure{
				Seed: s.seed, Reason: reason, Key: info.KeyID,
				Begun: v.begun, Made: v.made, Maker: v.maker, Opened: p.at, Opener: s.view(p, i),
			}
			for _, r := range s.rings {
				if r.at.After(p.at) {
					break
				}
				f.Edits = append(f.Edits, fmt.Sprintf("%s generation %d: %s", r.at.Format(time.RFC3339), r.ring.Generation(), r.edit))
			}
			s.result.Failures = append(s.result.Failures, f)
		}
	}
}

// hasEnded reports whether an edit that was published means to end the session.
func (s *simulation) hasEnded(at, now time.Time, ring *keyring.Ring, info session.Info) bool {
	if revoked, ok := s.revoked[info.KeyID]; ok && !revoked.After(at) {
		return true
	}
	return info.Start.Before(ring.NotBefore()) || ring.State(info.KeyID, now) == keyring.Disabled
}
