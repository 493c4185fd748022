package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// sealed returns the file with its checksum made right, computed by other means
// than those of the package: it is only for names and strings that both spell
// alike, ASCII without < > &.
func sealed(t testing.TB, file string) []byte {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(file))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in %s", err, file)
	}
	delete(m, "checksum")
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	file = strings.TrimRight(file, " \n")
	i := strings.LastIndexByte(file, '}')
	if j := strings.LastIndex(file, `"checksum"`); j >= 0 {
		i = j
	} else if len(m) > 0 {
		return []byte(file[:i] + `, "checksum": "sha256:` + hex.EncodeToString(sum[:]) + `"}`)
	}
	return []byte(file[:i] + `"checksum": "sha256:` + hex.EncodeToString(sum[:]) + `"}`)
}

// small is a short ring file without a checksum; %s are further members of the
// ring, its policy, its key and its codec.
const small = `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, %s "policy": {"skew": "5m" %s}, "keys": [
	{"id": "21c828b4", "algorithm": "hmac-sha256", "sign_from": "2026-01-01T00:00:00Z", "secret": "VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg" %s}
], "codecs": [{"codec": "json", "from": "2026-01-01T00:00:00Z" %s}]}`

func smallFile(ring, policy, key, codec string) string {
	return fmt.Sprintf(small, ring, policy, key, codec)
}

func TestFileRoundTrip(t *testing.T) {
	d := shop(t)
	file := shopFile(t)
	r, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	want := newTestRing(t, d)
	if r.Checksum() != want.Checksum() || r.Name() != want.Name() || r.Generation() != want.Generation() ||
		r.Policy() != want.Policy() || !reflect.DeepEqual(r.Codecs(), want.Codecs()) || r.NotBefore() != want.NotBefore() {
		t.Errorf("read %v %s, want %v %s", r, r.Checksum(), want, want.Checksum())
	}
	got := r.Document()
	if got.Published != want.document.Published || len(got.Keys) != len(want.document.Keys) {
		t.Fatalf("document %v, want %v", got, want)
	}
	for i, k := range got.Keys {
		w := want.document.Keys[i]
		if k.id != w.id || k.name != w.name || k.seals != w.seals || k.Added != w.Added || k.SignFrom != w.SignFrom ||
			k.VerifyUntil != w.VerifyUntil || k.Disabled != w.Disabled || k.Revoked != w.Revoked || k.Pruned != w.Pruned ||
			k.Reason != w.Reason || (k.secret == nil) != (w.secret == nil) || k.secret != nil && !bytes.Equal(k.secret(), w.secret()) {
			t.Errorf("key %d is %+v, want %+v", i, k, w)
		}
		if !k.isTombstone() && !k.isSupported() {
			t.Errorf("%v is not supported", k)
		}
	}
	again, err := got.EncodeWithSecrets()
	if err != nil || !bytes.Equal(again, file) {
		t.Errorf("%v, written again as\n%s\nwant\n%s", err, again, file)
	}
	if !bytes.HasSuffix(file, []byte("\n}\n")) {
		t.Errorf("the file ends with %q, want one line feed", file[len(file)-3:])
	}
	// The checksum is the ring's checksum.
	if !bytes.Contains(file, []byte(`"checksum": "`+r.Checksum()+`"`)) {
		t.Errorf("checksum %s of\n%s", r.Checksum(), file)
	}
}

func TestFileSaysNoMoreThanTheDocument(t *testing.T) {
	file, err := Document{Name: "small", Generation: 1, Keys: []Key{hmacKeyAt(t, 1, base)}}.EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"policy", "codecs", "override", "published"} {
		if bytes.Contains(file, []byte(name)) {
			t.Errorf("there is a %s in\n%s", name, file)
		}
	}
}

func TestDurationsAreReadAsTheyWereWritten(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Minute: "10m", time.Hour: "1h", 70 * time.Minute: "1h10m", 90 * time.Second: "1m30s", 20 * time.Second: "20s",
		36 * time.Hour: "36h", 10*time.Hour + time.Second: "10h0m1s", 100 * time.Hour: "100h", 10 * time.Millisecond: "10ms",
	} {
		doc := Document{Name: "small", Generation: 1, Keys: []Key{hmacKeyAt(t, 1, base)}, Policy: Policy{Propagation: d}}
		file, err := doc.EncodeWithSecrets()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := Parse(file); err != nil || r.Document().Policy.Propagation != d || !bytes.Contains(file, []byte(`"propagation": "`+want+`"`)) {
			t.Errorf("%v: %v in\n%s", d, err, file)
		}
	}
}

