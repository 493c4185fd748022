package codec

import (
	"testing"
	"time"
)

// FuzzParseTime: what is accepted is spelled as it would be written, and no other way.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-10-01T00:00:00Z", "2026-10-01T00:00:00.5Z", "2026-10-01T00:00:00.123456789Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"2026-10-01T00:00:00.50Z", "2026-10-01T00:00:00,5Z", "2026-10-01T0:00:00.5Z", "2026-10-01T00:00:00+00:00", "0000-12-31T23:59:59Z", "2026-10-01t00:00:00z",
		"2026-10-01T00:00:00.1234567891Z", "2026-10-01T00:00:60Z", "2026-10-01 00:00:00Z", "2026-10-01T00:00:00.Z", "2026-10-01T24:00:00Z", "2026-1-01T00:00:00.5Z", "2026-10-01T00:00:00.5+05:31",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseTime([]byte(s))
		want, wantErr := time.Parse(time.RFC3339Nano, s)
		ok := wantErr == nil && want.UTC().Format(time.RFC3339Nano) == s && want.UTC().Year() >= 1
		if (err == nil) != ok {
			t.Fatalf("%q: %v, want ok %t", s, err, ok)
		}
		if ok && (got != want.UTC() || got.Location() != time.UTC) {
			t.Fatalf("%q is %v, want %v", s, got, want)
		}
	})
}
