package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// ownSecret returns the n-th secret of the tests of import, of 32 bytes.
func ownSecret(n string) []byte {
	s := sha256.Sum256([]byte("keyturn import " + n))
	return s[:]
}

// sourceFile writes what is to be imported.
func sourceFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + path
}

// The secret of FromEnv becomes the same key, so that nobody is signed out.
func TestImportMakesAFileForAFirstAdoption(t *testing.T) {
	secret := ownSecret("env")
	for name, text := range map[string]string{
		"URL": base64.RawURLEncoding.EncodeToString(secret), "padded": " " + base64.StdEncoding.EncodeToString(secret) + "\n",
	} {
		t.Setenv("KEYTURN_TEST_SECRET", text)
		env, err := keyring.FromEnv("KEYTURN_TEST_SECRET")
		if err != nil {
			t.Fatal(err)
		}
		before, _ := env.Ring().Primary(time.Now())
		path := filepath.Join(t.TempDir(), "blog.json")
		r := want(t, 0, "", "keyring", "import", path, "--secret", "env:KEYTURN_TEST_SECRET", "--dry-run")
		if _, err := os.Lstat(path); err == nil || !strings.Contains(r.out, "nothing is written") {
			t.Fatalf("%v: %s", err, r.out)
		}
		want(t, 1, "", "keyring", "import", path, "--secret", "env:KEYTURN_TEST_SECRET", "--expect-generation", "1")
		r = want(t, 0, "", "keyring", "import", path, "--secret", "env:KEYTURN_TEST_SECRET")
		is, now := readRing(t, path), time.Now()
		if k, err := is.Primary(now); err != nil || k.ID() != before.ID() || is.Name() != "blog" || is.Generation() != 1 {
			t.Errorf("%s: %v signs, want %v: %v, %v", name, k, before, is, err)
		}
		if w := is.Warnings(now); len(w) > 0 || len(is.Document().Keys) != 2 {
			t.Errorf("%q", w)
		}
		if !strings.Contains(r.out, before.ID().String()) || strings.Contains(r.out, strings.TrimSpace(text)) {
			t.Errorf("%s", r.out)
		}
		for _, line := range []string{path + ": ring blog, generation 1\npolicy: propagation 1h", "key " + before.ID().String() + " hmac-sha256 active: signs from now on\n", "standby: verifies, and takes over when you say so\n", "\nnext: give the file to every instance", "rotate when no instance has the secret from anywhere else"} {
			if !strings.Contains(r.out, line) {
				t.Errorf("no %q in %s", line, r.out)
			}
		}
		hideSecrets(t, path, r)
		// Once more, there is nothing to do.
		stored := store(t, path)
		if r := want(t, 0, "", "keyring", "import", path, "--secret", "env:KEYTURN_TEST_SECRET", "--active"); !strings.Contains(r.out, "is in the ring already, and is active") {
			t.Errorf("%s", r.out)
		}
		stored.untouched(t, path)
	}
	// Of a set, the first signs, and the others verify while sessions may be left.
	set := `{"keys":[{"kty":"oct","k":"` + base64.RawURLEncoding.EncodeToString(ownSecret("1")) + `"},{"kty":"oct","alg":"HS256","k":"` + base64.RawURLEncoding.EncodeToString(ownSecret("2")) + `"}]}`
	path := filepath.Join(t.TempDir(), "x.json")
	want(t, 0, "", "keyring", "import", path, "--jwks", sourceFile(t, set), "--ring", "shop", "--algorithm", "xchacha20-poly1305")
	is := readRing(t, path)
	first, err := keyring.NewKey(signer.XChaCha20Poly1305(), ownSecret("1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := keyring.NewKey(signer.XChaCha20Poly1305(), ownSecret("2"))
	if err != nil {
		t.Fatal(err)
	}
	if k, err := is.Primary(time.Now()); err != nil || k.ID() != first.ID() || is.Name() != "shop" {
		t.Errorf("%v, %v", k, err)
	}
	if s := is.State(second.ID(), time.Now().Add(keyring.DefaultMaxSession)); s != keyring.Retiring {
		t.Errorf("the second is %v", s)
	}
	if s := is.State(second.ID(), time.Now().Add(keyring.DefaultMaxSession+3*day)); s != keyring.Retired {
		t.Errorf("the second is %v", s)
	}
	want(t, 64, "", "keyring", "import", path, "--jwks", "env:A", "--secret", "env:B")
	want(t, 64, "", "keyring", "import", filepath.Join(t.TempDir(), "y.json"), "--jwks", sourceFile(t, set), "--ring", "a b")
	want(t, 73, "", "keyring", "import", filepath.Join(t.TempDir(), "a", "y.json"), "--jwks", sourceFile(t, set))
}

func TestImportSaysWhatItCannotTake(t *testing.T) {
	path, keys := rotated(t, signer.HMACSHA256())
	b64 := base64.RawURLEncoding.EncodeToString
	jwk := func(members string) string { return `{"keys":[{` + members + `}]}` }
	oct := func(n string) string { return `"kty":"oct","k":"` + b64(ownSecret(n)) + `"` }
	var retired string
	for _, k := range readRing(t, path).Document().Keys {
		if k.ID() == keys["retired"] {
			data, _ := readRing(t, path).Document().EncodeWithSecrets()
			var file struct {
				Keys []struct{ ID, Secret string }
			}
			if err := json.Unmarshal(data, &file); err != nil {
				t.Fatal(err)
			}
			retired = file.Keys[slices.IndexFunc(file.Keys, func(f struct{ ID, Secret string }) bool { return f.ID == k.ID().String() })].Secret
		}
	}
	want(t, 0, "", "keyring", "prune", path)
	before := store(t, path)
	for _, test := range []struct {
		flag, text string
		status     int
		says       string
	}{
		{"--secret", b64(ownSecret("x"))[:20], 65, "the secret has 15 bytes"},
		{"--secret", "", 65, "the secret is empty"},
		{"--secret", "!" + b64(ownSecret("x")), 65, "not base64; if the bytes are the secret as they are, say --encoding raw"},
		{"--secret", b64(ownSecret("x"))[:22] + "\n" + b64(ownSecret("x"))[22:], 65, "not base64"},
		{"--secret", strings.Repeat("A", 64), 65, "repeats one byte"},
		{"--secret", "complex_password_at_least_32_characters_long", 65, "sample from documentation"},
		{"--secret", retired, 78, "was pruned, and cannot come back"},
		{"--jwks", "", 65, "not a JWK Set"},
		{"--jwks", "{}", 65, "not a JWK Set (RFC 7517): it has no member keys"},
		{"--jwks", before.text, 65, "a ring file, and not a JWK Set"},
		{"--jwks", `{"keys":[{` + oct("y") + `},"` + b64(ownSecret("x")) + `"]}`, 65, "key 2 of the set: not a JSON object"},
		{"--jwks", jwk(`"kty":"oct"`), 65, "key 1 of the set: it has no k"},
		{"--jwks", jwk(`"kty":"oct","k":["` + b64(ownSecret("x")) + `"]`), 65, "key 1 of the set: its k is not a string"},
		{"--jwks", jwk(`"kty":"oct","k":"!` + b64(ownSecret("x")) + `"`), 65, "key 1 of the set: its k is not base64url"},
		{"--jwks", jwk(`"k":"` + b64(ownSecret("x")) + `"`), 65, "key 1 of the set: its kty is not oct"},
		{"--jwks", jwk(`"kty":"` + b64(ownSecret("x")) + `","k":"A"`), 65, "key 1 of the set: its kty is not oct"},
		{"--jwks", jwk(oct("x") + `,"alg":256`), 65, "key 1 of the set: its alg is not a string"},
		{"--jwks", `{` + oct("x") + `,"alg":"ES256"}`, 65, "key 1 of the set: its alg is none of HS256"},
		{"--jwks", `{"keys":[{` + oct("y") + `},{"kty":"RSA","n":"AQ"}]}`, 65, "key 2 of the set: its kty is RSA, and not oct"},
		{"--jwks", `{"keys":"` + b64(ownSecret("x")) + `"}`, 65, "not a JWK Set"},
		{"--jwks", `{"keys":[]}`, 65, "no keys in the set"},
		{"--jwks", jwk(oct("x") + `,"alg":"RS256"`), 65, "key 1 of the set: its alg is none of HS256"},
		{"--jwks", jwk(`"kty":"oct","k":"AAEC"`), 65, "key 1 of the set: the secret has 3 bytes"},
		{"--jwks", jwk(`"kty":"OKP","crv":"Ed25519","x":"` + b64(ownSecret("x")) + `"`), 65, "key 1 of the set: its kty is OKP, and not oct"},
	} {
		r := want(t, test.status, "", "keyring", "import", path, test.flag, sourceFile(t, test.text))
		if !strings.Contains(r.err, test.says) || r.out != "" {
			t.Errorf("%q: %q, want %q", test.text, r.err, test.says)
		}
		for _, s := range []string{b64(ownSecret("x")), b64(ownSecret("x"))[:20], retired} {
			if strings.Contains(r.err, s) {
				t.Errorf("a secret is shown: %s", r.err)
			}
		}
		before.untouched(t, path)
	}
}

// A file that is named as an argument is not one that cannot be read.
func TestImportSaysHowAFileIsNamed(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	for _, flag := range []string{"--jwks", "--secret"} {
		if r := want(t, 64, "", "keyring", "import", path, flag, path); !strings.Contains(r.err, flag+": say @FILE or env:NAME; did you mean @"+path+"?") {
			t.Errorf("%q", r.err)
		}
	}
}

// One JWK is as good as a set of one.
func TestImportTakesOneJWK(t *testing.T) {
	path, _ := rotated(t, signer.HMACSHA256())
	jwk := `{"kty":"oct","kid":"a","alg":"HS256","k":"` + base64.URLEncoding.EncodeToString(ownSecret("1")) + `"}`
	want(t, 0, "", "keyring", "import", path, "--jwks", sourceFile(t, jwk))
	keyOf(t, readRing(t, path), "1")
}

func TestImportTakesASecretAsItIsTold(t *testing.T) {
	hexed := hex.EncodeToString(ownSecret("hex"))
	decoded, err := base64.RawURLEncoding.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   string
		text   string
		a      signer.Algorithm
		secret []byte
	}{
		{"--encoding raw", hexed, signer.HMACSHA256(), []byte(hexed)},
		{"--encoding raw", hexed + "\n", signer.HMACSHA256(), []byte(hexed + "\n")},
		{"", hexed + "\n", signer.HMACSHA256(), decoded},
		{"--algorithm blake2b-256", hexed, signer.BLAKE2b256(), decoded},
	} {
		k, err := keyring.NewKey(test.a, test.secret)
		if err != nil {
			t.Fatal(err)
		}
		path, keys := rotated(t, signer.HMACSHA256())
		args := append([]string{"keyring", "import", path, "--secret", sourceFile(t, test.text)}, strings.Fields(test.args)...)
		want(t, 0, "", append(args, "--standby")...)
		is := readRing(t, path)
		if s := is.State(k.ID(), time.Now()); s != keyring.Standby {
			t.Errorf("%s: the key is %v", test.args, s)
		}
		// Told to sign, it is that one, and not the standby key that was there.
		r := want(t, 0, "", append(args, "--active", "--in", "3d")...)
		is = readRing(t, path)
		if p, _ := is.Primary(time.Now().Add(3*day + time.Minute)); p.ID() != k.ID() || !strings.Contains(r.out, "in the ring already") {
			t.Errorf("%v signs", p)
		}
		if p, _ := is.Primary(time.Now().Add(3*day - time.Minute)); p.ID() != keys["active"] {
			t.Errorf("%v signs before", p)
		}
	}
}

// What is exported can be imported, and is the same keys.
func TestExportIsWhatImportTakes(t *testing.T) {
	for _, a := range signer.All() {
		path, keys := rotated(t, a)
		// As a process, of which the output is no terminal.
		export := func(args ...string) (string, error) {
			out, err := newCommand(t, append([]string{"keyring", "export", path, "--jwks"}, args...)...).Output()
			return string(out), err
		}
		all, err := export()
		if err != nil {
			t.Fatal(err)
		}
		var set struct {
			Keys []struct{ Kty, Kid, Alg, K, Use string } `json:"keys"`
		}
		decodeJSON(t, all, &set)
		var ids []string
		for _, k := range set.Keys {
			ids = append(ids, k.Kid)
			secret, err := base64.RawURLEncoding.DecodeString(k.K)
			if err != nil {
				t.Fatal(err)
			}
			if key, err := keyring.NewKey(a, secret); err != nil || key.ID().String() != k.Kid || k.Kty != "oct" {
				t.Errorf("%v, want %s: %v", key, k.Kid, err)
			}
		}
		want3 := []string{keys["active"].String(), keys["standby"].String(), keys["retiring"].String()}
		if ids[0] != want3[0] {
			t.Errorf("%s is the first, and not the one that signs", ids[0])
		}
		slices.Sort(ids)
		slices.Sort(want3)
		if !slices.Equal(ids, want3) {
			t.Errorf("%v, want %v", ids, want3)
		}
		copied := filepath.Join(t.TempDir(), "copy.json")
		want(t, 0, "", "keyring", "import", copied, "--jwks", sourceFile(t, all))
		if k, err := readRing(t, copied).Primary(time.Now()); err != nil || k.ID() != keys["active"] || k.Algorithm() != a.Name {
			t.Errorf("%v, %v", k, err)
		}
		// One that is named, whatever its state.
		one, err := export(keys["disabled"].String())
		if err != nil || strings.Count(one, `"k":`) != 1 || !strings.Contains(one, keys["disabled"].String()) {
			t.Errorf("%d keys, %v", strings.Count(one, `"k":`), err)
		}
		for _, bad := range []string{keys["pruned"].String(), "00000000"} {
			c := newCommand(t, "keyring", "export", path, bad, "--jwks")
			if out, err := c.Output(); err == nil || len(out) > 0 || c.ProcessState.ExitCode() != 78 {
				t.Errorf("%s: %v, status %d", bad, err, c.ProcessState.ExitCode())
			}
		}
	}
	path, _ := rotated(t, signer.HMACSHA256())
	want(t, 64, "", "keyring", "export", path)
	// A device is taken for a terminal.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for status, more := range map[int][]string{1: nil, 0: {"--yes"}} {
		c := newCommand(t, append([]string{"keyring", "export", path, "--jwks"}, more...)...)
		c.Stdout = null
		c.Run()
		if c.ProcessState.ExitCode() != status {
			t.Errorf("%v: status %d, want %d", more, c.ProcessState.ExitCode(), status)
		}
	}
}

