// Package token is the format of a session cookie's value: its bytes, their
// tag, and their text.
//
// # The token, version 1
//
// All numbers are big-endian. A token is a header, a payload, and a tag:
//
//	offset  bytes
//	     0  2   magic, version and flags: 0x92, 0xD4 to 0xD7. The high half
//	            of the second byte is 0xD; then come two bits of version,
//	            01, and two of flags: 2 session ID is present, 1 idle is
//	            present
//	     2  1   codec of the payload: 1 JSON, 2 MessagePack, 3 CBOR; 128 to
//	            255 are the application's own
//	     3  4   key ID
//	     7  4   start: when the session began, in Unix seconds
//	    11  4   issued: when this token was made, in Unix seconds
//	    15  4   expires: when the session ends, in Unix seconds
//	   [19  4   idle: seconds after issued at which the session ends unless
//	            it is used; not 0]
//	   [..  12  session ID]
//	    ..      payload
//	    ..      tag
//
// A token of another version may have been written by newer code; what does not
// begin with the magic, 0x92 and 0xD, is no token. Version 1 has no other flags:
// a new flag is a new version. Version 0 is never used, so that two more versions
// fit, 2 and 3, before the magic changes. The magic makes every text of a token
// begin with "kt", and the version makes the next character one of Q to Z or a to
// f: Q without options, if the codec is one of the three above.
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
//	92d4 01 2f3cdcd5 6955b900 6955c710 69682e00
//	7b2275736572223a22746f6d227d
//	6708641455ce83555ad583b32e3c4dc7f3ddab9df88519e45d19d91a807c148c
//
// and its text is
//
//	ktQBLzzc1WlVuQBpVccQaWguAHsidXNlciI6InRvbSJ9ZwhkFFXOg1Va1YOzLjxNx_Pdq534hRnkXRnZGoB8FIw
//
// # Opening
//
// A token is opened in this order, and the first failure ends it: the length
// of its text, the text, the magic, the version, the key by its ID,
// the tag, the codec, the times. Nothing is decoded before its tag has been
// verified, and a failure is never followed by another attempt.
//
// session/testdata has vectors for all of this, and an implementation in
// Python that checks them.
package token
