package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

// notes is a T of which an assignment is no copy.
type notes struct {
	Text  string            `json:"text"`
	Bytes []byte            `json:"bytes"`
	Map   map[string][]byte `json:"map"`
	Next  *notes            `json:"next"`
}

func notesOf(c byte, size int) notes {
	b := func() []byte { return []byte(strings.Repeat(string(c), size)) }
	return notes{string(b()), b(), map[string][]byte{"m": b()}, &notes{Bytes: b()}}
}

func (n *notes) scribble() {
	for _, b := range [][]byte{n.Bytes, n.Bytes[:cap(n.Bytes)], n.Map["m"], n.Next.Bytes} {
		for i := range b {
			b[i] = '!'
		}
	}
	clear(n.Map)
	n.Text, n.Next.Next = "!", n
}

// Whichever of several cookies decides, whether or not its bytes fit into the room that
// the first one has, and whatever is done to what the session gives away.
func TestNoCookieTakesTheRoomOfAnother(t *testing.T) {
	each(t, func(t *testing.T, a signer.Algorithm, c codec.Codec) {
		keys := newKeys(t, signing(newKey(t, a, 1), t0.Add(-day)))
		m := newManager[notes](t, Config{Keys: keys, Codecs: []codec.Codec{c}, FormerNames: []FormerName{{Name: "was"}}})
		old := newManager[notes](t, Config{Keys: keys, Codecs: []codec.Codec{c}, Name: "was"})
		later := t0.Add(time.Minute)
		next := func(m *Manager[notes], was string, v notes) string {
			s := m.Open(later, was)
			if err := s.Update(func(to *notes) { *to = v }); err != nil {
				t.Fatal(err)
			}
			return s.Commit(false).Value
		}
		sizes := map[bool]int{}
		for _, size := range []int{1, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 60, 200} {
			was, is := notesOf('a', size), notesOf('b', size)
			first, formerly := signedIn(t, m, t0, was), signedIn(t, old, t0, was)
			second, formerlyNext := next(m, first, is), next(old, formerly, is)
			sizes[len(decodeText(t, first)) <= typicalToken]++
			forged := string(forge(t, m, t0, decodeText(t, first), func(h *token.Header) { h.Codec = 99 }))
			damaged := second[:30] + "AAAA" + second[34:]
			for _, tt := range []struct {
				came map[string][]string
				want notes
			}{
				{map[string][]string{m.Name(): {first}}, was},
				{map[string][]string{m.Name(): {first, second}}, is},
				{map[string][]string{m.Name(): {second, first}}, is},
				{map[string][]string{m.Name(): {second, first, first, first}}, is},
				{map[string][]string{m.Name(): {damaged, second, first}}, is},
				{map[string][]string{m.Name(): {second, damaged, "%", forged}}, is},
				{map[string][]string{m.Name(): {forged, damaged, first}}, was},
				{map[string][]string{m.Name(): {first}, "was": {formerly}}, was},
				{map[string][]string{m.Name(): {damaged}, "was": {formerlyNext, formerly}}, is},
				{map[string][]string{m.Name(): {second}, "was": {formerlyNext, formerly}}, is},
				{map[string][]string{"was": {formerly, damaged, formerlyNext, first}}, is},
			} {
				s := requestOf(m, later, tt.came)
				var kept *notes
				for range 2 {
					v := s.Data()
					if !reflect.DeepEqual(v, tt.want) {
						t.Fatalf("%d, %v: %+v, want %+v", size, tt.came, v, tt.want)
					}
					v.scribble()
					if err := s.Update(func(v *notes) { kept = v }); err != nil {
						t.Fatal(err)
					}
					kept.scribble()
				}
				wantOutcome(t, s, 0)
				if err := s.Update(func(v *notes) { kept, v.Text = v, "c" }); err != nil {
					t.Fatal(err)
				}
				kept.scribble()
				want := tt.want
				want.Text = "c"
				com := s.Commit(false)
				kept.scribble()
				for _, s := range []*Session[notes]{s, m.Open(later, com.Value)} {
					if v := s.Data(); com.Sent != SentChanged || !reflect.DeepEqual(v, want) {
						t.Fatalf("%d, %v: %+v is sent: %v", size, tt.came, v, com.Sent)
					}
				}
			}
		}
		if sizes[true] < 2 || sizes[false] < 2 {
			t.Errorf("tokens that fit into the room, and others: %v", sizes)
		}
	})
}

