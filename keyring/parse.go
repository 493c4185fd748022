package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/keyturn/keyturn/signer"
)

// parse reads a ring file. If edited, the checksum may be wrong or missing.
func (l Loader) parse(data []byte, edited bool) (*Ring, error) {
	if len(data) > maxFile {
		return nil, errors.New("keyring: more than 256 KiB; this is not a ring file, or it needs pruning")
	}
	algorithms, err := l.algorithms()
	if err != nil {
		return nil, err
	}
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	p := new(problems)
	top, ok := p.object("", data, ringMembers)
	if !ok {
		return nil, p.err()
	}
	if top.text("format") != format {
		// Nothing else of another format can be judged.
		return nil, errors.New(`keyring: format: not "` + format + `"; this is not a ring file, or one of a later version`)
	}
	if sum := top.text("checksum"); !edited && sum != checksum(top.all) {
		p.add("checksum", "does not match: the file is damaged, or was edited by hand; restore it, "+
			"or check the edit and run: keyturn keyring check FILE --write")
	}
	d := top.document(algorithms)
	p.named(d)
	r := newRing(d, p)
	p.expected(l, r)
	if err := p.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// expected compares a ring with what its loader is to find.
func (p *problems) expected(l Loader, r *Ring) {
	if l.Name != "" && r.Name() != l.Name && isRingName(r.Name()) {
		p.add("ring", "%q, and %q is expected; this may be the file of another environment", r.Name(), l.Name)
	}
	if r.Generation() < l.MinGeneration {
		p.add("generation", "%d, and at least %d is expected; this may be an old copy", r.Generation(), l.MinGeneration)
	}
}

// checkJSON reports whether data is one JSON value as RFC 7493 wants it: UTF-8,
// no object with two members of one name. Errors say where, and quote nothing.
func checkJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return errors.New("keyring: begins with a byte order mark; save the file as UTF-8 without one")
	}
	if len(bytes.Trim(data, " \t\r\n\x00")) == 0 {
		return errors.New("keyring: empty, or nothing but zero bytes; restore the file")
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	_, err := d.ReadValue()
	if err == nil {
		if _, err = d.ReadToken(); err == io.EOF {
			return nil
		}
		line := 1 + bytes.Count(data[:d.InputOffset()], []byte("\n"))
		return fmt.Errorf("keyring: line %d: something follows the JSON document; restore the file, or remove that", line)
	}
	what := "not JSON: the file is cut off or damaged, or not a ring file"
	if errors.Is(err, jsontext.ErrDuplicateName) {
		what = "a member is in its object twice; remove one of them"
	}
	line := 1
	if s := (*jsontext.SyntacticError)(nil); errors.As(err, &s) {
		line += bytes.Count(data[:min(int(s.ByteOffset), len(data))], []byte("\n"))
	}
	return fmt.Errorf("keyring: line %d: %s", line, what)
}

// An object is a JSON object being read. Its methods return the zero value for
// a member that is missing or wrong; what is wrong they add to the problems.
type object struct {
	*problems
	path    string // with a dot at the end, or empty
	all     members
	unknown members // of all
}

