// The report measures keyturn beside what would be used instead, in one run, and
// writes ../RESULTS.md and its charts:
//
//	go run ./report
//
// All who do the same work take turns of a millisecond or two, so that whatever
// the machine does meanwhile happens to all of them. The ratios are those of the
// rounds; times of different runs, or machines, cannot be compared.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
)

// The exit statuses.
const (
	statusOK          = 0
	statusShort       = 1 // of --check: a target is not met
	statusUsage       = 2
	statusFailed      = 3 // what is to be measured is not there, or does not work
	statusInterrupted = 130
)

const description = `Measures keyturn beside other libraries, and writes RESULTS.md and its charts.

It is run in benchmarks/peers, on a machine that has nothing else to do. What is quick or of a part only is printed, ` +
	`and written where --out says; without --out, only a full run writes, to the directory above.

Exit status: 0; 1 if with --check a target is short; 2 if the command line is wrong; 3 if something cannot be measured; ` +
	`130 if it is interrupted, which leaves nothing written.`

type flags struct {
	Quick bool   `help:"Measure for three minutes instead of ten. The bounds are wider."`
	Check bool   `help:"Print each target with what was measured, and exit with 1 if any is short."`
	Only  string `placeholder:"REGEXP" help:"Measure only what has a matching name, such as ^value/open, ^request/, parallel or server."`
	Out   string `placeholder:"DIR" help:"Write RESULTS.md and the charts there."`
}

// An app is the program, less what tests replace.
type app struct {
	contests    func() ([]work.Contest, error)
	targets     []target
	quick, full effort
	now         func() time.Time
	out, err    io.Writer
}

func main() {
	server.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := app{peers.Contests, targets, quick, full, time.Now, os.Stdout, os.Stderr}
	status := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// run executes a command line and returns the exit status. It does not return
// after --help.
func (a *app) run(ctx context.Context, args []string) int {
	status, err := a.try(ctx, args)
	if err != nil {
		fmt.Fprintln(a.err, "report:", err)
	}
	return status
}

func (a *app) try(ctx context.Context, args []string) (int, error) {
	var f flags
	parser, err := kong.New(&f, kong.Name("report"), kong.Description(description), kong.Writers(a.out, a.err))
	if err != nil {
		return statusFailed, err
	}
	if _, err := parser.Parse(args); err != nil {
		return statusUsage, fmt.Errorf("%w; see go run ./report --help", err)
	}
	only, err := regexp.Compile(f.Only)
	if err != nil {
		return statusUsage, fmt.Errorf("--only: %w", err)
	}
	// Whether it can be written is known before anything is measured.
	dir := f.Out
	if dir == "" && !f.Quick && f.Only == "" {
		dir = ".."
		if _, err := os.Stat(filepath.Join(dir, "peers", "report")); err != nil {
			return statusUsage, errors.New("this is not benchmarks/peers, above which a full run writes: go there, or give --out")
		}
	}
	if dir != "" {
		if err := writable(dir); err != nil {
			return statusUsage, err
		}
	}

	began := a.now()
	contests, err := a.contests()
	if err != nil {
		return statusFailed, err
	}
	e := a.full
	if f.Quick {
		e = a.quick
	}
	res := &results{effort: e, quick: f.Quick, only: f.Only, began: began}
	steps := plan(res, contests, only)
	if len(steps) == 0 {
		return statusUsage, fmt.Errorf("--only %s: nothing has such a name; there are %s", f.Only, strings.Join(choices(contests), ", "))
	}
	var concerned []target
	for _, t := range a.targets {
		if only.MatchString(t.contest) {
			concerned = append(concerned, t)
		}
	}
	if f.Check && len(concerned) == 0 {
		return statusUsage, fmt.Errorf("--check: no target concerns %s", strings.Join(names(steps), ", "))
	}
	if err := complete(concerned, contests); err != nil {
		return statusFailed, err
	}

	res.machine = thisMachine(ctx)
	p := newProgress(a.err, steps)
	for i, s := range steps {
		err := s.run(ctx, func(done, of int) { p.show(i, done, of) })
		if ctx.Err() != nil {
			p.end()
			return statusInterrupted, fmt.Errorf("interrupted, and nothing is written; not measured: %s", strings.Join(names(steps[i:]), ", "))
		}
		if err != nil {
			p.end()
			return statusFailed, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	p.end()
	res.took = a.now().Sub(began)
	res.verdicts = judge(concerned, res)

	if err := res.print(a.out); err != nil {
		return statusFailed, err
	}
	if dir != "" {
		files, err := res.files()
		if err != nil {
			return statusFailed, err
		}
		if err := write(dir, files); err != nil {
			return statusFailed, err
		}
		fmt.Fprintf(a.err, "written to %s: %s\n", dir, strings.Join(fileNames(files), ", "))
	}
	if f.Check {
		return checked(res.verdicts)
	}
	return statusOK, nil
}

// checked returns the status of a check, and what is wrong.
func checked(verdicts []verdict) (int, error) {
	var short, missing []string
	for _, v := range verdicts {
		switch v.state {
		case isShort:
			short = append(short, v.id)
		case broken:
			missing = append(missing, v.id+": "+v.detail)
		}
	}
	switch {
	case len(missing) > 0:
		return statusFailed, errors.New("not measured:\n\t" + strings.Join(missing, "\n\t"))
	case len(short) > 0:
		return statusShort, fmt.Errorf("%d of %d targets are short:\n\t%s", len(short), len(verdicts), strings.Join(short, "\n\t"))
	}
	return statusOK, nil
}
