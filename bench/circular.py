"""One circular to many people of this node: deliveries a second, how long the database is held at a time, blobs kept.

The members have mailboxes already, and their keys come from an unwrapping that costs what the signer's does; the list is frozen.
"""

import gc
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from bench.server import throwaway
from config import log
from config.clock import SECOND_US, SystemClock
from config.database import Database, Tx
from config.engines import open_database
from config.settings import parse as parsed
from directory import domains, lists, organisations, people
from directory.address import parse
from directory.queries import Query
from directory.types import Person
from mailcore.evidence import facts
from mailcore.evidence.facts import Letter
from mailcore.queue import circular, fanout, queue
from mailcore.queue.types import Entry, Recipient, Submission, queue_name
from mailcore.services import Services
from mailcore.store import accounts
from mailcore.store.keyring import DEFAULT_MAILBOXES
from mailcore.store.store import Store
from mailcore.store.types import Prepared

DOMAIN = "circular.example"
FIRST = 10_000  # account id of the first member
MADE_AT_ONCE = 2_000
RATE_TARGET, HOLD_TARGET_MS = 30_000.0, 50.0
RAW = (
    b"From: cabinet@circular.example\r\nTo: tous@circular.example\r\nSubject: circulaire\r\nMessage-ID: <%b@circular.example>\r\n\r\n"
    + b"Le secretaire general porte a la connaissance de tous.\r\n" * 40
)
RATE = Measure("circular/rate", "deliveries of one circular", "per s", bars={ASKED: 1})
RATE_CPU = Measure("circular/rate-cpu", "deliveries of one circular, by our CPU", "per s", bars={ASKED: 1})
HOLD = Measure("circular/hold", "the longest that it held the database", "ms", "lower", {ASKED: 1})
HOLD_CPU = Measure("circular/hold-cpu", "the same by CPU", "ms", "lower", {ASKED: 1})
BLOBS = Measure("circular/blobs", "blobs kept of one circular", "", "lower", {ASKED: 1})
_ADDRESS = "INSERT INTO address (folded, address, account_id, kind, created_us) VALUES (:folded, :address, :id, 'person', 0)"
_ACCOUNT = "INSERT INTO account (account_id, key_wrapped, created_us) VALUES (:id, :key, 0)"
_STATE = "INSERT INTO account_state (account_id, modseq, mailbox_next, message_next, uidvalidity_next) VALUES (:id, 7, 7, 1, 7)"
_MAILBOX = """
    INSERT INTO mailbox (account_id, mailbox_id, name, name_fold, role, uidvalidity, uid_next, highest_modseq, message_count,
                         unseen_count, size_bytes)
    VALUES (:id, :mailbox_id, :name, :fold, :role, :mailbox_id, 1, 1, 0, 0, 0)
"""


