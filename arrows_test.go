package keyturn_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/keyturn/keyturn/"

// arrows lists, for each package, which of the others it may depend on,
// directly or not. Nothing may depend on a package that is in no list.
var arrows = map[string][]string{
	"internal/envelope":      {},
	"internal/stripe":        {},
	"internal/turns":         {},
	"codec":                  {},
	"codec/codectest":        {"codec"},
	"signer":                 {},
	"signer/signertest":      {"signer"},
	"keyring":                {"internal/stripe", "signer"},
	"keyring/keyringtest":    {"internal/envelope", "internal/stripe", "codec", "keyring", "signer", "session", "session/internal/shape", "session/internal/token"},
	"session/internal/shape": {"codec"},
	"session/internal/token": {"signer"},
	"session":                {"internal/envelope", "internal/stripe", "codec", "keyring", "signer", "session/internal/shape", "session/internal/token"},
	"session/takeover":       {"session", "internal/envelope", "internal/stripe", "codec", "keyring", "signer", "session/internal/shape", "session/internal/token"},
	"internal/vectors":       {"session/takeover", "session", "internal/envelope", "internal/stripe", "codec", "keyring", "signer", "session/internal/shape", "session/internal/token"},
	"middleware":             {"session", "internal/envelope", "internal/stripe", "codec", "keyring", "signer", "session/internal/shape", "session/internal/token"},
}

// withoutHTTP are the packages that know nothing of net/http.
var withoutHTTP = []string{"codec", "signer", "keyring", "keyring/keyringtest", "session", "session/internal/shape", "session/internal/token", "session/takeover"}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}

func TestArrowsPointOneWay(t *testing.T) {
	checked := 0
	for _, path := range goList(t, "./...") {
		pkg, ok := strings.CutPrefix(path, module)
		if !ok {
			continue // the root, which has tests only
		}
		allowed, limited := arrows[pkg]
		dir, _, _ := strings.Cut(pkg, "/")
		deps := goList(t, "-deps", path)
		for _, dep := range deps {
			dep, ours := strings.CutPrefix(dep, module)
			if !ours || dep == pkg {
				continue
			}
			_, known := arrows[dep]
			switch {
			case limited && !slices.Contains(allowed, dep):
				t.Errorf("%s depends on %s", pkg, dep)
			case !limited && !known && !strings.HasPrefix(dep, dir+"/"):
				t.Errorf("%s depends on %s, which nothing should depend on", pkg, dep)
			}
			checked++
		}
		if slices.Contains(withoutHTTP, pkg) && slices.Contains(deps, "net/http") {
			t.Errorf("%s depends on net/http", pkg)
		}
	}
	for pkg := range arrows {
		if len(goList(t, module+pkg)) != 1 {
			t.Errorf("there is no package %s", pkg)
		}
	}
	if checked < len(arrows) {
		t.Errorf("%d dependencies checked, which cannot be all", checked)
	}
}
