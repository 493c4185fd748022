package keyringtest_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/keyring/keyringtest"
	"github.com/keyturn/keyturn/signer"
)

// An operator wants to know whether a propagation of 5 minutes would do where an
// instance needs up to 20 to load a ring.
func ExampleFleet() {
	for _, d := range []time.Duration{time.Hour, 5 * time.Minute} {
		f := keyringtest.Fleet{Policy: keyring.Policy{Propagation: d}, Lag: 20 * time.Minute}
		result, err := f.Run(context.Background(), 1, 6_000, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: signs nobody out: %v\n", d, result.OK())
	}
	// Output:
	// 1h0m0s: signs nobody out: true
	// 5m0s: signs nobody out: false
}

// An operator of one's own: one who does nothing but turn the key, to another
// algorithm each time.
func ExampleOperator() {
	operator := func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) keyringtest.Edit {
		algorithms := []signer.Algorithm{signer.HMACSHA256(), signer.BLAKE2b256()}
		a := algorithms[rng.IntN(len(algorithms))]
		return keyringtest.Edit{Name: "to " + a.Name, Do: func(d *keyring.Document) error {
			return d.Rotate(now, a, 24*time.Hour)
		}}
	}
	result, err := keyringtest.Fleet{Operator: operator}.Run(context.Background(), 1, 4_000, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wrongly rejected:", result.WronglyRejected)
	// Output: wrongly rejected: 0
}