// object returns the object v at path, empty if it is none. Its members must
// not differ from each other, or from a name that is known, in case only: one of
// two readers would take them for the same.
func (p *problems) object(path string, v jsontext.Value, known []string) (o *object, ok bool) {
	o = &object{problems: p, path: path}
	if path != "" {
		o.path += "."
	}
	if v.Kind() != '{' {
		p.add(path, "not a JSON object")
		return o, false
	}
	folded := make(map[string]string, len(known))
	for _, name := range known {
		folded[fold(name)] = name
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	d.ReadToken() // the brace; checkJSON has seen that all is well
	for d.PeekKind() == '"' {
		t, _ := d.ReadToken()
		name := t.String()
		value, _ := d.ReadValue()
		m := member{name, value.Clone()}
		o.all = append(o.all, m)
		if slices.Contains(known, name) {
			continue
		}
		o.unknown = append(o.unknown, m)
		f := fold(name)
		if other, ok := folded[f]; ok && slices.Contains(known, other) {
			p.add(o.path+other, "spelled in another case; correct the case, or remove it")
		} else if ok {
			p.add(path, "two members that differ in case only; remove one of them")
		} else {
			p.hints = append(p.hints, o.hint(name, known))
		}
		folded[f] = name
	}
	return o, true
}

// hint says that a member is not known. Other problems may come of that.
func (o *object) hint(name string, known []string) problem {
	if !isMemberName(name) {
		return problem{strings.TrimSuffix(o.path, "."), errors.New("a member is not known to this version, and is ignored")}
	}
	return problem{o.path + name, errors.New("not known to this version, and is ignored" + didYouMean(name, known))}
}

// isMemberName reports whether a name may be shown: it is like those of members,
// and shorter than any secret.
func isMemberName(s string) bool { return isRingName(s) && len(s) < MinSecret }

// didYouMean asks whether one of the names was meant that is spelled almost the
// same, or returns nothing.
func didYouMean(name string, known []string) string {
	plain := strings.NewReplacer("_", "", "-", "")
	for _, k := range known {
		if strings.EqualFold(plain.Replace(name), plain.Replace(k)) || isSlip(name, k) {
			return "; did you mean " + k + "?"
		}
	}
	return ""
}

// isSlip reports whether one letter added, left out or changed, or two swapped,
// make one of the other.
func isSlip(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// fold returns a string that is the same for all strings that differ in case
// only, as strings.EqualFold sees it.
func fold(s string) string {
	var b []byte
	for _, r := range s {
		least := r
		for q := unicode.SimpleFold(r); q != r; q = unicode.SimpleFold(q) {
			least = min(least, q)
		}
		b = utf8.AppendRune(b, least)
	}
	return string(b)
}

// get returns the member if it is there and of the kind.
func (o *object) get(name string, kinds ...jsontext.Kind) (jsontext.Value, bool) {
	for _, m := range o.all {
		if m.name == name {
			if slices.Contains(kinds, m.value.Kind()) {
				return m.value, true
			}
			o.wrong(o.path+name, kinds[0])
			return nil, false
		}
	}
	return nil, false
}

// wrong notes that the value at path is not of the kind.
func (p *problems) wrong(path string, want jsontext.Kind) {
	p.add(path, "of the wrong JSON type: it must be %s", map[jsontext.Kind]string{
		'"': "a string, in quotes", '0': "a number, without quotes", 't': "true or false, without quotes", '[': "a list", '{': "an object",
	}[want])
}

func (o *object) has(name string) bool {
	return slices.ContainsFunc(o.all, func(m member) bool { return m.name == name })
}

func (o *object) text(name string) string {
	v, ok := o.get(name, '"')
	if !ok {
		return ""
	}
	b, _ := jsontext.AppendUnquote(nil, v)
	if len(b) == 0 {
		o.add(o.path+name, "empty; say something, or remove it")
	}
	return string(b)
}

func (o *object) time(name string) time.Time {
	s := o.text(name)
	if s == "" {
		return time.Time{}
	}
	// time.Parse also takes a comma for a point, and hours of one digit.
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() || s[len("2006-01-02T15")] != ':' || strings.Contains(s, ",") {
		o.add(o.path+name, `not a time of RFC 3339, like "2026-10-01T00:00:00Z"`)
		return time.Time{}
	}
	return t
}

func (o *object) duration(name string) time.Duration {
	s := o.text(name)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		o.add(o.path+name, `not a positive duration, like "36h" or "5m"; there are no days, so that 30 are "720h"`)
		return 0
	}
	return d
}

func (o *object) policy() Policy {
	return Policy{
		Propagation:    o.duration("propagation"),
		Skew:           o.duration("skew"),
		MaxSession:     o.duration("max_session"),
		MaxSessionHigh: o.duration("max_session_high"),
	}
}

func (o *object) flag(name string) bool {
	v, ok := o.get(name, 't', 'f')
	return ok && v.Kind() == 't'
}

func (o *object) number(name string) uint64 {
	v, ok := o.get(name, '0')
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		o.add(o.path+name, "not a whole number")
	}
	return n
}

func (o *object) list(name string) []jsontext.Value {
	v, ok := o.get(name, '[')
	if !ok {
		return nil
	}
	return elements(v)
}

// elements returns those of a JSON array.
func elements(v jsontext.Value) (values []jsontext.Value) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	d.ReadToken() // the bracket
	for d.PeekKind() != ']' {
		e, _ := d.ReadValue()
		values = append(values, e.Clone())
	}
	return values
}

// critical checks that this version knows every member that the list names.
func (p *problems) critical(list jsontext.Value) {
	known := slices.Concat(ringMembers, policyMembers, keyMembers, codecMembers, overrideMembers)
	for i, v := range elements(list) {
		path := fmt.Sprintf("critical[%d]", i)
		name, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			p.wrong(path, '"')
		} else if !slices.Contains(known, string(name)) {
			p.add(path, "names a member that this version does not know, and that must not be ignored; use a later version")
		}
	}
}

