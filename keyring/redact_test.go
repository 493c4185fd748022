package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/keyturn/keyturn/signer"
)

// needles returns what a text contains that shows 8 bytes of b or more, in any
// of the ways that Go and people spell bytes.
func needles(b []byte) []string {
	var n []string
	add := func(s ...string) { n = append(n, s...) }
	for i := 0; i+8 <= len(b); i += 4 {
		w := b[i : i+8]
		add(string(w), hex.EncodeToString(w), strings.ToUpper(hex.EncodeToString(w)))
		for _, f := range []string{"%d", "%o", "%b", "%#x", "%#v", "%c", "%U", "%q"} {
			var parts []string
			for _, c := range w {
				parts = append(parts, fmt.Sprintf(f, c))
			}
			add(strings.Join(parts, " "), strings.Join(parts, ", "), strings.Join(parts, ","))
		}
		add(strings.Trim(fmt.Sprintf("%q", w), `"`), strings.Trim(fmt.Sprintf("%+q", w), `"`), fmt.Sprintf("% x", w), fmt.Sprintf("% X", w))
	}
	for shift := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			s := e.EncodeToString(b[shift : shift+(len(b)-shift)/3*3])
			for i := 0; i+12 <= len(s); i += 4 {
				add(s[i : i+12])
			}
		}
	}
	return n
}

func shows(s string, secrets ...[]byte) bool {
	for _, b := range secrets {
		if len(b) < 8 {
			continue
		}
		if slices.ContainsFunc(needles(b), func(n string) bool { return strings.Contains(s, n) }) {
			return true
		}
	}
	return false
}

// quiet checks that an error neither shows the secrets nor lacks its prefix.
func quiet(t testing.TB, err error, secrets ...[]byte) {
	t.Helper()
	for line := range strings.Lines(err.Error()) {
		if !strings.HasPrefix(line, "keyring: ") {
			t.Errorf("error line without the package's name: %s", line)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %q", err, err, err, err); shows(s, secrets...) {
		t.Error("an error shows a secret")
	}
}

// The needles find what they are for: otherwise none of the tests below could
// fail.
func TestNeedlesFindSecrets(t *testing.T) {
	secret := testSecret(1)
	type exposed struct{ Secret []byte }
	type hiddenField struct{ secret []byte }
	type array struct{ secret [32]byte }
	values := []any{secret, string(secret), &secret, exposed{secret}, hiddenField{secret}, &hiddenField{secret}, array{[32]byte(secret)}}
	for _, v := range values {
		for _, verb := range verbs {
			// What is shorter is an address or says %!t.
			if s := fmt.Sprintf(verb, v); len(s) > 40 && !shows(s, secret) && verb != "%t" && verb != "%e" {
				if _, ok := v.(string); ok && strings.ContainsAny(verb, "dbocU") {
					continue // fmt writes the bytes of a string there in yet another way, as an error
				}
				t.Errorf("%s of %T goes unnoticed: %s", verb, v, s)
			}
		}
	}
	for _, s := range []string{base64.StdEncoding.EncodeToString(secret), base64.URLEncoding.EncodeToString(append([]byte("xy"), secret...)), hex.EncodeToString(secret)} {
		if !shows("... "+s+" ...", secret) {
			t.Errorf("%s goes unnoticed", s)
		}
	}
	b, _ := stdjson.Marshal(exposed{secret})
	if !shows(string(b), secret) {
		t.Errorf("%s goes unnoticed", b)
	}
}

var verbs = []string{"%v", "%+v", "%#v", "%s", "%+s", "%#s", "%x", "%X", "% x", "%#x", "%q", "%+q", "%#q", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p"}

// holders returns a value in the ways that programs hold one.
func holders[T any](v T) []any {
	type exported struct{ Field T }
	type unexported struct{ field T }
	type pointers struct {
		Field *T
		field *T
	}
	type nested struct {
		inner unexported
		outer exported
	}
	type boxed struct {
		Field any
		field any
	}
	return []any{
		v, &v, exported{v}, &exported{v}, unexported{v}, &unexported{v},
		pointers{&v, &v}, nested{unexported{v}, exported{v}}, &nested{unexported{v}, exported{v}},
		boxed{v, v}, boxed{&v, &v}, []T{v}, []*T{&v}, [1]T{v}, map[string]T{"k": v}, map[string]any{"k": &v}, []any{v, unexported{v}},
		func() any { c := make(chan T, 1); c <- v; return c }(),
	}
}

func TestI14SecretsDoNotShow(t *testing.T) {
	d := shop(t)
	d.unknown = keep(members{{"vault", text(hex.EncodeToString(testSecret(50)))}})
	d.Policy.unknown = keep(members{{"vault", text(hex.EncodeToString(testSecret(51)))}})
	d.Keys[0].unknown = keep(members{{"vault", text(hex.EncodeToString(testSecret(52)))}})
	d.Codecs[0].unknown = keep(members{{"vault", text(hex.EncodeToString(testSecret(53)))}})
	var secrets [][]byte
	for n := range 60 {
		secrets = append(secrets, testSecret(n))
	}
	// What is unknown is kept as text, and fmt would show the bytes of that.
	for n := 50; n < 54; n++ {
		secrets = append(secrets, []byte(hex.EncodeToString(testSecret(n))))
	}
	// Subkeys are secret too.
	for i, k := range d.Keys {
		if k.secret != nil && !k.isTombstone() && k.isSupported() {
			d.Keys[i].algorithm = capturing(t, k.name, func(b []byte) { secrets = append(secrets, bytes.Clone(b)) })
		}
	}
	r := newTestRing(t, d)
	k := New(r)
	b := bind(t, k, Use{Name: "session"})
	s := b.Subkeys()
	p, err := s.Primary(base)
	if err != nil {
		t.Fatal(err)
	}
	p.Signer.Verify([]byte("m"), p.Signer.Sign(nil, []byte("m"))) // its pool has states now
	sealing, err := s.Lookup(newKey(t, 9, signer.XChaCha20Poly1305()).ID(), base)
	if err != nil {
		t.Fatal(err)
	}
	if len(secrets) < 69 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	found := secretFinder(secrets)
	values := slices.Concat(
		holders(d.Keys[0]), holders(d.Keys[6]), holders(d), holders(r), holders(k), holders(b), holders(s),
		holders(p), holders(*p), holders(*sealing), holders(d.Keys), holders(r.Policy()), holders(r.Codecs()),
		holders(Use{Name: "session", Check: func(*Ring) error { return nil }}), holders(Loader{Algorithms: []signer.Algorithm{d.Keys[0].algorithm}}),
	)
	tried := 0
	try := func(how string, v any, s string) {
		tried++
		if found(s) {
			t.Errorf("%s shows a secret of %T", how, v)
		}
	}
	for _, v := range values {
		for _, verb := range verbs {
			try(verb, v, fmt.Sprintf(verb, v))
		}
		try("Sprint", v, fmt.Sprint(v))
		if b, err := stdjson.Marshal(v); err == nil {
			try("encoding/json", v, string(b))
		}
		if b, err := json.Marshal(v); err == nil {
			try("json/v2", v, string(b))
		}
		var buf bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), slog.NewJSONHandler(&buf, nil)} {
			slog.New(h).Info("m", "v", v, slog.Group("g", "v", v), "list", []any{v})
		}
		try("slog", v, buf.String())
		try("error", v, fmt.Errorf("failed: %v %w", v, errors.New(fmt.Sprint(v))).Error())
		func() {
			defer func() { try("panic", v, fmt.Sprintf("%v %#v", recover(), v)) }()
			panic(v)
		}()
	}
	t.Logf("%d outputs, %d values, %d secrets", tried, len(values), len(secrets))
}

