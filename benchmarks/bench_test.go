package benchmarks_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
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
	for _, c := range all {
		for _, e := range c.Entries {
			if c.Name == contest && e.Who == who {
				return e
			}
		}
	}
	tb.Fatalf("no %q in %q", who, contest)
	return work.Entry{}
}

// slug is a name without what package testing would change in it.
func slug(name string) string {
	return strings.NewReplacer(" ", "-", ",", "", ":", "", "/", "-").Replace(name)
}

func BenchmarkContests(b *testing.B) {
	for _, c := range contests(b) {
		b.Run(c.Name, func(b *testing.B) {
			for _, e := range c.Entries {
				b.Run(slug(e.Who), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						e.Do()
					}
					if e.Cookie > 0 {
						b.ReportMetric(float64(e.Cookie), "cookie-B")
					}
				})
			}
		})
	}
}

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
