"""The centre: looks at what changed, has the next document signed, keeps it. The key is in the signer process."""

import base64
import hashlib
from collections.abc import AsyncIterator

import msgspec

from config.background import again
from config.clock import DAY_US, SECOND_US
from config.database import Tx
from config.log import log
from directory.manifest import follow, jws, lines, publish
from directory.manifest.document import Signed
from directory.manifest.publish import Seen
from mailcore.services import Services
from signing.errors import NoSuchKey

KEY = "manifest"  # its name in the signer
LOOK_S = 5.0  # how often the centre looks whether something changed
REISSUE_US = 60 * SECOND_US  # X-Road's rhythm: a document is good for 600 s, so nine may get lost
WHOLE_US = DAY_US  # how often everything is compared, whatever the marks of change say


class Publisher:
    """Publishes for one node. Two processes of a node may do it at once: a serial is issued once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._nation = services.settings.manifest.publish
        self._whole_us = 0
        self._mark: tuple[object, ...] = ()

    async def key(self) -> bytes:
        """Return the key that signs documents (SubjectPublicKeyInfo, DER); it is made at the first call."""
        try:
            return await self._services.signer.public(KEY)
        except NoSuchKey:
            return await self._services.signer.generate(KEY, "p256")

    async def publish(self, *, whole: bool = False) -> Signed:
        """Issue the next document and return it. With `whole` every entry is compared, else those that changed since the last look."""
        db, seen = self._services.db, await self._services.db.read(publish.look)
        before, since = await db.read(publish.latest), await db.read(publish.seen)
        serial = before.body.serial + 1 if before else 1
        changed = 0
        async for ids in self._everything() if whole or since is None else self._changed(since):
            changed += await db.write(publish.store, await db.read(lines.of, ids), serial)
        changed += await db.write(publish.store_domains, await db.read(lines.domains), serial)
        document = await self._sign(seen)
        log.info("manifest.published", serial=document.body.serial, changed=changed)
        return document

    async def forever(self) -> None:
        """Publish when something changed, and often enough that a document never runs out."""
        await again(self._turn, LOOK_S, "manifest.publishing_failed")

    async def _turn(self) -> None:
        now_us = self._services.clock.now_us()
        mark = await self._services.db.read(publish.mark)
        before = await self._services.db.read(publish.latest)
        whole = now_us - self._whole_us > WHOLE_US and self._whole_us > 0
        if whole or mark != self._mark or before is None or now_us - before.body.issued_us >= REISSUE_US:
            await self.publish(whole=whole)
            self._mark = mark
        if whole or not self._whole_us:
            self._whole_us = now_us

    async def _sign(self, seen: Seen) -> Signed:
        key, trust = await self.key(), await self._trust()
        body = await self._services.db.write(publish.prepare, self._nation, trust, [jws.written(key)])
        octets = publish.to_sign(body, key)
        signature = await self._services.signer.sign(KEY, hashlib.sha256(octets).digest())
        await self._services.db.write(publish.issue, jws.signed(octets, signature), seen)
        newest = await self._services.db.read(publish.latest)
        assert newest is not None
        return newest

    async def _trust(self) -> bytes:
        roots = [base64.b64encode(root).decode("ascii") for root in self._services.roots]
        return msgspec.json.encode(follow.Trust(roots, await self._services.db.read(_revoked)))

    async def _everything(self) -> AsyncIterator[list[int]]:
        for table in publish.tables():
            after = 0
            while ids := await self._services.db.read(publish.page, table, after):
                yield ids
                after = ids[-1]

    async def _changed(self, since: Seen) -> AsyncIterator[list[int]]:
        ids = await self._services.db.read(publish.changed, since)
        for at in range(0, len(ids), publish.PAGE):
            yield ids[at : at + publish.PAGE]


def _revoked(tx: Tx) -> list[str]:
    """Return the certificates that were taken back before their end, by SHA-256."""
    sql = "SELECT der FROM certificate WHERE revoked_us IS NOT NULL AND valid_to_us > :now_us ORDER BY certificate_id"
    return [hashlib.sha256(bytes(der)).hexdigest() for der in tx.column(sql, now_us=tx.now_us)]
