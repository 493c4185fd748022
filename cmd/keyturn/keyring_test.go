package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func decodeJSON(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if d.More() {
		t.Fatalf("more than one JSON value: %s", text)
	}
}

func TestInitMakesAnActiveAndAStandbyKey(t *testing.T) {
	for _, algorithm := range []string{"hmac-sha256", "blake2b-256", "xchacha20-poly1305"} {
		t.Run(algorithm, func(t *testing.T) {
			before := time.Now().Truncate(time.Second)
			path := filepath.Join(t.TempDir(), "keyring.json")
			r := want(t, 0, "", "keyring", "init", path, "--ring", "shop", "--algorithm", algorithm)
			ring := readRing(t, path)
			if ring.Name() != "shop" || ring.Generation() != 1 {
				t.Errorf("%v", ring)
			}
			now := time.Now()
			var states []string
			for _, k := range ring.Document().Keys {
				if k.Algorithm() != algorithm || k.Added.Before(before) || k.Added.After(now) {
					t.Errorf("%v added %v", k, k.Added)
				}
				if !strings.Contains(r.out, k.ID().String()) {
					t.Errorf("%v is not in the output: %s", k, r.out)
				}
				states = append(states, ring.State(k.ID(), now).String())
			}
			slices.Sort(states)
			if !slices.Equal(states, []string{"active", "standby"}) {
				t.Errorf("states %v", states)
			}
			if w := ring.Warnings(now); len(w) > 0 {
				t.Errorf("warnings: %q", w)
			}
			for _, s := range secrets(t, path) {
				if strings.Contains(r.out+r.err, s) {
					t.Error("a secret is shown")
				}
			}
		})
	}
}

func TestInitIsForTheOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions of that kind")
	}
	info, err := os.Stat(initRing(t, "hmac-sha256"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(dir, "elsewhere")
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(dir, "file.json")
	if err := os.WriteFile(file, []byte("mine"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		want(t, 73, "", "keyring", "init", path)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "mine" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Lstat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("the target of the link: %v", err)
	}
	// Of many at once, one makes the ring and the others leave it alone.
	path := filepath.Join(dir, "contended.json")
	const n = 8
	var waits []func() (int, string)
	for range n {
		c := newCommand(t, "keyring", "init", path, "--json")
		var out strings.Builder
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waits = append(waits, func() (int, string) { c.Wait(); return c.ProcessState.ExitCode(), out.String() })
	}
	made := 0
	for _, wait := range waits {
		status, out := wait()
		if status == 0 {
			made++
			var d ringDescription
			decodeJSON(t, out, &d)
			if d.Checksum != readRing(t, path).Checksum() {
				t.Error("the ring is not that of the one that made it")
			}
		} else if status != 73 {
			t.Errorf("status %d", status)
		}
	}
	if made != 1 {
		t.Errorf("%d of %d made the ring", made, n)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestInitNamesTheRingAfterItsFile(t *testing.T) {
	for file, name := range map[string]string{
		"keyring.json":                 "keyring",
		"shop":                         "shop",
		"shop.production.json":         "shop.production",
		"a b é.json":                   "a-b--",
		".json":                        ".json",
		strings.Repeat("x", 70) + ".j": strings.Repeat("x", 64),
	} {
		path := filepath.Join(t.TempDir(), file)
		want(t, 0, "", "keyring", "init", path)
		if got := readRing(t, path).Name(); got != name {
			t.Errorf("the ring in %q is named %q, want %q", file, got, name)
		}
	}
}

var base = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// newKey returns a random key, added some time before base.
func newKey(a signer.Algorithm) keyring.Key {
	k := keyring.GenerateKey(a)
	k.Added = base.Add(-30 * day)
	return k
}

// everyState returns a ring with a key in each state at base, by state.
func everyState(t *testing.T) (keyring.Document, map[string]keyring.Key) {
	t.Helper()
	keys := map[string]keyring.Key{}
	for _, state := range []string{"active", "standby", "pending", "retiring", "retired", "disabled", "revoked", "pruned"} {
		keys[state] = newKey(signer.HMACSHA256())
	}
	set := func(state string, f func(k *keyring.Key)) {
		k := keys[state]
		f(&k)
		keys[state] = k
	}
	set("active", func(k *keyring.Key) { k.SignFrom = base.Add(-day) })
	set("pending", func(k *keyring.Key) { k.SignFrom = base.Add(day) })
	set("retiring", func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = base.Add(-20*day), base.Add(20*day) })
	set("retired", func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = base.Add(-25*day), base.Add(-day) })
	set("disabled", func(k *keyring.Key) { k.SignFrom, k.Disabled = base.Add(-2*day), true })
	set("revoked", func(k *keyring.Key) {
		k.SignFrom, k.Revoked, k.Reason = base.Add(-20*day), base.Add(-day), "on a laptop"
	})
	set("pruned", func(k *keyring.Key) { k.SignFrom, k.Pruned = base.Add(-25*day), base.Add(-day) })
	d := keyring.Document{Name: "shop", Generation: 7, Published: base}
	for _, k := range keys {
		d.Keys = append(d.Keys, k)
	}
	return d, keys
}

func TestListShowsKeysAndStates(t *testing.T) {
	d, keys := everyState(t)
	d.NotBefore = base.Add(-15 * day)
	d.Policy.MaxSession = 36 * time.Hour
	d.Codecs = []keyring.CodecFrom{{Codec: "cbor", From: base}}
	path := writeRing(t, d)
	at := base.Format(time.RFC3339)

	table := want(t, 0, "", "keyring", "list", path, "--at", at)
	var list ringDescription
	r := want(t, 0, "", "keyring", "list", path, "--at", at, "--json")
	decodeJSON(t, r.out, &list)
	if list.Ring != "shop" || list.Generation != 7 || list.Checksum != readRing(t, path).Checksum() ||
		!list.Published.Equal(base) || !list.NotBefore.Equal(d.NotBefore) || !list.At.Equal(base) ||
		len(list.Codecs) != 1 || list.Codecs[0] != (codecDescription{"cbor", base}) || len(list.Warnings) > 0 {
		t.Errorf("%+v", list)
	}
	if !strings.Contains(r.out, `"policy":{"propagation":"1h","skew":"5m","max_session":"36h","max_session_high":"36h"}`) {
		t.Errorf("the policy is not spelled as in the file: %s", r.out)
	}
	if len(list.Keys) != len(keys) {
		t.Errorf("%d keys, want %d", len(list.Keys), len(keys))
	}
	for state, k := range keys {
		i := slices.IndexFunc(list.Keys, func(d keyDescription) bool { return d.ID == k.ID().String() })
		if i < 0 {
			t.Errorf("key %v is not listed", k)
			continue
		}
		got := list.Keys[i]
		if got.State != state || got.Algorithm != "hmac-sha256" || !got.Added.Equal(k.Added) || !got.SignFrom.Equal(k.SignFrom) ||
			!got.VerifyUntil.Equal(k.VerifyUntil) || got.Disabled != k.Disabled || !got.Revoked.Equal(k.Revoked) || !got.Pruned.Equal(k.Pruned) || got.Reason != k.Reason {
			t.Errorf("%s: %+v", state, got)
		}
		found := false
		for line := range strings.Lines(table.out) {
			f := strings.Fields(line)
			if len(f) == 0 || f[0] != k.ID().String() {
				continue
			}
			found = true
			if !slices.Equal(f, []string{k.ID().String(), "hmac-sha256", state, stamp(k.Added), stamp(k.SignFrom), stamp(k.VerifyUntil)}) {
				t.Errorf("%q", f)
			}
		}
		if !found {
			t.Errorf("%s: key %v is not in the table:\n%s", state, k, table.out)
		}
	}
	for _, s := range secrets(t, path) {
		if strings.Contains(table.out+r.out, s) {
			t.Error("a secret is shown")
		}
	}

	// The time counts: a day later, the pending key signs.
	r = want(t, 0, "", "keyring", "list", path, "--at", base.Add(day).Format(time.RFC3339), "--json")
	decodeJSON(t, r.out, &list)
	for _, k := range list.Keys {
		if k.ID == keys["pending"].ID().String() && k.State != keyring.Active.String() {
			t.Errorf("a day later, the pending key is %s", k.State)
		}
	}
}

func TestWarningsAreOnStandardError(t *testing.T) {
	k := newKey(signer.HMACSHA256())
	k.SignFrom = base
	path := writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k}})
	for _, verb := range []string{"list", "check"} {
		r := want(t, 0, "", "keyring", verb, path)
		if !strings.Contains(r.err, "warning: no standby key") || strings.Contains(r.out, "warning") {
			t.Errorf("%s: %q %q", verb, r.out, r.err)
		}
		r = want(t, 0, "", "keyring", verb, path, "--json")
		if !strings.Contains(r.out, `"warnings":["no standby key`) || r.err != "" {
			t.Errorf("%s: %q %q", verb, r.out, r.err)
		}
	}
}

