// Command keyturn makes, checks and edits keyrings, makes and opens session cookies, measures what they cost, and shows a session that outlives its keys.
//
//	keyturn keyring init FILE      makes a ring file
//	keyturn keyring list FILE      shows the keys of a ring
//	keyturn keyring check FILE     validates a ring file
//	keyturn keyring status FILE    says what signs and what comes next
//	keyturn keyring rotate FILE    schedules the next key; and other edits
//	keyturn keyring policy FILE    shows the policy of a ring, or sets it
//	keyturn keyring plan OLD NEW   judges whether an edit is safe to publish
//	keyturn sign < payload.json    makes the value of a session cookie
//	keyturn inspect VALUE          takes the value of a session cookie apart
//	keyturn takeover-check FILE    runs cookies of other libraries against their readers
//	keyturn bench                  measures codecs and algorithms with a session of your own
//	keyturn demo                   serves a page on which to turn keys and stay signed in
//
// Each has a --help with examples. Results go to standard output, and what is
// wrong to standard error, a line for each problem. Neither a secret nor the
// value of a cookie is ever in an error.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/keyturn/keyturn/session"
)

// A command is the grammar of the command line.
type command struct {
	Version kong.VersionFlag `help:"Show the version."`

	Keyring       keyringCommand       `cmd:"" help:"Make, show, check and edit the file of a ring of keys."`
	Sign          signCommand          `cmd:"" help:"Make the value of a session cookie from a JSON object on standard input."`
	Inspect       inspectCommand       `cmd:"" help:"Say what the value of a session cookie is, and what is in it."`
	TakeoverCheck takeoverCheckCommand `cmd:"" help:"Run files of other libraries' cookies against the readers of package session/takeover."`
	Bench         benchCommand         `cmd:"" help:"Measure the codecs and algorithms with a session of your own, to choose by."`
	Demo          demoCommand          `cmd:"" help:"Serve a page on which to turn keys and stay signed in."`
}

const description = `Signed cookie sessions: makes, checks and edits rings of keys, makes and opens
cookies.

Exit status, unless a command says otherwise:

    0    done
    1    refused: an edit of a ring might end sessions
    64   wrong usage
    65   the input cannot be used
    66   the ring cannot be read, or is not valid
    69   the address cannot be listened on
    70   a fault of the program
    73   the file cannot be made
    74   a file, or the output, cannot be written
    75   somebody else is editing the ring
    78   the ring does not allow it`

// streams are what a command reads and writes.
type streams struct {
	in  io.Reader
	out *bufio.Writer
	err io.Writer
}

func main() {
	std := streams{os.Stdin, bufio.NewWriter(os.Stdout), os.Stderr}
	status := run(os.Args[1:], std)
	if err := std.out.Flush(); err != nil {
		status = complain(std.err, failf(statusOutput, "standard output: %w", err))
	}
	os.Exit(status)
}

// run executes a command line and returns the exit status. It does not return
// after --help and --version.
func run(args []string, std streams) int {
	var c command
	parser, err := kong.New(&c,
		kong.Name("keyturn"),
		kong.Description(description),
		kong.Vars{"version": version(), "cookie": session.DefaultName},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(showHelp),
		kong.Writers(os.Stdout, std.err),
	)
	if err != nil {
		return complain(std.err, fail(statusSoftware, err))
	}
	ctx, err := parser.Parse(asFlags(args))
	if err != nil {
		return complain(std.err, misuse(err, args))
	}
	if ctx.Command() != "demo" {
		// What the packages log is for servers. A command says what is to be said.
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	return complain(std.err, ctx.Run(std))
}

// asFlags returns the arguments with help and version, when they are the command,
// as the flags that many expect to be those.
func asFlags(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 2 && args[0] == "keyring" && args[1] == "help":
		return []string{"keyring", "--help"}
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	}
	return args
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "keyturn (unknown version)"
	}
	return "keyturn " + info.Main.Version
}

