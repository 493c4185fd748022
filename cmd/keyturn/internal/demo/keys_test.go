package demo

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

func TestLiveKeysComeFirstAndDeadOnesAreApart(t *testing.T) {
	now := time.Now().UTC().Round(0)
	keys := []keyring.Key{}
	// Of the oldest, each is added an hour after the one before.
	add := func(change func(*keyring.Key)) {
		k := added(signer.HMACSHA256(), now.Add(time.Duration(len(keys)-100)*time.Hour))
		change(&k)
		keys = append(keys, k)
	}
	add(func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = k.Added, now.Add(-time.Hour) })
	add(func(k *keyring.Key) { k.Pruned = now.Add(-time.Hour) })
	for range shownKeys {
		add(func(k *keyring.Key) { k.SignFrom, k.VerifyUntil = k.Added, now.Add(1000*time.Hour) })
	}
	add(func(k *keyring.Key) { k.Revoked = now.Add(-time.Hour) })
	add(func(k *keyring.Key) { k.SignFrom = k.Added })
	add(func(k *keyring.Key) { k.Disabled = true })
	add(func(k *keyring.Key) { k.SignFrom = now.Add(time.Hour) })
	add(func(k *keyring.Key) {})
	r, err := keyring.NewRing(keyring.Document{Name: "demo", Generation: 1, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	l := listKeys(r, now)
	states := func(keys []shownKey) (s []keyring.State) {
		for _, k := range keys {
			s = append(s, k.State)
		}
		return s
	}
	got := fmt.Sprint(states(l.Live), states(l.Older), states(l.Dead))
	if want := "[active standby pending retiring retiring retiring] [retiring retiring retiring] [disabled revoked pruned retired]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	retiring := slices.Concat(l.Live[3:], l.Older)
	if !slices.IsSortedFunc(retiring, func(a, b shownKey) int { return b.SignFrom.Compare(a.SignFrom) }) {
		t.Error("of those that only verify, the last to sign is not the first")
	}
}

func TestFewKeysAreAllShown(t *testing.T) {
	r := newRing(t)
	for range shownKeys - 2 {
		if err := r.edit(turn); err != nil {
			t.Fatal(err)
		}
	}
	if l := listKeys(r.keys.Ring(), time.Now()); len(l.Live) != shownKeys || l.Older != nil || l.Dead != nil {
		t.Errorf("%d, %d, %d", len(l.Live), len(l.Older), len(l.Dead))
	}
}
