package main

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

// A process is a demo that runs as its own process.
type process struct {
	url  string
	stop func() // ends it, as an operator does
}

func startDemo(t *testing.T, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no signals to end a process with")
	}
	c := newCommand(t, append([]string{"demo", "--addr", "127.0.0.1:0"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{}
	stopped := false
	p.stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		c.Process.Signal(syscall.SIGTERM)
		defer time.AfterFunc(20*time.Second, func() { c.Process.Kill() }).Stop()
		io.Copy(io.Discard, out)
		if err := c.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
		if errs.Len() > 0 {
			t.Errorf("the demo complained: %s", errs.String())
		}
	}
	t.Cleanup(p.stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	m := regexp.MustCompile(`^keyturn demo: (http://127\.0\.0\.1:[0-9]+)/\n$`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("the demo's first line is %q (%v)", line, err)
	}
	p.url = m[1]
	return p
}

// A jar keeps Secure cookies of plain http, as browsers do for loopback
// addresses. net/http/cookiejar does not; it is told that all is https.
type jar struct{ *cookiejar.Jar }

func secure(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

func (j jar) SetCookies(u *url.URL, c []*http.Cookie) { j.Jar.SetCookies(secure(u), c) }
func (j jar) Cookies(u *url.URL) []*http.Cookie       { return j.Jar.Cookies(secure(u)) }

// A browser is a client as a visitor has it.
type browser struct {
	t *testing.T
	*http.Client
	visits int
}

func newBrowser(t *testing.T) *browser {
	j, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, Client: &http.Client{Jar: jar{j}, Timeout: 20 * time.Second}}
}

func (b *browser) cookie(p *process) string {
	u, _ := url.Parse(p.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == session.DefaultName {
			return c.Value
		}
	}
	return ""
}

func (b *browser) read(r *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s\n%s", r.Request.Method, r.Request.URL, r.Status, body)
	}
	return string(body)
}

// load loads the page.
func (b *browser) load(p *process) string {
	b.t.Helper()
	return b.read(b.Get(p.url + "/"))
}

// submit posts a form and follows to the page.
func (b *browser) submit(p *process, path string, form url.Values) string {
	b.t.Helper()
	return b.read(b.PostForm(p.url+path, form))
}

var (
	shownUser   = regexp.MustCompile(`<h1>Hello, <bdi>([^<]*)</bdi></h1>`)
	shownVisits = regexp.MustCompile(`id="visits">([0-9]+)<`)
)

// isSignedIn checks that the page is the user's, on the next visit, and that
// the cookie is one of the present key, of that algorithm and codec. It returns
// the ID of the key.
func (b *browser) isSignedIn(p *process, ring, page, user, algorithm, codec string) string {
	b.t.Helper()
	m, v := shownUser.FindStringSubmatch(page), shownVisits.FindStringSubmatch(page)
	if m == nil || v == nil {
		b.t.Fatalf("nobody is signed in:\n%s", page)
	}
	b.visits++
	if html.UnescapeString(m[1]) != user || v[1] != strconv.Itoa(b.visits) {
		b.t.Fatalf("user %s, visit %s, want user %s, visit %d", m[1], v[1], user, b.visits)
	}
	s := inspect(b.t, b.cookie(p), "--keyring", ring)
	active, err := readRing(b.t, ring).Primary(time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	if !s.is("valid", "") || s.Algorithm != algorithm || s.Codec != codec || s.KeyID != active.ID().String() {
		b.t.Fatalf("the cookie is %+v, want one of %s, %s, key %v", s, algorithm, codec, active.ID())
	}
	if !strings.Contains(string(s.Payload), `"user":"`+user+`"`) || !strings.Contains(string(s.Payload), fmt.Sprintf(`"visits":%d`, b.visits)) {
		b.t.Fatalf("payload %s", s.Payload)
	}
	// The page tells of the cookie that was sent with it, part for part.
	for _, shown := range []string{s.KeyID, algorithm, codec, s.ID, b.cookie(p), fmt.Sprintf("%d bytes of text", s.Bytes.Text)} {
		if !strings.Contains(page, shown) {
			b.t.Errorf("the page does not show %q", shown)
		}
	}
	return s.KeyID
}

// The main job: keys, algorithms and codecs change under a visitor, who stays
// signed in until signing out.
func TestDemoKeepsVisitorsSignedIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	ring := filepath.Join(dir, "keyring.json")
	p := startDemo(t, "--state", dir)
	const user = "tom"
	tom := newBrowser(t)
	if page := tom.load(p); shownUser.MatchString(page) || !strings.Contains(page, "Sign in") {
		t.Fatalf("somebody is signed in:\n%s", page)
	}
	if c := tom.cookie(p); c != "" {
		t.Error("a visitor who has not signed in has a cookie")
	}
	algorithm, codec := "hmac-sha256", "json"
	key := tom.isSignedIn(p, ring, tom.submit(p, "/sign-in", url.Values{"user": {user}}), user, algorithm, codec)

	// Another visitor comes now, and then only when all has changed.
	const other = "Zoë <b>&amp;"
	zoe := newBrowser(t)
	zoe.isSignedIn(p, ring, zoe.submit(p, "/sign-in", url.Values{"user": {other}}), other, algorithm, codec)
	started := inspect(t, tom.cookie(p), "--keyring", ring).Started

	generation := uint64(1)
	for _, step := range []struct{ path, field, value string }{
		{"/turn", "", ""},
		{"/algorithm", "algorithm", "blake2b-256"},
		{"/turn", "", ""},
		{"/codec", "codec", "msgpack"},
		{"/algorithm", "algorithm", "xchacha20-poly1305"},
		{"/turn", "", ""},
		{"/codec", "codec", "cbor"},
		{"restart", "", ""},
		{"/turn", "", ""},
		{"/codec", "codec", "json"},
		{"/algorithm", "algorithm", "hmac-sha256"},
		{"/codec", "codec", "cbor"},
		{"restart", "", ""},
	} {
		switch step.field {
		case "algorithm":
			algorithm = step.value
		case "codec":
			codec = step.value
		}
		var page string
		if step.path == "restart" {
			p.stop()
			p = startDemo(t, "--state", dir)
			page = tom.load(p)
		} else {
			generation++
			form := url.Values{}
			if step.field != "" {
				form.Set(step.field, step.value)
			}
			page = tom.submit(p, step.path, form)
		}
		was := key
		key = tom.isSignedIn(p, ring, page, user, algorithm, codec)
		if turned := step.path == "/turn" || step.path == "/algorithm"; turned != (key != was) {
			t.Errorf("%v: the key was %s and is %s", step, was, key)
		}
		r := readRing(t, ring)
		if r.Generation() != generation {
			t.Errorf("%v: generation %d, want %d", step, r.Generation(), generation)
		}
		if w := r.Warnings(time.Now()); len(w) > 0 {
			t.Errorf("%v: %q", step, w)
		}
		// Merely loading the page again: the same.
		if again := tom.isSignedIn(p, ring, tom.load(p), user, algorithm, codec); again != key {
			t.Errorf("%v: loading again changed the key", step)
		}
	}
	if s := inspect(t, tom.cookie(p), "--keyring", ring).Started; !s.Equal(started) {
		t.Errorf("the session started at %v, and now at %v", started, s)
	}
	zoe.isSignedIn(p, ring, zoe.load(p), other, algorithm, codec)

	if page := tom.submit(p, "/sign-out", nil); shownUser.MatchString(page) {
		t.Errorf("still signed in:\n%s", page)
	}
	if c := tom.cookie(p); c != "" {
		t.Error("signing out left the cookie")
	}
	if page := tom.load(p); shownUser.MatchString(page) {
		t.Error("signed in again")
	}
	zoe.isSignedIn(p, ring, zoe.load(p), other, algorithm, codec)
}

// What has been made current already is no reason for a new generation.
func TestDemoChangesNothingForNothing(t *testing.T) {
	dir := t.TempDir()
	p := startDemo(t, "--state", dir)
	b := newBrowser(t)
	b.submit(p, "/sign-in", url.Values{"user": {"tom"}})
	b.submit(p, "/algorithm", url.Values{"algorithm": {"hmac-sha256"}})
	b.submit(p, "/codec", url.Values{"codec": {"json"}})
	if g := readRing(t, filepath.Join(dir, "keyring.json")).Generation(); g != 1 {
		t.Errorf("generation %d", g)
	}
}

func TestDemoTellsWhatItSent(t *testing.T) {
	p := startDemo(t)
	b := newBrowser(t)
	page := b.submit(p, "/sign-in", url.Values{"user": {"tom"}})
	page += b.submit(p, "/turn", nil)
	page += b.load(p)
	for _, shown := range []string{
		"<dt>Sent</dt><dd>changed, since each visit is counted: hmac-sha256",
		"<dt>Came</dt><dd>valid: hmac-sha256",
		"Set-Cookie: __Host-session=ktY",
		"<code>POST /sign-in</code></td><td>absent</td><td>renewed: hmac-sha256",
		"<code>POST /turn</code></td><td>valid: hmac-sha256",
		`<tr class="retiring">`, `<tr class="active">`, `<tr class="standby">`,
	} {
		if !strings.Contains(page, shown) {
			t.Errorf("the page does not show %q", shown)
		}
	}
	// What happened to one visitor is not shown to another.
	if page := newBrowser(t).load(p); strings.Contains(page, "/sign-in</code>") {
		t.Errorf("another visitor sees:\n%s", page)
	}
}

func TestDemoWithoutSecureCookies(t *testing.T) {
	p := startDemo(t, "--insecure")
	j, err := cookiejar.New(nil) // of the kind that has no Secure cookies of http
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	b.Jar = j
	if page := b.submit(p, "/sign-in", url.Values{"user": {"tom"}}); !shownUser.MatchString(page) || !strings.Contains(page, "Set-Cookie: session=") {
		t.Errorf("%s", page)
	}
}

// A request is what a client may send.
type request struct {
	method, path, body string
	header             http.Header
	host               string
}

func (b *browser) send(p *process, q request) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequest(q.method, p.url+q.path, strings.NewReader(q.body))
	if err != nil {
		b.t.Fatal(err)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Host = q.host
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(body)
}

func TestDemoRefusesBadInput(t *testing.T) {
	dir := t.TempDir()
	ring := filepath.Join(dir, "keyring.json")
	p := startDemo(t, "--state", dir)
	tom, nobody := newBrowser(t), newBrowser(t)
	tom.submit(p, "/sign-in", url.Values{"user": {"tom"}})
	before := readRing(t, ring).Checksum()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	for _, test := range []struct {
		name   string
		who    *browser
		q      request
		status int
	}{
		{"the page", tom, request{method: "GET", path: "/"}, 200},
		{"its style", tom, request{method: "GET", path: "/style.css"}, 200},
		{"HEAD", tom, request{method: "HEAD", path: "/"}, 200},

		{"GET sign-in", tom, request{method: "GET", path: "/sign-in?user=eve"}, 405},
		{"GET sign-out", tom, request{method: "GET", path: "/sign-out"}, 405},
		{"GET turn", tom, request{method: "GET", path: "/turn"}, 405},
		{"HEAD turn", tom, request{method: "HEAD", path: "/turn"}, 405},
		{"PUT turn", tom, request{method: "PUT", path: "/turn"}, 405},
		{"GET algorithm", tom, request{method: "GET", path: "/algorithm?algorithm=blake2b-256"}, 405},
		{"GET codec", tom, request{method: "GET", path: "/codec?codec=cbor"}, 405},
		{"POST the page", tom, request{method: "POST", path: "/"}, 405},
		{"nowhere", tom, request{method: "GET", path: "/keyring.json"}, 404},
		{"upwards", tom, request{method: "GET", path: "/..%2f..%2fkeyring.json"}, 404},

		{"of another site", tom, request{method: "POST", path: "/turn", header: header("Sec-Fetch-Site", "cross-site")}, 403},
		{"of the same site", tom, request{method: "POST", path: "/turn", header: header("Sec-Fetch-Site", "same-site")}, 403},
		{"of another origin", tom, request{method: "POST", path: "/sign-out", header: header("Origin", "http://evil.example")}, 403},
		{"of no origin", tom, request{method: "POST", path: "/sign-out", header: header("Origin", "null")}, 403},
		{"of another port", tom, request{method: "POST", path: "/algorithm", body: "algorithm=blake2b-256", header: header("Origin", "http://127.0.0.1:1")}, 403},

		{"another host", tom, request{method: "GET", path: "/", host: "evil.example"}, 421},
		{"another host, this port", tom, request{method: "POST", path: "/turn", host: "evil.example:" + port}, 421},
		{"a host like this one", tom, request{method: "GET", path: "/", host: "127.0.0.1.evil.example"}, 421},
		{"a host below this one", tom, request{method: "GET", path: "/", host: "evil.localhost"}, 421},
		{"the host with a dot", tom, request{method: "GET", path: "/", host: "localhost."}, 421},
		{"an address that is not of this machine", tom, request{method: "GET", path: "/", host: "192.0.2.1:" + port}, 421},
		{"no host but a port", tom, request{method: "GET", path: "/", host: ":" + port}, 421},
		{"a name of this host", nobody, request{method: "GET", path: "/", host: "localhost:" + port}, 200},
		{"the name in capitals", nobody, request{method: "GET", path: "/", host: "LOCALHOST"}, 200},
		{"another address of this host", nobody, request{method: "GET", path: "/", host: "[::1]:" + port}, 200},

		{"turn by nobody", nobody, request{method: "POST", path: "/turn"}, 403},
		{"algorithm by nobody", nobody, request{method: "POST", path: "/algorithm", body: "algorithm=blake2b-256"}, 403},
		{"codec by nobody", nobody, request{method: "POST", path: "/codec", body: "codec=cbor"}, 403},
		{"sign out by nobody", nobody, request{method: "POST", path: "/sign-out"}, 303},
		{"no such algorithm", tom, request{method: "POST", path: "/algorithm", body: "algorithm=none"}, 400},
		{"no algorithm", tom, request{method: "POST", path: "/algorithm"}, 400},
		{"two algorithms", tom, request{method: "POST", path: "/algorithm", body: "algorithm=blake2b-256&algorithm=hmac-sha256"}, 400},
		{"an algorithm in the query", tom, request{method: "POST", path: "/algorithm?algorithm=blake2b-256"}, 400},
		{"no such codec", tom, request{method: "POST", path: "/codec", body: "codec=gob"}, 400},

		{"no name", nobody, request{method: "POST", path: "/sign-in", body: "user="}, 400},
		{"a name of space", nobody, request{method: "POST", path: "/sign-in", body: "user=+%09"}, 400},
		{"a long name", nobody, request{method: "POST", path: "/sign-in", body: "user=" + strings.Repeat("x", 65)}, 400},
		{"a very long name", nobody, request{method: "POST", path: "/sign-in", body: "user=" + strings.Repeat("x", 1<<20)}, 413},
		{"a name with a line break", nobody, request{method: "POST", path: "/sign-in", body: "user=a%0Ab"}, 400},
		{"a name that is not UTF-8", nobody, request{method: "POST", path: "/sign-in", body: "user=%FF"}, 400},
		{"a name with a null", nobody, request{method: "POST", path: "/sign-in", body: "user=a%00"}, 400},
		{"a form that is none", nobody, request{method: "POST", path: "/sign-in", body: "user=%zz"}, 400},
		{"a form of another kind", nobody, request{method: "POST", path: "/sign-in", body: `{"user":"tom"}`, header: header("Content-Type", "application/json")}, 400},
		{"a query that is none", nobody, request{method: "POST", path: "/sign-in?%zz", body: "user=tom"}, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.who.t = t
			r, body := test.who.send(p, test.q)
			if r.StatusCode != test.status {
				t.Errorf("%s, want %d\n%s", r.Status, test.status, body)
			}
			if r.StatusCode >= 400 && test.q.method != "HEAD" && (!strings.Contains(body, "<h1>"+r.Status[:3]) || r.Header.Get("Content-Security-Policy") == "") {
				t.Errorf("not a page: %v %s", r.Header, body)
			}
			if (r.StatusCode == 405) != (r.Header.Get("Allow") != "") {
				t.Errorf("Allow: %q", r.Header.Get("Allow"))
			}
			if r.StatusCode >= 400 && len(r.Header["Set-Cookie"]) > 0 {
				t.Errorf("a cookie is sent: %q", r.Header["Set-Cookie"])
			}
		})
	}
	if readRing(t, ring).Checksum() != before {
		t.Error("the ring has changed")
	}
	tom.t = t
	if page := tom.load(p); !strings.Contains(page, "<bdi>tom</bdi>") {
		t.Errorf("no longer signed in:\n%s", page)
	}
}

