package keyturn_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// fragment is what surrounds a snippet of the README that is no program.
const fragment = `package main

import (
	"fmt"
	"net/http"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
)

var sessions, _ = session.New[session.Values](session.Config{Keys: keyring.Ephemeral()})

var _, _ = fmt.Println, http.Error

func main() {}

`

func TestReadmeSnippetsCompile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := map[string]string{}
	var packages []string
	for i, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		code := m[1]
		if !strings.HasPrefix(code, "package ") {
			code = fragment + code
		}
		// The snippet is compiled as a package of this module that exists in
		// the eyes of the compiler only.
		pkg := "readme" + strconv.Itoa(i)
		file := filepath.Join(dir, pkg+".go")
		if err := os.WriteFile(file, []byte(code), 0o666); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(root, pkg, "main.go")] = file
		packages = append(packages, "./"+pkg)
	}
	if len(packages) < 2 {
		t.Fatalf("%d snippets found, which cannot be all", len(packages))
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"build", "-overlay", file, "-o", dir + string(filepath.Separator)}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What the README says of the times in a ring file, under its title
// "Rotation, in three steps".
func TestReadmeRotation(t *testing.T) {
	made := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	former, standby := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.BLAKE2b256())
	former.SignFrom = made
	d := keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{former, standby}}
	ring, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}

	turn := made.Add(24 * time.Hour)
	d.Generation++
	d.Keys[1].SignFrom = turn
	d.Keys[0].VerifyUntil = turn.Add(ring.Policy().MaxSession + ring.Policy().Skew)
	next, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	live := keyring.New(ring)
	if err := live.Replace(next); err != nil {
		t.Fatal(err)
	}
	cookie, err := live.Bind(keyring.Use{Name: "session"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		at   time.Time
		want keyring.Key
	}{
		{made, former}, {turn.Add(-5 * time.Minute), former}, {turn.Add(-time.Second), former},
		{turn, standby}, {turn.Add(20 * 24 * time.Hour), standby},
	} {
		if k, err := next.Primary(tt.at); err != nil || k.ID() != tt.want.ID() {
			t.Errorf("%v before the turn, %v signs, want %v: %v", turn.Sub(tt.at), k.ID(), tt.want.ID(), err)
		}
	}
	for at, want := range map[time.Time]error{
		turn: nil, turn.Add(14*24*time.Hour + 5*time.Minute - 1): nil, turn.Add(14*24*time.Hour + 5*time.Minute): keyring.ErrRetired,
	} {
		if _, err := cookie.Subkeys().Lookup(former.ID(), at); err != want {
			t.Errorf("%v after the turn, the former key: %v, want %v", at.Sub(turn), err, want)
		}
	}
}
