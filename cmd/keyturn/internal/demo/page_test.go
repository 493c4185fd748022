package demo

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// On a narrow screen the style sheet names the columns: as the page does.
func TestTheStyleNamesTheColumns(t *testing.T) {
	columns := map[string][]string{}
	for _, m := range regexp.MustCompile(`<table class="([a-z]+)">\n<thead><tr>(.*)</tr>`).FindAllStringSubmatch(pageHTML, -1) {
		heads := strings.TrimSuffix(strings.TrimPrefix(m[2], "<th>"), "</th>")
		columns[m[1]] = strings.Split(heads, "</th><th>")
	}
	if len(columns) != strings.Count(pageHTML, "<table") {
		t.Fatalf("not every table has a class of its own: %v", columns)
	}
	named := map[string]int{}
	for _, m := range regexp.MustCompile(`\.([a-z]+) td:nth-child\((\d)\)::before \{.*content: "([^"]*)"; content: "([^"]*)" / ""; \}`).FindAllStringSubmatch(string(styleCSS), -1) {
		n, _ := strconv.Atoi(m[2])
		if c := columns[m[1]]; n > len(c) || !strings.EqualFold(strings.TrimSpace(m[3]), c[n-1]) || m[4] != m[3] {
			t.Errorf("%q of columns %q", m[0], c)
		}
		named[m[1]]++
	}
	for table, c := range columns {
		if named[table] < len(c)-2 { // what is alone on a line needs no name
			t.Errorf("%s: %d of %d columns are named", table, named[table], len(c))
		}
	}
}