class Keys:
    """The signer's contract, in this process."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return (wrapped, secret)."""
        [pair] = await self.new_secrets(1)
        return pair

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return so many of them."""
        secrets = [os.urandom(32) for _ in range(number)]
        return [(aes_key_wrap(self._key, one), one) for one in secrets]

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret."""
        return aes_key_unwrap(self._key, wrapped)

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets."""
        return [aes_key_unwrap(self._key, one) for one in wrapped]


SETTINGS = f"""
[node]
hostname = "mx.{DOMAIN}"
postmaster = "postmaster@{DOMAIN}"
[tls]
certificate = "none"
key = "none"
"""


class Node:
    """What a circular needs of `Services`."""

    def __init__(self, db: Database, store: Store) -> None:
        self.db, self.store, self.clock = db, store, SystemClock()
        self.settings = parsed(SETTINGS, Path("."))


async def measure(run: Run) -> None:
    """Deliver some circulars to all of the members, the first with keys that nobody has opened."""
    log.configure("error")
    async with section(run, "circular", run.plan.circular_deadline_s):
        with throwaway("bench-circular") as place:
            async with opened(place, run.plan.members) as (node, db):
                gc.collect()
                gc.freeze()  # as a node does when it is ready
                for turn in range(run.plan.rounds):
                    await deliver(run, node, db, turn)


@asynccontextmanager
async def opened(place: Path, members: int) -> AsyncIterator[tuple[Node, Database]]:
    """Give a node with so many people, and mailboxes for all of them."""
    db = await open_database("sqlite", place, SystemClock())
    blob_db = await open_database("sqlite", place, SystemClock(), "blobs")
    keys = Keys()
    try:
        await db.write(build)
        for start in range(FIRST, FIRST + members, MADE_AT_ONCE):
            ids = range(start, min(start + MADE_AT_ONCE, FIRST + members))
            await db.write(insert, ids, [wrapped for wrapped, _ in await keys.new_secrets(len(ids))])
        yield Node(db, await Store.open(db, blob_db, place / "blobs", keys)), db
    finally:
        await blob_db.close()
        await db.close()


def build(tx: Tx) -> None:
    """Make the administration, the owner of the list and the list."""
    ministry = organisations.create(tx, "ministry", "circular", "الوزارة", "Ministère").organisation_id
    domains.create(tx, DOMAIN, ministry)
    owner = people.create(tx, "الديوان", "Cabinet", parse(f"cabinet@{DOMAIN}"), "ar").person_id
    lists.create(tx, ministry, owner, parse(f"tous@{DOMAIN}"), "الجميع", "Tous", Query(members=(owner,)), "nation")


def insert(tx: Tx, ids: Sequence[int], keys: Sequence[bytes]) -> None:
    """Make people with mailboxes."""
    made = [Person(one, None, "شخص", "Personne", "ar", f"p{one}@{DOMAIN}", None) for one in ids]
    people.insert(tx, made)
    tx.many(_ADDRESS, [{"folded": p.address.encode(), "address": p.address, "id": p.person_id} for p in made])
    tx.many(_ACCOUNT, [{"id": one, "key": key} for one, key in zip(ids, keys, strict=True)])
    tx.many(_STATE, [{"id": one} for one in ids])
    boxes = [{"mailbox_id": n, "name": name, "fold": name.casefold(), "role": role} for n, (name, role) in enumerate(DEFAULT_MAILBOXES, 1)]
    tx.many(_MAILBOX, [{"id": one, **box} for one in ids for box in boxes])


async def deliver(run: Run, node: Node, db: Database, turn: int) -> None:
    """Deliver one circular and take its figures."""
    message = await node.store.file(RAW.replace(b"%b", str(turn).encode()))
    expander = await db.write(begun, message, (await node.store.open_account(accounts.NODE)).wrap(message.dek), run.plan.members)
    holds: list[tuple[float, float]] = []
    real = circular.advance

    def watched(tx: Tx, *args: Any) -> Any:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return real(tx, *args)
        finally:
            holds.append((time.perf_counter() - wall, time.thread_time() - cpu))

    circular.advance = watched  # type: ignore[assignment]
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        while await db.read(expander_left):
            [lease] = await db.write(queue.lease_local, "bench", node.clock.now_us() + 300 * SECOND_US, 1)
            await circular.serve(cast(Services, node), lease)
    finally:
        circular.advance = real
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    reached: int = await db.read(lambda tx: tx.value("SELECT COUNT(*) FROM message WHERE blob_id = :blob_id", blob_id=message.blob_id))
    assert reached == run.plan.members, f"{reached} copies of {expander}"
    longest = [max(each[n] for each in holds) * 1000 for n in (0, 1)]
    blobs: int = await db.read(lambda tx: tx.value("SELECT COUNT(*) FROM small_blob")) - turn
    for measured, value, target in (
        (RATE, reached / wall, RATE_TARGET),
        (RATE_CPU, reached / cpu, RATE_TARGET),
        (HOLD, longest[0], HOLD_TARGET_MS),
        (HOLD_CPU, longest[1], HOLD_TARGET_MS),
        (BLOBS, float(blobs), 1.0),
    ):
        run.board.add(measured, OURS, value)
        run.board.add(measured, ASKED, target)


def begun(tx: Tx, message: Prepared, dek_wrapped: bytes, members: int) -> int:
    """Accept a letter to the list and freeze whom it reaches; return the id under which it is expanded."""
    owner: int = tx.value("SELECT owner_id FROM list")
    submission = Submission(f"cabinet@{DOMAIN}", (Recipient(f"tous@{DOMAIN}"),), RAW, account_id=owner)
    queue_id, lasts_us = int.from_bytes(os.urandom(7)), 400_000 * SECOND_US
    issuer = facts.issuer(parsed(SETTINGS, Path(".")))
    about = Letter(issuer, queue_id, queue_name(queue_id), submission.sender, message.index.summary.message_id, bytes(32))
    sealed = Entry(queue_id, message.blob_id, dek_wrapped, message.size_bytes, submission, lasts_us, message, about)
    queue.enqueue(tx, sealed)
    [lease] = queue.lease_local(tx, "bench", tx.now_us + 300 * SECOND_US, 1)
    ids = range(FIRST, FIRST + members)
    pieces = [fanout.packed(ids[start : start + fanout.CHUNK]) for start in range(0, members, fanout.CHUNK)]
    one = lists.find(tx, tx.value("SELECT list_id FROM list"))
    assert fanout.begin(tx, lease, one, pieces, 400_000 * SECOND_US)
    return tx.value("SELECT queue_id FROM queue_fanout")  # type: ignore[no-any-return]


def expander_left(tx: Tx) -> bool:
    """Say whether the circular is still on its way."""
    return tx.row("SELECT 1 FROM queue_recipient") is not None
