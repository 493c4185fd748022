package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
	"github.com/keyturn/keyturn/internal/turns"
)

func TestTargetsAreJudgedByTheMedianOfRatios(t *testing.T) {
	r := fakeResults()
	r.contests = []contest{
		fakeContest("work", "keyturn a", 100., "keyturn b", 120., "floor", 80., "codec", 40., "peer", 300., "slow peer", 900.),
		fakeContest("value/make", "keyturn a", 1., "keyturn b", 1., "peer", 1.), // cookies of 200, 260 and 320 bytes
	}
	r.contests[0].entries[2].Allocs = 1.1 // of the floor; the others have 3.004
	for _, test := range []struct {
		target
		want   float64
		detail string
	}{
		{target{how: over, contest: "work", who: one("keyturn a"), versus: one("floor"), is: atMost}, 1.25, "keyturn a"},
		{target{how: over, contest: "work", who: []string{"keyturn a", "keyturn b"}, versus: []string{"floor", "codec"}, is: atMost}, 1, "keyturn b"},
		{target{how: over, contest: "work", who: []string{"keyturn b", "keyturn a"}, versus: one("peer"), is: under}, 0.4, "keyturn b"},
		{target{how: ahead, contest: "work", who: one("keyturn a"), versus: one("peer"), is: atLeast}, 3, "keyturn a, peer"},
		{target{how: ahead, contest: "work", who: []string{"keyturn a", "keyturn b"}, versus: []string{"slow peer", "peer"}, is: more}, 2.5, "keyturn b, peer"},
		{target{how: allocations, contest: "work", who: one("keyturn a"), versus: one("floor"), is: atMost}, 1.9, "keyturn a, floor"},
		{target{how: cookieBytes, contest: "value/make", who: []string{"keyturn a", "keyturn b"}, versus: one("peer"), is: under}, 260. / 320, "keyturn b, peer"},
		{target{how: gains, contest: parallelOpen, who: one(parallelWho), versus: one(collectorOff), is: atLeast}, 2.1 / 1.1, parallelWho + ", collector off"},
		{target{how: gains, contest: parallelOpen, who: one(parallelWho), versus: one(collectorOn), is: atLeast}, 1.7, parallelWho + ", collector as it comes"},
		{target{how: cpu, contest: serverStep, who: one(server.KeyturnCBOR), versus: one(server.Bare), is: atMost}, 2, server.KeyturnCBOR + ", " + server.Bare},
	} {
		near := func(bound float64) state {
			test.bound = bound
			v := judge([]target{test.target}, r)[0]
			if math.Abs(v.Median-test.want) > 1e-9 || v.detail != test.detail || v.Low > v.Median || v.High < v.Median {
				t.Errorf("%v of %v over %v: %v of %q instead of %v of %q", test.how, test.who, test.versus, v.Spread, v.detail, test.want, test.detail)
			}
			return v.state
		}
		less, greater := passed, isShort
		if test.is == atMost || test.is == under {
			less, greater = isShort, passed
		}
		if got := near(test.want * 0.99); got != less {
			t.Errorf("%v %s %v: %s", test.want, test.is, test.bound, got)
		}
		if got := near(test.want * 1.01); got != greater {
			t.Errorf("%v %s %v: %s", test.want, test.is, test.bound, got)
		}
	}
}

func TestOnTheBound(t *testing.T) {
	for _, test := range []struct {
		is   op
		want bool
	}{{atMost, true}, {atLeast, true}, {under, false}, {more, false}, {"", false}} {
		if got := test.is.holds(2, 2); got != test.want {
			t.Errorf("2 %s 2: %v", test.is, got)
		}
		if test.is.holds(math.NaN(), 2) {
			t.Errorf("no number %s 2", test.is)
		}
	}
}

