package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// rotated returns a ring that has been in use for 100 days, with a key in each of
// the states that matter, now, and members that a later version may add.
func rotated(t *testing.T, a signer.Algorithm) (path string, keys map[string]keyring.KeyID) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	keys = map[string]keyring.KeyID{}
	d := keyring.Document{Name: "shop", Generation: 7, Published: now.Add(-90 * day)}
	add := func(name string, f func(k *keyring.Key)) {
		k := keyring.GenerateKey(a)
		k.Added = now.Add(-100 * day)
		f(&k)
		keys[name] = k.ID()
		d.Keys = append(d.Keys, k)
	}
	add("active", func(k *keyring.Key) { k.SignFrom = now.Add(-10 * day) })
	add("standby", func(*keyring.Key) {})
	add("retiring", func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = now.Add(-90*day), now.Add(5*day) })
	add("retired", func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = now.Add(-99*day), now.Add(-80*day) })
	add("disabled", func(k *keyring.Key) {
		k.SignFrom, k.VerifyUntil, k.Disabled = now.Add(-95*day), now.Add(-day), true
		k.VerifyUntil = now.Add(3 * day)
	})
	add("pruned", func(k *keyring.Key) { k.SignFrom, k.Pruned = now.Add(-99*day), now.Add(-day) })
	add("old tombstone", func(k *keyring.Key) { k.SignFrom, k.Revoked, k.Reason = now.Add(-99*day), now.Add(-60*day), "lost" })
	path = writeRing(t, d)
	rewrite(t, path, `"generation": 7,`, `"generation": 7, "future": {"a": [1, 2.50]},`)
	rewrite(t, path, `"disabled": true`, `"disabled": true, "owner": "me"`)
	want(t, 0, "", "keyring", "check", path, "--write")
	return path, keys
}

// expand puts a key's ID in the place of each {state}.
func expand(args string, path string, keys map[string]keyring.KeyID) (all []string) {
	for _, a := range strings.Fields(args) {
		a = strings.ReplaceAll(a, "@RING", path)
		for name, id := range keys {
			a = strings.ReplaceAll(a, "{"+name+"}", id.String())
		}
		all = append(all, a)
	}
	return all
}

// A stored is a file as it is, to see whether it was written.
type stored struct {
	info os.FileInfo
	text string
}

func store(t *testing.T, path string) stored {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return stored{info, string(text)}
}

// untouched checks that the file was not even written again.
func (s stored) untouched(t *testing.T, path string) {
	t.Helper()
	now := store(t, path)
	if !os.SameFile(s.info, now.info) || !s.info.ModTime().Equal(now.info.ModTime()) || s.text != now.text {
		t.Error("the file was written")
	}
}

