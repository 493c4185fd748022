package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// comparing returns what runs commands in a repository with the script, and where
// the script has what is temporary. benchstat is a fake.
func comparing(t *testing.T) (command func(name string, args ...string) *exec.Cmd, tmp string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a script for bash")
	}
	script, err := os.ReadFile(filepath.Join("..", "..", "compare"))
	if err != nil {
		t.Fatal(err)
	}
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	tmp = t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// Its benchstat says how many results it has been given.
	write(filepath.Join(bin, "benchstat"), "#!/bin/sh\ngrep -h ^BenchmarkSound \"${1#old=}\" \"${2#new=}\" | wc -l\nexit ${BENCHSTAT:-0}\n")
	write(filepath.Join(bin, "go"), "#!/bin/sh\nif [ $1 = install ]; then exec cp "+bin+"/benchstat \"${NO_BENCHSTAT:-$GOBIN}\"; fi\nexec "+golang+" \"$@\"\n")
	for name, text := range map[string]string{
		"go.mod":               "module example.org/x\n\ngo 1.26\n",
		"benchmarks/compare":   string(script),
		"benchmarks/x_test.go": "package x\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) { b.Fatal(\"it fails\") }\n\nfunc BenchmarkSound(b *testing.B) {\n\tfor b.Loop() {\n\t}\n}\n",
		"none/x.go":            "package none\n",
	} {
		write(filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	command = func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GIT_CONFIG_GLOBAL="+os.DevNull, "COUNT=1", "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
		return cmd
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"}} {
		if out, err := command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return command, tmp
}

func TestCompareRefusesWhatItCannotCompare(t *testing.T) {
	command, tmp := comparing(t)
	for _, test := range []struct{ args, want string }{
		{"", "benchmarks/compare OLD NEW"},
		{"HEAD", "benchmarks/compare OLD NEW"},
		{"HEAD --help", "benchmarks/compare OLD NEW"},
		{"HEAD nowhere", "nowhere is no commit"},
		{"HEAD . ./absent", "HEAD has no ./absent"},
		{"HEAD . ./...", "more than one package"},
		{"HEAD . ../x", "../x is not in the repository: PACKAGE is relative to its root"},
		{"HEAD . " + tmp, "is not in the repository"},
		{"HEAD . none/../none", "is not in the repository"},
		{"HEAD . absent", "relative to the repository's root"},
		{"HEAD . none", "HEAD: ./none has no tests"},
		{"HEAD . -count 3", "said with COUNT"},
		{"HEAD HEAD -bench Y", "old has no such benchmark"},
		{"HEAD HEAD -bench X", "it fails"},
	} {
		out, err := command("bash", append([]string{"benchmarks/compare"}, strings.Fields(test.args)...)...).CombinedOutput()
		if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 2 || !strings.Contains(string(out), test.want) {
			t.Errorf("compare %s: %v\n%s", test.args, err, out)
		}
		trees, err := command("git", "worktree", "list").Output()
		if err != nil || strings.Count(string(trees), "\n") != 1 || listing(t, tmp) != "" {
			t.Errorf("compare %s leaves %s, and %s", test.args, trees, listing(t, tmp))
		}
	}
}

func TestCompareSaysHowItIsUsed(t *testing.T) {
	command, _ := comparing(t)
	for _, flag := range []string{"-h", "-help", "--help"} {
		out, err := command("bash", "benchmarks/compare", flag).Output()
		if err != nil || !strings.Contains(string(out), "benchmarks/compare HEAD~1 HEAD -bench ") { // for minutes, not hours
			t.Errorf("compare %s: %v\n%s", flag, err, out)
		}
	}
}

// What it makes is said before it is made, and what it lacks is found out before.
func TestCompareSaysFirstWhatItMeasures(t *testing.T) {
	command, tmp := comparing(t)
	for _, test := range []struct {
		args, env, says string
		turns           bool
	}{
		{"HEAD . -bench Sound -benchtime 2x", "COUNT=3", "turns: 3 of each; benchmarks in a turn: 1 of old, 1 of new, each for 2x\n", true},
		{"HEAD . -bench=Sound -benchtime=1ms -cpu 1,2", "", "benchmarks in a turn: 2 of old, 2 of new, each for 1ms\n", true},
		{"HEAD . -bench Sound", "", "each for 100ms\n", true},
		{"HEAD . -bench Sound", "NO_BENCHSTAT=/dev/null/x", "benchstat cannot be built", false},
	} {
		cmd := command("bash", append([]string{"benchmarks/compare"}, strings.Fields(test.args)...)...)
		cmd.Env = append(cmd.Env, test.env)
		out, err := cmd.CombinedOutput()
		said, _, turns := strings.Cut(string(out), "turn 1 of")
		if (err == nil) != test.turns || turns != test.turns || !strings.Contains(said, test.says) {
			t.Errorf("compare %s: %v\n%s", test.args, err, out)
		}
		if test.env == "COUNT=3" && !strings.HasSuffix(string(out), "\n6\n") {
			t.Errorf("not three results of each are compared:\n%s", out)
		}
		if left := listing(t, tmp); left != "" {
			t.Errorf("compare %s leaves %s", test.args, left)
		}
	}
}

// What was measured by both is kept, whatever ends it.
func TestCompareKeepsWhatWasMeasured(t *testing.T) {
	for _, test := range []struct {
		name, env string
		interrupt bool
		status    int
	}{
		{"benchstat fails", "BENCHSTAT=1", false, 2},
		{"it is ended", "COUNT=1000000", true, 130},
	} {
		t.Run(test.name, func(t *testing.T) {
			command, tmp := comparing(t)
			cmd := command("bash", "benchmarks/compare", "HEAD", ".", "-bench", "Sound", "-benchtime", "1x")
			cmd.Env = append(cmd.Env, test.env)
			errs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
			var last string
			for lines := bufio.NewScanner(errs); lines.Scan(); {
				last = lines.Text()
				if test.interrupt && strings.HasPrefix(last, "turn 2 of ") {
					cmd.Process.Signal(syscall.SIGTERM)
				}
			}
			cmd.Wait()
			m := regexp.MustCompile(`^\tgo run \S+ old=(\S+) new=(\S+)$`).FindStringSubmatch(last)
			if m == nil || cmd.ProcessState.ExitCode() != test.status {
				t.Fatalf("status %d, and last %q", cmd.ProcessState.ExitCode(), last)
			}
			for _, name := range m[1:] {
				if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), "\nBenchmarkSound") {
					t.Errorf("%v: %q in %s", err, text, name)
				}
			}
			kept, err := filepath.Glob(filepath.Join(tmp, "*", "*"))
			if err != nil || len(kept) != 2 {
				t.Errorf("%v: %q is kept", err, kept)
			}
			if trees, err := command("git", "worktree", "list").Output(); err != nil || strings.Count(string(trees), "\n") != 1 {
				t.Errorf("%v: %s", err, trees)
			}
		})
	}
}
