"""Deflate batches: however they are made and cut, the same octets come out, and never more at a time than allowed."""

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap.deflate import BadStream, Deflater, Inflater

WORDS = (b"* 12 FETCH (UID 77 FLAGS (\\Seen))\r\n", b"* OK still here\r\n", b"aGVsbG8gd29ybGQ=", b"\x00", b"\xff\x00")
REPEATED = st.tuples(st.sampled_from(WORDS), st.sampled_from([1, 2, 500, 3000]))  # written out in the tests: reports stay short
BATCHES = st.lists(REPEATED | st.tuples(st.binary(max_size=300), st.just(1)), max_size=12)
FLUSHES = st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_NO_FLUSH])


def inflated(inflater: Inflater, most: int) -> bytes:
    """All that can be had now, in bounded pieces."""
    found = b""
    while octets := inflater.inflate(most):
        assert len(octets) <= most
        found += octets
    assert inflater.held == 0
    return found


@given(BATCHES)
def test_each_batch_can_be_read_as_soon_as_it_is_there(batches: list[tuple[bytes, int]]) -> None:
    deflater, far = Deflater(), zlib.decompressobj(-15)
    for batch in (word * count for word, count in batches):
        assert far.decompress(deflater.deflate(batch)) == batch
    assert not far.eof


@given(BATCHES, st.lists(FLUSHES, min_size=12, max_size=12), st.integers(1, 9), st.integers(20, 5000), st.integers(100, 70_000))
def test_however_cut_the_same_octets(batches: list[tuple[bytes, int]], flushes: list[int], level: int, cut: int, most: int) -> None:
    engine = zlib.compressobj(level, zlib.DEFLATED, -15)
    stream = b"".join(engine.compress(word * count) + engine.flush(flush) for (word, count), flush in zip(batches, flushes, strict=False))
    stream += engine.flush(zlib.Z_SYNC_FLUSH)
    inflater, found = Inflater(), b""
    for place in range(0, len(stream), cut):
        inflater.feed(stream[place : place + cut])
        found += inflated(inflater, most)
    assert found == b"".join(word * count for word, count in batches)


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH])
def test_a_flushed_batch_comes_out_whole(flush: int) -> None:
    engine, inflater = zlib.compressobj(6, zlib.DEFLATED, -15), Inflater()
    for number in range(50):
        line = b"t%d UID FETCH %d (FLAGS)\r\n" % (number, number * 7)
        inflater.feed(engine.compress(line) + engine.flush(flush))
        assert inflated(inflater, 1 << 16) == line


def test_a_bomb_goes_off_in_pieces() -> None:
    engine, inflater = zlib.compressobj(9, zlib.DEFLATED, -15), Inflater()
    inflater.feed(engine.compress(bytes(50_000_000)) + engine.flush(zlib.Z_SYNC_FLUSH))
    total = 0
    while octets := inflater.inflate(10_000):
        assert len(octets) <= 10_000
        total += len(octets)
    assert total == 50_000_000


@pytest.mark.parametrize("octets", [b"a NOOP\r\n", b"\xff" * 20, b"\x78\x9c"])
def test_what_deflate_never_makes_is_refused(octets: bytes) -> None:
    inflater = Inflater()
    inflater.feed(octets + b"\xff" * 40)
    with pytest.raises(BadStream):
        inflated(inflater, 100)


@given(st.binary(max_size=100))
def test_noise_never_hurts(noise: bytes) -> None:
    inflater = Inflater()
    inflater.feed(noise)
    with contextlib.suppress(BadStream):
        inflated(inflater, 50)


@pytest.mark.parametrize("ending", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH])
def test_what_stands_behind_the_stream_is_handed_back(ending: int) -> None:
    engine, inflater = zlib.compressobj(6, zlib.DEFLATED, -15), Inflater()
    inflater.feed(engine.compress(b"a UNAUTHENTICATE\r\n") + engine.flush(ending) + b"b CAPABILITY\r\n")
    assert inflater.inflate(1 << 16) == b"a UNAUTHENTICATE\r\n"
    assert inflater.leave() == b"b CAPABILITY\r\n"


def test_nothing_may_follow_the_end_of_a_stream() -> None:
    engine, inflater = zlib.compressobj(6, zlib.DEFLATED, -15), Inflater()
    inflater.feed(engine.compress(b"a NOOP\r\n") + engine.flush(zlib.Z_FINISH) + b"b NOOP\r\n")
    assert inflater.inflate(1 << 16) == b"a NOOP\r\n"
    with pytest.raises(BadStream):
        inflater.inflate(1 << 16)


def test_compressing_is_worth_it() -> None:
    lines = b"".join(
        b"* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE %d)\r\n" % (number, number * 3, number * 977) for number in range(5000)
    )
    assert len(Deflater().deflate(lines)) * 4 < len(lines)
    assert len(Deflater().deflate(b"* OK x\r\n")) <= len(b"* OK x\r\n") + 5
