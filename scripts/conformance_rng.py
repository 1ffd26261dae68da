#!/usr/bin/env python3
"""Prints the golden values in crates/breadth-lm/src/rng.rs from a second implementation, written from the definitions alone.

ChaCha with 8 rounds, 64-bit block counter and 64-bit stream number (D. J. Bernstein's original layout); FNV-1a-128; Lemire's method.
"""

import struct

MASK = 2**64 - 1


def fnv_1a_128(data):
    hash = 0x6C62272E07BB014262B821756295C58D
    for byte in data:
        hash = (hash ^ byte) * 0x0000000001000000000000000000013B % 2**128
    return hash


def quarter_round(x, a, b, c, d):
    for add, xor, turn in ((b, d, 16), (d, b, 12), (b, d, 8), (d, b, 7)):
        target = a if add == b else c
        x[target] = (x[target] + x[add]) % 2**32
        x[xor] ^= x[target]
        x[xor] = (x[xor] << turn | x[xor] >> (32 - turn)) % 2**32


def block(key, stream, counter):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<QQ", counter, stream)))
    x = start[:]
    for _ in range(4):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter_round(x, *column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter_round(x, *diagonal)
    return struct.pack("<16I", *((a + b) % 2**32 for a, b in zip(x, start)))


def stream(seed, name, index):
    """Yields 64-bit words."""
    key = struct.pack("<Q", seed) + fnv_1a_128(name.encode()).to_bytes(16, "little") + b"breadth1"
    counter = 0
    while True:
        yield from struct.unpack("<8Q", block(key, index, counter))
        counter += 1


def below(words, n):
    while True:
        product = next(words) * n
        if product & MASK >= 2**64 % n:
            return product >> 64


def uniform(words):
    return (next(words) >> 11) / 2**53


def shuffle(words, items):
    for i in range(len(items) - 1):
        j = i + below(words, len(items) - i)
        items[i], items[j] = items[j], items[i]
    return items


def main():
    words = lambda n, *where: [f"{word:#018x}" for word, _ in zip(stream(*where), range(n))]
    print("first words", words(2, 0, "", 0), words(2, 7, "train/batch", 3), words(2, MASK, "ä", MASK))
    words_17 = list(zip(stream(1, "golden", 2), range(17)))
    print("seventeenth word", f"{words_17[16][0]:#018x}")
    s = stream(1, "golden", 3)
    print("below", [below(s, n) for n in (2, 6, 10, 1000, 2**63 + 1, 2**63 + 1)])
    print("uniform", [uniform(s) for _ in range(2)])
    print("shuffle", shuffle(s, list(range(10))))


if __name__ == "__main__":
    main()
