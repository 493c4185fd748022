package vectors

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestReadSaysWhatIsNoFileOfCases(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct{ text, says string }{
		"list":    {`[]`, "is not a file of cases: it is not a JSON object, but of type array"},
		"text":    {`hello`, "is not a file of cases: it is not JSON: "},
		"empty":   {``, "is not a file of cases: it is not JSON: "},
		"half":    {`{"cases": [{`, "is not a file of cases: it is not JSON: "},
		"more":    {`{"count": 1, "cases": [{}]} {}`, "is not a file of cases: it is not JSON: there is more behind it"},
		"object":  {`{}`, "has no cases"},
		"none":    {`{"system": "flask", "count": 0, "cases": []}`, "has no cases"},
		"ring":    {`{"name": "shop", "keys": []}`, "has no cases"},
		"other":   {`{"cases": {}}`, "is not a file of cases: cases is of type object"},
		"strange": {`{"cases": [{"name": 1}]}`, "is not a file of cases: cases."}, // and which, in the words of encoding/json,
		"count":   {`{"count": 2, "cases": [{}]}`, "has 1 cases, and says that it has 2"},
		"good":    {`{"count": 1, "cases": [{}]}`, ""},
		"uncount": {`{"cases": [{}]}`, ""},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		switch {
		case err == nil:
			if tt.says != "" {
				t.Errorf("%s is a file of cases", name)
			}
		case tt.says == "" || !strings.HasPrefix(err.Error(), path+" "+tt.says):
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	if _, err := Read(filepath.Join(dir, "missing")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// A cookie that Flask made, as any system has one: what is said of it decides.
func TestVerdicts(t *testing.T) {
	file, err := Read("../../session/takeover/testdata/flask.json")
	if err != nil {
		t.Fatal(err)
	}
	find := func(expect string, f func(c *Case) bool) Case {
		for _, c := range file.Cases {
			if c.Expect == expect && f(&c) {
				return c
			}
		}
		t.Fatal("no such case")
		return Case{}
	}
	good := find("accept", func(c *Case) bool { return len(c.Tags) == 0 && c.Payload.(map[string]any)["user_id"] != nil })
	bad := find("reject", func(c *Case) bool { return strings.Contains(c.Name, "neg") })
	change := func(c Case, f func(*Case)) *Case { f(&c); return &c }
	seconds := func(n json.Number, more int64) json.Number {
		i, err := n.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return json.Number(strconv.FormatInt(i+more, 10))
	}
	// withAge returns the settings with the max_age that the reader has for its own.
	withAge := func(c *Case) map[string]any {
		settings := maps.Clone(c.Settings)
		settings["max_age"] = *c.MaxAge
		return settings
	}
	narrow, why := Stricter, ""
	if strconv.IntSize > 32 {
		narrow, why = Failed, "refused, and the library accepts it: flask: "
	}
	for _, tt := range []struct {
		name    string
		c       *Case
		verdict Verdict
		says    string
	}{
		{"accepted", &good, Passed, ""},
		{"refused", &bad, Passed, ""},
		{"accepted where it may be refused", change(good, func(c *Case) { c.Tags = []string{"may-reject"} }), Passed, ""},
		{"accepted where it may be refused, with another payload", change(good, func(c *Case) { c.Tags, c.Payload = []string{"may-reject"}, nil }), Failed, "payload is map"},
		{"refused where it may be", change(bad, func(c *Case) { c.Expect, c.Tags = "accept", []string{"x", "may-reject"} }), Stricter, ""},
		{"refused where a program of 32 bits may", change(bad, func(c *Case) { c.Expect, c.Tags = "accept", []string{"64-bit"} }), narrow, why},
		{"refused where it may not be", change(bad, func(c *Case) { c.Expect = "accept" }), Failed, "refused, and the library accepts it: flask: "},
		{"accepted where it may not be", change(good, func(c *Case) { c.Expect, c.RejectReason = "reject", "too old" }), Failed, "accepted, and the library rejects it: too old"},
		{"accepted where it may not be, whatever the tag", change(good, func(c *Case) { c.Expect, c.Tags = "reject", []string{"may-reject", "may-differ"} }), Failed, "accepted, and"},
		{"another payload", change(good, func(c *Case) { c.Payload = map[string]any{"user_id": nil} }), Failed, "payload"},
		{"issued earlier", change(good, func(c *Case) { c.IssuedAt = seconds(c.IssuedAt, -1) }), Failed, "it begins at "},
		{"of a greater age", change(good, func(c *Case) { c.Settings, c.MaxAge = withAge(c), new(seconds(*c.MaxAge, 2)) }), Failed, "it ends at "},
		{"of a lesser age", change(good, func(c *Case) { c.Settings, c.MaxAge = withAge(c), new(seconds(*c.MaxAge, -60)) }), Failed, "it ends at "},
		{"of an age that does not end it", change(good, func(c *Case) {
			c.Settings, c.MaxAge, c.Tags = withAge(c), new(seconds(*c.MaxAge, 2)), []string{"no-expiry"}
		}), Passed, ""},
		{"of an age that nobody knows", change(good, func(c *Case) { c.IssuedAt = "" }), Passed, ""},
		{"no expectation", change(good, func(c *Case) { c.Expect = "" }), Failed, `expect is ""`},
		{"no time", change(good, func(c *Case) { c.Now = "" }), Failed, "now is not a number of seconds"},
		{"no system", change(good, func(c *Case) { c.System = "nope" }), Failed, `there is no system "nope"`},
		{"no system that rejects", change(bad, func(c *Case) { c.System = "nope" }), Failed, `there is no system "nope"`},
		{"settings that are none, where it may be refused", change(good, func(c *Case) { c.Settings, c.Tags = map[string]any{"a": 1}, []string{"may-reject"} }), Failed, `"secret" is missing`},
		{"settings that are none, where it is refused", change(bad, func(c *Case) { c.Settings = nil }), Failed, `"secret" is missing`},
		{"no cookie", change(good, func(c *Case) { c.CookieValues = nil }), Failed, "the cookie is empty"},
	} {
		verdict, err := tt.c.Run()
		if verdict != tt.verdict || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v %v, want %v %q", tt.name, verdict, err, tt.verdict, tt.says)
		}
	}
}
