"""Sealed blobs: what goes in comes out, any slice of it, and nothing else ever does."""

import mmap
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.errors import Damaged
from mailcore.store.blobs import Source, remove_abandoned, write_file
from mailcore.store.opening import content, contents, layout, opened
from mailcore.store.sealing import CHUNK_BYTES, HEAD, LENGTH, Chunks, Sealer
from mailcore.store.types import BlobId

SEALER = Sealer(b"s" * 32)
LARGE = random.Random(7).randbytes(CHUNK_BYTES + 900) + b"text " * 300_000 + random.Random(8).randbytes(CHUNK_BYTES)
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, len(LARGE)]


class Octets:
    """Sealed octets in memory, and how many of them were asked for."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.size_bytes = len(octets)
        self.read_bytes = 0

    def read(self, place: int, count: int) -> bytes:
        found = self._octets[place : place + count]
        self.read_bytes += len(found)
        return found


def sealed(raw: bytes) -> tuple[BlobId, bytes, bytes]:
    blob_id, dek, octets = SEALER.seal(raw)
    return blob_id, dek, octets if isinstance(octets, bytes) else b"".join(octets)


BLOB_ID, DEK, SEALED = sealed(LARGE)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_comes_back(size: int) -> None:
    raw = LARGE[:size]
    blob_id, dek, octets = sealed(raw)
    assert content(Octets(octets), blob_id, dek) == raw
    assert octets[:1] == (b"\x02" if size > CHUNK_BYTES else b"\x01")
    assert max((len(piece) for piece in opened(Octets(octets), blob_id, dek)), default=0) <= CHUNK_BYTES


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LARGE) + 5), st.integers(0, len(LARGE) + 5) | st.none())
def test_every_slice_is_that_of_the_content(start: int, stop: int | None) -> None:
    assert b"".join(opened(Octets(SEALED), BLOB_ID, DEK, start, stop)) == LARGE[start:stop]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 320), st.integers(0, 320) | st.none())
def test_slices_of_small_blobs_are_right_too(raw: bytes, start: int, stop: int | None) -> None:
    blob_id, dek, octets = sealed(raw)
    assert b"".join(opened(Octets(octets), blob_id, dek, start, stop)) == raw[start:stop]


def test_a_slice_reads_only_its_chunks() -> None:
    source = Octets(SEALED)
    assert b"".join(opened(source, BLOB_ID, DEK, CHUNK_BYTES + 10, CHUNK_BYTES + 20)) == LARGE[CHUNK_BYTES + 10 : CHUNK_BYTES + 20]
    assert source.read_bytes < CHUNK_BYTES + 1000


def test_the_same_content_has_one_name_and_one_key_in_either_version() -> None:
    assert SEALER.seal(LARGE)[:2] == (BLOB_ID, DEK)
    naming = SEALER.naming()
    naming.update(LARGE[:1000])
    naming.update(LARGE[1000:])
    assert naming.digest() == BLOB_ID


def places(octets: bytes) -> tuple[int, ...]:
    where = layout(Octets(octets).read, len(octets))
    assert where is not None
    return where.places


def swapped(octets: bytes) -> bytes:
    first, second, third, *_ = places(octets)
    count = len(places(octets)) - 1
    table = octets[-count * LENGTH.size :]
    lengths = table[LENGTH.size : 2 * LENGTH.size] + table[: LENGTH.size] + table[2 * LENGTH.size :]
    return octets[:first] + octets[second:third] + octets[first:second] + octets[third : len(octets) - len(table)] + lengths


def without_the_last_chunk(octets: bytes) -> bytes:
    """Truncated by somebody who knows the form: the head and the table say so too."""
    *_, last, end = places(octets)
    count = len(places(octets)) - 1
    version, _, step, prefix = HEAD.unpack(octets[: HEAD.size])
    head = HEAD.pack(version, (count - 1) * step, step, prefix)
    return head + octets[HEAD.size : last] + octets[end : end + (count - 1) * LENGTH.size]


def repeated(octets: bytes) -> bytes:
    first, second, *_ = places(octets)
    count = len(places(octets)) - 1
    table = octets[-count * LENGTH.size :]
    return octets[:second] + octets[first:second] + octets[second : len(octets) - len(table)] + table[: LENGTH.size] + table


def of_another_sealing(octets: bytes) -> bytes:
    """Take the first chunk from a second sealing of the same content under the same key."""
    other = sealed(LARGE)[2]
    first, second, *_ = places(octets)
    assert places(other)[1] == second
    return octets[:first] + other[first:second] + octets[second:]


HARM: list[Callable[[bytes], bytes]] = [
    swapped,
    without_the_last_chunk,
    repeated,
    of_another_sealing,
    lambda octets: octets[:-1],
    lambda octets: octets[: len(octets) // 2],
    lambda octets: octets[: HEAD.size],
    lambda octets: octets[:10],
    lambda octets: octets + b"x",
    lambda octets: b"\x02" + b"\xff" * 40,
    lambda octets: b"\x02" + b"\x00" * 40,
    lambda octets: b"",
    lambda octets: b"\x03" + octets[1:],
]


@pytest.mark.parametrize("harm", HARM)
def test_what_was_tampered_with_is_damaged(harm: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Damaged):
        content(Octets(harm(SEALED)), BLOB_ID, DEK)
    with pytest.raises(Damaged):
        list(opened(Octets(harm(SEALED)), BLOB_ID, DEK))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_flipped_octet_goes_unseen(place: int, by: int) -> None:
    harmed = bytearray(SEALED)
    harmed[place] ^= by
    with pytest.raises(Damaged):
        content(Octets(bytes(harmed)), BLOB_ID, DEK)


def test_a_large_content_is_sealed_as_it_is_written(tmp_path: Path) -> None:
    blob_id, dek, chunks = SEALER.seal(LARGE)
    assert isinstance(chunks, Chunks)
    assert max(map(len, chunks)) <= CHUNK_BYTES + 100
    path = tmp_path / "ab" / "abcd"
    write_file(path, chunks)
    source = Source(path)
    path.unlink()
    assert content(source, blob_id, dek) == LARGE


def test_a_file_in_memory_is_sealed_without_being_kept_there(tmp_path: Path) -> None:
    path = tmp_path / "spooled"
    path.write_bytes(LARGE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        blob_id, dek, chunks = SEALER.seal(mapped)
        octets = []
        for chunk in chunks:
            octets.append(chunk)
            assert _resident_bytes(path) <= CHUNK_BYTES
        assert content(Octets(b"".join(octets)), blob_id, dek) == LARGE


def _resident_bytes(path: Path) -> int:
    """Return how much of a file this process has in its own memory (proc(5), smaps)."""
    _, _, mapping = Path("/proc/self/smaps").read_text().partition(f"{path}\n")
    [rss] = [line for line in mapping.splitlines()[:4] if line.startswith("Rss:")]
    return int(rss.split()[1]) * 1024


def test_a_file_that_somebody_named_and_did_not_live_to_make_durable_is_made_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    for _ in range(2):
        write_file(tmp_path / "ab" / "abcd", [b"octets"])
    assert synced == [str(tmp_path / "ab"), str(tmp_path)] * 2


def test_files_left_by_a_crash_go_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "ab"
    folder.mkdir()
    for name in ("abcd", "abcd.1.x.new", "abce.2.y.new"):
        (folder / name).write_bytes(b"x")
    os.utime(folder / "abcd.1.x.new", (1000, 1000))
    os.utime(folder / "abcd", (1000, 1000))
    assert remove_abandoned(tmp_path, 2000) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["abcd", "abce.2.y.new"]


def test_several_are_opened_together_and_one_that_is_damaged_harms_no_other() -> None:
    raws = [b"", b"text " * 500, os.urandom(500), b"more " * 90_000, LARGE]
    every = [sealed(raw) for raw in raws]
    several = [(Octets(octets), blob_id, dek) for blob_id, dek, octets in every]
    assert [bytes(found) for found in contents(several) if not isinstance(found, Damaged)] == raws
    assert contents([]) == []
    for number, (blob_id, dek, octets) in enumerate(every):
        broken = [*several]
        broken[number] = Octets(octets[:-1]), blob_id, dek
        found = contents(broken)
        assert isinstance(found[number], Damaged)
        assert [bytes(each) for each in found if not isinstance(each, Damaged)] == raws[:number] + raws[number + 1 :]


def test_what_opens_but_does_not_unfold_harms_no_other() -> None:
    blob_id, dek, octets = sealed(b"text " * 500)
    head, nonce = b"\x01\x01", os.urandom(12)
    folded = head + nonce + AESGCM(dek).encrypt(nonce, b"\x28\xb5\x2f\xfd no zstd", head)
    first, second = contents([(Octets(folded), blob_id, dek), (Octets(octets), blob_id, dek)])
    assert isinstance(first, Damaged)
    assert second == b"text " * 500
