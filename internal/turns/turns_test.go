package turns_test

import (
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/internal/turns"
)

var sink []byte

func TestMeasureGivesEachCaseItsTurnInEachRound(t *testing.T) {
	var order []int
	mark := func(i int) func() {
		return func() {
			if n := len(order); n == 0 || order[n-1] != i {
				order = append(order, i)
			}
			for began := time.Now(); time.Since(began) < 50*time.Microsecond; {
			}
		}
	}
	var rounds []int
	cases := []turns.Case{{"a", mark(0)}, {"b", mark(1)}, {"c", mark(2)}}
	const n = 12
	all := turns.Measure(turns.Options{Turn: time.Microsecond, Rounds: n, Progress: func(done, of int) {
		if of != n {
			t.Errorf("%d rounds instead of %d", of, n)
		}
		rounds = append(rounds, done)
		order = append(order, -1)
	}}, cases...)
	if len(rounds) != n || rounds[0] != 1 || rounds[n-1] != n {
		t.Errorf("progress %v", rounds)
	}
	first := make(map[int]int)
	after := make(map[[2]int]int)
	end := slices.Index(order, -1)
	for round := range n {
		begin := end - 3
		turn := order[begin:end]
		if sorted := slices.Sorted(slices.Values(turn)); !slices.Equal(sorted, []int{0, 1, 2}) {
			t.Fatalf("round %d: %v", round, turn)
		}
		first[turn[0]]++
		after[[2]int{turn[0], turn[1]}]++
		if round+1 < n {
			end += 1 + slices.Index(order[end+1:], -1)
		}
	}
	if len(first) != 3 || len(after) < 4 {
		t.Errorf("first %v, first and second %v", first, after)
	}
	for i, x := range all {
		if x.Name != cases[i].Name || len(x.NS) != n || x.Time().Median < 50_000 {
			t.Errorf("%s: %v", x.Name, x.NS)
		}
	}
}

func TestMeasureTellsWhatIsSlowerAndWhatAllocates(t *testing.T) {
	work := func(n int) func() {
		return func() {
			for range n {
				sink = sink[:0]
			}
		}
	}
	all := turns.Measure(turns.Options{Turn: 100 * time.Microsecond, Rounds: 31},
		turns.Case{Name: "one", Do: work(1000)}, turns.Case{Name: "four", Do: work(4000)},
		turns.Case{Name: "allocates", Do: func() { sink = make([]byte, 1<<10) }})
	one, four, allocates := all[0], all[1], all[2]
	if r := four.Over(one); r.Median < 2 || r.Median > 8 || r.Low > r.Median || r.High < r.Median {
		t.Errorf("four times the work takes %v times as long", r)
	}
	if r := four.Over(one, four); r.Median < 0.5 || r.Median >= 1 {
		t.Errorf("four of five parts are %v", r)
	}
	if a := allocates.Allocs; math.Abs(a-1) > 0.1 || math.Abs(allocates.Bytes-1024) > 100 {
		t.Errorf("one allocation of 1 KiB is %v of %v bytes", a, allocates.Bytes)
	}
	if one.Allocs > 0.1 {
		t.Errorf("nothing allocates %v times", one.Allocs)
	}
}

func TestNobodyPaysForWhatOthersLeaveToTheCollector(t *testing.T) {
	var kept [][]byte
	began := make(map[string]uint64) // in how many turns the heap was large at first
	look := func(name string) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > 64<<20 {
			began[name]++
		}
	}
	turns.Measure(turns.Options{Turn: time.Microsecond, Rounds: 10},
		turns.Case{Name: "litters", Do: func() {
			look("litters")
			kept = nil
			for range 80 {
				kept = append(kept, make([]byte, 1<<20))
			}
			kept = nil
		}},
		turns.Case{Name: "reads", Do: func() { look("reads") }})
	if began["reads"] > 0 {
		t.Errorf("%v operations began with another's litter", began)
	}
}

