package keyring

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// format is what the member of that name says in every ring file.
const format = "keyturn-ring/1"

// maxFile is the length of the longest ring file, in bytes.
const maxFile = 256 << 10

// The members of a ring file that this version knows, at each level.
var (
	ringMembers   = []string{"format", "ring", "generation", "published", "not_before", "policy", "keys", "codecs", "override", "critical", "checksum"}
	policyMembers = []string{"propagation", "skew", "max_session", "max_session_high"}
	keyMembers    = []string{"id", "algorithm", "seals", "added", "sign_from", "verify_until", "disabled", "revoked", "pruned", "reason", "secret"}
	codecMembers  = []string{"codec", "from"}

	overrideMembers = []string{"generation", "allow", "since", "reason"}
)

// secretText is how a file spells a secret.
var secretText = base64.RawURLEncoding.Strict()

// EncodeWithSecrets returns the ring file of the document, to the byte what
// [WriteFile] writes: all secrets in plain text, and the checksum computed.
// The document must make a ring, and have a name and a generation of 1 or more.
func (d Document) EncodeWithSecrets() ([]byte, error) {
	r, err := NewRing(d)
	if err != nil {
		return nil, err
	}
	return r.encode()
}

func (r *Ring) encode() ([]byte, error) {
	var p problems
	p.named(r.document)
	if err := p.err(); err != nil {
		return nil, err
	}
	v := append(r.document.members(), member{"checksum", text(r.checksum)}).object()
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, fmt.Errorf("keyring: cannot write the ring: %w", err)
	}
	v = append(v, '\n') // as editors and diff want it
	if len(v) > maxFile {
		return nil, errors.New("keyring: the ring makes a file of more than 256 KiB; prune it")
	}
	return v, nil
}

// named checks what a document needs in a file only.
func (p *problems) named(d Document) {
	if d.Name == "" {
		p.add("ring", "missing; a ring file has a name, so that it cannot be taken for another's")
	}
	if d.Generation == 0 {
		p.add("generation", "missing; the first generation is 1")
	}
}

// A member of a JSON object.
type member struct {
	name  string
	value jsontext.Value
}

type members []member

// An unknown holds the members of an object that this version does not know, as
// they were read. It is a pointer to a closure, so that what a later version may
// keep secret does not show, and so that types that have one stay comparable.
type unknown struct{ members func() members }

// keep returns m as unknown members, or nil if there are none.
func keep(m members) *unknown {
	if len(m) == 0 {
		return nil
	}
	return &unknown{func() members { return m }}
}

func (u *unknown) all() members {
	if u == nil {
		return nil
	}
	return u.members()
}

// members returns the file form of the document, without the checksum.
func (d Document) members() members {
	keys := make([]jsontext.Value, len(d.Keys))
	for i, k := range d.Keys {
		f := k.facts()
		if k.secret != nil {
			f.text("secret", secretText.EncodeToString(k.secret()))
		}
		keys[i] = append(f, k.unknown.all()...).object()
	}
	policy := append(d.Policy.facts(), d.Policy.unknown.all()...)
	override := append(d.Override.facts(), d.Override.unknown.all()...)
	codecs := make([]jsontext.Value, len(d.Codecs))
	for i, c := range d.Codecs {
		codecs[i] = append(c.facts(), c.unknown.all()...).object()
	}
	return append(d.facts(policy, keys, codecs, override), d.unknown.all()...)
}

// public returns the file form of the document without what is secret or may be.
func (d Document) public() members {
	keys := make([]jsontext.Value, len(d.Keys))
	for i, k := range d.Keys {
		keys[i] = k.facts().object()
	}
	codecs := make([]jsontext.Value, len(d.Codecs))
	for i, c := range d.Codecs {
		codecs[i] = c.facts().object()
	}
	return d.facts(d.Policy.facts(), keys, codecs, d.Override.facts())
}

func (d Document) facts(policy members, keys, codecs []jsontext.Value, override members) members {
	m := members{{"format", text(format)}}
	m.text("ring", d.Name)
	m = append(m, member{"generation", jsontext.Value(strconv.FormatUint(d.Generation, 10))})
	m.time("published", d.Published)
	m.time("not_before", d.NotBefore)
	if len(policy) > 0 {
		m = append(m, member{"policy", policy.object()})
	}
	m = append(m, member{"keys", list(keys)})
	if len(codecs) > 0 {
		m = append(m, member{"codecs", list(codecs)})
	}
	if len(override) > 0 {
		m = append(m, member{"override", override.object()})
	}
	return m
}

func (o Override) facts() (m members) {
	if o.Generation != 0 {
		m = append(m, member{"generation", jsontext.Value(strconv.FormatUint(o.Generation, 10))})
	}
	if len(o.Allow) > 0 {
		var allow []jsontext.Value
		for _, x := range o.Allow {
			allow = append(allow, text(x.String()))
		}
		m = append(m, member{"allow", list(allow)})
	}
	m.time("since", o.Since)
	m.text("reason", o.Reason)
	return m
}

func (y Policy) facts() (m members) {
	m.duration("propagation", y.Propagation)
	m.duration("skew", y.Skew)
	m.duration("max_session", y.MaxSession)
	m.duration("max_session_high", y.MaxSessionHigh)
	return m
}

func (c CodecFrom) facts() (m members) {
	m.text("codec", c.Codec)
	m.time("from", c.From)
	return m
}

// facts returns the members of a key that anybody may see.
func (k Key) facts() members {
	m := members{{"id", text(k.id.String())}}
	m.text("algorithm", k.name)
	m.flag("seals", k.seals)
	m.time("added", k.Added)
	m.time("sign_from", k.SignFrom)
	m.time("verify_until", k.VerifyUntil)
	m.flag("disabled", k.Disabled)
	m.time("revoked", k.Revoked)
	m.time("pruned", k.Pruned)
	m.text("reason", k.Reason)
	return m
}

// object joins members, whose names and values must be valid, to a JSON object.
func (m members) object() jsontext.Value {
	b := []byte{'{'}
	for i, f := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text(f.name)...)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	return append(b, '}')
}

func list(values []jsontext.Value) jsontext.Value {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

// text returns s, which must be valid UTF-8, as a JSON string.
func text(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

func (m *members) text(name, s string) {
	if s != "" {
		*m = append(*m, member{name, text(s)})
	}
}

func (m *members) flag(name string, b bool) {
	if b {
		*m = append(*m, member{name, jsontext.Value("true")})
	}
}

func (m *members) time(name string, t time.Time) {
	if !t.IsZero() {
		m.text(name, t.Format(time.RFC3339Nano))
	}
}

func (m *members) duration(name string, d time.Duration) {
	if d != 0 {
		m.text(name, spell(d))
	}
}

// spell is String of a duration without seconds and minutes that are none.
func spell(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// checksum returns the checksum of the JSON object that has these members and
// perhaps one named checksum, which does not count. The package comment says
// how it is made.
func checksum(m members) string {
	m = slices.DeleteFunc(slices.Clone(m), func(f member) bool { return f.name == "checksum" })
	v := m.object()
	if err := v.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return "" // what is not JSON has no checksum
	}
	sum := sha256.Sum256(v)
	return "sha256:" + hex.EncodeToString(sum[:])
}
