package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

type inspectCommand struct {
	Values  []string `arg:"" name:"value" sep:"none" help:"The value of the cookie; - reads it from standard input. With --from, also NAME=VALUE, and several."`
	Keyring string   `placeholder:"FILE" help:"The ring file. Without it, only what the cookie says of itself is shown, and nothing of that is verified."`
	cookieFlags
	fromFlags
	instant
	JSON bool `name:"json" help:"Show one JSON object."`
}

func (inspectCommand) Help() string {
	return `The outcome is valid, rejected or indeterminate (which is what an instance with a newer ring or newer code may yet accept), with a reason as in the events of package middleware; or unverified without --keyring. The payload is shown if the cookie is authentic, also if its time is over or to come, and then the reason stands beside it. It is shown as JSON: in msgpack and cbor, bytes as base64, times as RFC 3339, floats with a point or an exponent; and in hex where only the application knows what it means.

    keyturn inspect --keyring keyring.json ktQBzUsZrWlVuQA...
    pbpaste | keyturn inspect --keyring keyring.json --name session -
    keyturn inspect --keyring keyring.json --at 2026-10-01T00:00:00Z --json - < value | jq .payload

The members with --json, of which those that are not known are left out:

    outcome                        valid, rejected, indeterminate, unverified
    reason                         why it is not valid
    key_id, algorithm, codec
    started, issued, expires       RFC 3339 in UTC
    idle                           how long it lasts unused, like 30m
    id                             of the session
    bytes.total                    of the token: overhead and payload
    bytes.overhead, bytes.payload
    bytes.text                     of the cookie's value
    payload or payload_hex         what an authentic cookie carries, also if it is not
                                   accepted: future, expired, idle, not_before
    claimed                        what a token that is not authentic says of itself:
                                   codec, started, issued, expires, idle, id
    system, cookie                 with --from, where there are also outcome, reason,
                                   started, expires, bytes.text and payload
    problem                        with --from: the reason in words

` + fromHelp() + `

Exit status: 0 valid, 1 rejected, 2 indeterminate, 3 unverified, 64 wrong usage (or settings), 66 no such ring.`
}

// A report is what is known of a cookie's value.
type report struct {
	Outcome   string `json:"outcome"`
	Reason    string `json:"reason,omitempty"`
	KeyID     string `json:"key_id,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
	said
	Bytes      sizes           `json:"bytes"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	PayloadHex string          `json:"payload_hex,omitempty"`
	Claimed    *said           `json:"claimed,omitempty"`

	reason session.Reason
	at     time.Time
	ring   *keyring.Ring
}

