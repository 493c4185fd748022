package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Every command that the README and the pages of docs tell of is one that there
// is, with the arguments and flags that it has.
func TestDocumentedCommandsAreCommands(t *testing.T) {
	files := []struct {
		file  string
		least int
	}{{"../../README.md", 4}, {"../../docs/rotation.md", 20}, {"../../docs/takeover.md", 2}}
	libraries, err := filepath.Glob("../../docs/takeover/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range libraries {
		files = append(files, struct {
			file  string
			least int
		}{file, 1})
	}
	for _, tt := range files {
		text, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, line := range commandsIn(string(text)) {
			found++
			var c command
			parser, err := kong.New(&c, kong.Vars{"version": "", "cookie": ""}, kong.Writers(io.Discard, io.Discard))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(shellWords(line)); err != nil {
				t.Errorf("%s: keyturn %s: %v", tt.file, line, err)
			}
		}
		if found < tt.least {
			t.Errorf("%d commands are found in %s, which cannot be all", found, tt.file)
		}
	}
}

// commandsIn returns the arguments of each keyturn in a block of code, where it may
// be the last of a pipe, or in code within a line.
func commandsIn(markdown string) (lines []string) {
	for i, part := range strings.Split(markdown, "```") {
		command := "`keyturn ([^`]*)`"
		if i%2 == 1 {
			command = `(?m)^(?:.* \| )?keyturn (.*)$`
		}
		for _, m := range regexp.MustCompile(command).FindAllStringSubmatch(part, -1) {
			lines = append(lines, strings.ReplaceAll(m[1], "\n", " "))
		}
	}
	return lines
}

// shellWords splits a line into words; double quotes hold a word together.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(m, `"`))
	}
	return words
}
