package keyring

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// Bind and Replace wait for each other: otherwise one of two could put its
// snapshot in the place of another that it has not seen, and bindings share the
// same subkeys, or have none.
func TestBindAndReplaceTakeTurns(t *testing.T) {
	const uses = 8
	k := New(founded(t, signer.HMACSHA256()))
	var inside, checks atomic.Int32
	check := func(*Ring) error {
		checks.Add(1)
		if inside.Add(1) > 1 {
			t.Error("two are at work")
		}
		time.Sleep(time.Millisecond) // so that the others have begun
		inside.Add(-1)
		return nil
	}
	use := func(i int) Use { return Use{Name: "s", Audience: fmt.Sprint(i), Check: check} }
	bindings := make([]*Binding, uses)
	bindings[0] = bind(t, k, use(0)) // which Replace has to ask from the first
	last := k.Ring()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := 1; i < uses; i++ {
		wg.Go(func() {
			<-start
			bindings[i] = bind(t, k, use(i))
		})
	}
	var rings []*Ring
	for range 3 {
		last = next(t, last, nil)
		rings = append(rings, last)
	}
	wg.Go(func() {
		<-start
		for _, r := range rings {
			if err := k.Replace(r); err != nil {
				t.Error(err)
			}
		}
	})
	close(start)
	wg.Wait()
	if n := int(checks.Load()); n < uses+len(rings) || k.Ring() != last {
		t.Errorf("%d checks; the ring is %v", n, k.Ring())
	}
	// Each has the subkeys of its own use, and of the last ring.
	msg := []byte("m")
	for i, b := range bindings {
		p, err := b.Subkeys().Primary(base)
		if err != nil || b.Subkeys().Ring() != last {
			t.Fatalf("binding %d: %v, of %v", i, err, b.Subkeys().Ring())
		}
		alone := bind(t, New(last), b.use)
		want, err := alone.Subkeys().Lookup(p.ID, base)
		if err != nil || !want.Signer.Verify(msg, p.Signer.Sign(nil, msg)) {
			t.Errorf("binding %d has the subkeys of another: %v", i, err)
		}
	}
}
