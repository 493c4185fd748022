package middleware_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// forged returns a cookie value with the last character of its text changed.
func forged(value string) string {
	i := len(value) / 2
	c := byte('A')
	if value[i] == 'A' {
		c = 'B'
	}
	return value[:i] + string(c) + value[i+1:]
}

// came are cookies that may come, and what becomes of them.
type came struct {
	name    string
	lines   []string
	outcome session.Outcome
	reason  session.Reason
}

// inventory returns a Manager and one cookie of each outcome.
func inventory(t testing.TB) (*session.Manager[visit], []came) {
	t.Helper()
	m := newManager(t, session.Config{Keys: fixedKeys(t, "ours"), IDs: true})
	others := newManager(t, session.Config{Keys: fixedKeys(t, "another's")})
	now := time.Now()
	tom := sealed(t, m, now, visit{User: "tom"})
	ann := sealed(t, m, now.Add(-time.Second), visit{User: "ann"})
	one := func(value string) []string { return []string{cookieName + "=" + value} }
	return m, []came{
		{"no cookie", nil, session.Absent, 0},
		{"other cookies", []string{"theme=dark; __Host-session2=" + tom}, session.Absent, 0},
		{"a name in another case", []string{strings.ToLower(cookieName) + "=" + tom}, session.Absent, 0},
		{"a value that net/http skips", one(tom + "\""), session.Absent, 0},
		{"valid", one(tom), session.Valid, 0},
		{"valid in quotes", one(`"` + tom + `"`), session.Valid, 0},
		{"valid twice", one(tom + "; " + cookieName + "=" + tom), session.Valid, 0},
		{"an empty value", one(""), session.Rejected, session.ErrMalformed},
		{"no value", []string{cookieName}, session.Rejected, session.ErrMalformed},
		{"another library's", one("eyJ1c2VyIjoidG9tIn0.Zm9v.YmFy"), session.Rejected, session.ErrMalformed},
		{"forged", one(forged(tom)), session.Rejected, session.ErrForged},
		{"expired", one(sealed(t, m, now.Add(-15*24*time.Hour), visit{User: "tom"})), session.Rejected, session.ErrExpired},
		{"too large", one(strings.Repeat("k", 5000)), session.Rejected, session.ErrTooLarge},
		{"ambiguous", one(tom + "; " + cookieName + "=" + ann), session.Rejected, session.ErrAmbiguous},
		{"unknown key", one(sealed(t, others, now, visit{User: "tom"})), session.Indeterminate, session.ErrUnknownKey},
		{"from the future", one(sealed(t, m, now.Add(time.Hour), visit{User: "tom"})), session.Indeterminate, session.ErrFuture},
		{"forged beside unknown key", one(forged(tom) + "; " + cookieName + "=" + sealed(t, others, now, visit{})), session.Indeterminate, session.ErrUnknownKey},
	}
}

func TestWhatIsSentForWhatCame(t *testing.T) {
	m, list := inventory(t)
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		var err error
		switch r.URL.Path {
		case "/read":
			s.Data()
		case "/write":
			err = s.Update(func(v *visit) { v.User = "eve" })
		case "/destroy":
			err = s.Destroy()
		}
		if err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for _, c := range list {
			t.Run(c.name, func(t *testing.T) {
				seen.take()
				res := s.get(t, "/untouched", c.lines...)
				if len(res.Header["Set-Cookie"])+len(res.Header["Vary"])+len(res.Header["Cache-Control"]) > 0 || len(seen.take()) > 0 {
					t.Errorf("untouched: %v", res.Header)
				}

				res = s.get(t, "/read", c.lines...)
				if res.StatusCode != 200 || len(res.Header["Set-Cookie"]) != 0 || res.Header.Get("Vary") != "Cookie" || res.Header.Get("Cache-Control") != "" {
					t.Errorf("read: %d %v", res.StatusCode, res.Header)
				}
				ev := seen.only(t)
				if ev.Outcome != c.outcome || ev.Reason != c.reason || ev.Sent != session.SentNothing {
					t.Errorf("read: %v %q, want %v %q; sent %v", ev.Outcome, ev.Reason, c.outcome, c.reason, ev.Sent)
				}
				if (ev.Cookie == session.Info{}) != (c.outcome == session.Absent) {
					t.Errorf("read: came %+v", ev.Cookie)
				}

				res = s.get(t, "/write", c.lines...)
				if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.User != "eve" {
					t.Errorf("write: the cookie holds %+v", got)
				}
				ev = seen.only(t)
				if ev.Sent != session.SentChanged || ev.Token.Cookie != cookieName || ev.Token.KeyID == (keyring.KeyID{}) || ev.Token.Size == 0 {
					t.Errorf("write: event %+v", ev)
				}

				res = s.get(t, "/destroy", c.lines...)
				ev = seen.only(t)
				if c.outcome == session.Absent {
					if len(res.Header["Set-Cookie"]) != 0 || ev.Sent != session.SentNothing {
						t.Errorf("destroy of nothing: %v, %+v", res.Header, ev)
					}
					return
				}
				if got := parsed(t, res.Header, cookieName); got.MaxAge != -1 || ev.Sent != session.SentDeleted || ev.Lost {
					t.Errorf("destroy: %v, %+v", got, ev)
				}
			})
		}
	})
}

