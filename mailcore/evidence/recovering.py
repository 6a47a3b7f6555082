"""A log after its database was restored from an older backup: it takes back the entries that it has published, and goes on.

The published files have only what the log holds of each record. What the records said is lost, unless they wait in the restored database
too, with the salt that makes the same entry. Nothing is written before the whole of it gives the root that the log has signed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass

from config.database import Tx
from config.log import log
from directory import journal
from directory.journal import Entry
from directory.rights import CONSOLE
from mailcore.evidence import checking, places
from mailcore.evidence.errors import EvidenceDamaged
from mailcore.evidence.places import Kept
from mailcore.services import Services
from signing import cms, moment
from signing.der import BadDer
from signing.evidence import merkle
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.log import SEAL, Log
from signing.evidence.note import BadNote
from signing.evidence.tiles import WIDTH, BadTile

PAGE = 4 * WIDTH  # entries that come back in one transaction: some 10 ms of the writer

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many entries came back, and of how many of them the record is lost; `size` entries there are now."""

    size: int
    entries: int
    lost: int


async def recover(services: Services, files: Log, told: Told = lambda count: None) -> Recovered:
    """Bring the log back to what `files` say was published. Raises EvidenceDamaged for files that do not continue this log."""
    said, note = await _published(services, files)
    tree = await services.db.read(places.tree)
    if said.size <= tree.size:
        raise EvidenceDamaged(f"the log has {tree.size} entries, and {said.size} were published: nothing is missing")
    first, lost = tree.size, 0
    await asyncio.to_thread(_require_same, tree, files, said)
    waiting = await services.db.read(places.waiting_entries)
    while first < said.size:
        page = await asyncio.to_thread(_entries, files, first, said.size)
        await services.db.write(places.bring_back, first, page, {entry: waiting[entry] for entry in page if entry in waiting})
        first, lost = first + len(page), lost + sum(entry not in waiting for entry in page)
        told(len(page))
    found = Recovered(said.size, said.size - tree.size, lost)
    await services.db.write(_finish, await asyncio.to_thread(_kept, services, files, said.size, note), found)
    log.warning("evidence.recovered", size=found.size, entries=found.entries, lost=found.lost)
    return found


def _finish(tx: Tx, kept: Kept, found: Recovered) -> None:
    places.add(tx, kept)
    journal.append(tx, [Entry(CONSOLE, "evidence.recovered", "log", after=asdict(found))])


async def _published(services: Services, files: Log) -> tuple[Checkpoint, bytes]:
    try:
        octets = await asyncio.to_thread(files.note)
        return checking.read(octets, await checking.judges(services)), octets
    except FileNotFoundError as error:
        raise EvidenceDamaged(f"{files.directory}: nothing was published there") from error
    except (OSError, BadNote) as error:
        raise EvidenceDamaged(f"{files.directory}: there is no checkpoint of this log: {error}") from error


def _require_same(tree: places.Tree, files: Log, said: Checkpoint) -> None:
    """Make sure that the log and the published entries behind it are what was signed. Raises EvidenceDamaged."""
    try:
        while tree.size < said.size:
            tree = tree.grown([merkle.leaf_hash(entry) for entry in _entries(files, tree.size, said.size)])
    except BadTile as error:
        raise EvidenceDamaged(f"{files.directory}: {error}") from error
    if tree.root() != said.root:
        raise EvidenceDamaged(f"{files.directory}: these entries do not continue the log of this database: one of both was changed")


def _entries(files: Log, first: int, size: int) -> list[bytes]:
    """Return published entries from one on, as many as come back in one transaction. Raises BadTile."""
    until = min(size, first + PAGE - first % WIDTH)
    found = [entry for number in range(first // WIDTH, -(-until // WIDTH)) for entry in files.bundle(number, size)]
    return found[first % WIDTH :]


def _kept(services: Services, files: Log, size: int, note: bytes) -> Kept:
    """Return the published checkpoint as it was kept: of the time that its stamp proves."""
    now_us = services.clock.now_us()
    try:
        seal = (files.directory / SEAL).read_bytes()
        stamp = moment.proven(cms.read(seal).signer, services.roots, now_us) if seal else None
    except (OSError, BadDer):
        seal, stamp = b"", None
    return Kept(size, stamp.time_us if stamp is not None else now_us, note, seal, stamp is not None)