// keyOf returns the key of a ring that the n-th secret makes.
func keyOf(t *testing.T, r *keyring.Ring, n string) keyring.Key {
	t.Helper()
	want, err := keyring.NewKey(signer.HMACSHA256(), ownSecret(n))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range r.Document().Keys {
		if k.ID() == want.ID() {
			return k
		}
	}
	t.Fatalf("no key %v", want.ID())
	return keyring.Key{}
}

// A secret that was kept elsewhere is there to verify, and comes to sign only if
// somebody says so.
func TestImportedKeysRetireByThemselves(t *testing.T) {
	b64 := func(n string) string { return base64.RawURLEncoding.EncodeToString(ownSecret(n)) }
	set := sourceFile(t, `{"keys":[{"kty":"oct","k":"`+b64("1")+`"},{"kty":"oct","k":"`+b64("2")+`"}]}`)
	needed := day + keyring.DefaultPropagation + keyring.DefaultMaxSession + keyring.DefaultSkew
	for flag, retire := range map[string][]string{"": {"1", "2"}, "--active": {"2"}, "--standby": nil} {
		path, keys := rotated(t, signer.HMACSHA256())
		before := time.Now().Truncate(time.Second)
		r := want(t, 0, "", append([]string{"keyring", "import", path, "--jwks", set}, strings.Fields(flag)...)...)
		is := readRing(t, path)
		for _, n := range []string{"1", "2"} {
			k := keyOf(t, is, n)
			note := "key " + k.ID().String() + " verifies until " + stamp(k.VerifyUntil) + ", and then retires by itself: make sure that nothing signs with it from "
			if !slices.Contains(retire, n) {
				if !k.VerifyUntil.IsZero() || strings.Contains(r.out, note) {
					t.Errorf("%s: the key %s is to retire at %v: %s", flag, n, k.VerifyUntil, r.out)
				}
				continue
			}
			if !strings.Contains(r.out, ": new; verifies until "+stamp(k.VerifyUntil)+"\n") {
				t.Errorf("%s: %s", flag, r.out)
			}
			if late := k.VerifyUntil.Sub(before.Add(needed)); late < 0 || late > time.Minute || !strings.Contains(r.out, note) {
				t.Errorf("%s: the key %s verifies until %v: %s", flag, n, k.VerifyUntil, r.out)
			}
		}
		if signs := !keyOf(t, is, "1").SignFrom.IsZero(); signs != (flag == "--active") || !keyOf(t, is, "2").SignFrom.IsZero() {
			t.Errorf("%s: an imported key is to sign: %v", flag, signs)
		}
		if flag != "" {
			continue
		}
		// In an emergency, it is the standby key that signs.
		want(t, 0, "", "keyring", "revoke", path, keys["active"].String(), "--reason", "leak")
		if p, err := readRing(t, path).Primary(time.Now()); err != nil || p.ID() != keys["standby"] {
			t.Errorf("%v signs, %v", p, err)
		}
		if r := want(t, 0, "", "keyring", "import", path, "--jwks", set); !strings.Contains(r.out, "is in the ring already, and verifies until ") || !strings.Contains(r.out, "nothing to do") {
			t.Errorf("%s", r.out)
		}
		// And so they do, whatever is said later.
		again := store(t, path)
		want(t, 0, "", "keyring", "import", path, "--jwks", set, "--standby")
		if r := want(t, 78, "", "keyring", "import", path, "--jwks", set, "--active"); !strings.Contains(r.err, "is to retire at") {
			t.Errorf("%s", r.err)
		}
		again.untouched(t, path)
	}
}

