package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
)

func TestMain(m *testing.M) {
	server.Main()
	os.Exit(m.Run())
}

// tiny is enough of an effort for work whose times are known.
var tiny = effort{turn: 200 * time.Microsecond, rounds: 11, parallelTurn: time.Millisecond, parallelRounds: 6}

// Targets of the fake contests, in which gorilla takes five times as long.
var (
	met    = target{"2 met", "value/open", ahead, one(keyCBOR), one(gorillaJSON), atLeast, 2}
	unmet  = target{"3 unmet", "request/read", ahead, one(parallelWho), one(gorillaSess), atLeast, 50}
	absent = target{"2 absent", "value/open", ahead, one(keyCBOR), one("nobody"), atLeast, 2}
)

func fakeApp(targets ...target) (a *app, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	return &app{contests: fakeContests, targets: targets, quick: tiny, full: tiny, now: time.Now, out: out, err: errs}, out, errs
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestExitStatuses(t *testing.T) {
	failing := func() ([]work.Contest, error) { return nil, errors.New("another result") }
	panicking := func() ([]work.Contest, error) {
		c, err := fakeContests()
		calls := 0
		c[0].Entries[1].Do = func() {
			if calls++; calls > 20 {
				panic("not valid")
			}
		}
		return c, err
	}
	for _, test := range []struct {
		name     string
		args     string
		targets  []target
		contests func() ([]work.Contest, error)
		status   int
		out, err string // parts of what is printed
	}{
		{"met", "--quick --check --only ^value", []target{met}, nil, statusOK, "2 met", ""},
		{"short", "--quick --check", []target{met, unmet}, nil, statusShort, "short", "1 of 2 targets are short:\n\t3 unmet"},
		{"short without check", "--quick", []target{met, unmet}, nil, statusOK, "short", ""},
		{"short elsewhere", "--quick --check --only ^value", []target{met, unmet}, nil, statusOK, "2 met", ""},
		{"absent", "--quick --check", []target{met, absent}, nil, statusFailed, "", `value/open has no "nobody"`},
		{"no such flag", "--fast", nil, nil, statusUsage, "", "--fast"},
		{"no such regexp", "--only (", nil, nil, statusUsage, "", "--only"},
		{"no such name", "--only nothing", nil, nil, statusUsage, "", "there are value/open, request/read, parallel/value/open"},
		{"no such target", "--quick --check --only ^value", []target{unmet}, nil, statusUsage, "", "no target concerns value/open"},
		{"not there", "", []target{met}, nil, statusUsage, "", "--out"},
		{"other results", "--quick", nil, failing, statusFailed, "", "another result"},
		{"a panic", "--quick", nil, panicking, statusFailed, "", "value/open: one of them: not valid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			a, out, errs := fakeApp(test.targets...)
			if test.contests != nil {
				a.contests = test.contests
			}
			if got := a.run(t.Context(), strings.Fields(test.args)); got != test.status {
				t.Errorf("status %d instead of %d", got, test.status)
			}
			if !strings.Contains(out.String(), test.out) || !strings.Contains(errs.String(), test.err) {
				t.Errorf("standard output:\n%s\nstandard error:\n%s", out, errs)
			}
			if list := listing(t, "."); list != "" {
				t.Errorf("it wrote %s", list)
			}
		})
	}
}

func TestWhatIsMissingIsSaidBeforeAnythingIsMeasured(t *testing.T) {
	a, _, errs := fakeApp(met, absent)
	a.contests = func() ([]work.Contest, error) {
		c, err := fakeContests()
		c[0].Entries[0].Do = func() { t.Error("measured") }
		return c, err
	}
	if status := a.run(t.Context(), []string{"--quick"}); status != statusFailed {
		t.Errorf("status %d\n%s", status, errs)
	}
}

