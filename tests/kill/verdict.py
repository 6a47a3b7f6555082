"""What must be true after a node has died and come back: every letter that was acknowledged is where it belongs, once, octet for octet."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from config.clock import DAY_US, Clock, SystemClock
from config.engines import open_database
from mailcore import spool
from mailcore.queue import listing
from mailcore.services import Services
from mailcore.store import blobs, mailboxes, messages
from mailcore.store.check import check, check_blobs
from tests.kill import proofs, scene
from tests.kill.wrapper import FileWrapper
from tests.mailcore.queue import node
from tests.mailcore.queue.sink import Sink

NUMBER = re.compile(rb"<(\d+)@kill>")
START = re.compile(rb"^Message-ID: <\d+@kill>", re.MULTILINE)
LATER_US = 8 * DAY_US  # beyond the grace of a blob that nothing names
_LARGE = "SELECT DISTINCT blob_id FROM message WHERE NOT EXISTS (SELECT 1 FROM small_blob s WHERE s.blob_id = message.blob_id)"


@dataclass(frozen=True, slots=True)
class Found:
    """How often a letter is in each place."""

    near: int = 0
    clerks: tuple[int, ...] = (0,) * len(scene.CLERKS)
    filed: int = 0
    reported: int = 0
    answered: int = 0
    far: int = 0
    onward: int = 0


NOWHERE, PLAIN = Found(), Found(near=1, clerks=(1, 0))
FULL = Found(1, (1,) * len(scene.CLERKS), 1, 1, 1, 1, 1)


class Places:
    """What has arrived where: letters by their digests, what was written about letters by their numbers."""

    def __init__(self, boxes: Mapping[str, list[bytes]], sink: Sink) -> None:
        self.boxes = {address: digests(octets) for address, octets in boxes.items() if address != node.AMINA}
        said = [(octets, int(match[1])) for octets in boxes[node.AMINA] if (match := NUMBER.search(octets))]
        self.answered = Counter(number for octets, number in said if b"auto-replied (vacation)" in octets)
        self.reported = Counter(number for octets, number in said if b"auto-replied (vacation)" not in octets)
        for address in (scene.FAR, scene.ONWARD):
            self.boxes[address] = digests([each.data for each in sink.transactions if address.encode() in b"".join(each.rcpts)])

    def of(self, number: int, raw: bytes) -> Found:
        """Return how often a letter is where."""
        near, far, onward, filed, *clerks = (
            self.boxes[address][digest(raw)] for address in (node.KARIM, scene.FAR, scene.ONWARD, scene.ABSENT, *scene.CLERKS)
        )
        return Found(near, tuple(clerks), filed, self.reported[number], self.answered[number], far, onward)


def digest(octets: bytes) -> str:
    """Return the SHA-256 of what was sent: without the lines that servers have put in front."""
    found = START.search(octets)
    return sha256(octets[found.start() :] if found else octets).hexdigest()


def digests(several: list[bytes]) -> Counter[str]:
    """Return how often each is there."""
    return Counter(map(digest, several))


async def verdict(
    directory: Path, url: str, sink: Sink, sent: Mapping[int, bytes], acknowledged: Set[int], doubles: int, clock: Clock | None = None
) -> list[str]:
    """Compare what was acknowledged with what arrived; return what is wrong.

    What was not acknowledged is delivered as a whole or not at all. `doubles` messages may have come twice to the peer.
    """
    clock = clock or SystemClock()
    db = await open_database(url, directory, clock)
    async with node.opened(scene.settings(directory, url), db, clock, FileWrapper(directory / "key")) as services:
        wrong = await inside(services)
        places = Places(await boxes(services), sink)
    evidence = await db.read(proofs.there)
    await db.close()
    arrived = {number: number in acknowledged or places.of(number, raw) != NOWHERE for number, raw in sent.items()}
    return wrong + compared(places, sent, acknowledged, doubles) + proofs.compared(evidence, arrived)


def compared(places: Places, sent: Mapping[int, bytes], acknowledged: Set[int], doubles: int) -> list[str]:
    """Return which letters are not where they belong, and what is there that nobody sent."""
    wrong = []
    for number, raw in sent.items():
        found = places.of(number, raw)
        more = max(found.far - 1, 0) + max(found.onward - 1, 0)
        once = replace(found, far=min(found.far, 1), onward=min(found.onward, 1))
        whole = PLAIN if scene.is_plain(number) else FULL
        if more > doubles or once != (whole if number in acknowledged or once != NOWHERE else NOWHERE):
            wrong.append(f"letter {number}, {'acknowledged' if number in acknowledged else 'not acknowledged'}: {found}")
        doubles -= more
    known = set(map(digest, sent.values()))
    wrong += [f"unknown octets at {address}" for address, there in places.boxes.items() if there.keys() - known]
    return wrong


async def boxes(services: Services) -> dict[str, list[bytes]]:
    """Return what has arrived in the mailboxes."""
    found = {address: await node.inbox(services, address) for address in (node.KARIM, node.AMINA, *scene.CLERKS)}
    account = await services.store.open_account(await services.db.read(node._account_id, scene.ABSENT))
    archive = await services.db.read(mailboxes.find, account.account_id, "Archive")
    stored = await services.db.read(messages.fetch, archive.key, await services.db.read(messages.uids, archive.key))
    return found | {scene.ABSENT: [await services.store.raw(account, each) for each in stored]}


async def inside(services: Services) -> list[str]:
    """Return what is wrong with the node itself: its invariants, its queue, its files once the janitors have been there."""
    wrong = await services.db.read(check)
    if depth := await services.db.read(listing.depth):
        wrong.append(f"{depth} left in the queue")
    data, files = services.settings.data, services.settings.data / "blobs"
    for aside in files.glob(f"*/*{blobs.ASIDE}"):
        os.utime(aside, (1, 1))
    spool.remove_abandoned(data, 2**40)
    await services.store.sweep(services.clock.now_us() + LATER_US)
    named = {bytes(blob_id).hex() for blob_id in await services.db.read(lambda tx: tx.column(_LARGE))}
    there = {path.name for path in files.glob("*/*")}
    wrong += [f"file {name} belongs to nothing" for name in there - named]
    wrong += [f"file {path.name} is left over" for path in data.glob(f"{spool.PREFIX}*")]
    return wrong + await check_blobs(services.db, services.store)
