package main

import (
	"os"
	"path/filepath"
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
