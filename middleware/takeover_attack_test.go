package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// TestRequestsOfOtherSitesTakeNothingOver: SameSite keeps our cookie back, and perhaps
// not the other library's. That none of ours came means nothing then: another site could
// act for the user, and put the session back to what it was before the takeover.
func TestRequestsOfOtherSitesTakeNothingOver(t *testing.T) {
	const lax, strict, none = http.SameSiteLaxMode, http.SameSiteStrictMode, http.SameSiteNoneMode
	for _, tt := range []struct {
		sameSite                 http.SameSite
		method, site, mode, dest string
		want                     bool
	}{
		{lax, "GET", "cross-site", "navigate", "document", true},
		{lax, "GET", "cross-site", "navigate", "", true},
		{lax, "POST", "cross-site", "navigate", "document", false},
		{lax, "GET", "cross-site", "navigate", "iframe", false},
		{lax, "GET", "cross-site", "no-cors", "image", false},
		{lax, "POST", "cross-site", "cors", "empty", false},
		{lax, "POST", "same-site", "navigate", "document", true},
		{lax, "POST", "same-origin", "cors", "empty", true},
		{lax, "GET", "none", "navigate", "document", true},
		{lax, "POST", "", "", "", true},
		{strict, "GET", "cross-site", "navigate", "document", false},
		{strict, "GET", "same-site", "navigate", "document", true},
		{strict, "GET", "none", "navigate", "document", true},
		{none, "POST", "cross-site", "navigate", "document", true},
		{none, "GET", "cross-site", "no-cors", "image", true},
	} {
		m := takingOver(t, nil)
		h := newMiddleware(t, m, middleware.Config{SameSite: tt.sameSite}).Handler(site(m))
		r := askFor("/read", "tom")
		r.Method = tt.method
		for name, v := range map[string]string{"Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest} {
			if v != "" {
				r.Header.Set(name, v)
			}
		}
		res := serve(h, r)
		if got := len(setCookies(res)) == 1; got != tt.want {
			t.Errorf("%+v: taken over: %t", tt, got)
		}
		// Signing out deletes the other library's cookie, whoever asks for it.
		r.URL.Path = "/out"
		if got := setCookies(serve(h, r)); !slices.Equal(got, []string{"-" + theirs, "-" + theirSig}) {
			t.Errorf("%+v: signing out sends %q", tt, got)
		}
	}
}

// TestACookieOfOursThatNetHTTPDropsSwitchesTakeoverOff, or who has signed out could be
// signed in again by whoever adds to the cookies.
func TestACookieOfOursThatNetHTTPDropsSwitchesTakeoverOff(t *testing.T) {
	for name, more := range map[string]string{
		"odd characters": session.DefaultName + `=a\"b`,
		"not ASCII":      session.DefaultName + "=\xff",
		"very many":      session.DefaultName + "=x" + strings.Repeat(";a=b", 4000),
		"no value":       session.DefaultName,
		"former":         `former="`,
	} {
		var seen events
		to := session.Takeover[visit]{From: origin{}, Until: time.Now().Add(time.Hour), Convert: func(data any) (visit, error) { return visit{User: data.(string)}, nil }}
		m, err := session.New(session.Config{Keys: newManager(t, session.Config{}).Keyring(), FormerNames: []session.FormerName{{Name: "former"}}}, to)
		if err != nil {
			t.Fatal(err)
		}
		h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(site(m))
		res := serve(h, askFor("/read", "tom", more))
		if e := seen.only(t); len(e.Attempts) > 0 || len(setCookies(res)) > 0 {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestManyCookiesOfTheNameCostLittle: four of them are tried.
func TestManyCookiesOfTheNameCostLittle(t *testing.T) {
	m := takingOver(t, nil)
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(site(m))
	r := httptest.NewRequest("GET", "/read", nil)
	r.Header["Cookie"] = []string{strings.Repeat(theirs+"=x;"+theirSig+"=y;", 30000)} // 1 MB
	serve(h, r)
	if e := seen.only(t); len(e.Attempts) != 4 {
		t.Errorf("%d attempts", len(e.Attempts))
	}
	if n := testing.AllocsPerRun(1, func() { serve(h, r) }); n > 300 {
		t.Errorf("%v allocations for 60,000 cookies", n)
	}
}

// TestSigningOutElsewhereDeletesACookieOfAPath, which the browser does not send there, or
// the user would be signed in again by the next request below the path.
func TestSigningOutElsewhereDeletesACookieOfAPath(t *testing.T) {
	m := takingOver(t, nil)
	h := newMiddleware(t, m, middleware.Config{FormerScopes: map[string]middleware.Scope{
		theirs: {Path: "/app"}, theirSig: {Path: "/app"},
	}}).Handler(site(m))
	ours := session.DefaultName + "=" + sealed(t, m, time.Now(), visit{User: "tom"})
	both := []string{"-" + theirs, "-" + theirSig}
	for _, tt := range []struct {
		path, cookie string
		want         []string
	}{
		{"/out", ours, append([]string{"-" + session.DefaultName}, both...)},
		{"/out", "", both}, // it may have come without the takeover
		{"/read", ours, nil},
		{"/write", ours, []string{session.DefaultName}},
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		if tt.cookie != "" {
			r.Header.Set("Cookie", tt.cookie)
		}
		res := serve(h, r)
		if got := setCookies(res); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q", tt.path, got)
		}
		if got := res.Header["Set-Cookie"]; tt.path == "/out" && !strings.Contains(got[len(got)-1], "Path=/app;") {
			t.Errorf("deleted with %q", got)
		}
		if len(tt.want) > 0 && res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q", tt.path, res.Header)
		}
	}
}