func TestAFileThatEverybodyCanReadIsAWarning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such permissions")
	}
	path := initRing(t, "hmac-sha256")
	for mode, warned := range map[fs.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"list", "check"} {
			if r := want(t, 0, "", "keyring", verb, path); strings.Contains(r.err, "warning: can be read by everybody on this machine, who could then sign in as anybody; run: chmod o-r "+path+"\n") != warned {
				t.Errorf("%s, mode %o: %q", verb, mode, r.err)
			}
			if r := want(t, 0, "", "keyring", verb, path, "--json"); strings.Contains(r.out, "can be read by everybody") != warned {
				t.Errorf("%s, mode %o: %q", verb, mode, r.out)
			}
		}
	}
}

// Of codecs, a ring knows the names only.
func TestACodecThatIsNotBuiltInIsAWarning(t *testing.T) {
	k, standby := newKey(signer.HMACSHA256()), newKey(signer.HMACSHA256())
	k.SignFrom = base
	path := writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k, standby}, Codecs: []keyring.CodecFrom{
		{Codec: "jsn", From: base}, {Codec: "cbor", From: base.Add(day)}, {Codec: "cbr", From: base.Add(2 * day)},
	}})
	const text = "warning: codec %s is not one of json, msgpack, cbor: an application without a codec of that name writes the one before\n"
	for at, names := range map[time.Duration][]string{0: {"jsn", "cbr"}, day: {"cbr"}, 3 * day: {"cbr"}} {
		wanted := ""
		for _, name := range names {
			wanted += "keyturn: " + path + ": " + strings.Replace(text, "%s", name, 1)
		}
		for _, verb := range []string{"list", "check", "status"} {
			if r := want(t, 0, "", "keyring", verb, path, "--at", base.Add(at).Format(time.RFC3339)); r.err != wanted {
				t.Errorf("%s at %v: %q, want %q", verb, at, r.err, wanted)
			}
		}
	}
}

func TestCheckStrictCountsWarnings(t *testing.T) {
	good := initRing(t, "hmac-sha256")
	want(t, 0, "", "keyring", "check", good, "--strict")
	k := newKey(signer.HMACSHA256())
	k.SignFrom = base
	path := writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k}})
	for _, args := range [][]string{nil, {"--json"}} {
		args = append([]string{"keyring", "check", path}, args...)
		lax := want(t, 0, "", args...)
		if strict := want(t, 1, "", append(args, "--strict")...); strict.out != lax.out || strict.err != lax.err {
			t.Errorf("%q %q, want %q %q", strict.out, strict.err, lax.out, lax.err)
		}
	}
	rewrite(t, path, `"generation": 1`, `"generation": 2`)
	want(t, 66, "", "keyring", "check", path, "--strict")
}

func TestCheckShowsEveryProblem(t *testing.T) {
	path := initRing(t, "hmac-sha256")
	hidden := secrets(t, path)
	rewrite(t, path, `"generation": 1`, `"generation": 0`)
	rewrite(t, path, `"ring": "shop"`, `"ring": "sh op"`)
	rewrite(t, path, `"sign_from": "[^"]*"`, `"sign_from": "soon"`)
	r := want(t, 66, "", "keyring", "check", path)
	for _, problem := range []string{"ring: not 1 to 64", "generation:", "keys[", "checksum: does not match"} {
		if !strings.Contains(r.err, "keyturn: "+path+": "+problem) {
			t.Errorf("no line about %q:\n%s", problem, r.err)
		}
	}
	if r.out != "" {
		t.Errorf("standard output: %q", r.out)
	}
	j := want(t, 66, "", "keyring", "check", path, "--json")
	var report checkReport
	decodeJSON(t, j.out, &report)
	if report.Valid || len(report.Problems) != strings.Count(r.err, "\n") || report.Problems[0] == "" || j.err != "" {
		t.Errorf("%+v %q", report, j.err)
	}
	for _, s := range hidden {
		if strings.Contains(r.err+j.out, s) {
			t.Error("a secret is shown")
		}
	}
}