func TestEdits(t *testing.T) {
	hmac, seals := signer.HMACSHA256(), signer.XChaCha20Poly1305()
	literal := base64.StdEncoding.EncodeToString([]byte("W8e2fyJ4kd93kdo2mdlPq81jdYe4tTza"))
	for _, test := range []struct {
		name   string
		of     signer.Algorithm
		args   string
		status int
		says   string // on standard output or, if it is refused, on standard error
		after  string // keys and their states
	}{
		{"rotate", hmac, "rotate @RING", 0, ", in 1d", "standby=pending active=active"},
		{"rotate in a week", hmac, "rotate @RING --in 7d", 0, ", in 6d", "standby=pending active=active"},
		{"rotate as soon as can be", hmac, "rotate @RING --in 0", 0, "is too soon", "standby=pending"},
		{"rotate to another algorithm", hmac, "rotate @RING --algorithm blake2b-256", 0, "blake2b-256 pending", "standby=retiring active=active"},
		{"rotate an old key", hmac, "rotate @RING --if-older-than 9d23h", 0, "generation 8 is written", "standby=pending"},
		{"rotate a young key", hmac, "rotate @RING --if-older-than 10d1h", 0, "nothing to do", "standby=standby"},
		{"rotate to write in the clear", seals, "rotate @RING --algorithm hmac-sha256", 1, "--accept T7 --reason", ""},
		{"rotate to write in the clear, and mean something else", seals, "rotate @RING --algorithm hmac-sha256 --accept T4,T5 --reason x", 1, "T7: from", ""},
		{"rotate to write in the clear, and mean it", seals, "rotate @RING --algorithm hmac-sha256 --accept T4,T7 --reason x", 0, "accepted: T7", "active=active"},
		{"rotate to nothing", hmac, "rotate @RING --algorithm md5", 64, "--algorithm: not hmac-sha256, blake2b-256 or xchacha20-poly1305", ""},
		{"rotate in a while", hmac, "rotate @RING --in soon", 64, "--in: not a duration like 90d", ""},

		{"standby that is there", hmac, "standby @RING", 0, "nothing to do", "standby=standby"},
		{"standby of another algorithm", hmac, "standby @RING --algorithm xchacha20-poly1305", 0, "xchacha20-poly1305 standby: new", "standby=standby"},

		{"promote", hmac, "promote @RING", 0, "next: publish the file to every instance at once", "standby=active active=retiring"},

		{"disable the key that signs", hmac, "disable @RING {active} --reason odd", 0, "accepted: T5", "active=disabled standby=active"},
		{"disable the standby key", hmac, "disable @RING {standby} --reason odd", 0, "standby: new", "active=active standby=disabled"},
		{"disable again", hmac, "disable @RING {disabled} --reason odd", 0, "nothing to do", "disabled=disabled"},
		{"disable for no reason", hmac, "disable @RING {active}", 64, "--reason: say why", ""},
		{"disable no key", hmac, "disable @RING 00000000 --reason x", 78, "there is no key 00000000", ""},
		{"disable a tombstone", hmac, "disable @RING {pruned} --reason x", 78, "revoked or pruned", ""},
		{"disable what is no ID", hmac, "disable @RING X --reason x", 64, "8 lower-case hexadecimal digits", ""},
		{"enable", hmac, "enable @RING {disabled}", 0, "enabled", "disabled=retiring"},
		{"enable again", hmac, "enable @RING {active}", 0, "nothing to do", "active=active"},
		{"enable a tombstone", hmac, "enable @RING {pruned}", 78, "revoked or pruned", ""},

		{"revoke the key that signs", hmac, "revoke @RING {active} --reason leak", 0, "--not-before now ends all", "active=revoked standby=active"},
		{"revoke the key that signs, which seals", seals, "revoke @RING {active} --reason leak", 0, "at once", "active=revoked standby=active"},
		{"revoke a retiring key", hmac, "revoke @RING {retiring} --reason leak", 0, "reissued under another key since", "retiring=revoked active=active"},
		{"revoke a standby key", hmac, "revoke @RING {standby} --reason leak", 0, "--not-before now ends all", "standby=revoked active=active"},
		{"revoke, and end all sessions", hmac, "revoke @RING {active} --reason leak --not-before now", 0, "accepted: T6", "active=revoked standby=active"},
		{"revoke, and end old sessions", hmac, "revoke @RING {active} --reason leak --not-before 2026-01-01T00:00:00Z", 0, "began before 2026-01-01T00:00:00Z are over", "active=revoked"},
		{"revoke again", hmac, "revoke @RING {old-tombstone} --reason leak", 0, "nothing to do", ""},
		{"revoke for no reason", hmac, "revoke @RING {active}", 64, "--reason", ""},
		{"revoke nothing", hmac, "revoke @RING --reason x", 64, "which key?", ""},
		{"revoke one and all", hmac, "revoke @RING {active} --all --reason x --yes", 64, "say one of them", ""},
		{"revoke one, yes", hmac, "revoke @RING {active} --reason x --yes", 64, "--yes is for --all", ""},
		{"revoke no key", hmac, "revoke @RING 12345678 --reason x", 78, "there is no key 12345678", ""},
		{"revoke, and let nobody in", hmac, "revoke @RING {active} --reason x --not-before 2999-01-01T00:00:00Z", 64, "nobody could sign in", ""},
		{"revoke, at no time", hmac, "revoke @RING {active} --reason x --not-before noon", 64, "--not-before: not a time like 2026-10-01T00:00:00Z", ""},
		{"revoke all without a yes", hmac, "revoke @RING --all --reason x", 1, "signs everybody out", ""},
		{"revoke all", hmac, "revoke @RING --all --reason x --yes", 0, "everybody is signed out", "active=revoked standby=revoked retiring=revoked disabled=revoked"},

		{"revoke, and say what comes then", hmac, "revoke @RING {active} --reason leak --not-before now", 0, "then: 1h10m after it is published", ""},
		{"end sessions", hmac, "end-sessions @RING --before now --reason x", 0, "accepted: T6", "active=active standby=standby"},
		{"end old sessions", hmac, "end-sessions @RING --before 2026-01-01T00:00:00Z --reason x", 0, "began before 2026-01-01T00:00:00Z are over", "active=active"},
		{"expect no generation", hmac, "standby @RING --expect-generation 0", 1, "of generation 7, and not 0", ""},
		{"end sessions to come", hmac, "end-sessions @RING --before 2999-01-01T00:00:00Z --reason x", 78, "nobody could sign in", ""},
		{"end sessions for no reason", hmac, "end-sessions @RING --before now", 64, "--reason", ""},
		{"end sessions of no time", hmac, "end-sessions @RING --reason x", 64, "--before", ""},

		{"prune", hmac, "prune @RING", 0, "its tombstone is removed", "retired=pruned old-tombstone=unknown retiring=retiring pruned=pruned"},

		{"codec", hmac, "codec @RING cbor", 0, ", in 1d", ""},
		{"codec as soon as can be", hmac, "codec @RING cbor --from now", 0, "is too soon", ""},
		{"codec at a time", hmac, "codec @RING msgpack --from 2999-01-01T00:00:00Z", 0, "msgpack: written from 2999-01-01T00:00:00Z", ""},
		{"codec of the application", hmac, "codec @RING cobr", 0, "cobr is none of json, msgpack and cbor", ""},
		{"codec with a name that is none", hmac, "codec @RING a/b", 78, "codec: not 1 to 32", ""},
		{"codec at no time", hmac, "codec @RING cbor --from tomorrow", 64, "--from: not a time like 2026-10-01T00:00:00Z", ""},

		{"accept for no reason", hmac, "rotate @RING --accept T4", 64, "--accept: say why", ""},
		{"accept what servers refuse", hmac, "rotate @RING --accept T3 --reason x", 64, "servers refuse", ""},
		{"accept no rule", hmac, "rotate @RING --accept T11 --reason x", 64, "they are T1 to T10", ""},
		{"accept what is not found", hmac, "rotate @RING --accept T5 --reason x", 0, "generation 8 is written", "standby=pending"},
		{"the generation that is there", hmac, "rotate @RING --expect-generation 7", 0, "generation 8 is written", "standby=pending"},
		{"another generation", hmac, "rotate @RING --expect-generation 6", 1, "of generation 7, and not 6", ""},
		{"another generation, and nothing to do", hmac, "standby @RING --expect-generation 8", 1, "of generation 7, and not 8", ""},

		{"import no source", hmac, "import @RING", 64, "--jwks", ""},
		{"import the secret itself", hmac, "import @RING --secret " + literal, 64, "say @FILE or env:NAME", ""},
		{"import a missing file", hmac, "import @RING --secret @/nonexistent", 65, "no such file", ""},
		{"import an unset variable", hmac, "import @RING --secret env:KEYTURN_TEST_UNSET", 65, "no such environment variable", ""},
		{"import at a time, but not to sign", hmac, "import @RING --secret env:KEYTURN_TEST_SECRET --in 1d", 64, "--in is for --active", ""},
		{"import", hmac, "import @RING --secret env:KEYTURN_TEST_SECRET", 0, "retiring: new", "active=active standby=standby"},
		{"import to sign", hmac, "import @RING --secret env:KEYTURN_TEST_SECRET --active", 0, "pending: new; signs from", "active=active standby=standby"},
		{"import to sign in the clear", seals, "import @RING --secret env:KEYTURN_TEST_SECRET --active", 1, "in the clear", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("KEYTURN_TEST_SECRET", literal)
			path, keys := rotated(t, test.of)
			keys["old-tombstone"] = keys["old tombstone"]
			hidden, before, was := secrets(t, path), store(t, path), readRing(t, path)
			args := append([]string{"keyring"}, expand(test.args, path, keys)...)

			dry := keyturn(t, "", append(args, "--dry-run")...)
			before.untouched(t, path)
			if dry.status != test.status && test.name != "revoke all without a yes" {
				t.Errorf("a dry run: status %d, want %d: %s", dry.status, test.status, dry.err)
			}
			r := want(t, test.status, "", args...)
			for _, s := range append(hidden, literal) {
				if strings.Contains(r.out+r.err+dry.out+dry.err, s) {
					t.Error("a secret is shown")
				}
			}
			hideSecrets(t, path, r)
			is := readRing(t, path)
			if test.status != 0 {
				if !strings.Contains(r.err, test.says) || r.out != "" {
					t.Errorf("%q %q, want %q on standard error", r.out, r.err, test.says)
				}
				before.untouched(t, path)
				return
			}
			if !strings.Contains(r.out, test.says) {
				t.Errorf("%q, want %q", r.out, test.says)
			}
			changed := !strings.Contains(r.out, "nothing to do")
			switch {
			case !changed:
				before.untouched(t, path)
			case is.Generation() != was.Generation()+1 || !strings.Contains(r.out, "generation 8 is written (it was 7)"):
				t.Errorf("generation %d: %s", is.Generation(), r.out)
			}
			if strings.Contains(dry.out, "nothing is written") != changed {
				t.Errorf("a dry run: %q", dry.out)
			}
			if err := keyring.New(was).Replace(is); err != nil {
				t.Errorf("a server refuses the new ring: %v", err)
			}
			for _, f := range unaccepted(keyring.Plan(was, is, time.Now())) {
				t.Errorf("%v", f)
			}
			text := store(t, path).text
			for _, kept := range []string{`"future": {`, `2.50`, `"owner": "me"`} {
				if !strings.Contains(text, kept) && !strings.Contains(test.name, "all") {
					t.Errorf("%s is lost", kept)
				}
			}
			for _, pair := range strings.Fields(test.after) {
				name, state, _ := strings.Cut(pair, "=")
				if s := is.State(keys[name], time.Now()).String(); s != state {
					t.Errorf("the %s key is %s, want %s", name, s, state)
				}
			}
			// A second later it is the same, or refused: never a second edit.
			if changed && !strings.HasPrefix(test.name, "rotate") && !strings.Contains(test.name, "generation") &&
				!strings.Contains(test.args, "--accept") && test.name != "promote" && test.name != "revoke all" && !strings.Contains(test.args, "before now") {
				after := store(t, path)
				r := want(t, 0, "", args...)
				if !strings.Contains(r.out, "nothing to do") {
					t.Errorf("again: %s", r.out)
				}
				after.untouched(t, path)
			}
		})
	}
}