func TestNoCookieValueInEventsAndLogs(t *testing.T) {
	m, list := inventory(t)
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.From(r.Context()).Update(func(v *visit) { v.Note = "a private note" }); err != nil {
			t.Error(err)
		}
	}))
	var logged syncBuffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&logged)
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for _, c := range list {
			seen.take()
			res := s.get(t, "/", c.lines...)
			said := text(t, seen.only(t)) + logged.String() + s.log.String()
			secret := []string{"private note", parsed(t, res.Header, cookieName).Value}
			for _, line := range c.lines {
				for pair := range strings.SplitSeq(line, "; ") {
					if _, value, _ := strings.Cut(pair, "="); value != "" {
						secret = append(secret, value)
					}
				}
			}
			for _, x := range secret {
				if strings.Contains(said, x) {
					t.Errorf("%s: %q is in %s", c.name, x, said)
				}
			}
		}
	})
}

func TestTheRightOneOfSeveralCookiesWins(t *testing.T) {
	m := newManager(t, session.Config{})
	begun := time.Now().Add(-time.Hour)
	first := sealed(t, m, begun, visit{User: "tom"})
	s := m.Open(time.Now(), first)
	change(t, s)
	second, err := m.Seal(time.Now(), s)
	if err != nil {
		t.Fatal(err)
	}
	junk := forged(first)
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		o, _ := s.Outcome()
		fmt.Fprintf(w, "%v, %d", o, s.Data().Count)
	}))
	orders := [][]string{
		{first, second}, {second, first}, {junk, second}, {second, junk}, {junk, first, second}, {second, junk, first}, {"", junk, "x", second},
	}
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for _, values := range orders {
			var pairs []string
			for _, v := range values {
				pairs = append(pairs, cookieName+"="+v)
			}
			oneLine := []string{"a=1; " + strings.Join(pairs, "; ") + "; b=2"}
			for _, lines := range [][]string{oneLine, pairs} {
				if res := s.get(t, "/", lines...); res.body != "valid, 1" {
					t.Errorf("%d cookies on %d lines: %q", len(values), len(lines), res.body)
				}
			}
		}
		// At most four are tried.
		tooMany := strings.Repeat(cookieName+"="+junk+"; ", 4) + cookieName + "=" + second
		if res := s.get(t, "/", tooMany); res.body != "rejected, 0" {
			t.Errorf("behind four others: %q", res.body)
		}
	})
}

func TestTooManyCookiesCountAsAbsent(t *testing.T) {
	m := newManager(t, session.Config{})
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		fmt.Fprint(w, s.Data().User)
		if r.URL.Path == "/out" {
			s.Destroy()
		}
	}))
	good := cookieName + "=" + sealed(t, m, time.Now(), visit{User: "tom"})
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		seen.take()
		res := s.get(t, "/", good+strings.Repeat("; a=1", 2999))
		if s.http2 && res.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
			t.Skip("from Go 1.27 on, net/http refuses so many on HTTP/2 by itself")
		}
		if ev := seen.only(t); res.body != "tom" || ev.Outcome != session.Valid {
			t.Errorf("3,000 cookies: %q %+v", res.body, ev)
		}
		for _, path := range []string{"/", "/out"} {
			res = s.get(t, path, good+strings.Repeat("; a=1", 3000))
			if ev := seen.only(t); res.StatusCode != 200 || res.body != "" || ev.Outcome != session.Absent || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("3,001 cookies: %d %q %+v %v", res.StatusCode, res.body, ev, res.Header)
			}
		}
	})
}

