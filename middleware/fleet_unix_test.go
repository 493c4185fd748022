//go:build unix

package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// TestFleet runs servers as processes of their own behind a client that goes from
// one to the next with a thousand cookie jars, while keys, algorithm and codec
// change every few seconds, servers restart, one is rolled back to a program that
// lacks the new codec, one lags behind with its ring, and two have wrong clocks.
// Every visitor stays who they are, and not one count of theirs is lost.
//
// FLEET_TIME says for how long, at the least: CI is content with 10 seconds.
func TestFleet(t *testing.T) {
	least := 5 // turns of the key, 2 seconds apart
	if s := os.Getenv("FLEET_TIME"); s != "" {
		length, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		least = max(least, int(length/(2*time.Second)))
	}
	p := newFleetRing(t)
	fleet := []*instance{
		{name: "first"},
		{name: "second"},
		{name: "rolled back"},
		{name: "lags", config: instanceConfig{Lag: 5 * time.Second}},
		{name: "fast", config: instanceConfig{Clock: time.Minute}},
		{name: "slow", config: instanceConfig{Clock: -time.Minute}},
	}
	for _, i := range fleet {
		i.config.Ring = p.path
		i.listen(t)
		i.start(t)
	}
	v := newVisitors(t, fleet)
	v.signIn(t)
	v.transport.CloseIdleConnections()
	before := make([]use, len(fleet))
	for i := range fleet {
		before[i] = fleet[i].use(t, 1)
	}

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.visit(ctx, t)
	}()
	turns, restarts := 0, 0
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for now := range ticker.C {
		if turns++; turns > least && v.requests.Load() >= 5000 || turns > mostTurns || t.Failed() {
			break
		}
		share := float64(turns) / float64(least)
		p.turn(t, now, share)
		// The program that lacks the new codec runs while that is written.
		switch old := share > 0.6 && share < 1; {
		case old != fleet[2].config.Old:
			fleet[2].config.Old = old
			fleet[2].restart(t)
		default:
			restarts++
			fleet[restarts%2].restart(t)
		}
	}
	stop()
	<-done
	v.check(t)
	v.transport.CloseIdleConnections()
	for i := 3; i < len(fleet); i++ { // the ones that have run all the time
		a, b := before[i], fleet[i].use(t, p.ring.Generation())
		t.Logf("%s: %+v, before %+v", fleet[i].name, b, a)
		if b.Goroutines > a.Goroutines+2 || b.Heap > a.Heap+4<<20 {
			t.Errorf("%s ends with %+v, and began with %+v", fleet[i].name, b, a)
		}
	}
	t.Logf("%d requests, %d tried elsewhere, %d interrupted; %d turns, %d restarts",
		v.requests.Load(), v.elsewhere.Load(), v.interrupted.Load(), turns, restarts+2)
}

// mostTurns is for how many turns of the key there are keys in stock.
const mostTurns = 100

// A fleetRing is the ring file of the fleet, which has keys in stock that every
// instance knows, so that they can be turned every few seconds.
type fleetRing struct {
	path string
	ring *keyring.Ring
}

func newFleetRing(t *testing.T) *fleetRing {
	start := time.Now().UTC().Truncate(time.Second)
	d := keyring.Document{
		Name: "fleet", Generation: 1,
		// The clocks are a minute off, and one instance lags for 5 seconds.
		Policy: keyring.Policy{Propagation: 150 * time.Second, Skew: 61 * time.Second, MaxSession: time.Hour},
	}
	for i := range 3 * mostTurns {
		a := []signer.Algorithm{signer.HMACSHA256(), signer.BLAKE2b256(), signer.XChaCha20Poly1305()}[i%3]
		k := keyring.GenerateKey(a)
		k.Added = start.Add(-time.Hour + time.Duration(i)*time.Second)
		d.Keys = append(d.Keys, k)
	}
	d.Keys[0].SignFrom = start.Add(-time.Hour)
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	p := &fleetRing{filepath.Join(t.TempDir(), "ring.json"), r}
	if err := keyring.WriteFile(p.path, r); err != nil {
		t.Fatal(err)
	}
	return p
}

