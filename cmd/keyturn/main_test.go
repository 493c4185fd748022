package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

var update = flag.Bool("update", false, "write the help texts in testdata anew")

// asCommand makes this test binary the command itself.
const asCommand = "KEYTURN_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// newCommand returns the command, as a process that is not started yet.
func newCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), asCommand+"=1", "COLUMNS=")
	return c
}

// A result is what a run of the command left behind.
type result struct {
	status   int
	out, err string
}

// keyturn runs the command as a process of its own. Under the race detector,
// where a process takes a third of a second to begin, it is run in this one,
// unless it ends its process itself.
func keyturn(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	var r result
	if raceEnabled && !slices.Contains(args, "--help") && !slices.Contains(args, "--version") && !slices.Contains(args, "help") && !slices.Contains(args, "version") && !slices.Contains(args, "demo") {
		std := streams{strings.NewReader(stdin), bufio.NewWriter(&out), &errs}
		r.status = run(args, std)
		std.out.Flush()
	} else {
		c := newCommand(t, args...)
		c.Stdin = strings.NewReader(stdin)
		c.Stdout, c.Stderr = &out, &errs
		// A demo that should not have begun would go on for ever.
		defer time.AfterFunc(time.Minute, func() { c.Process.Kill() }).Stop()
		err := c.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		r.status = c.ProcessState.ExitCode()
	}
	r.out, r.err = out.String(), errs.String()
	if strings.Contains(r.err, "panic:") || strings.Contains(r.err, "goroutine ") {
		t.Fatalf("keyturn %q panicked:\n%s", args, r.err)
	}
	for line := range strings.Lines(r.err) {
		if !strings.HasPrefix(line, "keyturn: ") {
			t.Errorf("keyturn %q: a line of standard error that does not say whose it is: %q", args, line)
		}
	}
	return r
}

// want runs the command and returns what it wrote to standard output.
func want(t *testing.T, status int, stdin string, args ...string) result {
	t.Helper()
	r := keyturn(t, stdin, args...)
	if r.status != status {
		t.Fatalf("keyturn %q: status %d, want %d\n%s%s", args, r.status, status, r.out, r.err)
	}
	return r
}

// initRing makes a ring file with the command.
func initRing(t *testing.T, algorithm string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.json")
	want(t, 0, "", "keyring", "init", path, "--algorithm", algorithm)
	return path
}

