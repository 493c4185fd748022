package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/turns"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func start(t *testing.T) *Server {
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestEachSiteIsMeasured(t *testing.T) {
	s := start(t)
	var rounds []int
	sites, err := s.Measure(t.Context(), Options{Rounds: 3, Requests: 203, Conns: 3, Progress: func(done, of int) {
		rounds = append(rounds, done, of)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(sites) != len(Names) {
		t.Fatalf("%d sites", len(sites))
	}
	for i, site := range sites {
		if site.Name != Names[i] || len(site.PerSecond) != 3 || len(site.P50) != 3 || len(site.P99) != 3 {
			t.Errorf("%+v", site)
		}
		for k := range site.PerSecond {
			if site.PerSecond[k] <= 0 || site.P50[k] <= 0 || site.P99[k] < site.P50[k] {
				t.Errorf("%+v", site)
			}
		}
		if _, known := cpuTime(); known && len(site.CPU) != 3 || !known && site.CPU != nil {
			t.Errorf("%s: CPU %v", site.Name, site.CPU)
		}
	}
	if !slices.Equal(rounds, []int{1, 3, 2, 3, 3, 3}) {
		t.Errorf("progress %v", rounds)
	}
}

func TestOverIsRoundByRound(t *testing.T) {
	s, bare := Site{CPU: []float64{30, 42, 51}}, Site{CPU: []float64{27, 40, 50}}
	if got := s.Over(bare); got != (turns.Spread{Median: 2, Low: 1, High: 3}) {
		t.Errorf("%+v", got)
	}
}

func TestSessionsAreReallyRead(t *testing.T) {
	s := start(t)
	for _, name := range Names[1:] {
		good := s.cookies[name]
		s.cookies[name] = good[:len(good)-20] + "A" + good[len(good)-19:]
		if s.cookies[name] == good {
			s.cookies[name] = good[:len(good)-20] + "B" + good[len(good)-19:]
		}
		_, err := s.Measure(t.Context(), Options{Rounds: 1, Requests: 4})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), user) {
			t.Errorf("with a changed cookie, %s gives %v", name, err)
		}
		s.cookies[name] = good
	}
	if s.cookies[Bare] != s.cookies[KeyturnCBOR] {
		t.Error("the bare site is sent other cookies than keyturn's")
	}
	if _, err := s.Measure(t.Context(), Options{Rounds: 1, Requests: 4}); err != nil {
		t.Error(err)
	}
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, cancel) // when the first turn has begun
	began := time.Now()
	_, err := s.Measure(ctx, Options{Rounds: 2, Requests: 3e6})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestListensOnThisMachineOnlyAndEndsWithItsParent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, childArg)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(strings.TrimSpace(line))
	if err != nil || !net.ParseIP(host).Equal(net.IPv4(127, 0, 0, 1)) {
		t.Errorf("it listens at %q: %v", line, err)
	}
	if runtime.GOOS != "windows" {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	in.Close() // as the system does it when the parent is gone
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it serves on after its parent's end")
	}
}

func TestPagesWithoutSessionsAreNotMistakenForOthers(t *testing.T) {
	h, err := handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", paths[name], nil))
		body, _ := io.ReadAll(w.Result().Body)
		if got := string(body); w.Code != http.StatusOK || (got == user) != (name == Bare) {
			t.Errorf("%s without a cookie: %d, %q", name, w.Code, got)
		}
	}
}