// states are sessions in each state that the cookies of a request and a handler bring
// them into.
func states(t *testing.T) map[string]func() (*Manager[visit], *Session[visit]) {
	plain := newManager[visit](t, Config{})
	idle := takingOver(t, Config{Keys: plain.keys, IdleTimeout: time.Hour, IDs: true})
	inPlace := takingOver(t, Config{Keys: plain.keys, IdleTimeout: time.Hour}, Takeover[visit]{From: library(), InPlace: true})
	inPlaceSid := takingOver(t, Config{Keys: plain.keys, Name: "sid"}, Takeover[visit]{From: library(), InPlace: true})
	strict := newManager[visit](t, Config{Keys: plain.keys, KeepIndeterminate: true})
	asking := newManager[visit](t, Config{
		Keys: plain.keys, RevocationFailure: FailClosed,
		Revoked: func(context.Context, Info) (bool, error) { return false, errors.New("down") },
	})
	panics := newManager[visit](t, Config{
		Keys: plain.keys, RevocationFailure: FailClosed,
		Revoked: func(context.Context, Info) (bool, error) { panic("boom") },
	})
	all := map[string]func() (*Manager[visit], *Session[visit]){}
	for name, m := range map[string]*Manager[visit]{
		"plain": plain, "idle": idle, "in place": inPlace, "sid in place": inPlaceSid, "strict": strict, "asking": asking, "panics": panics,
	} {
		tom, ann := signedIn(t, m, t0, visit{User: "tom"}), signedIn(t, m, t0.Add(time.Second), visit{User: "ann"})
		future := signedIn(t, m, t0.Add(10*day), visit{User: "tom"})
		now := t0.Add(45 * time.Minute)
		own := func(values ...string) map[string][]string { return map[string][]string{m.Name(): values} }
		with := func(own map[string][]string) map[string][]string {
			all := foreign("tom;2026-01-01;", "tom")
			maps.Copy(all, own)
			return all
		}
		begun := map[string]func() *Session[visit]{
			"new":    func() *Session[visit] { return m.New(now) },
			"opened": func() *Session[visit] { return m.Open(now, tom) },
			"opened, foreign": func() *Session[visit] {
				return m.Open(now, "tom;2026-01-01;")
			},
			"opened, none": func() *Session[visit] { return m.Open(now, "") },
		}
		if m == panics {
			delete(begun, "opened") // it does so at once
		}
		for name, came := range map[string]map[string][]string{
			"absent": nil, "valid": own(tom), "ambiguous": own(tom, ann), "malformed": own("%"), "empty": own(""),
			"future": own(future), "future beside valid": own(future, tom), "valid beside malformed": own("%", tom),
			"taken over": with(nil), "not taken over": foreign("tom;2026-01-01;", "ann"), "foreign beside valid": with(own(tom)),
			"foreign beside future": with(own(future)),
			"foreign beside empty":  with(own("")),
		} {
			begun[name] = func() *Session[visit] { return requestOf(m, now, came) }
		}
		for state, begin := range begun {
			for change, f := range map[string]func(*Session[visit]){
				"untouched": func(*Session[visit]) {},
				"read":      func(s *Session[visit]) { s.Data() },
				"unchanged": func(s *Session[visit]) { s.Update(func(*visit) {}) },
				"changed":   func(s *Session[visit]) { s.Update(func(v *visit) { v.Count++ }) },
				"emptied":   func(s *Session[visit]) { s.Update(func(v *visit) { *v = visit{} }) },
				"renewed":   func(s *Session[visit]) { s.Renew(visit{User: "eve"}) },
				"renewed with nothing": func(s *Session[visit]) {
					s.Renew(visit{})
				},
				"destroyed":             func(s *Session[visit]) { s.Destroy() },
				"destroyed and changed": func(s *Session[visit]) { s.Destroy(); s.Update(func(v *visit) { v.Count++ }) },
				"updated with a panic":  func(s *Session[visit]) { s.Update(func(v *visit) { panic("boom") }) },
				"refused": func(s *Session[visit]) {
					s.Update(func(v *visit) { v.User = strings.Repeat("a", MaxCookie) })
				},
			} {
				all[fmt.Sprintf("%s: %s, %s", name, state, change)] = func() (*Manager[visit], *Session[visit]) {
					s := begin()
					boom(func() { f(s) })
					return m, s
				}
			}
		}
	}
	return all
}

