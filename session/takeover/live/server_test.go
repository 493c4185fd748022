package live

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A library is what a program of testdata needs.
type library struct {
	name         string
	interpreters []string // in the order in which they are looked for
	dir          string   // of the program, in testdata
	check        []string // arguments with which the interpreter fails if the library is not there
	path, from   string   // variables: path is set to what from has, if it has anything

	find func() (interpreter string, err error) // looks for it once
}

var (
	python = []string{"python3", "/usr/bin/python3"} // Debian's packages are those of the second
	ruby   = []string{"ruby"}
	node   = []string{"node"}
	elixir = []string{"elixir"}
)

// libraries are the ones that KEYTURN_LIVE_REQUIRED can name.
var libraries = map[string]*library{}

func needs(name string, interpreters []string, dir string, check ...string) *library {
	l := &library{name: name, interpreters: interpreters, dir: dir, check: check}
	l.find = sync.OnceValues(l.look)
	libraries[name] = l
	return l
}

// at says that variable tells where l is, if the interpreter does not know it by itself.
func (l *library) at(path, variable string) *library {
	l.path, l.from = path, variable
	return l
}

const required = "KEYTURN_LIVE_REQUIRED"

func (l *library) required() bool {
	for _, name := range strings.Fields(os.Getenv(required)) {
		if name == l.name {
			return true
		}
	}
	return false
}

func (l *library) env() []string {
	env := os.Environ()
	if v := os.Getenv(l.from); l.from != "" && v != "" {
		env = append(env, l.path+"="+v)
	}
	return env
}

// look returns the interpreter that has the library, and says if it is left out for want
// of one.
func (l *library) look() (path string, err error) {
	var errs []error
	for _, name := range l.interpreters {
		path, err := exec.LookPath(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		cmd := exec.Command(path, l.check...)
		cmd.Dir, cmd.Env = filepath.Join("testdata", l.dir), l.env()
		out, err := cmd.CombinedOutput()
		if err == nil {
			return path, nil
		}
		errs = append(errs, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(l.check, " "), err, bytes.TrimSpace(out)))
	}
	err = errors.Join(errs...)
	if !l.required() {
		first, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintf(os.Stderr, "live: %s is left out: %s\n", l.name, first)
	}
	return "", err
}

// start starts a program that needs l, with more in its environment, and returns the
// URL that it listens at. The test is skipped where l is not there.
func (l *library) start(t *testing.T, program string, more ...string) string {
	t.Helper()
	interpreter, err := l.find()
	switch {
	case err != nil && l.required():
		t.Fatalf("%s has %s, which is not there: %v", required, l.name, err)
	case err != nil:
		t.Skip(err)
	}
	cmd := exec.Command(interpreter, program)
	cmd.Dir, cmd.Env = filepath.Join("testdata", l.dir), append(l.env(), more...)
	return start(t, cmd)
}

// start starts a server. It ends with the test, and by itself when its standard input
// does, so that it does not outlive a test that is killed.
func start(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr output
	port := make(chan string, 1)
	cmd.Stdout, cmd.Stderr = &announcement{port: port}, &stderr
	cmd.WaitDelay = 10 * time.Second // what it has started may have its output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("standard error of the server:\n%s", &stderr)
		}
	})
	select {
	case p := <-port:
		return "http://127.0.0.1:" + p
	case err := <-exited:
		exited <- err
		t.Fatalf("the server has ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the server has not said within a minute where it listens")
	}
	panic("unreachable")
}

// An announcement is the standard output of a server, which says where it listens.
type announcement struct {
	port chan<- string
	head []byte // until it has
	said bool
}

func (a *announcement) Write(p []byte) (int, error) {
	if !a.said {
		a.head = append(a.head, p...)
		if line, _, ok := bytes.Cut(a.head, []byte("\n")); ok {
			a.said = true
			a.port <- string(bytes.TrimPrefix(bytes.TrimSpace(line), []byte("listening on ")))
		}
	}
	return len(p), nil
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func TestMain(m *testing.M) {
	if os.Getenv(serveGorilla) != "" {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		gorillaServer(os.Getenv(serveGorilla))
	}
	for _, name := range strings.Fields(os.Getenv(required)) {
		if libraries[name] == nil {
			fmt.Fprintf(os.Stderr, "%s has %q, which is no library that there is a test for\n", required, name)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
