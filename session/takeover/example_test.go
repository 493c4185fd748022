package takeover_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// A cookie that Flask 3.1.3 has made, and the SECRET_KEY that it was made with.
const (
	flaskSession   = "eyJjYXJ0IjpbInNrdS0xIiwic2t1LTIiXSwibGFuZyI6ImVuIiwidXNlcl9pZCI6NDJ9.Zwd6AQ.Qogsdh4xef91aKoNoaDyPZnqHqQ"
	flaskSecretKey = "69f786943081ad9c21a721cb4325a9c4"
)

// What is in a cookie of Flask becomes a dictionary. A session.Takeover with this Reader
// and this Convert does the same for each visitor who comes with such a cookie.
func Example() {
	flask, err := takeover.Flask(takeover.FlaskConfig{Secrets: []string{flaskSecretKey}})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2024, 10, 11, 12, 0, 0, 0, time.UTC)
	old, err := flask.Open(now, []string{flaskSession})
	if err != nil {
		log.Fatal(err)
	}
	values, err := takeover.Values(old.Data)
	if err != nil {
		log.Fatal(err)
	}
	const (
		userID = session.Key[int64]("user_id")
		lang   = session.Key[string]("lang")
		cart   = session.Key[[]any]("cart")
	)
	fmt.Println(userID.Get(values), lang.Get(values), cart.Get(values))
	fmt.Println("last sent on", old.Start.Format(time.DateOnly), "and over on", old.Expires.Format(time.DateOnly))

	_, err = flask.Open(now.AddDate(0, 1, 0), []string{flaskSession})
	fmt.Println(err, errors.Is(err, session.ErrExpired))
	// Output:
	// 42 en [sku-1 sku-2]
	// last sent on 2024-10-10 and over on 2024-11-10
	// flask: it is older than MaxAge true
}

// A Cart is what this program keeps of a visitor.
type Cart struct {
	UserID int64    `json:"user_id"`
	Items  []string `json:"items"`
}

// toCart is a Convert: it takes what it knows, in the types that it knows. Its errors
// do not quote the data.
func toCart(data any) (Cart, error) {
	object, ok := data.(map[string]any)
	if !ok {
		return Cart{}, errors.New("the session is not an object")
	}
	var c Cart
	if c.UserID, ok = object["user_id"].(int64); !ok {
		return Cart{}, errors.New("user_id is not an integer")
	}
	items, _ := object["cart"].([]any) // there is none at first
	for _, x := range items {
		item, ok := x.(string)
		if !ok {
			return Cart{}, errors.New("cart has something else than text")
		}
		c.Items = append(c.Items, item)
	}
	return c, nil
}

// What is in a cookie of Flask becomes a struct, and leaves in a cookie of keyturn.
func Example_struct() {
	flask, err := takeover.Flask(takeover.FlaskConfig{
		Secrets: []string{flaskSecretKey},
		MaxAge:  100 * 365 * 24 * time.Hour, // for the cookie of this example, which is from 2024
	})
	if err != nil {
		log.Fatal(err)
	}
	keys := keyring.Ephemeral() // in production: keyring.Open("keyring.json")
	carts, err := session.New(session.Config{Keys: keys}, session.Takeover[Cart]{
		From:    flask,
		Convert: toCart,
		Until:   time.Now().AddDate(0, 0, 31), // in production: a date
	})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(carts, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	app := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := carts.From(r.Context()).Data()
		fmt.Println("user", c.UserID, "has", c.Items)
	}))

	r := httptest.NewRequest("GET", "https://example.com/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: flaskSession})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		fmt.Println("sent:", c.Name)
	}
	// Output:
	// user 42 has [sku-1 sku-2]
	// sent: __Host-session
}