func TestImportSaysForWhatItsFlagsAre(t *testing.T) {
	t.Setenv("KEYTURN_TEST_SECRET", base64.RawURLEncoding.EncodeToString(ownSecret("env")))
	path, _ := rotated(t, signer.HMACSHA256())
	before := store(t, path)
	missing := filepath.Join(t.TempDir(), "new.json")
	for _, test := range []struct{ file, args, says string }{
		{path, "--active --standby", "--standby and --active can't be used together"},
		{path, "--max-session 30d", path + " is there; keyturn keyring policy sets"},
		{path, "--skew 5m", "for a new file"},
		{path, "--ring shop", "for a new file"},
		{missing, "--standby", "the first key signs from now on"},
		{missing, "--active --in 1d", "the first key signs from now on"},
		{"", "", "FILE is empty"},
		{missing, "--max-session 0", "--max-session: must be more than zero"},
		{missing, "--propagation 5m", "leaves instances no time"},
	} {
		r := want(t, 64, "", append([]string{"keyring", "import", test.file, "--secret", "env:KEYTURN_TEST_SECRET"}, strings.Fields(test.args)...)...)
		if !strings.Contains(r.err, test.says) {
			t.Errorf("%s: %q", test.args, r.err)
		}
	}
	before.untouched(t, path)
	if _, err := os.Lstat(missing); err == nil {
		t.Error("a file was made")
	}
	want(t, 0, "", "keyring", "import", missing, "--secret", "env:KEYTURN_TEST_SECRET", "--active", "--max-session", "30d")
	if y := readRing(t, missing).Policy(); y.MaxSession != 30*day || y.MaxSessionHigh != 30*day {
		t.Errorf("%+v", y)
	}
}

