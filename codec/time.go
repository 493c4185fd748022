package codec

import (
	"errors"
	"time"
)

var errTime = errors.New("codec: text that is not a UTC time as RFC 3339 spells it")

// parseTime reads a time as all codecs write it in text: RFC 3339 (section 5.6)
// in UTC, with a Z, as many digits of the second as needed, the years 1 to 9999.
// Any other spelling, of the same instant too, is an error.
func parseTime(text []byte) (time.Time, error) {
	// What time.Parse takes beyond the one spelling: hours of one digit, a comma,
	// zeros at the end of the second, more digits than it keeps, other zones.
	const whole = len("2006-01-02T15:04:05Z")
	last := len(text) - 1
	const most = whole + len(".999999999")
	if len(text) < whole || len(text) > most || text[13] != ':' || text[last] != 'Z' {
		return time.Time{}, errTime
	}
	if len(text) > whole && (text[whole-1] != '.' || text[last-1] == '0') {
		return time.Time{}, errTime
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, errTime // the cause quotes the text
	}
	if t.Year() < 1 {
		return time.Time{}, errYear
	}
	return t, nil
}