// turn has the next key of the stock sign at once, one of another algorithm, or
// in the last quarter one that seals, and another codec be written, in an edit that
// Plan has nothing against but that the codec comes at once: every program can read
// it, but for the one that is rolled back.
func (p *fleetRing) turn(t *testing.T, now time.Time, share float64) {
	t.Helper()
	primary, err := p.ring.Primary(now)
	if err != nil {
		t.Fatal(err)
	}
	sealing := share > 0.75 || primary.Seals()
	codecs := []string{"msgpack", "json", "cbor"}
	name := codecs[min(int(share*4), 2)]
	next, err := p.ring.Edit(now, func(d *keyring.Document) error {
		y := p.ring.Policy()
		end := now.Add(y.Propagation + y.MaxSessionHigh + y.Skew + time.Second).Truncate(time.Second)
		turned := false
		for i := range d.Keys {
			k := &d.Keys[i]
			switch {
			case !k.SignFrom.IsZero():
				if k.VerifyUntil.IsZero() {
					k.VerifyUntil = end
				}
			case !turned && k.Seals() == sealing && (sealing || k.Algorithm() != primary.Algorithm()):
				k.SignFrom, turned = now.UTC().Truncate(time.Second), true
			}
		}
		if !turned {
			return errors.New("the stock is empty")
		}
		if n := len(d.Codecs); n == 0 || d.Codecs[n-1].Codec != name {
			d.Codecs = append(d.Codecs, keyring.CodecFrom{Codec: name, From: now.UTC().Truncate(time.Second)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range keyring.Plan(p.ring, next, now) {
		if f.Rule != keyring.T10 {
			t.Errorf("the edit is not safe: %v", f)
		}
	}
	if err := keyring.WriteFile(p.path, next); err != nil {
		t.Fatal(err)
	}
	p.ring = next
}

// instanceConfig is what an instance of the fleet is told.
type instanceConfig struct {
	Ring  string
	Lag   time.Duration // of the ring
	Clock time.Duration // how far it is off
	Old   bool          // lacks CBOR
}

// An instance is a server of the fleet. Its listener is the test's, and is passed
// on to its process: connections wait while that restarts.
type instance struct {
	name     string
	config   instanceConfig
	listener *os.File
	addr     string
	cmd      *exec.Cmd
}

func (i *instance) listen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	i.addr = l.Addr().String()
	if i.listener, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.listener.Close() })
}

const instanceEnv = "KEYTURN_TEST_INSTANCE"

func (i *instance) start(t *testing.T) {
	config, err := json.Marshal(i.config)
	if err != nil {
		t.Fatal(err)
	}
	i.cmd = exec.Command(os.Args[0], "-test.run=^TestInstance$")
	i.cmd.Env = append(os.Environ(), instanceEnv+"="+string(config))
	i.cmd.ExtraFiles = []*os.File{i.listener}
	var out bytes.Buffer
	i.cmd.Stdout, i.cmd.Stderr = &out, &out
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := i.cmd
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", i.name, out.Bytes())
		}
	})
}

// restart starts a new process before the former one has ended, as a rolling
// deploy does.
func (i *instance) restart(t *testing.T) {
	former := i.cmd
	i.start(t)
	if err := former.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("%s: %v", i.name, err)
	}
	if err := former.Wait(); err != nil {
		t.Errorf("%s: %v", i.name, err)
	}
}

// use is what an instance has in use.
type use struct {
	Goroutines int
	Heap       uint64
	Generation uint64
}

// use returns the least that the instance has in use, once it has the generation:
// connections take a moment to go, and the instance that lags takes its time.
func (i *instance) use(t *testing.T, generation uint64) (least use) {
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + i.addr + "/use")
		if err != nil {
			t.Fatal(err)
		}
		var u use
		err = json.NewDecoder(resp.Body).Decode(&u)
		resp.Body.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case u.Generation == generation && least.Generation == 0:
			least = u
			end = time.Now().Add(time.Second)
		case u.Generation == generation:
			least.Goroutines, least.Heap = min(least.Goroutines, u.Goroutines), min(least.Heap, u.Heap)
		}
		if time.Now().After(end) {
			if least.Generation != generation {
				t.Errorf("%s has generation %d, want %d", i.name, u.Generation, generation)
			}
			return least
		}
	}
}

