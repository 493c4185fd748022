package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestPolicyIsShownAndSet(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256()) // of which the file is silent
	before := store(t, path)
	r := want(t, 0, "", "keyring", "policy", path)
	for _, line := range []string{"propagation 1h ", "skew 5m ", "max_session 14d ", "max_session_high 14d "} {
		if !strings.Contains(strings.Join(strings.Fields(r.out), " "), line) {
			t.Errorf("%q is not in %s", line, r.out)
		}
	}
	if r := want(t, 0, "", "keyring", "policy", path, "--json"); r.out != `{"propagation":"1h","skew":"5m","max_session":"336h","max_session_high":"336h"}`+"\n" {
		t.Errorf("%s", r.out)
	}
	before.untouched(t, path)

	for _, test := range []struct {
		args string
		says string
		want policyDescription
	}{
		{"--skew 5m --max-session 14d", "is written", policyDescription{"1h", "5m", "336h", "336h"}}, // for all to see
		{"--skew 5m --max-session 14d", "nothing to do", policyDescription{"1h", "5m", "336h", "336h"}},
		{"--propagation 2h", "policy: propagation 2h, skew 5m", policyDescription{"2h", "5m", "336h", "336h"}},
		{"--skew 1m --max-session 30d", "a longer Lifetime can be deployed", policyDescription{"2h", "1m", "720h", "720h"}},
		{"--max-session 1d", "there may be sessions of up to 30d: max_session_high stays", policyDescription{"2h", "1m", "24h", "720h"}},
		{"--max-session 20d", "policy: ", policyDescription{"2h", "1m", "480h", "720h"}},
		{"--max-session 20d", "nothing to do", policyDescription{"2h", "1m", "480h", "720h"}},
	} {
		args := append([]string{"keyring", "policy", path}, strings.Fields(test.args)...)
		was := store(t, path)
		want(t, 0, "", append(args, "--dry-run")...)
		was.untouched(t, path)
		r := want(t, 0, "", args...)
		if !strings.Contains(r.out, test.says) {
			t.Errorf("%s: %q, want %q", test.args, r.out, test.says)
		}
		is := readRing(t, path)
		if got := describePolicy(is.Policy()); got != test.want {
			t.Errorf("%s: %v, want %v", test.args, got, test.want)
		}
		text := store(t, path).text
		for _, member := range []string{"propagation", "skew", "max_session", "max_session_high"} {
			if got := strings.Contains(text, `"`+member+`": "`); !got {
				t.Errorf("%s: %s is not in the file", test.args, member)
			}
		}
	}
}

// Where max_session was lowered first of all, the default that held is not forgotten.
func TestPolicyRemembersTheDefault(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "policy", path, "--max-session", "1d")
	if y := readRing(t, path).Policy(); y.MaxSession != day || y.MaxSessionHigh != keyring.DefaultMaxSession {
		t.Errorf("%+v", y)
	}
}

// In the middle of a rotation, sessions that become longer do not outlive the key
// that signs them.
func TestPolicyLengthensWhatHasAnEnd(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	want(t, 0, "", "keyring", "rotate", path)
	until := func(name string) time.Time {
		d := readRing(t, path).Document()
		for _, k := range d.Keys {
			if k.ID() == keys[name] {
				return k.VerifyUntil
			}
		}
		t.Fatal(name)
		return time.Time{}
	}
	active, retiring := until("active"), until("retiring")
	r := want(t, 0, "", "keyring", "policy", path, "--max-session", "30d", "--skew", "6m")
	if got := until("active").Sub(active); got != 16*day+time.Minute || !strings.Contains(r.out, "active: verifies until") {
		t.Errorf("the key that signs verifies for %v longer: %s", got, r.out)
	}
	// A ring does not tell which of its sessions are the longer ones.
	if got := until("retiring").Sub(retiring); got != 16*day+time.Minute {
		t.Errorf("the key that signs no more verifies for %v longer", got)
	}
	if r := want(t, 0, "", "keyring", "check", path); strings.Contains(r.err, "cut off") {
		t.Errorf("%s", r.err)
	}
	active = until("active")
	want(t, 0, "", "keyring", "policy", path, "--max-session", "1d", "--skew", "5m")
	if got := until("active"); !got.Equal(active) {
		t.Errorf("shorter sessions make it %v, and not %v", got, active)
	}
	// Just after another has followed, a slow clock has the former sign still.
	d := readRing(t, path).Document()
	now := time.Now().UTC().Truncate(time.Second)
	for i := range d.Keys {
		if k := &d.Keys[i]; k.ID() == keys["standby"] {
			k.SignFrom = now.Add(-time.Minute)
		}
	}
	path = writeRing(t, d)
	active = until("active")
	want(t, 0, "", "keyring", "policy", path, "--max-session", "40d")
	if got := until("active").Sub(active); got != 10*day {
		t.Errorf("the key that signed a minute ago verifies for %v longer", got)
	}
}

