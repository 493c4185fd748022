package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
	"github.com/keyturn/keyturn/internal/turns"
)

// An effort is how long is measured.
type effort struct {
	turn           time.Duration // of each who of a contest
	rounds         int
	parallelTurn   time.Duration
	parallelRounds int
	serverTurn     time.Duration // of each site
	serverRounds   int           // 0: no server
}

var (
	quick = effort{time.Millisecond, 301, 20 * time.Millisecond, 60, 400 * time.Millisecond, 12}
	full  = effort{2 * time.Millisecond, 801, 20 * time.Millisecond, 200, 600 * time.Millisecond, 30}
)

// results are what was measured.
type results struct {
	effort   effort
	quick    bool
	only     string // of --only
	began    time.Time
	took     time.Duration
	machine  machine
	contests []contest
	parallel []parallel
	sites    []server.Site
	verdicts []verdict
}

// A contest is a work.Contest that was measured.
type contest struct {
	name    string
	entries []entry
}

type entry struct {
	who, note string
	cookie    int
	turns.Times
}

// A parallel is the throughput of one who of a contest, in operations a second,
// round by round, with one goroutine and with two.
type parallel struct {
	contest, who string
	collector    bool // it runs as it comes, and is not off
	one, two     []float64
}

func (p parallel) gain() turns.Spread { return gain(p.one, p.two) }

func gain(one, two []float64) turns.Spread {
	ratios := make([]float64, len(one))
	for i := range ratios {
		ratios[i] = two[i] / one[i]
	}
	return turns.Median(ratios)
}

// A step is a part of what is measured.
type step struct {
	name string
	cost time.Duration // about
	run  func(ctx context.Context, progress func(done, of int)) error
}

func names(steps []step) []string {
	all := make([]string, len(steps))
	for i, s := range steps {
		all[i] = s.name
	}
	return all
}

// The steps that are no contests.
const (
	parallelOpen = "parallel/value/open"
	parallelRead = "parallel/request/read"
	serverStep   = "server"
	// parallelWho is who is measured in parallel.
	parallelWho = work.KeyturnCBOR
	// parallelAlone shares nothing with itself but the allocator and the collector:
	// it gains what this machine lets anyone gain.
	parallelAlone = "cbor alone"
)

// plan returns the steps with matching names that fill res.
func plan(res *results, contests []work.Contest, only *regexp.Regexp) []step {
	var steps []step
	e := res.effort
	add := func(name string, cost time.Duration, run func(context.Context, func(done, of int)) error) {
		if only.MatchString(name) {
			steps = append(steps, step{name, cost, run})
		}
	}
	for _, group := range groups(contests, only) {
		const collector = 50 * time.Microsecond // its share of a turn
		entries := 0
		for _, c := range group {
			entries += len(c.Entries)
		}
		steps = append(steps, step{groupName(group), time.Duration(entries*(e.rounds+5)) * (e.turn + collector),
			func(ctx context.Context, progress func(done, of int)) error {
				m, err := measure(ctx, e, group, progress)
				res.contests = append(res.contests, m...)
				return err
			}})
	}
	for _, p := range []struct{ name, who string }{
		{parallelOpen, parallelWho}, {parallelOpen, parallelAlone}, {parallelRead, parallelWho},
	} {
		of := p.name[len("parallel/"):]
		w, ok := work.Find(contests, of, p.who)
		if !ok || w.Fork == nil {
			continue // which complete has said, of those that a target needs
		}
		name := p.name
		if p.who != parallelWho {
			name += " " + p.who
		}
		add(name, time.Duration(4*e.parallelRounds)*(e.parallelTurn+5*time.Millisecond), func(ctx context.Context, progress func(done, of int)) error {
			p, err := inParallel(ctx, e, w, progress)
			for i := range p {
				p[i].contest = of
			}
			res.parallel = append(res.parallel, p...)
			return err
		})
	}
	if e.serverRounds > 0 {
		cost := time.Duration(len(server.Names)*(e.serverRounds+2)) * (e.serverTurn + 5*time.Millisecond)
		add(serverStep, cost, func(ctx context.Context, progress func(done, of int)) error {
			progress(0, e.serverRounds)
			s, err := server.Start(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			res.sites, err = s.Measure(ctx, server.Options{Rounds: e.serverRounds, Turn: e.serverTurn, Progress: progress})
			return err
		})
	}
	return steps
}

// choices returns the names by which --only chooses.
func choices(contests []work.Contest) (names []string) {
	for _, c := range contests {
		names = append(names, c.Name)
	}
	return append(names, parallelOpen, parallelRead, serverStep)
}

// groups returns the contests with matching names, in groups of those that are
// measured together because charts show them together: of one kind of work in
// several sizes, and of requests that read and that change.
func groups(contests []work.Contest, only *regexp.Regexp) [][]work.Contest {
	var all [][]work.Contest
	index := make(map[string]int)
	for _, c := range contests {
		if !only.MatchString(c.Name) {
			continue
		}
		kind, _ := size(c.Name)
		if kind == "request/change" {
			kind = "request/read"
		}
		i, ok := index[kind]
		if !ok {
			i = len(all)
			index[kind] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], c)
	}
	return all
}

