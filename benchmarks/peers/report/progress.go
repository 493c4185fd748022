package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress says how far the measuring has come: on a terminal in one line, which
// is written again and again, and elsewhere in a line for each step.
type progress struct {
	w        io.Writer
	terminal bool
	steps    []step
	now      func() time.Time
	began    time.Time
	last     time.Time
	step     int
}

func newProgress(w io.Writer, steps []step) *progress {
	p := &progress{w: w, steps: steps, now: time.Now, step: -1}
	if f, ok := w.(*os.File); ok {
		if i, err := f.Stat(); err == nil && i.Mode()&os.ModeCharDevice != 0 {
			p.terminal = true
		}
	}
	p.began = p.now()
	return p
}

// show says that of a step so much is done.
func (p *progress) show(i, done, of int) {
	now := p.now()
	if p.step == i && (!p.terminal || now.Sub(p.last) < 200*time.Millisecond) {
		return
	}
	p.step, p.last = i, now
	var before, all time.Duration
	for k, s := range p.steps {
		if k < i {
			before += s.cost
		}
		all += s.cost
	}
	before += time.Duration(float64(p.steps[i].cost) * float64(done) / float64(of))
	left := all - before
	// What was planned is corrected by what it took, once that says something.
	if took := now.Sub(p.began); before > all/20 {
		left = time.Duration(float64(left) * float64(took) / float64(before))
	}
	text := fmt.Sprintf("%d of %d  %s, %v left", i+1, len(p.steps), p.steps[i].name, left.Round(time.Second))
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(p.w, text)
	}
}

func (p *progress) end() {
	if p.terminal && p.step >= 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
