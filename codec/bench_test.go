package codec_test

import (
	"testing"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/codec/codectest"
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

var codecs = codec.All()

// BenchmarkVisit measures each codec by itself. What it costs beside its library, and
// as a part of a cookie, is in package benchmarks.
func BenchmarkVisit(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.Name(), func(b *testing.B) { codectest.Benchmark(b, c, &standardVisit, standardValues) })
	}
}
