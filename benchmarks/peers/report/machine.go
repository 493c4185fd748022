package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A machine is where and of what the report was made.
type machine struct {
	cpu    string
	cores  int
	os     string
	goos   string // with the architecture
	golang string
	commit string
	rivals []module
}

// A module is another's.
type module struct{ path, version string }

// rivals are the modules that the report is about, besides keyturn: those that it
// is compared with, and those that its codecs are made of.
var rivals = []string{
	"github.com/gorilla/securecookie",
	"github.com/gorilla/sessions",
	"github.com/chmike/securecookie",
	"github.com/golang-jwt/jwt/v5",
	"github.com/cristalhq/jwt/v5",
	"aidanwoods.dev/go-paseto",
	"github.com/alexedwards/scs/v2",
	"github.com/golangcollege/sessions",
	"github.com/go-json-experiment/json",
	"github.com/vmihailenco/msgpack/v5",
	"github.com/fxamacker/cbor/v2",
}

func thisMachine(ctx context.Context) machine {
	m := machine{
		cpu: processor(ctx), cores: runtime.NumCPU(), os: system(ctx), goos: runtime.GOOS + "/" + runtime.GOARCH,
		golang: runtime.Version(), commit: commit(ctx),
	}
	if n := runtime.GOMAXPROCS(0); n < m.cores {
		m.cores = n
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		m.rivals = among(info.Deps)
	}
	return m
}

// among returns the rivals that the program is built with.
func among(deps []*debug.Module) []module {
	versions := make(map[string]string)
	for _, d := range deps {
		if d.Replace != nil {
			d = d.Replace
		}
		versions[d.Path] = d.Version
	}
	var all []module
	for _, path := range rivals {
		if v, ok := versions[path]; ok {
			all = append(all, module{path, v})
		}
	}
	return all
}

// processor returns the model of the processor, as far as the system tells.
func processor(ctx context.Context) string {
	switch runtime.GOOS {
	case "linux":
		for _, key := range []string{"model name", "Model", "Hardware", "CPU part"} {
			if v := field("/proc/cpuinfo", key, ":"); v != "" {
				return v
			}
		}
	case "darwin":
		if v, err := output(ctx, "sysctl", "-n", "machdep.cpu.brand_string"); err == nil {
			return v
		}
	case "windows":
		if v := os.Getenv("PROCESSOR_IDENTIFIER"); v != "" {
			return v
		}
	}
	return "unknown processor"
}

// system returns the operating system, as far as it tells.
func system(ctx context.Context) string {
	name := runtime.GOOS
	if v := strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`); v != "" {
		name = v
	}
	if v, err := output(ctx, "uname", "-sr"); err == nil {
		if name == runtime.GOOS {
			return v
		}
		return name + ", " + v
	}
	return name
}

// field returns the value of the first line of the file that begins with the key.
func field(name, key, sep string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), sep); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// commit returns which one this is, and whether anything is changed, other than
// what the report itself writes.
func commit(ctx context.Context) string {
	root, err := output(ctx, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return "unknown commit"
	}
	id, err := output(ctx, "git", "rev-parse", "HEAD")
	if err != nil {
		return "no commit"
	}
	changed, err := output(ctx, "git", "-C", filepath.FromSlash(root), "status", "--porcelain", "--",
		".", ":(exclude)benchmarks/RESULTS.md", ":(exclude)benchmarks/*.svg")
	switch {
	case err != nil:
		return id
	case changed != "":
		return fmt.Sprintf("%s, with %d files changed since", id, strings.Count(changed, "\n")+1)
	}
	return id + ", unchanged"
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return string(bytes.TrimSpace(out)), err
}