// singleDashed returns the first flag of the command that is written as the go
// command's are, with one dash, where the parser took it for flags of one letter.
func singleDashed(err error, args []string) string {
	e := (*kong.ParseError)(nil)
	text := err.Error()
	if !errors.As(err, &e) || e.Context == nil || e.Context.Selected() == nil ||
		!strings.HasPrefix(text, "unknown flag -") || strings.HasPrefix(text, "unknown flag --") {
		return ""
	}
	flags := slices.Concat(e.Context.Selected().Flags, e.Context.Model.Flags)
	for _, arg := range args {
		name, dashed := strings.CutPrefix(arg, "-")
		name, _, _ = strings.Cut(name, "=")
		if dashed && slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == name }) {
			return name
		}
	}
	return ""
}

// misuse is what is said of a command line that cannot be parsed. The parser
// quotes arguments, and an argument may be the value of a cookie: what is long
// enough for one is left out.
func misuse(err error, args []string) error {
	of := "keyturn"
	text := err.Error()
	if e := (*kong.ParseError)(nil); errors.As(err, &e) && e.Context != nil && e.Context.Selected() != nil {
		of = e.Context.Selected().FullPath()
		if _, ok := e.Context.Selected().Target.Interface().(inspectCommand); ok && strings.HasPrefix(text, "unexpected argument") {
			text = "unexpected argument after VALUE"
		}
	}
	if e := (*kong.ParseError)(nil); errors.As(err, &e) && e.Context != nil && strings.HasPrefix(text, "expected one of ") { // of which the parser lists five
		group := e.Context.Selected()
		if group == nil {
			group = e.Context.Model.Node
		}
		text = "expected one of " + commandsOf(group)
	}
	text = plainly(text)
	if name := singleDashed(err, args); name != "" {
		return fail(statusUsage, fmt.Errorf("unknown flag -%s, did you mean \"--%[1]s\"?; see %s --help", name, of))
	}
	for _, arg := range args {
		arg = strings.TrimLeft(arg, "-")
		for _, part := range append([]string{arg}, strings.SplitN(arg, "=", 2)...) {
			if len(part) < shortestSecret {
				continue
			}
			quoted := strconv.Quote(part)
			for _, spelled := range []string{quoted[1 : len(quoted)-1], part} {
				// The parser also writes it in lower case.
				text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(spelled)).ReplaceAllLiteralString(text, "(not shown)")
			}
		}
	}
	return fail(statusUsage, fmt.Errorf("%s; see %s --help", text, of))
}

// commandsOf lists the commands of a group.
func commandsOf(group *kong.Node) string {
	var names []string
	for _, c := range group.Children {
		names = append(names, strconv.Quote(c.Name))
	}
	return strings.Join(names, ", ")
}

// jargon is what the parser says, and what is said in its place.
var jargon = []struct {
	said *regexp.Regexp
	is   string
}{
	{regexp.MustCompile(`expected \S+ value but got "EOL" \(<EOL>\)`), "its value is missing"},
	{regexp.MustCompile(`expected \S+ value but got ("[^"]*") \((?:long|short) flag\); perhaps try (.*)\?`), "its value is missing; if it is $1, write $2"},
	{regexp.MustCompile(`expected a valid \d+ bit int but got `), "not a whole number: "},
	{regexp.MustCompile(`expected a valid \d+ bit uint but got `), "not a whole number from 0 on: "},
	{regexp.MustCompile(`^expected "(<.*)"$`), "missing: $1"},
	{regexp.MustCompile(`^\[(<\w+>)\]: `), "$1: "},
	{regexp.MustCompile(`: keyring: `), ": "},
}

// plainly says what the parser does in words that are not its own.
func plainly(text string) string {
	for _, j := range jargon {
		text = j.said.ReplaceAllString(text, j.is)
	}
	return text
}

// shortestSecret is the length from which on an argument is not repeated.
const shortestSecret = 20
