#!/usr/bin/env python3
"""Makes vectors.json with implementations that share no code with the Go ones.

HMAC-SHA256 and BLAKE2b are those of Python's standard library;
XChaCha20-Poly1305 is written out below from RFC 8439 and
draft-irtf-cfrg-xchacha-03, and checked against the vector in the draft's
appendix A.3.1 first.

    python3 generate.py > vectors.json
"""
import hashlib, hmac, json, struct, sys


def rotl(x, n):
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


def rounds(s):
    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rotl(s[z] ^ s[x], n)

    for _ in range(10):
        quarter(0, 4, 8, 12), quarter(1, 5, 9, 13), quarter(2, 6, 10, 14), quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15), quarter(1, 6, 11, 12), quarter(2, 7, 8, 13), quarter(3, 4, 9, 14)
    return s


CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def hchacha(key, nonce):
    s = rounds([*CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce)])
    return struct.pack("<8I", *s[:4], *s[12:])


def chacha(key, nonce, counter, text):
    out = bytearray()
    for i in range(0, len(text), 64):
        start = [*CONSTANTS, *struct.unpack("<8I", key), counter + i // 64, *struct.unpack("<3I", nonce)]
        words = zip(rounds(list(start)), start)
        block = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in words))
        out += bytes(a ^ b for a, b in zip(text[i : i + 64], block))
    return bytes(out)


def poly1305(key, text):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(text), 16):
        acc = (acc + int.from_bytes(text[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def xchacha20poly1305(key, nonce, plaintext, additional):
    key, nonce = hchacha(key, nonce[:16]), b"\0\0\0\0" + nonce[16:]
    sealed = chacha(key, nonce, 1, plaintext)
    pad = lambda b: b + bytes(-len(b) % 16)
    text = pad(additional) + pad(sealed) + struct.pack("<QQ", len(additional), len(sealed))
    return sealed + poly1305(chacha(key, nonce, 0, bytes(32)), text)


def draft_a31():
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you "
            b"only one tip for the future, sunscreen would be it.")
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    additional = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    sealed = xchacha20poly1305(key, nonce, text, additional)
    assert sealed[:16].hex() == "bd6d179d3e83d43b9576579493c0e939", sealed.hex()
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49", sealed.hex()
    return key, nonce, text, additional


def octets(label, n):
    return hashlib.shake_128(label.encode()).digest(n)


def main():
    macs = [(octets(f"key {n}", 32), octets(f"msg {n}", n)) for n in (0, 1, 16, 63, 64, 65, 127, 128, 129, 132, 255, 256, 300)]
    seals = [draft_a31()] + [
        (octets(f"key {n} {m}", 32), octets(f"nonce {n} {m}", 24), octets(f"msg {n}", n), octets(f"ad {m}", m))
        for n, m in ((0, 0), (0, 22), (1, 0), (15, 1), (16, 16), (63, 22), (64, 22), (65, 22), (132, 22), (300, 50))
    ]
    mac = lambda f: [{"key": k.hex(), "msg": m.hex(), "tag": f(k, m).hex()} for k, m in macs]
    json.dump(
        {
            "hmac-sha256": mac(lambda k, m: hmac.digest(k, m, "sha256")),
            "blake2b-256": mac(lambda k, m: hashlib.blake2b(m, digest_size=32, key=k).digest()),
            "xchacha20-poly1305": [
                {"key": k.hex(), "plaintext": p.hex(), "additional": a.hex(),
                 "sealed": (n + xchacha20poly1305(k, n, p, a)).hex()}
                for k, n, p, a in seals
            ],
        },
        sys.stdout,
        indent=1,
    )
    print()


if __name__ == "__main__":
    main()