// What the environment may have, a file to be imported may have, and it is the same
// secret.
func TestImportReadsBase64AsFromEnv(t *testing.T) {
	std, url := base64.StdEncoding.EncodeToString, base64.URLEncoding.EncodeToString
	secret := append(ownSecret("b"), 0xfb, 0xff) // of 34 bytes, padded with two
	short := secret[:33]                         // with none
	for _, text := range []string{
		std(secret), url(secret), strings.TrimRight(std(secret), "="), strings.TrimRight(url(secret), "="), std(short), url(short), std(secret[:32]),
		" \t" + url(secret) + "\r\n", std(secret) + "=", strings.TrimSuffix(std(secret), "="), std(secret) + "==", std(short) + "====", url(secret[:32]) + "=", "=" + url(short),
		"+" + url(secret)[1:31] + "_" + url(secret)[32:], std(secret)[:20] + "\n" + std(secret)[20:], strings.TrimRight(std(secret), "=") + "A", std(secret) + "A",
		strings.TrimRight(std(secret)[:45], "=") + "9", std(secret)[:45] + "/==", // bits that should be zero
	} {
		var c importCommand
		c.Encoding = "base64"
		got, err := c.ofSecret([]byte(text))
		t.Setenv("KEYTURN_TEST_SECRET", text)
		env, envErr := keyring.FromEnv("KEYTURN_TEST_SECRET")
		if (err == nil) != (envErr == nil) {
			t.Errorf("%q: %v, and from the environment %v", text, err, envErr)
		}
		if err == nil && envErr == nil {
			if k, _ := env.Ring().Primary(time.Now()); k.ID() != got[0].ID() {
				t.Errorf("%q is %v, and from the environment %v", text, got[0], k)
			}
		}
	}
}