// What cannot be published in time is not scheduled: whoever asks for the soonest that
// can be has some minutes for it, and is told.
func TestNothingIsScheduledTooSoonToPublish(t *testing.T) {
	t.Setenv("KEYTURN_TEST_SECRET", base64.StdEncoding.EncodeToString(ownSecret("soon")))
	for propagation, left := range map[time.Duration]time.Duration{time.Hour: 10 * time.Minute, 11 * time.Minute: 10 * time.Minute, 2 * time.Minute: 2 * time.Minute} {
		for _, args := range []string{
			"rotate @RING --in 5s", "rotate @RING --in 0", "import @RING --secret env:KEYTURN_TEST_SECRET --active --in 1m",
			"codec @RING cbor --from now", "codec @RING cbor --from 2020-01-01T00:00:00Z",
		} {
			path, _ := rotated(t, signer.HMACSHA256())
			want(t, 0, "", "keyring", "policy", path, "--propagation", propagation.String(), "--skew", "30s")
			was, before := readRing(t, path), time.Now()
			var r editReport
			decodeJSON(t, want(t, 0, "", append(append([]string{"keyring"}, expand(args, path, nil)...), "--json")...).out, &r)
			is, from := readRing(t, path), time.Time{}
			for _, k := range is.Document().Keys {
				if k.SignFrom.After(before) {
					from = k.SignFrom
				}
			}
			for _, c := range is.Codecs() {
				from = c.From
			}
			if late := from.Sub(before.Add(propagation + left)); late < 0 || late > 30*time.Second {
				t.Errorf("%s: from %v, %v after the soonest", args, from, late)
			}
			said := strings.Join(r.Notes, "\n")
			if !strings.Contains(said, " is too soon: ") || !strings.Contains(said, "it is from "+stamp(from)+" on, which leaves "+duration(left).String()+" to publish it") {
				t.Errorf("%s: %q", args, said)
			}
			if found := unaccepted(keyring.Plan(was, is, before.Add(left-time.Second))); len(found) > 0 {
				t.Errorf("%s: %v", args, found)
			}
		}
	}
	// What is not too soon is as it was asked for.
	path, _ := rotated(t, signer.HMACSHA256())
	at := time.Now().UTC().Truncate(time.Second).Add(2 * time.Hour)
	if r := want(t, 0, "", "keyring", "codec", path, "cbor", "--from", stamp(at)); strings.Contains(r.out, "too soon") || !readRing(t, path).Codecs()[0].From.Equal(at) {
		t.Errorf("%s", r.out)
	}
}

