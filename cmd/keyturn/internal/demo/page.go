package demo

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"stamp":   stamp,
	"why":     why,
	"inWords": inWords,
}).Parse(pageHTML))

const shownEvents = 8

// A page is what the page shows.
type page struct {
	Visit    *visit  // nil: not signed in
	Happened account // to the visitor's cookie
	Data     string  // of the session, as JSON

	// Event is what became of the cookie that came with this request, and what
	// this response sends.
	Event  middleware.Event
	Cookie string // the value that the browser has now; "" if none that is valid
	Header string // the Set-Cookie of this response
	Token  session.Info
	Parts  []part
	Sealed bool

	Ring       *keyring.Ring
	Keys       keyLists
	Longest    string // the longest session
	Warnings   []string
	Algorithms []choice
	Codecs     []choice

	Events []entry
}

// A choice is one of several, of which one is in force.
type choice struct {
	Name, Says string
	Present    bool
}

// show sends the headers of the response, which decides what becomes of the
// cookie, and then the page, which tells of it.
func (s *Server) show(w http.ResponseWriter, r *http.Request, current *session.Session[visit]) {
	setHeaders(w.Header())
	w.WriteHeader(http.StatusOK)
	p := s.page(w.Header(), r, current)
	if err := pages.ExecuteTemplate(w, "page", p); err != nil {
		s.log.Print(err) // the visitor has gone, most probably
	}
}

func (s *Server) page(sent http.Header, r *http.Request, current *session.Session[visit]) page {
	at := time.Now()
	ring := s.ring.keys.Ring()
	p := page{
		Event:    r.Context().Value(exchangeKey{}).(*exchange).event,
		Header:   strings.Join(sent["Set-Cookie"], "\n"),
		Ring:     ring,
		Warnings: ring.Warnings(at),
		Longest:  days(ring.Policy().MaxSession),
	}
	if v := current.Data(); v.User != "" {
		p.Visit = &v
		p.Happened = account{p.Event, v.Visits == 1, s.restartedSince(p.Event.Cookie)}
		b, _ := json.MarshalIndent(v, "", "  ") // which nothing in it prevents
		p.Data = string(b)
	}
	p.Token, p.Cookie = s.present(sent, r, p.Event)
	p.Sealed = seals(p.Token)
	p.Parts = takeApart(p.Cookie, p.Token, p.Sealed)

	p.Keys = listKeys(ring, at)
	primary, _ := ring.Primary(at)
	for _, a := range algorithms {
		says := "signs"
		if a.Seals() {
			says = "encrypts"
		}
		p.Algorithms = append(p.Algorithms, choice{a.Name, says, a.Name == primary.Algorithm()})
	}
	for _, c := range codecs {
		p.Codecs = append(p.Codecs, choice{c.Name(), "", c.Name() == presentCodec(ring, at)})
	}
	p.Events = s.events.of(p.Token.ID, shownEvents)
	return p
}

// restartedSince reports whether the cookie was made before this server began.
func (s *Server) restartedSince(cookie session.Info) bool {
	if !cookie.Issued.Equal(s.started) {
		return cookie.Issued.Before(s.started)
	}
	// Within the same second: by this server, if it has another event of the
	// session than that of this request.
	return len(s.events.of(cookie.ID, 2)) < 2
}

// present returns the cookie that the browser has after this response, and what
// it says.
func (s *Server) present(sent http.Header, r *http.Request, e middleware.Event) (session.Info, string) {
	name := s.sessions.Name()
	for _, line := range sent["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name && c.Value != "" {
			return e.Token, c.Value
		}
	}
	if e.Outcome != session.Valid {
		return session.Info{}, ""
	}
	for _, c := range r.CookiesNamed(name) {
		// Of several, the one that the session is of.
		if i, err := session.ReadUnverified(c.Value); err == nil && i.ID == e.Cookie.ID && i.Issued.Equal(e.Cookie.Issued) {
			return e.Cookie, c.Value
		}
	}
	return session.Info{}, ""
}

// days spells a duration in days, if it is one.
func days(d time.Duration) string {
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// why says in words why a response did with the cookie what it did.
func why(s session.Sent) string {
	switch s {
	case session.SentChanged:
		return "each visit is counted"
	case session.SentRenewed:
		return "signing in gives the session a new identity"
	case session.SentRefreshed:
		return "its idle time begins anew"
	case session.SentReissued:
		return "its key or codec was not the present one"
	case session.SentTakenOver:
		return "it came in another library's cookie"
	case session.SentDeleted:
		return "signing out ends the session"
	}
	return "the session was only read"
}

// inWords says why a cookie was not accepted.
func inWords(r session.Reason) string { return strings.TrimPrefix(r.Error(), "session: ") }

// showProblem answers a request with what is wrong with it.
func showProblem(w http.ResponseWriter, status int, text string) {
	var b bytes.Buffer
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if err := pages.ExecuteTemplate(&b, "problem", struct{ Title, Text string }{title, text}); err != nil {
		http.Error(w, title, status)
		return
	}
	setHeaders(w.Header())
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// setHeaders sets the headers of every page. Nothing is loaded but the style
// sheet, and forms go nowhere but here.
func setHeaders(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func showStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(styleCSS)
}
