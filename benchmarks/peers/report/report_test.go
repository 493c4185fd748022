package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
)

func TestResultsAreWritten(t *testing.T) {
	r := fakeResults()
	r.verdicts = judge([]target{
		{id: "2 a target that is met", contest: "value/make", who: one(keyCBOR), versus: one(gorillaJSON), how: ahead, is: atLeast, bound: 3},
		{id: "2 a target that is not met", contest: "value/make", who: one(keyCBOR), versus: one(gorillaJSON), how: ahead, is: atLeast, bound: 4},
		{id: "2 a target of nothing", contest: "value/mend", who: one(keyCBOR), versus: one(gorillaJSON), how: ahead, is: atLeast, bound: 4},
	}, r)
	text := mustFiles(t, r)["RESULTS.md"]
	for _, want := range []string{
		"Some \\| Processor", "go1.26.8", "0123abc, unchanged", "2026-05-04 10:20 UTC, in 2m51s", "| github.com/gorilla/sessions | v1.4.0 |",
		"cd benchmarks/peers && go run ./report", "a quick run",
		"A signed text of 132 bytes is verified",
		"| 2 a target that is met ", "| pass         | value/make | ", "| short        | value/make | ", "| not measured | value/mend | no contest value/mend",
		"one, k/s", "what nobody can do without",
		"### server", "### parallel", "server-side: the data stays in its memory",
		"![What a request costs that reads the session, and one that changes it, in microseconds](requests.svg)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("RESULTS.md is without %q", want)
		}
	}
	for _, c := range r.contests {
		for _, e := range c.entries {
			if !strings.Contains(text, "| "+e.who+" ") {
				t.Errorf("RESULTS.md is without %q", e.who)
			}
		}
	}
	// Tables are tables: all of their lines have as many cells.
	cells := 0
	for n, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		got := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells != 0 && got != cells {
			t.Errorf("line %d has %d cells: %s", n+1, got-1, line)
		}
		cells = got
	}
	if r.quick = false; strings.Contains(mustFiles(t, r)["RESULTS.md"], "a quick run") {
		t.Error("a full run is called quick")
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
		t.Error("RESULTS.md has NaN or a bad verb in it")
	}
}

func TestRatiosAreToKeyturnsFirst(t *testing.T) {
	c := fakeContest("value/make", floorEnvelope, 50., keyJSON, 100., keyCBOR, 80., gorillaJSON, 250.)
	rows := c.table().rows
	for i, want := range []string{"0.50", "1.00", "0.80", "2.50"} {
		if got := rows[i][3]; got != want {
			t.Errorf("%s has the ratio %s, not %s", rows[i][0], got, want)
		}
	}
}

func TestPrintedColumnsCanBeReadDownwards(t *testing.T) {
	var b strings.Builder
	err := table{title: "a", head: []string{"who", "ns", "95 %", "note"}, rows: [][]string{
		{"keyturn", "1,538", "1,516 – 1,645", ""}, {"gob", "9.44", dash, "as it comes"},
	}}.text(&b)
	want := `
a
  who         ns           95 %  note
  keyturn  1,538  1,516 – 1,645
  gob       9.44              –  as it comes
`
	if err != nil || b.String() != want {
		t.Errorf("%v: it prints%s instead of%s", err, b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.00", 1.234: "1.23", 9.994: "9.99", 9.996: "10.0", 12.34: "12.3", 99.96: "100", 1234567.8: "1,234,568", -1234: "-1,234", -0.5: "-0.50",
		math.NaN(): "?",
	} {
		if got := number(x); got != want {
			t.Errorf("%v is written %s instead of %s", x, got, want)
		}
	}
	for x, want := range map[float64]string{3.004: "3", 4096: "4,096", 2.5: "2.50", 232.98: "233"} {
		if got := count(x); got != want {
			t.Errorf("%v is counted %s instead of %s", x, got, want)
		}
	}
	if got := precise(1.0504); got != "1.050" {
		t.Errorf("%s", got)
	}
}

// texts returns what is written in an SVG, which must be valid XML.
func texts(svg string) (all []string, err error) {
	d := xml.NewDecoder(strings.NewReader(svg))
	in := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch x := token.(type) {
		case xml.StartElement:
			if in = x.Name.Local == "text"; in {
				all = append(all, "")
			}
			if x.Name.Local == "rect" || x.Name.Local == "path" {
				for _, a := range x.Attr {
					if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						return nil, fmt.Errorf("%s %s", a.Name.Local, a.Value)
					}
				}
			}
		case xml.CharData:
			if in {
				all[len(all)-1] += string(x)
			}
		case xml.EndElement:
			in = false
		}
	}
}