// TestInstance is the program of an instance.
func TestInstance(t *testing.T) {
	env := os.Getenv(instanceEnv)
	if env == "" {
		return // it is a process of TestFleet's
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	var c instanceConfig
	if err := json.Unmarshal([]byte(env), &c); err != nil {
		t.Fatal(err)
	}
	h, err := c.handler()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: h}
	go server.Serve(l)
	<-ctx.Done()
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func (c instanceConfig) handler() (http.Handler, error) {
	var keys *keyring.Keyring
	var err error
	if c.Lag > 0 {
		keys, err = keyring.Loader{Interval: time.Second}.Follow(&slowFile{path: c.Ring, lag: c.Lag})
	} else {
		keys, err = keyring.Open(c.Ring)
	}
	if err != nil {
		return nil, err
	}
	config := session.Config{Keys: keys, Name: "session", Lifetime: time.Hour, IdleTimeout: 20 * time.Minute}
	if c.Old {
		config.Codecs = []codec.Codec{codec.JSON(), codec.MessagePack()}
	}
	m, err := session.New[visit](config)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in/{user}", func(w http.ResponseWriter, r *http.Request) {
		if err := m.From(r.Context()).Renew(visit{User: r.PathValue("user")}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	visited := func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		if outcome, reason := s.Outcome(); outcome != session.Valid {
			status := http.StatusUnauthorized
			if outcome == session.Indeterminate {
				status = http.StatusServiceUnavailable // another instance may know it
			}
			http.Error(w, reason.String(), status)
			return
		}
		if r.Method == http.MethodPost {
			if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		json.NewEncoder(w).Encode(s.Data())
	}
	mux.HandleFunc("GET /", visited)
	mux.HandleFunc("POST /count", visited)

	var h http.Handler
	if c.Clock != 0 {
		h = offBy(c.Clock, m, mux)
	} else {
		mw, err := middleware.New(m, middleware.Config{InsecureHTTP: true, ReissueOnRead: true})
		if err != nil {
			return nil, err
		}
		h = mw.Handler(mux)
	}
	outer := http.NewServeMux()
	outer.Handle("/", h)
	outer.HandleFunc("GET /use", func(w http.ResponseWriter, r *http.Request) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.Header().Set("Connection", "close")
		json.NewEncoder(w).Encode(use{runtime.NumGoroutine(), m.HeapAlloc, keys.Ring().Generation()})
	})
	return outer, nil
}

// A slowFile is a Source that gives what was in a file some time ago.
type slowFile struct {
	path string
	lag  time.Duration
	seen []seenFile
}

type seenFile struct {
	at   time.Time
	data []byte
}

func (s *slowFile) Load(context.Context) ([]byte, error) {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	s.seen = append(s.seen, seenFile{now, data})
	for len(s.seen) > 1 && now.Sub(s.seen[1].at) >= s.lag {
		s.seen = s.seen[1:]
	}
	return s.seen[0].data, nil
}

// offBy is a middleware of the test's, on a clock that is wrong: package middleware
// goes by the right one. It is for handlers that write what they have to say at
// their end.
func offBy(clock time.Duration, m *session.Manager[visit], next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ctx := m.Begin(r.Context(), question{clock, r})
		x := &recorded{header: make(http.Header), status: http.StatusOK}
		next.ServeHTTP(x, r.WithContext(ctx))
		c := s.Commit(true)
		if c.Value != "" {
			http.SetCookie(w, &http.Cookie{Name: m.Name(), Value: c.Value, Path: "/", MaxAge: int(c.MaxAge / time.Second)})
		}
		w.WriteHeader(x.status)
		w.Write(x.body.Bytes())
	})
}

type question struct {
	clock time.Duration
	r     *http.Request
}

func (q question) Now() time.Time { return time.Now().Add(q.clock) }

func (q question) RawCookies(name string) []string { return q.Cookies(name) }
func (question) WouldHaveOurs() bool               { return true }