func TestWhatIsNotMeasuredDoesNotPass(t *testing.T) {
	for name, change := range map[string]func(*results, *target){
		"no contest":     func(r *results, g *target) { g.contest = "value/mend" },
		"no who":         func(r *results, g *target) { g.who = append(g.who, "keyturn x") },
		"no versus":      func(r *results, g *target) { g.versus = append(g.versus, "a peer") },
		"nobody":         func(r *results, g *target) { g.who = nil },
		"against nobody": func(r *results, g *target) { g.versus = nil },
		"no times":       func(r *results, g *target) { r.contest("value/make").entries[2].NS = nil },
		"no cookie":      func(r *results, g *target) { g.how = cookieBytes; r.contest("value/make").entries[2].cookie = 0 },
		"no how":         func(r *results, g *target) { g.how = 99 },
		"no throughput":  func(r *results, g *target) { g.how = gains; g.contest = parallelRead },
		"no rounds": func(r *results, g *target) {
			g.how = gains
			g.contest = parallelOpen
			g.versus = one(collectorOff)
			r.parallel[0].one = nil
		},
		"no site":             func(r *results, g *target) { g.how = cpu; g.who = one("nginx"); g.versus = one(server.Bare) },
		"no cookie of a peer": func(r *results, g *target) { g.how = cookieBytes; r.contest("value/make").entries[4].cookie = 0 },
		"no throughput of who": func(r *results, g *target) {
			g.how, g.contest, g.who, g.versus = gains, parallelOpen, one(keyJSON), one(collectorOff)
		},
		"no bare site": func(r *results, g *target) { g.how = cpu; g.who = one(server.KeyturnCBOR); g.versus = one("nginx") },
	} {
		r := fakeResults()
		g := target{id: "x", contest: "value/make", who: one(keyCBOR), versus: one(gorillaJSON), how: over, is: atMost, bound: 1e9}
		if v := judge([]target{g}, r)[0]; v.state != passed {
			t.Fatalf("%s: %s", v.state, v.detail)
		}
		change(r, &g)
		v := judge([]target{g}, r)[0]
		if v.state != broken || v.detail == "" {
			t.Errorf("%s: %s, %q", name, v.state, v.detail)
		}
		if status, err := checked([]verdict{v}); status != statusFailed || err == nil {
			t.Errorf("%s: status %d, %v", name, status, err)
		}
	}
}

// What is no number is the furthest from any bound, wherever it comes.
func TestWhatIsNoNumberIsNotPassedOver(t *testing.T) {
	for _, who := range [][]string{{keyCBOR, keyJSON}, {keyJSON, keyCBOR}} {
		for _, is := range []op{atMost, atLeast, under, more} {
			r := fakeResults()
			ns := r.contest("value/make").entries[0].NS // of keyJSON
			for i := range ns {
				ns[i] = math.NaN()
			}
			bound := 1e9
			if is == atLeast || is == more {
				bound = 0
			}
			v := judge([]target{{contest: "value/make", who: who, versus: one(gorillaJSON), how: over, is: is, bound: bound}}, r)[0]
			if v.state != isShort || v.detail != keyJSON {
				t.Errorf("%q %s: %s of %q", who, is, v.state, v.detail)
			}
		}
	}
}

// A number that is counted has no bounds beside itself.
func TestWhatIsCountedIsExact(t *testing.T) {
	for _, how := range []how{allocations, cookieBytes} {
		v := judge([]target{{contest: "value/make", who: one(keyCBOR), versus: one(gorillaJSON), how: how, is: atMost, bound: 1e9}}, fakeResults())[0]
		if v.state != passed || v.Low != v.Median || v.High != v.Median {
			t.Errorf("%s: %+v", v.state, v.Spread)
		}
	}
}

func TestCPUOfFewerRoundsIsNotCompared(t *testing.T) {
	r := fakeResults()
	r.sites[0].CPU = r.sites[0].CPU[1:]
	v := judge([]target{{contest: serverStep, who: one(r.sites[1].Name), versus: one(r.sites[0].Name), how: cpu, is: atMost, bound: 1e9}}, r)[0]
	if v.state != unknown {
		t.Errorf("%s", v.state)
	}
}