func TestCheckWriteCompletesAnEdit(t *testing.T) {
	path := initRing(t, "hmac-sha256")
	hidden := secrets(t, path)
	// What a later version may add, at each level.
	rewrite(t, path, `"generation": 1,`, `"generation": 2, "future": {"a": [1, 2.50]},`)
	rewrite(t, path, `"skew": "5m"`, `"skew": "3m", "odd": true`)
	rewrite(t, path, `"added"`, `"owner": "me", "added"`)

	want(t, 66, "", "keyring", "check", path)
	want(t, 66, "", "keyring", "list", path)
	r := want(t, 0, "", "keyring", "check", path, "--write")
	// What was published before is not known here.
	if !strings.Contains(r.out, "valid, and written") || !strings.Contains(r.out, "servers adopt it only if they have a generation lower than 2\n") || strings.Contains(r.out, "published") {
		t.Errorf("%q", r.out)
	}
	ring := readRing(t, path)
	if ring.Generation() != 2 || ring.Policy().Skew != 3*time.Minute {
		t.Errorf("%v", ring)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range append(hidden, `"future"`, `2.50`, `"odd": true`, `"owner": "me"`) {
		if !strings.Contains(string(data), kept) {
			t.Errorf("%s is lost", kept)
		}
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v", info.Mode())
	}
	rewrite(t, path, `"published": "[^"]*"`, `"published": "2026-01-01T00:00:00Z"`)
	if r := want(t, 0, "", "keyring", "check", path, "--write"); !strings.Contains(r.out, "published is still 2026-01-01T00:00:00Z") {
		t.Errorf("%q", r.out)
	}
	ring = readRing(t, path)
	// Once more: there is nothing to do.
	before, _ := os.Stat(path)
	r = want(t, 0, "", "keyring", "check", path, "--write", "--json")
	var report checkReport
	decodeJSON(t, r.out, &report)
	if !report.Valid || report.Written || report.Ring != "shop" || report.Generation != 2 || report.Checksum != ring.Checksum() {
		t.Errorf("%+v", report)
	}
	if after, _ := os.Stat(path); !os.SameFile(before, after) {
		t.Error("a valid file was written again")
	}
}

func TestCheckWriteLeavesAnInvalidRingAlone(t *testing.T) {
	for name, edit := range map[string][2]string{
		"two members of one name": {`"generation": 1,`, `"generation": 2, "generation": 3,`},
		"a member in other case":  {`"generation": 1,`, `"generation": 2, "Policy": {},`},
		"another algorithm":       {`"algorithm": "hmac-sha256"`, `"algorithm": "blake2b-256"`},
		"no secret":               {`"secret": "[^"]*"`, `"secret": ""`},
		"a critical member":       {`"generation": 1,`, `"generation": 2, "critical": ["later"],`},
		"another format":          {`keyturn-ring/1`, `keyturn-ring/2`},
		"cut off":                 {`(?s)"checksum".*`, ``},
		"nothing":                 {`(?s).*`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			path := initRing(t, "hmac-sha256")
			rewrite(t, path, edit[0], edit[1])
			before, _ := os.ReadFile(path)
			r := want(t, 66, "", "keyring", "check", path, "--write")
			if !strings.Contains(r.err, path) {
				t.Errorf("%q", r.err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was written")
			}
		})
	}
}

func TestCheckWriteRefusesAFileThatEverybodyMayWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions of that kind")
	}
	path := initRing(t, "hmac-sha256")
	rewrite(t, path, `"generation": 1`, `"generation": 2`)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if r := want(t, 66, "", "keyring", "check", path, "--write"); !strings.Contains(r.err, "chmod o-w "+path+"\n") {
		t.Errorf("%q", r.err)
	}
}

// An edit by hand is completed by one operator at a time, too.
func TestCheckWriteKeepsOthersOut(t *testing.T) {
	path := initRing(t, "hmac-sha256")
	rewrite(t, path, `"generation": 1`, `"generation": 2`)
	l := flock.New(filepath.Join(filepath.Dir(path), ".shop.json.lock"))
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before := store(t, path)
	for _, args := range []string{"--wait 0", "--wait 30ms", "--wait 0 --json"} {
		r := want(t, 75, "", append([]string{"keyring", "check", path, "--write"}, strings.Fields(args)...)...)
		if !strings.Contains(r.err, "somebody else is editing it") || r.out != "" {
			t.Errorf("%s: %q %q", args, r.out, r.err)
		}
	}
	before.untouched(t, path)
	// Without --write, it is in nobody's way.
	want(t, 66, "", "keyring", "check", path, "--wait", "0")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r := want(t, 0, "", "keyring", "check", path, "--write"); !strings.Contains(r.out, "valid, and written") {
		t.Errorf("%q", r.out)
	}
	// What somebody else has written until the file was locked is what counts.
	before = store(t, path)
	var c checkCommand
	c.File = path
	if ring, written, err := c.complete(); err != nil || written || ring.Generation() != 2 {
		t.Errorf("%v, %v, %v", ring, written, err)
	}
	before.untouched(t, path)
}

// Where there is nothing to complete, nothing is left beside it.
func TestCheckWriteOfWhatIsNoRing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing.json"), filepath.Join(dir, "a", "b.json")} {
		want(t, 66, "", "keyring", "check", path, "--write")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