// boom runs f, which may panic with "boom", and with nothing else.
func boom(f func()) {
	defer func() {
		if p := recover(); p != nil && p != "boom" {
			panic(p)
		}
	}()
	f()
}

// Whatever a session is used for before it is committed and afterwards, what Commit
// returned stays what it was, and describes what was sent.
func TestACommitSaysTheSameEverAfter(t *testing.T) {
	for name, state := range states(t) {
		for _, reissue := range []bool{false, true} {
			for _, before := range []bool{false, true} {
				m, s := state()
				use := func() {
					s.Outcome()
					s.Info()
					s.ID()
					s.Data()
					m.Seal(t0.Add(50*time.Minute), s)
					m.Seal(t0.Add(-time.Hour), s)
				}
				if before {
					boom(use)
				}
				touched := s.touched
				c := s.Commit(reissue)
				if c.Touched != touched {
					t.Fatalf("%s: touched = %t", name, c.Touched)
				}
				came, sent := c.Cookie(), c.Token()
				if (sent == Info{}) != (c.Value == "") {
					t.Fatalf("%s: %q is %+v", name, c.Value, sent)
				}
				if c.Value != "" {
					reader := newManager[visit](t, Config{Keys: m.keys, Name: m.Name()})
					if says := reader.Open(t0.Add(50*time.Minute), c.Value); says.reason != 0 || says.Info() != sent {
						t.Fatalf("%s: Token() = %+v, and sent is %v, %+v", name, sent, says.reason, says.Info())
					}
				}
				boom(use)
				for _, err := range []error{s.Update(func(v *visit) { v.Count += 7 }), s.Renew(visit{User: "max"}), s.Destroy()} {
					if err != ErrCommitted {
						t.Fatalf("%s: after Commit: %v", name, err)
					}
				}
				again := s.Commit(!reissue)
				boom(use)
				if again.Value != "" || again.Sent != SentNothing || again.Touched || again.Delete != nil {
					t.Fatalf("%s: the second Commit is %+v", name, again)
				}
				if touched && again.Cookie() != came {
					t.Fatalf("%s: Cookie() = %+v, and then %+v", name, came, again.Cookie())
				}
				if c.Cookie() != came || c.Token() != sent {
					t.Fatalf("%s: Token() = %+v, and then %+v", name, sent, c.Token())
				}
				if (came != Info{}) && came != s.Info() {
					t.Fatalf("%s: Cookie() = %+v, Info() = %+v", name, came, s.Info())
				}
			}
		}
	}
}

// Commit sends the session, and does not change what Seal makes of it later.
func TestCommitDoesNotDecideHowSealWrites(t *testing.T) {
	for _, tt := range []struct {
		name string
		came map[string][]string
		f    func(*Session[visit])
	}{
		{"taken over", foreign("tom;2026-01-01;", "tom"), func(s *Session[visit]) { s.Data() }},
		{"begun", nil, func(s *Session[visit]) { s.Update(func(v *visit) { v.Count++ }) }},
	} {
		m := takingOver(t, Config{Keys: newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day)), signing(newKey(t, signer.BLAKE2b256(), 2), t0.Add(time.Hour)))})
		seal := func(commit bool) string {
			s := requestOf(m, t0, tt.came)
			tt.f(s)
			if commit && s.Commit(false).Value == "" {
				t.Fatal("nothing is sent")
			}
			v, err := m.Seal(t0.Add(2*time.Hour), s)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if a, b := seal(false), seal(true); a != b {
			i, _ := ReadUnverified(a)
			j, _ := ReadUnverified(b)
			t.Errorf("%s: Seal makes %+v; after Commit, %+v", tt.name, i, j)
		}
	}
}

