"""A log as files that anybody may serve: tiles and bundles of entries, then the checkpoint, which says how far they count.

Everything here can be made again from the entries, which the database keeps; nothing here is ever changed once a checkpoint covers it.
Whatever is written is durable before what refers to it: entries, tiles, checkpoint last.
"""

import os
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from config.failpoints import failpoint
from signing.evidence import checkpoint, merkle, note, tiles
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.tiles import BadTile, Tile
from signing.vault import sync_directory

CHECKPOINT, SEAL = "checkpoint", "checkpoint.p7s"
MAX_OPEN = 64  # tiles in memory, 8 KiB each: a proof in a log of 2**32 entries reads eight
MODE, FOLDER_MODE = 0o644, 0o755  # everybody may read what is published


class Log:
    """The files of one log. One process writes them; any number read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._open: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def checkpoint(self) -> Checkpoint | None:
        """Return the published checkpoint, unjudged, None when there is none. Raises BadNote."""
        try:
            octets = self.note()
        except FileNotFoundError:
            return None
        return checkpoint.read(note.read(octets).text)

    def note(self) -> bytes:
        """Return the octets of the published checkpoint. Raises OSError."""
        return (self.directory / CHECKPOINT).read_bytes()

    def write(self, first: int, entries: Sequence[bytes]) -> None:
        """Write entries from number `first` on, which begins a tile, and the tiles over them; durable on return.

        The tiles below `first` must be there. Writing the same again changes nothing.
        """
        if first % tiles.WIDTH:
            raise ValueError(f"entry {first} does not begin a tile")
        size = first + len(entries)
        self._open.clear()
        for at in range(0, len(entries), tiles.WIDTH):
            part, number = entries[at : at + tiles.WIDTH], (first + at) // tiles.WIDTH
            self._put(Tile(0, number, len(part)).entries_path, tiles.write_entries(part), full=len(part) == tiles.WIDTH)
            self._write_tile(Tile(0, number, len(part)), [merkle.leaf_hash(one) for one in part])
        level, lowest = 1, first
        while size >> tiles.HEIGHT * level:
            lowest >>= tiles.HEIGHT  # the first hash of this level that is new
            self._write_level(level, lowest, size >> tiles.HEIGHT * level, size)
            level += 1

    def publish(self, octets: bytes, seal: bytes) -> None:
        """Replace the checkpoint, after its seal: whoever sees it finds all that it covers."""
        self._put(SEAL, seal)
        self._put(CHECKPOINT, octets)

    def read(self, level: int, index: int, size: int) -> bytes:
        """Return the hash of a full subtree of 2**level leaves of the log of `size` leaves. Raises BadTile."""
        above, number, start, end = tiles.place(level, index)
        return tiles.fold(self._tile(above, number, end, size)[start:end])

    def bundle(self, number: int, size: int) -> list[bytes]:
        """Return the entries of a tile of the log of `size` leaves. Raises BadTile."""
        width = tiles.width(0, number, size)
        return tiles.read_entries(self._octets(Tile(0, number, width).entries_path, Tile(0, number).entries_path))[:width]

    def tile(self, tile: Tile, size: int) -> list[bytes]:
        """Return the hashes of a tile of the log of `size` leaves. Raises BadTile."""
        return self._tile(tile.level, tile.number, tile.width, size)[: tile.width]

    def root(self, size: int) -> bytes:
        """Return the root of the log of `size` leaves. Raises BadTile."""
        return merkle.root(size, lambda level, index: self.read(level, index, size))

    def proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that leaf `index` is in the log of `size` leaves. Raises ValueError, BadTile among it."""
        return merkle.inclusion(index, size, lambda level, index: self.read(level, index, size))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the log of `new` leaves begins with that of `old`. Raises ValueError, BadTile among it."""
        return merkle.consistency(old, new, lambda level, index: self.read(level, index, new))

    def _write_level(self, level: int, first: int, count: int, size: int) -> None:
        """Write the tiles of a level above the entries from hash `first` on, each hash from the full tile below it."""
        for number in range(first // tiles.WIDTH, -(-count // tiles.WIDTH)):
            start = number * tiles.WIDTH
            kept = self._tile(level, number, first - start, size)[: first - start] if first > start else []
            below = range(max(first, start), min(count, start + tiles.WIDTH))
            made = [tiles.fold(self._tile(level - 1, index, tiles.WIDTH, size)) for index in below]
            self._write_tile(Tile(level, number, len(kept) + len(made)), kept + made)

    def _write_tile(self, tile: Tile, hashes: list[bytes]) -> None:
        self._put(tile.path, tiles.write(hashes), full=tile.width == tiles.WIDTH)
        self._remember(tile.level, tile.number, hashes)

    def _tile(self, level: int, number: int, wanted: int, size: int) -> list[bytes]:
        """Return the hashes of a tile, as many as the log of `size` leaves has, `wanted` at least. Raises BadTile."""
        found = self._open.get((level, number))
        if found is None or len(found) < wanted:
            width = tiles.width(level, number, size)
            if width < wanted:
                raise BadTile(f"a log of {size} leaves has no such hash")
            octets = self._octets(Tile(level, number, width).path, Tile(level, number).path, Tile(level, number, wanted).path)
            found = tiles.read(octets, wanted if len(octets) < width * merkle.HASH_BYTES else width)
            self._remember(level, number, found)
        return found

    def _remember(self, level: int, number: int, hashes: list[bytes]) -> None:
        self._open[level, number] = hashes
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)

    def _octets(self, *paths: str) -> bytes:
        """Return the first of some files that is there. Raises BadTile."""
        for path in paths:
            try:
                return (self.directory / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
        raise BadTile(f"{self.directory / paths[0]} is missing")

    def _put(self, path: str, octets: bytes, *, full: bool = False) -> None:
        """Write a file, durable on return; a full tile takes the place of its partial ones."""
        target = self.directory / path
        _make(target.parent)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        with open(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        failpoint("log.before_replace")
        os.replace(temporary, target)
        failpoint("log.after_replace")
        sync_directory(target.parent)
        if full:
            shutil.rmtree(target.with_name(f"{target.name}.p"), ignore_errors=True)


def _make(directory: Path) -> None:
    """Make a folder and those above it, durable on return."""
    if not directory.exists():
        _make(directory.parent)
        directory.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_directory(directory.parent)
