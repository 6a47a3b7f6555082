"""The sealer: gives records their places, makes the tiles, signs the checkpoint, publishes it, asks witnesses. C2SP tlog-tiles.

In this order, each durable before the next: rows, tiles, the checkpoint's row, its file. A crash in between is finished by the next turn:
tiles are written again, and a checkpoint of the same size has the same octets. Whoever seals beside us makes the same, too. A log that has
become shorter than what was published was restored from an old backup: then nothing is signed until somebody has looked at it.
"""

import asyncio
from collections.abc import Sequence

from config.database import Database
from config.errors import MailError
from config.log import log
from config.settings import Settings, SettingsError
from directory import orders
from mailcore import certify
from mailcore.evidence import erasing, places
from mailcore.evidence.errors import EvidenceDamaged
from mailcore.evidence.places import Kept, Tree
from mailcore.services import Services
from mailcore.stamping import stamps
from signing.evidence import checkpoint, merkle, note, seal, tiles
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.log import Log
from signing.evidence.note import BadNote, Key
from signing.evidence.seal import Seal
from signing.evidence.tiles import BadTile

FOLDER = "evidence"  # below the data directory; the role `pki` serves it
POLICY = "policy.txt"
BATCH = 500  # records that get their places in one transaction: some 10 ms of the writer
MAX_BATCHES = 1000  # of one turn: whoever floods the node cannot keep it from ever signing
PAGE = 64 * tiles.WIDTH  # entries that become tiles at a time, half a MiB
MAX_RESEALED = 10  # checkpoints that get a missing stamp in one turn
RULES = """Evidence of this node

Each record says what happened to one letter: the event (ETSI EN 319 522-2), its time, sender and recipients, Message-ID, SHA-256 of the
octets, and for each event that is bad news the reason. It is written in the same transaction as the fact. Every few seconds records get
their places in an append-only log (RFC 9162 section 2.1), of which these files are the tiles (C2SP tlog-tiles); an entry is
SHA-256("diwan-evidence-v1" LF salt record), so nobody can tell from here what a record says, and a deleted record leaves no trace
but its place. The checkpoint is signed by the log (C2SP tlog-checkpoint), by its witnesses (C2SP tlog-cosignature), and by the node's seal
with a time stamp (checkpoint.p7s: CAdES-B-T, detached, over the checkpoint's text). Records are never changed.
"""


def log_of(settings: Settings) -> Log:
    """Return the published files of a node's log."""
    return Log(settings.data / FOLDER)


def origin(settings: Settings) -> str:
    """Return the name of a node's log, as its checkpoints have it."""
    return f"{settings.node.hostname}/evidence"


