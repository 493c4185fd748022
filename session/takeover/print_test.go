package takeover

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

// TestNoSecretIsPrinted, of a configuration, a reader, a takeover or a manager.
func TestNoSecretIsPrinted(t *testing.T) {
	secret := strings.Repeat("open sesame ", 8)
	text, raw := []string{secret}, [][]byte{[]byte(secret)}
	flask, err := Flask(FlaskConfig{Secrets: text})
	if err != nil {
		t.Fatal(err)
	}
	to := session.Takeover[session.Values]{From: flask, Convert: Values, Until: time.Now().Add(time.Hour)}
	m, err := session.New(session.Config{Keys: keyring.Ephemeral()}, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []any{
		ASGIFernetConfig{Secrets: text}, ASGIJWTConfig{Secrets: text}, DjangoConfig{Secrets: text}, ExpressConfig{Secrets: text},
		FernetConfig{Secrets: text}, FlaskConfig{Secrets: text}, GorillaConfig{KeyPairs: raw}, IronSessionConfig{Passwords: map[int]string{1: secret}},
		ItsdangerousConfig{Secrets: text}, JWTConfig{Secrets: raw}, KoaConfig{Secrets: text},
		PlugConfig{PlugKeys: PlugKeys{SecretKeyBase: secret}}, PlugConfig{Rotating: []PlugKeys{{SecretKeyBase: secret}}}, PlugKeys{SecretKeyBase: secret},
		RackConfig{Secrets: text}, RailsConfig{Secrets: text}, StarletteConfig{Secrets: text},
		&FlaskConfig{Secrets: text}, struct{ C FlaskConfig }{FlaskConfig{Secrets: text}},
		flask, *flask, to, m,
	} {
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(h).Info("", "x", x)
			slog.New(h).Info("", "x", []any{x})
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb+"\n", x)
		}
		for _, leak := range []string{"open sesame", "b3BlbiBzZXNhbWUg", "6f70656e20736573616d65", "111 112 101 110 32", "0x6f, 0x70, 0x65"} {
			if strings.Contains(log.String(), leak) {
				t.Errorf("%T: %s", x, log.String()[:min(log.Len(), 300)])
				break
			}
		}
	}
}
