package takeover_test

import (
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/vectors"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// wantRefused fails if a value, with those of the cookies that belong to it, is accepted,
// or refused for another reason, or with an error that quotes one of them or does not say
// what.
func wantRefused(t testing.TB, r *takeover.Reader, now time.Time, value string, reason session.Reason, says string, more ...string) {
	t.Helper()
	values := append([]string{value}, more...)
	f, err := r.Open(now, values)
	switch {
	case err == nil:
		t.Errorf("accepted, with %v", f.Data)
		return
	case !errors.Is(err, reason):
		t.Errorf("refused because %v, want %v", err, reason)
	case !strings.HasPrefix(err.Error(), r.System()+": "), !strings.Contains(err.Error(), says):
		t.Errorf("the error is %q, want the system and %q in it", err, says)
	case !reflect.DeepEqual(f, session.Foreign{}):
		t.Errorf("refused, with %v", f)
	}
	for _, v := range values {
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return strings.ContainsRune(`.:"`, r) }) {
			if len(part) > 4 && strings.Contains(err.Error(), part) {
				t.Errorf("the error %q quotes %q", err, part)
			}
		}
	}
	if strings.Contains(strings.ReplaceAll(err.Error(), "atom", ""), "tom") { // a user of many cookies
		t.Errorf("the error %q quotes what is in it", err)
	}
}

// wantProblems fails if err does not say each of these, one in each line, and nothing
// else; none is no error.
func wantProblems(t testing.TB, r *takeover.Reader, err error, says ...string) {
	t.Helper()
	if (err == nil) != (len(says) == 0) || (r == nil) != (err != nil) {
		t.Fatalf("the reader is %v, the error %v, want %q", r, err, says)
	}
	if err == nil {
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("nothing says %q:\n%v", s, err)
		}
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(says) {
		t.Errorf("%d problems, want %d:\n%v", len(lines), len(says), err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "takeover: ") {
			t.Errorf("%q does not begin with the package", line)
		}
	}
	if strings.Contains(err.Error(), "hunter2") { // a secret of many tests
		t.Errorf("a secret is quoted:\n%v", err)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// casesOf returns the cases of a system, of which there have to be some.
func casesOf(t testing.TB, system string) (cases []vectors.Case) {
	t.Helper()
	for _, f := range files(t) {
		for _, c := range f.Cases {
			if c.System == system {
				cases = append(cases, c)
			}
		}
	}
	if len(cases) == 0 {
		t.Fatalf("there is no case of %s", system)
	}
	return cases
}

// onlyFIPS reports whether nothing runs here but what FIPS 140-3 approves. Where it does
// not, it runs the test where it does.
func onlyFIPS(t *testing.T) bool {
	t.Helper()
	if fips140.Enforced() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
