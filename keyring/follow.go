package keyring

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A Source is where the contents of a ring file come from, for [Loader.Follow]:
// a secrets manager, a database, another host.
type Source interface {
	// Load returns the contents of the ring file as they are now. It returns
	// soon after ctx is done, which is in half a minute at the latest, and is not
	// called again before it has returned.
	// The caller keeps what it returns and does not modify it.
	//
	// An error is returned by Follow and Reload and logged, as it is: it must not
	// quote a secret, as that of an HTTP client quotes a URL with a token in it.
	// [Keyring.Stats], which others may read than the log, has not its text and
	// only that there was one.
	Load(ctx context.Context) ([]byte, error)
}

const (
	// DefaultInterval is how often a source is looked at where Loader.Interval is 0.
	DefaultInterval = 30 * time.Second

	// longestInterval is as good as for ever, and a fifth more is a time.Duration.
	longestInterval = 1 << 62

	loadTimeout = 30 * time.Second

	// How soon after a look an unknown key leads to the next: the longer, the
	// more such looks have found nothing new. Anyone can send unknown keys.
	soonestLook = 10 * time.Second
	latestLook  = 5 * time.Minute

	// How long a file has to be left alone before it is looked at on the word of
	// a watch, and how long that is waited for.
	calm     = 50 * time.Millisecond
	patience = time.Second
)

// Loads counts looks at a source by what came of them.
type Loads struct {
	Adopted    uint64 `json:"adopted"`    // another ring, which is the present one now
	Unchanged  uint64 `json:"unchanged"`  // the present ring
	Unreadable uint64 `json:"unreadable"` // nothing: the source failed
	Invalid    uint64 `json:"invalid"`    // no valid ring, or not the one that is expected
	Refused    uint64 `json:"refused"`    // a ring that may not follow the present one
}

// A follower keeps a keyring up to date with a source.
type follower struct {
	keyring *Keyring
	loader  Loader
	source  Source
	path    string // of the file, if the source is one

	closing context.Context
	stop    context.CancelFunc // of closing
	done    chan struct{}
	hint    *hint
	changed chan struct{} // what watches the file says that it may have changed

	// turn is held by who looks, and guards what follows: a channel, so that
	// waiting for it can end.
	turn    chan struct{}
	loading *loading // has not returned yet
	content [sha256.Size]byte
	found   *Ring // what the content is; nil: nothing to use

	mu        sync.Mutex // guards what follows
	loads     Loads
	confirmed time.Time
	failure   string  // what was wrong at the last look, and has been logged
	shown     string  // what Stats says of it
	failing   *uint64 // what that counts as
	looked    time.Time
	wait      time.Duration // from then to a look that an unknown key leads to
}

var errClosed = errors.New("keyring: closed, and follows its source no longer")

// A hint says that somebody has met a key that the ring does not have. Whoever
// gives it does not wait, and pays for an atomic load while it stands.
type hint struct {
	given atomic.Bool
	wake  chan struct{}
}

func (h *hint) give() {
	if h.given.Load() || !h.given.CompareAndSwap(false, true) {
		return
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// follow returns a keyring that begins with what the source has now.
func (l Loader) follow(source Source, path string) (*Keyring, error) {
	if l.Interval < 0 {
		return nil, errors.New("keyring: Loader.Interval is negative")
	}
	closing, stop := context.WithCancel(context.Background())
	f := &follower{
		loader: l, source: source, path: path,
		closing: closing, stop: stop, done: make(chan struct{}),
		turn: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		looked: time.Now(), wait: soonestLook,
	}
	release := func() {}
	if path != "" { // before the first look: no change is missed
		release = f.watch(closing)
	}
	r, content, err := f.first()
	if err != nil {
		stop()
		release()
		return nil, err
	}
	f.keyring = New(r)
	f.content, f.found, f.confirmed = content, r, time.Now()
	f.loads.Adopted = 1
	f.hint = f.keyring.hint
	f.keyring.follower = f
	f.warn(r)
	go f.run(release)
	return f.keyring, nil
}

// first returns the ring to begin with, and the hash of what it was read from.
func (f *follower) first() (*Ring, [sha256.Size]byte, error) {
	data, err := f.load(f.closing)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	r, err := f.loader.Parse(data)
	if err != nil {
		return nil, [sha256.Size]byte{}, located(f.path, err)
	}
	return r, sha256.Sum256(data), nil
}

// located says in which file the ring is that an error is about, if in one.
func located(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("keyring: %s:\n%w", path, err)
}

// run looks at the source until it is closed: at every interval, when the file
// may have changed, and when a key came that is unknown. Then it releases the watch.
func (f *follower) run(release func()) {
	defer close(f.done)
	defer release()
	poll := time.NewTimer(f.jittered())
	defer poll.Stop()
	early := time.NewTimer(0)
	early.Stop()
	for {
		unknown := false
		select {
		case <-f.closing.Done():
			return
		case <-poll.C:
		case <-f.changed:
			f.settle(f.closing)
		case <-f.hint.wake:
			early.Reset(f.due())
			continue
		case <-early.C:
			if d := f.due(); d > 0 { // a Reload has looked meanwhile
				early.Reset(d)
				continue
			}
			unknown = true
		}
		if adopted, _ := f.look(f.closing); unknown && !adopted {
			f.waitLonger()
		}
		early.Stop()
		f.hint.given.Store(false)
		poll.Reset(f.jittered())
	}
}

// due returns how long it is until an unknown key may lead to a look.
func (f *follower) due() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wait - time.Since(f.looked)
}

// waitLonger is for when nothing came of an unknown key.
func (f *follower) waitLonger() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wait = min(2*f.wait, latestLook)
}

