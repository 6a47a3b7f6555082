"""The Merkle tree of a log: roots, proofs that an entry is in it, proofs that it only grew. Pure. RFC 9162 §2.1.

A tree is read through `Read`: (level, index) to the hash of the full subtree of 2**level leaves that is number `index` of its level. Those
never change once they are full, so they are all that a log keeps; every root and proof, of any size the tree ever had, is made of a few
dozen of them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY = sha256(b"").digest()  # RFC 9162 §2.1.1: the root of a tree without leaves

Read = Callable[[int, int], bytes]
Node = tuple[int, int, bytes]  # level, index, hash


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of what two subtrees make together."""
    return sha256(b"\x01" + left + right).digest()


def grown(size: int, leaves: Sequence[bytes], read: Read) -> list[Node]:
    """Return the full subtrees that leaves, given as hashes, add to a tree of `size`: themselves too, each after what it is made of."""
    made: dict[tuple[int, int], bytes] = {}
    for at, leaf in enumerate(leaves, size):
        level, index, found = 0, at, leaf
        made[0, at] = leaf
        while index & 1:
            below = (level, index - 1)
            found = node_hash(made[below] if below in made else read(*below), found)
            level, index = level + 1, index >> 1
            made[level, index] = found
    return [(level, index, found) for (level, index), found in made.items()]


def root(size: int, read: Read) -> bytes:
    """Return the root of the tree when it had `size` leaves."""
    return _subtree(0, size, read) if size else EMPTY


def inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards (§2.1.3.1). Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none with number {index}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        if index < middle:
            proof.append(_subtree(middle, end, read))
            end = middle
        else:
            proof.append(_subtree(start, middle, read))
            start = middle
    return proof[::-1]


def consistency(old: int, new: int, read: Read) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with the one of `old` (§2.1.4.1). Raises ValueError."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves has not grown from one of {old}")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _left(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, read))
            end = middle
        else:
            proof.append(_subtree(start, middle, read))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(start, end, read))
    return proof[::-1]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether a proof shows that the leaf with this hash is number `index` of the tree of `size` leaves with this root (§2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(proof):
        return False
    at, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that the tree of `new` leaves begins with the one of `old`, both by their roots (§2.1.4.2)."""
    if not 0 < old <= new or not _are_hashes(proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    then = now = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            then, now = node_hash(other, then), node_hash(other, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, other)
        at, last = at >> 1, last >> 1
    return last == 0 and then == old_root and now == new_root


def _left(count: int) -> int:
    """Return how many of `count` leaves, two at least, stand on the left: the largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(start: int, end: int, read: Read) -> bytes:
    """Return the root over the leaves [start, end), where `start` is a multiple of a power of two that is not less than their number."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, start >> level)
    middle = start + _left(count)
    return node_hash(_subtree(start, middle, read), _subtree(middle, end, read))


def _are_hashes(proof: Sequence[bytes]) -> bool:
    return all(len(one) == HASH_BYTES for one in proof)
