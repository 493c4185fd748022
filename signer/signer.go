// Package signer authenticates bytes with HMAC-SHA256 or keyed BLAKE2b, and
// seals them with XChaCha20-Poly1305.
//
// An [Algorithm] makes a [Signer] or a [Sealer] from one derived key. A token
// names the key it was made with and never the algorithm: the key knows its own.
//
// # Which one
//
// [HMACSHA256] is the one to take unless there is a reason for another. It is
// the faster of the two signers on processors with SHA instructions, and the
// only built-in algorithm that FIPS 140 approves. [BLAKE2b256] is of equal
// strength, and the faster of the two where those instructions are missing.
// [XChaCha20Poly1305] also hides the message from whoever holds the token.
// None of the three allocates, but to let dst grow.
//
// # Other algorithms
//
// An Algorithm is a plain value, so a program can bring its own: see the
// example. Package [github.com/keyturn/keyturn/signer/signertest] tests whether
// it keeps the promises made below, all but those about time.
//
// # FIPS 140
//
// Importing this package computes nothing, so it is safe to do under
// GODEBUG=fips140=only. There, HMACSHA256 works as always, through crypto/hmac,
// and the NewSigner and NewSealer of the other two return an error.
//
// # Security considerations
//
// A tag is compared at its full length: 32 bytes here, so that guessing one
// is out of the question, and no truncated tag is accepted anywhere. There is no
// limit to the number of messages under one key that is worth counting to.
//
// A tag says that a holder of the key made the message. It does not say when,
// for what, or that it is seen for the first time: what uses this package puts
// those into the message, or derives a key for each purpose.
//
// Keys stay in memory for as long as their Signer or Sealer does, and are not
// wiped afterwards.
package signer

// KeySize is the length in bytes of the derived key that an [Algorithm] takes.
const KeySize = 32

// A Signer makes and checks the tags of messages under one key.
//
// It is safe for concurrent use, keeps neither dst nor msg nor tag after it
// returns, modifies neither msg nor tag, and does not show its key, however it
// is printed or encoded, also as a field of something else.
type Signer interface {
	// Size returns the length of a tag in bytes. It is the same for every
	// message and at least 16.
	Size() int

	// Sign appends the tag of msg to dst and returns the extended slice.
	// The same key and message give the same tag. The unused capacity of dst
	// may be written to. msg may be dst itself, as when a message is signed in
	// place; they must not overlap otherwise.
	Sign(dst, msg []byte) []byte

	// Verify reports whether tag is the tag of msg, all Size bytes of it and
	// no more. Both may be of any length, and nil.
	// The time it takes depends on the lengths of msg and tag only.
	Verify(msg, tag []byte) bool
}

// A Sealer encrypts and authenticates under one key.
//
// It is safe for concurrent use, keeps none of its arguments after it returns,
// modifies none of them but the unused part of dst, and does not show its key,
// however it is printed or encoded, also as a field of something else.
type Sealer interface {
	// Overhead returns by how many bytes a sealed message is longer than its
	// plaintext. It is the same for every message and at least 28: a nonce of
	// 12 bytes and a tag of 16.
	Overhead() int

	// Seal encrypts plaintext, authenticates it together with the additional
	// data, and appends the result (nonce, ciphertext, tag) to dst. A fresh
	// random nonce makes the result differ from call to call. The unused
	// capacity of dst may be written to. The appended part must overlap neither
	// plaintext nor additional, which may be dst itself.
	Seal(dst, plaintext, additional []byte) []byte

	// Open appends the plaintext of sealed to dst if sealed is what Seal made
	// with the same key and additional data, and returns the extended slice,
	// which is nil for an empty plaintext appended to nil, and true.
	// Otherwise it returns nil and false, in a time that does not depend on
	// where the difference is, and leaves no plaintext in the unused part of
	// dst. sealed and additional may be of any length, and nil.
	// The appended part must overlap neither sealed nor additional.
	Open(dst, sealed, additional []byte) ([]byte, bool)
}

// An Algorithm is a named way of authenticating. Exactly one of NewSigner and
// NewSealer is set.
//
// Both are called with a key of [KeySize] bytes that is derived for one purpose
// and not used for any other. They may keep it, and do not modify it. To a key
// of another length they answer with an error that does not quote it. They are
// called when a ring of keys is loaded, not for each message.
type Algorithm struct {
	// Name is the name by which a ring file calls the algorithm: lower-case
	// letters, digits and hyphens, at least one and at most 32 of them.
	Name string

	NewSigner func(key []byte) (Signer, error)
	NewSealer func(key []byte) (Sealer, error)
}

// All returns the algorithms of this package: HMAC-SHA256, BLAKE2b-256 and
// XChaCha20-Poly1305.
func All() []Algorithm { return []Algorithm{HMACSHA256(), BLAKE2b256(), XChaCha20Poly1305()} }

// Seals reports whether the algorithm encrypts.
func (a Algorithm) Seals() bool { return a.NewSealer != nil }