func (q question) Cookies(name string) (values []string) {
	for _, c := range q.r.CookiesNamed(name) {
		values = append(values, c.Value)
	}
	return values
}

type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (x *recorded) Header() http.Header         { return x.header }
func (x *recorded) WriteHeader(status int)      { x.status = status }
func (x *recorded) Write(b []byte) (int, error) { return x.body.Write(b) }

// visitors are who visits the fleet, each with a cookie jar.
type visitors struct {
	fleet     []*instance
	clients   []*http.Client
	transport *http.Transport
	counts    []int // what each has counted to

	turn, requests, elsewhere, interrupted atomic.Int64
}

func newVisitors(t *testing.T, fleet []*instance) *visitors {
	v := &visitors{fleet: fleet, transport: &http.Transport{MaxIdleConnsPerHost: 32}, counts: make([]int, 1000)}
	t.Cleanup(v.transport.CloseIdleConnections)
	for range v.counts {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		v.clients = append(v.clients, &http.Client{Jar: jar, Transport: v.transport, Timeout: 30 * time.Second})
	}
	return v
}

// request asks one instance after the other until one answers otherwise than that
// another may know better, as a proxy before the fleet does.
func (v *visitors) request(n int, method, path string) (visit, error) {
	var last error
	for range 20 {
		i := v.fleet[int(v.turn.Add(1))%len(v.fleet)]
		req, err := http.NewRequest(method, "http://"+i.addr+path, nil)
		if err != nil {
			return visit{}, err
		}
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		resp, err := v.clients[n].Do(req)
		if err != nil {
			// The connection was that of a process which has ended: the session
			// is in the cookie, so that nothing is lost.
			v.interrupted.Add(1)
			last = err
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		v.requests.Add(1)
		switch {
		case err != nil:
			v.interrupted.Add(1)
			last = err
			continue
		case resp.StatusCode == http.StatusServiceUnavailable:
			v.elsewhere.Add(1)
			last = fmt.Errorf("%s: %s %s", i.name, resp.Status, body)
			continue
		case resp.StatusCode != http.StatusOK:
			return visit{}, fmt.Errorf("%s: %s %s", i.name, resp.Status, body)
		}
		var seen visit
		if len(body) > 0 {
			err = json.Unmarshal(body, &seen)
		}
		return seen, err
	}
	return visit{}, fmt.Errorf("no instance answers: %w", last)
}

func name(n int) string { return "visitor-" + strconv.Itoa(n) }

func (v *visitors) signIn(t *testing.T) {
	v.each(func(n int) bool {
		if _, err := v.request(n, "POST", "/sign-in/"+name(n)); err != nil {
			t.Errorf("%s cannot sign in: %v", name(n), err)
			return false
		}
		return true
	})
}

// each calls f for every visitor, for several at a time, until it returns false.
func (v *visitors) each(f func(n int) bool) {
	const workers = 8
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := w; n < len(v.clients); n += workers {
				if !f(n) {
					return
				}
			}
		})
	}
	wg.Wait()
}

// visit has every visitor read, and count, until ctx is done.
func (v *visitors) visit(ctx context.Context, t *testing.T) {
	for round := 0; ctx.Err() == nil && !t.Failed(); round++ {
		v.each(func(n int) bool {
			method, path := "GET", "/"
			if (n+round)%3 == 0 {
				method, path = "POST", "/count"
			}
			seen, err := v.request(n, method, path)
			if err == nil && method == "POST" {
				v.counts[n]++
			}
			if err != nil || seen.User != name(n) || seen.Count != v.counts[n] {
				t.Errorf("%s, who has counted to %d, is %+v: %v", name(n), v.counts[n], seen, err)
				return false
			}
			return ctx.Err() == nil
		})
	}
}

// check has every visitor seen once more.
func (v *visitors) check(t *testing.T) {
	v.each(func(n int) bool {
		seen, err := v.request(n, "GET", "/")
		if err != nil || seen.User != name(n) || seen.Count != v.counts[n] {
			t.Errorf("in the end, %s, who has counted to %d, is %+v: %v", name(n), v.counts[n], seen, err)
		}
		return true
	})
}
