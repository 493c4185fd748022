package keyring_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// A program with one secret of its own, which takes over from an older one.
func ExampleFromKeys() {
	secret, former := make([]byte, 32), make([]byte, 32)
	rand.Read(secret) // in practice, from where the program keeps its secrets
	rand.Read(former)

	primary, err := keyring.NewKey(signer.HMACSHA256(), secret)
	if err != nil {
		log.Fatal(err)
	}
	other, err := keyring.NewKey(signer.BLAKE2b256(), former)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.FromKeys(primary, other)
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := keys.Bind(keyring.Use{Name: "__Host-session"})
	if err != nil {
		log.Fatal(err)
	}

	now := time.Now()
	subkeys := sessions.Subkeys()
	k, err := subkeys.Primary(now)
	if err != nil {
		log.Fatal(err)
	}
	message := []byte("user=tom")
	tag := k.Signer.Sign(nil, message)
	fmt.Println("signed with", k.Algorithm)

	// Later, of a message that names its key.
	k, err = subkeys.Lookup(k.ID, now)
	fmt.Println("verified:", err == nil && k.Signer.Verify(message, tag))

	_, err = subkeys.Lookup(keyring.KeyID{1, 2, 3, 4}, now)
	fmt.Println("another:", errors.Is(err, keyring.ErrUnknownKey))
	// Output:
	// signed with hmac-sha256
	// verified: true
	// another: true
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keyring.json")

	// What the operator does, once: a key that signs, and a standby.
	now := time.Now()
	active, standby := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.HMACSHA256())
	active.Added, active.SignFrom, standby.Added = now, now, now
	ring, err := keyring.NewRing(keyring.Document{
		Name: "shop", Generation: 1, Published: now, Keys: []keyring.Key{active, standby},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := keyring.WriteFile(path, ring); err != nil {
		log.Fatal(err)
	}

	// What every instance of the server does.
	keys, err := keyring.Loader{Name: "shop"}.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer keys.Close()
	fmt.Println(keys)
	for _, k := range []keyring.Key{active, standby} {
		fmt.Println(keys.Ring().State(k.ID(), now))
	}
	// Output:
	// ring "shop" generation 1, 2 keys
	// active
	// standby
}

// A whole rotation is one edit of the document. Here, the next key is for
// another algorithm.
func ExampleDocument() {
	now := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	active, standby := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.BLAKE2b256())
	active.SignFrom = now.AddDate(0, -3, 0)
	ring, err := keyring.NewRing(keyring.Document{Name: "shop", Generation: 7, Keys: []keyring.Key{active, standby}})
	if err != nil {
		log.Fatal(err)
	}
	keys := keyring.New(ring)

	policy := ring.Policy()
	d := ring.Document()
	d.Generation++
	d.Published = now
	turn := now.Add(policy.Propagation)
	for i := range d.Keys {
		switch k := &d.Keys[i]; ring.State(k.ID(), now) {
		case keyring.Standby:
			k.SignFrom = turn
		case keyring.Active:
			k.VerifyUntil = turn.Add(policy.MaxSessionHigh + policy.Skew)
		}
	}
	next := keyring.GenerateKey(signer.BLAKE2b256())
	next.Added = now
	d.Keys = append(d.Keys, next)

	ring, err = keyring.NewRing(d)
	if err != nil {
		log.Fatal(err)
	}
	if err := keys.Replace(ring); err != nil {
		log.Fatal(err)
	}
	for _, t := range []time.Time{now, turn, turn.AddDate(0, 0, 15)} {
		fmt.Printf("%s: %v and %v\n", t.Format("2 January 15:04"),
			keys.Ring().State(active.ID(), t), keys.Ring().State(standby.ID(), t))
	}
	// Output:
	// 1 October 12:00: active and pending
	// 1 October 13:00: retiring and active
	// 16 October 13:00: retired and active
}

// A server follows its ring file by itself. On SIGHUP it looks at once, and says
// what it found: that is for operators who want to see that all is well.
func ExampleKeyring_Reload() {
	dir, err := os.MkdirTemp("", "keyring")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keyring.json")
	publish := func(r *keyring.Ring) {
		if err := keyring.WriteFile(path, r); err != nil {
			log.Fatal(err)
		}
	}
	ring := firstRing()
	publish(ring)

	keys, err := keyring.Open(path)
	if err != nil {
		log.Fatal(err) // a server must not start without its ring
	}
	defer keys.Close()

	// In practice: signal.Notify(hangup, syscall.SIGHUP)
	hangup := make(chan os.Signal, 1)
	done := make(chan bool)
	go func() {
		for range hangup {
			if err := keys.Reload(context.Background()); err != nil {
				fmt.Println("going on with the present ring:", err)
			} else {
				fmt.Println("in use is generation", keys.Ring().Generation())
			}
			done <- true
		}
	}()

	now := time.Now()
	ring, err = ring.Edit(now, func(d *keyring.Document) error {
		return d.Rotate(now, signer.Algorithm{}, 24*time.Hour)
	})
	if err != nil {
		log.Fatal(err)
	}
	publish(ring)
	hangup <- os.Interrupt
	<-done
	// Output: in use is generation 2
}

// An edit is planned before it is published: what Plan finds would end sessions.
func ExamplePlan() {
	now := time.Now()
	ring := firstRing()
	edited, err := ring.Edit(now, func(d *keyring.Document) error {
		return d.Rotate(now, signer.BLAKE2b256(), 24*time.Hour)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("at once:", len(keyring.Plan(ring, edited, now)), "findings")
	for _, f := range keyring.Plan(ring, edited, now.Add(48*time.Hour)) {
		fmt.Println("two days later:", f.Rule)
	}
	// Output:
	// at once: 0 findings
	// two days later: T4
	// two days later: T5
}

// firstRing has a key that signs and one that stands by, both for long.
func firstRing() *keyring.Ring {
	active, standby := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.HMACSHA256())
	active.Added = time.Now().Add(-30 * 24 * time.Hour)
	standby.Added, active.SignFrom = active.Added, active.Added
	r, err := keyring.NewRing(keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{active, standby}})
	if err != nil {
		log.Fatal(err)
	}
	return r
}