// jittered returns an interval that differs from instance to instance, so that a
// fleet does not come all at once.
func (f *follower) jittered() time.Duration {
	d := min(f.interval(), longestInterval)
	return d - d/5 + rand.N(d/5*2+1)
}

func (f *follower) interval() time.Duration { return cmp.Or(f.loader.Interval, DefaultInterval) }

// settle waits until the file is left alone for a moment.
func (f *follower) settle(ctx context.Context) {
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		still := time.NewTimer(calm)
		select {
		case <-f.changed:
			still.Stop()
			continue
		case <-still.C:
		case <-end.C:
			still.Stop()
		case <-ctx.Done():
			still.Stop()
		}
		return
	}
}

// look loads what the source has, and makes it the present ring if it can be. It
// reports whether it did, and otherwise why the source does not have the present
// ring, if it does not.
func (f *follower) look(ctx context.Context) (adopted bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(f.closing, func() { cancel(errClosed) })()
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	if err := f.ended(ctx); err != nil {
		return false, err
	}
	data, err := f.load(ctx)
	if err := f.ended(ctx); err != nil { // that says nothing of the source
		return false, err
	}
	if err != nil {
		return false, f.failed(&f.loads.Unreadable, err)
	}
	content, present := sha256.Sum256(data), f.keyring.Ring()
	if content == f.content && f.found == present {
		f.succeeded(&f.loads.Unchanged)
		return false, nil
	}
	r, count, err := f.use(data)
	f.content, f.found = content, r
	if err != nil {
		return false, f.failed(count, located(f.path, err))
	}
	f.succeeded(count)
	if count != &f.loads.Adopted {
		return false, nil
	}
	primary, _ := r.Primary(time.Now())
	slog.Info("keyring: another ring is in use", "ring", r, "checksum", r.checksum, "primary", primary.id, "before", present)
	f.warn(r)
	return true, nil
}

// ended returns why a look goes no further, or nil: whoever looked has gone, or the
// follower is closed, which ctx may not say at once.
func (f *follower) ended(ctx context.Context) error {
	if f.closing.Err() != nil {
		return errClosed
	}
	return context.Cause(ctx)
}

// use makes the ring in data the present one, unless it is. It returns the ring,
// or why not, and what that counts as. What is somebody else's, an algorithm or a
// function of a Use, must not take the server down by a panic: its requests go on
// with the present ring.
func (f *follower) use(data []byte) (r *Ring, count *uint64, err error) {
	defer func() {
		switch v := recover(); {
		case v == nil:
		case r != nil && f.keyring.Ring() == r:
			slog.Error("keyring: the Adopted of a Use panicked", "ring", r, "with", fmt.Sprintf("%T", v))
			count, err = &f.loads.Adopted, nil
		default:
			r, err = nil, fmt.Errorf("keyring: an algorithm, or the Check of a Use, panicked with a %T", v)
		}
	}()
	count = &f.loads.Invalid
	if r, err = f.loader.Parse(data); err != nil {
		return nil, count, err
	}
	if present := f.keyring.Ring(); r.checksum == present.checksum {
		return present, &f.loads.Unchanged, nil
	}
	count = &f.loads.Refused
	if err := f.keyring.Replace(r); err != nil {
		return nil, count, err
	}
	return r, &f.loads.Adopted, nil
}

