package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// What is taken in retires unless it is to stay, and what is there already is left as
// it is, but for a key that only stands by until it retires.
func TestImportTakesKeysAsTheyAre(t *testing.T) {
	now := noon.Add(time.Second / 2)
	imported, err := keyring.NewKey(signer.HMACSHA256(), ownSecret("new"))
	if err != nil {
		t.Fatal(err)
	}
	key := func(edit func(k *keyring.Key)) keyring.Key {
		k := keyring.GenerateKey(signer.HMACSHA256())
		k.Added = noon.Add(-40 * day)
		edit(&k)
		return k
	}
	active := key(func(k *keyring.Key) { k.SignFrom = noon.Add(-30 * day) })
	stands := key(func(k *keyring.Key) {})
	ends := key(func(k *keyring.Key) { k.VerifyUntil = noon.Add(day) })
	retiring := key(func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = noon.Add(-35*day), noon.Add(day) })
	ring, err := keyring.NewRing(keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{active, stands, ends, retiring}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		key     keyring.Key
		standby bool
		note    string // after the key's ID
		until   time.Time
	}{
		{"a new key", imported, false, "verifies until 2026-10-16T13:05:00Z, and then retires by itself: make sure that nothing signs with it from 2026-10-02T13:00:00Z on", noon.Add(15*day + 65*time.Minute)},
		{"a new key that is to stand by", imported, true, "", time.Time{}},
		{"the key that signs", active, false, "is in the ring already, and is active", time.Time{}},
		{"the key that signs, to stand by", active, true, "is in the ring already, and is active", time.Time{}},
		{"a standby key", stands, true, "is in the ring already, and is standby", time.Time{}},
		{"a standby key that retires", ends, false, "is in the ring already, and verifies until 2026-10-02T12:00:00Z, and then retires by itself", ends.VerifyUntil},
		{"a standby key that retires, to stand by", ends, true, "is in the ring already, and verifies until 2026-10-02T12:00:00Z, and then retires by itself", ends.VerifyUntil},
		{"a retiring key, to stand by", retiring, true, "is in the ring already, and is retiring", retiring.VerifyUntil},
	} {
		doc := ring.Document()
		d := draft{Document: &doc, ring: ring, now: now}
		c := importCommand{Standby: test.standby}
		if err := c.take(&d, []keyring.Key{test.key}); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		note := ""
		if test.note != "" {
			note = "key " + test.key.ID().String() + " " + test.note
		}
		i := slices.IndexFunc(doc.Keys, func(k keyring.Key) bool { return k.ID() == test.key.ID() })
		if k := doc.Keys[i]; !k.VerifyUntil.Equal(test.until) || strings.Join(d.notes, ";") != note || k.ID() == imported.ID() && !k.Added.Equal(noon) {
			t.Errorf("%s: added %v, verifies until %v: %q, want %q", test.name, k.Added, k.VerifyUntil, d.notes, note)
		}
	}
}

// The first ring has its keys from the same second, and is described as it is.
func TestImportSaysWhatItMakes(t *testing.T) {
	first, err := keyring.NewKey(signer.HMACSHA256(), ownSecret("1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := keyring.NewKey(signer.HMACSHA256(), ownSecret("2"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ dry, json bool }{"": {false, false}, "dry": {true, false}, "json": {false, true}} {
		var out bytes.Buffer
		std := streams{out: bufio.NewWriter(&out)}
		c := importCommand{Active: true}
		c.File, c.DryRun, c.JSON = filepath.Join(t.TempDir(), "blog.json"), test.dry, test.json
		began := time.Now().UTC().Truncate(time.Second)
		if err := c.create(std, []keyring.Key{first, second}); err != nil || std.out.Flush() != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "nothing is written") != test.dry || strings.HasPrefix(out.String(), "{") != test.json || !strings.Contains(out.String(), first.ID().String()) {
			t.Errorf("%s: %s", name, &out)
		}
		if test.dry {
			continue
		}
		for _, k := range readRing(t, c.File).Document().Keys {
			if late := k.Added.Sub(began); late < 0 || late > time.Minute || !k.Added.Equal(k.Added.Truncate(time.Second)) {
				t.Errorf("%v was added at %v", k, k.Added)
			}
		}
	}
}

