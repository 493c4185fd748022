package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/turns"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
	"github.com/keyturn/keyturn/signer"
)

// benchLine is a row of the table. Ratios are not far from 1 in so short a time.
var benchLine = regexp.MustCompile(`^(\w+) +([\w-]+) +([\d,]+) ±( ?\d+)% +(\d+\.\d\d)(\*)? +(\d+) +([\d,]+) ±( ?\d+)% +(\d+\.\d\d)(\*)? +(\d+) +([\d,]+) +(\d+\.\d)%$`)

func bench(t *testing.T, stdin string, args ...string) (out string, rows [][]string) {
	t.Helper()
	r := want(t, 0, stdin, append([]string{"bench"}, args...)...)
	if r.err != "" {
		t.Errorf("progress where nobody looks: %q", r.err)
	}
	for line := range strings.Lines(r.out) {
		if m := benchLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			rows = append(rows, m[1:])
		} else if n := len([]rune(line)) - 1; n > 100 && !strings.HasPrefix(line, "CODEC ") { // the table is as wide as its numbers
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	return r.out, rows
}

func benchJSON(t *testing.T, stdin string, args ...string) (r benchReport) {
	t.Helper()
	out := want(t, 0, stdin, append([]string{"bench", "--for", "20ms", "--json"}, args...)...).out
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("%v in %s", err, out)
	}
	return r
}

func TestBenchMeasuresEachCodecWithEachAlgorithm(t *testing.T) {
	out, rows := bench(t, "", "--for", "50ms")
	if !strings.HasPrefix(out, "the standard session (6 members): 3 codecs by 3 algorithms, side by side for about 50ms\ngo1.") {
		t.Errorf("it begins %q", out)
	}
	var cells []string
	var made, opened int
	for _, row := range rows {
		cells = append(cells, row[0]+" "+row[1]+" "+row[12]+" "+row[13])
		if allocs, err := strconv.Atoi(row[6]); err != nil || strconv.Itoa(allocs) == row[11] || len(row[6]) > len(row[11]) {
			t.Errorf("to make six values takes %s allocations, and to open them %s", row[6], row[11])
		}
		if row[5] != "" {
			made++
		}
		if row[10] != "" {
			opened++
		}
	}
	want := []string{
		"json hmac-sha256 258 6.3", "json blake2b-256 258 6.3", "json xchacha20-poly1305 269 6.6",
		"msgpack hmac-sha256 221 5.4", "msgpack blake2b-256 221 5.4", "msgpack xchacha20-poly1305 232 5.7",
		"cbor hmac-sha256 221 5.4", "cbor blake2b-256 221 5.4", "cbor xchacha20-poly1305 232 5.7",
	}
	if !slices.Equal(cells, want) {
		t.Errorf("%q\nwant %q in\n%s", cells, want, out)
	}
	if made == 0 || opened == 0 {
		t.Errorf("%d and %d are the fastest", made, opened)
	}
	// What the numbers are, and what they are not.
	_, notes, _ := strings.Cut(out, "SHARE\n")
	for _, says := range []string{
		"*  ", "RATIO  ", "MAKE  ", "OPEN: ", "BYTES  ", "Trust the ratios", "without the garbage collector's share", "struct of your own is cheaper or dearer", "through Values",
		"network, net/http and handlers are not in it", "xchacha20-poly1305 hides what is in a session", "share of the 4,096", session.DefaultName,
	} {
		if !strings.Contains(notes, says) {
			t.Errorf("%q is not in\n%s", says, notes)
		}
	}
}

func TestBenchMeasuresWhatIsNamed(t *testing.T) {
	_, rows := bench(t, `{"user":"tom"}`, "--payload", "-", "--codec", "cbor", "--codec", "json", "--codec", "cbor", "--algorithm", "xchacha20-poly1305", "--for", "10ms")
	if len(rows) != 2 || rows[0][0] != "json" || rows[1][0] != "cbor" || rows[0][1] != "xchacha20-poly1305" || rows[1][1] != "xchacha20-poly1305" {
		t.Errorf("%q", rows)
	}
	r := benchJSON(t, `{"user":"tom"}`, "--payload", "-", "--codec", "msgpack,cbor", "--algorithm", "hmac-sha256")
	if len(r.Rows) != 2 || r.Payload != "standard input" || r.Members != 1 {
		t.Errorf("%+v", r)
	}
}

func TestBenchJSONComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "session.json")
	if err := os.WriteFile(path, []byte(`{"user":"tom","n":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := benchJSON(t, "", "--payload", path)
	if r.Payload != path || r.Members != 2 || r.Cookie != session.DefaultName || r.Limit != 4096 || r.Seconds != 0.02 || r.Rounds < fewestRounds || r.Processors < 1 || len(r.Rows) != 9 {
		t.Errorf("%+v", r)
	}
	if r.Go != runtime.Version() || r.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("with %s on %s", r.Go, r.Platform)
	}
	for _, operation := range []func(benchRow) *benchOperation{
		func(row benchRow) *benchOperation { return row.Make },
		func(row benchRow) *benchOperation { return row.Open },
	} {
		fastest := 0
		for _, row := range r.Rows {
			if row.Share != rounded(float64(row.Bytes)/4096, 4) || row.Seals != (row.Algorithm == "xchacha20-poly1305") || row.TooLarge {
				t.Errorf("%+v", row)
			}
			o := operation(row)
			if o.Low > o.NS || o.NS > o.High || o.Low <= 0 || o.RatioLow > o.Ratio || o.Ratio > o.RatioHigh || o.Allocs < 1 || o.AllocBytes < 1 || o.Fastest != (o.RatioLow <= 1) {
				t.Errorf("%s %s: %+v", row.Codec, row.Algorithm, o)
			}
			if o.Fastest {
				fastest++
			}
		}
		if fastest == 0 {
			t.Error("none is the fastest")
		}
	}
	// All that is in it is explained.
	help := want(t, 0, "", "bench", "--help").out
	_, explained, _ := strings.Cut(help, "The members with --json:")
	data, err := json.Marshal(benchReport{Rows: []benchRow{{TooLarge: true, Make: &benchOperation{Fastest: true}, Open: &benchOperation{}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllSubmatch(data, -1) {
		if !regexp.MustCompile(`(?m)^    (?:.*, )?`+string(m[1])+`\b`).MatchString(explained) && string(m[1]) != "codec" && string(m[1]) != "algorithm" {
			t.Errorf("the help does not say what %s is", m[1])
		}
	}
}

// What is slower is not marked, what cannot be told apart is.
func TestBenchMarksWhatCannotBeToldFromTheFastest(t *testing.T) {
	times := func(ns ...float64) turns.Times { return turns.Times{NS: ns, Allocs: 2.04} }
	ops := operations([]turns.Times{
		times(20, 40, 21, 41, 20, 40, 20),
		times(10, 20, 11, 20, 11, 20, 10),
		times(11, 19, 12, 19, 10, 21, 10),
	})
	for i, fastest := range []bool{false, true, true} {
		if ops[i].Fastest != fastest || ops[i].Allocs != 2 {
			t.Errorf("%d: %+v", i, ops[i])
		}
	}
	if ops[0].Ratio < 1.8 || ops[0].Ratio > 2.2 || ops[0].NS != 21 {
		t.Errorf("twice the time is %+v", ops[0])
	}
}

// What the others are compared with is faster than each of them in most of the rounds,
// whatever is shown of the times.
func TestBenchShowsNoRatioBelow1(t *testing.T) {
	times := func(ns ...float64) turns.Times { return turns.Times{NS: ns} }
	for _, test := range []struct {
		all  []turns.Times
		base int
	}{
		// The first is a little slower, but in the two rounds where all is far off.
		{[]turns.Times{times(11, 11, 11, 90, 80), times(10, 10, 10, 200, 250), times(90, 90, 90, 10, 10)}, 1},
		{[]turns.Times{times(11, 11, 11, 90, 80), times(90, 90, 90, 10, 10), times(10, 10, 10, 200, 250)}, 2},
		{[]turns.Times{times(5)}, 0},
	} {
		for i, o := range operations(test.all) {
			if o.Ratio < 1 || (i == test.base) != (o.Ratio == 1 && o.RatioHigh == 1) || i == test.base && !o.Fastest {
				t.Errorf("%d: %+v", i, o)
			}
		}
	}
	// In a circle, the least ratio is as near to 1 as can be.
	circle := []turns.Times{times(1, 2, 4), times(2, 3, 1), times(3, 1, 2)}
	var ratios []float64
	for _, o := range operations(circle) {
		ratios = append(ratios, o.Ratio)
	}
	if least := slices.Min(ratios); least != 0.667 {
		t.Errorf("the ratios are %v", ratios)
	}
	// That is rare, though, even where nothing but chance tells them apart.
	random := rand.New(rand.NewPCG(1, 2))
	below := 0
	for range 200 {
		all := make([]turns.Times, 9)
		for range fewestRounds {
			machine := 1 + random.ExpFloat64()
			for i := range all {
				all[i].NS = append(all[i].NS, machine*(100+0.2*float64(i)+5*random.ExpFloat64()))
			}
		}
		if slices.ContainsFunc(operations(all), func(o *benchOperation) bool { return rounded(o.Ratio, 2) < 1 }) {
			below++
		}
	}
	if below > 4 {
		t.Errorf("%d of 200 tables with a ratio below 1", below)
	}
}

// What does not fit is no reason not to measure the others.
func TestBenchSaysWhatIsTooLarge(t *testing.T) {
	// 3,000 bytes in CBOR and MessagePack, and more in JSON, which escapes them.
	object := `{"a":"` + strings.Repeat(`\"`, 1500) + strings.Repeat("x", 1400) + `"}`
	out, rows := bench(t, object, "--payload", "-", "--for", "10ms")
	for _, line := range []string{"json     hmac-sha256         too large (", "json     blake2b-256         too large (", "json     xchacha20-poly1305  too large ("} {
		if !strings.Contains(out, "\n"+line) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
	if len(rows) != 6 || strings.Contains(out, "json     hmac-sha256         too large (4,096 B)") {
		t.Errorf("%d rows in\n%s", len(rows), out)
	}
	r := benchJSON(t, object, "--payload", "-")
	for _, row := range r.Rows {
		isJSON := row.Codec == "json"
		if row.TooLarge != isJSON || (row.Make == nil) != isJSON || (row.Open == nil) != isJSON || (row.Bytes > 4096) != isJSON || (row.Share > 1) != isJSON {
			t.Errorf("%+v", row)
		}
	}
	// The size is the one that it would have: 4 more characters for each 3 bytes.
	longer := benchJSON(t, strings.Replace(object, "x", "xxxx", 1), "--payload", "-", "--codec", "json", "--algorithm", "hmac-sha256")
	if longer.Rounds != 0 || len(longer.Rows) != 1 || longer.Rows[0].Bytes != r.Rows[0].Bytes+4 || r.Rows[0].Bytes < 5_000 {
		t.Errorf("%+v", longer)
	}
	for n, bytes := range map[int]int{3002: 4096, 3003: 4097} {
		r := benchJSON(t, `{"n":"`+strings.Repeat("x", n)+`"}`, "--payload", "-", "--codec", "json", "--algorithm", "hmac-sha256")
		if row := r.Rows[0]; row.Bytes != bytes || row.TooLarge != (bytes > 4096) {
			t.Errorf("%d characters: %+v", n, row)
		}
	}
	if out, _ := bench(t, object, "--payload", "-", "--codec", "json"); !strings.Contains(out, "1 codec by 3 algorithms, and nothing to measure\n") || !strings.Contains(out, "too large") ||
		strings.Contains(out, "RATIO  to") || strings.Contains(out, "*") || strings.Contains(out, "MAKE   from") || !strings.Contains(out, "\nBYTES  of name") {
		t.Errorf("%s", out)
	}
}

func TestBenchTakesAnyObjectThatASessionHolds(t *testing.T) {
	for _, object := range []string{
		`{}`, " {\"a\":1}\n", `{"":""}`, `{"a":[],"b":{}}`, `{"a":[null,{"b":null}]}`, `{"a":-0}`, `{"a":9223372036854775808}`, `{"a":"\u0000€"}`,
		`{"a":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`,
	} {
		if out, rows := bench(t, object, "--payload", "-", "--codec", "json", "--algorithm", "hmac-sha256", "--for", "10ms"); len(rows) != 1 {
			t.Errorf("%s: %s", object, out)
		}
	}
}

// A payload may be as large as any input, and no larger: TestBenchRefuses has more.
func TestBenchReadsAsMuchAsAnyInput(t *testing.T) {
	object := `{"a":1}`
	for more := range 2 {
		text := object + strings.Repeat(" ", maxInput-len(object)+more)
		r := keyturn(t, text, "bench", "--for", "10ms", "--codec", "json", "--algorithm", "hmac-sha256", "--payload", "-")
		if want := 65 * more; r.status != want {
			t.Errorf("%d bytes: status %d, want %d: %s", len(text), r.status, want, r.err)
		}
	}
}

func TestBenchReadsKindsOfValues(t *testing.T) {
	got, err := sessionMembers([]byte(`{"max":9223372036854775807,"min":-9223372036854775808,"over":9223372036854775808,"f":7.0,"e":1e2,"i":7,"t":true,"s":"x","a":[1,1.5],"o":{"x":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"max": int64(math.MaxInt64), "min": int64(math.MinInt64), "over": float64(1 << 63), "f": 7.0, "e": 100.0, "i": int64(7),
		"t": true, "s": "x", "a": []any{int64(1), 1.5}, "o": map[string]any{"x": nil},
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("%#v\nwant %#v", got, want)
	}
	v, err := takeover.Values(got)
	if err != nil || v.Len() != len(want) || session.Key[int64]("max").Get(v) != math.MaxInt64 || session.Key[float64]("over").Get(v) != 1<<63 || !session.Key[bool]("t").Get(v) ||
		session.Key[string]("s").Get(v) != "x" || len(session.Key[[]any]("a").Get(v)) != 2 || len(session.Key[map[string]any]("o").Get(v)) != 1 {
		t.Errorf("%v of them", v.Len())
	}
}

func TestBenchRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name   string
		stdin  string
		args   []string
		status int
		says   string
	}{
		{"an unknown codec", "", []string{"--codec", "xml"}, 64, "--codec: not json, msgpack or cbor"},
		{"an unknown codec after another", "", []string{"--codec", "json", "--codec", "xml"}, 64, "--codec: not json, msgpack or cbor"},
		{"a codec without a name", "", []string{"--codec", ""}, 64, "--codec: not json, msgpack or cbor"},
		{"a codec and one without a name", "", []string{"--codec", "json,"}, 64, "--codec: not json, msgpack or cbor"},
		{"an algorithm without a name", "", []string{"--algorithm", ""}, 64, "--algorithm: not hmac-sha256, blake2b-256 or xchacha20-poly1305"},
		{"an unknown algorithm", "", []string{"--algorithm", "md5"}, 64, "--algorithm: not hmac-sha256, blake2b-256 or xchacha20-poly1305"},
		{"no time", "", []string{"--for", "0"}, 64, ": not from 10ms to 1h"},
		{"too little time", "", []string{"--for", "9ms"}, 64, ": not from 10ms to 1h"},
		{"too much time", "", []string{"--for", "2d"}, 64, ": not from 10ms to 1h"},
		{"what is no time", "", []string{"--for", "soon"}, 64, "--for: not a duration"},
		{"time without a unit", "", []string{"--for", "10"}, 64, "or 10s"},
		{"a payload without a name", "", []string{"--payload", ""}, 64, "--payload: empty: give a file"},
		{"a missing file", "", []string{"--payload", filepath.Join(dir, "no.json")}, 65, "no.json: no such file"},
		{"a folder", "", []string{"--payload", dir}, 65, dir + ": is a directory"},
		{"an argument", "", []string{"x"}, 64, "unexpected argument x"},

		{"nothing", " ", nil, 65, "standard input: empty, a JSON object is expected"},
		{"no object", "[1]", nil, 65, "not a JSON object"},
		{"a byte order mark", "\ufeff{}", nil, 65, "begins with a byte order mark; save it as UTF-8 without one"},
		{"UTF-16", "\xff\xfe{\x00}\x00", nil, 65, "is in UTF-16; save it as UTF-8"},
		{"UTF-16, big end first", "\xfe\xff\x00{\x00}", nil, 65, "is in UTF-16; save it as UTF-8"},
		{"half an object", `{"a":`, nil, 65, "not a JSON object: it ends too early"},
		{"half a text", `{"a":"b`, nil, 65, "not a JSON object: it ends too early"},
		{"two objects", `{} {}`, nil, 65, "more than one JSON object"},
		{"no JSON", `{a:1}`, nil, 65, "not a JSON object: wrong at byte 1"},
		{"no JSON within", `  {"a":tru}`, nil, 65, `member "a" is not JSON: wrong at byte 10`},
		{"a comma too many", `{"a":1,}`, nil, 65, "not a JSON object: wrong at byte 6"},
		{"what is not UTF-8", "{\"a\":\"\xff\"}", nil, 65, `member "a" is not JSON`},
		{"half a character", `{"a":"\ud800"}`, nil, 65, `member "a" is not JSON`},
		{"null", `{"b":null}`, nil, 65, `member "b" is null, which a session cannot hold`},
		{"a name twice", `{"a":1,"a":2}`, nil, 65, `member "a" is in its object twice`},
		{"a name twice, deep", `{"a":[{"b":1,"b":2}]}`, nil, 65, `member "a/0/b" is in its object twice`},
		{"a number beyond a float", `{"a":[1,1e999]}`, nil, 65, `member "a/1" is a number beyond the range of float64`},
		{"too deep", `{"z":1,"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, nil, 65, `member "a" cannot be in a session: nested deeper than 16 levels`},
		{"far too deep", strings.Repeat(`{"a":`, 20_000), nil, 65, `is not JSON: wrong at byte`},
		{"too many", `{"a":[` + strings.Repeat("1,", 600) + `1],"b":[` + strings.Repeat("1,", 600) + `1]}`, nil, 65, "not an object that a session can hold: more than 1024 entries"},
		{"far too much", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 65, "more than 1,048,576 bytes"},
		{"a long name", `{"` + strings.Repeat("é", 1000) + `":null}`, nil, 65, `é..." is null`},
		{"a name of two lines", `{"a\nb":null}`, nil, 65, `member "a\nb" is null`},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if args == nil {
				args = []string{"--payload", "-"}
			}
			r := want(t, test.status, test.stdin, append([]string{"bench"}, args...)...)
			if !strings.Contains(r.err, test.says) || r.out != "" || strings.Count(r.err, "\n") != 1 || len(r.err) > 300 {
				t.Errorf("%q and %q, want one line with %q", r.out, r.err, test.says)
			}
		})
	}
}

func TestBenchSaysWhichAlgorithmsCannotBeUsed(t *testing.T) {
	c := newCommand(t, "bench", "--for", "10ms")
	c.Env = append(c.Env, "GODEBUG=fips140=only")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	c.Run()
	if status := c.ProcessState.ExitCode(); status != 78 || out.Len() > 0 ||
		!strings.Contains(errs.String(), "keyturn: blake2b-256 cannot be used here (") || !strings.Contains(errs.String(), "\nkeyturn: xchacha20-poly1305 cannot be used here (") {
		t.Errorf("status %d: %s%s", status, out.String(), errs.String())
	}
	c = newCommand(t, "bench", "--for", "10ms", "--algorithm", "hmac-sha256")
	c.Env = append(c.Env, "GODEBUG=fips140=only")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// It takes about as long as it is told to.
func TestBenchSharesTheTimeOut(t *testing.T) {
	cells := []*benchCell{{}, {make: func() {}}, {make: func() {}}}
	for _, test := range []struct {
		d      time.Duration
		cells  []*benchCell
		turn   time.Duration // about
		rounds int
	}{
		{10 * time.Millisecond, cells, 80 * time.Microsecond, 31},
		{10 * time.Second, cells, time.Millisecond, 2500},
		{10 * time.Millisecond, slices.Repeat(cells, 5), 20 * time.Microsecond, 31}, // which takes a little longer
	} {
		o := benchCommand{For: duration(test.d)}.options(test.cells)
		if turn := o.Turn.Truncate(10 * time.Microsecond); turn != test.turn || o.Rounds != test.rounds {
			t.Errorf("%v: %d rounds of %v, want %d of %v", test.d, o.Rounds, o.Turn, test.rounds, test.turn)
		}
	}
	if o := (benchCommand{For: duration(time.Second)}).options(cells[:1]); o.Rounds != 0 {
		t.Errorf("%d rounds of nothing", o.Rounds)
	}
}

// spoiled is a codec that goes by the name of another and does not do what that does.
type spoiled struct {
	codec.Codec
	append, empty, lose, none bool
}

func (c spoiled) Append(dst []byte, v any) ([]byte, error) {
	if m, ok := v.(map[string]any); c.empty || c.append && ok && len(m) > 0 {
		return nil, errors.New("spoiled")
	}
	return c.Codec.Append(dst, v)
}

func (c spoiled) Decode(data []byte, v any) error {
	if err := c.Codec.Decode(data, v); err != nil || !c.lose && !c.none {
		return err
	}
	if c.none {
		clear(*v.(*map[string]any))
	}
	for name := range *v.(*map[string]any) {
		(*v.(*map[string]any))[name] = "lost"
	}
	return nil
}

// Nothing is measured that does not work.
func TestBenchMeasuresWhatHasBeenTried(t *testing.T) {
	values, err := takeover.Values(standardSession)
	if err != nil {
		t.Fatal(err)
	}
	sound := signer.HMACSHA256()
	unknown := sound
	unknown.Name = ""
	for name, test := range map[string]struct {
		codec     codec.Codec
		algorithm signer.Algorithm
		says      string
	}{
		"what does not come back":   {spoiled{Codec: codec.JSON(), lose: true}, sound, "the session does not come back from json with hmac-sha256"},
		"what comes back empty":     {spoiled{Codec: codec.JSON(), none: true}, sound, "the session does not come back from json with hmac-sha256"},
		"what cannot be written":    {spoiled{Codec: codec.JSON(), append: true}, sound, "spoiled"},
		"what writes nothing":       {spoiled{Codec: codec.JSON(), empty: true}, sound, "spoiled"},
		"an algorithm with no name": {codec.JSON(), unknown, ""},
	} {
		if cell, err := newBenchCell(test.codec, test.algorithm, values, time.Now()); err == nil || cell != nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", name, cell, err)
		}
	}
	if cell, err := newBenchCell(codec.JSON(), sound, values, time.Now()); err != nil || cell.make == nil || cell.open == nil {
		t.Errorf("what works: %+v, %v", cell, err)
	}
}

func TestBenchSpellsNumbers(t *testing.T) {
	for _, test := range []struct {
		o    benchOperation
		want []string
	}{
		{benchOperation{NS: 100.4, Low: 80.3, High: 110, Ratio: 1.234, Allocs: 5.9}, []string{"100 ±20%", "1.23 ", "6"}},
		{benchOperation{NS: 12345, Low: 12344, High: 12599, Ratio: 1, Fastest: true}, []string{"12,345 ± 2%", "1.00*", "0"}},
	} {
		if got := test.o.columns(); !slices.Equal(got, test.want) {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// Whoever waits knows for what, and does not wait for what cannot be written.
func TestBenchSaysFirstWhatItMeasures(t *testing.T) {
	c := newCommand(t, "bench", "--for", "1h") // as long as it may be
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { c.Process.Kill() }).Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	c.Process.Kill()
	c.Wait()
	if err != nil || !strings.HasSuffix(line, "side by side for about 1h\n") {
		t.Errorf("%q, %v", line, err)
	}

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	c = newCommand(t, "bench", "--for", "1h")
	var errs bytes.Buffer
	c.Stdout, c.Stderr = full, &errs
	defer time.AfterFunc(20*time.Second, func() { c.Process.Kill() }).Stop()
	c.Run()
	if status := c.ProcessState.ExitCode(); status != 74 || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 4096: "4,096", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

// Only a terminal is shown how far it is. What is written to this one comes back, as
// what is typed does.
func TestBenchShowsHowFarItIsOnATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("no such terminal here")
	}
	defer terminal.Close()
	c := benchCommand{For: duration(10 * time.Second)}
	o := turns.Options{Rounds: 200}
	done := c.progress(&o, terminal)
	time.Sleep(110 * time.Millisecond)
	o.Progress(50, 200)
	o.Progress(51, 200) // too soon to be shown
	done()
	var shown []byte
	terminal.SetReadDeadline(time.Now().Add(10 * time.Second))
	for b := make([]byte, 1000); bytes.Count(shown, []byte("[K")) < 3; {
		n, err := terminal.Read(b)
		if err != nil {
			t.Fatalf("%v after %q", err, shown)
		}
		shown = append(shown, b[:n]...)
	}
	if got := regexp.MustCompile(`\d+%[ a-z0-9]*`).FindAllString(string(shown), -1); !slices.Equal(got, []string{"0% of about 10s", "25% of about 10s"}) {
		t.Errorf("%q of %q", got, shown)
	}

	file, err := os.Create(filepath.Join(t.TempDir(), "errors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o = turns.Options{Rounds: 200}
	c.progress(&o, file)()
	if info, err := file.Stat(); o.Progress != nil || err != nil || info.Size() > 0 {
		t.Errorf("progress in a file: %v", err)
	}
}
