"""The manifest in one file, for a site that no line reaches: written at the centre, carried, verified and applied.

Frames of one octet of kind, four of length, and content: D document, P part (name, NUL, octets), C what changed since (a serial),
B a bucket begins (its number), L a page of lines, E the end. A file holds either C or all the buckets.
"""

import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from config.database import Database
from directory.errors import NotFound
from directory.manifest import document, follow, pages, publish, replica
from directory.manifest.document import Anchor, Signed
from directory.manifest.errors import BadManifest
from directory.manifest.publish import Line
from mailcore.manifest.follower import Follower

MAGIC = b"DIWANMF1"
MAX_FRAME_BYTES = 64 << 20
_HEAD = struct.Struct(">cI")


@dataclass(slots=True)
class Carried:
    """What a file holds. `since` is None for one that holds every entry; `differing` are buckets that are not as the document says."""

    signed: Signed
    parts: dict[str, bytes]
    since: int | None = None
    entries: int = 0
    differing: list[int] = field(default_factory=list)


async def export(db: Database, path: Path, since: int | None = None) -> int:
    """Write the newest document and what it vouches for: all entries, or those that changed after `since`. Return how many.

    Raises NotFound before the first document.
    """
    signed = await db.read(publish.latest)
    if signed is None:
        raise NotFound('this node has published no manifest yet: [manifest] publish = "…" in diwan.toml, then `diwan up`')
    parts = {name: await db.read(publish.part, part.sha256) for name, part in signed.body.parts.items()}
    count = 0
    with path.open("wb") as file:
        file.write(MAGIC)
        _write(file, b"D", signed.octets)
        for name, octets in parts.items():
            _write(file, b"P", name.encode() + b"\0" + octets)
        async for kind, content, lines in _entries(db, signed, since):
            _write(file, kind, content)
            count += lines
        _write(file, b"E", b"")
    return count


async def _entries(db: Database, signed: Signed, since: int | None) -> AsyncIterator[tuple[bytes, bytes, int]]:
    if since is not None:
        yield b"C", str(since).encode(), 0
        after: Line | None = None
        while page := await db.read(publish.changes, since, signed.body.serial, after):
            yield b"L", pages.encode(page), len(page)
            after = page[-1]
        return
    for number in range(document.BUCKETS):
        yield b"B", str(number).encode(), 0
        uid = ""
        while page := await db.read(publish.bucket, number, uid):
            yield b"L", pages.encode(page), len(page)
            uid = page[-1].uid


def verify(path: Path, anchor: Anchor) -> Carried:
    """Judge a file by an anchor alone, on any machine. Raises BadManifest, OSError."""
    frames = _frames(path)
    carried = _opened(frames, anchor.keys, anchor.nation)
    for bucket, found in _buckets(frames, carried):
        if bucket is not None and document.bucket_hash(found) != _named(carried, bucket):
            carried.differing.append(bucket)
        carried.entries += len(found)
    return carried


async def apply(follower: Follower, db: Database, anchor: Anchor, path: Path) -> Carried:
    """Go by a file that was carried here. Raises BadManifest; then what was good before stays."""
    frames = _frames(path)
    carried = _opened(frames, await db.read(follow.believed_keys, anchor), anchor.nation)
    await follower.judge(carried.signed.octets)
    await follower.accept(carried.signed, carried.parts)
    uids: dict[int, list[str]] = {}
    for bucket, page in _pages(frames, carried):
        await db.write(replica.receive, page)
        carried.entries += len(page)
        if bucket is not None:
            uids.setdefault(bucket, []).extend(one.uid for one in page)
    for number in range(document.BUCKETS) if carried.since is None else ():
        await db.write(replica.keep_only, number, uids.get(number, []))
    carried.differing = await follower.build(carried.signed)
    return carried


def _opened(frames: Iterator[tuple[bytes, bytes]], keys: list[str], nation: str) -> Carried:
    kind, octets = next(frames, (b"", b""))
    if kind != b"D":
        raise BadManifest("the file has no document")
    signed, parts = document.opened(octets, keys, nation), {}
    for _ in signed.body.parts:
        kind, octets = next(frames, (b"", b""))
        name, _, content = octets.partition(b"\0")
        wanted = signed.body.parts.get(name.decode("utf-8", "replace"))
        if kind != b"P" or wanted is None or not document.fits(wanted, content):
            raise BadManifest("a part in the file is missing or damaged")
        parts[name.decode()] = content
    return Carried(signed, parts)


def _pages(frames: Iterator[tuple[bytes, bytes]], carried: Carried) -> Iterator[tuple[int | None, list[Line]]]:
    """Yield pages of lines, each with its bucket where the file is by buckets; note what kind of file it is."""
    bucket: int | None = None
    for kind, octets in frames:
        if kind == b"L":
            yield bucket, pages.decode(octets)
        elif kind in (b"B", b"C") and octets.isdigit() and len(octets) < 19:
            number = int(octets)
            bucket = number if kind == b"B" else None
            carried.since = None if kind == b"B" else number
        else:
            raise BadManifest("the file is damaged")


def _buckets(frames: Iterator[tuple[bytes, bytes]], carried: Carried) -> Iterator[tuple[int | None, list[tuple[str, bytes]]]]:
    """Yield each bucket with its entries; of a file of changes, its pages."""
    seen: set[int] = set()
    current: int | None = None
    found: list[tuple[str, bytes]] = []
    for bucket, page in _pages(frames, carried):
        if bucket != current and found:
            yield current, found
            found = []
        current = bucket
        seen |= {bucket} if bucket is not None else set()
        found += [(one.uid, sha256(one.line).digest()) for one in page]
    if found:
        yield current, found
    if carried.since is None:
        yield from ((number, []) for number in range(document.BUCKETS) if number not in seen)


def _named(carried: Carried, bucket: int) -> bytes:
    return carried.parts[publish.ENTRIES][bucket * document.HASH_BYTES : (bucket + 1) * document.HASH_BYTES]


def _write(file: BinaryIO, kind: bytes, content: bytes) -> None:
    file.write(_HEAD.pack(kind, len(content)) + content)


def _frames(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield what a file holds, up to its end. Raises BadManifest for one that ends early."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BadManifest(f"{path.name} is no file that `diwan directory export` wrote")
        while True:
            head = file.read(_HEAD.size)
            kind, size = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0)
            content = file.read(size) if size <= MAX_FRAME_BYTES else b""
            if not kind or len(content) != size:
                raise BadManifest(f"{path.name} is cut off or damaged")
            if kind == b"E":
                return
            yield kind, content
