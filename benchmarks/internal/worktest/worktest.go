// Package worktest tests and benchmarks contests: those of package work, and the
// same with peers in them.
package worktest

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// Test has every entry do its work, alone and after itself.
func Test(t *testing.T, contests []work.Contest) {
	for _, c := range contests {
		t.Run(c.Name, func(t *testing.T) {
			who := map[string]bool{}
			for _, e := range c.Entries {
				if who[e.Who] {
					t.Errorf("two entries of %q", e.Who)
				}
				who[e.Who] = true
				for range 3 { // what is kept of one run must not spoil the next
					e.Do()
				}
				if e.Fork != nil {
					e.Fork()()
				}
			}
			if len(who) == 0 {
				t.Error("nobody enters")
			}
		})
	}
}

// Benchmark measures every entry.
func Benchmark(b *testing.B, contests []work.Contest) {
	// Without what package testing would change in a name.
	slug := strings.NewReplacer(" ", "-", ",", "", ":", "", "/", "-")
	for _, c := range contests {
		b.Run(c.Name, func(b *testing.B) {
			for _, e := range c.Entries {
				b.Run(slug.Replace(e.Who), func(b *testing.B) {
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