// size returns a contest's name without the number at its end, if it has one.
func size(name string) (kind, number string) {
	i := strings.LastIndexByte(name, '/')
	if _, err := strconv.Atoi(name[i+1:]); i < 0 || err != nil {
		return name, ""
	}
	return name[:i], name[i+1:]
}

func groupName(group []work.Contest) string {
	name := group[0].Name
	for _, c := range group[1:] {
		name += "+" + c.Name[strings.LastIndexByte(c.Name, '/')+1:]
	}
	return name
}

// measure measures contests together, or says that it was interrupted or which
// panic ended it.
func measure(ctx context.Context, o effort, group []work.Contest, progress func(done, of int)) ([]contest, error) {
	progress(0, o.rounds)
	var all []contest
	var cases []turns.Case
	for _, c := range group {
		m := contest{name: c.Name}
		for _, e := range c.Entries {
			// Once by itself, so that it is known who fails.
			if err := survive(e.Who, e.Do); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			m.entries = append(m.entries, entry{who: e.Who, note: e.Note, cookie: e.Cookie})
			cases = append(cases, turns.Case{Name: e.Who, Do: e.Do})
		}
		all = append(all, m)
	}
	// Between rounds is where a measurement can be given up: the goroutine that
	// measures ends there.
	done := make(chan []turns.Times, 1)
	failed := make(chan error, 1)
	go func() {
		defer close(done)
		failed <- survive("one of them", func() {
			done <- turns.Measure(turns.Options{Turn: o.turn, Rounds: o.rounds, Progress: func(n, of int) {
				if ctx.Err() != nil {
					runtime.Goexit()
				}
				progress(n, of)
			}}, cases...)
		})
	}()
	times, ok := <-done
	if !ok {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, <-failed
	}
	for i := range all {
		for k := range all[i].entries {
			all[i].entries[k].Times = times[0]
			times = times[1:]
		}
	}
	return all, nil
}

// survive calls do, and makes an error of its panic.
func survive(who string, do func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", who, p)
		}
	}()
	do()
	return nil
}

// inParallel measures the throughput of one and of two goroutines, with the
// collector off, and as it comes.
func inParallel(ctx context.Context, e effort, w work.Entry, progress func(done, of int)) ([]parallel, error) {
	progress(0, 2*e.parallelRounds)
	all := []parallel{{who: w.Who, collector: false}, {who: w.Who, collector: true}}
	// What two neighbours in memory write to may be in one cache line.
	apart := make([]func(), 64)
	for i := range apart {
		apart[i] = w.Fork()
	}
	forks := []func(){apart[0], apart[len(apart)-1]}
	for _, do := range forks {
		if err := survive(w.Who, do); err != nil {
			return nil, err
		}
	}
	throughput(e.parallelTurn, forks...) // it is warm then
	for i := range all {
		p := &all[i]
		for round := range e.parallelRounds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for k := range 2 {
				n := 1 + (k+round)%2 // goroutines
				rate := func() float64 {
					runtime.GC()
					if !p.collector {
						defer debug.SetGCPercent(debug.SetGCPercent(-1))
					}
					// Which of the two is alone changes, too.
					if n == 1 {
						return throughput(e.parallelTurn, forks[round/2%2])
					}
					return throughput(e.parallelTurn, forks...)
				}()
				if n == 1 {
					p.one = append(p.one, rate)
				} else {
					p.two = append(p.two, rate)
				}
			}
			progress(i*e.parallelRounds+round+1, 2*e.parallelRounds)
		}
	}
	return all, nil
}

// throughput returns how often a second the functions, each in a goroutine of its
// own, are done together.
func throughput(turn time.Duration, do ...func()) float64 {
	const batch = 32
	rates := make([]float64, len(do))
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	ready.Add(len(do))
	for i, do := range do {
		done.Go(func() {
			ready.Done()
			<-begin
			began := time.Now()
			for n := batch; ; n += batch {
				for range batch {
					do()
				}
				if d := time.Since(began); d >= turn {
					rates[i] = float64(n) / d.Seconds()
					return
				}
			}
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
	var sum float64
	for _, r := range rates {
		sum += r
	}
	return sum
}
