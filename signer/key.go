package signer

import (
	"crypto/fips140"
	"fmt"
	"io"
)

func checkKey(algorithm string, key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("signer: %s takes a key of %d bytes, not of %d", algorithm, KeySize, len(key))
	}
	return nil
}

// checkFIPS refuses an algorithm that is not approved where only such may run.
// Package blake2b does not look, and would quietly be used.
func checkFIPS(algorithm string) error {
	if fips140.Enforced() {
		return fmt.Errorf("signer: %s is not approved by FIPS 140, which GODEBUG=fips140=only enforces", algorithm)
	}
	return nil
}

// hidden is what a Signer or Sealer shows of itself under any verb, in JSON and
// in slog: the name of its algorithm.
type hidden string

func (h hidden) String() string { return string(h) + " (key hidden)" }

func (h hidden) Format(f fmt.State, _ rune) { io.WriteString(f, h.String()) }

func (h hidden) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