// secretFinder is shows for many texts: it looks for all needles at once.
func secretFinder(secrets [][]byte) func(string) bool {
	var all []string
	for _, b := range secrets {
		all = append(all, needles(b)...)
	}
	// By the first 4 bytes, since thousands of needles are looked for in each.
	byStart := make(map[string][]string)
	for _, n := range all {
		byStart[n[:4]] = append(byStart[n[:4]], n)
	}
	return func(s string) bool {
		for i := 0; i+4 <= len(s); i++ {
			for _, n := range byStart[s[i:i+4]] {
				if strings.HasPrefix(s[i:], n) {
					return true
				}
			}
		}
		return false
	}
}

func TestPublicFactsShow(t *testing.T) {
	r := newTestRing(t, shop(t))
	k := newKey(t, 1, signer.HMACSHA256())
	b, err := stdjson.Marshal(k)
	if err != nil || string(b) != `{"id":"21c828b4","algorithm":"hmac-sha256"}` {
		t.Errorf("a key marshals as %s, %v", b, err)
	}
	if got := fmt.Sprintf("%x", k); got != "key 21c828b4 hmac-sha256" {
		t.Errorf("a key prints as %s", got)
	}
	if got := fmt.Sprintf("%v", r); got != `ring "shop" generation 42, 9 keys` {
		t.Errorf("a ring prints as %s", got)
	}
	b, err = stdjson.Marshal(r)
	if err != nil || !strings.Contains(string(b), `{"id":"21c828b4","algorithm":"hmac-sha256","added":`) || strings.Contains(string(b), `"secret"`) {
		t.Errorf("a ring marshals as %s, %v", b, err)
	}
	if _, err := Parse(b); err == nil {
		t.Error("what a ring marshals as parses as a ring")
	}
}

// Under every verb there is one line of facts, and not what reflection finds.
func TestEveryVerbIsString(t *testing.T) {
	r := newTestRing(t, shop(t))
	k := New(r)
	s := bind(t, k, Use{Name: "session"}).Subkeys()
	p, err := s.Primary(base)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t, 1, signer.HMACSHA256())
	for _, v := range []interface {
		fmt.Stringer
		slog.LogValuer
	}{key, &key, shop(t), r, k, s, p, *p} {
		want := v.String()
		for _, verb := range verbs {
			if verb == "%p" {
				continue // package fmt asks nobody about it
			}
			if got := fmt.Sprintf(verb, v); got != want || want == "" {
				t.Errorf("%s of %T: %s, want %s", verb, v, got, want)
			}
		}
		if got := v.LogValue().String(); got != want {
			t.Errorf("%T logs as %s, want %s", v, got, want)
		}
	}
}

// A panic that nothing recovers prints what it was called with by other means.
func TestPanicDoesNotShowSecrets(t *testing.T) {
	if os.Getenv("KEYRING_TEST_PANIC") != "" {
		d := shop(t)
		k := New(newTestRing(t, d))
		s, _ := bind(t, k, Use{Name: "session"}).Subkeys().Primary(base)
		panic([]any{d.Keys[0], &d.Keys[0], d, k.Ring(), k, s, *s}[os.Getenv("KEYRING_TEST_PANIC")[0]-'a'])
	}
	for c := 'a'; c < 'a'+7; c++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicDoesNotShowSecrets$")
		cmd.Env = append(os.Environ(), "KEYRING_TEST_PANIC="+string(c))
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic: ") {
			t.Fatalf("%c: no panic: %v\n%s", c, err, out)
		}
		if shows(string(out), testSecret(1), testSecret(2), testSecret(3)) {
			t.Errorf("%c: a panic shows a secret", c)
		}
	}
}