func TestAMegabyteOfCookies(t *testing.T) {
	m := newManager(t, session.Config{})
	var seen events
	mw := newMiddleware(t, m, middleware.Config{Observe: seen.observe})
	read := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, m.From(r.Context()).Data().User)
	}))
	const size = 1_000_000 // net/http takes a little more than 1 MiB in all
	good := cookieName + "=" + sealed(t, m, time.Now(), visit{User: "tom"})
	s := newServer(t, read, "HTTP/1.1")
	s.client.Jar = nil
	for _, tt := range []struct {
		name, line string
		body       string
		reason     session.Reason
	}{
		{"one of ours", cookieName + "=" + strings.Repeat("k", size), "", session.ErrTooLarge},
		{"one of ours, good base64", cookieName + "=" + strings.Repeat("ktQB", size/4), "", session.ErrTooLarge},
		{"one other, and ours", "a=" + strings.Repeat("k", size) + "; " + good, "tom", 0},
		{"many of ours", good + strings.Repeat("; "+cookieName+"="+strings.Repeat("k", size/2000), 1900), "tom", 0},
	} {
		seen.take()
		res := s.get(t, "/", tt.line)
		if ev := seen.only(t); res.StatusCode != 200 || res.body != tt.body || ev.Reason != tt.reason {
			t.Errorf("%s: %d %q %+v", tt.name, res.StatusCode, res.body, ev)
		}
		if len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %v", tt.name, res.Header)
		}
	}
	res := s.get(t, "/", cookieName+"="+strings.Repeat("k", 3<<20))
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("3 MB: %d", res.StatusCode)
	}
}

// What the prefix of a name promises does not hold for names that only look
// like it to somebody (U+2000 before it, $Version, unbalanced quotes):
// net/http skips them.
func TestCookieTricksOnTheWire(t *testing.T) {
	m := newManager(t, session.Config{})
	s := newServer(t, newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		o, _ := s.Outcome()
		fmt.Fprint(w, o, " ", s.Data().User)
	})), "HTTP/1.1")
	tom := sealed(t, m, time.Now(), visit{User: "tom"})
	eve := sealed(t, m, time.Now().Add(-time.Hour), visit{User: "eve"})
	for _, tt := range []struct{ name, header, want string }{
		{"plain", "Cookie: __Host-session=" + tom, "valid tom"},
		{"U+2000 before the name", "Cookie: \u2000__Host-session=" + eve, "absent "},
		{"U+2000 before one of two", "Cookie: \u2000__Host-session=" + eve + "; __Host-session=" + tom, "valid tom"},
		{"no-break space before the name", "Cookie: \u00a0__Host-session=" + eve, "absent "},
		{"$Version", "Cookie: $Version=1; __Host-session=" + tom, "valid tom"},
		{"an unbalanced quote before", "Cookie: a=\"1; __Host-session=" + tom + "; b=2\"", "valid tom"},
		{"quotes around all", "Cookie: a=\"x; __Host-session=" + eve + "; b=y\"; __Host-session=" + tom, "rejected "},
		{"a nameless cookie", "Cookie: =__Host-session=" + eve, "absent "},
		{"a comma between", "Cookie: a=1, __Host-session=" + tom, "absent "},
		{"no space between", "Cookie: a=1;__Host-session=" + tom, "valid tom"},
		{"another case of the header", "cOOKIE: __Host-session=" + tom, "valid tom"},
		{"two headers", "Cookie: a=1\r\nCookie: __Host-session=" + tom, "valid tom"},
		{"a cookie in Cookie2", "Cookie2: __Host-session=" + tom, "absent "},
	} {
		if got := raw(t, s, tt.header); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// raw sends a request with these header lines, byte by byte as they are, and
// returns the body of the response.
func raw(t *testing.T, s *server, header string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), s.client.Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: example.com\r\n%s\r\n\r\n", header)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s %v", res.Status, err)
	}
	return string(b)
}

