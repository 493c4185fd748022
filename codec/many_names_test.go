package codec_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// A map with a name twice is refused by each codec, whichever field or unknown member
// it is and however many others there are: beyond the first 64 fields, too.
func TestANameTwiceIsRefusedHoweverManyThereAre(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, count := range []int{0, 1, 12, 13, 16, 17, 18, 63, 64, 65, 66, 90} {
		for _, several := range []bool{false, true} {
			var fields []reflect.StructField
			for i := range count {
				fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%03d", i), Type: reflect.TypeFor[int]()})
			}
			if several {
				fields = append(fields, reflect.StructField{Name: "S", Type: reflect.TypeFor[[]int]()})
			}
			typ := reflect.StructOf(fields)
			for range 60 {
				var names []string
				for i := range count {
					names = append(names, fmt.Sprintf("F%03d", i))
				}
				for i := range r.IntN(40) {
					names = append(names, fmt.Sprint("u", i))
				}
				r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				twice := append([]string{}, names...)
				if len(names) > 0 {
					i := r.IntN(len(names) + 1)
					twice = append(append(append([]string{}, names[:i]...), names[r.IntN(len(names))]), names[i:]...)
				}
				for _, c := range codec.All() {
					if err := c.Decode(mapOf(c, names), reflect.New(typ).Interface()); err != nil {
						t.Fatalf("%s: %d fields, %d names: %v", c.Name(), count, len(names), err)
					}
					if err := c.Decode(mapOf(c, twice), reflect.New(typ).Interface()); err == nil && len(names) > 0 {
						t.Fatalf("%s: %d fields, %d names: %q has one twice and is accepted", c.Name(), count, len(names), twice)
					}
				}
			}
		}
	}
}

// mapOf is the encoding of a map from each of the names, in order, to 7.
func mapOf(c codec.Codec, names []string) []byte {
	var b []byte
	switch c.Name() {
	case "json":
		return []byte("{" + strings.TrimPrefix(strings.Join(append([]string{""}, quoted(names)...), ","), ",") + "}")
	case "msgpack":
		b = binary.BigEndian.AppendUint16([]byte{0xde}, uint16(len(names)))
		for _, n := range names {
			b = append(append(append(b, 0xa0|byte(len(n))), n...), 7)
		}
	case "cbor":
		b = binary.BigEndian.AppendUint16([]byte{0xb9}, uint16(len(names)))
		for _, n := range names {
			b = append(append(append(b, 0x60|byte(len(n))), n...), 7)
		}
	}
	return b
}

func quoted(names []string) (q []string) {
	for _, n := range names {
		q = append(q, fmt.Sprintf("%q:7", n))
	}
	return q
}
