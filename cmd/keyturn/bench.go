package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/turns"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
	"github.com/keyturn/keyturn/signer"
)

type benchCommand struct {
	Payload   *string                             `placeholder:"FILE.json" help:"A JSON object to measure with, - for standard input: a session as the application will have them. By default the standard session of keyturn's benchmarks, a visitor in six members."`
	Codec     list[codecName, *codecName]         `placeholder:"NAME,..." help:"A codec to measure: json, msgpack or cbor. Can be repeated; by default all."`
	Algorithm list[algorithmName, *algorithmName] `placeholder:"NAME,..." help:"An algorithm to measure: hmac-sha256, blake2b-256 or xchacha20-poly1305, which encrypts. Can be repeated; by default all."`
	For       duration                            `default:"10s" placeholder:"10s" help:"About how long to measure, from 10ms to 1h."`
	JSON      bool                                `name:"json" help:"Show one JSON object."`
}

func (benchCommand) Help() string {
	return `All codecs and algorithms run side by side, each for a short turn in every round, so that what else the machine does slows down all alike and the rows can be compared. On a terminal, it shows how far it is.

The members of the object become the session's Values. Integers that fit int64 are int64, other numbers float64. A null is refused, as Values hold none, except inside of arrays and objects. Where the session does not fit into a cookie, the row says too large, and the others are measured.

    keyturn bench
    keyturn bench --payload session.json
    keyturn bench --payload session.json --codec cbor --codec msgpack --for 1m
    generate-session | keyturn bench --payload - --json | jq '.rows[] | select(.make.fastest)'

The members with --json:

    payload, members    what is measured, and of how many members it is
    cookie, limit       the name of the cookie, and how many bytes of name and value browsers keep
    for_seconds, rounds about how long it measured, and how many turns each had
    go, platform, processors
    rows                one for each codec and algorithm, and in it:
    seals               whether it encrypts
    bytes, share        of the cookie's name and value, and their part of the limit
    too_large           it does not fit; then make and open are left out
    make, open          from Values to the cookie's value, and back:
    ns, low, high       median of the times, and its bounds with a confidence of 95 %
    ratio, ratio_low, ratio_high
                        the same of the ratios to the fastest, round by round
    fastest             cannot be told from the fastest
    allocs, alloc_bytes allocations for one`
}

// The standard session of the benchmarks, as kinds of Values.
var standardSession = map[string]any{
	"user_id": int64(12345), "user": "tom@example.com", "role": "admin",
	"csrf": "c3ab8ff13720e8ad9047dd39466b3c89", "theme": "dark", "seen": int64(1732345678),
}

const (
	shortestBench = 10 * time.Millisecond
	longestBench  = time.Hour
)

func (c benchCommand) Run(std streams) error {
	if d := time.Duration(c.For); d < shortestBench || d > longestBench {
		return failf(statusUsage, "--for %v: not from %v to %v", c.For, shortestBench, duration(longestBench))
	}
	what, members := "the standard session", standardSession
	if c.Payload != nil {
		var err error
		if what, members, err = c.read(std); err != nil {
			return err
		}
	}
	values, err := takeover.Values(members)
	if err != nil {
		return fail(statusData, about(what, err))
	}
	codecs := slices.DeleteFunc(codec.All(), func(b codec.Codec) bool {
		return len(c.Codec) > 0 && !slices.Contains(c.Codec, codecName(b.Name()))
	})
	algorithms := slices.DeleteFunc(signer.All(), func(a signer.Algorithm) bool {
		return len(c.Algorithm) > 0 && !slices.ContainsFunc(c.Algorithm, func(n algorithmName) bool { return n.Name == a.Name })
	})
	if err := usable(algorithms); err != nil {
		return err
	}
	now := time.Now()
	var cells []*benchCell
	for _, codec := range codecs {
		for _, a := range algorithms {
			cell, err := newBenchCell(codec, a, values, now)
			if err != nil {
				return fail(statusSoftware, err)
			}
			cells = append(cells, cell)
		}
	}
	o := c.options(cells)
	r := &benchReport{
		Payload: what, Members: len(members), Cookie: session.DefaultName, Limit: session.MaxCookie,
		Seconds: time.Duration(c.For).Seconds(), Rounds: o.Rounds,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.GOMAXPROCS(0),
	}
	if !c.JSON {
		r.begin(std.out, len(codecs), len(algorithms), c.For)
		// Whoever waits knows for what.
		if std.out.Flush() != nil {
			return fail(statusOutput, nil) // main says why
		}
	}
	done := c.progress(&o, std.err)
	r.measure(o, cells)
	done()
	if c.JSON {
		return writeJSON(std.out, r)
	}
	r.write(std.out)
	return nil
}

