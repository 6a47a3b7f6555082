"""Publish what became of certificates: lists every day, what changed every hour and at once, answers before they are asked for.

RFC 5280 §5, RFC 6960 §2.5 (answers produced beforehand). The keys stay in the signer; an authority whose key is elsewhere is left out.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from config.background import again
from config.clock import DAY_US, HOUR_US, SECOND_US
from config.database import Tx
from config.log import log
from mailcore.pki import lasting
from mailcore.pki.responder import Responder, Responders
from mailcore.services import Services
from signing.errors import NoSuchKey
from signing.pki import crl, fetched, ocsp, places, published, register
from signing.pki.crl import Entry, Head
from signing.pki.ocsp import Said
from signing.pki.places import PARTS, WHOLE
from signing.pki.published import List
from signing.pki.register import Ended, Issued

LOOK_S = 2.0  # between two looks at the register: lists follow a revocation by that, answers at once
LISTS_S = 60.0  # between two looks for lists that grow old
ANSWERS_S = 600.0  # between two looks for answers that grow old
LIST_EVERY_US, LIST_LASTS_US = DAY_US, 7 * DAY_US  # a week off the network harms nobody; the forum's requirements §4.9.7 allow ten days
DELTA_EVERY_US, DELTA_LASTS_US = HOUR_US, DAY_US
ANSWER_EVERY_US, ANSWER_LASTS_US = DAY_US // 2, DAY_US
LATE_US = 60 * SECOND_US  # a transaction that began before a list was made and ended after it is in the next delta
BATCH = 250  # answers signed at once; the signer takes 1,024 requests
EVERY_PART = (WHOLE, *range(PARTS))


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be made of an authority: whole lists of `bases`, deltas of `deltas`, from what ended."""

    number: int
    now_us: int
    bases: tuple[int, ...]
    deltas: tuple[int, ...]
    standing: dict[tuple[int, bool], List]
    ended: list[Ended]
    changed: list[Ended]


class Publisher:
    """Publishes for one node. `seen` is when each authority's register had last changed as its deltas were made."""

    def __init__(self, services: Services, responders: Responders) -> None:
        self._services, self._responders = services, responders
        self._url = services.settings.pki_url
        self._seen: dict[str, int] = {}
        self._lists_at_s = self._answers_at_s = 0.0

    async def forever(self) -> None:
        """Look again and again; what was published holds when a look fails."""
        await again(partial(self.look, quick=True), LOOK_S, "pki.not_published")

    async def look(self, *, quick: bool = False, everything: bool = False) -> None:
        """Publish what is due; a quick look sees what a change made so, and only every minute what the time did."""
        now_s, changes = asyncio.get_running_loop().time(), await self._services.db.peek(published.changes)
        answers = everything or now_s >= self._answers_at_s
        lists = answers or not quick or now_s >= self._lists_at_s
        if not lists and all(self._seen.get(key_id) == changed_us for key_id, changed_us in changes.items()):
            return
        for authority in await self._services.db.read(register.authorities):
            try:
                await self._lists(authority, changes.get(authority.key_id, 0))
                if answers:
                    await self._answers(authority)
            except NoSuchKey:  # it is offline: its lists come as files, `diwan crl take`
                log.debug("pki.key_is_elsewhere", authority=authority.key_id)
        self._seen, self._lists_at_s = changes, now_s + LISTS_S
        if answers:
            await self._services.db.write(fetched.forget)
            await lasting.alarm(self._services)
            self._answers_at_s = now_s + ANSWERS_S

    async def _lists(self, authority: Issued, changed_us: int) -> None:
        due = await self._services.db.read(_due, authority.key_id, self._seen.get(authority.key_id, 0) != changed_us, bool(self._url))
        if due.bases or due.deltas:
            heads = list(_heads(due, authority, self._url))
            octets = await asyncio.gather(*[self._signed(authority, head, _entries(due, part, head)) for part, head in heads])
            made = [_made(part, head, each) for (part, head), each in zip(heads, octets, strict=True)]
            count = await self._services.db.write(published.keep, authority.key_id, made)
            log.info("pki.lists", authority=authority.key_id, lists=count, revoked=len(due.ended))

    async def _signed(self, authority: Issued, head: Head, entries: Iterable[Entry]) -> bytes:
        to_sign = crl.prepare(authority.der, head, entries)
        return crl.finish(to_sign, await self._services.signer.sign(authority.key_id, to_sign.digest))

    async def _answers(self, authority: Issued) -> None:
        responder = await self._responders.of(authority)
        await self._services.db.write(published.drop, authority.key_id)
        after = ""
        while True:
            before_us = self._services.clock.now_us() - ANSWER_EVERY_US
            batch = await self._services.db.read(published.due, authority.key_id, before_us, after, BATCH)
            if not batch:
                return
            made = await asyncio.gather(*[answered(self._services, responder, one.serial, one.revoked_us, one.reason) for one in batch])
            await self._services.db.write(published.answer, authority.key_id, ocsp.SHA1, made)
            after = f"{batch[-1].serial:x}"


