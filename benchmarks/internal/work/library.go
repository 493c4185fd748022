package work

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json"
	"github.com/vmihailenco/msgpack/v5"
)

// A library is what a program would call that had no codec package.
type library struct {
	append func(dst []byte, v any) ([]byte, error)
	decode func(data []byte, v any) error
}

// libraries have the struct tags and the size on the wire of our codec of the same
// name, and none of its checks.
var libraries = map[string]library{
	"json": {
		append: func(dst []byte, v any) ([]byte, error) {
			b, err := json.Marshal(v)
			return append(dst, b...), err
		},
		decode: func(data []byte, v any) error { return json.Unmarshal(data, v) },
	},
	"msgpack": {
		append: func(dst []byte, v any) ([]byte, error) {
			b := bytes.NewBuffer(dst)
			e := msgpack.GetEncoder()
			e.Reset(b)
			e.SetCustomStructTag("json")
			e.UseCompactInts(true)
			err := e.Encode(v)
			msgpack.PutEncoder(e)
			return b.Bytes(), err
		},
		decode: func(data []byte, v any) error {
			d := msgpack.GetDecoder()
			d.Reset(bytes.NewReader(data))
			d.SetCustomStructTag("json")
			err := d.Decode(v)
			msgpack.PutDecoder(d)
			return err
		},
	},
	"cbor": {
		append: func(dst []byte, v any) ([]byte, error) {
			b, err := cbor.Marshal(v)
			return append(dst, b...), err
		},
		decode: func(data []byte, v any) error { return cbor.Unmarshal(data, v) },
	},
}
