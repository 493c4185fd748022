package codec_test

import (
	"bytes"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/keyturn/keyturn/codec"
)

// visit is the standard session: what a small site keeps about its visitor.
type visit struct {
	UserID int64  `json:"user_id"`
	User   string `json:"user"`
	Role   string `json:"role"`
	CSRF   string `json:"csrf"`
	Theme  string `json:"theme"`
	Seen   int64  `json:"seen"`
}

var standardVisit = visit{
	UserID: 12345, User: "tom@example.com", Role: "admin",
	CSRF: "c3ab8ff13720e8ad9047dd39466b3c89", Theme: "dark", Seen: 1732345678,
}

// standardValues is the same as kinds of Values.
var standardValues = map[string]any{
	"user_id": int64(12345), "user": "tom@example.com", "role": "admin",
	"csrf": "c3ab8ff13720e8ad9047dd39466b3c89", "theme": "dark", "seen": int64(1732345678),
}

// A bareLibrary is what a program would call that had no codec package: the same
// struct tags and the same size on the wire, and none of the checks.
type bareLibrary struct {
	append func(dst []byte, v any) ([]byte, error)
	decode func(data []byte, v any) error
}

var bareLibraries = map[string]bareLibrary{
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

var codecs = codec.All()

// BenchmarkVisit measures each codec beside its bare library, in one run, so that
// the ratio can be believed on a machine that does other things too.
func BenchmarkVisit(b *testing.B) {
	for _, c := range codecs {
		bare := bareLibraries[c.Name()]
		data, err := c.Append(nil, &standardVisit)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 512)
		run := func(name string, f func() error) {
			b.Run(c.Name()+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(data)), "bytes")
			})
		}
		run("append", func() error { _, err := c.Append(dst, &standardVisit); return err })
		run("append-bare", func() error { _, err := bare.append(dst, &standardVisit); return err })
		run("decode", func() error { var v visit; return c.Decode(data, &v) })
		run("decode-bare", func() error { var v visit; return bare.decode(data, &v) })
	}
}

// BenchmarkValues measures the same session as kinds of Values. The bare library
// gives back other kinds than were put in; it is there for scale.
func BenchmarkValues(b *testing.B) {
	for _, c := range codecs {
		bare := bareLibraries[c.Name()]
		data, err := c.Append(nil, standardValues)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 512)
		run := func(name string, f func() error) {
			b.Run(c.Name()+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(data)), "bytes")
			})
		}
		run("append", func() error { _, err := c.Append(dst, standardValues); return err })
		run("append-bare", func() error { _, err := bare.append(dst, standardValues); return err })
		run("decode", func() error { var v map[string]any; return c.Decode(data, &v) })
		run("decode-bare", func() error { var v map[string]any; return bare.decode(data, &v) })
	}
}