async def answered(
    services: Services, responder: Responder, serial: int, revoked_us: int, reason: str, method: str = ocsp.SHA1
) -> tuple[int, Said, bytes]:
    """Return an answer about a certificate: its serial number, what it says, the octets. Raises SignerUnavailable."""
    now_us = services.clock.now_us()
    said = Said(now_us, now_us + ANSWER_LASTS_US, revoked_us, reason, responder.since_us)
    return serial, said, await signed(services, responder, [(ocsp.identifier(responder.issuer, serial, method), said)], now_us)


async def signed(services: Services, responder: Responder, answers: Sequence[tuple[bytes, Said]], now_us: int) -> bytes:
    """Return an answer about certificates by their CertIDs. Raises SignerUnavailable."""
    to_sign = ocsp.prepare(responder.certificate, answers, now_us)
    return ocsp.finish(to_sign, await services.signer.sign(responder.key_id, to_sign.digest), (responder.certificate,))


def _due(tx: Tx, authority: str, changed: bool, parted: bool) -> _Due:
    """Say what is to be made. Deltas begin anew with each list, since they continue it; without an address there are none."""
    standing = published.heads(tx, authority)
    wanted = EVERY_PART if parted else (WHOLE,)
    begun = [one.this_update_us for (_, delta), one in standing.items() if not delta]
    fresh = register.revoked(tx, authority, min(begun, default=tx.now_us) - LATE_US)
    touched = {WHOLE, *(places.part(one.serial) for one in fresh)} if changed and fresh else set()
    old = {part for part in wanted if _old(tx, standing.get((part, False)), LIST_EVERY_US)}
    bases = tuple(part for part in wanted if part in old or (part in touched and not parted))
    late = {part for part in wanted if _old(tx, standing.get((part, True)), DELTA_EVERY_US)}
    deltas = tuple(part for part in wanted if part in {*late, *touched, *bases}) if parted else ()
    ended = register.revoked(tx, authority) if bases else []
    return _Due(published.next_number(tx, authority), tx.now_us, bases, deltas, standing, ended, fresh)


def _old(tx: Tx, one: List | None, most_us: int) -> bool:
    return one is None or tx.now_us - one.this_update_us >= most_us


def _heads(due: _Due, authority: Issued, url: str) -> Iterable[tuple[int, Head]]:
    """Yield what each new list says of itself, with its part. A delta has a number above that of the list that it continues.

    Equal ones are for two lists that say the same (RFC 5280 §5.2.4), and openssl leaves such a delta out.
    """
    for part in due.bases:
        fresh = url + places.list_path(authority.key_id, part, delta=True) if url else ""
        yield part, _head(due.number, due.now_us, LIST_LASTS_US, _scope(part, authority, url), fresh, 0, authority)
    for part in due.deltas:
        base = due.number if part in due.bases else due.standing[part, False].number
        yield part, _head(due.number + 1, due.now_us, DELTA_LASTS_US, _scope(part, authority, url), "", base, authority)


def _head(number: int, now_us: int, lasts_us: int, part: str, fresh: str, base: int, authority: Issued) -> Head:
    return Head(number, now_us, min(now_us + lasts_us, authority.not_after_us), part, fresh, base, authority.not_before_us)


def _scope(part: int, authority: Issued, url: str) -> str:
    return "" if part == WHOLE else url + places.list_path(authority.key_id, part)


def _entries(due: _Due, part: int, head: Head) -> Sequence[Entry]:
    """Return what a list says; a list that has just been made leaves nothing to its delta."""
    if head.base == due.number:
        return ()
    listed = due.changed if head.base else due.ended
    return [Entry(one.serial, one.revoked_us, one.reason) for one in listed if part in (WHOLE, places.part(one.serial))]


def _made(part: int, head: Head, octets: bytes) -> List:
    return List(part, bool(head.base), head.number, head.base, head.this_update_us, head.next_update_us, octets)
