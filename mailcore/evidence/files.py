"""Are the published files what the log is? Each tile follows from its entries, the newest checkpoint is the one kept. C2SP tlog-tiles.

Proofs are made from these files, and witnesses and strangers read nothing else: a file that was changed makes every proof over it false.
"""

import asyncio
from collections.abc import Callable, Iterator

from config.database import Database
from mailcore.evidence import places
from mailcore.evidence.places import Kept
from signing.evidence import merkle, tiles
from signing.evidence.log import CHECKPOINT, SEAL, Log
from signing.evidence.tiles import BadTile, Tile

TRIES, AGAIN_S = 3, 0.1  # a checkpoint may be taking the place of another: its seal comes first

Find = Callable[[int, str, str], None]
Judge = Callable[[Kept], str]  # what is wrong with a checkpoint, "" for nothing


def judge_tiles(files: Log, size: int, find: Find) -> None:
    """Find each file of a log of `size` entries that is missing or does not follow from those below it."""
    for tile in tiles.needed(size):
        first = tile.number * tiles.WIDTH << tiles.HEIGHT * tile.level
        try:
            if list(_hashes(files, tile, size)) != files.tile(tile, size):
                find(first, "file", f"{tile.path} is not what follows from the files below it")
        except BadTile as error:
            find(first, "file", str(error))


def _hashes(files: Log, tile: Tile, size: int) -> Iterator[bytes]:
    """Yield the hashes that a tile has to have."""
    if not tile.level:
        yield from map(merkle.leaf_hash, files.bundle(tile.number, size))
        return
    start = tile.number * tiles.WIDTH
    for number in range(start, start + tile.width):
        yield tiles.fold(files.tile(Tile(tile.level - 1, number), size))


async def judge_checkpoint(db: Database, files: Log, size: int, judge: Judge, find: Find) -> None:
    """Find out whether the published checkpoint of `size` entries is the one that is kept, and its seal one of this node."""
    wrong = ""
    for _ in range(TRIES):
        kept = await db.read(places.checkpoint, size)
        if kept is None:
            return  # `checking` says that it is missing, or that the log is too short
        wrong = await asyncio.to_thread(_wrong, files, kept, judge)
        if not wrong:
            return
        await asyncio.sleep(AGAIN_S)
        found = files.checkpoint()
        size = found.size if found is not None else size
    find(size, "file", wrong)


def _wrong(files: Log, kept: Kept, judge: Judge) -> str:
    try:
        octets, seal = ((files.directory / name).read_bytes() for name in (CHECKPOINT, SEAL))
    except OSError as error:
        return f"{error.filename} cannot be read"
    if octets.partition(b"\n\n")[0] != kept.note.partition(b"\n\n")[0]:
        return f"{CHECKPOINT} is another than the one that is kept"
    said = judge(Kept(kept.size, kept.at_us, octets, seal, kept.stamped))
    return f"{CHECKPOINT}: {said}" if said else ""
