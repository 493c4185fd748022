package session_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

type Visit struct {
	User string   `json:"user"`
	Cart []string `json:"cart,omitempty"`
}

func Example() {
	keys := keyring.Ephemeral() // in production: keyring.Open("keyring.json")
	visits, err := session.New[Visit](session.Config{Keys: keys})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Behind package middleware, this is visits.From(r.Context()), and the
	// cookie is sent by itself.
	now := time.Now()
	s := visits.New(now)
	if err := s.Renew(Visit{User: "tom"}); err != nil {
		fmt.Println(err)
		return
	}
	cookie, err := visits.Seal(now, s)
	if err != nil {
		fmt.Println(err)
		return
	}

	s = visits.Open(now.Add(time.Hour), cookie)
	err = s.Update(func(v *Visit) { v.Cart = append(v.Cart, "tea") })
	outcome, _ := s.Outcome()
	fmt.Println(outcome, s.Data(), err)
	// Output: valid {tom [tea]} <nil>
}

func ExampleSession_Outcome() {
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	elsewhere, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	s := elsewhere.New(now)
	s.Renew(Visit{User: "tom"})
	cookie, _ := elsewhere.Seal(now, s)

	for _, value := range []string{cookie, cookie[:20], "theme=dark"} {
		outcome, reason := visits.Open(now, value).Outcome()
		fmt.Println(outcome, reason.String())
	}
	// Output:
	// indeterminate unknown_key
	// rejected malformed
	// rejected malformed
}

func ExampleSession_Update_tooLarge() {
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := visits.New(time.Now())
	err = s.Update(func(v *Visit) {
		for range 1000 {
			v.Cart = append(v.Cart, "tea")
		}
	})
	var size *session.SizeError
	if errors.As(err, &size) {
		fmt.Println("limit:", size.Limit, "the session is as it was:", len(s.Data().Cart) == 0)
	}
	// Output: limit: 4096 the session is as it was: true
}

// What a function given to Update keeps is not the session's data: changing
// it later changes nothing.
func ExampleSession_Update_incorrect() {
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := visits.New(time.Now())
	var kept *Visit
	s.Update(func(v *Visit) { v.User = "tom"; kept = v })
	kept.User = "tim"
	fmt.Println(s.Data().User)
	// Output: tom
}

func ExampleKey() {
	const (
		User    session.Key[string]    = "user"
		Seen    session.Key[time.Time] = "seen"
		Message session.Key[string]    = "message"
	)
	sessions, err := session.New[session.Values](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := sessions.New(time.Now())
	err = s.Update(func(v *session.Values) {
		User.Set(v, "tom")
		Seen.Set(v, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	})
	fmt.Println(User.GetIn(s), Seen.GetIn(s).Year(), err)

	// A message for the next page: set on this one, popped on that one.
	if err := Message.SetIn(s, "Saved."); err != nil {
		fmt.Println(err)
	}
	text, ok, err := Message.PopIn(s)
	fmt.Println(text, ok, err)
	_, ok, err = Message.PopIn(s)
	fmt.Println(ok, err)
	// Output:
	// tom 2026 <nil>
	// Saved. true <nil>
	// false <nil>
}

// A key that encrypts hides what is in a session; Sealed insists on one.
func ExampleConfig_sealed() {
	keys, err := keyring.FromKeys(keyring.GenerateKey(signer.XChaCha20Poly1305()))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = session.New[Visit](session.Config{Keys: keys, Sealed: true})
	fmt.Println(err)

	_, err = session.New[Visit](session.Config{Keys: keyring.Ephemeral(), Sealed: true})
	fmt.Println(errors.Is(err, session.ErrNotSealed))
	// Output:
	// <nil>
	// true
}
