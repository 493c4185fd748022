// Package vectors runs cases of other libraries' cookies, made and judged by the
// libraries themselves, against the readers of package takeover.
package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// A File is a file of cases of one system.
type File struct {
	Comment string `json:"comment"`
	System  string `json:"system"`
	Count   int    `json:"count"`
	Cases   []Case `json:"cases"`
}

// A Case is a cookie, and what the library that made it says of it.
type Case struct {
	Name         string         `json:"name"`
	Group        string         `json:"group"`
	System       string         `json:"system"`
	Settings     map[string]any `json:"settings"` // numbers are json.Number
	CookieName   string         `json:"cookie_name"`
	CookieValues []Cookie       `json:"cookie_values"`
	IssuedAt     json.Number    `json:"issued_at"` // "" if the format has none, or nobody knows
	MaxAge       *json.Number   `json:"max_age"`   // seconds; nil: the format has none
	Now          json.Number    `json:"now"`       // Unix seconds
	Expect       string         `json:"expect"`
	Payload      any            `json:"payload"`
	RejectReason string         `json:"reject_reason"`
	Note         string         `json:"note"`
	Tags         []string       `json:"tags"`
}

// A Cookie is a pair of a Cookie header, as it is there.
type Cookie struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Read reads a file of cases.
func Read(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var f File
	err = d.Decode(&f)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("there is more behind it")
		}
	}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return nil, fmt.Errorf("%s is not a file of cases: it is not a JSON object, but of type %s", path, kind.Value)
	case errors.As(err, &kind):
		return nil, fmt.Errorf("%s is not a file of cases: %s is of type %s", path, kind.Field, kind.Value)
	case err != nil:
		return nil, fmt.Errorf("%s is not a file of cases: it is not JSON: %w", path, err)
	case len(f.Cases) == 0:
		return nil, fmt.Errorf(`%s has no cases: a file of cases is {"system": ..., "cases": [...]}`, path)
	case f.Count != 0 && f.Count != len(f.Cases):
		return nil, fmt.Errorf("%s has %d cases, and says that it has %d", path, len(f.Cases), f.Count)
	}
	return &f, nil
}

// A Verdict says how a reader did on a case.
type Verdict int

const (
	Failed   Verdict = iota
	Passed           // as the library
	Stricter         // refused where a reader may be stricter than the library
)

// Run opens the cookie of a case at the case's time, and judges the outcome. The
// error says what is wrong, if the Verdict is Failed.
func (c *Case) Run() (Verdict, error) {
	f, err := c.open()
	var setup *SettingsError
	if errors.As(err, &setup) {
		return Failed, err
	}
	if err != nil && !errors.As(err, new(session.Reason)) {
		return Failed, fmt.Errorf("refused without a reason: %w", err)
	}
	switch c.Expect {
	case "accept":
		switch {
		case err != nil && (c.has("may-reject") || strconv.IntSize == 32 && c.has("64-bit")):
			return Stricter, nil
		case err != nil:
			return Failed, fmt.Errorf("refused, and the library accepts it: %w", err)
		}
		if err := errors.Join(c.compare(f.Data), c.compareTimes(f)); err != nil {
			return Failed, err
		}
		return Passed, nil
	case "reject":
		if err == nil {
			return Failed, errors.New("accepted, and the library rejects it: " + c.RejectReason)
		}
		return Passed, nil
	}
	return Failed, fmt.Errorf("expect is %q, and neither accept nor reject", c.Expect)
}

func (c *Case) has(tag string) bool { return slices.Contains(c.Tags, tag) }

// reader returns a reader with the settings of the case.
func (c *Case) reader() (*takeover.Reader, error) {
	settings := Settings{values: maps.Clone(c.Settings)}
	if _, ok := settings.values["max_age"]; !ok {
		if settings.values == nil {
			settings.values = map[string]any{}
		}
		settings.values["max_age"] = nil
		if c.MaxAge != nil {
			settings.values["max_age"] = *c.MaxAge
		}
	}
	return Reader(c.System, c.CookieName, &settings)
}

// Values returns the values of the case's cookies, in the order in which r wants them.
func (c *Case) Values(r *takeover.Reader) []string {
	names := r.Cookies()
	values := make([]string, len(names))
	for i, name := range names {
		for _, v := range c.CookieValues {
			if v.Name == name {
				values[i] = v.Value
			}
		}
	}
	return values
}

func (c *Case) open() (session.Foreign, error) {
	r, now, err := c.Reader()
	if err != nil {
		return session.Foreign{}, err
	}
	return r.Open(now, c.Values(r))
}

// Reader returns a reader with the settings of the case, and the case's time.
func (c *Case) Reader() (*takeover.Reader, time.Time, error) {
	now, err := c.Now.Int64()
	if err != nil {
		return nil, time.Time{}, &SettingsError{[]string{"now is not a number of seconds"}}
	}
	r, err := c.reader()
	return r, time.Unix(now, 0), err
}
