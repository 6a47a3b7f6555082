"""A following node: asks the centre, believes what the anchor's keys signed, and makes entries of what the document vouches for."""

import asyncio

from config.clock import Clock
from config.database import Database
from config.errors import MailError
from config.log import log
from directory.manifest import document, follow, publish, replica
from directory.manifest.document import Anchor, Signed
from directory.manifest.errors import BadManifest
from mailcore.manifest.centre import Centre

MAX_PAGES = 100_000  # of one round: 500 million lines, more than a nation has


class Follower:
    """Follows for one node."""

    def __init__(self, db: Database, clock: Clock, anchor: Anchor) -> None:
        self._db, self._clock, self._anchor = db, clock, anchor

    async def forever(self, centre: Centre, every_s: float) -> None:
        """Ask again and again; a round that fails leaves what was good before."""
        while True:
            try:
                await self.ask(centre)
            except MailError as error:
                log.warning("manifest.not_followed", reason=error.text)
            except Exception:  # noqa: BLE001  (a driver: the next round is another try)
                log.exception("manifest.following_failed")
            await asyncio.sleep(every_s)

    async def ask(self, centre: Centre) -> Signed:
        """Bring this node to the centre's newest document and return it. Raises BadManifest, CentreSilent."""
        octets = await centre.document()
        signed = await self.judge(octets)
        missing = await self._db.read(follow.missing, signed)
        parts = {name: await centre.part(signed.body.parts[name]) for name in missing}
        await self.accept(signed, parts)
        if not await self._is_complete(signed):
            await self._fetch(centre, signed)
        return signed

    async def judge(self, octets: bytes) -> Signed:
        """Return a document that may take the place of the one before. Raises BadManifest."""
        db, anchor = self._db, self._anchor
        signed = document.opened(octets, await db.read(follow.believed_keys, anchor), anchor.nation)
        await db.write(follow.begin, anchor)
        document.follows(await db.read(follow.current), signed, self._clock.now_us())
        return signed

    async def accept(self, signed: Signed, parts: dict[str, bytes]) -> None:
        """Go by a document: its topology and its trust list hold at once."""
        before = await self._db.read(follow.current)
        if before is not None and before.sha256 == signed.sha256:
            await self._db.write(follow.checked)
            return
        await self._db.write(follow.accept, signed, parts)
        log.info("manifest.followed", serial=signed.body.serial, parts=sorted(parts))

    async def build(self, signed: Signed) -> list[int]:
        """Make entries of the lines received when they are what the document vouches for; return the buckets that are not."""
        db = self._db
        differing = await db.read(replica.differing, await db.read(follow.entries_part))
        if not differing:
            looked = 1
            while looked:
                looked = await db.write(replica.build, signed.body.nation)
            await db.write(follow.complete, signed.body.serial, signed.body.parts[publish.ENTRIES].sha256)
        return differing

    async def _is_complete(self, signed: Signed) -> bool:
        """Say whether nothing changed since the entries were last complete; then they are of this document too."""
        same = await self._db.read(follow.is_complete, signed.body.parts[publish.ENTRIES].sha256)
        if same:
            await self._db.write(follow.complete, signed.body.serial, signed.body.parts[publish.ENTRIES].sha256)
        return same

    async def _fetch(self, centre: Centre, signed: Signed) -> None:
        """Fetch what changed since the entries were complete, then buckets that still differ, as after a cut or a change here."""
        db, clock = self._db, self._clock
        since = await db.read(follow.completed)
        after: publish.Line | None = None
        for _ in range(MAX_PAGES):
            page = await centre.changes(since, signed.body.serial, after, clock.now_us())
            if not page:
                break
            await db.write(replica.receive, page)
            after = page[-1]
        for number in await self.build(signed):
            await self._bucket(centre, number)
        left = await self.build(signed)
        if left:
            raise BadManifest(f"{len(left)} buckets of entries are not those that it names; the next round tries again")

    async def _bucket(self, centre: Centre, number: int) -> None:
        db, clock = self._db, self._clock
        uids: list[str] = []
        while page := await centre.bucket(number, uids[-1] if uids else "", clock.now_us()):
            await db.write(replica.receive, page)
            uids += [one.uid for one in page]
        await db.write(replica.keep_only, number, uids)
