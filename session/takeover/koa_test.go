package takeover_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

func koaReader(t testing.TB) *takeover.Reader {
	t.Helper()
	r, err := takeover.Koa(takeover.KoaConfig{Secrets: []string{"new", keygripSecret}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKoaBeginsAndEndsSessions(t *testing.T) {
	r := koaReader(t)
	const day = 86_400_000 // milliseconds
	issued := djangoIssued.UnixMilli()
	for _, tt := range []struct {
		name    string
		payload string
		start   time.Time
		end     time.Time
	}{
		{"of a day", fmt.Sprintf(`{"user":"tom","_expire":%d,"_maxAge":%d}`, issued+day, day), djangoIssued, djangoIssued.Add(24 * time.Hour)},
		{"of a part of a millisecond", fmt.Sprintf(`{"user":"tom","_expire":%d.5,"_maxAge":1500.5}`, issued+1500), djangoIssued, djangoIssued.Add(1500 * time.Millisecond)},
		{"without an age", fmt.Sprintf(`{"user":"tom","_expire":%d}`, issued+1), time.Time{}, djangoIssued.Add(time.Millisecond)},
		{"as long as the browser runs", `{"user":"tom","_session":true}`, time.Time{}, time.Time{}},
		{"that says both", fmt.Sprintf(`{"user":"tom","_expire":%d,"_session":true}`, issued+1), time.Time{}, djangoIssued.Add(time.Millisecond)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pair := keygripPair("koa.sess", tt.payload)
			now := tt.end
			if now.IsZero() {
				now = djangoIssued
			}
			f, err := r.Open(now, pair)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(f.Data, map[string]any{"user": "tom"}) {
				t.Errorf("the data are %v", f.Data)
			}
			if !f.Start.Equal(tt.start) || !f.Expires.Equal(tt.end) {
				t.Errorf("from %v to %v, want %v to %v", f.Start, f.Expires, tt.start, tt.end)
			}
			if !tt.end.IsZero() {
				wantRefused(t, r, tt.end.Add(1), pair[0], session.ErrExpired, "_expire", pair[1:]...)
			}
		})
	}

	pair := keygripPair("koa.sess", fmt.Sprintf(`{"_expire":%d,"_maxAge":%d}`, issued+day, day))
	if _, err := r.Open(djangoIssued.Add(-time.Minute), pair); err != nil {
		t.Error(err)
	}
	wantRefused(t, r, djangoIssued.Add(-time.Minute-1), pair[0], session.ErrFuture, "", pair[1:]...)
}

func TestKoaSaysWhyItRefuses(t *testing.T) {
	r := koaReader(t)
	good := keygripPair("koa.sess", `{"user":"tom","_session":true}`)
	for _, tt := range []struct {
		name   string
		values []string
		reason session.Reason
		text   string
	}{
		{"no signature", []string{good[0], ""}, session.ErrMalformed, "missing"},
		{"another name's", keygripPair("koa:sess", `{"user":"tom","_session":true}`), session.ErrForged, ""},
		{"the ID of a store's session", keygripSigned("koa.sess", "1700000000000-Xb3dEf"), session.ErrMalformed, "base64"},
		{"no end", keygripPair("koa.sess", `{"user":"tom"}`), session.ErrUndecodable, "neither"},
		{"an age without an end", keygripPair("koa.sess", `{"user":"tom","_maxAge":1}`), session.ErrUndecodable, "neither"},
		{"_session that is not true", keygripPair("koa.sess", `{"user":"tom","_session":1}`), session.ErrUndecodable, "neither"},
		{"_session beside a bad end", keygripPair("koa.sess", `{"_session":true,"_expire":null}`), session.ErrUndecodable, "_expire"},
		{"an end that is text", keygripPair("koa.sess", `{"_expire":"1900000000000"}`), session.ErrUndecodable, "_expire"},
		{"an end before 1970", keygripPair("koa.sess", `{"_expire":-1}`), session.ErrUndecodable, "_expire"},
		{"an end beyond numbers", keygripPair("koa.sess", `{"_expire":1e300}`), session.ErrUndecodable, "_expire"},
		{"an age that is text", keygripPair("koa.sess", `{"_expire":1900000000000,"_maxAge":"session"}`), session.ErrUndecodable, "_maxAge"},
		{"a negative age", keygripPair("koa.sess", `{"_expire":1900000000000,"_maxAge":-1}`), session.ErrUndecodable, "_maxAge"},
		{"an age since before 1970", keygripPair("koa.sess", `{"_expire":1900000000000,"_maxAge":1900000000001}`), session.ErrUndecodable, "_maxAge"},
		{"a list", keygripPair("koa.sess", `[]`), session.ErrUndecodable, "not an object"},
		{"1 MB", []string{good[0], string(make([]byte, 1<<20))}, session.ErrTooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantRefused(t, r, djangoIssued, tt.values[0], tt.reason, tt.text, tt.values[1:]...)
		})
	}
}

func TestKoaLeavesOutItsOwnNamesAndNoOthers(t *testing.T) {
	f, err := koaReader(t).Open(djangoIssued, keygripPair("koa.sess", `{"_session":true,"_x":1,"a":{"_y":2},"b_":3}`))
	want := map[string]any{"a": map[string]any{"_y": int64(2)}, "b_": int64(3)}
	if err != nil || !reflect.DeepEqual(f.Data, want) {
		t.Errorf("%v, %v", f.Data, err)
	}
}

func FuzzKoa(f *testing.F) {
	keygripSeeds(f, "koa-session")
	r := koaReader(f)
	f.Fuzz(func(t *testing.T, value, signature string, payload []byte) {
		keygripFuzz(t, r, djangoIssued, value, signature, payload)
	})
}
