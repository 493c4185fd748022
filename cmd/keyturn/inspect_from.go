package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
	"github.com/keyturn/keyturn/internal/vectors"
	"github.com/keyturn/keyturn/session"
)

// fromFlags say what opens a cookie of another library.
type fromFlags struct {
	From    string   `placeholder:"SYSTEM" help:"Open a cookie of another library, with its secrets and not with a ring. With --help, shows the settings of that system."`
	Setting []string `sep:"none" placeholder:"KEY=VALUE" help:"With --from: a secret, or how the system is configured; repeat it for others. VALUE may be @FILE or env:VARIABLE, as a secret should be."`
	Cookie  string   `placeholder:"NAME" help:"With --from: the name of the cookie, if it is not what the system calls it by default."`
}

// fromHelp is the part of the help about them. It does not name the settings, for
// which the readers of all systems would have to be asked whenever anything is run.
func fromHelp() string {
	return `With --from SYSTEM, the cookie is one of another library, opened as package session/takeover does when a server takes its sessions over. The systems are ` + strings.Join(vectors.Systems(), ", ") + `. What settings one has, is shown by

    keyturn inspect --from SYSTEM --help

A setting is KEY=VALUE; where VALUE is @FILE, it is what is in the file, without a newline at its end, and where it is env:VARIABLE, what is in the environment variable. A secret should be one of these: what is on a command line, everybody on the machine can see, and the shell keeps it. A KEY that is repeated makes a list, and lists and objects may also be written in JSON; null is what JSON has as that.

A cookie that has another beside it, as Express has its signature, is given as NAME=VALUE for both, in any order, or as the values alone in the order that the help of the system has. With -, each line of standard input is one of these. What JSON has no type for is shown with its type before it; with --json, as {"$type": ...}.

    keyturn inspect --from flask --setting secret=@secret.txt eyJ1c2VyIjo...
    keyturn inspect --from django --setting secret=env:SECRET_KEY --json - < value | jq .payload
    keyturn inspect --from koa-session --setting secret=@s.txt koa.sess=eyJ1... koa.sess.sig=Pb3...`
}

// A foreignReport is what is known of a cookie of another library.
type foreignReport struct {
	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason,omitempty"`
	Problem string          `json:"problem,omitempty"`
	System  string          `json:"system"`
	Cookie  string          `json:"cookie"`
	Started time.Time       `json:"started,omitzero"`
	Expires time.Time       `json:"expires,omitzero"`
	Bytes   sizes           `json:"bytes"`
	Payload json.RawMessage `json:"payload,omitempty"`

	data any // as in Payload
}

// inspectFrom opens cookies of another library.
func (c inspectCommand) inspectFrom(std streams) error {
	var wrong []error
	usage := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if c.Keyring != "" {
		usage("--keyring: another library's cookie is opened with the secrets in --setting, and not with a ring")
	}
	if c.Name != session.DefaultName {
		usage("--name: it is of keyturn's own cookies; with --from, it is --cookie")
	}
	if c.Audience != "" {
		usage("--audience: another library's cookie has none here")
	}
	words, errs := c.settings()
	wrong = append(wrong, errs...)
	r, err := vectors.Reader(c.From, c.Cookie, vectors.Words(words))
	switch {
	case !slices.Contains(vectors.Systems(), c.From):
		wrong = append(wrong, fmt.Errorf("--from: there is no system %q, known are %s", c.From, strings.Join(vectors.Systems(), ", ")))
	case len(errs) > 0: // what a reader would say of the others may be their consequence
		for _, p := range vectors.Unknown(c.From, slices.Sorted(maps.Keys(words))) {
			wrong = append(wrong, errors.New("--setting: "+p))
		}
	case err != nil:
		for _, p := range err.(*vectors.SettingsError).Problems {
			flag := "--setting: "
			if strings.Contains(p, "Cookie is empty") {
				flag = "--cookie: "
			}
			wrong = append(wrong, errors.New(flag+p))
		}
	}
	if len(wrong) > 0 {
		wrong = append(wrong, fmt.Errorf("see %s --help", c.path()))
		return fail(statusUsage, errors.Join(wrong...))
	}
	arguments, err := c.arguments(std)
	if err != nil {
		return err
	}
	values, err := cookieValues(r.Cookies(), arguments)
	if err != nil {
		return fail(statusUsage, err)
	}

	at := c.time()
	report := foreignReport{Outcome: session.Valid.String(), System: r.System(), Cookie: r.Cookies()[0]}
	for _, v := range values {
		report.Bytes.Text += len(v)
	}
	f, err := r.Open(at, values)
	var reason session.Reason
	switch {
	case err != nil:
		report.Outcome = session.Rejected.String()
		if errors.As(err, &reason) {
			report.Outcome, report.Reason = reason.Outcome().String(), reason.String()
		}
		report.Problem = strings.TrimPrefix(strings.TrimPrefix(err.Error(), r.System()+": "), "session: ")
	default:
		if r.Unsigned() {
			report.Outcome = outcomeUnverified
		}
		report.Started, report.Expires = utc(f.Start), utc(f.Expires)
		var b bytes.Buffer
		report.data = vectors.Encode(f.Data)
		if err := writeJSON(&b, report.data); err != nil {
			return err
		}
		report.Payload = b.Bytes()
	}
	if c.JSON {
		if err := writeJSON(std.out, report); err != nil {
			return err
		}
	} else {
		report.write(std.out, at)
	}
	if h := report.hint(reason, r.Cookies(), arguments); h != "" {
		fmt.Fprintf(std.err, "keyturn: %s\n", h)
	}
	return outcomeStatus(report.Outcome)
}

