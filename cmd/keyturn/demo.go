package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/cmd/keyturn/internal/demo"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

type demoCommand struct {
	Addr        string   `default:"127.0.0.1:8070" placeholder:"HOST:PORT" help:"The address to listen on (${default}); with port 0, a free one."`
	State       string   `placeholder:"DIR" help:"The folder of the demo's own ring, so that a restart goes on. By default a temporary one, which is removed at the end."`
	AllowRemote bool     `help:"Let an address be reached from other machines. Whoever reaches it can turn keys."`
	Host        []string `placeholder:"NAME" help:"A host name by which the server is also reached. Without it, those are localhost and addresses."`
	Insecure    bool     `help:"Send the cookie without Secure, as session and not as ${cookie}: for Safari, which does not keep Secure cookies of http://127.0.0.1, and for http from other machines."`
}

func (demoCommand) Help() string {
	return `A visitor signs in with a name, sees the session and its cookie taken apart, turns the key, switches the algorithm and the codec, and stays signed in until signing out. The ring is the demo's own: it is in the folder, and the demo refuses a folder with any other ring.

    keyturn demo
    keyturn demo --addr 127.0.0.1:0 --state ./demo-state
    keyturn demo --insecure`
}

func (c demoCommand) Run(std streams) error {
	if err := c.checkAddr(); err != nil {
		return err
	}
	dir := c.State
	if dir == "" {
		temp, err := os.MkdirTemp("", "keyturn-demo-")
		if err != nil {
			return fail(statusCreate, err)
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	path := filepath.Join(dir, "keyring.json")
	keys, err := openDemoRing(path)
	if err != nil {
		return err
	}
	// The listener is there before the address is printed: who reads it can go
	// there at once.
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return failf(statusUnavailable, "%s is in use: choose another with --addr, or a free one with --addr 127.0.0.1:0", c.Addr)
		}
		return fail(statusUnavailable, err)
	}
	defer listener.Close()
	addr := listener.Addr().(*net.TCPAddr)
	if !c.AllowRemote && !addr.IP.IsLoopback() {
		return errRemote
	}
	server, err := demo.New(demo.Config{
		Keys:     keys,
		RingFile: path,
		Remote:   !addr.IP.IsLoopback(),
		Hosts:    c.Host,
		Insecure: c.Insecure,
		Log:      std.err,
	})
	if err != nil {
		return fail(statusConfig, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once

	fmt.Fprintf(std.out, "keyturn demo: http://%s/\n", c.reachedAt(addr))
	if c.State != "" {
		fmt.Fprintf(std.out, "its ring: %s\n", path)
	}
	if c.AllowRemote && !c.Insecure {
		fmt.Fprintln(std.out, "from other machines, browsers keep the cookie only over https: put a proxy with TLS before it, or use --insecure")
	}
	fmt.Fprintln(std.out, "Ctrl-C ends it")
	if err := std.out.Flush(); err != nil {
		return failf(statusOutput, "standard output: %w", err)
	}
	if err := server.Serve(ctx, listener); err != nil {
		return fail(statusSoftware, err)
	}
	return nil
}

// demoRing is the name of every ring that the demo makes, and of no other that
// it uses.
const demoRing = "keyturn-demo"

// openDemoRing returns the demo's ring, which it makes if there is no file.
func openDemoRing(path string) (*keyring.Keyring, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createDemoRing(path); err != nil {
			return nil, fail(statusCreate, about(path, err))
		}
	}
	ring, err := ringIn(path)
	if err != nil {
		return nil, err
	}
	if ring.Name() != demoRing {
		return nil, failf(statusConfig, "%s: not the demo's own ring, and left as it is: choose another folder", path)
	}
	return keyring.New(ring), nil
}

func createDemoRing(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	r, err := firstRing(demoRing, signer.HMACSHA256(), keyring.Policy{}, time.Now())
	if err != nil {
		return err
	}
	return createRing(path, r)
}

var errRemote = failf(statusUsage, "--addr: other machines reach this address; use one of 127.0.0.1, or --allow-remote")

// checkAddr reports an address that is not one, or that other machines reach.
func (c demoCommand) checkAddr() error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return failf(statusUsage, "--addr: not HOST:PORT, like 127.0.0.1:8070")
	}
	if c.AllowRemote || host == "localhost" {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		return errRemote
	}
	return nil
}

// reachedAt returns host and port of the URL, as close as possible to what was
// asked for.
func (c demoCommand) reachedAt(addr *net.TCPAddr) string {
	host, _, _ := net.SplitHostPort(c.Addr)
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(addr.Port))
}
