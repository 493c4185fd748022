package middleware_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

func TestStatsShowsTheRingAndCountersAndNoSecret(t *testing.T) {
	secret := []byte("0a6d9f27-not-a-pattern-8b13e5c4-x7")
	k, err := keyring.NewKey(signer.HMACSHA256(), secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.FromKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	m := newManager(t, session.Config{Keys: keys})
	mw := newMiddleware(t, m, middleware.Config{})
	h := mw.Handler(signInOut(m))
	in := serve(h, request("GET", "/in", ""))
	value := parsed(t, in.Header, cookieName).Value
	for range 2 {
		serve(h, request("GET", "/", cookieName+"="+value))
	}
	serve(h, request("GET", "/", cookieName+"=x"))

	got := serve(mw.Stats(), request("GET", "/", cookieName+"="+value))
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Content-Type-Options") != "nosniff" ||
		got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("%v", got.Header)
	}
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	body := string(b)
	for _, hidden := range []string{string(secret), hex.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret), value} {
		if strings.Contains(body, hidden) {
			t.Error("it shows a secret")
		}
	}
	var generic map[string]any
	if err := json.Unmarshal(b, &generic); err != nil {
		t.Fatal(err)
	}
	s := m.Stats(time.Now())
	var back session.Stats
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%v: it is read as %+v, want %+v", err, back, s)
	}
	if generic["cookie"] != cookieName || s.Keyring.Keys[0].Signed == 0 || generic["outcomes"].(map[string]any)["malformed"] != 1.0 {
		t.Errorf("%s", body)
	}
	key := generic["keyring"].(map[string]any)["keys"].([]any)[0].(map[string]any)
	if key["id"] != k.ID().String() || key["state"] != "active" || key["verified"] != float64(s.Keyring.Keys[0].Verified) {
		t.Errorf("%v", key)
	}

	if got := serve(mw.Stats(), request("HEAD", "/", "")); got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %v %v", got.Status, got.Header)
	}
	if got := serve(mw.Stats(), request("POST", "/", "")); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %v", got.Status)
	}
	// Mounted nowhere by itself.
	rec := httptest.NewRecorder()
	mw.Handler(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/stats", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("%d", rec.Code)
	}
}

// The JSON in the comment of Stats is one of a session.Stats, and has all that one
// can have.
func TestStatsIsDocumented(t *testing.T) {
	source, err := os.ReadFile("middleware.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(source), "//\t{\n")
	text, _, _ = strings.Cut(text, "//\t}\n")
	text = "{" + strings.ReplaceAll(text, "//\t", "") + "}"
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	var s session.Stats
	if err := d.Decode(&s); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Slice:
			look(typ.Elem())
		case reflect.Struct:
			for f := range typ.Fields() {
				if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
					if !strings.Contains(text, `"`+name+`": `) {
						t.Errorf("there is no %s", name)
					}
					look(f.Type)
				}
			}
		}
	}
	look(reflect.TypeFor[session.Stats]())
	for name := range s.Outcomes {
		if _, ok := newManager(t, session.Config{}).Stats(time.Now()).Outcomes[name]; !ok {
			t.Errorf("there is no outcome %s", name)
		}
	}
}
