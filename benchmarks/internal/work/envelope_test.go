package work

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

func TestPayloadsAreOfTheirSizes(t *testing.T) {
	for _, size := range append(Sizes, 8, 23, 24) {
		p := Payload(size)
		if j, err := json.Marshal(padding(size)); len(p) != size || err != nil || string(j) != string(p) {
			t.Errorf("%d bytes: %d, and %s of %s, %v", size, len(p), p, j, err)
		}
	}
}

// The floor does what it says: a floor that does less would make all else look slow.
func TestTheFloorSignsAndVerifies(t *testing.T) {
	value, _, _, err := bareToken(signer.HMACSHA256(), 132)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	_, sign, err := floor(value)
	if err != nil {
		t.Fatal(err)
	}
	msg := raw[:len(raw)-sha256.Size]
	h := hmac.New(sha256.New, Secret(0))
	h.Write(msg)
	want := base64.RawURLEncoding.EncodeToString(h.Sum(msg[:len(msg):len(msg)]))
	for range 2 {
		Sink = ""
		if sign(); Sink != want || len(Sink) != len(value) {
			t.Errorf("%s, want %s", Sink, want)
		}
	}
}

// Who makes a cookie leaves it in Sink, as long as the entry says, and those that
// encrypt are noted.
func TestEntriesSayWhatTheyMake(t *testing.T) {
	all, err := Contests()
	if err != nil {
		t.Fatal(err)
	}
	lengths := map[string]int{}
	for _, c := range all {
		if strings.HasPrefix(c.Name, "envelope/sign/") || c.Name == "value/make" {
			for _, e := range c.Entries {
				if c.Name == "value/make" && !strings.HasPrefix(e.Who, "keyturn ") {
					continue // a codec, or a floor
				}
				Sink = ""
				if e.Do(); Sink == "" || len(Sink) != e.Cookie {
					t.Errorf("%s: %s makes %d bytes and says %d", c.Name, e.Who, len(Sink), e.Cookie)
				}
				lengths[strings.Replace(c.Name, "sign", "open", 1)+e.Who] = e.Cookie
			}
		}
	}
	for _, c := range all {
		if !strings.HasPrefix(c.Name, "envelope/open/") && !strings.HasPrefix(c.Name, "envelope/sign/") {
			continue
		}
		for _, e := range c.Entries {
			if want := lengths[strings.Replace(c.Name, "sign", "open", 1)+e.Who]; e.Cookie != want || want == 0 {
				t.Errorf("%s: %s opens %d bytes, of %d", c.Name, e.Who, e.Cookie, want)
			}
			if (e.Note == "encrypts") != strings.Contains(e.Who, "xchacha20") {
				t.Errorf("%s: %s: note %q", c.Name, e.Who, e.Note)
			}
		}
		if len(c.Entries) != 5 || c.Entries[0].Who != FloorEnvelope {
			t.Errorf("%s: %d entries", c.Name, len(c.Entries))
		}
	}
}