func TestMedianIsBetweenItsBounds(t *testing.T) {
	upTo := func(n int) (s []float64) {
		for i := range n {
			s = append(s, float64((i*7)%n)) // in some order; n is no multiple of 7
		}
		return s
	}
	// The bounds are those of the sign test in statistical tables: the greatest k
	// for which a binomial(n, 1/2) is at most k with a probability of 2.5 %.
	for _, test := range []struct {
		n                 int
		median, low, high float64
	}{
		{1, 0, 0, 0},
		{5, 2, 0, 4},
		{6, 2.5, 0, 5},
		{9, 4, 1, 7},
		{10, 4.5, 1, 8},
		{17, 8, 4, 12}, // for 17 and 94, the normal approximation has one less
		{20, 9.5, 5, 14},
		{50, 24.5, 17, 32},
		{94, 46.5, 37, 56},
		{101, 50, 40, 60},
		{2000, 999.5, 955, 1044},
	} {
		got := turns.Median(upTo(test.n))
		if want := (turns.Spread{Median: test.median, Low: test.low, High: test.high}); got != want {
			t.Errorf("of %d: %v instead of %v", test.n, got, want)
		}
	}
	if m := turns.Median(nil); !math.IsNaN(m.Median) || !math.IsNaN(m.Low) || !math.IsNaN(m.High) {
		t.Errorf("of nothing: %v", m)
	}
}

// A turn of a few calls is one of caches that others have filled, and of the clock.
func TestAHiccupWhileCalibratingDoesNotShortenTheTurns(t *testing.T) {
	calls := 0
	turns.Measure(turns.Options{Turn: time.Millisecond, Rounds: 2}, turns.Case{Name: "slow once", Do: func() {
		if calls++; calls == 1 || calls == 4 {
			time.Sleep(5 * time.Millisecond)
		}
		for began := time.Now(); time.Since(began) < 5*time.Microsecond; {
		}
	}})
	if calls < 200 {
		t.Errorf("%d calls in all", calls)
	}
}

// In a bubble, time is what the cases sleep, and nothing else.
func TestTurnsAreAsLongAsTheOptionsSay(t *testing.T) {
	for _, test := range []struct {
		options       turns.Options
		sleep         time.Duration
		calls, rounds int
	}{
		{turns.Options{}, 100 * time.Microsecond, 10, 101},
		{turns.Options{Turn: time.Millisecond}, 300 * time.Microsecond, 3, 101},
		{turns.Options{Turn: time.Millisecond, Rounds: 1}, time.Microsecond, 1000, 1},
		{turns.Options{Turn: time.Nanosecond, Rounds: 3}, 1500 * time.Microsecond, 1, 3},
		{turns.Options{Turn: 5 * time.Millisecond, Rounds: 2}, time.Millisecond, 5, 2},
		{turns.Options{Turn: -1, Rounds: -1}, time.Millisecond, 1, 101},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls, before := 0, 0
			o := test.options
			var turn []int // calls of each round but the first, with the one before the clock
			o.Progress = func(done, rounds int) {
				if done > 1 {
					turn = append(turn, calls-before)
				}
				before = calls
			}
			all := turns.Measure(o, turns.Case{Name: "sleeps", Do: func() { calls++; time.Sleep(test.sleep) }})
			if len(all[0].NS) != test.rounds || len(turn) != test.rounds-1 {
				t.Fatalf("%+v: %d times in %d rounds, want %d", test.options, len(all[0].NS), len(turn)+1, test.rounds)
			}
			for i, ns := range all[0].NS {
				if ns != float64(test.sleep) {
					t.Errorf("%+v: round %d: %v ns a call, want %v", test.options, i, ns, float64(test.sleep))
				}
			}
			for i, n := range turn {
				if n != 1+test.calls {
					t.Errorf("%+v: round %d: %d calls, want one and %d", test.options, i+1, n, test.calls)
				}
			}
		})
	}
}

// A clock that does not move during one call says nothing of how many there are in a turn.
func TestWhatTheClockDoesNotSeeIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		all := turns.Measure(turns.Options{Turn: time.Millisecond, Rounds: 4}, turns.Case{Name: "every fourth", Do: func() {
			if calls++; calls%4 == 0 {
				time.Sleep(time.Millisecond)
			}
		}})
		for i, ns := range all[0].NS {
			if ns != 250_000 {
				t.Errorf("round %d: %v ns a call", i, ns)
			}
		}
	})
}

// The collector leaves turns alone, and is as it was once they are over.
func TestTheCollectorIsHeldBackForAsLongAsItIsMeasured(t *testing.T) {
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before := percent()
	turns.Measure(turns.Options{Turn: time.Microsecond, Rounds: 1}, turns.Case{Name: "looks", Do: func() {
		if p := percent(); p <= before {
			t.Errorf("GOGC is %d during a turn, and was %d", p, before)
		}
	}})
	if p := percent(); p != before {
		t.Errorf("GOGC is %d after, and was %d", p, before)
	}
}
