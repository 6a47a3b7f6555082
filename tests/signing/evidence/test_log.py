"""A log as files: tiles as C2SP names them, proofs of any size that it ever had."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.evidence import merkle, tiles
from signing.evidence.log import Log
from signing.evidence.tiles import BadTile, Tile

ENTRIES = [n.to_bytes(32, "big") for n in range(66_000)]
LEAVES = [merkle.leaf_hash(one) for one in ENTRIES]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(2, 1_234_067), "tile/2/x001/x234/067"),
        (Tile(0, 1_000, 5), "tile/0/x001/000.p/5"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
    ],
)
def test_tiles_stand_where_the_format_says(tile, path):
    assert tile.path == path
    assert Tile(0, tile.number, tile.width).entries_path == f"tile/entries/{path.split('/', 2)[2]}"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A log that grew in odd steps across three levels of tiles. Nothing has to be durable: it is gone in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield written(tmp_path_factory)


def written(tmp_path_factory):
    log, size = Log(tmp_path_factory.mktemp("log")), 0
    for target in (1, 255, 256, 257, 700, 65_535, 65_536, 65_537, 66_000):
        log.write(size - size % 256, ENTRIES[size - size % 256 : target])
        size = target
    return log


def test_roots_and_proofs_are_those_of_the_tree(grown):
    nodes = {(level, index): found for level, index, found in merkle.grown(0, LEAVES, lambda level, index: b"")}
    fresh = Log(grown.directory)
    for size in (1, 2, 255, 256, 257, 700, 65_536, 65_537, 66_000):
        assert fresh.root(size) == merkle.root(size, lambda level, index: nodes[level, index])


@settings(max_examples=60)
@given(st.data())
def test_any_entry_is_in_any_later_tree_and_trees_follow_from_each_other(grown, data):
    size = data.draw(st.integers(1, 66_000))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root = grown.root(66_000) if size == 66_000 else None
    log = Log(grown.directory)
    try:
        proof, older = log.proof(index, size), log.consistency(old, size)
    except BadTile:  # the right edge of a size that was never signed, whose partial tiles were never written
        assert size not in (1, 255, 256, 257, 700, 65_535, 65_536, 65_537, 66_000)
        return
    assert merkle.is_included(LEAVES[index], index, size, proof, root or log.root(size))
    assert merkle.is_consistent(old, log.root(old), size, root or log.root(size), older)
    assert log.bundle(index // tiles.WIDTH, 66_000)[index % tiles.WIDTH] == ENTRIES[index]


def test_what_is_full_has_no_parts_and_is_whole_on_its_own(grown):
    paths = {str(path.relative_to(grown.directory)) for path in grown.directory.rglob("*") if path.is_file()}
    assert {one.path for one in tiles.needed(66_000)} <= paths
    assert not [path for path in paths if path.startswith("tile/0/000.p")]


def test_a_tile_that_is_cut_off_or_missing_is_told(grown, tmp_path):
    log = Log(tmp_path)
    log.write(0, ENTRIES[:300])
    (tmp_path / Tile(0, 0).path).write_bytes(b"\0" * 33)
    with pytest.raises(BadTile):
        Log(tmp_path).proof(5, 300)
    (tmp_path / Tile(0, 0).path).unlink()
    with pytest.raises(BadTile, match="missing"):
        Log(tmp_path).proof(5, 300)
    with pytest.raises(ValueError, match="begin"):
        log.write(5, ENTRIES[:1])


@pytest.mark.parametrize("octets", [b"\0", b"\0\2a", b"\0\1a" * 257])
def test_bundles_that_are_none_are_refused(octets):
    with pytest.raises(BadTile):
        tiles.read_entries(octets)


@given(st.lists(st.binary(max_size=40), max_size=256))
def test_bundles_are_read_back(entries):
    assert tiles.read_entries(tiles.write_entries(entries)) == entries
