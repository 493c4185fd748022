package live

import (
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/keyturn/keyturn/session/takeover"
)

// serveGorilla is a variable that makes the test binary a server of gorilla's, and not
// this process: what that registers with encoding/gob, nobody else knows.
const serveGorilla = "KEYTURN_LIVE_SERVE_GORILLA"

func gorillaServer(mode string) {
	keys := gorillaKeys(mode, os.Getenv("SECRET"))
	mux := http.NewServeMux()
	if mode == "securecookie" {
		serveSecureCookie(mux, keys)
	} else {
		serveSessions(mux, keys)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(l, mux))
}

// gorillaKeys returns the pairs of keys of a program.
func gorillaKeys(mode, secret string) [][]byte {
	b, err := hex.DecodeString(secret)
	if err != nil {
		panic(err)
	}
	switch mode {
	case "signed":
		return [][]byte{b[:32]}
	case "rotated":
		return [][]byte{b[:32], nil, b[32:], b[:16]}
	}
	return [][]byte{b[:32], b[32:]}
}

func serveSessions(mux *http.ServeMux, keys [][]byte) {
	gob.Register(map[string]any{})
	gob.Register([]any{})
	gob.Register(time.Time{})
	store := sessions.NewCookieStore(keys...)
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, "visit")
		s.Values["user"] = "tom"
		s.Values["visits"] = 3
		s.Values["zoom"] = 1.25
		s.Values["name"] = "Zoë"
		s.Values["roles"] = []string{"admin", "ops"}
		s.Values["prefs"] = map[string]any{"dark": true, "lang": nil}
		s.Values["since"] = time.Date(2026, 7, 1, 12, 30, 15, 500, time.UTC)
		s.Values["blob"] = []byte{0, 0xff}
		if err := s.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, "visit")
		if _, ok := s.Values["user"]; !ok {
			http.Error(w, "nobody is signed in", http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"user": s.Values["user"]})
	})
}

func serveSecureCookie(mux *http.ServeMux, keys [][]byte) {
	sc := securecookie.New(keys[0], keys[1]).SetSerializer(securecookie.JSONEncoder{})
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		value, err := sc.Encode("visit", json.RawMessage(visit))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "visit", Value: value, Path: "/"})
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		var v struct {
			User string `json:"user"`
		}
		c, err := r.Cookie("visit")
		if err == nil {
			err = sc.Decode("visit", c.Value, &v)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		json.NewEncoder(w).Encode(v)
	})
}

func init() {
	for _, mode := range []string{"signed", "encrypted", "rotated", "securecookie"} {
		m := &migration{name: "gorilla/" + mode, secret: text(128)}
		m.start = func(t *testing.T, secret string) string {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), serveGorilla+"="+mode, "SECRET="+secret)
			return start(t, cmd)
		}
		m.read = func(secret string) (*takeover.Reader, error) {
			c := takeover.GorillaConfig{Cookie: "visit", KeyPairs: gorillaKeys(mode, secret)}
			if mode == "rotated" { // the program has not been told of the new pair yet
				c.KeyPairs = append([][]byte{[]byte(strings.Repeat("x", 32)), nil}, c.KeyPairs...)
			}
			if mode == "securecookie" {
				c.Serializer = takeover.GorillaJSON
			}
			return takeover.Gorilla(c)
		}
		if mode != "securecookie" {
			m.more = map[string]any{"since": time.Date(2026, 7, 1, 12, 30, 15, 500, time.UTC), "blob": []byte{0, 0xff}}
		}
		migrations = append(migrations, m)
	}
}