// That there is nothing to do is explained.
func TestCodecSaysWhatIsWrittenAlready(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "codec", path, "cbor")
	note := "cbor is scheduled already: it is written from " + stamp(readRing(t, path).Codecs()[0].From) + " on\n"
	if r := want(t, 0, "", "keyring", "codec", path, "cbor"); !strings.Contains(r.out, "nothing to do") || !strings.HasSuffix(r.out, "\n"+note) {
		t.Errorf("%s", r.out)
	}
	d := readRing(t, path).Document()
	since := time.Now().UTC().Truncate(time.Second).Add(-day)
	d.Codecs = []keyring.CodecFrom{{Codec: "json", From: since.Add(-day)}, {Codec: "cbor", From: since}}
	path = writeRing(t, d)
	if r := want(t, 0, "", "keyring", "codec", path, "cbor", "--from", "now"); !strings.HasSuffix(r.out, "as it is\ncbor is written already, since "+stamp(since)+"\n") {
		t.Errorf("%s", r.out)
	}
}

// White space says nothing.
func TestAReasonSaysSomething(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	before := store(t, path)
	for _, args := range []string{"disable @RING {active}", "revoke @RING {active}", "revoke @RING --all --yes", "end-sessions @RING --before now", "rotate @RING --accept T4"} {
		args := append([]string{"keyring"}, expand(args, path, keys)...)
		for _, reason := range []string{"", " ", "\t\n"} {
			if r := want(t, 64, "", append(args, "--reason", reason)...); !strings.Contains(r.err, "say why") {
				t.Errorf("%s: %q", args, r.err)
			}
		}
	}
	before.untouched(t, path)
}

