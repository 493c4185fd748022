package benchmarks_test

import (
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/internal/worktest"
)

func contests(tb testing.TB) []work.Contest {
	tb.Helper()
	all, err := work.Contests()
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// find returns an entry of a contest.
func find(tb testing.TB, all []work.Contest, contest, who string) work.Entry {
	tb.Helper()
	e, ok := work.Find(all, contest, who)
	if !ok {
		tb.Fatalf("no %q in %q", who, contest)
	}
	return e
}

func BenchmarkContests(b *testing.B) { worktest.Benchmark(b, contests(b)) }

// BenchmarkParallel is to be run with -cpu 1,2.
func BenchmarkParallel(b *testing.B) {
	all := contests(b)
	for _, contest := range []string{"value/open", "request/read"} {
		e := find(b, all, contest, work.KeyturnCBOR)
		b.Run(contest, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				do := e.Fork()
				for pb.Next() {
					do()
				}
			})
		})
	}
}
