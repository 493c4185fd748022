package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/keyturn/keyturn/internal/turns"
)

// A table is what is printed, or written in Markdown.
type table struct {
	title, caption string
	head           []string
	rows           [][]string
}

// text prints the table in columns, without its caption.
func (t table) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", t.title)
	for _, line := range t.aligned(func(s string) string { return s }) {
		b.WriteString(strings.TrimRight("  "+strings.Join(line, "  "), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// aligned returns the head and the rows with cells as wide as their column, those
// of numbers with these on the right.
func (t table) aligned(written func(string) string) [][]string {
	width := make([]int, len(t.head))
	var lines [][]string
	for _, row := range append([][]string{t.head}, t.rows...) {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = written(cell)
			width[i] = max(width[i], utf8.RuneCountInString(line[i]), 3)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if t.right(i) {
				line[i] = pad + cell
			} else {
				line[i] = cell + pad
			}
		}
	}
	return lines
}

// markdown writes the table in columns that can be read as they are, too.
func (t table) markdown(b *strings.Builder, level int) {
	fmt.Fprintf(b, "\n%s %s\n\n", strings.Repeat("#", level), t.title)
	if t.caption != "" {
		fmt.Fprintf(b, "%s\n\n", t.caption)
	}
	for n, line := range t.aligned(escape) {
		fmt.Fprintf(b, "| %s |\n", strings.Join(line, " | "))
		if n > 0 {
			continue
		}
		for i, cell := range line {
			rule := strings.Repeat("-", utf8.RuneCountInString(cell)+1)
			if t.right(i) {
				fmt.Fprintf(b, "|%s:", rule)
			} else {
				fmt.Fprintf(b, "|%s-", rule)
			}
		}
		b.WriteString("|\n")
	}
}

// right says whether a column has numbers, and nothing else.
func (t table) right(column int) bool {
	for _, row := range t.rows {
		if strings.Trim(row[column], "0123456789.,-"+dash+" ?") != "" {
			return false
		}
	}
	return len(t.rows) > 0
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const dash = "–"

// number returns x with three digits that count, or all of them before the point,
// in groups.
func number(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "?"
	case a < 9.995:
		return fmt.Sprintf("%.2f", x)
	case a < 99.95:
		return fmt.Sprintf("%.1f", x)
	}
	s := fmt.Sprintf("%.0f", math.Abs(x))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if x < 0 {
		s = "-" + s
	}
	return s
}

// precise returns x so that it can be compared with a bound.
func precise(x float64) string {
	if math.Abs(x) < 9.9995 {
		return fmt.Sprintf("%.3f", x)
	}
	return number(x)
}

// count returns a mean count: whole, if it is nearly so.
func count(x float64) string {
	if r := math.Round(x); math.Abs(x-r) < 0.05 {
		if r < 1000 {
			return fmt.Sprintf("%.0f", r)
		}
		return number(r)
	}
	return number(x)
}

func between(s turns.Spread) string { return number(s.Low) + " – " + number(s.High) }

// reference returns the entry to which the others of a contest are compared:
// keyturn's first.
func (c contest) reference() (entry, bool) {
	for _, e := range c.entries {
		if strings.HasPrefix(e.who, "keyturn ") {
			return e, true
		}
	}
	return entry{}, false
}

func (c contest) table() table {
	t := table{title: c.name, head: []string{"who", "ns", "95 %", "ratio", "95 %", "allocs", "bytes", "cookie", "note"}}
	kind, bytes := size(c.name)
	t.caption = strings.ReplaceAll(about[kind], "SIZE", bytes)
	ref, ok := c.reference()
	for _, e := range c.entries {
		ns := e.Time()
		row := []string{e.who, number(ns.Median), between(ns), dash, dash, count(e.Allocs), count(math.Round(e.Bytes)), dash, e.note}
		if ok {
			r := e.Over(ref.Times)
			row[3], row[4] = number(r.Median), between(r)
			if e.who == ref.who {
				row[4] = dash
			}
		}
		if e.cookie > 0 {
			row[7] = count(float64(e.cookie))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// about is what the contests are, in a sentence; of those with a size in their
// name, by what comes before.
var about = map[string]string{
	"envelope/open":         "A signed text of SIZE bytes is verified, and its bytes are returned; no codec.",
	"envelope/sign":         "SIZE bytes are made into a signed text; no codec.",
	"envelope/refused":      "What becomes of a cookie that is not valid, beside one that is, of SIZE bytes.",
	"http/get":              "SIZE bytes are had from the Cookie header of a request. All of these encrypt.",
	"http/set":              "SIZE bytes are put into a Set-Cookie header. All of these encrypt.",
	"value/open":            "The text of a cookie becomes a struct: verified, with its expiry, and decoded.",
	"value/make":            "A struct becomes the text of a cookie: a new session, encoded and signed.",
	"request/untouched":     "A request with a session that the handler does not look at.",
	"request/untouched-1kB": "The same, with a session type of 1 kB in memory.",
	"request/read":          "A request whose handler reads one field of the session.",
	"request/change":        "A request whose handler changes one field, and the response that sets the cookie.",
	"request/sign-in":       "A request without a session whose handler makes one.",
	"request/reissue":       "A request that reads a session of the former key and codec, and is sent one of the present ones.",
	"request/forged":        "A request whose cookie is not valid, and whose handler reads the session.",
	"request/unknown-key":   "A request whose cookie is of a key that is not in the ring.",
	"request/absent":        "A request without the cookie, whose handler reads the session.",
	"ring/open":             "A text is verified whose key is found last, in rings of several sizes.",
	"ring/sign":             "A text is signed with the primary key, in rings of several sizes.",
}

func (r *results) parallelTable() table {
	t := table{
		title: "parallel",
		caption: "Operations of one goroutine and of two at the same time, in thousands a second, and how many times as many\n" +
			"the two do. What they share is what the requests of a server share; " + parallelAlone + " shares nothing, and gains what\n" +
			"this machine, the allocator and the collector let anyone gain.",
		head: []string{"contest", "who", "collector", "one, k/s", "two, k/s", "ratio", "95 %"},
	}
	for _, p := range r.parallel {
		collector := "off"
		if p.collector {
			collector = "as it comes"
		}
		t.rows = append(t.rows, []string{p.contest, p.who, collector, number(turns.Median(p.one).Median / 1000),
			number(turns.Median(p.two).Median / 1000), number(p.gain().Median), between(p.gain())})
	}
	return t
}

func (r *results) serverTable() table {
	t := table{
		title: "server",
		caption: "A real server, in a process of its own, and its client, in another, on the same machine. What counts is the\n" +
			"CPU time of the server for a request, by the account of its process, system calls included. Requests per second\n" +
			"and how long they took are as the client saw them; both share the machine's cores with the client.",
		head: []string{"site", "CPU µs", "95 %", "over bare", "95 %", "requests/s", "p50 µs", "p99 µs"},
	}
	for _, s := range r.sites {
		row := []string{s.Name, dash, dash, dash, dash, number(turns.Median(s.PerSecond).Median),
			number(turns.Median(s.P50).Median), number(turns.Median(s.P99).Median)}
		if len(s.CPU) > 0 {
			c := turns.Median(s.CPU)
			row[1], row[2] = number(c.Median), between(c)
			if s.Name != r.sites[0].Name {
				o := s.Over(r.sites[0])
				row[3], row[4] = number(o.Median), between(o)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func (r *results) targetsTable() table {
	t := table{title: "targets", head: []string{"target", "measured", "95 %", "verdict", "in", "of"}}
	for _, v := range r.verdicts {
		row := []string{v.id, dash, dash, string(v.state), v.contest, v.detail}
		if v.state == passed || v.state == isShort {
			row[1] = precise(v.Median)
			if v.Low != v.High {
				row[2] = precise(v.Low) + " – " + precise(v.High)
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// tables are all that was measured.
func (r *results) tables() []table {
	var all []table
	for _, c := range r.contests {
		all = append(all, c.table())
	}
	if len(r.parallel) > 0 {
		all = append(all, r.parallelTable())
	}
	if len(r.sites) > 0 {
		all = append(all, r.serverTable())
	}
	return all
}

// print prints the tables, and the targets.
func (r *results) print(w io.Writer) error {
	for _, t := range r.tables() {
		if err := t.text(w); err != nil {
			return err
		}
	}
	if len(r.verdicts) > 0 {
		return r.targetsTable().text(w)
	}
	return nil
}