// What scripts read is what people do.
func TestEditsInJSON(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	at := time.Now()
	var r editReport
	decodeJSON(t, want(t, 0, "", "keyring", "rotate", path, "--json").out, &r)
	is := readRing(t, path)
	if r.File != path || r.Ring != "shop" || r.Was != 7 || r.Generation != 8 || r.Checksum != is.Checksum() || !r.Changed || !r.Written || r.Refused || len(r.Findings) > 0 {
		t.Errorf("%+v", r)
	}
	var states []string
	for _, k := range r.Keys {
		states = append(states, k.State)
	}
	slices.Sort(states)
	if !slices.Equal(states, []string{"active", "pending", "standby"}) {
		t.Errorf("%v", states)
	}
	// It can be published until a propagation before the key signs.
	k, _ := is.Primary(at.Add(3 * day))
	if late := k.SignFrom.Add(-keyring.DefaultPropagation).Sub(r.PublishBy); k.ID() != keys["standby"] || late < 0 || late > 2*time.Second {
		t.Errorf("%v signs from %v, and is to be published by %v", k, k.SignFrom, r.PublishBy)
	}

	r = editReport{}
	decodeJSON(t, want(t, 0, "", "keyring", "codec", path, "cbor", "--dry-run", "--json").out, &r)
	if !r.Changed || r.Written || len(r.Codecs) != 1 || r.Generation != 9 || readRing(t, path).Generation() != 8 {
		t.Errorf("%+v", r)
	}
	if r.Policy != nil {
		t.Errorf("a policy that has not changed: %v", r.Policy)
	}
	r = editReport{}
	decodeJSON(t, want(t, 0, "", "keyring", "policy", path, "--max-session", "30d", "--dry-run", "--json").out, &r)
	if r.Policy == nil || *r.Policy != (policyDescription{"1h", "5m", "720h", "720h"}) {
		t.Errorf("%+v", r.Policy)
	}
	r = editReport{}
	decodeJSON(t, want(t, 0, "", "keyring", "standby", path, "--json").out, &r)
	if r.Changed || r.Written || r.Generation != 8 || r.Was != 8 {
		t.Errorf("%+v", r)
	}
	r = editReport{}
	decodeJSON(t, want(t, 0, "", "keyring", "prune", path, "--json").out, &r)
	if !slices.Equal(r.Gone, []string{keys["old tombstone"].String()}) || len(r.Keys) != 1 || r.Keys[0].ID != keys["retired"].String() {
		t.Errorf("%+v", r)
	}

	path, _ = rotated(t, signer.XChaCha20Poly1305())
	r = editReport{}
	decodeJSON(t, want(t, 1, "", "keyring", "rotate", path, "--algorithm", "hmac-sha256", "--json").out, &r)
	if !r.Refused || r.Written || len(r.Findings) == 0 || r.Findings[0].Rule != "T7" || r.Findings[0].Accepted || r.Findings[0].Key == "" {
		t.Errorf("%+v", r)
	}
	r = editReport{}
	decodeJSON(t, want(t, 0, "", "keyring", "rotate", path, "--algorithm", "hmac-sha256", "--accept", "T7", "--reason", "no secrets in it", "--json").out, &r)
	if r.Refused || !r.Written || !r.Findings[0].Accepted {
		t.Errorf("%+v", r)
	}
	if o := readRing(t, path).Document().Override; o.Generation != 8 || o.Reason != "no secrets in it" || len(o.Allow) != 1 || o.Allow[0].Rule != keyring.T7 || o.Allow[0].Key.String() != r.Findings[0].Key {
		t.Errorf("%+v", o)
	}
}

