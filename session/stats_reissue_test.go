package session

import (
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// A change of the key alone counts, as does one of the codec, each of them for itself;
// they are told in one order, and as long as the ring has both keys.
func TestStatsTellsReissuesApart(t *testing.T) {
	a, b := newKey(t, signer.HMACSHA256(), 1), newKey(t, signer.HMACSHA256(), 2)
	if x, y := a.ID(), b.ID(); x.String() > y.String() {
		a, b = b, a
	}
	want := []Reissue{
		{a.ID(), a.ID(), "cbor", "json", 1},
		{a.ID(), a.ID(), "json", "cbor", 2},
		{a.ID(), b.ID(), "cbor", "cbor", 3},
		{a.ID(), b.ID(), "cbor", "json", 4},
		{a.ID(), b.ID(), "json", "json", 5},
		{b.ID(), a.ID(), "json", "json", 6},
	}
	ring := func(keys ...keyring.Key) *keyring.Ring {
		return newRing(t, func(d *keyring.Document) { d.Keys = keys })
	}
	for range 20 { // or the order may be right by chance
		var counts tally
		for _, r := range want {
			once := r
			once.Count = 0
			for range r.Count {
				counts.reissue(once)
			}
		}
		counts.reissue(Reissue{FromKey: a.ID(), ToKey: a.ID(), FromCodec: "json", ToCodec: "json"})
		if got := counts.reissues(ring(signing(a, t0), b), t0); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if got := counts.reissues(ring(signing(a, t0)), t0); !reflect.DeepEqual(got, want[:2]) || len(counts.reissued) != 2 {
			t.Fatalf("without the other key: %v, %v", got, counts.reissued)
		}
	}
}
