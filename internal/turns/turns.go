// Package turns measures functions side by side, in one run and by short turns,
// so that all of them meet the same machine, however busy it is: their times
// drift together, and the ratios of their times can be believed where the times
// cannot.
package turns

import (
	"math"
	"runtime"
	"slices"
	"time"
)

// A Case is a function to measure. Do is one operation, which is repeated.
type Case struct {
	Name string
	Do   func()
}

// Options say how long to measure. Of the zero Options, every field has a default.
type Options struct {
	// Turn is about how long a Case runs before the next has its turn; 1 ms by
	// default. It is at least one operation.
	Turn time.Duration
	// Rounds is how many turns each Case has; 101 by default.
	Rounds int
	// Progress, if not nil, is called after each round.
	Progress func(done, rounds int)
}

// Times are the times of one Case, of which it has one a round, in the order of
// the rounds.
type Times struct {
	Name string
	// NS is nanoseconds per operation.
	NS []float64
	// Allocs and Bytes are what one operation allocates on average, as the
	// runtime counts it: by all goroutines, and without the collector's share.
	Allocs, Bytes float64
}

// Measure runs each of the cases once for every round, in an order that changes
// from round to round, after a warm-up. It must be alone in its process: what
// else runs there is measured, too.
func Measure(o Options, cases ...Case) []Times {
	if o.Turn <= 0 {
		o.Turn = time.Millisecond
	}
	if o.Rounds <= 0 {
		o.Rounds = 101
	}
	all := make([]Times, len(cases))
	calls := make([]int, len(cases))
	for i, c := range cases {
		all[i] = Times{Name: c.Name, NS: make([]float64, 0, o.Rounds)}
		calls[i] = calibrate(c.Do, o.Turn)
		all[i].Allocs, all[i].Bytes = allocations(c.Do, calls[i])
	}
	for round := range o.Rounds {
		for i := range cases {
			// Who goes first, and after whom, changes: what one leaves behind, in
			// caches and for the collector, is not always the same one's burden.
			j := (i + round) % len(cases)
			if round/len(cases)%2 == 1 {
				j = len(cases) - 1 - j
			}
			d := run(cases[j].Do, calls[j])
			all[j].NS = append(all[j].NS, float64(d.Nanoseconds())/float64(calls[j]))
		}
		if o.Progress != nil {
			o.Progress(round+1, o.Rounds)
		}
	}
	return all
}

func run(do func(), calls int) time.Duration {
	began := time.Now()
	for range calls {
		do()
	}
	return time.Since(began)
}

// calibrate returns how many calls take about as long as a turn. What takes long
// once, because the machine did something else, does not count.
func calibrate(do func(), turn time.Duration) int {
	for calls := 1; ; calls *= 2 {
		if d := min(run(do, calls), run(do, calls), run(do, calls)); d >= turn/2 {
			return max(1, int(float64(calls)*float64(turn)/float64(d)))
		}
	}
}

func allocations(do func(), calls int) (allocs, bytes float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(do, calls)
	runtime.ReadMemStats(&after)
	n := float64(calls)
	return float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n
}

// A Spread is the median of a sample, and what it is between with a confidence
// of 95 % or more, whatever the distribution: by order statistics, as benchstat
// does it. Of fewer than six values no such interval exists, and Low and High
// are the extremes.
type Spread struct{ Median, Low, High float64 }

// Median returns the spread of a sample.
func Median(sample []float64) Spread {
	s := slices.Sorted(slices.Values(sample))
	n := len(s)
	if n == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	m := s[n/2]
	if n%2 == 0 {
		m = (s[n/2-1] + s[n/2]) / 2
	}
	k := tail(n)
	return Spread{m, s[k], s[n-1-k]}
}

// tail returns how many values at either end of a sorted sample are not needed
// to have the median between the rest with a confidence of 95 %: the number of
// values under the median is binomial.
func tail(n int) int {
	p := math.Pow(0.5, float64(n)) // of none
	below, k := p, 0
	if p == 0 { // a large sample: the normal approximation
		return int(float64(n)/2 - 0.98*math.Sqrt(float64(n)) - 0.5)
	}
	for k < n/2 {
		p *= float64(n-k) / float64(k+1)
		if below+p > 0.025 {
			break
		}
		below += p
		k++
	}
	return k
}

// Time returns the spread of the times, in nanoseconds per operation.
func (t Times) Time() Spread { return Median(t.NS) }

// Over returns the spread of the ratios of t to the sum of others, round by
// round: 2 says that t takes twice as long. All must be of one Measure.
func (t Times) Over(others ...Times) Spread {
	ratios := make([]float64, len(t.NS))
	for i := range ratios {
		var sum float64
		for _, u := range others {
			sum += u.NS[i]
		}
		ratios[i] = t.NS[i] / sum
	}
	return Median(ratios)
}
