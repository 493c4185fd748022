package main

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// Nobody should wait for a program that waits for them.
func TestSignSaysThatItReadsATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal here")
	}
	defer terminal.Close()
	c := newCommand(t, "sign", "--keyring", initRing(t, "hmac-sha256"))
	c.Stdin = terminal
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(errs).ReadString('\n')
	c.Process.Kill()
	c.Wait()
	if err != nil || !strings.HasPrefix(line, "keyturn: type a JSON object") {
		t.Errorf("%q, %v", line, err)
	}
}
