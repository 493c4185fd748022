package codec

import (
	"bytes"
	"errors"
	"time"
)

var errTime = errors.New("codec: text that is not a UTC time as RFC 3339 spells it")

// parseTime reads a time as all codecs write it in text: RFC 3339 (section 5.6)
// in UTC, with a Z, as many digits of the second as needed, the years 1 to 9999.
// Any other spelling, of the same instant too, is an error.
func parseTime(text []byte) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, errTime // the cause quotes the text
	}
	t = t.UTC()
	var again [len(time.RFC3339Nano)]byte
	if !bytes.Equal(t.AppendFormat(again[:0], time.RFC3339Nano), text) {
		return time.Time{}, errTime
	}
	if t.Year() < 1 {
		return time.Time{}, errYear
	}
	return t, nil
}