// warn logs what an operator should see to.
func (f *follower) warn(r *Ring) {
	for _, w := range f.warnings(r, time.Now()) {
		slog.Warn("keyring: "+w, "ring", r)
	}
}

// warnings are those of the ring, and whether it is looked for often enough.
func (f *follower) warnings(r *Ring, now time.Time) []string {
	w := r.Warnings(now)
	p, longest := r.policy, min(f.interval(), longestInterval)/5*6
	if p.Propagation > 2*p.Skew && p.Propagation <= 2*p.Skew+longest {
		w = append(w, fmt.Sprintf("policy.propagation is %s, and %s of it may pass between two looks at the source, beside twice the skew of %s: raise it, or lower Loader.Interval", spell(p.Propagation), spell(longest), spell(p.Skew)))
	}
	return w
}

// A loading is one call of a source.
type loading struct {
	done chan struct{}
	data []byte
	err  error
}

// load returns what the source has. It does not wait longer than its time, nor
// than ctx, for a source that hangs.
func (f *follower) load(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	if f.loading != nil {
		// An earlier look did not wait for it. What it returns is what was then,
		// or that the earlier look has ended.
		select {
		case <-f.loading.done:
		case <-ctx.Done():
			return nil, unanswered(ctx)
		}
	}
	l := &loading{done: make(chan struct{})}
	f.loading = l
	go l.run(ctx, f.source)
	select {
	case <-l.done:
		f.loading = nil
		return l.data, l.err
	case <-ctx.Done():
		// What returns as it should is not left behind.
		select {
		case <-l.done:
			f.loading = nil
		case <-time.After(calm):
		}
		return nil, unanswered(ctx)
	}
}

func unanswered(ctx context.Context) error {
	return fmt.Errorf("keyring: the source does not answer: %w", ctx.Err())
}

func (l *loading) run(ctx context.Context, s Source) {
	defer close(l.done)
	defer func() {
		if v := recover(); v != nil {
			l.err = fmt.Errorf("keyring: the source panicked with a %T", v)
		}
	}()
	l.data, l.err = s.Load(ctx)
	// An error that is a nil pointer panics here, and not where nobody recovers.
	if l.err != nil && l.err.Error() == "" {
		l.err = errors.New("keyring: the source failed, and does not say why")
	}
	if _, ours := s.(file); !ours && l.err != nil {
		l.err = &sourceError{l.err}
	}
}

// A sourceError is what a Source of somebody else's says. It may have in it what
// is not for everybody.
type sourceError struct{ err error }

// Error says whose error it is.
func (e *sourceError) Error() string { return "keyring: the source failed: " + e.err.Error() }

// Unwrap returns what the Source returned.
func (e *sourceError) Unwrap() error { return e.err }

// shown returns what everybody may know of a failure.
func shown(failure error) string {
	if s := (*sourceError)(nil); errors.As(failure, &s) {
		return "keyring: the source failed; the log says why"
	}
	return failure.Error()
}

// failed counts a look that found no ring to use, logs why if that is new, and
// returns why. That a Source cannot be read is logged once, whatever it says: it may
// say something else each time, with a port or the ID of a request in it.
func (f *follower) failed(count *uint64, err error) error {
	f.mu.Lock()
	*count++
	f.looked = time.Now()
	told := f.failure == err.Error() || f.path == "" && f.failing == count && count == &f.loads.Unreadable
	f.failure, f.shown, f.failing = err.Error(), shown(err), count
	f.mu.Unlock()
	if !told {
		slog.Warn("keyring: going on with the present ring", "ring", f.keyring.Ring(), "error", err)
	}
	return err
}

// succeeded counts a look after which the present ring is that of the source.
func (f *follower) succeeded(count *uint64) {
	f.mu.Lock()
	*count++
	f.looked = time.Now()
	f.confirmed = f.looked
	failure := f.failure
	f.failure, f.shown, f.failing = "", "", nil
	adopted := count == &f.loads.Adopted
	if adopted {
		f.wait = soonestLook
	}
	f.mu.Unlock()
	if failure != "" && !adopted {
		slog.Info("keyring: the source is in order again", "ring", f.keyring.Ring())
	}
}

// close ends the following, and waits until it has.
func (f *follower) close() {
	f.stop()
	<-f.done
	f.turn <- struct{}{} // not before a Reload has ended as well
	<-f.turn
}
