// Package signer authenticates bytes with HMAC-SHA256 or keyed BLAKE2b, and
// seals them with XChaCha20-Poly1305.
//
// An [Algorithm] makes a [Signer] or a [Sealer] from one derived key. A token
// names the key it was made with and never the algorithm: the key knows its own.
package signer

// KeySize is the length in bytes of the derived key that an Algorithm takes.
const KeySize = 32

// A Signer makes and checks the tags of messages under one key.
//
// It is safe for concurrent use, keeps neither dst nor msg nor tag after it
// returns, modifies neither msg nor tag, and does not print its key.
type Signer interface {
	// Size returns the length of a tag in bytes. It is the same for every
	// message and at least 16.
	Size() int

	// Sign appends the tag of msg to dst and returns the extended slice.
	// The unused capacity of dst may be written to. msg may be dst itself, as
	// when a message is signed in place; they must not overlap otherwise.
	Sign(dst, msg []byte) []byte

	// Verify reports whether tag is the tag of msg, all Size bytes of it.
	// The time it takes depends on the lengths of msg and tag only.
	Verify(msg, tag []byte) bool
}

// A Sealer encrypts and authenticates under one key.
//
// It is safe for concurrent use, keeps none of its arguments after it returns,
// and does not print its key.
type Sealer interface {
	// Overhead returns by how many bytes a sealed message is longer than its
	// plaintext. It is the same for every message.
	Overhead() int

	// Seal encrypts plaintext, authenticates it together with the additional
	// data, and appends the result (nonce, ciphertext, tag) to dst. A fresh
	// random nonce makes the result differ from call to call.
	// The appended part must not overlap plaintext; additional may be dst itself.
	Seal(dst, plaintext, additional []byte) []byte

	// Open appends the plaintext of sealed to dst if sealed is what Seal made
	// with the same key and additional data. Otherwise it returns nil and false,
	// in a time that does not depend on where the difference is.
	// The appended part must not overlap sealed.
	Open(dst, sealed, additional []byte) ([]byte, bool)
}

// An Algorithm is a named way of authenticating. Exactly one of NewSigner and
// NewSealer is set.
//
// Both are called with a key of KeySize bytes that is derived for one purpose
// and not used for any other, and may keep it. They are called when a ring of
// keys is loaded, not for each message.
type Algorithm struct {
	// Name is the name by which a ring file calls the algorithm: lower-case
	// letters, digits and hyphens, at most 32 of them.
	Name string

	NewSigner func(key []byte) (Signer, error)
	NewSealer func(key []byte) (Sealer, error)
}

// Seals reports whether the algorithm encrypts.
func (a Algorithm) Seals() bool { return a.NewSealer != nil }
