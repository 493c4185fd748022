package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/internal/vectors"
)

const flaskCases = "../../session/takeover/testdata/flask.json"

func writeCases(t *testing.T, name string, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTakeoverCheck(t *testing.T) {
	paths, err := filepath.Glob("../../session/takeover/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	r := want(t, 0, "", append([]string{"takeover-check"}, paths...)...)
	if strconv.IntSize == 64 { // with 32, one more is stricter
		golden(t, "foreign/takeover-check.txt", r.out)
	}

	file, err := vectors.Read(flaskCases)
	if err != nil {
		t.Fatal(err)
	}
	good := file.Cases[0]
	if good.Expect != "accept" {
		t.Fatal("not the case that this test wants")
	}
	accepted, other, stricter, nameless := good, good, good, good
	accepted.Name, accepted.Expect, accepted.RejectReason = "flask/accepted", "reject", "it is too old"
	other.Name, other.Payload = "flask/other", map[string]any{"a": 1}
	stricter.Settings, stricter.Tags = map[string]any{"secret": "another"}, []string{"may-reject"}
	nameless.Name, nameless.System, nameless.Expect = "", "perl", "reject"
	path := writeCases(t, "cases.json", vectors.File{System: "flask", Count: 5, Cases: []vectors.Case{good, accepted, other, stricter, nameless}})
	r = want(t, 1, "", "takeover-check", path)
	for _, says := range []string{
		"SYSTEM  PASSED  FAILED  STRICTER\nflask        1       2         1\nperl         0       1         0\nall          1       3         1\n\n",
		"failed: flask/accepted: accepted, and the library rejects it: it is too old\n",
		"failed: flask/other: payload is map",
		"failed: case 5, which has no name: settings: there is no system \"perl\"",
	} {
		if !strings.Contains(r.out, says) {
			t.Errorf("%s\nwant %s", r.out, says)
		}
	}
	if r.err != "" {
		t.Errorf("standard error: %s", r.err)
	}
	var report takeoverReport
	decodeJSON(t, want(t, 1, "", "takeover-check", "--json", path).out, &report)
	if len(report.Systems) != 2 || *report.Systems[0] != (checkedSystem{"flask", 1, 2, 1}) || len(report.Failures) != 3 || report.Failures[0].Name != "flask/accepted" || report.Failures[0].File != path {
		t.Errorf("%+v", report)
	}
	if r := want(t, 0, "", "takeover-check", "--json", flaskCases); !strings.Contains(r.out, `"failures":[]`) {
		t.Errorf("%s", r.out)
	}
}

func TestTakeoverCheckListsEveryFileThatIsNone(t *testing.T) {
	none, list := writeCases(t, "none.json", map[string]any{}), writeCases(t, "list.json", []any{})
	missing := filepath.Join(t.TempDir(), "missing.json")
	r := want(t, 65, "", "takeover-check", none, flaskCases, list, missing)
	for _, says := range []string{none + ": has no cases", list + ": is not a file of cases", missing + ": no such file"} {
		if !strings.Contains(r.err, "keyturn: "+says) {
			t.Errorf("%s\nwant %s", r.err, says)
		}
	}
	if r.out != "" || strings.Count(r.err, "\n") != 3 {
		t.Errorf("%s%s", r.out, r.err)
	}
	want(t, 64, "", "takeover-check")
}