func TestAMeasurementIsGivenUpBetweenRounds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	contests, err := fakeContests()
	if err != nil {
		t.Fatal(err)
	}
	e := tiny
	e.rounds = 100_000 // minutes
	began := time.Now()
	_, err = measure(ctx, e, contests, func(done, of int) {
		if done == 3 {
			cancel()
		}
		if done > 4 {
			t.Errorf("%d rounds", done)
			panic("too many")
		}
	})
	if !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAFullRunWritesAboveAndOthersWhereTheyAreTold(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("peers", "report"), 0o777); err != nil {
		t.Fatal(err)
	}
	old := "of before"
	if err := os.WriteFile("RESULTS.md", []byte(old), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir("peers")
	a, _, errs := fakeApp(met)
	if status := a.run(t.Context(), []string{"--quick"}); status != statusOK || listing(t, "..") != "RESULTS.md peers" {
		t.Fatalf("a quick run: status %d, %s\n%s", status, listing(t, ".."), errs)
	}
	if status := a.run(t.Context(), []string{"--quick", "--only", "request", "--out", filepath.Join("a", "b")}); status != statusOK {
		t.Fatalf("status %d\n%s", status, errs)
	}
	if got := listing(t, filepath.Join("a", "b")); got != "RESULTS.md" {
		t.Errorf("in --out there is %s", got)
	}
	if b, err := os.ReadFile(filepath.Join("a", "b", "RESULTS.md")); err != nil || !strings.Contains(string(b), "It measured a part only: `--only request`.") {
		t.Errorf("what is of a part does not say so: %s, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join("..", "RESULTS.md")); err != nil || string(b) != old {
		t.Errorf("%s, %v", b, err)
	}
	if status := a.run(t.Context(), nil); status != statusOK {
		t.Fatalf("status %d\n%s", status, errs)
	}
	b, err := os.ReadFile(filepath.Join("..", "RESULTS.md"))
	if err != nil || !strings.Contains(string(b), "# Results") || !strings.Contains(string(b), "2 met") || strings.Contains(string(b), "a part only") {
		t.Errorf("%s, %v", b, err)
	}
	if got := listing(t, ".."); got != "RESULTS.md peers" {
		t.Errorf("above there is %s", got)
	}
}

func TestWhereNothingCanBeWrittenNothingIsMeasured(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	a, out, _ := fakeApp(met)
	a.contests = func() ([]work.Contest, error) { t.Error("measured"); return nil, nil }
	if status := a.run(t.Context(), []string{"--out", "file"}); status != statusUsage || out.Len() > 0 {
		t.Errorf("status %d", status)
	}
}

func TestInterruptsWriteNothingAndSayWhatWasNotDone(t *testing.T) {
	for _, name := range []string{"value/open", "request/read", parallelOpen, parallelRead} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			a, out, errs := fakeApp(met)
			a.err = writerFunc(func(b []byte) (int, error) { // which it says as it begins
				if bytes.Contains(b, []byte("  "+name+",")) {
					cancel()
				}
				return errs.Write(b)
			})
			if status := a.run(ctx, []string{"--check", "--out", dir}); status != statusInterrupted {
				t.Errorf("status %d", status)
			}
			want := "not measured: " + strings.Join([]string{"value/open", "request/read", parallelOpen, parallelRead}, ", ")
			want = "not measured: " + want[strings.Index(want, name):]
			if name == "value/open" {
				want = "not measured: value/open, request/read"
			}
			if !strings.Contains(errs.String(), want) || !strings.Contains(errs.String(), "nothing is written") || out.Len() > 0 {
				t.Errorf("it says\n%s\ninstead of %s", errs, want)
			}
			if list := listing(t, dir); list != "" {
				t.Errorf("it wrote %s", list)
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestTheServerIsAPartOfTheRun(t *testing.T) {
	dir := t.TempDir()
	a, out, errs := fakeApp(target{"7 server", serverStep, cpu, one(server.KeyturnCBOR), one(server.Bare), atMost, 1e6})
	a.quick.serverRounds, a.quick.serverTurn = 2, 10*time.Millisecond
	if status := a.run(t.Context(), []string{"--quick", "--check", "--only", "server", "--out", dir}); status != statusOK {
		t.Errorf("status %d\n%s", status, errs)
	}
	for _, name := range server.Names {
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is missing:\n%s", name, out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "RESULTS.md")); err != nil || !strings.Contains(string(b), "### server") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsShownTogetherIsMeasuredTogether(t *testing.T) {
	var contests []work.Contest
	var order []string
	for i, name := range []string{"a/open/16", "a/sign/16", "a/open/132", "b", "a/sign/132", "request/read", "a/open/2900", "request/change"} {
		contests = append(contests, work.Contest{Name: name, Entries: []work.Entry{
			{Who: "keyturn " + name, Do: spin(time.Duration(10*(1+i)) * time.Microsecond)},
			{Who: "peer " + name, Do: spin(time.Duration(20*(1+i)) * time.Microsecond)},
		}})
	}
	res := &results{effort: tiny}
	steps := plan(res, contests, regexp.MustCompile("a/open|sign/16|b|request"))
	if got := strings.Join(names(steps), " "); got != "a/open/16+132+2900 a/sign/16 b request/read+change" {
		t.Errorf("steps %s", got)
	}
	for _, s := range steps {
		if err := s.run(t.Context(), func(int, int) {}); err != nil {
			t.Error(err)
		}
	}
	for _, c := range res.contests {
		order = append(order, c.name)
		for i, e := range c.entries {
			if !strings.HasSuffix(e.who, " "+c.name) || len(e.NS) != tiny.rounds {
				t.Errorf("%s has %q", c.name, e.who)
			}
			if r := e.Over(c.entries[0].Times).Median; i == 1 && (r < 1.5 || r > 2.7) {
				t.Errorf("%s takes %v times as long as the first", e.who, r)
			}
		}
	}
	if got := strings.Join(order, " "); got != "a/open/16 a/open/132 a/open/2900 a/sign/16 b request/read request/change" {
		t.Errorf("contests %s", got)
	}
}

// What is measured is what is asked for, as long as whoever waits is told.
func TestThePlanIsWhatIsAskedFor(t *testing.T) {
	contests, err := fakeContests()
	if err != nil {
		t.Fatal(err)
	}
	contests[0].Entries[0].Who = parallelWho
	e := effort{time.Millisecond, 100, time.Millisecond, 3, 10 * time.Millisecond, 10}
	for only, want := range map[string]string{
		"":               "value/open request/read parallel/value/open parallel/request/read server",
		"^parallel":      "parallel/value/open parallel/request/read",
		"^server$":       "server",
		"^request/read$": "request/read",
		"no such":        "",
	} {
		if got := strings.Join(names(plan(&results{effort: e}, contests, regexp.MustCompile(only))), " "); got != want {
			t.Errorf("%q: %s, want %s", only, got, want)
		}
	}
	for _, s := range plan(&results{effort: e}, contests, regexp.MustCompile("")) {
		least := 200 * time.Millisecond // two entries, a hundred rounds of a millisecond
		switch {
		case strings.HasPrefix(s.name, "parallel"):
			least = 12 * time.Millisecond // three rounds of one and two goroutines, with the collector and without
		case s.name == serverStep:
			least = time.Duration(len(server.Names)) * 100 * time.Millisecond
		}
		if most := 7 * least; s.cost < least || s.cost > most {
			t.Errorf("%s is said to take %v, and takes %v at least", s.name, s.cost, least)
		}
	}

	res := &results{effort: e}
	for _, s := range plan(res, contests, regexp.MustCompile("^parallel")) {
		if err := s.run(t.Context(), func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, p := range res.parallel {
		got = append(got, fmt.Sprint(p.contest, " ", p.collector))
		if p.who != parallelWho || len(p.one) != 3 || len(p.two) != 3 {
			t.Errorf("%s: %d and %d rounds", p.who, len(p.one), len(p.two))
		}
	}
	if want := []string{"value/open false", "value/open true", "request/read false", "request/read true"}; !slices.Equal(got, want) {
		t.Errorf("measured %q", got)
	}
	broken, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range plan(res, contests, regexp.MustCompile("^(parallel|value)")) {
		if err := s.run(broken, func(int, int) {}); err != context.Canceled {
			t.Errorf("%s, interrupted: %v", s.name, err)
		}
	}

	contests[0].Entries[0].Fork = nil
	contests[1].Entries[0].Who = "another"
	e.serverRounds = 0
	if got := strings.Join(names(plan(&results{effort: e}, contests, regexp.MustCompile(""))), " "); got != "value/open request/read" {
		t.Errorf("of what cannot be measured in parallel, and without a server: %s", got)
	}
}

// In a bubble, time is what the functions sleep: two at once do twice as much.
func TestOneAndTwoAreMeasuredInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		percent := func() uint64 {
			s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
			metrics.Read(s)
			return s[0].Value.Uint64()
		}
		usual, calls, forks := percent(), map[int]int{}, 0
		var mu sync.Mutex
		var seen []uint64 // GOGC, each once
		w := work.Entry{Who: "who", Fork: func() func() {
			n := forks
			forks++
			return func() {
				mu.Lock()
				calls[n]++
				if p := percent(); len(seen) == 0 || seen[len(seen)-1] != p {
					seen = append(seen, p)
				}
				mu.Unlock()
				time.Sleep(10 * time.Microsecond)
			}
		}}
		var told []string
		all, err := inParallel(t.Context(), effort{parallelTurn: time.Millisecond, parallelRounds: 4}, w, func(done, of int) {
			told = append(told, fmt.Sprint(done, "/", of))
		})
		if err != nil || len(all) != 2 || all[0].collector || !all[1].collector {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, p := range all {
			for i := range p.one {
				if one, two := math.Round(p.one[i]), math.Round(p.two[i]); one != 1e5 || two != 2e5 {
					t.Errorf("round %d: %v and %v a second", i, one, two)
				}
			}
			if len(p.one) != 4 || len(p.two) != 4 {
				t.Errorf("%d and %d rounds", len(p.one), len(p.two))
			}
		}
		if first, last := 0, forks-1; len(calls) != 2 || calls[first] != calls[last] || forks < 64 {
			t.Errorf("of %d forks, these are called so many times: %v", forks, calls)
		}
		// As it comes while it is warmed up, off, and as it comes.
		if len(seen) != 3 || seen[0] != usual || seen[1] == usual || seen[2] != usual || percent() != usual {
			t.Errorf("GOGC %v, and %d before", seen, usual)
		}
		if got := strings.Join(told, " "); got != "0/8 1/8 2/8 3/8 4/8 5/8 6/8 7/8 8/8" {
			t.Errorf("progress %s", got)
		}
	})
}

// A panic is the error of who panicked, if that is known.
func TestWhoPanicsIsNamed(t *testing.T) {
	e := effort{turn: time.Microsecond, rounds: 3, parallelTurn: time.Microsecond, parallelRounds: 3}
	ignore := func(int, int) {}
	after := func(n int) func() {
		return func() {
			if n--; n < 0 {
				panic("boom")
			}
		}
	}
	sound := work.Entry{Who: "sound", Do: func() {}}
	for n, want := range map[int]string{0: "a/b: unsound: boom", 1: "one of them: boom"} {
		group := []work.Contest{{Name: "a/b", Entries: []work.Entry{sound, {Who: "unsound", Do: after(n)}}}}
		if c, err := measure(t.Context(), e, group, ignore); err == nil || err.Error() != want || c != nil {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if p, err := inParallel(t.Context(), e, work.Entry{Who: "unsound", Fork: func() func() { return after(0) }}, ignore); err == nil || err.Error() != "unsound: boom" || p != nil {
		t.Errorf("in parallel: %v", err)
	}
	group := []work.Contest{{Name: "a/b", Entries: []work.Entry{{Who: "sound", Do: func() {}, Note: "a note", Cookie: 7}}}}
	c, err := measure(t.Context(), e, group, ignore)
	if err != nil || len(c) != 1 || c[0].name != "a/b" || len(c[0].entries) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := c[0].entries[0]; got.who != "sound" || got.note != "a note" || got.cookie != 7 || got.Name != "sound" || len(got.NS) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestSizesAreNumbersAtTheEnd(t *testing.T) {
	for name, want := range map[string][2]string{
		"a/open/16": {"a/open", "16"}, "a/open": {"a/open", ""}, "16": {"16", ""}, "a/16x": {"a/16x", ""}, "a/16/b": {"a/16/b", ""},
	} {
		if kind, number := size(name); kind != want[0] || number != want[1] {
			t.Errorf("%s: %q and %q", name, kind, number)
		}
	}
}

func TestWriteLeavesNothingHalf(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "RESULTS.md"), 0o777); err != nil { // which no file can replace
		t.Fatal(err)
	}
	if err := write(dir, []file{{"RESULTS.md", []byte("new")}}); err == nil {
		t.Error("no error")
	}
	if got := listing(t, dir); got != "RESULTS.md" {
		t.Errorf("there is %s", got)
	}
	if err := write(dir, []file{{"a", []byte("new")}, {"b", nil}}); err != nil {
		t.Error(err)
	}
	if i, err := os.Stat(filepath.Join(dir, "a")); err != nil || i.Size() != 3 || i.Mode().Perm()&0o444 == 0 {
		t.Errorf("%v, %v", i, err)
	}
	if err := write(filepath.Join(dir, "none"), []file{{"a", nil}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestProgressSaysWhatIsLeft(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, []step{{name: "first", cost: 10 * time.Second}, {name: "second", cost: 30 * time.Second}})
	clock := time.Unix(0, 0)
	p.now = func() time.Time { return clock }
	p.began = clock
	p.show(0, 0, 10)
	clock = clock.Add(20 * time.Second) // twice as long as it was to take
	p.show(1, 0, 10)
	clock = clock.Add(time.Second)
	p.show(1, 1, 10) // no line of its own: this is no terminal
	p.end()
	if want := "1 of 2  first, 40s left\n2 of 2  second, 1m0s left\n"; b.String() != want {
		t.Errorf("%q instead of %q", b.String(), want)
	}
	b.Reset()
	p.terminal = true
	p.show(1, 5, 10)
	clock = clock.Add(time.Millisecond)
	p.show(1, 6, 10) // too soon
	clock = clock.Add(9 * time.Second)
	p.show(1, 8, 10)
	p.end()
	if got := b.String(); strings.Count(got, "\r") != 3 || !regexp.MustCompile(`second, \d+s left`).MatchString(got) || strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}

func TestThroughputIsThatOfAll(t *testing.T) {
	var mu sync.Mutex
	calls := 0
	do := func() {
		mu.Lock()
		calls++
		mu.Unlock()
		time.Sleep(100 * time.Microsecond) // which any number can do at a time
	}
	one := throughput(10*time.Millisecond, do)
	four := throughput(10*time.Millisecond, do, do, do, do)
	if r := four / one; r < 2 || r > 8 || calls == 0 {
		t.Errorf("four do %v times as much as one", r)
	}
}
