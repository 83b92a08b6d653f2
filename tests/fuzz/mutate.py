"""Random changes of bytes: of any file, of text, of PNG files whose checksums are put right again."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Callable, Sequence

MOST_BYTES = 1 << 22
_NUMBERS = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 1 << 20, 0x3FFFFFFF),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1),
)
_WORDS = (
    *(b"0", b"-1", b"1e999999999", b"9" * 400, b"9" * 5000, b"NaN", b"Infinity", b"1/0", b"1e308", b"null"),
    *(b"[]", b"{}", b'""', b"true", b'"../../x.mp4"', b'"\\ud800"', b"[" * 3000, b"2024-13-45", b"!!int abc"),
    *(b"&a [*a]", b"0x7fffffffffffffff", b"1_0", b".inf", b"4294967296", b"\xff\xfe", b"\0"),
)
_TOKEN = re.compile(rb'-?[0-9]+(?:[./][0-9]+)?|"[^"\n]*"|[A-Za-z_]+')
_PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """The bytes with one to eight changes.

    Args:
        data: a good file.
        others: files of the same kind, of which parts may be taken.
        rng: decides everything.
    """
    changed = bytearray(data)
    is_text = b"\0" not in data[:512]
    for _ in range(1 + min(rng.randrange(8), rng.randrange(8))):
        if is_text and rng.random() < 0.7:
            changed = _with_word(changed, rng)
        elif changed:
            changed = bytearray(rng.choice(_CHANGES)(changed, others, rng))
    if changed.startswith(_PNG) and rng.random() < 0.8:
        changed = bytearray(with_checksums(bytes(changed)))
    return bytes(changed[:MOST_BYTES])


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums that they should have."""
    at, whole = len(_PNG), bytearray(data)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", whole, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(whole)


def _place(data: bytearray, rng: random.Random) -> int:
    """A place, more often near the beginning, where headers are."""
    size = len(data)
    kind = rng.random()
    if kind < 0.4:
        return rng.randrange(min(size, 128))
    return rng.randrange(min(size, 2048)) if kind < 0.7 else rng.randrange(size)


def _length(rng: random.Random) -> int:
    return int(2 ** rng.uniform(0, 10))


def _flip(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _byte(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    data[_place(data, rng)] = rng.choice((0, 1, 127, 128, 254, 255, rng.randrange(256)))
    return data


def _number(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    size = rng.choice((2, 2, 4, 4, 4, 8))
    at = _place(data, rng)
    at -= at % size if rng.random() < 0.5 else 0
    value = rng.choice((*_NUMBERS, len(data), at, rng.getrandbits(64))) % (1 << 8 * size)
    data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))
    return data


def _add(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    """One more or less than what is there, as a number of two or four bytes."""
    size, order = rng.choice((1, 2, 4)), rng.choice(("little", "big"))
    at = _place(data, rng)
    value = int.from_bytes(data[at : at + size], order) + rng.choice((-1, 1, 1 << 8, 1 << 16))
    data[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)
    return data


def _delete(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    at = _place(data, rng)
    del data[at : at + _length(rng)]
    return data


def _repeat(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    at = _place(data, rng)
    data[at:at] = data[at : at + _length(rng)] * rng.choice((1, 1, 2, 50))
    return data


def _insert(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    at, length = _place(data, rng), _length(rng)
    data[at:at] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return data


def _cut(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    del data[rng.randrange(len(data)) :]
    return data


def _copy(data: bytearray, others: Sequence[bytes], rng: random.Random) -> bytearray:
    """A part over another place, of this file or of another one."""
    source = rng.choice((data, *others)) or data
    start, length = rng.randrange(len(source)), _length(rng)
    at = _place(data, rng)
    data[at : at + length] = source[start : start + length]
    return data


def _with_word(data: bytearray, rng: random.Random) -> bytearray:
    """Text with one of its numbers, names or strings replaced."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return data
    token = rng.choice(tokens)
    word = rng.choice((*_WORDS, rng.choice(tokens)[0]))
    return data[: token.start()] + bytearray(word) + data[token.end() :]


_CHANGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], bytearray], ...] = (
    *(_flip, _byte, _byte, _number, _number, _number, _add, _delete, _repeat, _insert, _cut, _copy),
)