func TestDataThatDoesNotFitIsAnErrorAndTheCookieStays(t *testing.T) {
	m := newManager(t, session.Config{})
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		var size int
		fmt.Sscan(r.URL.Path[1:], &size)
		err := s.Update(func(v *visit) { v.Note = strings.Repeat("n", size) })
		var se *session.SizeError
		if errors.As(err, &se) {
			if se.Size <= se.Limit || se.Limit != 4096 || !errors.Is(err, session.ErrTooLarge) {
				t.Errorf("%v", err)
			}
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, len(s.Data().Note))
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		u, _ := url.Parse(s.URL)
		largest := 0
		for size := 2900; size < 3100; size++ { // where the limit is, whatever the overhead
			before := fmt.Sprint(s.client.Jar.Cookies(u))
			res := s.get(t, "/"+fmt.Sprint(size))
			after := fmt.Sprint(s.client.Jar.Cookies(u))
			if res.StatusCode == 413 {
				if len(res.Header["Set-Cookie"]) != 0 || after != before || largest == 0 {
					t.Fatalf("%d bytes: %v", size, res.Header)
				}
				continue
			}
			c := parsed(t, res.Header, cookieName)
			if largest != 0 && size != largest+1 || len(c.Name)+len(c.Value) > 4096 || after == before {
				t.Fatalf("%d bytes: %d after %d", size, len(c.Name)+len(c.Value), largest)
			}
			largest = size
		}
		if largest == 0 || largest == 3099 {
			t.Errorf("the limit is not in sight: %d", largest)
		}
		if res := s.get(t, fmt.Sprintf("/%d", largest)); res.body != fmt.Sprint(largest) || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("the former cookie is gone: %q %v", res.body, res.Header)
		}
	})
}

func TestKeepIndeterminateLetsTheHandlerAnswer503(t *testing.T) {
	m := newManager(t, session.Config{KeepIndeterminate: true})
	others := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.From(r.Context()).Renew(visit{User: "tom"}); errors.Is(err, session.ErrIndeterminate) {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
	}))
	res := serve(h, request("GET", "/", cookieName+"="+sealed(t, others, time.Now(), visit{})))
	if res.StatusCode != 503 || len(res.Header["Set-Cookie"]) != 0 || res.Header.Get("Vary") != "Cookie" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res = serve(h, request("GET", "/")); res.StatusCode != 200 || len(res.Header["Set-Cookie"]) != 1 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestIdleRefreshInTheLastHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, session.Config{Lifetime: 3 * time.Hour, IdleTimeout: time.Hour})
		var seen events
		h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/read" {
				w.Header().Set("User", m.From(r.Context()).Data().User)
			}
		}))
		begin := time.Now()
		value := sealed(t, m, begin, visit{User: "tom"})
		for _, tt := range []struct {
			at     time.Duration
			path   string
			maxAge int // of the cookie; 0: none is sent
		}{
			{0, "/read", 0},
			{30*time.Minute - 1, "/read", 0},
			{30 * time.Minute, "/untouched", 0},
			{45 * time.Minute, "/read", 3600},
			{46 * time.Minute, "/read", 0},
			{100 * time.Minute, "/read", 3600},
			{159 * time.Minute, "/read", 21 * 60}, // the lifetime ends before the idle time
			{179 * time.Minute, "/read", 0},
		} {
			time.Sleep(time.Until(begin.Add(tt.at)))
			res := serve(h, request("GET", tt.path, cookieName+"="+value))
			list := seen.take()
			if tt.path == "/untouched" {
				if len(res.Header)+len(list) != 0 {
					t.Errorf("untouched: %v %+v", res.Header, list)
				}
				continue
			}
			if res.Header.Get("User") != "tom" || len(list) != 1 {
				t.Fatalf("after %v: %v %+v", tt.at, res.Header, list)
			}
			if tt.maxAge == 0 {
				if len(res.Header["Set-Cookie"]) != 0 || list[0].Sent != session.SentNothing {
					t.Errorf("after %v: %v %+v", tt.at, res.Header, list)
				}
				continue
			}
			c := parsed(t, res.Header, cookieName)
			if c.MaxAge != tt.maxAge || list[0].Sent != session.SentRefreshed || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("after %v: %v %+v", tt.at, res.Header, list)
			}
			value = c.Value
		}
		time.Sleep(time.Until(begin.Add(3 * time.Hour)))
		res := serve(h, request("GET", "/read", cookieName+"="+value))
		if ev := seen.only(t); res.Header.Get("User") != "" || ev.Reason != session.ErrExpired && ev.Reason != session.ErrIdle || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("at the end: %v %+v", res.Header, ev)
		}
	})
}