func TestWhereCPUIsNotToldThatIsSaid(t *testing.T) {
	r := fakeResults()
	for i := range r.sites {
		r.sites[i].CPU = nil
	}
	g := target{id: "7", contest: serverStep, who: one(server.KeyturnCBOR), versus: one(server.Bare), how: cpu, is: atMost, bound: 3}
	v := judge([]target{g}, r)
	if v[0].state != unknown {
		t.Errorf("%s", v[0].state)
	}
	if status, err := checked(v); status != statusOK || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
	r.verdicts = v
	if text := mustFiles(t, r)["RESULTS.md"]; !strings.Contains(text, "not measured here") || !strings.Contains(text, errNoCPU.Error()) {
		t.Error("RESULTS.md does not say so")
	}
}

func TestTargetsNeedTheirContests(t *testing.T) {
	contests, err := fakeContests()
	if err != nil {
		t.Fatal(err)
	}
	all := []target{
		{id: "a", contest: "value/open", who: one(keyCBOR), versus: one(gorillaJSON)},
		{id: "b", contest: parallelRead, who: one(parallelWho), versus: one(collectorOff), how: gains},
		{id: "c", contest: serverStep, who: one(server.KeyturnCBOR), versus: one(server.Bare), how: cpu},
	}
	if err := complete(all, contests); err != nil {
		t.Error(err)
	}
	contests[1].Entries[0].Fork = nil
	all = append(all, target{contest: "value/open", who: one("keyturn x"), versus: one("peer y")},
		target{contest: "value/mend", who: one("keyturn z"), versus: one(gorillaJSON)},
		target{contest: parallelOpen, who: one("keyturn w"), versus: one(collectorOff), how: gains},
		target{contest: "value/open", who: one("keyturn x"), versus: one("peer y")})
	err = complete(all, contests)
	if err == nil {
		t.Fatal("complete")
	}
	_, lines, _ := strings.Cut(err.Error(), "\n")
	if want := []string{
		`request/read: "` + parallelWho + `" has no Fork`, `value/open has no "keyturn x"`, `value/open has no "peer y"`,
		`value/mend has no "keyturn z"`, `value/mend has no "` + gorillaJSON + `"`, `value/open has no "keyturn w"`,
	}; !slices.Equal(strings.Split(lines, "\n"), want) {
		t.Errorf("%v, want %q, each once", err, want)
	}
}

// The targets that there are, and the contests that there are.
func TestTargetsFindTheirContests(t *testing.T) {
	contests, err := peers.Contests()
	if err != nil {
		t.Fatal(err)
	}
	if err := complete(targets, contests); err != nil {
		t.Error(err)
	}
	for _, e := range []string{parallelOpen, parallelRead} {
		w, ok := work.Find(contests, strings.TrimPrefix(e, "parallel/"), parallelWho)
		if !ok || w.Fork == nil {
			t.Errorf("%s cannot be measured", e)
		}
	}
	for _, c := range contests {
		if kind, _ := size(c.Name); about[kind] == "" {
			t.Errorf("nothing says what %s is", c.Name)
		}
		if _, ok := (contest{entries: entries(c)}).reference(); !ok {
			t.Errorf("%s is without keyturn", c.Name)
		}
	}
	var sections []string
	ids := make(map[string]bool)
	for _, g := range targets {
		section, text, _ := strings.Cut(g.id, " ")
		sections = append(sections, section)
		if ids[g.id] || text == "" || g.is == "" || g.bound == 0 || len(g.who) == 0 || len(g.versus) == 0 {
			t.Errorf("%+v", g)
		}
		ids[g.id] = true
	}
	if got := slices.Compact(sections); !slices.Equal(got, strings.Split("1234567", "")) {
		t.Errorf("sections %v", got)
	}
}

func entries(c work.Contest) []entry {
	var all []entry
	for _, e := range c.Entries {
		all = append(all, entry{who: e.Who, Times: turns.Times{}})
	}
	return all
}
