package demo

import (
	"fmt"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// An account is what the sentence at the top of a visitor's page is made from.
type account struct {
	middleware.Event
	First     bool // it is the first page since signing in
	Restarted bool // the demo has begun since the cookie was made
}

// String says in one sentence what just happened to the visitor's cookie.
func (a account) String() string {
	return a.opening() + ": your cookie was " + made(a.Cookie) + a.replaced() + "."
}

func (a account) opening() string {
	s := "You are still signed in"
	if a.First {
		s = "You have just signed in"
	}
	if a.Restarted {
		s += ", though the demo has restarted"
	}
	return s
}

// replaced says what the response does to the cookie.
func (a account) replaced() string {
	came, sent := a.Cookie, a.Token
	switch {
	case sent.Codec == "":
		return ", and this response leaves it as it is"
	case came.KeyID != sent.KeyID:
		return ", which now only " + word(came, "verifies", "decrypts") + "; this response replaces it with one " + ofAnotherKey(came, sent)
	}
	same := ", which still " + word(came, "signs", "encrypts") + "; this response replaces it with one of the same key"
	if came.Codec != sent.Codec {
		return same + " in " + sent.Codec + ", the present codec"
	}
	return same + ", since " + why(a.Sent)
}

// ofAnotherKey names the key of the cookie that takes the place of another's,
// and what else is new about it.
func ofAnotherKey(came, sent session.Info) string {
	switch from, to := seals(came), seals(sent); {
	case to && !from:
		return made(sent) + ", so that only the holder of the key can read it"
	case from && !to:
		return made(sent) + ", so that whoever has it can read it"
	case came.Algorithm != sent.Algorithm || came.Codec != sent.Codec:
		return "of " + key(sent)
	}
	return fmt.Sprintf("of key %v", sent.KeyID)
}

// made says how a token was made.
func made(i session.Info) string {
	return word(i, "signed", "encrypted") + " with " + key(i)
}

func key(i session.Info) string {
	return fmt.Sprintf("key %v (%s, %s)", i.KeyID, i.Algorithm, i.Codec)
}

// word chooses the word for what the token's algorithm does.
func word(i session.Info, signs, encrypts string) string {
	if seals(i) {
		return encrypts
	}
	return signs
}

func seals(i session.Info) bool {
	a, _ := algorithmNamed(i.Algorithm)
	return a.Seals()
}