func TestDemoUnderstandsNoOtherCookie(t *testing.T) {
	p := startDemo(t)
	tom := newBrowser(t)
	tom.submit(p, "/sign-in", url.Values{"user": {"tom"}})
	value := tom.cookie(p)
	foreign := sign(t, `{"user":"eve","visits":1}`, "--keyring", initRing(t, "hmac-sha256"))
	name := session.DefaultName + "="
	for test, c := range map[string]struct {
		cookie string
		reason string // on the page
		status int
	}{
		"tampered":     {name + value[:40] + strings.Map(func(r rune) rune { return map[bool]rune{true: 'B', false: 'A'}[r == 'A'] }, value[40:41]) + value[41:], "forged", 200},
		"cut":          {name + value[:len(value)-4], "", 200},
		"of another":   {name + foreign, "unknown_key", 200},
		"nonsense":     {name + "nonsense", "malformed", 200},
		"quoted":       {name + `"` + value + `"`, "", 200},
		"escaped":      {name + "%6b%74", "malformed", 200},
		"1 MB":         {name + strings.Repeat("k", 1_000_000), "too_large", 200},
		"2 MB":         {name + strings.Repeat("k", 2_000_000), "", 431},
		"3,001":        {strings.Repeat("a=b; ", 3000) + name + value, "", 200},
		"not a cookie": {"\x01;;;=;\xff", "", 400},
	} {
		t.Run(test, func(t *testing.T) {
			// Not by net/http, which refuses to send some of them.
			r, body := raw(t, p, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nCookie: "+c.cookie+"\r\n\r\n")
			if r.StatusCode != c.status {
				t.Fatalf("%s, want %d", r.Status, c.status)
			}
			if shownUser.MatchString(body) && test != "quoted" {
				t.Errorf("somebody is signed in:\n%s", body)
			}
			if len(r.Header["Set-Cookie"]) > 0 && test != "quoted" {
				t.Errorf("a cookie is sent: %q", r.Header["Set-Cookie"])
			}
			if c.reason != "" && !strings.Contains(body, "not accepted: <code>"+c.reason+"</code>") {
				t.Errorf("the page does not say that it is %s:\n%s", c.reason, body)
			}
			if sent := strings.TrimPrefix(c.cookie, name); strings.Contains(body, sent) {
				t.Error("the value is repeated")
			}
		})
	}
	// A visitor with such a cookie can sign in all the same.
	b := newBrowser(t)
	r, _ := b.send(p, request{method: "POST", path: "/sign-in", body: "user=tom", header: http.Header{"Cookie": {name + foreign}}})
	if r.StatusCode != 303 || !strings.HasPrefix(r.Header.Get("Set-Cookie"), name) {
		t.Errorf("%s %q", r.Status, r.Header["Set-Cookie"])
	}
}

// raw sends bytes that net/http would not send.
func raw(t *testing.T, p *process, text string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func TestDemoLeavesOtherRingsAlone(t *testing.T) {
	for name, test := range map[string]struct {
		make   func(t *testing.T, path string)
		status int
		says   string
	}{
		"a ring of another name": {func(t *testing.T, path string) { want(t, 0, "", "keyring", "init", path) }, 78, "not the demo's own ring"},
		"what is no ring":        {func(t *testing.T, path string) { os.WriteFile(path, []byte(`{"a":1}`), 0o600) }, 66, "not a ring file"},
		"an empty file":          {func(t *testing.T, path string) { os.WriteFile(path, nil, 0o600) }, 66, "empty"},
		"a damaged ring of its own": {func(t *testing.T, path string) {
			want(t, 0, "", "keyring", "init", path, "--ring", "keyturn-demo")
			rewrite(t, path, `"generation": 1`, `"generation": 2`)
		}, 66, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "keyring.json")
			test.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := want(t, test.status, "", "demo", "--addr", "127.0.0.1:0", "--state", dir)
			if !strings.Contains(r.err, path+": ") || !strings.Contains(r.err, test.says) {
				t.Errorf("%q", r.err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file has changed (%v)", err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("%v", entries)
			}
		})
	}
}

func TestDemoLeavesNoTemporaryFolder(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := startDemo(t)
	entries, err := os.ReadDir(temp)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	info, err := os.Stat(filepath.Join(temp, entries[0].Name(), "keyring.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	newBrowser(t).load(p) // a connection is left open
	p.stop()
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestDemoSaysThatAnAddressIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if r := want(t, 69, "", "demo", "--addr", l.Addr().String()); runtime.GOOS != "windows" && !strings.Contains(r.err, l.Addr().String()+" is in use: choose another with --addr") {
		t.Errorf("%q", r.err)
	}
}

// With --allow-remote the server has more addresses than it knows, and still
// answers to no name that it was not given.
func TestDemoForOtherMachines(t *testing.T) {
	p := startDemo(t, "--addr", "0.0.0.0:0", "--allow-remote", "--host", "demo.example", "--insecure")
	b := newBrowser(t)
	for host, status := range map[string]int{"192.0.2.1:8080": 200, "demo.example": 200, "Demo.Example:80": 200, "evil.example": 421, "": 200} {
		if r, _ := b.send(p, request{method: "GET", path: "/", host: host}); r.StatusCode != status {
			t.Errorf("host %q: %s, want %d", host, r.Status, status)
		}
	}
}

// A ring that something else has turned meanwhile is not overwritten.
func TestDemoNoticesAnotherWriter(t *testing.T) {
	dir := t.TempDir()
	ring := filepath.Join(dir, "keyring.json")
	p := startDemo(t, "--state", dir)
	b := newBrowser(t)
	b.submit(p, "/sign-in", url.Values{"user": {"tom"}})
	d := readRing(t, ring).Document()
	d.Generation += 5
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.WriteFile(ring, r); err != nil {
		t.Fatal(err)
	}
	if r, body := b.send(p, request{method: "POST", path: "/turn"}); r.StatusCode != 409 {
		t.Errorf("%s\n%s", r.Status, body)
	}
	if readRing(t, ring).Checksum() != r.Checksum() {
		t.Error("the ring was overwritten")
	}
}

var shownSentence = regexp.MustCompile(`</header>\n<p class="happened">([^<]*)</p>`)

func TestDemoSaysWhatHappened(t *testing.T) {
	dir := t.TempDir()
	p := startDemo(t, "--state", dir)
	b := newBrowser(t)
	if page := b.load(p); !strings.Contains(page, `<p class="happened">You are not signed in: no cookie came, and this response sends none.</p>`) {
		t.Errorf("signed out:\n%s", page)
	}
	var came, sent string // key IDs
	said := func(name, page, want string) {
		t.Helper()
		came, sent = sent, inspect(t, b.cookie(p), "--keyring", filepath.Join(dir, "keyring.json")).KeyID
		if came == "" {
			came = sent
		}
		want = strings.NewReplacer("CAME", came, "SENT", sent).Replace(want)
		if m := shownSentence.FindStringSubmatch(page); m == nil || html.UnescapeString(m[1]) != want {
			t.Errorf("%s: the page says %q, want %q", name, m, want)
		}
	}
	const counted = "this response replaces it with one of the same key, since each visit is counted."
	said("signed in", b.submit(p, "/sign-in", url.Values{"user": {"tom"}}),
		"You have just signed in: your cookie was signed with key CAME (hmac-sha256, json), which still signs; "+counted)
	said("loaded again", b.load(p),
		"You are still signed in: your cookie was signed with key CAME (hmac-sha256, json), which still signs; "+counted)
	said("turned", b.submit(p, "/turn", nil),
		"You are still signed in: your cookie was signed with key CAME (hmac-sha256, json), which now only verifies; this response replaces it with one of key SENT.")
	said("algorithm", b.submit(p, "/algorithm", url.Values{"algorithm": {"blake2b-256"}}),
		"You are still signed in: your cookie was signed with key CAME (hmac-sha256, json), which now only verifies; this response replaces it with one of key SENT (blake2b-256, json).")
	said("codec", b.submit(p, "/codec", url.Values{"codec": {"msgpack"}}),
		"You are still signed in: your cookie was signed with key CAME (blake2b-256, json), which still signs; this response replaces it with one of the same key in msgpack, the present codec.")
	said("sealed", b.submit(p, "/algorithm", url.Values{"algorithm": {"xchacha20-poly1305"}}),
		"You are still signed in: your cookie was signed with key CAME (blake2b-256, msgpack), which now only verifies; this response replaces it with one encrypted with key SENT (xchacha20-poly1305, msgpack), so that only the holder of the key can read it.")
	p.stop()
	p = startDemo(t, "--state", dir)
	said("restarted", b.load(p),
		"You are still signed in, though the demo has restarted: your cookie was encrypted with key CAME (xchacha20-poly1305, msgpack), which still encrypts; "+counted)
	said("loaded after that", b.load(p),
		"You are still signed in: your cookie was encrypted with key CAME (xchacha20-poly1305, msgpack), which still encrypts; "+counted)
	said("no longer sealed", b.submit(p, "/algorithm", url.Values{"algorithm": {"hmac-sha256"}}),
		"You are still signed in: your cookie was encrypted with key CAME (xchacha20-poly1305, msgpack), which now only decrypts; this response replaces it with one signed with key SENT (hmac-sha256, msgpack), so that whoever has it can read it.")

	// Another ring does not know the key.
	_, page := newBrowser(t).send(startDemo(t), request{method: "GET", path: "/", header: http.Header{"Cookie": {session.DefaultName + "=" + b.cookie(p)}}})
	if !strings.Contains(page, "You are not signed in, since the cookie that came was not accepted: <code>unknown_key</code> (key not known here).") || strings.Contains(page, "no cookie came") {
		t.Errorf("another ring:\n%s", page)
	}
}

func TestDemoFoldsKeysAway(t *testing.T) {
	p := startDemo(t)
	b := newBrowser(t)
	if page := b.submit(p, "/sign-in", url.Values{"user": {"tom"}}); strings.Contains(page, "<details>") {
		t.Errorf("two live keys, and some are folded away:\n%s", page)
	}
	// The standby key, of another algorithm, goes; with the second switch,
	// another one does.
	one := b.submit(p, "/algorithm", url.Values{"algorithm": {"blake2b-256"}})
	if !strings.Contains(one, "<summary>1 key is out of use</summary>") {
		t.Errorf("no key is out of use:\n%s", one)
	}
	page := b.submit(p, "/algorithm", url.Values{"algorithm": {"hmac-sha256"}})
	for range 4 {
		page = b.submit(p, "/turn", nil)
	}
	open, folded, _ := strings.Cut(page, "<details>")
	older, dead, ok := strings.Cut(folded, "</details>")
	if !ok || !strings.Contains(older, "<summary>2 older keys still verify</summary>") || !strings.Contains(dead, "<summary>2 keys are out of use</summary>") {
		t.Fatalf("%s", page)
	}
	for i, part := range []string{open, older, dead} {
		for state, n := range map[string][3]int{"active": {1}, "standby": {1}, "retiring": {4, 2}, "pruned": {0, 0, 2}} {
			if got := strings.Count(part, `<tr class="`+state+`">`); got != n[i] {
				t.Errorf("part %d has %d keys that are %s, want %d", i, got, state, n[i])
			}
		}
	}
	if strings.Index(open, `<tr class="active">`) > strings.Index(open, `<tr class="retiring">`) {
		t.Error("the key that signs is not the first")
	}
}