// read reads the payload, and says what it is.
func (c benchCommand) read(std streams) (what string, members map[string]any, err error) {
	in, what := std.in, *c.Payload
	switch what {
	case "":
		return "", nil, failf(statusUsage, "--payload: empty: give a file with a JSON object, or - for standard input")
	case "-":
		what = standardInput
		askForObject(std)
	default:
		f, err := os.Open(what)
		if err != nil {
			return "", nil, fail(statusData, about(what, err))
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("more than %s bytes, which no session has", thousands(maxInput))
	}
	if err == nil {
		members, err = sessionMembers(text)
	}
	if err != nil {
		return "", nil, fail(statusData, about(what, err))
	}
	return what, members, nil
}

// usable says which of the algorithms cannot be used, as those that FIPS 140 does
// not approve under GODEBUG=fips140=only.
func usable(algorithms []signer.Algorithm) error {
	var wrong []error
	for _, a := range algorithms {
		var err error
		key := make([]byte, signer.KeySize)
		if a.NewSigner != nil {
			_, err = a.NewSigner(key)
		} else {
			_, err = a.NewSealer(key)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s cannot be used here (%w): name the others with --algorithm", a.Name, err))
		}
	}
	if wrong != nil {
		return fail(statusConfig, errors.Join(wrong...))
	}
	return nil
}

// A benchCell is a codec with an algorithm.
type benchCell struct {
	codec     codec.Codec
	algorithm signer.Algorithm
	bytes     int // of the cookie's name and value
	// What is measured; nil if the session does not fit.
	make, open func()
}

// newBenchCell makes a cookie of the values and opens it again, once, before
// that is measured.
func newBenchCell(c codec.Codec, a signer.Algorithm, values session.Values, now time.Time) (*benchCell, error) {
	keys, err := keyring.FromKeys(keyring.GenerateKey(a))
	if err != nil {
		return nil, err
	}
	m, err := session.New[session.Values](session.Config{Keys: keys, Codecs: []codec.Codec{c}})
	if err != nil {
		return nil, err
	}
	makeValue := func() (string, error) {
		s := m.New(now)
		if err := s.Renew(values); err != nil {
			return "", err
		}
		return m.Seal(now, s)
	}
	cell := &benchCell{codec: c, algorithm: a}
	value, err := makeValue()
	if size := (*session.SizeError)(nil); errors.As(err, &size) {
		cell.bytes = size.Size
		return cell, nil
	}
	if err != nil {
		return nil, err
	}
	cell.bytes = len(m.Name()) + len(value)
	if back := m.Open(now, value).Data(); back.Len() != values.Len() || back.Len() > 0 && !reflect.DeepEqual(back, values) {
		return nil, fmt.Errorf("the session does not come back from %s with %s", c.Name(), a.Name)
	}
	cell.make = func() {
		if _, err := makeValue(); err != nil {
			panic(err)
		}
	}
	cell.open = func() {
		if m.Open(now, value).Data().Len() != values.Len() {
			panic("another session")
		}
	}
	return cell, nil
}

// fewestRounds are enough for an interval of the median that says something.
const fewestRounds = 31

// options shares the time out among what is measured.
func (c benchCommand) options(cells []*benchCell) turns.Options {
	measured := 0
	for _, cell := range cells {
		if cell.make != nil {
			measured += 2
		}
	}
	if measured == 0 {
		return turns.Options{}
	}
	round := time.Duration(c.For) / fewestRounds
	turn := min(max(round/time.Duration(measured), 20*time.Microsecond), time.Millisecond)
	return turns.Options{Turn: turn, Rounds: max(fewestRounds, int(time.Duration(c.For)/(turn*time.Duration(measured))))}
}

// progress has o show how far it is, on a terminal, and returns what clears that away.
func (c benchCommand) progress(o *turns.Options, w io.Writer) (done func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || o.Rounds == 0 {
		return func() {}
	}
	show := func(done, rounds int) {
		fmt.Fprintf(f, "\r\x1b[K%d%% of about %v", 100*done/rounds, c.For)
	}
	shown := time.Now()
	show(0, o.Rounds)
	o.Progress = func(done, rounds int) {
		if time.Since(shown) > 100*time.Millisecond {
			shown = time.Now()
			show(done, rounds)
		}
	}
	return func() { fmt.Fprint(f, "\r\x1b[K") }
}

// A benchReport is what was measured, with what.
type benchReport struct {
	Payload    string     `json:"payload"`
	Members    int        `json:"members"`
	Cookie     string     `json:"cookie"`
	Limit      int        `json:"limit"`
	Seconds    float64    `json:"for_seconds"`
	Rounds     int        `json:"rounds"` // 0: nothing fits
	Go         string     `json:"go"`
	Platform   string     `json:"platform"`
	Processors int        `json:"processors"`
	Rows       []benchRow `json:"rows"`
}

type benchRow struct {
	Codec     string          `json:"codec"`
	Algorithm string          `json:"algorithm"`
	Seals     bool            `json:"seals"`
	Bytes     int             `json:"bytes"`
	Share     float64         `json:"share"`
	TooLarge  bool            `json:"too_large,omitempty"`
	Make      *benchOperation `json:"make,omitempty"`
	Open      *benchOperation `json:"open,omitempty"`
}

type benchOperation struct {
	NS         float64 `json:"ns"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Ratio      float64 `json:"ratio"`
	RatioLow   float64 `json:"ratio_low"`
	RatioHigh  float64 `json:"ratio_high"`
	Fastest    bool    `json:"fastest,omitempty"`
	Allocs     float64 `json:"allocs"`
	AllocBytes float64 `json:"alloc_bytes"`
}

// measure makes the rows: all that fits is measured in one run.
func (r *benchReport) measure(o turns.Options, cells []*benchCell) {
	var cases []turns.Case
	for _, cell := range cells {
		if cell.make != nil {
			cases = append(cases, turns.Case{Do: cell.make}, turns.Case{Do: cell.open})
		}
	}
	var times []turns.Times
	if len(cases) > 0 {
		times = turns.Measure(o, cases...)
	}
	var makes, opens []turns.Times
	for i := 0; i < len(times); i += 2 {
		makes, opens = append(makes, times[i]), append(opens, times[i+1])
	}
	made, opened := operations(makes), operations(opens)
	for _, cell := range cells {
		row := benchRow{
			Codec: cell.codec.Name(), Algorithm: cell.algorithm.Name, Seals: cell.algorithm.NewSealer != nil,
			Bytes: cell.bytes, Share: rounded(float64(cell.bytes)/float64(r.Limit), 4),
		}
		if cell.make != nil {
			row.Make, row.Open = made[0], opened[0]
			made, opened = made[1:], opened[1:]
		} else {
			row.TooLarge = true
		}
		r.Rows = append(r.Rows, row)
	}
}

// operations compares the times of one operation.
func operations(all []turns.Times) (ops []*benchOperation) {
	if len(all) == 0 {
		return nil
	}
	base := fastest(all)
	for _, t := range all {
		ns, ratio := t.Time(), t.Over(base)
		o := &benchOperation{
			NS: rounded(ns.Median, 1), Low: rounded(ns.Low, 1), High: rounded(ns.High, 1),
			Ratio: rounded(ratio.Median, 3), RatioLow: rounded(ratio.Low, 3), RatioHigh: rounded(ratio.High, 3),
			Allocs: rounded(t.Allocs, 1), AllocBytes: rounded(t.Bytes, 0),
		}
		o.Fastest = o.RatioLow <= 1
		ops = append(ops, o)
	}
	return ops
}

// fastest returns what the others are compared with: that to which the least of the
// ratios is the greatest. It is 1, of itself, unless three or more are each faster
// than the next in most of the rounds, and round in a circle, as chance can have it.
func fastest(all []turns.Times) turns.Times {
	best, most := all[0], 0.0
	for _, base := range all {
		least := 1.0
		for _, t := range all {
			least = min(least, t.Over(base).Median)
		}
		if least > most {
			best, most = base, least
		}
	}
	return best
}

// rounded returns x with some digits behind the point.
func rounded(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}

// begin writes what is going to be measured.
func (r *benchReport) begin(w io.Writer, codecs, algorithms int, d duration) {
	long := fmt.Sprintf("side by side for about %v", d)
	if r.Rounds == 0 {
		long = "and nothing to measure"
	}
	fmt.Fprintf(w, "%s (%s): %s by %s, %s\n", r.Payload, count(r.Members, "member"), count(codecs, "codec"), count(algorithms, "algorithm"), long)
	fmt.Fprintf(w, "%s, %s, %s\n\n", r.Go, r.Platform, count(r.Processors, "processor"))
}

// count is a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// write writes the table for people, and how to read it.
func (r *benchReport) write(w io.Writer) {
	table := [][]string{{"CODEC", "ALGORITHM", "MAKE, ns", "RATIO ", "ALLOCS", "OPEN, ns", "RATIO ", "ALLOCS", "BYTES", "SHARE"}}
	for _, row := range r.Rows {
		line := []string{row.Codec, row.Algorithm}
		if row.TooLarge {
			line = append(line, fmt.Sprintf("too large (%s B)", thousands(row.Bytes)))
		} else {
			line = append(line, row.Make.columns()...)
			line = append(line, row.Open.columns()...)
			line = append(line, thousands(row.Bytes), fmt.Sprintf("%.1f%%", 100*row.Share))
		}
		table = append(table, line)
	}
	writeColumns(w, table, 2)
	fmt.Fprintln(w)
	if r.Rounds > 0 {
		fmt.Fprint(w, `*      the fastest, and what cannot be told from it; ± is the median's interval with 95% confidence
RATIO  to the fastest, round by round. Trust the ratios: the ns are this machine's, and today's,
       and without the garbage collector's share
MAKE   from session.Values to the value of the cookie; OPEN: back, verified and decoded.
       A struct of your own is cheaper or dearer: here, all goes through Values
`)
	}
	fmt.Fprintf(w, `BYTES  of name and value, as %s, and their share of the %s that browsers keep.
       Config.IDs adds 16, an idle timeout 5 or 6

The network, net/http and handlers are not in it. xchacha20-poly1305 hides what is in a session;
with the others, whoever has the cookie can read it.
`, r.Cookie, thousands(r.Limit))
}

// columns spells the operation as a row of the table has it.
func (o *benchOperation) columns() []string {
	mark := " "
	if o.Fastest {
		mark = "*"
	}
	off := 100 * max(o.High-o.NS, o.NS-o.Low) / o.NS
	return []string{
		fmt.Sprintf("%s ±%2.0f%%", thousands(int(math.Round(o.NS))), off),
		fmt.Sprintf("%.2f%s", o.Ratio, mark),
		fmt.Sprintf("%.0f", o.Allocs),
	}
}

// writeColumns writes a table: the left columns flush left, the others flush
// right. The last cell of a line that is shorter than the first has no width.
func writeColumns(w io.Writer, table [][]string, left int) {
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			if i < len(line)-1 || len(line) == len(widths) {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, line := range table {
		var b bytes.Buffer
		for i, cell := range line {
			if i > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i < left || len(line) < len(widths) {
				b.WriteString(cell + space)
			} else {
				b.WriteString(space + cell)
			}
		}
		fmt.Fprintf(w, "%s\n", bytes.TrimRight(b.Bytes(), " "))
	}
}

// thousands spells n with a comma before every three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