class Sealer:
    """Seals for one node."""

    def __init__(self, services: Services) -> None:
        self._services, self.log = services, log_of(services.settings)

    async def key(self) -> Key:
        """Return the key of the log; it is made at the first call."""
        return await seal.log_key(self._services.signer, origin(self._services.settings))

    async def turn(self) -> Kept | None:
        """Seal what waits and return the newest checkpoint, None for a log without entries. Raises EvidenceDamaged, MailError."""
        db, published = self._services.db, await asyncio.to_thread(self._published)
        _require_as_long(await db.read(places.tree), published)  # before anything is added: else it would grow past what was published
        for _ in range(MAX_BATCHES):
            if await db.write(places.integrate, BATCH) < BATCH:
                break
        if await db.read(orders.standing, erasing.ERASE):
            log.info("evidence.erased", records=await db.write(erasing.carry_out))
        tree, before = await db.read(places.tree), await db.read(places.latest)
        if tree.size and (before is None or before.size < tree.size):
            before = await self._sign(tree, published)
        elif before is not None and (published is None or published.size < before.size):  # files of an older backup, or lost
            await self._fill(tree, published)
        if before is not None:
            await self._publish(before, published)
            await self._complete()
        return await db.read(places.latest)

    async def seal(self, text: str) -> Seal:
        """Return the node's seal over a checkpoint; an empty one where it has no certificate to seal with."""
        services = self._services
        try:
            identity = await certify.seal(services)
            return await seal.sealed(services.signer, identity, text, services.clock.now_us(), stamps(services).over)
        except (MailError, OSError) as error:  # OSError: the node has no room for a certificate
            log.warning("evidence.not_sealed", kind=type(error).__name__, said=str(error))
            return Seal(b"", stamped=False)

    async def _sign(self, tree: Tree, published: Checkpoint | None) -> Kept:
        """Write the tiles of a tree, and then its checkpoint."""
        first = published.size if published is not None else 0
        await self._fill(tree, published)
        made = Checkpoint(origin(self._services.settings), tree.size, tree.root())
        signed = await seal.signed(self._services.signer, await self.key(), made)
        sealed, now_us = await self.seal(signed.text), self._services.clock.now_us()
        kept = Kept(tree.size, now_us, note.write(signed), sealed.octets, sealed.stamped)
        log.info("evidence.sealed", size=tree.size, entries=tree.size - first, stamped=sealed.stamped)
        return await self._services.db.write(places.add, kept)

    async def _fill(self, tree: Tree, published: Checkpoint | None) -> None:
        """Write the tiles of a tree that begins with what was published. Raises EvidenceDamaged for any other."""
        first, root = published.size if published is not None else 0, tree.root()
        if await self._written(first, tree.size) != root:
            log.error("evidence.files_differ", size=tree.size)
            if await self._written(0, tree.size) != root:
                raise EvidenceDamaged("entries of the log were changed: `diwan evidence check` names them; nothing is signed until then")
        if published is not None and published.size:
            proof = await asyncio.to_thread(self.log.consistency, published.size, tree.size)
            if not merkle.is_consistent(published.size, published.root, tree.size, root, proof):
                raise EvidenceDamaged(f"the log does not begin with the {published.size} entries that were published: restore it")

    async def _publish(self, kept: Kept, published: Checkpoint | None) -> None:
        """Publish a checkpoint that is newer than what stands there."""
        if published is None:
            await asyncio.to_thread(self._write_rules)
        if published is None or published.size < kept.size:
            await asyncio.to_thread(self.log.publish, kept.note, kept.seal)

    async def _complete(self) -> None:
        """Give checkpoints the stamps that could not be had when they were signed."""
        for kept in await self._services.db.read(places.unstamped, MAX_RESEALED):
            sealed = await self.seal(note.read(kept.note).text)
            if not sealed.stamped:
                break
            await self._services.db.write(places.reseal, kept.size, sealed.octets, stamped=True)
            published = await asyncio.to_thread(self._published)
            if published is not None and published.size == kept.size:
                await asyncio.to_thread(self.log.publish, kept.note, sealed.octets)
            log.info("evidence.stamped", size=kept.size)

    def _published(self) -> Checkpoint | None:
        try:
            return self.log.checkpoint()
        except BadNote as error:
            raise EvidenceDamaged(f"{self.log.directory}: the published checkpoint cannot be read: {error}") from error

    async def _written(self, first: int, size: int) -> bytes:
        """Write the tiles from entry `first` on; return the root that all of them give, b"" when older ones are lost."""
        try:
            await write(self._services.db, self.log, first, size)
            return await asyncio.to_thread(self.log.root, size)
        except BadTile:
            return b""

    def _write_rules(self) -> None:
        self.log.directory.mkdir(parents=True, exist_ok=True)
        (self.log.directory / POLICY).write_text(RULES, "utf-8")


def _require_as_long(tree: Tree, published: Checkpoint | None) -> None:
    if published is not None and published.size > tree.size:
        said = f"the log has {tree.size} entries, but a checkpoint of {published.size} was published"
        raise EvidenceDamaged(f"{said}: restore a newer backup, else run `diwan evidence recover`")


async def write(db: Database, files: Log, first: int, size: int) -> None:
    """Write the tiles of a log of `size` entries from entry `first` on; those below it are there."""
    first -= first % tiles.WIDTH
    while first < size:
        entries = await db.read(places.entries, first, min(PAGE, size - first))
        if not entries:
            raise EvidenceDamaged(f"entry {first} of the log is missing")
        await asyncio.to_thread(files.write, first, entries)
        first += len(entries)


def witnesses(settings: Settings) -> Sequence[tuple[Key, str]]:
    """Return who cosigns our checkpoints, and where each answers, "" for one to whom files are carried. Raises SettingsError."""
    return [(_key(key, "witnesses"), url) for key, _, url in (one.partition(" ") for one in settings.evidence.witnesses)]


def logs(settings: Settings) -> Sequence[Key]:
    """Return the keys of the logs that this node is a witness of. Raises SettingsError."""
    return [_key(one, "logs") for one in settings.evidence.logs]


def _key(written: str, where: str) -> Key:
    try:
        return note.key(written)
    except BadNote as error:
        raise SettingsError(f"{written}: {error} - in [evidence] {where}: `diwan evidence key` there prints it") from error


def text_of(kept: Kept) -> Checkpoint:
    """Return what a checkpoint says. Raises BadNote."""
    return checkpoint.read(note.read(kept.note).text)
