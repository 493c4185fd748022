package keyturn_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// fragment is what surrounds a snippet of the README that is no program.
const fragment = `package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

var sessions, _ = session.New[session.Values](session.Config{Keys: keyring.Ephemeral()})

var _, _, _, _, _ = fmt.Println, http.Error, os.Getenv, time.Now, takeover.Values

func main() {}

`

func TestReadmeSnippetsCompile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := map[string]string{}
	var packages []string
	for i, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		code := m[1]
		if !strings.HasPrefix(code, "package ") {
			code = fragment + code
		}
		// The snippet is compiled as a package of this module that exists in
		// the eyes of the compiler only.
		pkg := "readme" + strconv.Itoa(i)
		file := filepath.Join(dir, pkg+".go")
		if err := os.WriteFile(file, []byte(code), 0o666); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root, pkg, "main.go")] = file
		packages = append(packages, "./"+pkg)
	}
	if len(packages) < 2 {
		t.Fatalf("%d snippets found, which cannot be all", len(packages))
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"build", "-overlay", file, "-o", dir + string(filepath.Separator)}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
