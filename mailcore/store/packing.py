"""Columns of numbers in one piece of octets, and back: one to four octets a message, in memory too. RFC 8878 (zstd).

Memory that nobody has touched yet costs more than filling it, so what is unpacked is no wider than its numbers.
"""

import sys
from array import array
from collections.abc import Sequence

from config.compression import BadCompression, compress, decompress

Columns = tuple["array[int]", "array[int]", "array[int]"]  # UIDs, flags, modseqs; wide ones, or as narrow as their numbers

WIDE = "q"  # the type of arrays that take any number
_WIDTH = 8  # octets of their numbers
_COLUMNS = 3
_TYPES = ("B", "B", "H", "I", "I", WIDE, WIDE, WIDE, WIDE)  # by how many octets of the numbers are not 0 everywhere
_SWAPPED = sys.byteorder == "big"


def pack(columns: Sequence["array[int]"]) -> bytes:
    """Return columns in one piece: octet by octet of all numbers, without those that are 0 in all."""
    planes: list[bytes] = []
    for column in columns:
        octets, width = _little_endian(column), column.itemsize
        found = [octets[place::width] for place in range(width)]
        while found and not any(found[-1]):
            found.pop()
        planes += [bytes([len(found)]), *found]
    return compress(b"".join(planes))


def unpack(packed: bytes, count: int) -> Columns | None:
    """Return the columns of a piece, None when it does not hold `count` messages."""
    try:
        octets = memoryview(decompress(packed, _COLUMNS * (_WIDTH * count + 1)))
    except BadCompression:
        return None
    columns, place = [], 0
    for _ in range(_COLUMNS):
        planes = octets[place] if place < len(octets) else _WIDTH + 1
        if planes > _WIDTH or place + 1 + planes * count > len(octets):
            return None
        columns.append(_joined(octets[place + 1 : place + 1 + planes * count], planes, count, _TYPES[planes]))
        place += 1 + planes * count
    uids, flags, modseqs = columns
    return (uids, flags, modseqs) if place == len(octets) else None


def widened(column: "array[int]") -> "array[int]":
    """Return a column that takes any number: itself, if it does."""
    if column.typecode == WIDE:
        return column
    octets, width, count = _little_endian(column), column.itemsize, len(column)
    planes = b"".join([octets[place::width] for place in range(width)])
    return _joined(memoryview(planes), width, count, WIDE)


def copied(column: "array[int]") -> "array[int]":
    """Return a column of one's own that takes any number."""
    return column[:] if column.typecode == WIDE else widened(column)


def _little_endian(column: "array[int]") -> bytes:
    if _SWAPPED:
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _joined(octets: memoryview, planes: int, count: int, typecode: str) -> "array[int]":
    """Return numbers from their planes. Through a bytearray: a memoryview takes five times as long to write every eighth octet."""
    column = array(typecode)
    width = column.itemsize
    if planes == width == 1:
        column.frombytes(octets)
        return column
    wide = bytearray(width * count)
    for plane in range(planes):
        wide[plane::width] = octets[plane * count : (plane + 1) * count]
    column.frombytes(wide)
    if _SWAPPED:
        column.byteswap()
    return column
