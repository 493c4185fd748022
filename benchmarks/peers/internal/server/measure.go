package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/internal/turns"
)

// Options say how long to measure. Of the zero Options, every field has a default.
type Options struct {
	// Rounds is how many turns each site has; 10 by default.
	Rounds int
	// Turn is about how long a site answers requests before the next has its
	// turn; half a second by default.
	Turn time.Duration
	// Requests, if it is not 0, is how many requests make a turn, however long
	// they take.
	Requests int
	// Conns is how many connections ask at a time; 4 by default. They are kept.
	Conns int
	// Progress, if not nil, is called after each round.
	Progress func(done, rounds int)
}

// A Site is what was measured of one site, a value for each round, in their order.
type Site struct {
	Name string
	// PerSecond is how many requests were answered in a second.
	PerSecond []float64
	// P50 and P99 are how long half of the requests took at most, and 99 of 100,
	// in microseconds, as the client sees it.
	P50, P99 []float64
	// CPU is the microseconds of CPU time that the server's process took for a
	// request, kernel included. There are none where the system does not tell.
	CPU []float64
}

// Over returns the spread of the microseconds of CPU time that s takes more than
// another site, round by round.
func (s Site) Over(t Site) turns.Spread {
	diff := make([]float64, len(s.CPU))
	for i := range diff {
		diff[i] = s.CPU[i] - t.CPU[i]
	}
	return turns.Median(diff)
}

// Measure has each of the sites answer requests once for every round, in an order
// that is drawn. Each answer is compared: it has the name that is in the session.
func (s *Server) Measure(ctx context.Context, o Options) ([]Site, error) {
	if o.Rounds <= 0 {
		o.Rounds = 10
	}
	if o.Turn <= 0 {
		o.Turn = time.Second / 2
	}
	if o.Conns <= 0 {
		o.Conns = 4
	}
	conns := make([]*conn, o.Conns)
	for i := range conns {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		// To end a measurement is to close what it waits for.
		defer context.AfterFunc(ctx, func() { c.Close() })()
		conns[i] = &conn{Conn: c, r: bufio.NewReader(c)}
	}

	n := o.Requests
	for _, name := range slices.Backward(Names) { // the last one is the bare one
		count := 2000
		if o.Requests > 0 {
			count = min(count, o.Requests)
		}
		began := time.Now()
		if _, err := s.turn(ctx, name, conns, count); err != nil {
			return nil, err
		}
		if o.Requests == 0 {
			n = int(float64(count) * float64(o.Turn) / float64(time.Since(began)))
		}
	}
	n = max(n/len(conns), 1) * len(conns)

	all := make([]Site, len(Names))
	for i, name := range Names {
		all[i].Name = name
	}
	order := rand.New(rand.NewPCG(1, 2)) // who comes after whom is drawn, as in package turns
	for round := range o.Rounds {
		for _, j := range order.Perm(len(Names)) {
			before, err := s.usage(ctx)
			if err != nil {
				return nil, err
			}
			began := time.Now()
			took, err := s.turn(ctx, Names[j], conns, n)
			if err != nil {
				return nil, err
			}
			elapsed := time.Since(began)
			after, err := s.usage(ctx)
			if err != nil {
				return nil, err
			}
			slices.Sort(took)
			site := &all[j]
			site.PerSecond = append(site.PerSecond, float64(n)/elapsed.Seconds())
			site.P50 = append(site.P50, micros(took[n/2]))
			site.P99 = append(site.P99, micros(took[n*99/100]))
			if before.Known && after.Known {
				site.CPU = append(site.CPU, micros(time.Duration(after.CPU-before.CPU))/float64(n))
			}
		}
		if o.Progress != nil {
			o.Progress(round+1, o.Rounds)
		}
	}
	return all, nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// turn makes n requests of a site, by all of the connections at a time, and
// returns how long each took.
func (s *Server) turn(ctx context.Context, name string, conns []*conn, n int) ([]time.Duration, error) {
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n"+
		"Cookie: lang=en; %s\r\n\r\n", paths[name], s.addr, s.cookies[name])
	took := make([]time.Duration, n)
	errs := make([]error, len(conns))
	var wg sync.WaitGroup
	for i, c := range conns {
		part := took[i*n/len(conns) : (i+1)*n/len(conns)]
		wg.Go(func() {
			c.SetDeadline(time.Now().Add(time.Minute))
			for k := range part {
				began := time.Now()
				if errs[i] = c.ask(request); errs[i] != nil {
					c.Close()
					return
				}
				part[k] = time.Since(began)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return took, nil
}

// A conn is a connection that is kept.
type conn struct {
	net.Conn
	r    *bufio.Reader
	body [256]byte
}

// ask makes one request, and compares the answer.
func (c *conn) ask(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	n, err := io.ReadFull(resp.Body, c.body[:])
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("the page does not end: %v", err)
	}
	if got := string(c.body[:n]); resp.StatusCode != http.StatusOK || got != user {
		return fmt.Errorf("%s and the page %.60q instead of %q", resp.Status, got, user)
	}
	return nil
}
