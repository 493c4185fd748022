package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxReason is how many bytes a reason has at most.
const maxReason = 1000

// problems collects what is wrong with a ring, so that one error says it all.
type problems struct {
	found []problem
	more  int              // beyond maxProblems
	paths map[string]bool  // of those found
	ids   map[string]KeyID // of the keys, by their paths
	hints []problem        // what may be the cause of those found
}

// A problem is what is wrong with the member at path.
type problem struct {
	path string
	err  error
}

// add notes a problem of the member at path, and what to do about it. Neither
// quotes a value of the ring: it might be a secret that strayed. Of one member,
// the first problem is the one that counts: others may only follow from it.
func (p *problems) add(path, format string, args ...any) {
	if p.paths[path] {
		return
	}
	if p.paths == nil {
		p.paths = make(map[string]bool)
	}
	if len(p.found) == maxProblems {
		p.more++
		return
	}
	p.paths[path] = true
	p.found = append(p.found, problem{path, fmt.Errorf(format, args...)})
}

// maxProblems is how many an error lists. A file can have more than anybody reads, or
// wants in a log.
const maxProblems = 100

// name notes the ID of the key at path, by which its problems are told too: in
// a file with many keys nobody likes to count.
func (p *problems) name(path string, id KeyID) {
	if p.ids == nil {
		p.ids = make(map[string]KeyID)
	}
	p.ids[path] = id
}

// err returns all problems as one error, or nil.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	var errs []error
	for _, f := range slices.Concat(p.found, p.hints) {
		key, _, _ := strings.Cut(f.path, ".")
		if id, ok := p.ids[key]; ok {
			f.path += " (" + id.String() + ")"
		}
		if f.path != "" {
			f.path += ": "
		}
		errs = append(errs, fmt.Errorf("keyring: %s%w", f.path, f.err))
	}
	if p.more > 0 {
		errs = append(errs, fmt.Errorf("keyring: and %d more problems", p.more))
	}
	return errors.Join(errs...)
}

// instant makes a time comparable and writable.
func (p *problems) instant(path string, t *time.Time) {
	if t.IsZero() {
		*t = time.Time{}
		return
	}
	*t = t.UTC() // without a monotonic reading
	if y := t.Year(); y < 1970 || y > 9999 {
		p.add(path, "not between the years 1970 and 9999")
	}
}

// maxPolicy keeps sums of a policy's durations and times far from overflow.
const maxPolicy = 10 * 365 * 24 * time.Hour

func (p *problems) policy(y Policy) Policy {
	valid := true
	for _, d := range []struct {
		path    string
		value   *time.Duration
		instead time.Duration
	}{
		{"policy.propagation", &y.Propagation, DefaultPropagation},
		{"policy.skew", &y.Skew, DefaultSkew},
		{"policy.max_session", &y.MaxSession, DefaultMaxSession},
		{"policy.max_session_high", &y.MaxSessionHigh, 0},
	} {
		switch {
		case *d.value < 0 || *d.value > maxPolicy:
			p.add(d.path, "not between 0 and 10 years")
			valid = false
		case *d.value == 0:
			*d.value = d.instead
		}
	}
	if y.MaxSessionHigh == 0 {
		y.MaxSessionHigh = y.MaxSession
	}
	if valid && y.MaxSession < time.Second {
		p.add("policy.max_session", "shorter than a second, which is the shortest session there is")
	}
	if valid && y.MaxSessionHigh < y.MaxSession {
		p.add("policy.max_session_high", "shorter than max_session; raise it to that")
	}
	return y
}

// keys checks and normalizes the keys in place.
func (p *problems) keys(keys []Key) {
	ids := make(map[KeyID]int, len(keys))
	secrets := make(map[string]int, len(keys))
	for i := range keys {
		k, path := &keys[i], fmt.Sprintf("keys[%d]", i)
		if k.id != (KeyID{}) {
			p.name(path, k.id)
		}
		p.instant(path+".added", &k.Added)
		p.instant(path+".sign_from", &k.SignFrom)
		p.instant(path+".verify_until", &k.VerifyUntil)
		p.instant(path+".revoked", &k.Revoked)
		p.instant(path+".pruned", &k.Pruned)
		if len(k.Reason) > maxReason || !utf8.ValidString(k.Reason) {
			p.add(path+".reason", "longer than 1,000 bytes, or not UTF-8")
		}
		if k.id == (KeyID{}) && k.name == "" || k.secret == nil && !k.isTombstone() {
			if !p.paths[path+".revoked"] && !p.paths[path+".pruned"] { // else it is one, but for that date
				p.add(path, "not a key; make it with NewKey, GenerateKey or Parse")
			}
			continue
		}
		if k.isTombstone() {
			k.secret = nil
		} else {
			p.live(path, k)
		}
		if j, ok := ids[k.id]; ok {
			p.add(path+".id", "the same key ID as keys[%d]; remove one of them", j)
			continue
		}
		ids[k.id] = i
		if k.secret != nil && len(k.secret()) > 0 {
			s := hmacKey(k.secret())
			if j, ok := secrets[s]; ok {
				p.add(path+".secret", "the same secret as keys[%d], or equivalent to it; a secret is for one key", j)
			}
			secrets[s] = i
		}
	}
}

// live checks what only a key that is no tombstone must have.
func (p *problems) live(path string, k *Key) {
	if err := checkSecret(k.secret()); err != nil {
		p.add(path+".secret", "%w", err)
	}
	if !k.SignFrom.IsZero() && !k.VerifyUntil.IsZero() && !k.SignFrom.Before(k.VerifyUntil) {
		p.add(path+".verify_until", "not after sign_from: tokens would be signed that nobody accepts; "+
			"remove sign_from to make the key a standby")
	}
}

// codecs checks and normalizes the schedule of codecs in place.
func (p *problems) codecs(codecs []CodecFrom) {
	from := make(map[time.Time]int, len(codecs))
	for i := range codecs {
		c, path := &codecs[i], fmt.Sprintf("codecs[%d]", i)
		if c.Codec == "" && c.From.IsZero() && p.paths[path] {
			continue // it is no object in the file
		}
		if c.Codec == "" {
			p.add(path+".codec", "missing; say which codec begins to be written then")
		} else if !isName(c.Codec) {
			p.add(path+".codec", "not 1 to 32 lower-case letters, digits and hyphens")
		}
		p.instant(path+".from", &c.From)
		if c.From.IsZero() {
			p.add(path+".from", "missing; say when the codec begins to be written")
			continue
		}
		if j, ok := from[c.From]; ok {
			p.add(path+".from", "the same time as codecs[%d]; remove one of them", j)
		}
		from[c.From] = i
	}
}

func (p *problems) override(o Override) {
	for i, x := range o.Allow {
		if !x.Rule.isRule() {
			p.add(fmt.Sprintf("override.allow[%d]", i), "not a rule; they are T1 to T10")
		}
	}
	if len(o.Reason) > maxReason || !utf8.ValidString(o.Reason) {
		p.add("override.reason", "longer than 1,000 bytes, or not UTF-8")
	}
	if len(o.Allow) > 0 && o.Reason == "" {
		p.add("override.reason", "missing; say why this is accepted")
	}
	if len(o.Allow) > 0 && o.Generation == 0 {
		p.add("override.generation", "missing; an override is for one generation")
	}
}

// isRingName reports whether a ring in a file can have the name.
func isRingName(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