// A key turned while the server runs.
func TestReissueOnRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		old := keyring.GenerateKey(signer.HMACSHA256())
		old.Added, old.SignFrom = now.Add(-48*time.Hour), now.Add(-47*time.Hour)
		ring, err := keyring.NewRing(keyring.Document{Name: "test", Generation: 1, Keys: []keyring.Key{old}})
		if err != nil {
			t.Fatal(err)
		}
		keys := keyring.New(ring)
		m := newManager(t, session.Config{Keys: keys})
		value := sealed(t, m, now.Add(-time.Minute), visit{User: "tom"})

		next := keyring.GenerateKey(signer.BLAKE2b256())
		next.Added, next.SignFrom = now.Add(-2*time.Hour), now.Add(-time.Second)
		d := ring.Document()
		d.Generation, d.Keys = 2, append(d.Keys, next)
		turned, err := keyring.NewRing(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Replace(turned); err != nil {
			t.Fatal(err)
		}

		var seen events
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.From(r.Context()).Data() })
		for _, tt := range []struct {
			name         string
			on           bool
			method, mode string
			sent         session.Sent
		}{
			{"a navigation", true, "GET", "navigate", session.SentReissued},
			{"not asked for", false, "GET", "navigate", session.SentNothing},
			{"a form", true, "POST", "navigate", session.SentNothing},
			{"HEAD", true, "HEAD", "navigate", session.SentNothing},
			{"fetch", true, "GET", "cors", session.SentNothing},
			{"an image", true, "GET", "no-cors", session.SentNothing},
			{"an old browser", true, "GET", "", session.SentNothing},
		} {
			h := newMiddleware(t, m, middleware.Config{ReissueOnRead: tt.on, Observe: seen.observe}).Handler(handler)
			req := request(tt.method, "/", cookieName+"="+value)
			if tt.mode != "" {
				req.Header.Set("Sec-Fetch-Mode", tt.mode)
			}
			res := serve(h, req)
			ev := seen.only(t)
			if ev.Outcome != session.Valid || ev.Sent != tt.sent || (len(res.Header["Set-Cookie"]) == 1) != (tt.sent != session.SentNothing) {
				t.Errorf("%s: %+v, %v", tt.name, ev, res.Header)
			}
			if tt.sent == session.SentReissued {
				if ev.Cookie.KeyID != old.ID() || ev.Token.KeyID != next.ID() || ev.Token.Algorithm != "blake2b-256" || !ev.Token.Start.Equal(ev.Cookie.Start) || !ev.Token.Expires.Equal(ev.Cookie.Expires) {
					t.Errorf("%s: %+v", tt.name, ev)
				}
				again := serve(h, func() *http.Request {
					r := request("GET", "/", cookieName+"="+parsed(t, res.Header, cookieName).Value)
					r.Header.Set("Sec-Fetch-Mode", "navigate")
					return r
				}())
				if seen.take(); len(again.Header["Set-Cookie"]) != 0 {
					t.Errorf("it is reissued again: %v", again.Header)
				}
			}
		}

		// A reissue does not undo what a server behind a proxy has done.
		out := cookieName + "=; Max-Age=0"
		h := newMiddleware(t, m, middleware.Config{ReissueOnRead: true, Observe: seen.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.From(r.Context()).Data()
			w.Header().Add("Set-Cookie", out)
		}))
		req := request("GET", "/", cookieName+"="+value)
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		res := serve(h, req)
		if got := res.Header["Set-Cookie"]; len(got) != 1 || got[0] != out {
			t.Errorf("a sign-out becomes %q", got)
		}
		if ev := seen.only(t); ev.Sent != session.SentNothing {
			t.Errorf("event %+v", ev)
		}
	})
}