func TestFileChecksumIsAsDocumented(t *testing.T) {
	for _, file := range []string{
		smallFile("", "", "", ""),
		smallFile(`"published": "2026-01-01T00:00:00.000000001Z", "zz": {"b": [1, {"d": null, "c": 1e2}], "a": true},`, `, "x": 1.50`, `, "b": 12345678901234567890, "B2": "\u0041\/"`, `, "a": []`),
	} {
		good := sealed(t, file)
		r, err := Parse(good)
		if err != nil {
			t.Fatalf("%v in\n%s", err, good)
		}
		// Spaces and the order of members do not count; the spelling of numbers does.
		var compact bytes.Buffer
		if err := json.Compact(&compact, good); err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(compact.Bytes()); err != nil || again.Checksum() != r.Checksum() {
			t.Errorf("compact: %v", err)
		}
		moved := bytes.Replace(good, []byte(`"generation": 3,`), nil, 1)
		moved = bytes.Replace(moved, []byte(`{"format"`), []byte(`{"generation": 3, "format"`), 1)
		if _, err := Parse(moved); err != nil {
			t.Errorf("moved: %v", err)
		}
		for _, edit := range [][2]string{{"1e2", "1E2"}, {"1.50", "1.5"}, {"12345678901234567890", "12345678901234567891"}, {`true`, `false`}, {`"small"`, `"smell"`}} {
			if bad := bytes.Replace(good, []byte(edit[0]), []byte(edit[1]), 1); !bytes.Equal(bad, good) {
				if _, err := Parse(bad); err == nil || !strings.Contains(err.Error(), "checksum: does not match") {
					t.Errorf("%s for %s: %v", edit[1], edit[0], err)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	x := newKey(t, 2, signer.XChaCha20Poly1305())
	for _, tt := range []struct {
		name string
		file string // sealed unless it has a checksum
		says string
	}{
		{"nothing", "", "empty"},
		{"space", " \n", "empty"},
		{"zeros", "\x00\x00\x00", "empty"},
		{"null", "null", "not a JSON object"},
		{"a list", "[]", "not a JSON object"},
		{"text", `"secret"`, "not a JSON object"},
		{"a word", "VsEwBq6LwjQ09", "not JSON"},
		{"no members", "{}", "format: not"},
		{"no format", `{"ring": "small"}`, "format: not"},
		{"another format", strings.Replace(smallFile("", "", "", ""), "ring/1", "ring/2", 1), "format: not"},
		{"a number for a format", strings.Replace(smallFile("", "", "", ""), `"keyturn-ring/1"`, "1", 1), "format: not"},
		{"a byte order mark", "\ufeff" + smallFile("", "", "", ""), "byte order mark"},
		{"a byte order mark of UTF-16", "\xff\xfe{\x00}\x00", "not JSON"},
		{"a second document", smallFile("", "", "", "") + "\n{}", "line 4: something follows"},
		{"the document twice", smallFile("", "", "", "") + smallFile("", "", "", ""), "something follows"},
		{"trailing zeros", smallFile("", "", "", "") + "\x00\x00", "something follows"},
		{"trailing text", smallFile("", "", "", "") + "x", "something follows"},
		{"a comment", "# ring\n" + smallFile("", "", "", ""), "line 1: not JSON"},
		{"bad UTF-8", smallFile(`"x": "`+"\xff"+`",`, "", "", ""), "not JSON"},
		{"half a surrogate", smallFile(`"x": "\ud800",`, "", "", ""), "not JSON"},
		{"a trailing comma", smallFile("", ",", "", ""), "not JSON"},
		{"too deep", strings.Repeat("[", 20000), "not JSON"},

		{"no checksum", smallFile("", "", "", "") + " ", "checksum: does not match"},
		{"an empty checksum", `{"format": "keyturn-ring/1", "checksum": ""}`, "checksum: empty"},
		{"a null checksum", `{"format": "keyturn-ring/1", "checksum": null}`, "checksum: of the wrong JSON type"},

		{"duplicate in the ring", smallFile(`"generation": 3,`, "", "", ""), "line 1: a member is in its object twice"},
		{"duplicate in the ring, of another value", smallFile(`"generation": 4,`, "", "", ""), "twice"},
		{"duplicate in the policy", smallFile("", `, "skew": "5m"`, "", ""), "line 1: a member is in its object twice"},
		{"duplicate in a key", smallFile("", "", `, "id": "21c828b4"`, ""), "line 2: a member is in its object twice"},
		{"duplicate in a key, spelled otherwise", smallFile("", "", `, "\u0069d": "21c828b4"`, ""), "twice"},
		{"duplicate in a codec", smallFile("", "", "", `, "codec": "cbor"`), "line 3: a member is in its object twice"},
		{"duplicate in something unknown", smallFile(`"x": {"y": [{"z": 1, "z": 1}]},`, "", "", ""), "twice"},
		{"duplicate checksum", strings.Replace(string(sealed(t, smallFile("", "", "", ""))), `"checksum"`, `"checksum": "", "checksum"`, 1), "twice"},

		{"case in the ring", smallFile(`"Generation": 4,`, "", "", ""), "keyring: generation: spelled in another case"},
		{"case in the ring, of a member that is missing", smallFile(`"Published": "2026-01-01T00:00:00Z",`, "", "", ""), "keyring: published: spelled in another case"},
		{"case in the policy", smallFile("", `, "SKEW": "5m"`, "", ""), "keyring: policy.skew: spelled in another case"},
		{"case in a key", smallFile("", "", `, "secreT": "5m"`, ""), "keyring: keys[0].secret: spelled in another case"},
		{"case in a key, beyond ASCII", smallFile("", "", `, "\u017fecret": "5m"`, ""), "keyring: keys[0].secret: spelled in another case"},
		{"case in a key, that would disable it", smallFile("", "", `, "Disabled": true`, ""), "keyring: keys[0].disabled: spelled in another case"},
		{"case in a codec", smallFile("", "", "", `, "From": "2026-01-01T00:00:00Z"`), "keyring: codecs[0].from: spelled in another case"},
		{"case beyond ASCII", smallFile("\"\u212aeys\": [],", "", "", ""), "keyring: keys: spelled in another case"},
		{"case among unknown members", smallFile(`"new": 1, "NEW": 1,`, "", "", ""), "keyring: two members that differ in case only"},
		{"case among unknown members of a key", smallFile("", "", `, "new": 1, "New": 1`, ""), "keyring: keys[0]: two members that differ in case only"},
		{"case of the checksum", strings.Replace(string(sealed(t, smallFile("", "", "", ""))), `"checksum"`, `"Checksum"`, 1), "checksum: spelled in another case"},

		{"critical and unknown", smallFile(`"critical": ["quorum"], "quorum": 3,`, "", "", ""), "critical[0]: names a member that this version does not know"},
		{"critical and not there", smallFile(`"critical": ["secret", "quorum"],`, "", "", ""), "critical[1]: names"},
		{"critical is no list", smallFile(`"critical": "quorum",`, "", "", ""), "critical: of the wrong JSON type"},
		{"critical has a number", smallFile(`"critical": [1],`, "", "", ""), "critical[0]: of the wrong JSON type"},

		{"no name", strings.Replace(smallFile("", "", "", ""), `"ring": "small",`, "", 1), "ring: missing"},
		{"an empty name", strings.Replace(smallFile("", "", "", ""), `"small"`, `""`, 1), "ring: empty"},
		{"a bad name", strings.Replace(smallFile("", "", "", ""), `"small"`, `"a b"`, 1), "ring: not 1 to 64"},
		{"a null name", strings.Replace(smallFile("", "", "", ""), `"small"`, `null`, 1), "ring: of the wrong JSON type"},
		{"no generation", strings.Replace(smallFile("", "", "", ""), `"generation": 3,`, "", 1), "generation: missing"},
		{"generation 0", strings.Replace(smallFile("", "", "", ""), `3,`, "0,", 1), "generation: 0, and the first generation is 1"},
		{"generation -1", strings.Replace(smallFile("", "", "", ""), `3,`, "-1,", 1), "generation: not a whole number"},
		{"generation 3.0", strings.Replace(smallFile("", "", "", ""), `3,`, "3.0,", 1), "generation: not a whole number"},
		{"generation 3e0", strings.Replace(smallFile("", "", "", ""), `3,`, "3e0,", 1), "generation: not a whole number"},
		{"generation 2^64", strings.Replace(smallFile("", "", "", ""), `3,`, "18446744073709551616,", 1), "generation: not a whole number"},
		{"generation as text", strings.Replace(smallFile("", "", "", ""), `3,`, `"3",`, 1), "generation: of the wrong JSON type"},
		{"no keys", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3}`, "keys: missing"},
		{"an empty list of keys", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, "keys": []}`, "keys: no key can ever sign"},
		{"keys as an object", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, "keys": {}}`, "keys: of the wrong JSON type"},
		{"a key as text", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, "keys": ["x"]}`, "keys[0]: not a JSON object"},
		{"a codec as text", strings.Replace(smallFile("", "", "", ""), `"codecs": [`, `"codecs": ["json", `, 1), "codecs[0]: not a JSON object"},
		{"policy as a list", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, "policy": []}`, "policy: of the wrong JSON type"},
		{"a time without zone", smallFile(`"published": "2026-01-01T00:00:00",`, "", "", ""), "published: not a time"},
		{"a date", smallFile(`"published": "2026-01-01",`, "", "", ""), "published: not a time"},
		{"a time with a comma", smallFile(`"published": "2026-01-01T00:00:00,5Z",`, "", "", ""), "published: not a time"},
		{"a time with a short hour", smallFile(`"published": "2026-01-01T0:00:00Z",`, "", "", ""), "published: not a time"},
		{"the zero time", smallFile(`"not_before": "0001-01-01T00:00:00Z",`, "", "", ""), "not_before: not a time"},
		{"an early time", smallFile(`"not_before": "1969-12-31T23:59:59Z",`, "", "", ""), "not_before: not between"},
		{"a number for a time", smallFile(`"published": 1767225600,`, "", "", ""), "published: of the wrong JSON type"},
		{"an empty time", smallFile(`"published": "",`, "", "", ""), "published: empty"},
		{"a null time", smallFile("", "", `, "verify_until": null`, ""), "keys[0].verify_until: of the wrong JSON type"},
		{"days", smallFile("", `, "propagation": "1d"`, "", ""), "policy.propagation: not a positive duration"},
		{"a number for a duration", smallFile("", `, "propagation": 3600`, "", ""), "policy.propagation: of the wrong JSON type"},
		{"no duration", smallFile("", `, "max_session": "0s"`, "", ""), "policy.max_session: not a positive duration"},
		{"a negative duration", smallFile("", `, "max_session": "-1h"`, "", ""), "policy.max_session: not a positive duration"},
		{"text for a flag", smallFile("", "", `, "disabled": "true"`, ""), "keys[0].disabled: of the wrong JSON type"},
		{"a codec without a name", strings.Replace(smallFile("", "", "", ""), `"codec": "json",`, "", 1), "codecs[0].codec: missing"},
		{"a codec without a time", strings.Replace(smallFile("", "", "", ""), `"codec": "json", "from": "2026-01-01T00:00:00Z"`, `"codec": "json"`, 1), "codecs[0].from: missing"},

		{"no id", strings.Replace(smallFile("", "", "", ""), `"id": "21c828b4",`, "", 1), "keys[0].id: missing"},
		{"an id in capitals", strings.Replace(smallFile("", "", "", ""), "21c828b4", "21C828B4", 1), "keys[0].id: not 8"},
		{"another id", strings.Replace(smallFile("", "", "", ""), "21c828b4", "21c828b5", 1), "keys[0].secret: belongs to the key ID 21c828b4, not to 21c828b5"},
		{"no algorithm", strings.Replace(smallFile("", "", "", ""), `"algorithm": "hmac-sha256",`, "", 1), "keys[0].algorithm: missing"},
		{"another algorithm", strings.Replace(smallFile("", "", "", ""), "hmac-sha256", "blake2b-256", 1), "keys[0].secret: belongs to the key ID a04597f2, not to 21c828b4"},
		{"a bad algorithm", strings.Replace(smallFile("", "", "", ""), "hmac-sha256", "HMAC", 1), "keys[0].algorithm: not 1 to 32"},
		{"a MAC that seals", smallFile("", "", `, "seals": true`, ""), "keys[0].seals: must be true if"},
		{"a sealer that does not", smallFile("", "", "}, {"+strings.TrimPrefix(strings.TrimSuffix(string(keyJSON(x)), "}"), "{")+"", ""), "keys[1].seals: must be true if"},
		{"no secret", strings.Replace(smallFile("", "", "", ""), `"secret": "VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg"`, `"reason": "x"`, 1), "keys[0].secret: missing"},
		{"an empty secret", strings.Replace(smallFile("", "", "", ""), `VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg`, ``, 1), "keys[0].secret: empty"},
		{"a short secret", strings.Replace(smallFile("", "", "", ""), `VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg`, `VsEwBq6L`, 1), "keys[0].secret: the secret has 6 bytes"},
		{"a secret of zeros", strings.Replace(smallFile("", "", "", ""), `VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg`, strings.Repeat("A", 43), 1), "keys[0].secret: the secret repeats"},
		{"another secret", strings.Replace(smallFile("", "", "", ""), "VsEw", "VsFw", 1), "keys[0].secret: belongs to the key ID"},
		{"a padded secret", strings.Replace(smallFile("", "", "", ""), "wUAg", "wUAg=", 1), "keys[0].secret: not unpadded base64url"},
		{"the other alphabet", strings.Replace(smallFile("", "", "", ""), "Kzg1v", "Kzg+v", 1), "keys[0].secret: not unpadded base64url"},
		{"bits after the secret", strings.Replace(smallFile("", "", "", ""), "wUAg", "wUAh", 1), "keys[0].secret: not unpadded base64url"},
		{"a line feed in the secret", strings.Replace(smallFile("", "", "", ""), "wUAg", `wU\nAg`, 1), "keys[0].secret: not unpadded base64url"},
		{"a carriage return in the secret", strings.Replace(smallFile("", "", "", ""), "wUAg", `wU\rAg`, 1), "keys[0].secret: not unpadded base64url"},
		{"a tombstone with a secret", smallFile("", "", `, "revoked": "2026-02-01T00:00:00Z"`, ""), "keys[0].secret: kept although"},
		{"a tombstone with a bad date", smallFile("", "", `}, {"id": "00000000", "pruned": "yesterday"`, ""), "keys[1].pruned: not a time"},
		{"the key twice", smallFile("", "", `}, {"id": "21c828b4", "pruned": "2026-02-01T00:00:00Z"`, ""), "keys[1].id: the same key ID as keys[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := []byte(tt.file)
			if json.Valid(file) && !strings.Contains(tt.file, "hecksum") && strings.HasPrefix(tt.file, "{") && !strings.HasSuffix(tt.file, " ") {
				file = sealed(t, tt.file)
			}
			r, err := Parse(file)
			if err == nil || r != nil || !strings.Contains(nameless(err), tt.says) {
				t.Fatalf("got %v, %v, want an error that says %q\n%s", r, err, tt.says, file)
			}
			if strings.Contains(tt.says, "].secret:") && len(problemsOf(err)) != 1 {
				t.Errorf("more than one problem of one secret:\n%v", err)
			}
			quiet(t, err, testSecret(1), testSecret(2))
			if strings.Contains(err.Error(), "VsEw") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
	if _, err := Parse(sealed(t, smallFile("", "", "", ""))); err != nil {
		t.Errorf("without the edits: %v", err)
	}
}

// What is wrong in one place is told once, in words from which one can mend it.
func TestParseSaysHowToMend(t *testing.T) {
	good := smallFile("", "", "", "")
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct {
		name, file string
		says       []string
	}{
		{"an algorithm that is misspelled", replace("hmac-sha256", "hmac-sha265"), []string{
			"keys[0].algorithm (21c828b4): not known to this version; by its ID and secret, the key is for hmac-sha256"}},
		{"an unknown algorithm, and another ID", strings.Replace(replace("hmac-sha256", "hmac-sha265"), "21c828b4", "21c828b5", 1), []string{
			"keys[0].secret (21c828b5): belongs to the key ID aa639162, not to 21c828b5; this is another key's secret, or another algorithm's: " +
				"the key's is not known to this version, and is misspelled, or a later version's; known are blake2b-256, hmac-sha256, xchacha20-poly1305"}},
		{"generation as text", replace(`3,`, `"3",`), []string{"generation: of the wrong JSON type: it must be a number, without quotes"}},
		{"generation with a point", replace(`3,`, `3.0,`), []string{"generation: not a whole number"}},
		{"generation 0", replace(`3,`, `0,`), []string{"generation: 0, and the first generation is 1"}},
		{"an empty name", replace(`"small"`, `""`), []string{"ring: empty; say something, or remove it"}},
		{"an id in capitals", replace("21c828b4", "21C828B4"), []string{"keys[0].id: not 8 lower-case hexadecimal digits"}},
		{"no id", replace(`"id": "21c828b4",`, ""), []string{"keys[0].id: missing; it is 8 lower-case hexadecimal digits"}},
		{"key for keys", replace(`"keys"`, `"key"`), []string{"keys: missing; a ring has at least one key", "key: not known to this version, and is ignored; did you mean keys?"}},
		{"a codec's name under another", replace(`"codec":`, `"name":`), []string{
			"codecs[0].codec: missing; say which codec begins to be written then", "codecs[0].name: not known to this version, and is ignored"}},
		{"a codec of another kind", replace(`"codec": "json"`, `"codec": 1`), []string{"codecs[0].codec: of the wrong JSON type: it must be a string, in quotes"}},
		{"two letters swapped", smallFile("", "", `, "sing_from": "2026-01-01T00:00:00Z", "verify_until": ""`, ""), []string{
			"keys[0].verify_until (21c828b4): empty; say something, or remove it", "keys[0].sing_from (21c828b4): not known to this version, and is ignored; did you mean sign_from?"}},
		{"a secret for a member's name", smallFile("", "", `, "VsEwBq6LwjQ090JdnBZLoFISrIOKzg1vuWIXiQMwUAg": 1, "reason": ""`, ""), []string{
			"keys[0].reason (21c828b4): empty; say something, or remove it", "keys[0] (21c828b4): a member is not known to this version, and is ignored"}},
		{"keys as an object", `{"format": "keyturn-ring/1", "ring": "small", "generation": 3, "keys": {}}`, []string{"keys: of the wrong JSON type: it must be a list"}},
		{"policy as a list", replace(`{"skew": "5m" }`, "[]"), []string{"policy: of the wrong JSON type: it must be an object"}},
		{"a flag as text", smallFile("", "", `, "disabled": "true"`, ""), []string{"keys[0].disabled (21c828b4): of the wrong JSON type: it must be true or false, without quotes"}},
		{"a key that is none before another", replace(`"keys": [`, `"keys": [7, `), []string{"keys[0]: not a JSON object"}},
		{"a key that is none before one with a problem", strings.Replace(replace(`"keys": [`, `"keys": [7, `), "2026-01-01T00:00:00Z", "1960-01-01T00:00:00Z", 1), []string{
			"keys[0]: not a JSON object", "keys[1].sign_from (21c828b4): not between the years 1970 and 9999"}},
		{"a codec that is none", replace(`"codecs": [`, `"codecs": ["json", `), []string{"codecs[0]: not a JSON object"}},
		{"a tombstone with a bad date", smallFile("", "", `}, {"id": "00000000", "pruned": "yesterday"`, ""), []string{
			`keys[1].pruned (00000000): not a time of RFC 3339, like "2026-10-01T00:00:00Z"`}},
		{"an algorithm that cannot be one", strings.Replace(replace("hmac-sha256", "HMAC"), "21c828b4", "21c828b5", 1), []string{
			"keys[0].algorithm (21c828b5): not 1 to 32 lower-case letters, digits and hyphens"}},
		{"two keys without secrets", smallFile("", "", `}, {"id": "00000001", "algorithm": "hmac-sha256"}, {"id": "00000002", "algorithm": "hmac-sha256"`, ""), []string{
			"keys[1].secret (00000001): missing", "keys[2].secret (00000002): missing"}},
		{"two codecs without times", replace(`, "from": "2026-01-01T00:00:00Z" }`, `}, {"codec": "cbor"}`), []string{
			"codecs[0].from: missing; say when the codec begins to be written", "codecs[1].from: missing; say when the codec begins to be written"}},
		{"members of each level are known", smallFile(`"critical": ["published", "skew", "sign_from", "codec", "allow"],`, "", "", ""), nil},
		{"the greatest generation", replace(`3,`, `18446744073709551615,`), nil},
		{"an unknown member alone", smallFile(`"keyz": 1,`, "", "", ""), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(sealed(t, tt.file))
			var got []string
			if err != nil {
				got = strings.Split(strings.ReplaceAll(err.Error(), "keyring: ", ""), "\n")
			}
			if !slices.Equal(got, tt.says) {
				t.Errorf("%q, want %q", got, tt.says)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	for name, want := range map[string]string{
		"sign_form": "sign_from", "signfrom": "sign_from", "signFrom": "sign_from", "sign-from": "sign_from", "SignFrom": "sign_from",
		"sign_fro": "sign_from", "ssign_from": "sign_from", "zign_from": "sign_from", "isgn_from": "sign_from", "sign_frm": "sign_from",
		"verify_untill": "verify_until", "secrets": "secret", "sign_fr": "", "form_sign": "", "verify": "", "until": "", "": "", "x": "", "sgin_form": "",
	} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := didYouMean(name, keyMembers); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// keyJSON is the key as a file has it, but for seals.
func keyJSON(k Key) []byte {
	m := members{{"id", text(k.id.String())}, {"algorithm", text(k.name)}, {"secret", text(secretText.EncodeToString(k.secret()))}}
	return m.object()
}

func TestParseListsAllProblems(t *testing.T) {
	file := smallFile(`"published": "today", "Not_before": "x", "critical": ["quorum"],`, `, "skew2": 1, "max_session": "-1h"`, `, "disabled": 1, "verify_until": "2025-01-01T00:00:00Z"`, `, "codeC": "x"`)
	file = strings.Replace(file, "21c828b4", "21c828b5", 1)
	_, err := Parse([]byte(file))
	want := []string{"not_before: spelled", "checksum:", "published:", "critical[0]:", "policy.max_session:", "keys[0].disabled:",
		"keys[0].secret:", "codecs[0].codec: spelled", "keys[0].verify_until:", "policy.skew2: not known"}
	got := problemsOf(err)
	for i := range min(len(got), len(want)) {
		if !strings.HasPrefix(got[i], "keyring: "+want[i]) {
			t.Errorf("problem %d is %q, want %s", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
}

func TestI9NoPrefixOfAFileLoads(t *testing.T) {
	for _, file := range [][]byte{shopFile(t), sealed(t, smallFile("", "", "", ""))} {
		file = bytes.TrimSuffix(file, []byte("\n")) // the one byte that may be cut off
		for i := range file {
			if _, err := Parse(file[:i]); err == nil {
				t.Errorf("the first %d of %d bytes are a ring", i, len(file))
			}
			if _, err := (Loader{}).ParseEdited(file[:i]); err == nil {
				t.Errorf("the first %d of %d bytes are a ring, but for the checksum", i, len(file))
			}
		}
		t.Logf("%d prefixes refused", len(file))
	}
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	// Both a file with everything and one with members that are unknown.
	file := shopFile(t)
	unknown, err := Parse(sealed(t, smallFile(`"x": {"n": 1.5e7, "y": [true, null]},`, "", `, "z": "t"`, "")))
	if err != nil {
		t.Fatal(err)
	}
	second, err := unknown.encode()
	if err != nil {
		t.Fatal(err)
	}
	accepted, tried := 0, 0
	files := [][]byte{second, file}
	if raceEnabled {
		files = files[:1] // there is nothing to race here, and it takes long
	}
	for _, file := range files {
		for i := range file {
			for bit := range 8 {
				bad := bytes.Clone(file)
				bad[i] ^= 1 << bit
				tried++
				if _, err := Parse(bad); err == nil {
					accepted++
					t.Errorf("bit %d of byte %d flipped is accepted: ...%s...", bit, i, bad[max(0, i-10):min(len(bad), i+10)])
				}
			}
		}
	}
	t.Logf("%d single-bit flips tried, %d accepted", tried, accepted)
}

func TestUnknownMembersAreKept(t *testing.T) {
	file := smallFile(`"critical": ["secret"], "z_ring": {"b": 1.0, "a": [1e3, "\u00e9<&>"]},`, `, "z_policy": "p"`, `, "z_key": {"wrapped": "k"}`, `, "z_codec": null`)
	// Non-ASCII and HTML characters are spelled otherwise by encoding/json.
	edited, err := Loader{}.ParseEdited([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	b, err := edited.encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	d := r.Document()
	d.Generation++
	d.Policy.Skew = 1e9
	d.Keys[0].SignFrom = on(0)
	d.Keys = append(d.Keys, newKey(t, 2, signer.BLAKE2b256()))
	d.Codecs[0].From = on(0)
	b, err = d.EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ZRing    json.RawMessage `json:"z_ring"`
		Critical []string
		Policy   struct {
			Skew    string
			ZPolicy string `json:"z_policy"`
		}
		Keys []struct {
			ID       string
			SignFrom string          `json:"sign_from"`
			ZKey     json.RawMessage `json:"z_key"`
		}
		Codecs []map[string]any
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	json.Compact(&z, got.ZRing)
	if z.String() != `{"b":1.0,"a":[1e3,"\u00e9<&>"]}` || len(got.Critical) != 1 || got.Critical[0] != "secret" ||
		got.Policy.Skew != "1s" || got.Policy.ZPolicy != "p" {
		t.Errorf("written as\n%s", b)
	}
	kept := false
	for _, k := range got.Keys {
		var z bytes.Buffer
		json.Compact(&z, append(k.ZKey, []byte(" ")...))
		if k.ID == "21c828b4" {
			kept = z.String() == `{"wrapped":"k"}` && k.SignFrom == on(0).Format("2006-01-02T15:04:05Z")
		} else if len(k.ZKey) != 0 {
			t.Error("another key has the unknown member")
		}
	}
	if !kept {
		t.Errorf("written as\n%s", b)
	}
	if v, ok := got.Codecs[0]["z_codec"]; !ok || v != nil {
		t.Errorf("written as\n%s", b)
	}
	if again, err := Parse(b); err != nil || again.Checksum() != newTestRing(t, d).Checksum() {
		t.Errorf("read again: %v", err)
	}
	// A tombstone keeps them too: they may say something to a later version.
	d.Keys = append(d.Keys, hmacKeyAt(t, 3, on(0)))
	d.Keys[slicesIndexID(d.Keys, "21c828b4")].Revoked = on(0)
	if b, err = d.EncodeWithSecrets(); err != nil || !bytes.Contains(b, []byte("z_key")) {
		t.Errorf("%v, written as\n%s", err, b)
	}
}

// No edit loses members that are not known, at any level.
func TestEditsKeepUnknownMembers(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	other, retired := GenerateKey(signer.HMACSHA256()), GenerateKey(signer.HMACSHA256())
	other.Added = base.Add(-20 * day)
	retired.Added, retired.SignFrom, retired.VerifyUntil = base.Add(-90*day), base.Add(-80*day), base.Add(-10*day)
	d.Keys = append(d.Keys, other, retired)
	d.Codecs = []CodecFrom{{Codec: "json", From: base.Add(-10 * day)}, {Codec: "cbor", From: base.Add(-5 * day)}}
	d.Policy.Skew = time.Minute
	d.Override = Override{Generation: 1, Reason: "leak"}
	file := strings.NewReplacer(`"ring": "shop"`, `"ring": "shop", "critical": ["ring"], "z_ring": 1.50`, `"policy": {`, `"policy": {"z_policy": 1e400,`,
		`"override": {`, `"override": {"z_override": null,`, `"algorithm": "`, `"z_key": "\u00fc", "algorithm": "`, `"codec": "`, `"z_codec": {}, "codec": "`,
	).Replace(string(encoded(t, newTestRing(t, d))))
	r, err := Loader{}.ParseEdited([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	id := inState(t, r, Active, base).ID()
	for name, edit := range map[string]func(*Document) error{
		"Rotate":        func(d *Document) error { return d.Rotate(base, signer.BLAKE2b256(), 0) },
		"Schedule":      func(d *Document) error { return d.Schedule(base, other.ID(), 0) },
		"Promote":       func(d *Document) error { return d.Promote(base) },
		"AddStandby":    func(d *Document) error { return d.AddStandby(base, signer.BLAKE2b256()) },
		"Revoke":        func(d *Document) error { return d.Revoke(base, id, "leak") },
		"RevokeAll":     func(d *Document) error { return d.RevokeAll(base, "leak") },
		"Disable":       func(d *Document) error { return d.Disable(base, id, "leak") },
		"EndSessions":   func(d *Document) error { return d.EndSessions(base, base, "leak") },
		"Prune":         func(d *Document) error { _, err := d.Prune(base); return err },
		"ScheduleCodec": func(d *Document) error { return d.ScheduleCodec(base, "json", base) },
		"Restore": func(d *Document) error {
			if err := d.Rotate(base, signer.Algorithm{}, 0); err != nil {
				return err
			}
			d.Generation++
			return d.Restore(base, r)
		},
	} {
		b := encoded(t, edited(t, r, base, edit))
		for member, want := range map[string]int{`"critical"`: 1, `"z_ring": 1.50`: 1, `"z_policy": 1e400`: 1, `"z_override": null`: 1, `"z_key": "\u00fc"`: 4, `"z_codec": {}`: 2} {
			if n := bytes.Count(b, []byte(member)); n != want {
				t.Errorf("after %s, %d of %s, want %d", name, n, member, want)
			}
		}
	}
}

func slicesIndexID(keys []Key, id string) int {
	for i, k := range keys {
		if k.ID().String() == id {
			return i
		}
	}
	return -1
}

func TestUnsupportedAlgorithms(t *testing.T) {
	custom := signer.Algorithm{Name: "hmac-sha512", NewSigner: signer.HMACSHA256().NewSigner}
	k, err := NewKey(custom, testSecret(20))
	if err != nil {
		t.Fatal(err)
	}
	k.SignFrom = on(-day)
	d := Document{Name: "r", Generation: 1, Keys: []Key{k}}
	alone, err := d.EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	d.Keys = append(d.Keys, hmacKeyAt(t, 1, on(-2*day)))
	beside, err := d.EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}

	if _, err := Parse(alone); err == nil || !strings.Contains(err.Error(), "no key can ever sign") {
		t.Errorf("with no other key: %v", err)
	}
	r, err := Parse(beside)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.State(k.ID(), on(0)); s != Unsupported {
		t.Errorf("state %v", s)
	}
	if p, err := r.Primary(on(0)); err != nil || p.Algorithm() != "hmac-sha256" {
		t.Errorf("primary %v, %v", p, err)
	}
	// It is written again whole, and the binary that has the algorithm uses it.
	again, err := r.Document().EncodeWithSecrets()
	if err != nil || !bytes.Equal(again, beside) {
		t.Errorf("%v, written as\n%s", err, again)
	}
	r, err = Loader{Algorithms: []signer.Algorithm{custom}}.Parse(again)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.Primary(on(0)); err != nil || p.ID() != k.ID() {
		t.Errorf("primary %v, %v", p, err)
	}
	// Its ID is checked all the same.
	bad := bytes.Replace(beside, []byte(k.ID().String()), []byte("00000000"), 1)
	if _, err := (Loader{}).ParseEdited(bad); err == nil || !strings.Contains(err.Error(), "belongs to the key ID "+k.ID().String()) {
		t.Errorf("another ID: %v", err)
	}
	// If it seals, signing does not take its place.
	sealing := bytes.Replace(beside, []byte(`"algorithm": "hmac-sha512",`), []byte(`"algorithm": "hmac-sha512", "seals": true,`), 1)
	r, err = Loader{}.ParseEdited(sealing)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.Primary(on(0)); !errors.Is(err, ErrNoPrimary) {
		t.Errorf("primary %v, %v", p, err)
	}
	if p, err := r.Primary(on(-2 * day)); err != nil || p.Algorithm() != "hmac-sha256" {
		t.Errorf("before it sealed: primary %v, %v", p, err)
	}
}

func TestTombstoneInFile(t *testing.T) {
	file := sealed(t, smallFile("", "", `}, {"id": "aa11b2c3", "pruned": "2026-03-02T00:00:00Z"}, {"id": "aa11b2c4", "algorithm": "aes-gcm", "seals": true, "sign_from": "2025-12-01T00:00:00Z", "revoked": "2026-01-02T00:00:00Z", "reason": "laptop stolen"`, ""))
	r, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	s := bind(t, New(r), Use{Name: "s"}).Subkeys()
	if _, err := s.Lookup(KeyID{0xaa, 0x11, 0xb2, 0xc3}, base); err != ErrRetired {
		t.Errorf("the pruned key: %v", err)
	}
	if _, err := s.Lookup(KeyID{0xaa, 0x11, 0xb2, 0xc4}, base); err != ErrRevoked {
		t.Errorf("the revoked key: %v", err)
	}
	k := r.Document().Keys[r.index[KeyID{0xaa, 0x11, 0xb2, 0xc4}]]
	if k.Reason != "laptop stolen" || k.Algorithm() != "aes-gcm" || !k.Seals() {
		t.Errorf("%+v", k)
	}
}

func TestParseEditedIgnoresOnlyTheChecksum(t *testing.T) {
	file := shopFile(t)
	edited := bytes.Replace(file, []byte(`"generation": 42`), []byte(`"generation": 43`), 1)
	if _, err := Parse(edited); err == nil || len(problemsOf(err)) != 1 || !strings.Contains(err.Error(), "keyturn keyring check") {
		t.Errorf("Parse: %v", err)
	}
	r, err := Loader{}.ParseEdited(edited)
	if err != nil || r.Generation() != 43 {
		t.Fatalf("%v, %v", r, err)
	}
	b, err := r.Document().EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	if r2, err := Parse(b); err != nil || r2.Checksum() != r.Checksum() {
		t.Errorf("written with a checksum: %v", err)
	}
	if _, err := (Loader{}).ParseEdited(bytes.Replace(edited, []byte(`"skew"`), []byte(`"Skew"`), 1)); err == nil {
		t.Error("a wrong file is taken for an edited one")
	}
	// In a file, it is the same, of those that ReadFile reads at all.
	path := filepath.Join(t.TempDir(), "shop.json")
	if err := os.WriteFile(path, edited, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil {
		t.Error("ReadFile does not look at the checksum")
	}
	if r2, err := (Loader{}).ReadEdited(path); err != nil || r2.Checksum() != r.Checksum() {
		t.Errorf("ReadEdited: %v", err)
	}
	if _, err := (Loader{Name: "blog"}).ReadEdited(path); err == nil || !strings.Contains(err.Error(), `"blog" is expected`) {
		t.Errorf("ReadEdited of another ring: %v", err)
	}
	if _, err := (Loader{}).ReadEdited(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("ReadEdited of a folder: %v", err)
	}
}

func TestLoaderExpectations(t *testing.T) {
	file := shopFile(t)
	for _, tt := range []struct {
		l    Loader
		says []string
	}{
		{Loader{}, nil},
		{Loader{Name: "shop", MinGeneration: 42}, nil},
		{Loader{Name: "Shop"}, []string{`ring: "shop", and "Shop" is expected`}},
		{Loader{MinGeneration: 43}, []string{"generation: 42, and at least 43 is expected"}},
		{Loader{Name: "x", MinGeneration: 43}, []string{"ring:", "generation:"}},
	} {
		_, err := tt.l.Parse(file)
		got := problemsOf(err)
		ok := len(got) == len(tt.says)
		for i := range min(len(got), len(tt.says)) {
			ok = ok && strings.Contains(got[i], tt.says[i])
		}
		if !ok {
			t.Errorf("%+v: %v, want %q", tt.l.Name, err, tt.says)
		}
	}
}

// A Loader is not written to, not even where nobody can see it.
func TestALoaderIsLeftAlone(t *testing.T) {
	custom := signer.Algorithm{Name: "custom", NewSigner: signer.HMACSHA256().NewSigner}
	all := append(make([]signer.Algorithm, 0, 10), custom)
	if _, err := (Loader{Algorithms: all}).Parse(shopFile(t)); err != nil {
		t.Fatal(err)
	}
	for i, a := range all[1:cap(all)] {
		if a.Name != "" {
			t.Errorf("behind the list, there is %s at %d", a.Name, i)
		}
	}
}

func TestFromEnv(t *testing.T) {
	const name = "KEYRING_TEST_RING"
	secret := testSecret(9) // which has both letters in which the alphabets differ
	want := newKey(t, 9, signer.HMACSHA256()).ID()
	std, url := base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret)
	if !strings.ContainsRune(url, '-') || !strings.ContainsRune(url, '_') {
		t.Fatal(url)
	}
	for _, value := range []string{std, url, std + "=", url + "=", " " + std + "=\n"} {
		t.Setenv(name, value)
		k, err := FromEnv(name)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := k.Ring().Primary(base); err != nil || p.ID() != want || p.Algorithm() != "hmac-sha256" {
			t.Errorf("%v, %v", p, err)
		}
	}
	// Lengths and letters of which base64 has other forms.
	for n := range 100 {
		secret := append(testSecret(n), 1, 2)[:32+n%3]
		want, err := NewKey(signer.HMACSHA256(), secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			t.Setenv(name, e.EncodeToString(secret))
			if k, err := FromEnv(name); err != nil {
				t.Errorf("%s: %v", e.EncodeToString(secret), err)
			} else if p, err := k.Ring().Primary(base); err != nil || p.ID() != want.ID() {
				t.Errorf("%s: %v, %v", e.EncodeToString(secret), p, err)
			}
		}
	}
	t.Setenv(name, "\n"+string(shopFile(t))+"\n")
	k, err := FromEnv(name)
	if err != nil || k.Ring().Name() != "shop" {
		t.Errorf("%v, %v", k, err)
	}
	if _, err := (Loader{Name: "x"}).FromEnv(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("another ring's name: %v", err)
	}
	for _, value := range []string{"", " ", url[:42], url[:41], url[:20], url[:20] + "\n" + url[20:], url[:42] + "h", url + "==", url + "===", strings.Replace(std, "+", "-", 1),
		hex.EncodeToString(secret)[:61], "{", "{}", string(shopFile(t)[:200]), strings.Repeat("A", 44), url + " " + url} {
		t.Setenv(name, value)
		k, err := FromEnv(name)
		if err == nil || k != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q is taken, or the error does not say where it is: %v", value, err)
			continue
		}
		quiet(t, err, secret)
		if len(value) > 8 && strings.Contains(err.Error(), value[:8]) {
			t.Errorf("the error quotes the value: %v", err)
		}
	}
	os.Unsetenv(name)
	if _, err := FromEnv(name); err == nil || !strings.Contains(err.Error(), "not set") {
		t.Errorf("unset: %v", err)
	}
	t.Setenv(name, url)
	if k, err := (Loader{MinGeneration: 1}).FromEnv(name); err == nil || k != nil {
		t.Errorf("a generation is expected of a secret: %v, %v", k, err)
	}
	if k, err := (Loader{Name: "x"}).FromEnv(name); err == nil || k != nil {
		t.Errorf("a name is expected of a secret: %v, %v", k, err)
	}
}

func TestParseKeepsNothingOfItsInput(t *testing.T) {
	file := sealed(t, smallFile(`"x": "unknown",`, "", `, "y": [1]`, ""))
	r, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	before, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		file[i] = 'x'
	}
	if after, err := r.encode(); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the ring changed with the input: %v\n%s", err, after)
	}
}

func TestOversizedRing(t *testing.T) {
	if _, err := Parse(bytes.Repeat([]byte(" "), maxFile+1)); err == nil || !strings.Contains(err.Error(), "more than 256 KiB") {
		t.Errorf("oversized input: %v", err)
	}
	fits := append(sealed(t, smallFile("", "", "", "")), bytes.Repeat([]byte("\n"), maxFile)...)[:maxFile]
	if _, err := Parse(fits); err != nil {
		t.Errorf("the largest input: %v", err)
	}
	// What would not be read again is not written either.
	d := shop(t)
	d.unknown = keep(members{{"x", text(strings.Repeat("x", maxFile))}})
	if _, err := d.EncodeWithSecrets(); err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("EncodeWithSecrets: %v", err)
	}
	for _, edit := range []func(*Document){func(d *Document) { d.Name = "" }, func(d *Document) { d.Generation = 0 }} {
		d := shop(t)
		edit(&d)
		newTestRing(t, d)
		if _, err := d.EncodeWithSecrets(); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("without a name or generation: %v", err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	file := shopFile(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := Parse(file); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shopFile(f))
	f.Add(sealed(f, smallFile("", "", "", "")))
	f.Add(sealed(f, smallFile(`"critical": ["secret"], "z_ring": {"b": 1.0, "a": [1e3]},`, `, "z_policy": "p"`, `, "z_key": {"wrapped": "k"}`, `, "z_codec": null`)))
	f.Add(sealed(f, smallFile("", "", `}, {"id": "aa11b2c4", "algorithm": "aes-gcm", "seals": true, "revoked": "2026-01-02T00:00:00Z", "reason": "r"`, "")))
	f.Add([]byte(smallFile(`"Generation": 4, "published": "2026-01-01T00:00:00.5+01:00",`, `, "max_session": "1h1m1s1ms"`, `, "id": 1`, "")))
	f.Add([]byte(`{"format":"keyturn-ring/1","keys":[{}],"codecs":[{}],"policy":{},"critical":["x"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		strict, err := Parse(data)
		if err != nil {
			quiet(t, err)
		}
		r, err2 := Loader{}.ParseEdited(data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input is modified")
		}
		if err == nil && (err2 != nil || r.Checksum() != strict.Checksum()) {
			t.Fatalf("Parse takes what ParseEdited does not: %v", err2)
		}
		if err2 != nil {
			return
		}
		b, err := r.encode()
		if err != nil {
			if len(data) < maxFile/2 {
				t.Fatalf("what parses cannot be written: %v", err)
			}
			return
		}
		again, err := Parse(b)
		if err != nil {
			t.Fatalf("what was written does not parse: %v\n%s", err, b)
		}
		if again.Checksum() != r.Checksum() {
			t.Fatalf("what was written is another ring:\n%s", b)
		}
		if b2, err := again.encode(); err != nil || !bytes.Equal(b, b2) {
			t.Fatalf("written twice, differently: %v\n%s\n%s", err, b, b2)
		}
		for _, now := range []int{0, 1, 2} {
			p, err := r.Primary(base.AddDate(20*now-20, 0, 0))
			if err == nil && p.SignFrom.IsZero() {
				t.Fatal("a standby key signs")
			}
		}
	})
}

// A file of nothing but problems does not make an error that nobody wants in a log.
func TestProblemsAreAsManyAsSomebodyReads(t *testing.T) {
	file := `{"format":"` + format + `","ring":"shop","generation":1,"keys":[` + strings.TrimSuffix(strings.Repeat("{},", 60_000), ",") + `]}`
	_, err := Parse([]byte(file))
	if err == nil || len(err.Error()) > 20_000 || !strings.Contains(err.Error(), "more problems") || !strings.Contains(err.Error(), "keys[0].id: missing") {
		t.Errorf("%.2000s", err.Error())
	}
}
