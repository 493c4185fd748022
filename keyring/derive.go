package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/keyturn/keyturn/signer"
)

const (
	labelKeyID  = "keyturn v1 key id"
	labelSubkey = "keyturn v1 subkey"

	// maxField is the longest field that info can give a length to.
	maxField = 1<<16 - 1
)

// info joins fields so that no two lists of fields give the same string: each
// has its length before it, as 2 bytes, the more significant one first.
// No field may be longer than maxField.
func info(fields ...string) string {
	var b []byte
	for _, f := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(f)))
		b = append(b, f...)
	}
	return string(b)
}

// deriveID returns the ID of the key with this secret under this algorithm.
func deriveID(secret []byte, algorithm string) (KeyID, error) {
	b, err := hkdf.Key(sha256.New, secret, nil, info(labelKeyID, algorithm), len(KeyID{}))
	if err != nil {
		return KeyID{}, fmt.Errorf("keyring: cannot derive a key ID: %w", err)
	}
	return KeyID(b), nil
}

// deriveSubkey returns what signs under a key for one cookie name and audience.
func deriveSubkey(secret []byte, algorithm, name, audience string) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, secret, nil, info(labelSubkey, algorithm, name, audience), signer.KeySize)
	if err != nil {
		return nil, fmt.Errorf("keyring: cannot derive a subkey: %w", err)
	}
	return b, nil
}