// Each problem of what is to be taken in is said, and where it is.
func TestImportSaysWhereAProblemIs(t *testing.T) {
	t.Setenv("KEYTURN_TEST_EMPTY", "")
	for from, test := range map[string]struct {
		status int
		want   string
	}{
		"env:KEYTURN_TEST_EMPTY": {statusData, "or it is empty"},
		"hunter2":                {statusUsage, "say @FILE or env:NAME"},
		"@":                      {statusUsage, "say @FILE or env:NAME"},
		"@/nonexistent":          {statusData, "no such file"},
	} {
		for _, c := range []importCommand{{Secret: from, Encoding: "base64"}, {JWKS: from}} {
			_, err := c.keys()
			f := (*failure)(nil)
			if !errors.As(err, &f) || f.status != test.status || !strings.HasPrefix(err.Error(), c.source()+": ") || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %q", from, err, test.want)
			}
		}
	}
	if one, all := (importCommand{Secret: "x"}).source(), (importCommand{JWKS: "x"}).source(); one != "--secret" || all != "--jwks" {
		t.Errorf("%s, %s", one, all)
	}
	set := `{"keys":[{"kty":"oct","k":"AAEC"},{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AAEC"}]}`
	_, err := importCommand{}.ofSet([]byte(set))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "key 1 of the set: ") || !strings.HasPrefix(lines[1], "key 2 of the set: its kty is OKP") || !strings.HasPrefix(lines[2], "key 3 of the set: ") {
		t.Errorf("%q", lines)
	}
	missing := filepath.Join(t.TempDir(), "new.json")
	for _, args := range [][]string{{"--secret", "env:A", "--accept", "T4"}, nil, {"--secret", "env:A", "--in", "1d"}} {
		want(t, 64, "", append([]string{"keyring", "import", missing}, args...)...)
	}
}

// A key is old when it has signed for that long, to the instant.
func TestRotateIfOlderThanCounts(t *testing.T) {
	for name, test := range map[string]struct {
		age  time.Duration
		want bool
	}{"younger": {30*day + 1, false}, "as old": {30 * day, true}, "older": {30*day - 1, true}} {
		ring := reportedRing(t, true, nil)
		doc := ring.Document()
		d := draft{Document: &doc, ring: ring, now: noon}
		if got := (rotateCommand{IfOlderThan: duration(test.age)}).due(&d); got != test.want || got != (len(d.notes) == 0) {
			t.Errorf("%s: %v, %q", name, got, d.notes)
		}
		if name == "younger" && !strings.Contains(d.notes[0], " signs since 2026-09-01T12:00:00Z, and is to be followed from 2026-10-01T12:00:00Z on") {
			t.Errorf("%q", d.notes)
		}
	}
	ring := reportedRing(t, true, nil)
	d := draft{ring: ring, now: noon}
	for in, want := range map[time.Duration]time.Duration{0: keyring.DefaultPropagation + haste, 2 * time.Hour: 2 * time.Hour} {
		if in := duration(in); d.delay(&in) != want || d.delay(nil) != publication+keyring.DefaultPropagation {
			t.Errorf("%v: %v, %v", in, d.delay(&in), d.delay(nil))
		}
	}
}

func TestFlagsOfNoEffectAreRefused(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	before := store(t, path)
	if r := want(t, 64, "", "keyring", "policy", path, "--accept", "T4", "--reason", ""); r.out != "" {
		t.Errorf("%q", r.out)
	}
	c := policyCommand{}
	c.File, c.Accept = path, []keyring.Rule{keyring.T4}
	if err := c.show(streams{out: bufio.NewWriter(&bytes.Buffer{}), err: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), "which policy?") {
		t.Errorf("%v", err)
	}
	before.untouched(t, path)
}

// What goes wrong after the edit is a failure, and no panic.
func TestEditsThatCannotBeFinishedFail(t *testing.T) {
	path, _ := rotated(t, signer.XChaCha20Poly1305())
	before := store(t, path)
	if r := want(t, 78, "", "keyring", "rotate", path, "--algorithm", "hmac-sha256", "--accept", "T7", "--reason", strings.Repeat("x", 1001)); !strings.Contains(r.err, "override.reason: longer than") {
		t.Errorf("%q", r.err)
	}
	before.untouched(t, path)
	ring := readRing(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c := editing{}
	c.File = path
	f := (*failure)(nil)
	if err := c.replace(ring, ring); !errors.As(err, &f) || f.status != statusRing {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the file is back")
	}
}

// A full is a file system without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// What cannot be shown is a failure, whatever it would have said.
func TestReportsThatCannotBeShownFail(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "rotate", path, "--in", "9d")
	ring := readRing(t, path)
	older := reportedRing(t, true, nil) // the plan is refused, since it has other keys
	other := writeRing(t, older.Document())
	std := func() streams { return streams{out: bufio.NewWriterSize(full{}, 16), err: &bytes.Buffer{}} }
	for name, err := range map[string]error{
		"plan": planCommand{Old: other, New: path, JSON: true}.Run(std()),
		"edit": editReport{File: path, Checksum: ring.Checksum(), Refused: true}.show(std(), true),
	} {
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// To try out what revokes every key needs no yes.
func TestRevokeAllCanBeTriedOut(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	before := store(t, path)
	r := want(t, 0, "", "keyring", "revoke", path, "--all", "--reason", "x", "--dry-run")
	if !strings.Contains(r.out, "everybody is signed out") || !strings.Contains(r.out, "nothing is written") {
		t.Errorf("%q", r.out)
	}
	before.untouched(t, path)
}

func TestPlanSaysOfWhichTimeItIs(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	var p planReport
	decodeJSON(t, want(t, 0, "", "keyring", "plan", path, path, "--json", "--at", "2999-01-01T01:00:00+01:00").out, &p)
	if !p.At.Equal(time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)) || p.At.Location() != time.UTC {
		t.Errorf("%v", p.At)
	}
}
