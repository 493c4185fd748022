package takeover_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const docs = "../../docs"

// overview is the page that leads to those of docs/takeover.
const overview = docs + "/takeover.md"

// pages returns the overview, and the pages of each library.
func pages(t *testing.T) []string {
	t.Helper()
	each, err := filepath.Glob(docs + "/takeover/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(each) == 0 {
		t.Fatal("there is no page of a library")
	}
	return append([]string{overview}, each...)
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// around declares what a snippet is free to speak of.
var around = map[string]string{
	"Visit":     `type Visit struct{ User string }`,
	"keys":      `var keys *keyring.Keyring`,
	"mw":        `var mw *middleware.Middleware`,
	"visits":    `var visits *session.Manager[Visit]`,
	"mux":       `var mux *http.ServeMux`,
	"oldSecret": `var oldSecret string`,
	"toVisit":   `func toVisit(data any) (v Visit, err error) { return }`,
}

// imports are the packages that a snippet need not import.
var imports = []string{
	"errors", "fmt", "log", "net/http", "net/http/httputil", "net/url", "os", "reflect", "time",
	"github.com/keyturn/keyturn/keyring",
	"github.com/keyturn/keyturn/middleware",
	"github.com/keyturn/keyturn/session",
	"github.com/keyturn/keyturn/session/takeover",
}

// goBlocks returns the Go code of a page: what is in blocks of go, and the programs that
// blocks of diff lead to.
func goBlocks(text string) (code []string) {
	for _, m := range regexp.MustCompile("(?ms)^```(go|diff)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		if m[1] == "go" {
			code = append(code, m[2])
			continue
		}
		after := ""
		for line := range strings.Lines(m[2]) {
			if line[0] != '-' {
				after += line[1:]
			}
		}
		if strings.HasPrefix(after, "package ") {
			code = append(code, after)
		}
	}
	return code
}

// Every block of Go is a program that compiles, or a snippet that does where it belongs.
func TestGoOfTheTakeoverPagesCompiles(t *testing.T) {
	type block struct {
		page string
		code string
	}
	var blocks []block
	for _, page := range pages(t) {
		all := goBlocks(readPage(t, page))
		if len(all) == 0 {
			t.Errorf("%s has no Go", page)
		}
		for _, code := range all {
			blocks = append(blocks, block{page, code})
		}
	}
	fset := token.NewFileSet()
	from := exported(t, fset)
	for i, b := range blocks {
		name := filepath.Base(b.page) + " block " + strconv.Itoa(i)
		program := strings.HasPrefix(b.code, "package ")
		code := b.code
		if !program {
			code = snippet(fset, b.code)
		}
		f, err := parser.ParseFile(fset, name, code, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v\n%s", b.page, err, b.code)
			continue
		}
		conf := types.Config{Importer: from, Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) && e.Soft && !program {
				return // not used, in a snippet
			}
			t.Errorf("%s: %v\n%s", b.page, err, b.code)
		}}
		p, _ := conf.Check("main", fset, []*ast.File{f}, nil)
		if program && (p.Name() != "main" || p.Scope().Lookup("main") == nil) {
			t.Errorf("%s: a program without a main\n%s", b.page, b.code)
		}
	}
}

// snippet makes a file of declarations, or of statements.
func snippet(fset *token.FileSet, code string) string {
	var head strings.Builder
	head.WriteString("package main\n")
	for _, p := range imports {
		head.WriteString("import " + strconv.Quote(p) + "\n")
	}
	f, err := parser.ParseFile(fset, "", head.String()+code, 0)
	if err != nil {
		code = "func _() {\n" + code + "}\n"
	}
	for name, declaration := range around {
		if err != nil || f.Scope.Lookup(name) == nil {
			head.WriteString(declaration + "\n")
		}
	}
	return head.String() + code
}

// exported returns an importer of what is compiled of imports.
func exported(t *testing.T, fset *token.FileSet) types.Importer {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, imports...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		p, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[p] = file
	}
	return importer.ForCompiler(fset, runtime.Compiler, func(p string) (io.ReadCloser, error) {
		if files[p] == "" {
			return nil, errors.New("is not among the imports of this test")
		}
		return os.Open(files[p])
	})
}

// Every link leads to a file that there is, and every page has one that leads to it.
func TestLinksOfTheTakeoverPages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linked := map[string]bool{}
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(readPage(t, page), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			file := path.Join(path.Dir(filepath.ToSlash(page)), target)
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			if page == overview {
				linked[path.Base(target)] = true
			}
		}
	}
	for _, page := range pages(t)[1:] {
		if !linked[filepath.Base(page)] {
			t.Errorf("%s has no link to %s", overview, filepath.Base(page))
		}
	}
}

// What the pages say of this package is in it: its names are no others.
func TestNamesOnTheTakeoverPages(t *testing.T) {
	fset := token.NewFileSet()
	p, err := exported(t, fset).Import("github.com/keyturn/keyturn/session/takeover")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\btakeover\.([A-Z]\w*)`)
	for _, page := range pages(t) {
		for _, m := range name.FindAllStringSubmatch(readPage(t, page), -1) {
			if !slices.Contains(p.Scope().Names(), m[1]) {
				t.Errorf("%s: there is no %s", page, m[0])
			}
		}
	}
}