// document reads the top level of a ring file.
func (o *object) document(algorithms map[string]signer.Algorithm) Document {
	d := Document{
		Name:       o.text("ring"),
		Generation: o.number("generation"),
		Published:  o.time("published"),
		NotBefore:  o.time("not_before"),
		unknown:    keep(o.unknown),
	}
	if o.has("generation") && d.Generation == 0 {
		o.add("generation", "0, and the first generation is 1")
	}
	if v, ok := o.get("critical", '['); ok {
		o.critical(v)
		// Nothing in it concerns this version: it is kept like the unknown members.
		d.unknown = keep(append(slices.Clone(o.unknown), member{"critical", v}))
	}
	if v, ok := o.get("policy", '{'); ok {
		y, _ := o.object("policy", v, policyMembers)
		d.Policy = y.policy()
		d.Policy.unknown = keep(y.unknown)
	}
	if !o.has("keys") {
		o.add("keys", "missing; a ring has at least one key")
	}
	for i, v := range o.list("keys") {
		k, ok := o.object(fmt.Sprintf("keys[%d]", i), v, keyMembers)
		if !ok {
			d.Keys = append(d.Keys, Key{}) // which keeps the others in their places
			continue
		}
		d.Keys = append(d.Keys, k.key(algorithms))
	}
	for i, v := range o.list("codecs") {
		c, _ := o.object(fmt.Sprintf("codecs[%d]", i), v, codecMembers)
		d.Codecs = append(d.Codecs, CodecFrom{Codec: c.text("codec"), From: c.time("from"), unknown: keep(c.unknown)})
	}
	if v, ok := o.get("override", '{'); ok {
		w, _ := o.object("override", v, overrideMembers)
		d.Override = Override{Generation: w.number("generation"), Since: w.time("since"), Reason: w.text("reason"), unknown: keep(w.unknown)}
		for i, v := range w.list("allow") {
			var x Exception
			name, err := jsontext.AppendUnquote(nil, v)
			if err != nil || x.UnmarshalText(name) != nil {
				o.add(fmt.Sprintf("override.allow[%d]", i), "not a rule, T1 to T10, and not a rule and a key, as in T4:1dc4fea0")
				continue
			}
			d.Override.Allow = append(d.Override.Allow, x)
		}
	}
	return d
}

// key reads one of the keys of a ring file.
func (o *object) key(algorithms map[string]signer.Algorithm) Key {
	k := Key{
		Added:       o.time("added"),
		SignFrom:    o.time("sign_from"),
		VerifyUntil: o.time("verify_until"),
		Disabled:    o.flag("disabled"),
		Revoked:     o.time("revoked"),
		Pruned:      o.time("pruned"),
		Reason:      o.text("reason"),
		name:        o.text("algorithm"),
		seals:       o.flag("seals"),
		unknown:     keep(o.unknown),
	}
	tombstone := o.has("revoked") || o.has("pruned")
	if id, err := ParseKeyID(o.text("id")); err == nil {
		k.id = id
		o.name(strings.TrimSuffix(o.path, "."), id)
	} else if o.has("id") {
		o.add(o.path+"id", "not 8 lower-case hexadecimal digits")
	} else {
		o.add(o.path+"id", "missing; it is 8 lower-case hexadecimal digits")
	}
	switch a, ok := algorithms[k.name]; {
	case k.name == "" && !tombstone:
		o.add(o.path+"algorithm", "missing")
	case k.name != "" && !isName(k.name):
		o.add(o.path+"algorithm", "not 1 to 32 lower-case letters, digits and hyphens")
	case ok && a.Seals() != k.seals:
		o.add(o.path+"seals", "must be true if the algorithm encrypts, and left out if not; correct it")
	case ok:
		k.algorithm = a
	}
	k.secret = o.secret(k, tombstone, algorithms)
	return k
}

// secret reads the secret of k and compares its ID with k's. It returns nil for
// a tombstone only.
func (o *object) secret(k Key, tombstone bool, algorithms map[string]signer.Algorithm) secret {
	switch {
	case tombstone && o.has("secret"):
		o.add(o.path+"secret", "kept although the key is revoked or pruned; remove it")
		return nil
	case tombstone:
		return nil
	case !o.has("secret"):
		o.add(o.path+"secret", "missing")
		return hide(nil)
	}
	s := o.text("secret")
	b, err := secretText.DecodeString(s)
	if err != nil || secretText.EncodeToString(b) != s {
		o.add(o.path+"secret", "not unpadded base64url")
		return hide(nil)
	}
	if checkSecret(b) == nil && isName(k.name) && !o.paths[o.path+"id"] { // else it is told what is wrong
		o.derived(k, b, algorithms)
	}
	return hide(b)
}

// derived checks that the ID of k is that of its secret and algorithm.
func (o *object) derived(k Key, secret []byte, algorithms map[string]signer.Algorithm) {
	id, err := deriveID(secret, k.name)
	switch _, known := algorithms[k.name]; {
	case err != nil:
		o.add(o.path+"secret", "%w", err)
	case id == k.id:
	case known:
		o.add(o.path+"secret", "belongs to the key ID %v, not to %v; this is another key's secret, or another algorithm's", id, k.id)
	default:
		// One that is misspelled is as unknown as one of a later version.
		names := slices.Sorted(maps.Keys(algorithms))
		for _, name := range names {
			if id, err := deriveID(secret, name); err == nil && id == k.id {
				o.add(o.path+"algorithm", "not known to this version; by its ID and secret, the key is for %s", name)
				return
			}
		}
		o.add(o.path+"secret", "belongs to the key ID %v, not to %v; this is another key's secret, or another algorithm's: "+
			"the key's is not known to this version, and is misspelled, or a later version's; known are %s", id, k.id, strings.Join(names, ", "))
	}
}