// utc returns a time in UTC. One that is further away than RFC 3339, and with it JSON, has
// years for is the first or the last that there is: a cookie may say any.
func utc(t time.Time) time.Time {
	switch year := t.UTC().Year(); {
	case t.IsZero():
		return t
	case year < 0:
		return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case year > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t.UTC()
}

// settings returns the settings with what is in files and in the environment, and
// every problem with them. Nothing of a value is in an error.
func (c inspectCommand) settings() (words map[string][]string, problems []error) {
	words = map[string][]string{}
	for i, s := range c.Setting {
		name, value, ok := strings.Cut(s, "=")
		switch {
		case !ok || name == "" || strings.Trim(value, "=") == "" && len(vectors.Unknown(c.From, []string{name})) > 0:
			// It may be a secret alone, which ends with = in base64.
			problems = append(problems, fmt.Errorf("--setting: number %d is not KEY=VALUE", i+1))
			continue
		case strings.HasPrefix(value, "@"):
			text, err := readSetting(value[1:])
			if err != nil {
				problems = append(problems, fmt.Errorf("--setting %s: %w", name, about(value[1:], err)))
			}
			value = text
		case strings.HasPrefix(value, "env:"):
			text, is := os.LookupEnv(value[len("env:"):])
			if !is {
				problems = append(problems, fmt.Errorf("--setting %s: the environment variable behind env: is not set", name))
			}
			value = text
		}
		words[name] = append(words[name], value)
	}
	return words, problems
}

// readSetting returns what is in a file, without the newline at its end.
func readSetting(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxInput:
		return "", fmt.Errorf("more than %s bytes, which no setting has", thousands(maxInput))
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

// path is the command whose help has the settings.
func (c inspectCommand) path() string {
	if !slices.Contains(vectors.Systems(), c.From) {
		return "keyturn inspect"
	}
	return "keyturn inspect --from " + c.From
}

// arguments returns what is given of the cookies, which may be on standard input.
func (c inspectCommand) arguments(std streams) ([]string, error) {
	if len(c.Values) != 1 || c.Values[0] != "-" {
		return c.Values, nil
	}
	b, err := io.ReadAll(io.LimitReader(std.in, maxInput))
	if err != nil {
		return nil, failf(statusData, "standard input: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines, nil
}

// cookieValues returns the values of the cookies of these names, of which the arguments
// are pairs, or the values alone.
func cookieValues(names, arguments []string) ([]string, error) {
	values := make([]string, len(names))
	given := make([]bool, len(names))
	pairs := 0
	for _, a := range arguments {
		for i, name := range names {
			value, ok := strings.CutPrefix(a, name+"=")
			if !ok {
				continue
			}
			if given[i] {
				return nil, fmt.Errorf("there are two values for the cookie %q", name)
			}
			values[i], given[i] = value, true
			pairs++
		}
	}
	list := "the cookie " + names[0]
	if len(names) > 1 {
		list = "the cookies " + strings.Join(names, ", ")
	}
	switch {
	case pairs == len(arguments) && !given[0]:
		return nil, fmt.Errorf("the cookie %q is missing", names[0])
	case pairs == len(arguments):
		return values, nil
	case pairs > 0:
		return nil, fmt.Errorf("%d of %s begin with the name of a cookie and =: give all of %s so, or none", pairs, count(len(arguments), "value"), list)
	case len(arguments) > len(names):
		return nil, fmt.Errorf("%d values, for %s", len(arguments), list)
	}
	copy(values, arguments)
	return values, nil
}

// hint says what is probably the matter. It does not quote the value.
func (r *foreignReport) hint(reason session.Reason, names, arguments []string) string {
	if reason == session.ErrMalformed || reason == session.ErrForged {
		for _, a := range arguments {
			known := false
			for _, n := range names {
				if v, ok := strings.CutPrefix(a, n+"="); ok {
					a, known = v, true
				}
			}
			if strings.HasPrefix(a, "kt") && len(names) == 1 {
				if _, err := session.ReadUnverified(a); err == nil {
					return "this is a cookie of keyturn: leave out --from, and give its --keyring"
				}
			}
			if h := hint(a); h != "" {
				return h
			}
			name, value, ok := strings.Cut(a, "=")
			// A = may also be at the end of base64, with -- and a signature behind it.
			if ok && !known && name != "" && strings.Trim(value, "=") != "" && !strings.HasPrefix(strings.TrimLeft(value, "="), "--") {
				return fmt.Sprintf("this looks like NAME=VALUE of another cookie than %s: see --cookie", strings.Join(names, ", "))
			}
		}
		if len(arguments) < len(names) {
			return fmt.Sprintf("there are %d cookies, in this order: %s", len(names), strings.Join(names, ", "))
		}
	}
	switch reason {
	case session.ErrForged:
		return fmt.Sprintf("either the value was changed or cut off, or it is of another secret, other settings, or another cookie than %q: see --setting and --cookie", names[0])
	case session.ErrExpired:
		return "to see what is in it, give a time with --at at which it was valid"
	}
	return ""
}

// write writes the report for people.
func (r *foreignReport) write(w io.Writer, at time.Time) {
	opened := r.Payload != nil
	switch {
	case r.Outcome == outcomeUnverified:
		fmt.Fprintln(w, "unverified: nothing protects such a cookie: anybody can write what follows")
	case r.Reason != "":
		fmt.Fprintf(w, "%s: %s: %s\n", r.Outcome, r.Reason, r.Problem)
	case r.Problem != "":
		fmt.Fprintf(w, "%s: %s\n", r.Outcome, r.Problem)
	default:
		fmt.Fprintln(w, r.Outcome)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "system\t%s\ncookie\t%s\n", r.System, r.Cookie)
	for _, row := range []struct {
		name string
		time time.Time
	}{{"started", r.Started}, {"expires", r.Expires}} {
		switch {
		case !row.time.IsZero():
			fmt.Fprintf(t, "%s\t%s, %s\n", row.name, stamp(row.time), distance(row.time.Sub(at)))
		case opened:
			fmt.Fprintf(t, "%s\tthe cookie does not say\n", row.name)
		}
	}
	fmt.Fprintf(t, "bytes\t%d as text\n", r.Bytes.Text)
	t.Flush()
	if opened {
		var b bytes.Buffer
		writeData(&b, r.data, "")
		fmt.Fprintf(w, "\npayload\n%s\n", b.Bytes())
	}
}

// writeData writes data as vectors.Encode has them, like JSON, and what that has no
// type for with its type before it.
func writeData(b *bytes.Buffer, data any, indent string) {
	object, ok := data.(map[string]any)
	kind, _ := object["$type"].(string)
	switch list, isList := data.([]any); {
	case isList:
		writeItems(b, "[", "]", list, indent)
		return
	case !ok:
		writeText(b, data)
		return
	case kind == "":
		writeMembers(b, object, indent)
		return
	}
	b.WriteString(kind + " ")
	switch kind {
	case "map":
		entries, _ := object["entries"].([]any)
		var pairs []func()
		for _, e := range entries {
			pair := e.([]any)
			pairs = append(pairs, func() {
				writeData(b, pair[0], indent+"  ")
				b.WriteString(": ")
				writeData(b, pair[1], indent+"  ")
			})
		}
		writeLines(b, "{", "}", pairs, indent)
		return
	case "bytes", "string":
		writeText(b, object["base64"])
		b.WriteString(" (base64)")
		return
	case "markup", "atom":
		writeText(b, object["value"])
		return
	}
	if items, ok := object["items"].([]any); ok {
		writeItems(b, "[", "]", items, indent)
	} else if entries, ok := object["entries"].(map[string]any); ok {
		writeMembers(b, entries, indent)
	} else {
		text, _ := json.Marshal(fmt.Sprint(object["value"])) // without control characters
		b.Write(text[1 : len(text)-1])
	}
}

func writeText(b *bytes.Buffer, v any) {
	if writeJSON(b, v) == nil {
		b.Truncate(b.Len() - 1) // the newline
	}
}

func writeItems(b *bytes.Buffer, open, close string, items []any, indent string) {
	var lines []func()
	for _, item := range items {
		lines = append(lines, func() { writeData(b, item, indent+"  ") })
	}
	writeLines(b, open, close, lines, indent)
}

func writeMembers(b *bytes.Buffer, members map[string]any, indent string) {
	var names []string
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	var lines []func()
	for _, name := range names {
		lines = append(lines, func() {
			writeText(b, name)
			b.WriteString(": ")
			writeData(b, members[name], indent+"  ")
		})
	}
	writeLines(b, "{", "}", lines, indent)
}

// writeLines writes what lines write, as json.Indent would.
func writeLines(b *bytes.Buffer, open, close string, lines []func(), indent string) {
	b.WriteString(open)
	for i, line := range lines {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + indent + "  ")
		line()
	}
	if len(lines) > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteString(close)
}

// showHelp shows the help, or the settings of the system if there is one behind --from.
func showHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if selected := ctx.Selected(); selected != nil {
		if _, ok := selected.Target.Interface().(inspectCommand); ok {
			for _, f := range selected.Flags {
				if system, _ := ctx.FlagValue(f).(string); f.Name == "from" && system != "" {
					_, err := io.WriteString(ctx.Stdout, systemHelp(system))
					return err
				}
			}
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// systemHelp shows what settings a system has.
func systemHelp(system string) string {
	if !slices.Contains(vectors.Systems(), system) {
		return fmt.Sprintf("There is no system %q. Known are\n\n    %s\n", system, strings.Join(vectors.Systems(), "\n    "))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Usage: keyturn inspect --from %s --setting KEY=VALUE ... VALUE ...\n\n", system)
	switch names := vectors.Cookies(system); {
	case len(names) == 1:
		fmt.Fprintf(&b, "The cookie is %s, if there is no --cookie.\n\n", names[0])
	case len(names) == 0:
		fmt.Fprintf(&b, "The cookie has no usual name: --cookie has to say it.\n\n")
	default:
		fmt.Fprintf(&b, "The cookies are %s, in this order, if there is no --cookie.\n\n", strings.Join(names, " and "))
	}
	fmt.Fprintf(&b, "The settings, and in brackets what they are by default:\n\n")
	known := vectors.Known(system)
	width := 0
	for _, k := range known {
		width = max(width, len(k.Name))
	}
	for _, k := range known {
		line := fmt.Sprintf("    %-*s ", width, k.Name)
		for word := range strings.FieldsSeq(k.String()) {
			if len(line)+len(word) >= 80 {
				fmt.Fprintln(&b, line)
				line = strings.Repeat(" ", 4+width+1)
			}
			line += " " + word
		}
		fmt.Fprintln(&b, line)
	}
	fmt.Fprint(&b, `
A list is a KEY that is repeated, or JSON. A secret should be @FILE or env:VARIABLE.
For the rest, see keyturn inspect --help.
`)
	return b.String()
}
