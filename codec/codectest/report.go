package codectest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// maxFailures is how many failures of a promise are printed. One fault often
// makes hundreds, and the first few say as much.
const maxFailures = 3

// maxGlance is how long two values may be for their difference to be seen at once.
const maxGlance = 80

// maxShrinking is how long the smallest values that break a promise are looked for.
const maxShrinking = 2 * time.Second

// A promise is checked by one subtest.
type promise struct {
	t    *testing.T
	c    codec.Codec
	says string

	shrinking time.Duration // spent on looking for smallest values

	mu      sync.Mutex
	failed  int
	printed map[string]bool // by what fails, and what was given
}

// check runs f as a subtest that checks of c what the promise says.
func check(t *testing.T, c codec.Codec, name, says string, f func(*promise)) {
	t.Run(name, func(t *testing.T) {
		p := &promise{t: t, c: c, says: says, printed: make(map[string]bool)}
		defer p.summarize()
		f(p)
	})
}

// A fact is one line of a failure.
type fact struct{ label, text string }

func given(v any) fact { return fact{"given", describe(pointed(v))} }

func want(v any) fact { return fact{"want", describe(v)} }

func encoded(data []byte) fact { return fact{"encoded", showData(data)} }

func because(err error) fact { return fact{"error", firstOf(fmt.Sprint(err))} }

func note(label, format string, args ...any) fact {
	return fact{label, fmt.Sprintf(format, args...)}
}

// result says what came back where nothing should have.
func result(v any) fact { return fact{"got", describe(v)} }

// got says what came back instead of want, and where the two differ if that is not seen at once.
func got(want, got any) fact {
	s, complete := show(got)
	_, wanted := show(want)
	if d := difference(want, got); d != "" && (!complete || !wanted || len(s) > maxGlance) {
		return fact{"differs", d}
	}
	return fact{"got", s}
}

// firstOf returns the beginning of a text that may be long, on one line.
func firstOf(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 2*maxPrinted {
		s = string(runes[:2*maxPrinted]) + "..."
	}
	return s
}

// fail reports one failure: what happens, and the facts.
func (p *promise) fail(what string, facts ...fact) {
	p.t.Helper()
	var b strings.Builder
	b.WriteString(firstOf(what))
	for _, f := range facts {
		fmt.Fprintf(&b, "\n    %-8s %s", f.label, f.text)
	}
	text := b.String()
	key := text
	if i := slices.IndexFunc(facts, func(f fact) bool { return f.label == "given" }); i >= 0 {
		key = what + facts[i].text
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed++
	if p.printed[key] || len(p.printed) == maxFailures {
		p.t.Fail()
		return
	}
	p.printed[key] = true
	if len(p.printed) == 1 {
		text = "broken promise: " + p.says + "\n" + text
	}
	p.t.Error(text)
}

// fatal is fail for what keeps the subtest from going on.
func (p *promise) fatal(what string, facts ...fact) {
	p.t.Helper()
	p.fail(what, facts...)
	p.t.FailNow()
}

// full reports whether no more failures are printed, or none that are as small as they can be.
func (p *promise) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.printed) == maxFailures || len(p.printed) > 0 && p.shrinking > maxShrinking
}

// count is fail without a word.
func (p *promise) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed++
	p.t.Fail()
}

// summarize says how many failures were not printed.
func (p *promise) summarize() {
	if more := p.failed - len(p.printed); more > 0 {
		p.t.Logf("more failures, not printed: %d", more)
	}
}

// A verdict on a value is what happens to it that should not, and the facts.
// There is nothing of the kind if what is empty.
type verdict struct {
	what  string
	facts []fact
}

// verify judges v, and if it fails, reports the smallest value that fails like it.
func (p *promise) verify(v any, judge func(v any) verdict) bool {
	p.t.Helper()
	found := judge(v)
	if found.what == "" {
		return true
	}
	if p.full() {
		p.count()
		return false
	}
	start, spent := time.Now(), p.shrinking
	smallest(v, func(smaller any) bool {
		if p.shrinking = spent + time.Since(start); p.shrinking > maxShrinking {
			return false
		}
		other := judge(smaller)
		if other.what != found.what {
			return false
		}
		found = other
		return true
	})
	p.fail(found.what, found.facts...)
	return false
}
