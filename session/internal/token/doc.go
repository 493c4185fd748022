// Package token is the format of a session cookie's value: its bytes, their
// tag, and their text.
//
// # The token, version 1
//
// All numbers are big-endian. A token is a header, a payload, and a tag:
//
//	offset  bytes
//	     0  2   magic and version: 0x92, 0xD1. The low half of the second
//	            byte is the version
//	     2  1   flags: 1 idle is present, 2 session ID is present; the
//	            others are 0
//	     3  1   codec of the payload: 1 JSON, 2 MessagePack, 3 CBOR; 128 to
//	            255 are the application's own
//	     4  4   key ID
//	     8  4   start: when the session began, in Unix seconds
//	    12  4   issued: when this token was made, in Unix seconds
//	    16  4   expires: when the session ends, in Unix seconds
//	   [20  4   idle: seconds after issued at which the session ends unless
//	            it is used; not 0]
//	   [..  12  session ID]
//	    ..      payload
//	    ..      tag
//
// A token of another version, or with another flag, may have been written by
// newer code; what does not begin with the magic is no token. The magic makes
// every text of a token begin with "kt", and of this version with "ktE".
//
// The key ID says which key of the ring made the token; the key, and nothing
// in the token, says with which algorithm. If it is one that signs
// (hmac-sha256, blake2b-256), the payload is in the clear, and the tag is the
// MAC, in its full length of 32 bytes, of everything before it. If it is one
// that seals (xchacha20-poly1305), the place of payload and tag is taken by
//
//	24  nonce, random
//	..  ciphertext of the payload
//	16  tag
//
// with the header as the additional data.
//
// The payload is a map in the encoding of the codec; this package does not
// look into it.
//
// # Keys
//
// The key that a token is made with is derived from the secret of a ring's key,
// the cookie's name and the audience, so that a token of one cookie never
// verifies as another's. The name and the audience are therefore not in the
// token. How that key and the key ID are derived is in the documentation of
// package [github.com/keyturn/keyturn/keyring], under "Derivations", byte by
// byte.
//
// # The text
//
// The value of the cookie is the token in base64url without padding
// (RFC 4648, section 5). It is canonical: unused bits are zero, and nothing
// but the alphabet occurs, no CR and no LF. A token has one text.
//
// # An example
//
// With a secret that is the SHA-256 of the text "keyturn example 0" and the
// algorithm hmac-sha256, the key ID is 2f3cdcd5. In the cookie __Host-session,
// with no audience, a session begun on 2026-01-01 at 00:00:00 UTC, to last for
// 14 days, issued an hour later, with the JSON payload {"user":"tom"}, is
//
//	92d1 00 01 2f3cdcd5 6955b900 6955c710 69682e00
//	7b2275736572223a22746f6d227d
//	f003e0e0bb04aa1ca03f2b65ddfea9a565930866af6886ca14fd301931c8225b
//
// and its text is
//
//	ktEAAS883NVpVbkAaVXHEGloLgB7InVzZXIiOiJ0b20iffAD4OC7BKocoD8rZd3-qaVlkwhmr2iGyhT9MBkxyCJb
//
// # Opening
//
// A token is opened in this order, and the first failure ends it: the length
// of its text, the text, the magic, the version and flags, the key by its ID,
// the tag, the codec, the times. Nothing is decoded before its tag has been
// verified, and a failure is never followed by another attempt.
//
// session/testdata has vectors for all of this, and an implementation in
// Python that checks them.
package token
