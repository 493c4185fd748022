package codec_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/codec/codectest"
)

func Example() {
	type Visit struct {
		User string    `json:"user"`
		Seen time.Time `json:"seen"`
	}
	in := Visit{User: "tom", Seen: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}
	for _, c := range codec.All() {
		data, err := c.Append(nil, &in)
		if err != nil {
			fmt.Println(err)
			return
		}
		var out Visit
		if err := c.Decode(data, &out); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.Name(), len(data), out == in)
	}
	// Output:
	// json 44 true
	// msgpack 21 true
	// cbor 37 true
}

// Kinds of Values keep their types where JSON by itself would lose them.
func Example_values() {
	in := map[string]any{
		"visits": int64(7),
		"score":  7.0,
		"seen":   time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC),
		"mark":   []byte{0xff},
		"price":  "$5",
	}
	data, err := codec.JSON().Append(nil, in)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", data)

	var out map[string]any
	if err := codec.JSON().Decode(data, &out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%T %T %T %T %T\n", out["visits"], out["score"], out["seen"], out["mark"], out["price"])
	// Output:
	// {"mark":"$bytes:_w","price":"$$5","score":7.0,"seen":"$time:2026-10-01T12:00:00Z","visits":7}
	// int64 float64 time.Time []uint8 string
}

// A program that knows some members changes them and passes on the others.
func ExampleMerger() {
	c := codec.JSON().(codec.Merger)
	data := []byte(`{"user":"tom","cart":{"apples":3},"theme":"dark"}`)

	var older struct {
		User string `json:"user"`
	}
	if err := c.Decode(data, &older); err != nil {
		fmt.Println(err)
		return
	}
	extra, err := c.Extra(nil, data, func(name string) bool { return name == "user" })
	if err != nil {
		fmt.Println(err)
		return
	}
	older.User = "ann"
	changed, err := c.Append(nil, &older)
	if err != nil {
		fmt.Println(err)
		return
	}
	if len(extra) > 0 {
		changed, err = c.Merge(nil, changed, extra)
	}
	fmt.Printf("%s %v\n", changed, err)
	// Output: {"user":"ann","cart":{"apples":3},"theme":"dark"} <nil>
}

// checked is a codec of one's own: CBOR after its checksum, for data that are stored
// where bits get lost. In a token, which is authenticated, it would be of no use.
type checked struct{ inner codec.Codec }

func (checked) ID() byte     { return 128 }
func (checked) Name() string { return "checked-cbor" }

func (c checked) Append(dst []byte, v any) ([]byte, error) {
	start := len(dst)
	out, err := c.inner.Append(append(dst, 0, 0, 0, 0), v)
	if err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint32(out[start:], crc32.ChecksumIEEE(out[start+4:]))
	return out, nil
}

func (c checked) Decode(data []byte, v any) error {
	if len(data) < 4 || binary.BigEndian.Uint32(data) != crc32.ChecksumIEEE(data[4:]) {
		return errors.New("checked-cbor: wrong checksum")
	}
	return c.inner.Decode(data[4:], v)
}

// A codec of one's own is a few lines around another one, and codectest says
// whether it is sound: codectest.Run(t, checked{codec.CBOR()}).
func Example_custom() {
	c := checked{codec.CBOR()}
	data, err := c.Append(nil, map[string]any{"user": "tom"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var out map[string]any
	fmt.Println(c.Decode(data, &out), out)
	data[7] ^= 1
	fmt.Println(c.Decode(data, &out))
	// Output:
	// <nil> map[user:tom]
	// checked-cbor: wrong checksum
}

func TestCustomCodecConforms(t *testing.T) { codectest.Run(t, checked{codec.CBOR()}) }
