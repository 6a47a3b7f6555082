"""Tiles: the tree of a log cut into pieces of 256 hashes, each a file that never changes. Pure. The format tlog-tiles of C2SP.

Tile n of level L has the hashes of the subtrees of 256**L leaves with the numbers from 256·n on. The last one of a level is partial and
has its width in its name; once a tile is full, partial ones of it may go. Entries stand in bundles beside the tiles of level 0.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from signing.evidence.merkle import HASH_BYTES, node_hash

WIDTH, HEIGHT = 256, 8  # hashes of a tile; levels of the tree in one
_LENGTH = struct.Struct(">H")


class BadTile(ValueError):
    """Not a tile, or not as wide as its name says."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Names a tile: its level, its number, and how many hashes it has."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Return where the tile stands, below the log."""
        return f"tile/{self.level}/{_numbered(self.number)}{self._part}"

    @property
    def entries_path(self) -> str:
        """Return where the entries of a tile of level 0 stand."""
        return f"tile/entries/{_numbered(self.number)}{self._part}"

    @property
    def _part(self) -> str:
        return "" if self.width == WIDTH else f".p/{self.width}"


def place(level: int, index: int) -> tuple[int, int, int, int]:
    """Return where the hash of a full subtree of 2**level leaves comes from: level and number of the tile, and which hashes of it."""
    above, below = divmod(level, HEIGHT)
    start = index << below
    return above, start // WIDTH, start % WIDTH, start % WIDTH + (1 << below)


def width(level: int, number: int, size: int) -> int:
    """Return how wide a tile is in a log of `size` leaves: 0 when there is none."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - WIDTH * number))


def needed(size: int) -> Iterator[Tile]:
    """Return every tile of a log of `size` leaves, level by level."""
    level = 0
    while size >> HEIGHT * level:
        count = size >> HEIGHT * level
        yield from (Tile(level, number, width(level, number, size)) for number in range(-(-count // WIDTH)))
        level += 1


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of the full subtree over hashes, whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def write(hashes: Sequence[bytes]) -> bytes:
    """Return the octets of a tile."""
    return b"".join(hashes)


def read(octets: bytes, wanted: int) -> list[bytes]:
    """Return the first hashes of a tile that is as wide as `wanted` or wider. Raises BadTile."""
    if len(octets) % HASH_BYTES or not wanted * HASH_BYTES <= len(octets) <= WIDTH * HASH_BYTES:
        raise BadTile(f"a tile of {len(octets)} octets does not hold {wanted} hashes")
    return [octets[at : at + HASH_BYTES] for at in range(0, wanted * HASH_BYTES, HASH_BYTES)]


def write_entries(entries: Sequence[bytes]) -> bytes:
    """Return the octets of a bundle of entries."""
    return b"".join([_LENGTH.pack(len(one)) + one for one in entries])


def read_entries(octets: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises BadTile."""
    found, at = [], 0
    while at < len(octets):
        if at + _LENGTH.size > len(octets):
            raise BadTile("a bundle of entries that is cut off")
        (length,) = _LENGTH.unpack_from(octets, at)
        at += _LENGTH.size + length
        found.append(octets[at - length : at])
    if at != len(octets) or len(found) > WIDTH:
        raise BadTile("a bundle of entries that is cut off, or too long")
    return found


def _numbered(number: int) -> str:
    """Return a number in groups of three digits, an x before all but the last: 1234067 is x001/x234/067."""
    groups = [number % 1000]
    while number := number // 1000:
        groups.append(number % 1000)
    return reduce(lambda path, group: f"x{group:03d}/{path}", groups[1:], f"{groups[0]:03d}")
