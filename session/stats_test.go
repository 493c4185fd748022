package session

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

func TestStatsCountsWhatBecameOfCookies(t *testing.T) {
	keys := newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)))
	m := newManager[visit](t, Config{Keys: keys})
	value := signedIn(t, m, t0, visit{User: "tom"})
	for range 3 {
		m.Open(t0, value).Outcome()
	}
	m.Open(t0, value+"=").Outcome()
	m.Open(t0, value[:len(value)-3]+"AAA").Outcome()
	m.Open(t0.Add(15*day), value).Outcome()
	request(m, t0, value) // not touched
	request(m, t0).Outcome()
	s := m.Stats(t0)
	// What did not occur is there as well: a rate of it can be had from the first.
	want := map[string]uint64{"absent": s.Outcomes["absent"]}
	for r := range Reason(len(reasons)) {
		want[cmp.Or(r.String(), "valid")] = 0
	}
	want["valid"], want["malformed"], want["forged"], want["expired"] = 3, 1, 1, 1
	if !maps.Equal(s.Outcomes, want) || s.Outcomes["absent"] < 1 {
		t.Errorf("%v, want %v", s.Outcomes, want)
	}
	if s.Cookie != DefaultName || s.Reissued != nil ||
		!maps.Equal(s.Read, map[string]uint64{"json": 3, "msgpack": 0, "cbor": 0}) ||
		!maps.Equal(s.Written, map[string]uint64{"json": 1, "msgpack": 0, "cbor": 0}) {
		t.Errorf("%+v", s)
	}
	if m.Keyring() != keys {
		t.Error("the keyring is another")
	}
	k := s.Keyring.Keys[0]
	// The expired one was authentic.
	if k.Verified != 4 || k.Signed != 1 || !k.LastVerified.Equal(t0.Add(15*day).Truncate(time.Second)) {
		t.Errorf("%+v", k)
	}
}

// What a client sends makes no names in Stats, whatever the keys and the codecs that
// it speaks of, and is counted by the reason.
func TestStatsHasNothingOfAClient(t *testing.T) {
	m := newManager[visit](t, Config{})
	raw, err := token.DecodeText(nil, signedIn(t, m, t0, visit{User: "tom"}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		forged := bytes.Clone(raw)
		forged[2] = byte(i)
		for _, key := range [][]byte{raw[3:7], {byte(i), byte(i >> 8), 0xAA, 0xBB}} {
			copy(forged[3:], key)
			s := request(m, t0, string(token.AppendText(nil, forged)))
			s.Outcome()
			if c := s.Commit(true); c.Sent != SentNothing {
				t.Fatalf("sends %v", c.Sent)
			}
			if c := s.Info(); c.KeyID != (keyring.KeyID{}) && c.KeyID != keyring.KeyID(raw[3:7]) || c.Codec != "" && !(s.cookie != nil && s.cookie.verified) {
				t.Fatalf("%+v", c)
			}
		}
	}
	st, fresh := m.Stats(t0), newManager[visit](t, Config{}).Stats(t0)
	if len(st.Outcomes) != len(fresh.Outcomes) || len(st.Read) != len(fresh.Read) || len(st.Written) != len(fresh.Written) || len(st.Reissued) != 0 || len(st.Keyring.Keys) != 1 {
		t.Errorf("%+v", st)
	}
}

func TestStatsCountsReissues(t *testing.T) {
	a, b := newKey(t, signer.HMACSHA256(), 1), newKey(t, signer.BLAKE2b256(), 2)
	keys := newKeys(t, signing(a, t0.Add(-day)))
	m := newManager[visit](t, Config{Keys: keys})
	v := signedIn(t, m, t0, visit{User: "tom"})
	s := request(m, t0, v)
	if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
		t.Fatal(err)
	}
	s.Commit(false)
	if r := m.Stats(t0).Reissued; r != nil {
		t.Errorf("under the same key: %v", r)
	}
	replace(t, keys, func(d *keyring.Document) {
		d.Keys = append(d.Keys, signing(b, t0))
		d.Codecs = []keyring.CodecFrom{{Codec: "cbor", From: t0}}
	})
	for n := range 3 {
		s := request(m, t0.Add(time.Minute), v)
		if err := s.Update(func(v *visit) { v.Count = 10 + n }); err != nil {
			t.Fatal(err)
		}
		if n == 2 {
			if err := s.Destroy(); err != nil {
				t.Fatal(err)
			}
		}
		s.Commit(false)
	}
	st := m.Stats(t0)
	want := Reissue{FromKey: a.ID(), ToKey: b.ID(), FromCodec: "json", ToCodec: "cbor", Count: 2}
	if len(st.Reissued) != 1 || st.Reissued[0] != want || st.Written["cbor"] != 2 {
		t.Errorf("%+v, want %+v", st.Reissued, want)
	}
	out, err := json.Marshal(st)
	var back Stats
	if err := json.Unmarshal(out, &back); err != nil || !reflect.DeepEqual(back, st) {
		t.Errorf("%v: %s comes back as %+v, was %+v", err, out, back, st)
	}
	if err != nil || !strings.Contains(string(out), `"from_key":"`+a.ID().String()+`"`) || !strings.Contains(string(out), `"state":"active"`) {
		t.Errorf("%s, %v", out, err)
	}
	// Of a key that has left the ring, nothing is kept.
	replace(t, keys, func(d *keyring.Document) {
		for i := range d.Keys {
			if d.Keys[i].ID() == a.ID() {
				d.Keys[i].Pruned = t0
			}
		}
	})
	if r := m.Stats(t0).Reissued; len(r) != 1 {
		t.Errorf("%v", r)
	}
	replace(t, keys, func(d *keyring.Document) {
		for i := range d.Keys {
			if d.Keys[i].ID() == a.ID() {
				d.Keys = append(d.Keys[:i:i], d.Keys[i+1:]...)
				break
			}
		}
	})
	if r := m.Stats(t0).Reissued; len(r) != 0 || len(m.tally.reissued) != 0 {
		t.Errorf("%v, %v", r, m.tally.reissued)
	}
}