// A bare secret is what FromEnv reads, and import takes.
func TestExportOfOneSecret(t *testing.T) {
	for _, a := range signer.All() {
		path, keys := rotated(t, a)
		export := func(args ...string) string {
			out, err := newCommand(t, append([]string{"keyring", "export", path, "--secret"}, args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		for _, id := range []keyring.KeyID{keys["active"], keys["standby"]} {
			secret := export(id.String())
			other := filepath.Join(t.TempDir(), "other.json")
			want(t, 0, "", "keyring", "import", other, "--secret", sourceFile(t, secret), "--algorithm", a.Name)
			if s := readRing(t, other).State(id, time.Now()); s != keyring.Active {
				t.Errorf("%s: the key is %v", a.Name, s)
			}
			if a.Name != signer.HMACSHA256().Name {
				continue
			}
			t.Setenv("KEYTURN_TEST_SECRET", strings.TrimSpace(secret))
			k, err := keyring.FromEnv("KEYTURN_TEST_SECRET")
			if err != nil {
				t.Fatal(err)
			}
			if p, err := k.Ring().Primary(time.Now()); err != nil || p.ID() != id {
				t.Errorf("%v, %v", p, err)
			}
		}
		if export() != export(keys["active"].String()) {
			t.Errorf("%s: by default, it is not that of the key that signs", a.Name)
		}
		want(t, 64, "", "keyring", "export", path, "--secret", keys["active"].String(), keys["standby"].String())
		want(t, 64, "", "keyring", "export", path, "--secret", "--jwks")
		want(t, 64, "", "keyring", "export", path)
	}
}
