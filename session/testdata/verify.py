#!/usr/bin/env python3
"""A second implementation of the token, on Python's standard library alone.

It is written from the prose of session/internal/token and shares no code with
the Go one. It checks every case of the vectors: that a token is accepted where
it should be and for the stated reason refused where it should not, and that
making the token again gives the same bytes.

usage: verify.py tokens.json
"""

import base64
import hashlib
import hmac
import json
import struct
import sys

SKEW = 300  # seconds that one clock may be off; the vectors' ring has this default


# HKDF-SHA256, RFC 5869, with an empty salt.
def hkdf(secret, info, length):
    prk = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    out, block, i = b"", b"", 0
    while len(out) < length:
        i += 1
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha256).digest()
        out += block
    return out[:length]


def fields(*parts):
    return b"".join(struct.pack(">H", len(p)) + p for p in (s.encode() for s in parts))


def key_id(secret, algorithm):
    return hkdf(secret, fields("keyturn v1 key id", algorithm), 4)


def subkey(secret, algorithm, cookie, audience):
    return hkdf(secret, fields("keyturn v1 subkey", algorithm, cookie, audience), 32)


# XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03 and RFC 8439.
def rounds(state):
    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            r = state[z] ^ state[x]
            state[z] = ((r << n) | (r >> (32 - n))) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)


def chacha_state(key, last16):
    return list(struct.unpack("<16I", b"expand 32-byte k" + key + last16))


def chacha20(key, counter, nonce12, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        state = chacha_state(key, struct.pack("<I", counter + i // 64) + nonce12)
        work = list(state)
        rounds(work)
        block = struct.pack("<16I", *((w + s) & 0xFFFFFFFF for w, s in zip(work, state)))
        out += bytes(a ^ b for a, b in zip(data[i : i + 64], block))
    return bytes(out)


def hchacha20(key, nonce16):
    state = chacha_state(key, nonce16)
    rounds(state)
    return struct.pack("<8I", *(state[:4] + state[12:]))


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(key[16:], "little")
    acc = 0
    for i in range(0, len(message), 16):
        acc = (acc + int.from_bytes(message[i : i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((acc + s) & ((1 << 128) - 1)).to_bytes(16, "little")


def pad16(b):
    return b + bytes(-len(b) % 16)


def xchacha_seal(key, nonce, plaintext, additional):
    k, n = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    ciphertext = chacha20(k, 1, n, plaintext)
    lengths = struct.pack("<QQ", len(additional), len(ciphertext))
    tag = poly1305(chacha20(k, 0, n, bytes(32)), pad16(additional) + pad16(ciphertext) + lengths)
    return nonce + ciphertext + tag


def xchacha_open(key, sealed, additional):
    nonce, ciphertext = sealed[:24], sealed[24:-16]
    k, n = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    plaintext = chacha20(k, 1, n, ciphertext)
    if not hmac.compare_digest(xchacha_seal(key, nonce, plaintext, additional), sealed):
        return None
    return plaintext


def mac(algorithm, key, message):
    if algorithm == "hmac-sha256":
        return hmac.new(key, message, hashlib.sha256).digest()
    return hashlib.blake2b(message, key=key, digest_size=32).digest()


def decode_text(text):
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return raw if canonical == text else None


def open_token(case, keys):
    """Returns (outcome name, payload or None)."""
    text = case["value"]
    if len(case["cookie"]) + len(text) > 4096:
        return "too_large", None
    raw = decode_text(text)
    if raw is None or len(raw) < 2 or raw[0] != 0x92 or raw[1] & 0xF0 != 0xD0:
        return "malformed", None
    version, has_idle, has_id = raw[1] >> 2 & 3, raw[1] & 1, raw[1] >> 1 & 1
    if version != 1:
        return "unsupported_version", None
    size = 19 + (4 if has_idle else 0) + (12 if has_id else 0)
    if len(raw) < size:
        return "malformed", None
    codec, kid = raw[2], raw[3:7]
    start, issued, expires = struct.unpack(">3I", raw[7:19])
    idle = struct.unpack(">I", raw[19:23])[0] if has_idle else None
    if idle == 0:
        return "malformed", None
    header, rest = raw[:size], raw[size:]

    if kid not in keys:
        return "unknown_key", None
    algorithm, secret = keys[kid]
    key = subkey(secret, algorithm, case["cookie"], case["audience"])
    if algorithm == "xchacha20-poly1305":
        payload = xchacha_open(key, rest, header) if len(rest) >= 40 else None
        again = payload is not None and header + xchacha_seal(key, rest[:24], payload, header)
    else:
        tag = mac(algorithm, key, raw[:-32])
        payload = rest[:-32] if len(rest) >= 32 and hmac.compare_digest(tag, raw[-32:]) else None
        again = payload is not None and header + payload + tag
    if payload is None:
        return "forged", None
    if again != raw:
        return "made again, the token differs", None
    if codec not in case["codecs"]:
        return "unsupported_codec", payload
    now = case["now"]
    if max(start, issued) > now + 2 * SKEW:
        return "future", payload
    if now >= expires:
        return "expired", payload
    if idle is not None and now >= issued + idle:
        return "idle", payload
    return "valid", payload


def main():
    with open(sys.argv[1]) as f:
        vectors = json.load(f)
    keys = {}
    for k in vectors["keys"]:
        secret = bytes.fromhex(k["secret"])
        kid = key_id(secret, k["algorithm"])
        if kid.hex() != k["id"]:
            sys.exit("key %s: the ID is %s" % (k["id"], kid.hex()))
        keys[kid] = (k["algorithm"], secret)
    failed = 0
    for case in vectors["cases"]:
        got, payload = open_token(case, keys)
        if got != case["expect"] or got == "valid" and payload.hex() != case["payload"]:
            print("%s: %s, want %s" % (case["name"], got, case["expect"]))
            failed += 1
    print("%d passed, %d failed" % (len(vectors["cases"]) - failed, failed))
    if failed or not vectors["cases"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
