package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestPlanSaysWhetherARingCanBePublished(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, []byte(store(t, path).text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, 0, "", "keyring", "rotate", path)
	late := time.Now().Add(25 * time.Hour).Format(time.RFC3339)

	for _, r := range []result{
		want(t, 0, "", "keyring", "plan", old, path),
		want(t, 0, store(t, old).text, "keyring", "plan", "-", path),
	} {
		if !strings.Contains(r.out, "generation 8 can take the place of 7 until ") || r.err != "" {
			t.Errorf("%q %q", r.out, r.err)
		}
	}
	if r := want(t, 0, "", "keyring", "plan", old, old); !strings.HasSuffix(r.out, "generation 7 can take the place of 7\n") {
		t.Errorf("%q", r.out)
	}
	r := want(t, 1, "", "keyring", "plan", old, path, "--at", late)
	if !strings.HasPrefix(r.out, "T5: key ") || !strings.Contains(r.out, "not to be published") || r.err != "" {
		t.Errorf("%q %q", r.out, r.err)
	}
	r = want(t, 1, "", "keyring", "plan", path, old)
	if !strings.Contains(r.out, "T1: generation: lower") {
		t.Errorf("%q", r.out)
	}

	var p planReport
	decodeJSON(t, want(t, 0, "", "keyring", "plan", old, path, "--json").out, &p)
	if !p.Safe || p.Was != 7 || p.New != 8 || len(p.Findings) > 0 {
		t.Errorf("%+v", p)
	}
	// The report is right to the second.
	was, is := readRing(t, old), readRing(t, path)
	if len(keyring.Plan(was, is, p.PublishBy)) > 0 || len(keyring.Plan(was, is, p.PublishBy.Add(2*time.Second))) == 0 {
		t.Errorf("by %v", p.PublishBy)
	}
	p = planReport{}
	decodeJSON(t, want(t, 1, "", "keyring", "plan", old, path, "--json", "--at", late).out, &p)
	if p.Safe || len(p.Findings) == 0 || p.Findings[0].Rule != "T5" || p.Findings[0].Accepted || !p.PublishBy.IsZero() {
		t.Errorf("%+v", p)
	}

	if !strings.Contains(p.Advice, "if no instance has "+path+" yet, drop it: copy the file of the ring in use over it, and make the edit again") || strings.Contains(p.Advice, "wait") {
		t.Errorf("%q", p.Advice)
	}
	if r := want(t, 1, "", "keyring", "plan", old, path, "--at", late); !strings.HasSuffix(r.out, "\n"+p.Advice+"\n") {
		t.Errorf("%q", r.out)
	}
	if r := want(t, 1, "", "keyring", "plan", path, old); strings.Contains(r.out, "drop it") { // a server would refuse it whenever
		t.Errorf("%q", r.out)
	}

	// What is accepted is shown, and does not count.
	before := store(t, path).text
	if err := os.WriteFile(old, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	k, _ := is.Primary(time.Now())
	want(t, 0, "", "keyring", "revoke", path, k.ID().String(), "--reason", "leak")
	if r := want(t, 0, "", "keyring", "plan", old, path); !strings.HasPrefix(r.out, "T5 (accepted): ") && !strings.HasPrefix(r.out, "T4 (accepted): ") {
		t.Errorf("%q", r.out)
	}

	want(t, 65, "{}", "keyring", "plan", "-", path)
	want(t, 65, "", "keyring", "plan", "-", path)
	want(t, 66, "", "keyring", "plan", old, filepath.Join(t.TempDir(), "none.json"))
	want(t, 64, "", "keyring", "plan", old)
	if r := want(t, 64, "", "keyring", "plan", old, path, "--at", "noon"); !strings.Contains(r.err, "--at: not a time like 2026-10-01T00:00:00Z") {
		t.Errorf("%q", r.err)
	}
	hideSecrets(t, path, r)
}

// The rules are what package keyring says that they are.
func TestPlanExplainsTheRules(t *testing.T) {
	source, err := os.ReadFile("../../keyring/finding.go")
	if err != nil {
		t.Fatal(err)
	}
	help := strings.Join(strings.Fields(want(t, 0, "", "keyring", "plan", "--help").out), " ")
	rules := regexp.MustCompile(`(?m)^\t(T\d+) .*// (.*)$`).FindAllStringSubmatch(string(source), -1)
	for _, m := range rules {
		if !strings.Contains(help, " "+m[1]+" "+m[2]+" ") {
			t.Errorf("the help does not say of %s: %s", m[1], m[2])
		}
	}
	if len(rules) != int(keyring.T10) {
		t.Errorf("%d rules are found", len(rules))
	}
}

// passing returns a ring and one that may take its place now and in ten days, but not in
// five: then a codec begins to be written of which it alone knows.
func passing(t *testing.T, now time.Time) (was, is *keyring.Ring) {
	t.Helper()
	path, _ := rotated(t, signer.HMACSHA256())
	was, err := readRing(t, path).Edit(now, func(d *keyring.Document) error {
		d.Codecs = []keyring.CodecFrom{{Codec: "json", From: now.Add(6 * day)}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	is, err = was.Edit(now, func(d *keyring.Document) error {
		d.Codecs = []keyring.CodecFrom{{Codec: "cbor", From: now.Add(5 * day)}, {Codec: "json", From: now.Add(6 * day)}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return was, is
}

// What is unsafe for a while only is not to be published then, nor is that put off for ever.
func TestPlanFindsTheFirstTimeThatIsTooLate(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	was, is := passing(t, now)
	by, ends := publishBy(was, is, now)
	if want := now.Add(5*day - keyring.DefaultPropagation); !ends || !by.Equal(want) {
		t.Errorf("by %v, %t, want %v", by, ends, want)
	}
	from, comes := publishFrom(was, is, now.Add(5*day))
	if want := now.Add(6*day + keyring.DefaultSkew); !comes || !from.Equal(want) {
		t.Errorf("from %v, %t, want %v", from, comes, want)
	}
	old, path := filepath.Join(t.TempDir(), "old.json"), filepath.Join(t.TempDir(), "new.json")
	for name, r := range map[string]*keyring.Ring{old: was, path: is} {
		if err := keyring.WriteFile(name, r); err != nil {
			t.Fatal(err)
		}
	}
	r := want(t, 1, "", "keyring", "plan", old, path, "--at", stamp(now.Add(5*day)))
	if !strings.Contains(r.out, "\nwait, and publish it from "+stamp(from)+" on; or, if no instance has "+path+" yet, drop it: ") {
		t.Errorf("%q", r.out)
	}
	// And so it is whenever one looks.
	for h := time.Duration(0); h < 30*day; h += time.Hour {
		at := now.Add(h)
		if safe := len(unaccepted(keyring.Plan(was, is, at))) == 0; safe != (!at.After(by) || !at.Before(from)) {
			t.Errorf("after %v: safe is %t", h, safe)
		}
	}
}

// Between two turning points nothing turns.
func TestPlanTurnsAtTurningPoints(t *testing.T) {
	now := time.Now().UTC()
	path, keys := rotated(t, signer.HMACSHA256())
	ring := readRing(t, path)
	edit := func(r *keyring.Ring, at time.Time, f func(*keyring.Document) error) *keyring.Ring {
		r, err := r.Edit(at, f)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	rotated := edit(ring, now, func(d *keyring.Document) error { return d.Rotate(now, signer.Algorithm{}, 10*day) })
	scheduled := edit(rotated, now, func(d *keyring.Document) error { return d.ScheduleCodec(now, "cbor", now.Add(3*day)) })
	promoted := edit(rotated, now.Add(2*day), func(d *keyring.Document) error { return d.Promote(now.Add(2 * day)) })
	retired := edit(ring, now, func(d *keyring.Document) error {
		for i := range d.Keys {
			if d.Keys[i].ID() == keys["active"] {
				d.Keys[i].VerifyUntil = now.Truncate(time.Second).Add(60 * day)
			}
		}
		return nil
	})
	pruned := edit(scheduled, now.Add(100*day), func(d *keyring.Document) error {
		_, err := d.Prune(now.Add(100 * day))
		return err
	})
	longer := edit(rotated, now, func(d *keyring.Document) error {
		return d.SetPolicy(now, keyring.Policy{Propagation: 2 * time.Hour, Skew: time.Minute, MaxSession: 30 * day})
	})
	turns := 0
	for name, pair := range map[string][2]*keyring.Ring{
		"rotate": {ring, rotated}, "codec": {rotated, scheduled}, "promote": {rotated, promoted}, "retire": {ring, retired},
		"prune": {scheduled, pruned}, "policy": {rotated, longer}, "all": {ring, pruned}, "back": {pruned, ring},
	} {
		said := func(at time.Time) (all string) {
			for _, f := range keyring.Plan(pair[0], pair[1], at) {
				all += f.Rule.String() + f.Key.String() + " "
			}
			return all
		}
		points := turningPoints(pair[0], pair[1], now)
		before := said(now)
		for lo := now; lo.Before(now.Add(120 * day)); lo = lo.Add(time.Hour) {
			hi := lo.Add(time.Hour)
			after := said(hi)
			if after == before {
				continue
			}
			for a, b := lo, hi; ; {
				if b.Sub(a) <= time.Second {
					turns++
					if !slices.ContainsFunc(points, func(p time.Time) bool { return !p.Before(a) && !p.After(b) }) {
						t.Errorf("%s: at %v %q becomes %q, and there is no turning point", name, b.Sub(now), before, after)
					}
					break
				}
				if m := a.Add(b.Sub(a) / 2); said(m) == before {
					a = m
				} else {
					b = m
				}
			}
			before = after
		}
	}
	if turns < 10 {
		t.Errorf("%d turns", turns)
	}
}
