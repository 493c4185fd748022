package keyring

import (
	"encoding/hex"
	"errors"
)

// A KeyID names a key in a token, in a ring file and to an operator. It is
// derived from the key's secret and algorithm, so that it cannot be given to
// another key by mistake. It is not secret.
type KeyID [4]byte

// ParseKeyID reads what String writes: exactly 8 lower-case hexadecimal digits.
func ParseKeyID(s string) (KeyID, error) {
	var id KeyID
	if len(s) == 2*len(id) {
		for i := range s {
			if 'A' <= s[i] && s[i] <= 'F' {
				return KeyID{}, errKeyID
			}
		}
		if _, err := hex.Decode(id[:], []byte(s)); err == nil {
			return id, nil
		}
	}
	return KeyID{}, errKeyID
}

var errKeyID = errors.New("keyring: a key ID is 8 lower-case hexadecimal digits")

// String returns the ID as 8 lower-case hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns the text of String.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText returns, as ParseKeyID does.
func (id *KeyID) UnmarshalText(text []byte) error {
	v, err := ParseKeyID(string(text))
	if err == nil {
		*id = v
	}
	return err
}