// said is what a token says of itself.
type said struct {
	Codec   string    `json:"codec,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Idle    duration  `json:"idle,omitzero"`
	ID      string    `json:"id,omitempty"`
}

// sizes are in bytes. Total is that of the token, and Text that of its text.
type sizes struct {
	Total    int `json:"total,omitempty"`
	Overhead int `json:"overhead,omitempty"`
	Payload  int `json:"payload,omitempty"`
	Text     int `json:"text"`
}

func saidBy(i session.Info) said {
	return said{
		Codec: i.Codec, Started: i.Start, Issued: i.Issued, Expires: i.Expires,
		Idle: duration(i.IdleTimeout), ID: i.ID,
	}
}

func (c inspectCommand) Run(std streams) error {
	switch {
	case c.From != "":
		return c.inspectFrom(std)
	case len(c.Setting) > 0:
		return failf(statusUsage, "--setting: it is for cookies of another library: name it with --from")
	case c.Cookie != "":
		return failf(statusUsage, "--cookie: it is for cookies of another library; the name of keyturn's own is --name")
	case len(c.Values) > 1:
		return failf(statusUsage, "unexpected argument after VALUE; see keyturn inspect --help")
	}
	value := c.Values[0]
	if value == "-" {
		b, err := io.ReadAll(io.LimitReader(std.in, maxInput))
		if err != nil {
			return failf(statusData, "standard input: %w", err)
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	}
	r := report{at: c.time(), Bytes: sizes{Text: len(value)}}
	header, unreadable := session.ReadUnverified(value)
	if unreadable == nil {
		r.KeyID = header.KeyID.String()
		r.Bytes.Total = base64.RawURLEncoding.DecodedLen(len(value))
	}
	switch {
	case c.Keyring != "":
		if err := c.judge(&r, value); err != nil {
			return err
		}
		if unreadable == nil && r.Issued.IsZero() {
			r.Claimed = new(saidBy(header))
		}
	case unreadable == nil:
		r.Outcome, r.said = outcomeUnverified, saidBy(header)
	default:
		// This much can be told without a key.
		r.setReason(unreadable.(session.Reason))
	}

	if c.JSON {
		if err := writeJSON(std.out, r); err != nil {
			return err
		}
	} else {
		r.write(std.out)
	}
	switch r.reason {
	case session.ErrMalformed:
		if h := hint(value); h != "" {
			fmt.Fprintf(std.err, "keyturn: %s\n", h)
		}
	case session.ErrUnknownKey:
		if r.Algorithm != "" {
			fmt.Fprintf(std.err, "keyturn: key %s is in %s, but this program lacks its algorithm %s\n", r.KeyID, c.Keyring, r.Algorithm)
		} else {
			fmt.Fprintf(std.err, "keyturn: key %s is not in %s (ring %s, generation %d): the cookie may be of another ring, or of a newer generation of this one\n", r.KeyID, c.Keyring, r.ring.Name(), r.ring.Generation())
		}
	case session.ErrForged:
		fmt.Fprintf(std.err, "keyturn: either the value was changed or cut off, or it is of another cookie or audience than %s: see --name and --audience\n", c.cookie())
	}
	return outcomeStatus(r.Outcome)
}

// cookie says which cookie the value is taken for.
func (c cookieFlags) cookie() string {
	if c.Audience == "" {
		return fmt.Sprintf("%q without an audience", c.Name)
	}
	return fmt.Sprintf("%q for the audience %q", c.Name, c.Audience)
}

const outcomeUnverified = "unverified"

func (r *report) setReason(reason session.Reason) {
	r.reason = reason
	r.Outcome, r.Reason = reason.Outcome().String(), reason.String()
}

// judge opens the value with the keys of the ring.
func (c inspectCommand) judge(r *report, value string) error {
	ring, err := ringIn(c.Keyring)
	if err != nil {
		return err
	}
	keys := keyring.New(ring)
	r.ring = ring
	config, err := c.config(keys, rawCodecs(""))
	if err != nil {
		return err
	}
	m, err := session.New[session.Values](config)
	if err != nil {
		return fail(statusConfig, err)
	}
	s := m.Open(r.at, value)
	_, reason := s.Outcome()
	r.setReason(reason)
	i := s.Info()
	if r.isOutOfTime() {
		if s, err = inTime(config, value, i.Issued); err != nil {
			return err
		}
	}
	if i.Overhead > 0 { // it is authentic
		r.said = saidBy(i)
		r.Bytes.Total, r.Bytes.Overhead, r.Bytes.Payload = i.Overhead+i.Payload, i.Overhead, i.Payload
	}
	if r.KeyID != "" {
		r.Algorithm = algorithmOf(ring, r.KeyID)
	}
	if data, ok := payload.Lookup(s.Data()); ok {
		if r.Payload = showPayload(i.Codec, data); r.Payload == nil {
			r.PayloadHex = hex.EncodeToString(data)
		}
	}
	return nil
}

// isOutOfTime reports whether the cookie is authentic, and only its time is over
// or to come.
func (r *report) isOutOfTime() bool {
	return slices.Contains([]session.Reason{session.ErrFuture, session.ErrExpired, session.ErrIdle, session.ErrNotBefore}, r.reason)
}

// inTime opens the value as it was when it was issued, before not_before was set.
func inTime(config session.Config, value string, issued time.Time) (*session.Session[session.Values], error) {
	d := config.Keys.Ring().Document()
	d.NotBefore = time.Time{}
	ring, err := keyring.NewRing(d)
	if err != nil {
		return nil, fail(statusSoftware, err)
	}
	config.Keys = keyring.New(ring)
	m, err := session.New[session.Values](config)
	if err != nil {
		return nil, fail(statusConfig, err)
	}
	return m.Open(issued, value), nil
}

func algorithmOf(r *keyring.Ring, id string) string {
	for _, k := range r.Document().Keys {
		if k.ID().String() == id {
			return k.Algorithm()
		}
	}
	return ""
}

// outcomeStatus returns the failure of an outcome other than valid.
func outcomeStatus(outcome string) error {
	switch outcome {
	case session.Valid.String():
		return nil
	case session.Rejected.String():
		return fail(statusRejected, nil)
	case session.Indeterminate.String():
		return fail(statusIndeterminate, nil)
	}
	return fail(statusUnverified, nil)
}

// write writes the report for people.
func (r *report) write(w io.Writer) {
	switch {
	case r.Outcome == outcomeUnverified:
		fmt.Fprintln(w, "unverified: what follows is what the cookie says of itself, and anybody can write that; give --keyring to verify it")
	case r.Reason != "":
		fmt.Fprintf(w, "%s: %s: %s\n", r.Outcome, r.Reason, strings.TrimPrefix(r.reason.Error(), "session: "))
	default:
		fmt.Fprintln(w, r.Outcome)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	row("key", strings.TrimSpace(r.KeyID+" "+r.Algorithm))
	r.said.rows(row, "", r.at)
	if r.Claimed != nil {
		r.Claimed.rows(row, ", it claims", r.at)
	}
	switch b := r.Bytes; {
	case b.Overhead > 0:
		row("bytes", fmt.Sprintf("%d: %d of overhead, %d of payload; %d as text", b.Total, b.Overhead, b.Payload, b.Text))
	case b.Total > 0:
		row("bytes", fmt.Sprintf("%d; %d as text", b.Total, b.Text))
	default:
		row("bytes", fmt.Sprintf("%d as text", b.Text))
	}
	note := "" // beside the payload, which people look at first
	if r.Reason != "" {
		note = ", " + r.Outcome + " as " + r.Reason
	}
	if r.PayloadHex != "" {
		row("payload in hex"+note, r.PayloadHex)
	}
	t.Flush()
	if r.Payload != nil {
		var b bytes.Buffer
		if json.Indent(&b, r.Payload, "", "  ") == nil {
			fmt.Fprintf(w, "\npayload%s\n%s\n", note, b.Bytes())
		}
	}
}

func (s *said) rows(row func(name, value string), suffix string, at time.Time) {
	row("codec"+suffix, s.Codec)
	when := func(name string, t time.Time) {
		if !t.IsZero() {
			row(name+suffix, stamp(t)+", "+distance(t.Sub(at)))
		}
	}
	when("started", s.Started)
	when("issued", s.Issued)
	when("expires", s.Expires)
	if s.Idle != 0 {
		row("idle"+suffix, "ends after "+s.Idle.String()+" without use")
	}
	row("session ID"+suffix, s.ID)
}

// distance says in words how far away a time is.
func distance(d time.Duration) string {
	d = d.Round(time.Second)
	form := "in %s"
	if d < 0 {
		form, d = "%s ago", -d
	}
	day := 24 * time.Hour
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf(form, fmt.Sprintf("%d s", d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d min", d/time.Minute))
	case d < 2*day:
		return fmt.Sprintf(form, fmt.Sprintf("%d h", d/time.Hour))
	}
	return fmt.Sprintf(form, fmt.Sprintf("%d days", d/day))
}

// hint says what a value that is no token was probably meant to be. It does not
// quote it.
func hint(value string) string {
	lower := strings.ToLower(value)
	switch {
	case value == "":
		return "this is empty: give the value, what is between = and ;"
	case strings.HasPrefix(lower, "cookie:"), strings.HasPrefix(lower, "set-cookie:"):
		return "this looks like a header: give the value only, what is between = and ;"
	case strings.ContainsAny(value, `"'`):
		return "there are quotes in this: give the value without them"
	case strings.Contains(value, ";"):
		return "this looks like more than one cookie, or one with its attributes: give the value only, what is between = and ;"
	case strings.Contains(value, "=kt"):
		return "this looks like NAME=VALUE: give the value only, what is behind ="
	case strings.ContainsAny(value, " \t\r\n"):
		return "there is space in this: give the value without it"
	case strings.Contains(value, "%"):
		return "this looks as if it were escaped for a URL: give the value as the browser sends it"
	case strings.HasSuffix(value, "…"), strings.HasSuffix(value, "..."),
		strings.HasPrefix(value, "kt") && len(value)%4 == 1: // which base64 never has
		return "this looks cut off: give the whole value"
	}
	return ""
}
