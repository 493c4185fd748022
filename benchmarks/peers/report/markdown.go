package main

import (
	"fmt"
	"strings"
	"time"
)

// files returns RESULTS.md and the charts.
func (r *results) files() ([]file, error) {
	charts, err := r.charts()
	if err != nil {
		return nil, err
	}
	return append(charts, file{"RESULTS.md", []byte(r.markdown(charts))}), nil
}

// chartTexts are what the charts show, for those who do not see them.
var chartTexts = map[string]string{
	"requests.svg": "What a request costs that reads the session, and one that changes it, in microseconds",
	"cookies.svg":  "How many bytes the cookie of the same session has",
	"ring.svg":     "What it costs to verify, against the number of keys in the ring",
	"payload.svg":  "What it costs to verify and to sign, against the bytes of payload",
}

func (r *results) markdown(charts []file) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	p("# Results")
	p("")
	p("Written by `go run ./report` in [peers](peers), which measures keyturn beside what would be used instead. Do not edit.")
	if r.quick {
		p("")
		p("This was a quick run: its bounds are wider than those of a full one.")
	}
	if r.only != "" {
		p("")
		p("It measured a part only: `--only %s`.", r.only)
	}
	p("")
	p("| | |")
	p("|---|---|")
	p("| processor | %s |", escape(r.machine.cpu))
	p("| cores | %d |", r.machine.cores)
	p("| system | %s (%s) |", escape(r.machine.os), r.machine.goos)
	p("| Go | %s |", r.machine.golang)
	p("| commit | %s |", r.machine.commit)
	p("| measured | %s, in %v |", r.began.UTC().Format("2006-01-02 15:04 UTC"), r.took.Round(time.Second))
	for _, m := range r.machine.rivals {
		p("| %s | %s |", m.path, m.version)
	}

	p("")
	p("## How to repeat it, and how to read it")
	p("")
	p("On a machine that has nothing else to do:")
	p("")
	p("```")
	p("cd benchmarks/peers && go run ./report")
	p("```")
	p("")
	p("Trust the ratios. All entries of a table took turns of %v in the same run, in an order that is drawn for each of %d", r.effort.turn, r.effort.rounds)
	p("rounds, so that whatever else the machine did happened to all of them; and so did those of the tables that a chart")
	p("shows together. Times of other tables cannot be compared. What is shown is the median of all rounds, and \"95 %%\" is")
	p("what that median is between with this confidence in this run: between runs, ratios differ by some percent, and what is")
	p("close to its bound may be met in one and not in the next. A ratio is had round by round; in the contests it is the time")
	p("over that of the first of keyturn's entries: 2 takes twice as long. `bytes` are those that one operation allocates: the")
	p("times are without the collector, whose share grows with them, and what the server takes is with it. `cookie` is the")
	p("length of the cookie's value in bytes.")
	p("")
	p("The session is the same for all: a user's number, name and role, a CSRF token, a theme and a time. Results are compared")
	p("once before anything is measured. scs keeps its sessions on the server, in its memory here: its cookie is the name of one,")
	p("and it neither signs nor verifies. In http/get and http/set, chmike/securecookie is functions over bytes; keyturn's entry")
	p("that is called \"envelope only\" is what it does of the same kind, which it does not offer by itself, and its other entry is")
	p("what it offers: sessions, for which a request is more work than for chmike/securecookie. A \"floor\" is no library: it is")
	p("what nobody can do without, as the standard library does it. Where keyturn's entry ends in \"values\", the session is a")
	p("session.Values, which is a dictionary; elsewhere it is a struct.")

	if len(charts) > 0 {
		p("")
		p("## Charts")
		for _, c := range charts {
			p("")
			p("![%s](%s)", chartTexts[c.name], c.name)
		}
	}
	if len(r.verdicts) > 0 {
		t := r.targetsTable()
		t.title = "Targets"
		t.caption = "What the library is to reach; the median decides. The number groups them, `in` says which of the tables below it is\n" +
			"measured in, and `of` who was furthest from the bound, where there are several. A floor, and \"the wrapper\", is the entry\n" +
			"of that name; \"codec and floor\" are \"alone\" and the floor of the same codec together. \"gorilla\" is gorilla/securecookie for\n" +
			"values and gorilla/sessions for requests. `allocations` are those over a handler without middleware."
		t.markdown(&b, 2)
	}
	p("")
	p("## Contests")
	for _, t := range r.tables() {
		t.markdown(&b, 3)
	}
	return b.String()
}
