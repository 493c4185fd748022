package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestSimulateSignsNobodyOut(t *testing.T) {
	r := want(t, 0, "", "keyring", "simulate", "--tokens", "1")
	for _, says := range []string{"policy: propagation 1h, skew 5m, max_session 14d", "fleet: 6 instances, 0 of them stuck, lag up to 10m", "histories: 1 from seed 1", "wrongly rejected: 0\n"} {
		if !strings.Contains(r.out, says) {
			t.Errorf("%q is not in %s", says, r.out)
		}
	}
	// All that it counts is explained.
	help := want(t, 0, "", "keyring", "simulate", "--help").out
	counts := regexp.MustCompile(`"([a-z_]+)":\d+`).FindAllStringSubmatch(want(t, 0, "", "keyring", "simulate", "--tokens", "1", "--json").out, -1)
	for _, m := range append(counts, []string{"", "failures"}) {
		if name := m[1]; name != "instances" && name != "seed" && !regexp.MustCompile(`(?m)^    .*\b`+name+`\b`).MatchString(help) {
			t.Errorf("the help does not say what %s are", name)
		}
	}
	if len(counts) < 13 {
		t.Errorf("%d counts", len(counts))
	}
	if r.err != "" {
		t.Errorf("progress where nobody looks: %q", r.err)
	}
	if again := want(t, 0, "", "keyring", "simulate", "--tokens", "1"); again.out != r.out {
		t.Errorf("the second time %s", again.out)
	}
	if other := want(t, 0, "", "keyring", "simulate", "--tokens", "1", "--seed", "2"); other.out == r.out {
		t.Error("another seed is the same")
	}
}

func TestSimulateTellsWhoIsSignedOut(t *testing.T) {
	r := want(t, 1, "", "keyring", "simulate", "--tokens", "1", "--stuck", "1", "--late", "1h")
	for _, says := range []string{"1 of them stuck", "late\n", "    unknown_key: ", "seed 1: ", "generation 1: made"} {
		if !strings.Contains(r.out, says) {
			t.Errorf("%q is not in %s", says, r.out)
		}
	}
	if strings.Contains(r.out, "wrongly rejected: 0\n") || r.err != "" || strings.Contains(r.out, "raise --propagation") {
		t.Errorf("%s%s", r.out, r.err)
	}
	// Where no policy can be kept, that is the reason.
	says := "no edit is everywhere in time: a lag of 2h and twice a skew of 5m are 2h10m, and the propagation is 1h; raise --propagation above 2h10m"
	args := []string{"keyring", "simulate", "--tokens", "1", "--lag", "2h"}
	if r := want(t, 1, "", args...); !strings.Contains(r.out, says) {
		t.Errorf("%s", r.out)
	}
	if j := want(t, 1, "", append(args, "--json")...).out; !strings.Contains(j, `"advice":"`+says) {
		t.Errorf("%s", j)
	}
	want(t, 0, "", append(args, "--propagation", "131m")...)
}

// The policy is that of the file, but for what flags say, and its keys play no part.
func TestSimulateTriesOutThePolicyOfAFile(t *testing.T) {
	a, b := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.HMACSHA256())
	a.SignFrom = time.Now().Add(-time.Hour)
	ring := writeRing(t, keyring.Document{
		Name: "shop", Generation: 1, Keys: []keyring.Key{a, b},
		Policy: keyring.Policy{Propagation: 2 * time.Hour, Skew: time.Minute, MaxSession: 24 * time.Hour, MaxSessionHigh: 48 * time.Hour},
	})
	for _, tt := range []struct {
		args string
		skew string
		want policyDescription
	}{
		{"", "1m", policyDescription{"2h", "1m", "24h", "48h"}},
		{"--propagation 30m --max-session 12h --skew 30s", "30s", policyDescription{"30m", "1m", "12h", "48h"}},
		{"--max-session 72h", "1m", policyDescription{"2h", "1m", "72h", "72h"}},
	} {
		r := want(t, 0, "", append([]string{"keyring", "simulate", ring, "--json", "--tokens", "1"}, strings.Fields(tt.args)...)...)
		var got simulateReport
		decodeJSON(t, r.out, &got)
		if got.Policy != tt.want || !got.OK || got.Tokens == 0 || got.Skew != tt.skew || got.Instances != 6 {
			t.Errorf("%s: %+v", tt.args, got)
		}
		if strings.Contains(r.out, a.ID().String()) {
			t.Errorf("%s: a key of the file: %s", tt.args, r.out)
		}
	}
	var piped simulateReport
	decodeJSON(t, want(t, 0, store(t, ring).text, "keyring", "simulate", "-", "--json", "--tokens", "1").out, &piped)
	if piped.Policy != (policyDescription{"2h", "1m", "24h", "48h"}) {
		t.Errorf("of standard input: %+v", piped.Policy)
	}
	want(t, 65, "", "keyring", "simulate", "-")
	want(t, 66, "", "keyring", "simulate", ring+".missing")
	for _, args := range []string{"--tokens 0", "--instances 0", "--lag 0s", "--lag -1s", "--skew -1s", "--propagation -1s", "--propagation 0", "--skew 0", "--max-session 1s", "--stuck 7", "--stuck=-1", "--lag soon", "--seed x"} {
		r := want(t, 64, "", append([]string{"keyring", "simulate", ring}, strings.Fields(args)...)...)
		if r.err == "" || strings.Contains(r.err, "keyringtest") {
			t.Errorf("%s: %q is said", args, r.err)
		}
		if strings.HasPrefix(args, "--stuck") && !strings.Contains(r.err, "--stuck: not between 0 and the 6 instances") {
			t.Errorf("%s: %q", args, r.err)
		}
	}
}

// A lag that no policy can bear is told of, also if no token happened to show it.
func TestSimulateSaysWhatCannotDo(t *testing.T) {
	for lag, want := range map[string]bool{"49m": false, "50m": true} {
		var r simulateReport
		result := keyturn(t, "", "keyring", "simulate", "--lag", lag, "--tokens", "1", "--json")
		decodeJSON(t, result.out, &r)
		if got := strings.Contains(r.Advice, "no edit is everywhere in time"); got != want {
			t.Errorf("%s: %q", lag, r.Advice)
		}
	}
}
