package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/keyturn/keyturn/codec"
)

// sessionMembers returns the JSON object in text in the kinds of session.Values, as
// valuesOf does, but for numbers that no int64 holds: those are float64, too. The
// error names the member that a session cannot have.
func sessionMembers(text []byte) (map[string]any, error) {
	if err := beginsObject(text); err != nil {
		return nil, err
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := value(d, anyNumber)
	if err == errNumber {
		return nil, ofMember(path(d.StackPointer()), "is a number beyond the range of float64")
	}
	if err != nil {
		return nil, inJSON(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("more than one JSON object")
	}
	members := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] == nil {
			return nil, ofMember(name, "is null, which a session cannot hold: leave it out")
		}
		if err := carried(map[string]any{name: members[name]}); err != nil {
			return nil, ofMember(name, "cannot be in a session: "+err.Error())
		}
	}
	if err := carried(members); err != nil {
		return nil, fmt.Errorf("not an object that a session can hold: %w", err)
	}
	return members, nil
}

// carried says why no codec takes the members: they all take the same.
func carried(members map[string]any) error {
	if _, err := codec.JSON().Append(nil, members); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "codec: "))
	}
	return nil
}

// anyNumber returns an int64 if s is one, and otherwise a float64.
func anyNumber(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, errNumber
	}
	return f, nil
}

// inJSON says what is wrong with the text, and where. It quotes no value.
func inJSON(err error) error {
	wrong := new(jsontext.SyntacticError)
	if !errors.As(err, &wrong) {
		return errors.New("not a JSON object: it ends too early")
	}
	name := path(wrong.JSONPointer)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return ofMember(name, "is in its object twice")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("not a JSON object: it ends too early")
	case name == "":
		return fmt.Errorf("not a JSON object: wrong at byte %d", wrong.ByteOffset)
	}
	return ofMember(name, fmt.Sprintf("is not JSON: wrong at byte %d", wrong.ByteOffset))
}

// path spells a pointer as a member is called: user, cart/0/price.
func path(p jsontext.Pointer) string { return strings.TrimPrefix(string(p), "/") }

// longestName is how much of a name is shown.
const longestName = 60

// ofMember is an error about a member.
func ofMember(name, what string) error {
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "") + "..."
	}
	return fmt.Errorf("member %q %s", name, what)
}
