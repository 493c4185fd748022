package session_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// A Basket is a session of one's own.
type Basket struct {
	User  string           `json:"user"`
	Items map[string]int64 `json:"items"`
}

var basket = Basket{User: "tom@example.com", Items: map[string]int64{"tea": 2, "milk": 1}}

// newBaskets returns a Manager like the application's, with one codec.
func newBaskets(c codec.Codec) (*session.Manager[Basket], error) {
	keys, err := keyring.FromKeys(keyring.GenerateKey(signer.HMACSHA256()))
	if err != nil {
		return nil, err
	}
	return session.New[Basket](session.Config{Keys: keys, Codecs: []codec.Codec{c}})
}

// sealBasket makes the value of a cookie, as signing in does.
func sealBasket(baskets *session.Manager[Basket], now time.Time) (string, error) {
	s := baskets.New(now)
	if err := s.Renew(basket); err != nil {
		return "", err
	}
	return baskets.Seal(now, s)
}

// benchmarkBasket measures a whole cookie with each codec: to make it, and to open it.
func benchmarkBasket(b *testing.B) {
	now := time.Now()
	for _, c := range codec.All() {
		baskets, err := newBaskets(c)
		if err != nil {
			b.Fatal(err)
		}
		value, err := sealBasket(baskets, now)
		if err != nil {
			b.Fatal(err)
		}
		if back := baskets.Open(now, value).Data(); !reflect.DeepEqual(back, basket) {
			b.Fatalf("%+v comes back", back)
		}
		b.Run(c.Name()+"/make", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sealBasket(baskets, now); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(baskets.Name())+len(value)), "bytes")
		})
		b.Run(c.Name()+"/open", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if baskets.Open(now, value).Data().User != basket.User {
					b.Fatal("another session")
				}
			}
		})
	}
}

// How to measure a struct of one's own as a whole cookie. Its size, of which browsers
// keep 4,096 bytes of name and value, takes no benchmark.
func ExampleManager_Seal_benchmark() {
	// func BenchmarkBasket(b *testing.B) { benchmarkBasket(b) }
	_ = func(b *testing.B) { benchmarkBasket(b) }

	for _, c := range codec.All() {
		baskets, err := newBaskets(c)
		if err != nil {
			fmt.Println(err)
			return
		}
		value, err := sealBasket(baskets, time.Now())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.Name(), len(baskets.Name())+len(value), "bytes")
	}
	// Output:
	// json 153 bytes
	// msgpack 136 bytes
	// cbor 136 bytes
}