func TestChartsNameAllOfThem(t *testing.T) {
	r := fakeResults()
	files := mustFiles(t, r)
	for name, want := range map[string][]string{
		"requests.svg": {"What a request costs", "microseconds per request (less is better)", keyCBOR, keyMsgpack, keyJSON, gorillaSess,
			"scs (server-side)", "golangcollege/sessions", floorRequest, "1.20", "3.20", "14.1", "the handler reads one field"},
		"cookies.svg": {keyCBOR, keyMsgpack, keyJSON, gorillaJSON, gorillaGob, golangJWT, cristalhqJWT, goPaseto, "200", "680",
			"bytes of the cookie's value (less is better)"},
		"ring.svg": {"keyturn", "gorilla/securecookie raw, oldest key", "64", "keys in the ring (logarithmic)", "microseconds (logarithmic)"},
		"payload.svg": {floorEnvelope, hmacAlone, gorillaRaw, goPaseto, "What it costs to verify", "What it costs to sign",
			"bytes of payload (logarithmic)", "microseconds (logarithmic)", "16", "132", "1000", "2900"},
	} {
		got, err := texts(files[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all := "\n" + strings.Join(got, "\n") + "\n"
		for _, text := range want {
			if !strings.Contains(all, "\n"+text+"\n") {
				t.Errorf("%s is without %q; it has %q", name, text, got)
			}
		}
		for _, twin := range []string{"blake2b-256 cbor", " values", work.AtATime, floorEnvelope + " cbor"} {
			if strings.Contains(all, twin+"\n") {
				t.Errorf("%s has %q, whose cookie is another's", name, twin)
			}
		}
		if !strings.Contains(files[name], "Arial") {
			t.Errorf("%s has no font but one", name)
		}
	}
}

func TestChartsOfNothingAreLeftOut(t *testing.T) {
	r := fakeResults()
	r.contests = r.contests[:1]
	r.contests[0].name = "envelope/refused/132"
	files := mustFiles(t, r)
	if len(files) != 1 || files["RESULTS.md"] == "" || strings.Contains(files["RESULTS.md"], ".svg") {
		t.Errorf("%d files", len(files))
	}
}

func TestVersionsAreThoseOfTheBuild(t *testing.T) {
	got := among([]*debug.Module{
		{Path: "github.com/gorilla/sessions", Version: "v1.4.0"},
		{Path: "github.com/fxamacker/cbor/v2", Version: "v2.10.0"},
		{Path: "github.com/alexedwards/scs/v2", Version: "v2.9.0", Replace: &debug.Module{Path: "github.com/alexedwards/scs/v2", Version: "v2.9.1"}},
		{Path: "example.org/other", Version: "v1.0.0"},
	})
	want := []module{{"github.com/gorilla/sessions", "v1.4.0"}, {"github.com/alexedwards/scs/v2", "v2.9.1"}, {"github.com/fxamacker/cbor/v2", "v2.10.0"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v instead of %v", got, want)
	}
}

func TestTheMachineIsTold(t *testing.T) {
	m := thisMachine(t.Context())
	if m.cpu == "" || m.cores < 1 || m.os == "" || !strings.HasPrefix(m.golang, "go") && !strings.HasPrefix(m.golang, "devel") || m.commit == "" {
		t.Errorf("%+v", m)
	}
}

func TestServerTableShowsTheDifference(t *testing.T) {
	rows := fakeResults().serverTable().rows
	if len(rows) != len(server.Names) || rows[0][3] != dash || rows[1][1] != "18.0" || rows[1][3] != "1.00" || rows[3][3] != "3.00" || rows[1][5] != "30,000" {
		t.Errorf("%v", rows)
	}
}

func TestRingsAreLinesByWhichKeyIsOpened(t *testing.T) {
	for entry, want := range map[string]string{
		"keyturn 64 keys": "keyturn 64", "keyturn 1 key": "keyturn 1", "gorilla 8 keys": "gorilla, oldest key 8",
		"gorilla 8 keys, newest": "gorilla, newest key 8", "keyturn": "", "keys": "", "a 0 keys": "", "a b keys": "",
	} {
		who, n, ok := ringEntry(entry)
		if got := fmt.Sprintf("%s %d", who, n); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %t", entry, got, ok)
		}
	}
}
