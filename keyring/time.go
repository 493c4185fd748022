package keyring

import "time"

// stamp spells a time as the ring file does, to the second.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// later is stamp of a time that is not to be undercut.
func later(t time.Time) string { return stamp(wholeSecond(t)) }

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wholeSecond returns the first whole second that is not before t.
func wholeSecond(t time.Time) time.Time {
	if s := t.Truncate(time.Second); s.Before(t) {
		return s.Add(time.Second).UTC()
	}
	return t.UTC().Round(0)
}
