package keyring

import (
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
	// soon after ctx is done, and is not called again before it has returned.
	// The caller keeps what it returns and does not modify it.
	Load(ctx context.Context) ([]byte, error)
}

const (
	// DefaultInterval is how often a source is looked at where Loader.Interval is 0.
	DefaultInterval = 30 * time.Second

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

	stop    context.CancelFunc
	done    chan struct{}
	hint    *hint
	changed chan struct{} // what watches the file says that it may have changed

	// turn is held by who looks: a channel, so that waiting for it can end.
	turn    chan struct{}
	loading *loading // has not returned yet
	content [sha256.Size]byte
	err     error // what was wrong with the content; nil: it is the present ring

	mu        sync.Mutex // guards what follows
	loads     Loads
	confirmed time.Time
	failure   string // what was wrong at the last look, and has been logged
}

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
	ctx, stop := context.WithCancel(context.Background())
	f := &follower{
		loader: l, source: source, path: path,
		stop: stop, done: make(chan struct{}),
		turn: make(chan struct{}, 1), changed: make(chan struct{}, 1),
	}
	data, err := f.load(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	r, err := l.Parse(data)
	if err != nil {
		stop()
		return nil, located(path, err)
	}
	f.keyring = New(r)
	f.content, f.confirmed = sha256.Sum256(data), time.Now()
	f.loads.Adopted = 1
	f.hint = f.keyring.hint
	f.keyring.follower = f
	warn(r)
	go f.run(ctx)
	return f.keyring, nil
}

// located says in which file the ring is that an error is about, if in one.
func located(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("keyring: %s:\n%w", path, err)
}

// run looks at the source until ctx is done: at every interval, when the file
// may have changed, and when a key came that is unknown.
func (f *follower) run(ctx context.Context) {
	defer close(f.done)
	if f.path != "" {
		defer f.watch(ctx)()
	}
	poll := time.NewTimer(f.jittered())
	defer poll.Stop()
	early := time.NewTimer(0)
	early.Stop()
	wait, looked := soonestLook, time.Now()
	for {
		unknown := false
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		case <-f.changed:
			f.settle(ctx)
		case <-f.hint.wake:
			early.Reset(wait - time.Since(looked))
			continue
		case <-early.C:
			unknown = true
		}
		adopted, _ := f.look(ctx)
		looked = time.Now()
		switch {
		case adopted:
			wait = soonestLook
		case unknown:
			wait = min(2*wait, latestLook)
		}
		early.Stop()
		f.hint.given.Store(false)
		poll.Reset(f.jittered())
	}
}

// jittered returns an interval that differs from instance to instance, so that a
// fleet does not come all at once.
func (f *follower) jittered() time.Duration {
	d := f.loader.Interval
	if d == 0 {
		d = DefaultInterval
	}
	return d - d/5 + rand.N(2*d/5+1)
}

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
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	data, err := f.load(ctx)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return false, err // whoever looked has gone: that says nothing of the source
		}
		return false, f.failed(&f.loads.Unreadable, err)
	}
	content := sha256.Sum256(data)
	if content == f.content && f.err == nil {
		f.succeeded(&f.loads.Unchanged)
		return false, nil
	}
	f.content = content
	present := f.keyring.Ring()
	r, count, err := f.use(data)
	if f.err = err; err != nil {
		return false, f.failed(count, located(f.path, err))
	}
	if r.checksum == present.checksum {
		f.succeeded(&f.loads.Unchanged)
		return false, nil
	}
	f.succeeded(&f.loads.Adopted)
	slog.Info("keyring: another ring is in use", "ring", r, "checksum", r.checksum, "before", present)
	warn(r)
	return true, nil
}

// use makes the ring in data the present one, or says why not and what that
// counts as. An algorithm of somebody else's that panics must not take the server
// down, whose requests go on with the present ring.
func (f *follower) use(data []byte) (r *Ring, count *uint64, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("keyring: an algorithm panicked with a %T", v)
		}
	}()
	count = &f.loads.Invalid
	if r, err = f.loader.Parse(data); err != nil {
		return nil, count, err
	}
	count = &f.loads.Refused
	return r, count, f.keyring.Replace(r)
}

// warn logs what an operator should see to.
func warn(r *Ring) {
	for _, w := range r.Warnings(time.Now()) {
		slog.Warn("keyring: "+w, "ring", r)
	}
}

// A loading is one call of a source.
type loading struct {
	done chan struct{}
	data []byte
	err  error
}

// load returns what the source has. It does not wait longer than its time, nor
// than ctx, for a source that hangs: the next look then takes what comes of it.
func (f *follower) load(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	l := f.loading
	if l == nil {
		l = &loading{done: make(chan struct{})}
		f.loading = l
		go l.run(ctx, f.source)
	}
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
		return nil, fmt.Errorf("keyring: the source does not answer: %w", ctx.Err())
	}
}

func (l *loading) run(ctx context.Context, s Source) {
	defer close(l.done)
	defer func() {
		if v := recover(); v != nil {
			l.err = fmt.Errorf("keyring: the source panicked with a %T", v)
		}
	}()
	l.data, l.err = s.Load(ctx)
}

// failed counts a look that found no ring to use, logs why if that is new, and
// returns why.
func (f *follower) failed(count *uint64, err error) error {
	f.mu.Lock()
	*count++
	told := f.failure == err.Error()
	f.failure = err.Error()
	f.mu.Unlock()
	if !told {
		slog.Warn("keyring: going on with the present ring", "ring", f.keyring.Ring(), "error", err)
	}
	return err
}

// succeeded counts a look that found the present ring.
func (f *follower) succeeded(count *uint64) {
	f.mu.Lock()
	*count++
	f.confirmed = time.Now()
	failure := f.failure
	f.failure = ""
	f.mu.Unlock()
	if failure != "" {
		slog.Info("keyring: the source is in order again", "ring", f.keyring.Ring())
	}
}

// close ends the following, and waits until it has.
func (f *follower) close() {
	f.stop()
	<-f.done
}