func TestEditsOfWhatIsNoRing(t *testing.T) {
	dir := t.TempDir()
	good, _ := rotated(t, signer.HMACSHA256())
	damaged, _ := rotated(t, signer.HMACSHA256())
	rewrite(t, damaged, `"generation": 7`, `"generation": 8`)
	for _, verb := range []string{"rotate", "standby", "promote", "prune", "codec X cbor", "restore X " + good, "disable X 12345678 --reason x", "enable X 12345678", "revoke X 12345678 --reason x", "status", "plan X " + good} {
		for _, path := range []string{filepath.Join(dir, "missing.json"), damaged, dir, filepath.Join(dir, "a", "b.json")} {
			args := strings.Fields(verb)
			if len(args) > 1 {
				args[1] = path
			} else {
				args = append(args, path)
			}
			r := want(t, 66, "", append([]string{"keyring"}, args...)...)
			if !strings.Contains(r.err, path) || r.out != "" {
				t.Errorf("%s: %q %q", args, r.out, r.err)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	want(t, 66, "", "keyring", "restore", good, damaged)
}

// Through a link, the file itself is edited and locked.
func TestEditsFollowLinks(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	want(t, 0, "", "keyring", "promote", link)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	if s := readRing(t, path).State(keys["standby"], time.Now()); s != keyring.Active {
		t.Errorf("the standby key is %v", s)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(link), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	l := flock.New(filepath.Join(filepath.Dir(path), ".shop.json.lock"))
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer l.Close()
	want(t, 75, "", "keyring", "prune", link, "--wait", "0")
}

func TestOneEditAtATime(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "standby", path)
	lock := filepath.Join(filepath.Dir(path), ".shop.json.lock")
	if info, err := os.Stat(lock); err != nil || info.Size() != 0 {
		t.Fatalf("%v, %v", info, err)
	}
	l := flock.New(lock)
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before := store(t, path)
	for _, wait := range []string{"0", "100ms"} {
		r := want(t, 75, "", "keyring", "rotate", path, "--wait", wait)
		if !strings.Contains(r.err, "somebody else is editing it") || r.out != "" {
			t.Errorf("%q %q", r.out, r.err)
		}
	}
	before.untouched(t, path)
	// Reading needs no lock.
	want(t, 0, "", "keyring", "status", path)
	want(t, 0, "", "keyring", "rotate", path, "--dry-run")
	// Who waits for long enough gets it.
	c := newCommand(t, "keyring", "rotate", path, "--wait", "1m")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	before.untouched(t, path)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || readRing(t, path).Generation() != 8 {
		t.Errorf("%v", err)
	}
}

// Of edits at the same time, none is lost.
func TestEditsFollowEachOther(t *testing.T) {
	d, _ := everyState(t)
	var leaked []keyring.KeyID
	for range 8 {
		k := newKey(signer.HMACSHA256())
		k.SignFrom, k.VerifyUntil = base.Add(-9*day), base.Add(9*day)
		d.Keys = append(d.Keys, k)
		leaked = append(leaked, k.ID())
	}
	path := writeRing(t, d)
	var waits []func() error
	for _, id := range leaked {
		c := newCommand(t, "keyring", "revoke", path, id.String(), "--reason", "leaked", "--wait", "1m")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waits = append(waits, c.Wait)
	}
	for _, wait := range waits {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	r := readRing(t, path)
	for _, id := range leaked {
		if s := r.State(id, time.Now()); s != keyring.Revoked {
			t.Errorf("key %v is %v", id, s)
		}
	}
	if r.Generation() != d.Generation+uint64(len(leaked)) {
		t.Errorf("generation %d", r.Generation())
	}
}

// An editor that knows nothing of the lock is not overwritten either.
func TestWhatWasWrittenMeanwhileIsKept(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	was := readRing(t, path)
	is, err := was.Edit(time.Now(), func(d *keyring.Document) error { return d.Promote(time.Now()) })
	if err != nil {
		t.Fatal(err)
	}
	want(t, 0, "", "keyring", "prune", path)
	before := store(t, path)
	var c editing
	c.File = path
	if err := c.replace(was, is); complain(new(strings.Builder), err) != 75 || !strings.Contains(err.Error(), "meanwhile") {
		t.Errorf("%v", err)
	}
	before.untouched(t, path)
}

// Also if it comes while the edit is being made, and says that it is the same
// generation: then it is not said either that anything is written.
func TestWhatIsWrittenDuringAnEditIsKept(t *testing.T) {
	for _, raised := range []uint64{0, 1} {
		path, _ := rotated(t, signer.HMACSHA256())
		d := readRing(t, path).Document()
		d.Generation += raised
		d.Published = d.Published.Add(time.Second)
		other, err := keyring.NewRing(d)
		if err != nil {
			t.Fatal(err)
		}
		var before stored
		var out bytes.Buffer
		std := streams{nil, bufio.NewWriter(&out), io.Discard}
		var c editing
		c.File = path
		err = c.edit(std, func(d *draft) error {
			if err := keyring.WriteFile(path, other); err != nil {
				t.Fatal(err)
			}
			before = store(t, path)
			return d.Promote(d.now)
		})
		std.out.Flush()
		if complain(io.Discard, err) != 75 || !strings.Contains(err.Error(), "meanwhile") || out.Len() > 0 {
			t.Errorf("%d generations later: %v, %q", raised, err, out.String())
		}
		before.untouched(t, path)
		// The next one need not wait for this one.
		if err := c.edit(std, func(d *draft) error { return d.Promote(d.now) }); err != nil {
			t.Errorf("the next edit: %v", err)
		}
	}
}

// A ring that cannot be written is not said to be.
func TestAWriteThatFailsIsSaid(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	// A name with which that of a temporary file is too long, and that of the lock is not.
	long := filepath.Join(filepath.Dir(path), strings.Repeat("n", 249))
	if err := os.Rename(path, long); err != nil {
		t.Skip(err)
	}
	before := store(t, long)
	if r := want(t, 74, "", "keyring", "rotate", long); !strings.Contains(r.err, "is not written") || r.out != "" {
		t.Errorf("%q %q", r.out, r.err)
	}
	before.untouched(t, long)
}

// Each rule that is accepted is recorded once, and no other.
func TestAcceptedRulesAreRecordedOnce(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	was, now := readRing(t, path), time.Now()
	is, err := was.Edit(now, func(d *keyring.Document) error {
		d.Codecs = append(d.Codecs, keyring.CodecFrom{Codec: "cbor", From: now}, keyring.CodecFrom{Codec: "msgpack", From: now.Add(time.Minute)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range keyring.Plan(was, is, now) {
		if f.Rule == keyring.T10 {
			found++
		}
	}
	if found != 2 {
		t.Fatalf("%d findings of T10: %v", found, keyring.Plan(was, is, now))
	}
	var c editing
	c.Accept, c.Reason = []keyring.Rule{keyring.T4, keyring.T10}, "x"
	if is, err = c.accepting(was, is, now); err != nil {
		t.Fatal(err)
	}
	if o := is.Document().Override; !slices.Equal(o.Allow, []keyring.Exception{{Rule: keyring.T10}}) || o.Generation != 8 || o.Reason != "x" {
		t.Errorf("%+v", o)
	}
}

func TestRestoreGoesBack(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	former := filepath.Join(t.TempDir(), "former.json")
	if err := os.WriteFile(former, []byte(store(t, path).text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, 0, "", "keyring", "revoke", path, keys["retiring"].String(), "--reason", "leak")
	want(t, 0, "", "keyring", "rotate", path, "--algorithm", "blake2b-256")
	r := want(t, 0, "", "keyring", "restore", path, former)
	is, now := readRing(t, path), time.Now()
	if is.Generation() != 10 || is.State(keys["standby"], now) != keyring.Retiring || is.State(keys["retiring"], now) != keyring.Revoked {
		t.Errorf("generation %d, %v, %v: %s", is.Generation(), is.State(keys["standby"], now), is.State(keys["retiring"], now), r.out)
	}
	if k, err := is.Primary(now.Add(300 * day)); err != nil || k.ID() != keys["active"] {
		t.Errorf("%v, %v", k, err)
	}
	if r := want(t, 0, "", "keyring", "restore", path, former); !strings.Contains(r.out, "nothing to do") {
		// A second later, it promises a second more.
		if got := readRing(t, path).Generation(); got != 11 {
			t.Errorf("%s", r.out)
		}
	}
	other := initRing(t, "hmac-sha256")
	rewrite(t, other, `"ring": "shop"`, `"ring": "blog"`)
	rewrite(t, other, `"generation": 1`, `"generation": 2`)
	want(t, 0, "", "keyring", "check", other, "--write")
	if r := want(t, 78, "", "keyring", "restore", path, other); !strings.Contains(r.err, `the ring to restore is "blog"`) {
		t.Errorf("%q", r.err)
	}
}

// Where there is nothing left to edit, it is said what can be done, and that works.
func TestRestoreOfAFileThatIsGone(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	dir := t.TempDir()
	former, published := filepath.Join(dir, "former.json"), filepath.Join(dir, "published.json")
	copyTo := func(to, text string) {
		t.Helper()
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyTo(former, store(t, path).text)
	want(t, 0, "", "keyring", "rotate", path)
	is := readRing(t, path)
	copyTo(published, store(t, path).text)

	rewrite(t, path, `"generation": 8`, `"generation": 9`)
	damaged := want(t, 66, "", "keyring", "restore", path, former)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{damaged, want(t, 66, "", "keyring", "restore", path, former)} {
		for _, says := range []string{"copy the published file in its place", "raise its generation", "tombstone", "keyturn keyring check " + path + " --write"} {
			if !strings.Contains(r.err, says) {
				t.Errorf("no %q in %s", says, r.err)
			}
		}
	}
	copyTo(path, store(t, published).text)
	want(t, 0, "", "keyring", "restore", path, former)

	// With the older file alone.
	copyTo(path, store(t, former).text)
	rewrite(t, path, `"generation": 7`, `"generation": 9`)
	added := is.Document().Keys[len(is.Document().Keys)-1].ID()
	rewrite(t, path, `"keys": \[`, `"keys": [{"id": "`+added.String()+`", "revoked": "2026-01-01T00:00:00Z", "reason": "the file is lost"},`)
	want(t, 0, "", "keyring", "check", path, "--write")
	if err := keyring.New(is).Replace(readRing(t, path)); err != nil {
		t.Errorf("a server refuses the ring: %v", err)
	}
}

// An edit of which one cannot go back is not the end.
func TestRestoreThatIsRefusedHasAHint(t *testing.T) {
	d, _ := everyState(t)
	now := time.Now().UTC().Truncate(time.Second)
	d.Keys = d.Keys[:0]
	seals := newKey(signer.XChaCha20Poly1305())
	clear := newKey(signer.HMACSHA256())
	clear.SignFrom = now.Add(-day)
	d.Keys = append(d.Keys, seals, clear)
	former := writeRing(t, d)
	d.Keys[0].SignFrom = now.Add(-time.Hour) // since then, what is written is encrypted
	d.Generation++
	path := writeRing(t, d)
	r := want(t, 1, "", "keyring", "restore", path, former)
	if !strings.Contains(r.err, "T7") || !strings.Contains(r.err, path+": another former ring may do") {
		t.Errorf("%s", r.err)
	}
	if r := want(t, 1, "", "keyring", "rotate", path, "--algorithm", "hmac-sha256"); strings.Contains(r.err, "a later former ring") {
		t.Errorf("%s", r.err)
	}
}

func TestDurationsHaveDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "0": 0, "0d": 0, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "1d1m": day + time.Minute, "5s": 5 * time.Second, "65535d": 65535 * day,
	} {
		var d duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d-1h", "-1h", "1", "1d1", "1d2d", "65536d", "x", "1w", "65535d2562047h", " 1d"} {
		d := duration(1)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 1 {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
}

// People are shown days, and scripts what is in the file; and nothing is in 0s that is not.
func TestDurationsAsTheyAreShown(t *testing.T) {
	for d, want := range map[time.Duration]struct{ people, file, span string }{
		400 * day:        {"400d", "9600h", "400d"},
		day:              {"1d", "24h", "1d"},
		36 * time.Hour:   {"36h", "36h", "1d"},
		time.Hour:        {"1h", "1h", "1h"},
		90 * time.Minute: {"1h30m", "1h30m", "1h30m"},
		90 * time.Second: {"1m30s", "1m30s", "1m"},
		31 * time.Second: {"31s", "31s", "31s"},
		0:                {"0s", "0s", "0s"},
		-time.Hour:       {"-1h", "-1h", "0s"},
	} {
		text, err := duration(d).MarshalText()
		if got := duration(d).String(); got != want.people || string(text) != want.file || err != nil || span(d) != want.span {
			t.Errorf("%v is shown as %s, %s and %s, want %v", d, got, text, span(d), want)
		}
	}
}

// A job that runs every day does not run into the rotation that it began.
func TestRotateIfOlderThanLetsARotationEnd(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "rotate", path, "--if-older-than", "9d")
	before := store(t, path)
	if r := want(t, 0, "", "keyring", "rotate", path, "--if-older-than", "9d"); !strings.Contains(r.out, "nothing to do") || !strings.Contains(r.out, "is scheduled already") {
		t.Errorf("%s", r.out)
	}
	before.untouched(t, path)
	// Who does so themselves is told what they can do.
	t.Setenv("KEYTURN_TEST_SECRET", base64.StdEncoding.EncodeToString(ownSecret("next")))
	for _, args := range []string{"rotate @RING", "import @RING --secret env:KEYTURN_TEST_SECRET --active"} {
		r := want(t, 78, "", append([]string{"keyring"}, expand(args, path, nil)...)...)
		for _, says := range []string{"is scheduled already", "keyturn keyring promote " + path, "copy the published one back over it", "keyturn keyring restore"} {
			if !strings.Contains(r.err, says) {
				t.Errorf("%s: no %q in %s", args, says, r.err)
			}
		}
	}
}

// Who reads the file of an incident is told what is left to do in it.
func TestWhatIsLeftToDoAfterALeak(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "revoke", path, keys["active"].String(), "--reason", "leak", "--not-before", "now")
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	r := want(t, 0, "", "keyring", "end-sessions", path, "--before", "now", "--reason", "too early")
	if !strings.Contains(r.out, "key "+keys["active"].String()+" was revoked at ") || !strings.Contains(r.out, "do this again from ") {
		t.Errorf("%s", r.out)
	}
	want(t, 0, "", "keyring", "standby", path, "--algorithm", "blake2b-256")
	if r := want(t, 78, "", "keyring", "promote", path); !strings.Contains(r.err, "keyring disable and revoke") {
		t.Errorf("%s", r.err)
	}
	// So is who has it on standard input only.
	for _, verb := range []string{"status", "list"} {
		if r := want(t, 0, store(t, path).text, "keyring", verb, "-"); !strings.Contains(r.out, keys["standby"].String()) {
			t.Errorf("%s: %s", verb, r.out)
		}
	}
}

// An edit of another ring than the one in use is not mended by hand, but made again.
func TestPlanOfAnotherDraft(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	other := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(other, []byte(store(t, path).text), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, 0, "", "keyring", "rotate", path)
	want(t, 0, "", "keyring", "codec", other, "cbor")
	if r := want(t, 1, "", "keyring", "plan", path, other); !strings.Contains(r.out, "was not made of the ring in use") {
		t.Errorf("%s", r.out)
	}
	if r := want(t, 78, "", "keyring", "restore", other, path); !strings.Contains(r.err, "is of generation 8 too") {
		t.Errorf("%s", r.err)
	}
}
