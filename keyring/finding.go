package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Rule is one of the rules that [Plan] checks.
type Rule uint8

// The rules. D is the propagation, S the skew and M the longest session ever
// (Policy.MaxSessionHigh), of the old ring or of the new one, whichever is larger.
const (
	_   Rule = iota
	T1       // the ring keeps its name, and its generation rises
	T2       // no key vanishes: a tombstone takes its place
	T3       // a key keeps its secret and algorithm, and a tombstone stays one
	T4       // whoever signs is known to every instance: for D, or signing begins D from now or later
	T5       // a key verifies for M+S after the last instance may have signed with it
	T6       // what sessions were promised is kept, and it is not forgotten which key signed
	T7       // some key signs at every time to come, and if one that seals does now, one that seals; as far as this binary can tell
	T8       // a tombstone stays for M+S, and so does not_before
	T9       // a standby key of the kind of the key that signs last is there
	T10      // a codec begins to be written D from now or later
)

func (r Rule) isRule() bool { return T1 <= r && r <= T10 }

// String returns the name of the rule: T1 to T10.
func (r Rule) String() string {
	if r.isRule() {
		return "T" + strconv.Itoa(int(r))
	}
	return fmt.Sprintf("Rule(%d)", uint8(r))
}

// MarshalText returns the name of the rule.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText returns, and nothing else.
func (r *Rule) UnmarshalText(text []byte) error {
	v, ok := ruleNamed(string(text))
	if !ok {
		return errors.New("keyring: not a rule; they are T1 to T10")
	}
	*r = v
	return nil
}

// ruleNamed returns the rule of that name.
func ruleNamed(name string) (Rule, bool) {
	for r := T1; r.isRule(); r++ {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}

// A Finding says that an edit of a ring breaks a Rule.
type Finding struct {
	Rule Rule
	// Key is the ID of the key that it is about, or zero.
	Key KeyID
	// Text says what is wrong and what to do about it. It quotes no secret.
	Text string
	// Accepted says that the new ring has the record of who meant it, and why.
	Accepted bool
}

// String returns the rule and the text.
func (f Finding) String() string { return f.Rule.String() + ": " + f.Text }

// An Exception is what an Override accepts: that a rule is broken for a key, or
// that it is broken by something that is not about a key, for a Key of zero.
type Exception struct {
	Rule Rule
	Key  KeyID
}

// String returns the rule and, after a colon, the key, if there is one: T4:1dc4fea0.
func (x Exception) String() string {
	if x.Key == (KeyID{}) {
		return x.Rule.String()
	}
	return x.Rule.String() + ":" + x.Key.String()
}

// MarshalText returns what String does.
func (x Exception) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads what MarshalText returns, and nothing else.
func (x *Exception) UnmarshalText(text []byte) error {
	name, id, hasKey := strings.Cut(string(text), ":")
	r, ok := ruleNamed(name)
	var k KeyID
	if !ok || hasKey && (k.UnmarshalText([]byte(id)) != nil || k == KeyID{}) {
		return errException
	}
	*x = Exception{r, k}
	return nil
}

var errException = errors.New("keyring: not an exception; they are a rule, T1 to T10, or a rule and a key, as in T4:1dc4fea0")

// An Override is the record of what an operator has accepted against the advice
// of [Plan], with the reason for it, for all to see. Servers pay no attention
// to it. The zero Override accepts nothing.
type Override struct {
	// Generation is the one that the Override is for: in later ones, which it
	// may be left in, it accepts nothing.
	Generation uint64

	// Allow has what is accepted, and Since says when it was.
	Allow []Exception
	Since time.Time

	// Reason says to people why: at most 1,000 bytes.
	Reason string

	unknown *unknown
}

// Accept adds to what is accepted, now, and to the reason; where that has no room for
// both, the new one takes the place of the former.
func (o *Override) Accept(now time.Time, reason string, exceptions ...Exception) {
	o.Since = now.UTC().Truncate(time.Second)
	for _, x := range exceptions {
		if !slices.Contains(o.Allow, x) {
			o.Allow = append(o.Allow, x)
		}
	}
	switch both := o.Reason + "; " + reason; {
	case o.Reason == "":
		o.Reason = reason
	case o.Reason == reason || strings.HasSuffix(o.Reason, "; "+reason):
	case len(both) <= maxReason:
		o.Reason = both
	default:
		o.Reason = reason
	}
}