// One session, used by several goroutines at once while it is committed.
func TestCommitMayBeReadWhileTheSessionIsUsed(t *testing.T) {
	for name, state := range states(t) {
		if !strings.HasPrefix(name, "idle: ") && !strings.HasPrefix(name, "asking: ") {
			continue
		}
		m, s := state()
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				if i > 0 {
					s.Data()
					s.Update(func(v *visit) { v.Count++ })
				}
				c := s.Commit(i > 1)
				for range 2 {
					if i := c.Token(); (c.Value == "") != (i == Info{}) {
						t.Errorf("%s: %q is %+v", name, c.Value, i)
					}
					c.Cookie()
					s.ID()
					s.Info()
					s.Update(func(v *visit) { v.User = "eve" })
					s.Renew(visit{User: "eve"})
					s.Destroy()
					m.Seal(t0.Add(2*time.Hour), s)
				}
			})
		}
		wg.Wait()
	}
}

// The times of a token are judged to the second, by the skew of both clocks, wherever
// the time is, and however it was had.
func TestTimesOfATokenAreJudgedAtTheirEdges(t *testing.T) {
	m := newManager[visit](t, Config{})
	monotonic := time.Now()
	nows := []time.Time{
		{}, time.Unix(-1, 999_999_999), time.Unix(0, 0), time.Unix(0, 999_999_999), t0, t0.Add(1), t0.Add(time.Second - 1),
		t0.In(time.FixedZone("", 5*3600+1800)), monotonic, monotonic.Add(-time.Hour), monotonic.Round(0),
		time.Unix(math.MaxUint32-1, 5), time.Unix(math.MaxUint32, 0), time.Unix(math.MaxUint32+1, 0), time.Unix(1<<40, 1),
		time.Unix(math.MaxInt64>>1, 0), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, skew := range []time.Duration{0, 1, 250 * time.Millisecond, 500 * time.Millisecond, time.Second - 1, time.Second, 5 * time.Minute, 10 * 365 * day} {
		ring := newRing(t, func(d *keyring.Document) {
			d.Keys = []keyring.Key{signing(newKey(t, signer.HMACSHA256(), 1), t0)}
			d.Policy.Skew = skew
		})
		for _, now := range nows {
			// The last second that a token may be from.
			limit := now.Unix() + int64((time.Duration(now.Nanosecond())+2*ring.Policy().Skew)/time.Second)
			var times []uint32
			for _, at := range []int64{0, now.Unix(), limit, math.MaxUint32} {
				for d := int64(-2); d <= 2; d++ {
					if at+d >= 0 && at+d <= math.MaxUint32 {
						times = append(times, uint32(at+d))
					}
				}
			}
			slices.Sort(times)
			times = slices.Compact(times)
			for _, start := range times {
				for _, issued := range times {
					for _, expires := range times {
						for _, idle := range []uint32{0, 1, 2, math.MaxUint32} {
							want := Reason(0)
							switch t := now.Unix(); {
							case int64(start) > limit || int64(issued) > limit:
								want = ErrFuture
							case int64(expires) <= t:
								want = ErrExpired
							case idle != 0 && int64(issued)+int64(idle) <= t:
								want = ErrIdle
							}
							h := token.Header{Start: start, Issued: issued, Expires: expires, Idle: idle}
							if got := m.checkTimes(&h, ring, now); got != want {
								t.Fatalf("skew %v at %v: %+v is %v, want %v", skew, now, h, got, want)
							}
						}
					}
				}
			}
		}
	}
}
