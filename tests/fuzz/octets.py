"""Changes to octets that hold lengths: flips, the length octet 0x80, cuts, and pieces of one document in another."""

import random
from collections.abc import Callable, Sequence

Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]
ODD = (0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA0, 0xFF, 0x30, 0x31)


def altered(rng: random.Random, octets: bytes, others: Sequence[bytes]) -> bytes:
    """Return octets that are not these, with pieces of `others` in them now and then."""
    while True:
        changed = bytearray(octets)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            rng.choice(CHANGES)(rng, changed, others)
        if bytes(changed) != octets:
            return bytes(changed)


def _at(rng: random.Random, octets: bytearray) -> int:
    return rng.randrange(len(octets)) if octets else 0


def _flip(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    if octets:
        octets[_at(rng, octets)] ^= 1 << rng.randrange(8)


def _odd(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    if octets:
        octets[_at(rng, octets)] = rng.choice(ODD)


def _step(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    """A length one more or less."""
    if octets:
        at = _at(rng, octets)
        octets[at] = (octets[at] + rng.choice((-1, 1))) % 256


def _cut(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    at = _at(rng, octets)
    del octets[at : at + rng.choice((1, 1, 2, 16, 400))]


def _shorten(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    del octets[_at(rng, octets) :]


def _insert(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    at = _at(rng, octets)
    octets[at:at] = rng.randbytes(rng.choice((1, 1, 2, 16)))


def _repeat(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    start = _at(rng, octets)
    octets[start:start] = octets[start : start + rng.choice((2, 20, 200))]


def _swap(rng: random.Random, octets: bytearray, _: Sequence[bytes]) -> None:
    one, other, size = _at(rng, octets), _at(rng, octets), rng.choice((1, 4, 32))
    octets[one : one + size], octets[other : other + size] = octets[other : other + size], octets[one : one + size]


def _graft(rng: random.Random, octets: bytearray, others: Sequence[bytes]) -> None:
    """The same place of another document of the kind."""
    other = rng.choice(others) if others else b""
    start, size = _at(rng, octets), rng.choice((1, 8, 64, 1000))
    octets[start : start + size] = other[start : start + size]


CHANGES: tuple[Change, ...] = (_flip, _flip, _odd, _step, _cut, _shorten, _insert, _repeat, _swap, _graft)
