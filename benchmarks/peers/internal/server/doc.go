// Package server measures what a session costs a real HTTP server: a process
// that serves, on this machine only, and this process, which asks it.
//
// The server has the same page with the sessions of each library, and one without
// any. What is judged is the CPU time of the server's process, by its own
// account: how many requests fit into a second also depends on what else the
// machine does, and on the client.
package server

import "github.com/keyturn/keyturn/benchmarks/internal/work"

// The sites of the server, which are also the names of their results.
const (
	Bare          = "bare net/http"
	KeyturnJSON   = "keyturn hmac-sha256 json"
	KeyturnCBOR   = work.KeyturnCBOR
	Gorilla       = "gorilla/sessions"
	Golangcollege = "golangcollege/sessions"
	SCS           = "scs"
)

// Names are the sites in the order in which they are shown.
var Names = []string{Bare, KeyturnJSON, KeyturnCBOR, Gorilla, Golangcollege, SCS}

// paths are where the sites are.
var paths = map[string]string{
	Bare: "/bare", KeyturnJSON: "/keyturn/json", KeyturnCBOR: "/keyturn/cbor",
	Gorilla: "/gorilla", Golangcollege: "/golangcollege", SCS: "/scs",
}

// user is what the page consists of. Sites that have sessions read it there.
var user = work.Standard.User
