package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/keyturn/keyturn/internal/vectors"
)

type takeoverCheckCommand struct {
	Files []string `arg:"" name:"file" sep:"none" help:"Files of cases."`
	JSON  bool     `name:"json" help:"Show one JSON object: systems, with passed, failed and stricter of each, and failures, with file, system, name and problem."`
}

func (takeoverCheckCommand) Help() string {
	return `A case is a cookie of another library with the secrets and settings that belong to it, and what that library makes of it: whether it accepts it at the case's time, and what is then in it. Each is opened at its own time with a reader of package session/takeover, and has to be judged and read as there. So whoever changes a reader, or wants to know whether it reads cookies of the library's version at hand, has something to go by. A file is

    {"system": ..., "cases": [{"name", "system", "settings", "cookie_name",
      "cookie_values": [{"name", "value"}], "issued_at", "now", "max_age",
      "expect", "payload", "tags"}]}

with expect accept or reject, issued_at, now and max_age in (Unix) seconds, of which the first and the last may be missing, and the settings that keyturn inspect --from SYSTEM --help has. What JSON has no type for is {"$type": ...} in a payload, as keyturn inspect --from SYSTEM --json shows it. Tags allow a reader to differ:

    may-reject      it may be stricter than the library and refuse the cookie,
                    which then counts as stricter; the payload of one that it
                    accepts has to be the same
    64-bit          the same, for a program of 32 bits
    may-differ      its payload may be another
    drops-keys      it may have members that the library drops
    js-number       its integers may be exact where JavaScript rounds them
    lone-surrogate  half of a surrogate pair in a text may be something else
    no-expiry       it may end at another time than max_age behind issued_at

    keyturn takeover-check session/takeover/testdata/*.json
    keyturn takeover-check --json flask.json | jq .failures

Exit status: 0 all passed or are stricter where they may be, 1 a case failed, 64 wrong usage, 65 a file cannot be read or has no cases; then no case is run.`
}

// A checkedSystem counts what became of the cases of a system.
type checkedSystem struct {
	System   string `json:"system"`
	Passed   int    `json:"passed"`
	Failed   int    `json:"failed"`
	Stricter int    `json:"stricter"`
}

// A failedCase is one that a reader judges otherwise than its library, and may not.
type failedCase struct {
	File    string `json:"file"`
	System  string `json:"system"`
	Name    string `json:"name"`
	Problem string `json:"problem"`
}

type takeoverReport struct {
	Systems  []*checkedSystem `json:"systems"`
	Failures []failedCase     `json:"failures"`
}

func (c takeoverCheckCommand) Run(std streams) error {
	var files []*vectors.File
	var wrong []error
	for _, path := range c.Files {
		f, err := vectors.Read(path)
		if err != nil {
			wrong = append(wrong, about(path, err))
		}
		files = append(files, f)
	}
	if len(wrong) > 0 {
		return fail(statusData, errors.Join(wrong...))
	}
	report := takeoverReport{Failures: []failedCase{}}
	for i, f := range files {
		report.check(c.Files[i], f)
	}
	if c.JSON {
		if err := writeJSON(std.out, report); err != nil {
			return err
		}
	} else {
		report.write(std.out)
	}
	if len(report.Failures) > 0 {
		return fail(statusFailed, nil)
	}
	return nil
}

// check runs the cases of a file.
func (r *takeoverReport) check(path string, f *vectors.File) {
	for i := range f.Cases {
		c := &f.Cases[i]
		if c.System == "" {
			c.System = f.System
		}
		verdict, err := c.Run()
		of := r.of(c.System)
		switch verdict {
		case vectors.Passed:
			of.Passed++
		case vectors.Stricter:
			of.Stricter++
		default:
			of.Failed++
			name := c.Name
			if name == "" {
				name = fmt.Sprintf("case %d, which has no name", i+1)
			}
			r.Failures = append(r.Failures, failedCase{path, c.System, name, err.Error()})
		}
	}
}

// of returns the count of a system.
func (r *takeoverReport) of(system string) *checkedSystem {
	for _, s := range r.Systems {
		if s.System == system {
			return s
		}
	}
	s := &checkedSystem{System: system}
	r.Systems = append(r.Systems, s)
	return s
}

// write writes the table for people, and below it the failures.
func (r *takeoverReport) write(w io.Writer) {
	table := [][]string{{"SYSTEM", "PASSED", "FAILED", "STRICTER"}}
	var all checkedSystem
	line := func(s checkedSystem) {
		table = append(table, []string{s.System, strconv.Itoa(s.Passed), strconv.Itoa(s.Failed), strconv.Itoa(s.Stricter)})
	}
	for _, s := range r.Systems {
		line(*s)
		all.Passed, all.Failed, all.Stricter = all.Passed+s.Passed, all.Failed+s.Failed, all.Stricter+s.Stricter
	}
	if len(r.Systems) > 1 {
		all.System = "all"
		line(all)
	}
	writeColumns(w, table, 1)
	for i, f := range r.Failures {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "failed: %s: %s\n", f.Name, strings.ReplaceAll(f.Problem, "\n", "; "))
	}
}
