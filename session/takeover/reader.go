package takeover

import (
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// MaxCookie is the length in bytes beyond which a value is not looked at. Browsers
// keep no more than 4,096 bytes in a cookie, but not every client is a browser.
const MaxCookie = 16 << 10

// NoMaxAge, as a MaxAge, says that the other library let sessions grow as old as
// they would. A session taken over ends with its reader (session.Takeover.Until).
const NoMaxAge time.Duration = -1

// A Reader opens the cookies of one system. It is a [session.Origin], and safe for
// concurrent use.
//
// The data that it returns are made of nil, bool, string, int64 (*big.Int where that is
// too small), float64, []byte, time.Time, []any and map[string]any, and of [Tuple],
// [UUID], [Markup] and [Atom] for what some systems have beside; those of gob are of
// Go's own types. They are the caller's. The function that makes the Reader says what
// is special about its system.
type Reader struct {
	system string
	names  []string // of the cookie, and of those that belong to it

	unsigned bool

	// open opens values that are neither too long nor, the first of them, empty.
	open func(now time.Time, values []string) (session.Foreign, error)
}

// System returns the name of the system, such as "flask".
func (r *Reader) System() string { return r.system }

// Cookies returns the name of the cookie, and the names of those that belong to it,
// as the signature that Express keeps beside.
func (r *Reader) Cookies() []string { return slices.Clone(r.names) }

// Unsigned reports whether anybody can write the cookies that the Reader opens. Only
// functions of which the name says so return such a Reader; a session.Manager takes it
// as the only one.
func (r *Reader) Unsigned() bool { return r.unsigned }

// Open opens the values of the cookies, in the order of Cookies, at now: as they are in
// the header of the request, "" for one that is missing.
//
// The error wraps a [session.Reason], and quotes nothing of the values: ErrTooLarge,
// ErrMalformed, ErrForged where no secret verifies it, ErrExpired, ErrFuture, or
// ErrUndecodable where it is authentic and not data that can be read.
func (r *Reader) Open(now time.Time, values []string) (session.Foreign, error) {
	f, err := r.read(now, values)
	if err != nil {
		return session.Foreign{}, fmt.Errorf("%s: %w", r.system, err)
	}
	return f, nil
}

func (r *Reader) read(now time.Time, values []string) (session.Foreign, error) {
	if len(values) != len(r.names) {
		return session.Foreign{}, refuse(session.ErrMalformed, "%d values for %d cookies", len(values), len(r.names))
	}
	for _, v := range values {
		if len(v) > MaxCookie {
			return session.Foreign{}, session.ErrTooLarge
		}
	}
	if values[0] == "" {
		return session.Foreign{}, refuse(session.ErrMalformed, "the cookie is empty")
	}
	return r.open(now, values)
}

// refuse returns an error that wraps reason and says what is the matter.
func refuse(reason session.Reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

type refusal struct {
	reason session.Reason
	text   string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.reason }

// wholeSeconds returns when a session ends whose library compares its age in whole seconds
// with maxAge, and takes one that is just as old: a second behind it.
func wholeSeconds(start time.Time, maxAge time.Duration) time.Time {
	return start.Add(maxAge.Truncate(time.Second)).Add(time.Second)
}

// further returns the one of two errors that came further: of several secrets, the one
// that verified the cookie has more to say about it.
func further(a, b error) error {
	var ra, rb session.Reason
	errors.As(a, &ra)
	errors.As(b, &rb)
	if rb > ra {
		return b
	}
	return a
}

// problems are what is wrong with the configuration that a function was given.
type problems struct {
	function string
	all      []error
}

func (p *problems) add(format string, args ...any) {
	p.all = append(p.all, fmt.Errorf("takeover: %s: "+format, append([]any{p.function}, args...)...))
}

func (p *problems) err() error { return errors.Join(p.all...) }

// cookie reports that the Cookie is missing of a system that has no name for it. The hint
// says where there is one.
func (p *problems) cookie(name, hint string) {
	if name == "" {
		p.add("Cookie is empty: %s", hint)
	}
}

// secrets reports that there are none, and those that are empty. The hint says what they are.
func (p *problems) secrets(secrets []string, hint string) {
	if len(secrets) == 0 {
		p.add("Secrets is empty: %s", hint)
	}
	for i, s := range secrets {
		if s == "" {
			p.add("Secrets[%d] is empty: anybody could sign with it", i)
		}
	}
}

// maxAge reports a MaxAge that is negative.
func (p *problems) maxAge(age time.Duration) {
	if age < 0 && age != NoMaxAge {
		p.add("MaxAge is %v, which is negative", age)
	}
}

// hash returns the hash of this name, and reports one that the field cannot have.
func (p *problems) hash(field, name string, known ...string) func() hash.Hash {
	if !slices.Contains(known, name) {
		p.add("%s is %q, and known are %q", field, name, known)
		return nil
	}
	return hashes[strings.ToLower(name)]
}
