package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The script that compares two commits, as far as it goes without benchstat.
func TestCompareRefusesWhatItCannotCompare(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a script for bash")
	}
	script, err := os.ReadFile(filepath.Join("..", "..", "compare"))
	if err != nil {
		t.Fatal(err)
	}
	dir, tmp := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"go.mod":               "module example.org/x\n\ngo 1.26\n",
		"benchmarks/compare":   string(script),
		"benchmarks/x_test.go": "package x\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) { b.Fatal(\"it fails\") }\n",
		"none/x.go":            "package none\n",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GIT_CONFIG_GLOBAL="+os.DevNull, "COUNT=1")
		return cmd
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"}} {
		if out, err := command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	for _, test := range []struct{ args, want string }{
		{"", "benchmarks/compare OLD NEW"},
		{"HEAD", "benchmarks/compare OLD NEW"},
		{"HEAD --help", "benchmarks/compare OLD NEW"},
		{"HEAD nowhere", "nowhere is no commit"},
		{"HEAD . ./absent", "HEAD has no ./absent"},
		{"HEAD . ./...", "more than one package"},
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
