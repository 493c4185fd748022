// Package keyring keeps the keys that sign sessions, schedules their rotation,
// and derives from them what signs and seals for each cookie.
//
// A server opens the ring file that its operator writes, and binds the use that
// it has for it:
//
//	keys, err := keyring.Open("keyring.json")
//	...
//	session, err := keys.Bind(keyring.Use{Name: "__Host-session"})
//	...
//	subkeys := session.Subkeys()            // once for a request
//	k, err := subkeys.Primary(now)          // to sign
//	k, err = subkeys.Lookup(keyID, now)     // to verify what names its key
//
// [FromEnv] and [FromKeys] are for small uses with one literal key, [Ephemeral]
// is for trying things out.
//
// # Concepts
//
// A [Key] is a secret for one algorithm. Its [KeyID], by which a token names it,
// is derived from both. A token does not name an algorithm: the key knows its
// own.
//
// A [Ring] is a set of keys with a schedule: when each begins to sign and when
// it ceases to verify. It is immutable. A [Document] is the same, open for
// editing, and a ring file the same as text. Every edit raises the generation.
//
// A [Keyring] is a ring in use. It can be replaced by a later generation while
// requests are served: everything that is needed is derived and tried out
// before, then one pointer is swapped, and if anything is wrong nothing changes.
// One that was opened from a file, or follows another [Source], looks there for
// later generations by itself, and [Keyring.Stats] says how that goes.
//
// What a key is at a time, its [State], follows from the schedule. A key
// verifies from the moment that it is in the ring, as standby (not scheduled),
// pending (not yet signing), active (the primary: the one that signs) and
// retiring (another signs), until it is retired, disabled or revoked.
//
// # Rotation
//
// Everyone must be able to verify a key before anyone signs with it. As the
// schedule is in the ring, one edit is a whole rotation, and the clock does the
// rest. With D the policy's propagation, M its max_session_high, S its skew:
//
//  1. Give the standby key a sign_from that is at least D ahead, the primary a
//     verify_until of that time + M + S, and add a new standby key: that is
//     [Document.Rotate].
//  2. Raise the generation ([Ring.Edit] does) and publish the ring to every
//     instance, within D. [Plan] says whether that is safe to do now.
//  3. When a verify_until has passed, replace the key by a tombstone
//     (pruned). Tombstones can go M later. [Document.Prune] does both.
//
// Nobody is signed out: tokens of the former key verify until the last of them
// has expired. A key for another algorithm is scheduled like any other.
//
// If the primary leaks, make it a tombstone (revoked) and give the standby key,
// which every instance has already, a sign_from of now - S: [Document.Revoke].
// Whoever had the key may also have had sessions reissued under another, so set
// not_before to now as well ([Document.EndSessions]), which ends every session.
//
// Which key is the primary is said at [Ring.Primary], exactly. The order of keys
// in a file means nothing.
//
// # Derivations
//
// Secrets are never used as they are. With HKDF-SHA256 (RFC 5869), the secret
// being the input keying material and the salt empty,
//
//	key ID = HKDF(secret, info("keyturn v1 key id", algorithm), 4 bytes)
//	subkey = HKDF(secret, info("keyturn v1 subkey", algorithm, name, audience), 32 bytes)
//
// where algorithm is the algorithm's name, name that of the cookie, and audience
// may be empty. info joins its fields, each with its length in bytes before it as
// two bytes, the more significant one first. For the cookie "__Host-session" and
// the algorithm "hmac-sha256",
//
//	00 11 6b 65 79 74 75 72 6e 20 76 31 20 73 75 62 6b 65 79    "keyturn v1 subkey"
//	00 0b 68 6d 61 63 2d 73 68 61 32 35 36                      "hmac-sha256"
//	00 0e 5f 5f 48 6f 73 74 2d 73 65 73 73 69 6f 6e             "__Host-session"
//	00 00                                                       ""
//
// and the secret
//
//	46 2f 20 89 d6 d7 e7 a7 b9 a7 48 34 4f cd da 2f
//	36 b8 be bb fc 0a 8d 15 df f3 34 d0 fb 46 b4 b8
//
// has the key ID 1dc4fea0 and the subkey
//
//	48 e4 b2 0c 7f d1 ad 09 7d ac d7 1d 58 96 23 b6
//	84 e4 ee a6 41 e8 93 24 9a 0d 45 43 a3 27 15 c3
//
// # The ring file
//
// A ring file is one JSON document (RFC 8259, and as RFC 7493 has it: UTF-8, no
// member twice in an object) of at most 256 KiB:
//
//	{
//	  "format": "keyturn-ring/1",
//	  "ring": "shop",
//	  "generation": 42,
//	  "published": "2026-09-22T10:00:00Z",
//	  "not_before": "2026-05-30T08:00:00Z",
//	  "policy": {
//	    "propagation": "24h",
//	    "skew": "5m",
//	    "max_session": "336h",
//	    "max_session_high": "336h"
//	  },
//	  "keys": [
//	    {
//	      "id": "a955ea04",
//	      "algorithm": "hmac-sha256",
//	      "added": "2026-01-10T09:00:00Z",
//	      "sign_from": "2026-02-01T00:00:00Z",
//	      "revoked": "2026-05-30T08:00:00Z",
//	      "reason": "laptop stolen"
//	    },
//	    {
//	      "id": "1dc4fea0",
//	      "algorithm": "hmac-sha256",
//	      "added": "2026-03-01T09:00:00Z",
//	      "sign_from": "2026-06-01T00:00:00Z",
//	      "verify_until": "2026-10-07T12:05:00Z",
//	      "secret": "Ri8gidbX56e5p0g0T83aLza4vrv8Co0V3_M00PtGtLg"
//	    },
//	    {
//	      "id": "cb2440c4",
//	      "algorithm": "hmac-sha256",
//	      "added": "2026-05-30T09:00:00Z",
//	      "sign_from": "2026-09-23T12:00:00Z",
//	      "secret": "v8E2e61AJMmjLBiVVcbBWGwFepLxqof1eHchhUw3NWI"
//	    },
//	    {
//	      "id": "d9798509",
//	      "algorithm": "hmac-sha256",
//	      "added": "2026-09-22T10:00:00Z",
//	      "secret": "7oUckQWAEjUfyt3TnP4e-L0P-Mdax2czW7xyR0eY6Gw"
//	    }
//	  ],
//	  "codecs": [
//	    {
//	      "codec": "json",
//	      "from": "2026-01-01T00:00:00Z"
//	    },
//	    {
//	      "codec": "cbor",
//	      "from": "2026-10-01T00:00:00Z"
//	    }
//	  ],
//	  "checksum": "sha256:72dc32098a1545726942601715362b4b42385390c16b854b38d7af6715400c87"
//	}
//
// (The secrets of this example are refused.) The members are
//
//	format            required: "keyturn-ring/1"
//	ring              required: 1 to 64 of the letters a-z and A-Z, digits, dots,
//	                  underscores and hyphens
//	generation        required: a whole number from 1 to 2^64-1
//	published         a time
//	not_before        a time: sessions that began earlier have ended
//	policy            an object of propagation (default "1h"), skew ("5m"),
//	                  max_session ("336h") and max_session_high (that of
//	                  max_session), all durations
//	keys              required: a list of objects of
//	  id              required: the key ID, 8 lower-case hexadecimal digits
//	  algorithm       1 to 32 lower-case letters, digits and hyphens; required
//	                  of all but tombstones
//	  seals           true if, and only if, the algorithm encrypts, so that a
//	                  reader that lacks it knows
//	  added, sign_from, verify_until, revoked, pruned
//	                  times; revoked or pruned makes the key a tombstone
//	  disabled        true or false, which is the default
//	  reason          text of at most 1,000 bytes
//	  secret          unpadded base64url (RFC 4648, section 5) of 32 bytes or
//	                  more; required, and of a tombstone forbidden
//	codecs            a list of objects of codec (a name like an algorithm's)
//	                  and from (a time), both required
//	override          an object of generation (a whole number), allow (a list
//	                  of rules of Plan, each with the key that it is broken
//	                  for, "T4:1dc4fea0", or without one, "T6"), since (a time) and
//	                  reason (text of at most 1,000 bytes): what an operator
//	                  has accepted in the edit that made this generation, or
//	                  in one before it, at that time
//	critical          a list of names of members
//	checksum          required: see below
//
// Times are those of RFC 3339, of the years 1970 to 9999; durations are positive
// and as [time.ParseDuration] has them.
//
// Members of other names are ignored, and kept when the ring is edited and
// written again, at each of these levels. If one must not be ignored, critical
// names it: a reader refuses a ring that has a name in critical that is not among
// those above. A member is refused whose name differs from another, or from one
// of the above, only in the case of letters (by Unicode simple folding).
//
// # The checksum
//
// The checksum is "sha256:" and the SHA-256 of the document without the member
// checksum, in lower-case hexadecimal digits. For it, the document is written
// without space between tokens, with the members of every object sorted by the
// UTF-16 code units of their names, and with strings as short as they can be
// (RFC 8785, section 3.2.2.2: only ", \ and control characters are escaped, the
// latter as \b, \t, \n, \f, \r or else \u00xx). That is RFC 8785, except that
// numbers stay as they are spelled, so that none loses digits.
//
// The checksum tells damage, and an edit by hand that is not finished, from what
// the operator meant: without it, most single flipped bits of a secret or a time
// would go unnoticed and sign people out. It is no protection from an attacker,
// who can compute it too. After an edit by hand, the command
//
//	keyturn keyring check FILE --write
//
// validates the ring and makes the checksum anew.
//
// # Security considerations
//
// Whoever reads a ring file can sign in as anybody. [WriteFile] makes files that
// only their owner can read; Open refuses those that everybody can write. The
// whole file is one secret: if it leaks, its standby key has leaked as well, and
// only a new ring with new keys helps.
//
// Secrets must be random: [GenerateKey], or 32 bytes of any other good source.
// NewKey refuses what is evidently not, but cannot recognize a password. The key
// ID and every token would let an attacker try passwords at leisure.
//
// No type of this package shows a secret when it is printed, marshalled or
// logged, and no error quotes one. Only [Document.EncodeWithSecrets] and
// WriteFile write them. Secrets stay in memory as long as their ring does;
// nothing erases them.
//
// A server that cannot read its ring must not start, and one that cannot read
// the next goes on with what it has. Neither makes a key of its own: that would
// sign everyone out, on every other instance too.
//
// Clients can send tokens of keys that nobody has. Each costs a look-up, and all
// of them together let the source be looked at a little earlier: 10 seconds after
// the last look at the soonest, and 5 minutes while nothing new is found.
package keyring
