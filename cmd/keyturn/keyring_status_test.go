package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestStatusIsWhatAnOperatorWantsToKnow(t *testing.T) {
	d, keys := everyState(t)
	d.NotBefore = base.Add(-15 * day)
	d.Codecs = []keyring.CodecFrom{{Codec: "json", From: base.Add(-9 * day)}, {Codec: "cbor", From: base.Add(2 * day)}}
	path := writeRing(t, d)
	at := base.Format(time.RFC3339)
	id := func(state string) string { return keys[state].ID().String() }

	r := want(t, 0, "", "keyring", "status", path, "--at", at)
	for _, line := range []string{
		"ring shop, generation 7, published 2026-10-01T00:00:00Z, as of 2026-10-01T00:00:00Z",
		"policy: propagation 1h, skew 5m, sessions of 14d at most, and of 14d ever",
		"sessions that began before 2026-09-16T00:00:00Z are over",
		"signs " + id("active") + " hmac-sha256 since 2026-09-30T00:00:00Z, for 1d",
		"next " + id("pending") + " hmac-sha256 signs from 2026-10-02T00:00:00Z, in 1d",
		"standby " + id("standby") + " hmac-sha256 added 2026-09-01T00:00:00Z, ready since 2026-09-01T01:00:00Z",
		"retiring " + id("retiring") + " hmac-sha256 verifies until 2026-10-21T00:00:00Z, for 20d more",
		"disabled " + id("disabled"),
		"prune " + id("retired") + " now, with keyturn keyring prune",
		"writes json",
		"2026-10-02T00:00:00Z key " + id("pending") + " signs",
		"2026-10-03T00:00:00Z cbor is written",
		"2026-10-21T00:00:00Z key " + id("retiring") + " verifies no more",
		"2026-10-21T00:05:00Z key " + id("retiring") + " can be pruned",
	} {
		found := false
		for l := range strings.Lines(r.out) {
			found = found || strings.Join(strings.Fields(l), " ") == line
		}
		if !found {
			t.Errorf("no line %q in\n%s", line, r.out)
		}
	}
	hideSecrets(t, path, r)

	var s ringStatus
	j := want(t, 0, "", "keyring", "status", path, "--at", at, "--json")
	decodeJSON(t, j.out, &s)
	var ahead []string
	for _, e := range s.Ahead {
		ahead = append(ahead, fmt.Sprint(e.At.Sub(base), e.Key, e.What))
	}
	if s.Signs == nil || s.Signs.ID != id("active") || len(s.Next) != 1 || len(s.Standby) != 1 || !s.Standby[0].Ready || len(s.Retiring) != 1 ||
		!s.Retiring[0].PrunableFrom.Equal(base.Add(20*day+5*time.Minute)) || len(s.Disabled) != 1 || len(s.Prunable) != 1 || s.Codec != "json" || len(ahead) != 4 ||
		ahead[1] != "48h0m0scbor is written" || s.Checksum != readRing(t, path).Checksum() {
		t.Errorf("%+v", s)
	}
	hideSecrets(t, path, j)

	// As of another time, it is another.
	s = ringStatus{}
	decodeJSON(t, want(t, 0, "", "keyring", "status", path, "--at", base.Add(30*day).Format(time.RFC3339), "--json").out, &s)
	if s.Signs.ID != id("pending") || len(s.Next) != 0 || s.Codec != "cbor" || len(s.Prunable) < 2 || len(s.Ahead) != 0 {
		t.Errorf("%+v", s)
	}
	s = ringStatus{}
	decodeJSON(t, want(t, 0, "", "keyring", "status", path, "--at", base.Add(-30*day).Add(59*time.Minute).Format(time.RFC3339), "--json").out, &s)
	if s.Standby[0].Ready || !s.Standby[0].ReadyFrom.Equal(base.Add(-30*day).Add(time.Hour)) || s.Codec != "" {
		t.Errorf("%+v", s)
	}
}

// What becomes of a ring that is left alone is seen ahead, also if it is nothing good.
func TestStatusSeesTheEnd(t *testing.T) {
	k := newKey(signer.HMACSHA256())
	k.SignFrom, k.VerifyUntil = base.Add(-day), base.Add(60*day)
	path := writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k}})
	at := func(d time.Duration) []string {
		return []string{"keyring", "status", path, "--at", base.Add(d).Format(time.RFC3339)}
	}
	r := want(t, 0, "", at(0)...)
	for _, says := range []string{"2026-11-30T00:00:00Z  no key may sign\n", "since 2026-09-30T00:00:00Z, for 1d, and verifies until 2026-11-30T00:00:00Z", "standby  no key", "writes   as the application says"} {
		if !strings.Contains(r.out, says) {
			t.Errorf("no %q in\n%s", says, r.out)
		}
	}
	if !strings.Contains(r.err, "warning: no standby key") {
		t.Errorf("%q", r.err)
	}
	if r := want(t, 0, "", at(61*day)...); !strings.Contains(r.out, "signs    no key\n") || !strings.Contains(r.err, "warning: no key may sign") {
		t.Errorf("%q %q", r.out, r.err)
	}
}

// What was edited this second is not in the future.
func TestStatusIsNotBeforeTheEdit(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "promote", path)
	for range 10 {
		was := readRing(t, path)
		at := time.Now()
		is, err := was.Edit(at, func(d *keyring.Document) error { d.Policy.Skew += time.Second; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := keyring.WriteFile(path, is); err != nil {
			t.Fatal(err)
		}
		var s ringStatus
		if decodeJSON(t, want(t, 0, "", "keyring", "status", path, "--json").out, &s); s.Published.After(s.At) {
			t.Errorf("published %v, as of %v", s.Published, s.At)
		}
		var d ringDescription
		if decodeJSON(t, want(t, 0, "", "keyring", "list", path, "--json").out, &d); d.Published.After(d.At) {
			t.Errorf("published %v, as of %v", d.Published, d.At)
		}
	}
}

func hideSecrets(t *testing.T, path string, r result) {
	t.Helper()
	for _, s := range secrets(t, path) {
		if strings.Contains(r.out+r.err, s) {
			t.Error("a secret is shown")
		}
	}
}