func TestPolicyThatIsNone(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	before := store(t, path)
	for _, test := range []struct {
		args   string
		status int
		says   string
	}{
		{"--max-session 0 --skew 0s", 64, "--max-session: must be more than zero"},
		{"--max-session long", 64, "--max-session: not a duration like 90d"},
		{"--max-session 10ms", 78, "policy.max_session: shorter than a second"},
		{"--max-session 40000d", 78, "policy.max_session: not between 0 and 10 years"},
		{"--skew 30m", 78, "policy.propagation is 1h, and leaves instances no time to load a ring: it must be longer than 1h, which is twice the skew"},
		{"--propagation 10m", 78, "policy.propagation is 10m, and leaves instances no time"},
		{"--skew 1m --expect-generation 6", 1, "of generation 7, and not 6"},
		{"--dry-run", 64, "which policy?"},
		{"--expect-generation 7", 64, "which policy?"},
		{"--reason why", 64, "which policy?"},
	} {
		r := want(t, test.status, "", append([]string{"keyring", "policy", path}, strings.Fields(test.args)...)...)
		if !strings.Contains(r.err, test.says) || r.out != "" {
			t.Errorf("%s: %q, want %q", test.args, r.err, test.says)
		}
		before.untouched(t, path)
	}
	want(t, 66, "", "keyring", "policy", path+".missing")
	want(t, 66, "", "keyring", "policy", path+".missing", "--skew", "1m")
	// One that an edit by hand has made, or an older version, is a warning.
	rewrite(t, path, `"generation": 7,`, `"generation": 8, "policy": {"propagation": "10m"},`)
	want(t, 0, "", "keyring", "check", path, "--write")
	for _, verb := range []string{"policy", "check", "list", "status"} {
		if r := want(t, 0, "", "keyring", verb, path); !strings.Contains(r.err, "warning: policy.propagation is 10m, and leaves instances no time") {
			t.Errorf("%s: %q", verb, r.err)
		}
	}
	want(t, 0, "", "keyring", "policy", path, "--max-session", "20d") // which makes it no worse
}

func TestInitWritesThePolicy(t *testing.T) {
	dir := t.TempDir()
	for args, of := range map[string]policyDescription{
		"": {"1h", "5m", "336h", "336h"},
		"--max-session 30d --propagation 2h --skew 1m": {"2h", "1m", "720h", "720h"},
		"--max-session 1d": {"1h", "5m", "24h", "24h"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll("ring "+args, " ", "-")+".json")
		r := want(t, 0, "", append([]string{"keyring", "init", path}, strings.Fields(args)...)...)
		if got := describePolicy(readRing(t, path).Policy()); got != of || !strings.Contains(r.out, "policy: "+of.String()+"\n") {
			t.Errorf("%s: %v: %s", args, got, r.out)
		}
		if text := store(t, path).text; !strings.Contains(text, `"max_session_high": "`+of.MaxSessionHigh+`"`) || !strings.Contains(text, `"propagation": "`+of.Propagation+`"`) {
			t.Errorf("%s: the file does not say it", args)
		}
	}
	path := filepath.Join(dir, "none.json")
	// All at once.
	for _, verb := range []string{"init", "import --secret env:KEYTURN_TEST_UNSET --standby"} {
		args := strings.Fields(verb)
		args = append([]string{"keyring", args[0], path, "--ring", "a b", "--skew", "0", "--propagation", "5m"}, args[1:]...)
		r := want(t, 64, "", args...)
		says := []string{"--skew: must be more than zero", path + ": ring: not 1 to 64", "policy.propagation is 5m, and leaves"}
		if args[1] == "import" {
			says = append(says, "--in and --standby are for a ring that is there", "--secret: there is no such environment variable")
		}
		for _, s := range says {
			if strings.Count(r.err, s) != 1 {
				t.Errorf("%s: %q is not said once: %s", verb, s, r.err)
			}
		}
	}
	for args, says := range map[string]string{
		"--max-session 0":   "--max-session: must be more than zero",
		"--skew 30m":        "policy.propagation is 1h, and leaves instances no time",
		"--max-session 1ms": path + ": policy.max_session: shorter than a second",
	} {
		if r := want(t, 64, "", append([]string{"keyring", "init", path}, strings.Fields(args)...)...); !strings.Contains(r.err, says) {
			t.Errorf("%s: %q", args, r.err)
		}
	}
}
