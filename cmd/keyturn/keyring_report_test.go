package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// noon is when the edits of these tests are made.
var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// reportedRing returns a ring of two keys, or of one that has no other beside it.
func reportedRing(t *testing.T, standby bool, edit func(d *keyring.Document)) *keyring.Ring {
	t.Helper()
	active := keyring.GenerateKey(signer.HMACSHA256())
	active.Added, active.SignFrom = noon.Add(-30*day), noon.Add(-30*day)
	d := keyring.Document{Name: "shop", Generation: 7, Published: noon.Add(-day), Keys: []keyring.Key{active}}
	if standby {
		k := keyring.GenerateKey(signer.HMACSHA256())
		k.Added = noon.Add(-20 * day)
		d.Keys = append(d.Keys, k)
	}
	if edit != nil {
		edit(&d)
	}
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reportOf returns the report of an edit at noon.
func reportOf(t *testing.T, was *keyring.Ring, d draft, edit func(*keyring.Document) error) editReport {
	t.Helper()
	d.now = noon
	is, err := was.Edit(noon, edit)
	if err != nil {
		t.Fatal(err)
	}
	c := editing{}
	c.File = "shop.json"
	return c.report(was, is, d)
}

func TestChangesOfAKeyAreSaid(t *testing.T) {
	k := keyring.GenerateKey(signer.HMACSHA256())
	with := func(edits ...func(*keyring.Key)) keyring.Key {
		k := k
		for _, f := range edits {
			f(&k)
		}
		return k
	}
	signs := func(k *keyring.Key) { k.SignFrom = noon }
	later := func(k *keyring.Key) { k.SignFrom = noon.Add(day) }
	ends := func(k *keyring.Key) { k.VerifyUntil = noon.Add(30 * day) }
	off := func(k *keyring.Key) { k.Disabled = true }
	revoked := func(k *keyring.Key) { k.Revoked = noon }
	pruned := func(k *keyring.Key) { k.Pruned = noon }
	const stands = "verifies, and takes over when you say so"
	for _, test := range []struct {
		name    string
		was, is keyring.Key
		known   bool
		want    string
	}{
		{"nothing", with(signs, ends), with(signs, ends), true, ""},
		{"a standby key", keyring.Key{}, with(), false, "new; " + stands},
		{"a standby key that retires", keyring.Key{}, with(ends), false, "new; verifies until 2026-10-31T12:00:00Z"},
		{"a key that signs", keyring.Key{}, with(signs), false, "new; signs from 2026-10-01T12:00:00Z"},
		{"a tombstone", keyring.Key{}, with(revoked), false, "new; sessions of it end, and its secret is erased"},
		{"to sign", with(), with(signs), true, "signs from 2026-10-01T12:00:00Z"},
		{"to sign at another time", with(signs), with(later), true, "signs from 2026-10-02T12:00:00Z"},
		{"not to sign", with(signs), with(), true, "not to sign"},
		{"to retire", with(signs), with(signs, ends), true, "verifies until 2026-10-31T12:00:00Z"},
		{"not to retire", with(signs, ends), with(signs), true, "does not retire"},
		{"to stand by, and retire", with(signs), with(ends), true, "not to sign; verifies until 2026-10-31T12:00:00Z"},
		{"disabled", with(), with(off), true, "sessions of it are refused until it is enabled, and its cookies left alone"},
		{"disabled still", with(off), with(off, ends), true, "verifies until 2026-10-31T12:00:00Z"},
		{"enabled", with(off), with(), true, "enabled"},
		{"revoked", with(signs), with(revoked), true, "sessions of it end, and its secret is erased"},
		{"revoked still", with(signs, revoked), with(revoked), true, ""},
		{"pruned", with(signs, ends), with(pruned), true, "sessions of it are over, and its secret is erased"},
		{"pruned still", with(signs, pruned), with(pruned), true, ""},
		{"pruned, and then revoked", with(pruned), with(pruned, revoked), true, "sessions of it end, and its secret is erased"},
		{"revoked, and then pruned", with(revoked), with(pruned, revoked), true, "sessions of it end, and its secret is erased"},
	} {
		if got := changed(test.was, test.is, test.known); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// What has changed is said, and what has not is not.
func TestReportsSayWhatHasChanged(t *testing.T) {
	codecs := func(of ...string) func(*keyring.Document) {
		return func(d *keyring.Document) {
			for i, c := range of {
				d.Codecs = append(d.Codecs, keyring.CodecFrom{Codec: c, From: noon.Add(time.Duration(i-1) * 10 * day)})
			}
		}
	}
	for _, test := range []struct {
		name string
		was  func(*keyring.Document)
		edit func(*keyring.Document) error
		want []string
	}{
		{"the policy", nil, func(d *keyring.Document) error { return d.SetPolicy(noon, keyring.Policy{Propagation: 2 * time.Hour}) },
			[]string{"policy: propagation 2h, skew 5m, sessions of 14d at most, and of 14d ever"}},
		{"not_before", nil, func(d *keyring.Document) error { return d.EndSessions(noon, noon, "leak") },
			[]string{"sessions that began before 2026-10-01T12:00:00Z are over"}},
		{"the codec", nil, func(d *keyring.Document) error { return d.ScheduleCodec(noon, "cbor", noon) },
			[]string{"codec cbor: written from 2026-10-01T13:00:00Z"}},
		{"a codec after others", codecs("json", "msgpack"), func(d *keyring.Document) error { return d.ScheduleCodec(noon, "cbor", noon.Add(day)) },
			[]string{"codec cbor: written from 2026-10-02T12:00:00Z"}},
		{"a codec instead of another", codecs("json", "msgpack", "cbor"), func(d *keyring.Document) error { return d.ScheduleCodec(noon, "json", noon.Add(day)) },
			[]string{"codec json: written from 2026-10-02T12:00:00Z", "codec cbor from 2026-10-11T12:00:00Z: no longer in the schedule"}},
		{"no codec any more", codecs("json", "msgpack", "cbor"), func(d *keyring.Document) error { d.Codecs = d.Codecs[:2]; return nil },
			[]string{"codec cbor from 2026-10-11T12:00:00Z: no longer in the schedule"}},
	} {
		r := reportOf(t, reportedRing(t, true, test.was), draft{}, test.edit)
		if !slices.Equal(r.changes, test.want) {
			t.Errorf("%s: %q, want %q", test.name, r.changes, test.want)
		}
		if got := !r.NotBefore.IsZero(); got != (test.name == "not_before") {
			t.Errorf("%s: not before %v", test.name, r.NotBefore)
		}
		if got := len(r.Codecs) > 0; got != strings.Contains(test.name, "codec") {
			t.Errorf("%s: codecs %v", test.name, r.Codecs)
		}
	}
	// A tombstone that goes.
	was := reportedRing(t, true, func(d *keyring.Document) {
		k := keyring.GenerateKey(signer.HMACSHA256())
		k.Revoked = noon.Add(-60 * day)
		d.Keys = append(d.Keys, k)
	})
	r := reportOf(t, was, draft{}, func(d *keyring.Document) error { _, err := d.Prune(noon); return err })
	if len(r.Gone) != 1 || !slices.Equal(r.changes, []string{"key " + r.Gone[0] + ": its tombstone is removed, since every session of it is over"}) {
		t.Errorf("%v: %q", r.Gone, r.changes)
	}
}

// A ring that is left as it is has no findings, whatever is wrong with it; what is wrong
// with the ring is a warning.
func TestReportsOfNothingToDo(t *testing.T) {
	was := reportedRing(t, false, nil)
	r := reportOf(t, was, draft{}, func(*keyring.Document) error { return nil })
	b, err := json.Marshal(r)
	if err != nil || r.Changed || r.Refused || len(r.Findings) > 0 || !strings.Contains(string(b), `"findings":[]`) {
		t.Errorf("%s: %v", b, err)
	}
	if !slices.Equal(r.Warnings, was.Warnings(noon)) || len(r.Warnings) != 1 {
		t.Errorf("%q", r.Warnings)
	}
	var out, errs bytes.Buffer
	std := streams{out: bufio.NewWriter(&out), err: &errs}
	if err := r.show(std, false); err != nil || std.out.Flush() != nil {
		t.Error(err)
	}
	if out.String() != "shop.json: nothing to do: ring shop, generation 7 is left as it is\n" || errs.String() != "keyturn: shop.json: warning: "+r.Warnings[0]+"\n" {
		t.Errorf("%q %q", &out, &errs)
	}
}

// Who is refused is told each rule to accept, once, and not what is accepted anyway.
func TestRefusalsNameTheRulesToAccept(t *testing.T) {
	was := reportedRing(t, false, nil)
	r := reportOf(t, was, draft{}, func(d *keyring.Document) error {
		d.Policy.MaxSession, d.Policy.MaxSessionHigh = day, day // T6
		d.NotBefore = noon.Add(-day)                            // T6 again, and T9 as it is
		d.Override.Generation = 8
		d.Override.Accept(noon, "x", keyring.Exception{Rule: keyring.T9})
		return nil
	})
	if !r.Refused || !r.PublishBy.IsZero() || len(r.Findings) != 3 {
		t.Fatalf("%+v", r)
	}
	for _, asJSON := range []bool{false, true} {
		var out, errs bytes.Buffer
		std := streams{out: bufio.NewWriter(&out), err: &errs}
		err := r.show(std, asJSON)
		std.out.Flush()
		f := (*failure)(nil)
		if !errors.As(err, &f) || f.status != statusRefused || errs.Len() > 0 || asJSON != (out.Len() > 0) || asJSON != (f.err == nil) {
			t.Fatalf("%v: %q %q", err, &out, &errs)
		}
		if lines := strings.Split(f.Error(), "\n"); !asJSON && (len(lines) != 3 || !strings.HasPrefix(lines[0], "shop.json: T6: ") || !strings.HasPrefix(lines[1], "shop.json: T6: ") ||
			lines[2] != "shop.json: nothing is written; if you mean it, repeat with --accept T6 --reason TEXT") {
			t.Errorf("%q", lines)
		}
	}
	if got := rules([]findingDescription{{Rule: "T4"}, {Rule: "T5", Accepted: true}, {Rule: "T7"}, {Rule: "T4"}}); got != "T4,T7" {
		t.Errorf("%s", got)
	}
}

// A clock that is behind what the former ring says is noted, if by more than clocks differ.
func TestReportsNoteAClockThatIsBehind(t *testing.T) {
	for ahead, want := range map[time.Duration]bool{keyring.DefaultSkew: false, keyring.DefaultSkew + 1: true} {
		was := reportedRing(t, true, func(d *keyring.Document) { d.Published = noon.Add(ahead) })
		r := reportOf(t, was, draft{notes: []string{"a note"}}, func(d *keyring.Document) error { return d.ScheduleCodec(noon, "cbor", noon) })
		if got := len(r.Notes) == 2 && strings.Contains(r.Notes[1], "published at 2026-10-01T12:05:00Z, and here it is 2026-10-01T12:00:00Z"); got != want || r.Notes[0] != "a note" {
			t.Errorf("%v: %q", ahead, r.Notes)
		}
	}
}

func TestReportsSayWhatComesNext(t *testing.T) {
	r := editReport{File: "f", Ring: "shop", Was: 7, Generation: 8, Changed: true, Written: true, now: noon,
		changes: []string{"a change"}, Findings: []findingDescription{{Rule: "T5", Text: "a finding", Accepted: true}}, Notes: []string{"a note"}}
	const (
		written = "f: ring shop, generation 8 is written (it was 7)\n"
		rest    = "a change\naccepted: T5: a finding\na note\n"
		atOnce  = "next: publish the file to every instance at once"
	)
	for _, test := range []struct {
		name string
		edit func(r *editReport)
		want string
	}{
		{"no end", func(r *editReport) {}, written + rest + "next: publish the file to every instance\n"},
		{"an end", func(r *editReport) { r.PublishBy = noon.Add(day) }, written + rest + "next: publish the file to every instance, and begin by 2026-10-02T12:00:00Z, in 1d\n"},
		{"an end in a minute", func(r *editReport) { r.PublishBy = noon.Add(time.Minute) }, written + rest + "next: publish the file to every instance, and begin by 2026-10-01T12:01:00Z, in 1m\n"},
		{"an end in less", func(r *editReport) { r.PublishBy = noon.Add(time.Minute - 1) }, written + rest + atOnce + "; keyturn keyring plan tells whether it is too late\n"},
		{"urgent", func(r *editReport) { r.urgent = true }, written + rest + atOnce + "\n"},
		{"urgent, and an end", func(r *editReport) { r.urgent, r.PublishBy = true, noon.Add(day) }, written + rest + atOnce + "\n"},
		{"then", func(r *editReport) { r.urgent, r.Then = true, "end sessions" }, written + rest + atOnce + "\nthen: end sessions\n"},
		{"a dry run", func(r *editReport) { r.Written, r.Then = false, "end sessions" },
			"f: nothing is written; ring shop would be of generation 8 (it is 7), and new keys would have other IDs\n" + rest},
	} {
		r := r
		test.edit(&r)
		var out bytes.Buffer
		if r.write(&out); out.String() != test.want {
			t.Errorf("%s: %q, want %q", test.name, &out, test.want)
		}
	}
	was := reportedRing(t, true, nil)
	d := draft{then: "end sessions", urgent: true}
	if r := reportOf(t, was, d, func(d *keyring.Document) error { return d.Promote(noon) }); r.Then != d.then || !r.urgent || !r.now.Equal(noon) {
		t.Errorf("%+v", r)
	}
}

// The last second to publish is found to the second, and is safe.
func TestPublishByIsTheLastSecond(t *testing.T) {
	was := reportedRing(t, true, nil)
	is, err := was.Edit(noon, func(d *keyring.Document) error { return d.Rotate(noon, signer.Algorithm{}, 2*day) })
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, time.Second / 4, time.Second / 2, time.Hour - 1} {
		by, ends := publishBy(was, is, noon.Add(after))
		late := noon.Add(2*day - keyring.DefaultPropagation).Sub(by)
		if !ends || late < 0 || late > time.Second || !by.Equal(by.Truncate(time.Second)) || by.Location() != time.UTC {
			t.Errorf("after %v: %v, %v too early", after, by, late)
		}
	}
	found := describeFindings([]keyring.Finding{{Rule: keyring.T9, Text: "x"}, {Rule: keyring.T4, Key: keyring.KeyID{1}, Accepted: true}})
	if want := []findingDescription{{Rule: "T9", Text: "x"}, {Rule: "T4", Key: "01000000", Accepted: true}}; !slices.Equal(found, want) {
		t.Errorf("%+v", found)
	}
}

// A note on how long sessions are is of an edit that changes that.
func TestPolicyNotesWhatSessionsMayDo(t *testing.T) {
	was := reportedRing(t, true, nil)
	length, skew := duration(20*day), duration(time.Minute)
	for name, test := range map[string]struct {
		flags policyFlags
		want  string
	}{
		"longer":  {policyFlags{MaxSession: &length}, "an application with a longer Lifetime can be deployed when every instance has the file"},
		"clocks":  {policyFlags{Skew: &skew}, ""},
		"shorter": {policyFlags{MaxSession: &skew}, "there may be sessions of up to 14d: max_session_high stays, so that their keys do"},
	} {
		doc := was.Document()
		d := draft{Document: &doc, ring: was, now: noon}
		p, err := test.flags.policy()
		if err != nil {
			t.Fatal(err)
		}
		if err := setPolicy(&d, p); err != nil || strings.Join(d.notes, ";") != test.want {
			t.Errorf("%s: %q, %v", name, d.notes, err)
		}
	}
}
