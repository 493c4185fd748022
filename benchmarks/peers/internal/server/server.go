package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Server is a process that serves.
type Server struct {
	addr    string
	cmd     *exec.Cmd
	life    io.Closer // it ends with this
	cookies map[string]string
}

// Start starts this program once more, to serve, and signs in at each site.
func Start(ctx context.Context) (*Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &Server{cmd: exec.Command(exe, childArg)}
	s.cmd.Stderr = os.Stderr
	if s.life, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case s.addr = <-line:
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
	if s.addr == "" {
		s.Close()
		return nil, errors.New("the server's process did not say where it serves")
	}
	if s.cookies, err = s.signIn(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the process.
func (s *Server) Close() {
	s.life.Close()
	stop := time.AfterFunc(5*time.Second, func() { s.cmd.Process.Kill() })
	s.cmd.Wait()
	stop.Stop()
}

// client is for what is not measured.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (s *Server) post(ctx context.Context, path string) (*http.Response, []byte, error) {
	u := url.URL{Scheme: "http", Host: s.addr, Path: path}
	req, err := http.NewRequestWithContext(ctx, "POST", u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %s: %s", path, resp.Status, body)
	}
	return resp, body, err
}

// signIn returns the Cookie header for each site. The bare one has that of
// keyturn with CBOR, so that the server parses a request of the same size.
func (s *Server) signIn(ctx context.Context) (map[string]string, error) {
	cookies := make(map[string]string)
	for _, name := range Names[1:] {
		resp, _, err := s.post(ctx, paths[name])
		if err != nil {
			return nil, fmt.Errorf("sign-in: %w", err)
		}
		if n := len(resp.Cookies()); n != 1 {
			return nil, fmt.Errorf("sign-in with %s: %d cookies", name, n)
		}
		c := resp.Cookies()[0]
		cookies[name] = c.Name + "=" + c.Value
	}
	cookies[Bare] = cookies[KeyturnCBOR]
	return cookies, nil
}

// usage asks the server to tidy up, and what it has used so far.
func (s *Server) usage(ctx context.Context) (u usage, err error) {
	_, body, err := s.post(ctx, "/usage")
	if err != nil {
		return u, err
	}
	return u, json.Unmarshal(body, &u)
}
