"""The tree of a log: known roots, every proof of every small tree, and no proof of anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import merkle
from signing.evidence.merkle import Read, leaf_hash, node_hash

KNOWN = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {  # of the first so many of them, in hexadecimal: the vectors of the reference implementation of RFC 6962
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
MOST = 33


def tree(entries: list[bytes], step: int = 1) -> Read:
    """A tree that grew by `step` entries at a time."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        return kept[level, index]

    for start in range(0, len(entries), step):
        for level, index, found in merkle.grown(start, [leaf_hash(one) for one in entries[start : start + step]], read):
            assert (level, index) not in kept
            kept[level, index] = found
    return read


def naive(entries: list[bytes]) -> bytes:
    """The root as §2.1.1 defines it."""
    if len(entries) < 2:
        return leaf_hash(entries[0]) if entries else merkle.EMPTY
    middle = 1
    while middle * 2 < len(entries):
        middle *= 2
    return node_hash(naive(entries[:middle]), naive(entries[middle:]))


ENTRIES = [b"%d" % number for number in range(MOST)]
TREE = tree(ENTRIES)


@pytest.mark.parametrize("size", ROOTS)
def test_known_roots(size: int) -> None:
    assert merkle.root(size, tree([bytes.fromhex(one) for one in KNOWN])).hex() == ROOTS[size]


@pytest.mark.parametrize("step", [1, 2, 5, MOST])
def test_roots_are_those_of_the_definition_however_the_tree_grew(step: int) -> None:
    read = tree(ENTRIES, step)
    assert [merkle.root(size, read) for size in range(MOST + 1)] == [naive(ENTRIES[:size]) for size in range(MOST + 1)]


def test_every_leaf_is_shown_to_be_where_it_is_and_nowhere_else() -> None:
    for size in range(1, MOST + 1):
        root = merkle.root(size, TREE)
        for index in range(size):
            proof, leaf = merkle.inclusion(index, size, TREE), leaf_hash(ENTRIES[index])
            places = [(place, of) for place in range(size + 1) for of in (size - 1, size, size + 1)]
            shown = [(place, of) for place, of in places if merkle.is_included(leaf, place, of, proof, root)]
            assert (index, size) in shown
            # a proof binds the place; where two shapes share a path, the size is bound by the checkpoint that names it
            assert {place for place, of in shown if of == size} == {index}
            assert not merkle.is_included(leaf_hash(b"other"), index, size, proof, root)


def test_every_tree_is_shown_to_have_grown_from_each_before_it() -> None:
    roots = [merkle.root(size, TREE) for size in range(MOST + 1)]
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency(old, new, TREE)
            assert merkle.is_consistent(old, roots[old], new, roots[new], proof)
            for other in range(1, new + 1):
                assert merkle.is_consistent(old, roots[other], new, roots[new], proof) == (other == old)


@given(st.integers(1, MOST), st.data())
def test_what_is_changed_in_a_proof_is_found(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root, leaf = merkle.inclusion(index, size, TREE), merkle.root(size, TREE), leaf_hash(ENTRIES[index])
    for changed in _changed(proof, data):
        assert not merkle.is_included(leaf, index, size, changed, root)
    old = data.draw(st.integers(1, size))
    path = merkle.consistency(old, size, TREE)
    for changed in _changed(path, data):
        assert not merkle.is_consistent(old, merkle.root(old, TREE), size, root, changed)


def _changed(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """The proof with one more, one fewer, one shorter and one other hash."""
    found = [[*proof, b"x" * 32], [b"x" * 32, *proof]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = 1 << data.draw(st.integers(0, 255))
        other = (int.from_bytes(proof[at], "big") ^ bit).to_bytes(32, "big")
        found += [proof[:at] + proof[at + 1 :], [*proof[:at], other, *proof[at + 1 :]], [*proof[:at], proof[at][:-1], *proof[at + 1 :]]]
    return found


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        merkle.inclusion(index, size, TREE)
    with pytest.raises(ValueError):
        merkle.consistency(size + 1, size, TREE)
    assert not merkle.is_included(merkle.EMPTY, index, size, [], merkle.EMPTY)
    assert not merkle.is_consistent(0, merkle.EMPTY, size, merkle.root(size, TREE), [])


def test_proofs_are_as_long_as_the_tree_is_high() -> None:
    """Of a hundred million leaves, of which no more is read than a few hashes a level."""
    size, reads = 100_000_000, 0

    def read(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        assert (index + 1) << level <= size
        return leaf_hash(b"%d/%d" % (level, index))

    assert len(merkle.inclusion(77_777_777, size, read)) <= 27
    assert len(merkle.consistency(50_000_001, size, read)) <= 28
    assert reads < 200
