package keyring

import (
	"bytes"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// packageComment returns the text of the package comment.
func packageComment(t *testing.T) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f.Doc.Text()
}

// The ring of the package comment is one: it parses, apart from its secrets, is
// written again as it stands there, and is what the comment says of it.
func TestDocumentedRing(t *testing.T) {
	doc := packageComment(t)
	i, j := strings.Index(doc, "\t{\n"), strings.Index(doc, "\n\t}\n")
	if i < 0 || j < i {
		t.Fatal("the package comment has no ring")
	}
	file := []byte(strings.ReplaceAll(doc[i+1:j+4], "\n\t", "\n"))

	_, err := Parse(file)
	if n := len(problemsOf(err)); n != 3 || strings.Count(err.Error(), "a sample from documentation") != 3 {
		t.Errorf("its secrets can be used: %v", err)
	}
	kept := samples
	samples = nil
	defer func() { samples = kept }()
	r, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.encode()
	if err != nil || !bytes.Equal(again, file) {
		t.Errorf("%v, written as\n%s\nwant\n%s", err, again, file)
	}
	now := time.Date(2026, 9, 22, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		id    string
		hours int
		want  State
	}{
		{"a955ea04", 0, Revoked}, {"1dc4fea0", 0, Active}, {"cb2440c4", 0, Pending}, {"d9798509", 0, Standby},
		{"1dc4fea0", 24, Retiring}, {"cb2440c4", 24, Active}, {"1dc4fea0", 24 * 20, Retired},
	} {
		id, err := ParseKeyID(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		if s := r.State(id, now.Add(time.Duration(tt.hours)*time.Hour)); s != tt.want {
			t.Errorf("%s after %d hours: %v, want %v", tt.id, tt.hours, s, tt.want)
		}
	}
	if w := r.Warnings(now); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}

	// The rotation in it is by the rules of the comment.
	y := r.Policy()
	old, next := r.document.Keys[1], r.document.Keys[2]
	if next.SignFrom.Before(r.document.Published.Add(y.Propagation)) || !old.VerifyUntil.Equal(next.SignFrom.Add(y.MaxSessionHigh+y.Skew)) {
		t.Errorf("%v until %v, %v from %v", old, old.VerifyUntil, next, next.SignFrom)
	}

	// The worked bytes.
	var got []byte
	k, err := NewKey(capturing(t, "hmac-sha256", func(b []byte) { got = bytes.Clone(b) }), old.secret())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := FromKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	bind(t, keys, Use{Name: "__Host-session"})
	bytesOf := func(b []byte) string {
		return strings.TrimSpace(regexp.MustCompile("(..)").ReplaceAllString(hex.EncodeToString(b), "$1 "))
	}
	plain := regexp.MustCompile(`\s+"[^"\n]*"\n\t?|\s+`).ReplaceAllString(doc, " ")
	for what, b := range map[string][]byte{
		"info":   []byte(info(labelSubkey, "hmac-sha256", "__Host-session", "")),
		"secret": old.secret(),
		"subkey": got,
	} {
		if !strings.Contains(plain, bytesOf(b)) {
			t.Errorf("the package comment lacks the %s: %s", what, bytesOf(b))
		}
	}
	if !strings.Contains(doc, "the key ID "+k.ID().String()) || k.Algorithm() != signer.HMACSHA256().Name {
		t.Errorf("the package comment lacks the key ID %v", k.ID())
	}
}

// Every member that the package knows is in the comment's list of members, and
// every exported name has a comment of its own.
func TestEverythingIsDocumented(t *testing.T) {
	doc := packageComment(t)
	list := doc[strings.Index(doc, "The members are"):]
	for _, names := range [][]string{ringMembers, policyMembers, keyMembers, codecMembers} {
		for _, name := range names {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(list) {
				t.Errorf("the member %s is not documented", name)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Name.IsExported() {
				if n++; f.Doc == nil {
					t.Errorf("%s has no comment", f.Name)
				}
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d functions found", n)
	}
}