// writeRing writes a ring that the test has made.
func writeRing(t *testing.T, d keyring.Document) string {
	t.Helper()
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.json")
	if err := keyring.WriteFile(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

func readRing(t *testing.T, path string) *keyring.Ring {
	t.Helper()
	r, err := keyring.ReadFile(path) // and not Open, which goes on following the file
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rewrite edits a file as if by hand.
func rewrite(t *testing.T, path, pattern, replacement string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := regexp.MustCompile(pattern).ReplaceAll(data, []byte(replacement))
	if bytes.Equal(edited, data) {
		t.Fatalf("%q is not in %s", pattern, path)
	}
	if err := os.WriteFile(path, edited, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secrets returns the secrets in a ring file.
func secrets(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`"secret": "([^"]+)"`).FindAllSubmatch(data, -1) {
		found = append(found, string(m[1]))
	}
	if len(found) == 0 {
		t.Fatalf("no secrets in %s", path)
	}
	return found
}

func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"keyturn":          {},
		"keyring":          {"keyring"},
		"keyring_init":     {"keyring", "init"},
		"keyring_list":     {"keyring", "list"},
		"keyring_check":    {"keyring", "check"},
		"keyring_simulate": {"keyring", "simulate"},
		"sign":             {"sign"},

		"keyring_status":  {"keyring", "status"},
		"keyring_rotate":  {"keyring", "rotate"},
		"keyring_promote": {"keyring", "promote"},
		"keyring_standby": {"keyring", "standby"},
		"keyring_disable": {"keyring", "disable"},
		"keyring_enable":  {"keyring", "enable"},
		"keyring_revoke":  {"keyring", "revoke"},
		"keyring_prune":   {"keyring", "prune"},
		"keyring_codec":   {"keyring", "codec"},
		"keyring_policy":  {"keyring", "policy"},
		"keyring_plan":    {"keyring", "plan"},
		"keyring_restore": {"keyring", "restore"},
		"keyring_import":  {"keyring", "import"},
		"keyring_export":  {"keyring", "export"},

		"inspect":        {"inspect"},
		"takeover_check": {"takeover-check"},
		"bench":          {"bench"},
		"demo":           {"demo"},
	} {
		t.Run(name, func(t *testing.T) {
			r := want(t, 0, "", append(args, "--help")...)
			if r.err != "" {
				t.Errorf("standard error: %s", r.err)
			}
			golden := filepath.Join("testdata", "help", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(r.out), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if r.out != string(text) {
				t.Errorf("the help is not that of %s; run go test -update if it should not be\n%s", golden, r.out)
			}
			for line := range strings.Lines(r.out) {
				// Examples are not wrapped.
				if len(line) > 100 {
					t.Errorf("a line of %d characters: %s", len(line), line)
				}
			}
			if len(args) > 0 && name != "keyring" && !strings.Contains(r.out, "    keyturn "+strings.Join(args, " ")) && name != "sign" && name != "inspect" {
				t.Error("no example")
			}
			if (name == "sign" || name == "inspect") && !strings.Contains(r.out, "keyturn "+name+" --keyring") {
				t.Error("no example")
			}
		})
	}
}

// Many type help and version as commands.
func TestHelpAndVersionAsCommands(t *testing.T) {
	for _, test := range []struct{ as, flags string }{
		{"help", "--help"},
		{"help keyring", "keyring --help"},
		{"help keyring init", "keyring init --help"},
		{"help sign", "sign --help"},
		{"keyring help", "keyring --help"},
		{"version", "--version"},
	} {
		wanted := want(t, 0, "", strings.Fields(test.flags)...)
		if got := want(t, 0, "", strings.Fields(test.as)...); got != wanted || got.out == "" {
			t.Errorf("%s: %+v, want %+v", test.as, got, wanted)
		}
	}
}

func TestInitWantsAName(t *testing.T) {
	if r := want(t, 64, "", "keyring", "init", ""); !strings.Contains(r.err, "FILE is empty: give the file to make a name") {
		t.Errorf("%q", r.err)
	}
}

func TestVersion(t *testing.T) {
	if r := want(t, 0, "", "--version"); !strings.HasPrefix(r.out, "keyturn ") {
		t.Errorf("%q", r.out)
	}
}

func TestExitStatuses(t *testing.T) {
	ring := initRing(t, "hmac-sha256")
	dir := t.TempDir()
	damaged := initRing(t, "hmac-sha256")
	rewrite(t, damaged, `"generation": 1`, `"generation": 2`)
	missing := filepath.Join(dir, "missing.json")
	token := strings.TrimSpace(want(t, 0, `{"user":"tom"}`, "sign", "--keyring", ring).out)

	for _, test := range []struct {
		name   string
		stdin  string
		args   string
		status int
		says   string // on standard error
	}{
		{"nothing", "", "", 64, `expected one of "keyring", "sign", "inspect", "takeover-check", "bench", "demo"`},
		{"unknown verb", "", "inpsect", 64, `did you mean "inspect"`},
		{"half a verb", "", "keyring", 64, `expected one of "init", "list", "check", "status", "rotate", "promote", "standby", "disable", "enable", "revoke", "end-sessions", "prune", "codec", "policy", "plan", "restore", "import", "export", "simulate"; see keyturn keyring --help`},
		{"a flag without its value, at the end", "", "keyring rotate @RING --in", 64, "--in: its value is missing; see keyturn keyring rotate --help"},
		{"a flag without its value", "", "keyring simulate --seed -1", 64, `--seed: its value is missing; if it is "-1", write --seed="-1"; see`},
		{"no number", "", "keyring rotate @RING --expect-generation x", 64, `--expect-generation: not a whole number from 0 on: "x"`},
		{"no number either", "", "keyring simulate --tokens x", 64, `--tokens: not a whole number: "x"`},
		{"no arguments", "", "keyring disable", 64, "keyturn: missing: <file> <kid>; see keyturn keyring disable --help"},
		{"no key ID", "", "keyring disable @RING x --reason y", 64, "keyturn: <kid>: a key ID is 8 lower-case hexadecimal digits"},
		{"no key ID, of one that may be left out", "", "keyring revoke @RING x --reason y", 64, "keyturn: <kid>: a key ID is"},
		{"no rule", "", "keyring rotate @RING --accept x --reason y", 64, "--accept: not a rule; they are T1 to T10"},
		{"unknown flag", "", "demo --porrt 1", 64, "unknown flag --porrt"},
		{"one dash", "", "bench -payload x", 64, "unknown flag -payload, did you mean \"--payload\"?; see keyturn bench --help"},
		{"one dash and a value", "", "demo -addr=x", 64, "unknown flag -addr, did you mean \"--addr\"?"},
		{"one dash before help", "", "bench -help", 64, "did you mean \"--help\"?"},
		{"one dash, after an unknown flag", "", "bench --payloda=x -payload x", 64, "unknown flag --payloda"},
		{"one dash, of another command", "", "demo -payload x", 64, "unknown flag -p"},

		{"init without a file", "", "keyring init", 64, "<file>"},
		{"init with an unknown algorithm", "", "keyring init @FILE --algorithm md5", 64, "--algorithm: not hmac-sha256, blake2b-256 or xchacha20-poly1305"},
		{"init with a name that is none", "", "keyring init @FILE --ring a/b", 64, "@FILE: ring: not 1 to 64 letters"},
		{"init over a file", "", "keyring init @RING", 73, "exists already"},
		{"init in a missing folder", "", "keyring init @DIR/a/b.json", 73, "no such file"},

		{"list without a file", "", "keyring list", 64, "<file>"},
		{"list of a missing ring", "", "keyring list @MISSING", 66, "@MISSING: no such file"},
		{"list of a damaged ring", "", "keyring list @DAMAGED", 66, "@DAMAGED: checksum: does not match"},
		{"list of a folder", "", "keyring list @DIR", 66, "@DIR: is not a regular file"},
		{"list at no time", "", "keyring list @RING --at yesterday", 64, "--at: not a time like 2026-10-01T00:00:00Z"},
		{"list on a day", "", "keyring list @RING --at 2026-10-01", 64, "--at: not a time like 2026-10-01T00:00:00Z"},

		{"check of a missing ring", "", "keyring check @MISSING", 66, "no such file"},
		{"check and write of a missing ring", "", "keyring check @MISSING --write", 66, "no such file"},
		{"check and write of a folder", "", "keyring check @DIR --write", 66, "not a regular file"},
		{"check of a damaged ring", "", "keyring check @DAMAGED", 66, "keyturn keyring check @DAMAGED --write"},
		{"check", "", "keyring check @RING", 0, ""},

		{"sign without a ring", `{}`, "sign", 64, "--keyring"},
		{"sign with a missing ring", `{}`, "sign --keyring @MISSING", 66, "no such file"},
		{"sign with a damaged ring", `{}`, "sign --keyring @DAMAGED", 66, "checksum"},
		{"sign with an unknown codec", `{}`, "sign --keyring @RING --codec xml", 64, "--codec: not json, msgpack or cbor"},
		{"sign with a name that is none", `{}`, "sign --keyring @RING --name a;b", 64, "cookie name"},
		{"sign with a lifetime over the ring's", `{}`, "sign --keyring @RING --lifetime 337h", 64, "max_session of 14d"},
		{"sign with a negative lifetime", `{}`, "sign --keyring @RING --lifetime=-1h", 64, "--lifetime: not a duration like 90d"},
		{"sign with a lifetime in days over the ring's", `{}`, "sign --keyring @RING --lifetime 15d", 64, "max_session of 14d"},
		{"sign with a lifetime in days", `{}`, "sign --keyring @RING --lifetime 13d --idle 1d", 0, ""},
		{"sign with no lifetime", `{}`, "sign --keyring @RING --lifetime 0", 64, "--lifetime: not a positive number"},
		{"sign with a lifetime of 0 s", `{}`, "sign --keyring @RING --lifetime 0s", 64, "--lifetime: not a positive number"},
		{"sign with half a second", `{}`, "sign --keyring @RING --lifetime=1.5s", 64, "--lifetime: not a positive number"},
		{"sign with an idle time over the lifetime", `{}`, "sign --keyring @RING --lifetime 1h --idle 2h", 64, "--idle"},
		{"sign before all time", `{}`, "sign --keyring @RING --at 1969-12-31T23:59:59Z", 64, "--at"},
		{"sign after all time", `{}`, "sign --keyring @RING --at 2106-02-07T06:28:16Z", 64, "--at"},
		{"sign nothing", ``, "sign --keyring @RING", 65, "empty"},
		{"sign no object", `[1]`, "sign --keyring @RING", 65, "not a JSON object"},
		{"sign a byte order mark", "\ufeff{}", "sign --keyring @RING", 65, "begins with a byte order mark"},
		{"sign half an object", `{"a":`, "sign --keyring @RING", 65, "not a JSON object"},
		{"sign two objects", `{} {}`, "sign --keyring @RING", 65, "not a JSON object"},
		{"sign a name twice", `{"a":1,"a":2}`, "sign --keyring @RING", 65, "not a JSON object that a session can carry: a member is in its object twice"},
		{"sign a name twice, deep", `{"b":[{"a":1,"a":2}]}`, "sign --keyring @RING", 65, "a member is in its object twice"},
		{"sign what is not UTF-8", "{\"a\":\"\xff\"}", "sign --keyring @RING", 65, "not a JSON object"},
		{"sign too deep", strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17), "sign --keyring @RING", 65, "deeper"},
		{"sign too much", `{"a":"` + strings.Repeat("x", 3100) + `"}`, "sign --keyring @RING", 65, "too much for a cookie"},
		{"sign far too much", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, "sign --keyring @RING", 65, "not a JSON object"},
		{"sign a number beyond 64 bits", `{"a":9223372036854775808}`, "sign --keyring @RING --codec cbor", 65, "out of range"},
		{"sign a number beyond a float", `{"a":1e999}`, "sign --keyring @RING --codec msgpack", 65, "out of range"},
		{"sign a number beyond 64 bits in JSON", `{"a":9223372036854775808}`, "sign --keyring @RING --codec json", 65, "out of range"},
		{"sign a number of 30 digits", `{"a":[123456789012345678901234567890]}`, "sign --keyring @RING", 65, "out of range"},
		{"sign a number beyond a float in JSON", `{"a":1e400}`, "sign --keyring @RING", 65, "out of range"},

		{"inspect nothing", "", "inspect", 64, "<value>"},
		{"inspect two", "", "inspect a b", 64, "unexpected argument after VALUE"},
		{"inspect with a missing ring", "", "inspect --keyring @MISSING @TOKEN", 66, "no such file"},
		{"inspect with a damaged ring", "", "inspect --keyring @DAMAGED @TOKEN", 66, "checksum"},
		{"inspect with a name that is none", "", "inspect --keyring @RING --name a=b @TOKEN", 64, "cookie name"},
		{"inspect at no time", "", "inspect --keyring @RING --at 12:00 @TOKEN", 64, "--at: not a time"},
		{"inspect", "", "inspect --keyring @RING @TOKEN", 0, ""},
		{"inspect from standard input", token, "inspect --keyring @RING -", 0, ""},
		{"inspect a line of standard input", token + "\n", "inspect --keyring @RING -", 0, ""},
		{"inspect a line of a file of Windows", token + "\r\n", "inspect --keyring @RING -", 0, ""},
		{"inspect two lines", token + "\n\n", "inspect --keyring @RING -", 1, "there is space in this"},
		{"inspect an empty value", "", "inspect --keyring @RING -", 1, "this is empty"},
		{"inspect 2 MB", strings.Repeat("x", 2<<20), "inspect --keyring @RING -", 1, ""},
		{"inspect a pair", "", "inspect --keyring @RING __Host-session=@TOKEN", 1, "NAME=VALUE"},
		{"inspect a quoted value", "", `inspect --keyring @RING "@TOKEN"`, 1, "quotes"},
		{"inspect a header", "Cookie: a=" + token, "inspect --keyring @RING -", 1, "header"},
		{"inspect a Set-Cookie", "a=" + token + "; Path=/", "inspect --keyring @RING -", 1, "attributes"},
		{"inspect a value for a URL", "kt%2BAA", "inspect --keyring @RING -", 1, "URL"},
		{"inspect half a value", "ktQBzUsZrWlVuQA...", "inspect --keyring @RING -", 1, "cut off"},
		{"inspect without a ring", "", "inspect @TOKEN", 3, ""},
		{"inspect nonsense without a ring", "", "inspect nonsense", 1, ""},
		{"inspect a later version without a ring", "", "inspect ktgBzUsZrWlVuQA", 2, ""},

		{"demo on no address", "", "demo --addr nonsense", 64, "--addr: not HOST:PORT"},
		{"demo on an address for all", "", "demo --addr :0", 64, "--allow-remote"},
		{"demo on another address for all", "", "demo --addr 0.0.0.0:0", 64, "--allow-remote"},
		{"demo on a name", "", "demo --addr example.com:0", 64, "--allow-remote"},
		{"demo in a file", "", "demo --addr 127.0.0.1:0 --state @RING", 66, "not a directory"},
		{"demo on a port that is none", "", "demo --addr 127.0.0.1:123456", 69, "invalid port"},
	} {
		t.Run(test.name, func(t *testing.T) {
			places := map[string]string{"RING": ring, "DAMAGED": damaged, "MISSING": missing, "DIR": dir, "TOKEN": token, "FILE": filepath.Join(dir, "new.json")}
			fill := func(s string) string {
				for name, value := range places {
					s = strings.ReplaceAll(s, "@"+name, value)
				}
				return s
			}
			var args []string
			for _, a := range strings.Fields(test.args) {
				args = append(args, fill(a))
			}
			r := want(t, test.status, test.stdin, args...)
			if says := fill(test.says); !strings.Contains(r.err, says) {
				t.Errorf("standard error is %q, want something with %q", r.err, says)
			}
			if test.says == "" && r.err != "" {
				t.Errorf("standard error is %q, want nothing", r.err)
			}
			if test.status >= 64 && r.out != "" {
				t.Errorf("standard output is %q, want nothing", r.out)
			}
		})
	}
}

func TestErrorsRepeatNoValue(t *testing.T) {
	ring := initRing(t, "hmac-sha256")
	value := strings.TrimSpace(want(t, 0, `{"user":"tom"}`, "sign", "--keyring", ring).out)
	foreign := `MTcwMDAwMDAwMHxEWDhFQVFMX2dBQUJFQUVRQUFB"fN4=|d0`
	for _, v := range []string{value, foreign, strings.ToUpper(value)} {
		for _, args := range [][]string{
			{"inspect", v, v},
			{"inspect", "--" + v, v},
			{"inspect", "-" + v},
			{"inspect", "--json=" + v, v},
			{"inspect", "--at=" + v, v},
			{"inspect", "--" + v + "=x", v},
			{"inspect", "--keyring", v, v},
			{"inspect", "--name", v + ";", "--keyring", ring, "x"},
			{"sign", v},
			{"sign", "--keyring", ring, v},
			{"sign", "--codec", v},
			{"sign", "--lifetime", v, "--keyring", ring},
			{v},
			{"keyring", v},
			{"keyring", "init", "x", "--algorithm", v},
			{"inspect", "__Host-session=" + v},
			{"inspect", `"` + v + `"`},
		} {
			r := keyturn(t, v, args...)
			if r.status == 0 {
				t.Errorf("keyturn %q: status 0", args)
			}
			isFlagOfOurs := args[1%len(args)] == "--keyring" && args[0] == "inspect" || len(args) > 2 && args[1] == "--name"
			if strings.Contains(strings.ToLower(r.err), strings.ToLower(v)) && !isFlagOfOurs {
				t.Errorf("keyturn %q repeats a value: %s", args, r.err)
			}
		}
	}
	for _, secret := range secrets(t, ring) {
		r := want(t, 65, `{"secret":`+secret, "sign", "--keyring", ring)
		if strings.Contains(r.err, secret) {
			t.Errorf("standard input is repeated: %s", r.err)
		}
	}
}

// A full disk must not look like success.
func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	ring := initRing(t, "hmac-sha256")
	for _, args := range [][]string{
		{"keyring", "list", ring},
		{"keyring", "list", ring, "--json"},
		{"sign", "--keyring", ring},
		{"inspect", "nonsense"},
		{"bench", "--for", "10ms"},
		{"bench", "--for", "10ms", "--json"},
		{"demo", "--addr", "127.0.0.1:0"},
	} {
		c := newCommand(t, args...)
		c.Stdin = strings.NewReader(`{"user":"tom"}`)
		c.Stdout = full
		var errs bytes.Buffer
		c.Stderr = &errs
		c.Run()
		if status := c.ProcessState.ExitCode(); status != 74 || !strings.Contains(errs.String(), "standard output") {
			t.Errorf("keyturn %q: status %d, want 74: %s", args, status, errs.String())
		}
	}
}
