"""A letter at the door of a list: let in and expanded, held for the owner, or refused. RFC 3463 §3.8 (5.7.2).

What was decided at acceptance is decided again here, since a letter may come from the webmail, from another list, or
after the rules have changed.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from config.clock import DAY_US
from config.database import Tx
from config.errors import DatabaseUnreachable, MailError
from directory import acts, address, held, lists, resolve
from directory.acts.lists import ListReject, ListRelease
from directory.errors import BadAddress, NotPending
from directory.held import Held
from directory.lists import Judgement, MailingList
from directory.rights import Actor
from mailcore.errors import MayNotPost
from mailcore.message import notice
from mailcore.message.addresses import Mailbox
from mailcore.message.types import Index
from mailcore.queue import accept, bounce, circular, fanout, queue, schedule
from mailcore.queue.settle import Outcome
from mailcore.queue.types import Entry, Later, Lease, Recipient, Reply, Submission, parsed, queue_name
from mailcore.services import Services
from mailcore.store import accounts
from mailcore.store.types import BlobId

HOLD_US = 30 * DAY_US  # a letter that nobody decided on goes back to its sender
WAITING = Reply(450, "4.7.0", "waits for the owner of the list")
TOO_MANY = Reply(452, "4.5.3", "too many letters wait for the owner of the list")
NO_REPORTS = Reply(550, "5.7.2", "a list takes no reports and no automatic answers")
EXPANDED = Reply(250, "2.1.5", "distributed to the members of the list")
WHO = {
    "everyone": "a list that is closed takes no letters",
    "nation": "only people who signed in here may write to this list",
    "organisation": "only people of its administration may write to this list",
    "members": "only its members may write to this list",
    "owners": "only its owner may write to this list",
}
NOT_DECIDED = "the owner of the list did not decide in time"

_WAITING = """
    SELECT h.held_id, h.list_id, h.queue_id, h.number, h.sender, h.size_bytes, h.held_us, h.state, h.reason FROM list_held h
    JOIN queue_recipient r ON r.queue_id = h.queue_id AND r.number = h.number
    WHERE h.state = 'held' AND h.list_id IN (:ids[]) ORDER BY h.held_us, h.held_id LIMIT :limit
"""
_LETTER = "SELECT blob_id, dek_wrapped FROM queue_message WHERE queue_id = :queue_id"
_DUE = "UPDATE queue_recipient SET due_us = :now_us WHERE queue_id = :queue_id AND number = :number AND lease_owner = '' AND hold_id = 0"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Case:
    """One letter before one list."""

    one: MailingList
    judgement: Judgement
    held: Held | None
    sender: str
    owner: str


def senders(tx: Tx, account_id: int | None, sender: str) -> set[int]:
    """Return the accounts that a sender proved to be: who signed in, and the address written from. Nobody for a stranger."""
    if account_id is None:
        return set()
    try:
        target = resolve.resolve(tx, parsed(sender)) if sender else None
    except BadAddress:
        target = None
    return {account_id} if target is None else {account_id, target.account_id}


def admit(tx: Tx, list_id: int, account_id: int | None, sender: str) -> None:
    """Refuse at once who may not write to a list. Raises MayNotPost."""
    one = lists.find(tx, list_id)
    if lists.judge(tx, one, senders(tx, account_id, sender)) == "refuse":
        raise MayNotPost(WHO[one.senders], list_id=list_id, account_id=account_id)


def waiting(tx: Tx, list_ids: Sequence[int], limit: int = 1000) -> list[Held]:
    """Return the letters that wait for the owners of some lists, the oldest first."""
    return [Held(*row) for row in tx.rows(_WAITING, ids=list(list_ids), limit=limit)]


def wake(tx: Tx, decided: Held) -> None:
    """Let a letter go on that `held.decide` has decided on."""
    tx.execute(_DUE, queue_id=decided.queue_id, number=decided.number, now_us=tx.now_us)
    queue.wake(tx)


def decide(tx: Tx, actor: Actor, act: ListRelease | ListReject, reason: str = "") -> acts.Outcome:
    """Release or reject a held letter, and wake it where it sleeps. Raises NotPermitted, NotFound, NotPending."""
    outcome = acts.perform(tx, actor, act, reason)
    wake(tx, outcome.value)
    return outcome


async def letter(services: Services, found: Held) -> tuple[Index, bytes]:
    """Return what a held letter says: its index and its octets. Raises NotPending when it waits no more, Damaged."""
    row = await services.db.read(_blob, found.queue_id)
    if row is None:
        raise NotPending(held_id=found.held_id)
    account = await services.store.open_account(accounts.NODE)
    dek = account.unwrap(row[1])
    prepared = await services.store.prepared(row[0], dek)
    return prepared.index, await services.store.read(row[0], dek)


def _blob(tx: Tx, queue_id: int) -> tuple[BlobId, bytes] | None:
    row = tx.row(_LETTER, queue_id=queue_id)
    return None if row is None else (BlobId(bytes(row[0])), bytes(row[1]))


async def serve(services: Services, lease: Lease, list_id: int) -> Outcome | None:
    """Bring a letter on its way to the members a step further; return how it ended when it stops here."""
    if await services.db.read(fanout.is_expander, lease):
        await circular.serve(services, lease)
        return None
    case = await services.db.read(look, lease, list_id)
    if not case.sender:
        return Outcome(lease, NO_REPORTS)
    if case.judgement == "refuse":
        return Outcome(lease, Reply(550, "5.7.2", WHO[case.one.senders]))
    if case.judgement == "deliver" or (case.held is not None and case.held.state == "released"):
        await _expand(services, lease, case)
        return None
    if case.held is None:
        return await _hold(services, lease, case)
    return await _still_held(services, lease, case.held)


def look(tx: Tx, lease: Lease, list_id: int) -> Case:
    """Return what is known of a letter and its list. Raises NotFound."""
    one = lists.find(tx, list_id)
    sender, account_id = fanout.author(tx, lease)
    judgement = lists.judge(tx, one, senders(tx, account_id, sender))
    owner = next(iter(resolve.addresses(tx, one.owner_id)), "")
    return Case(one, judgement, held.of(tx, lease.message.queue_id, lease.number), sender, owner)


async def _expand(services: Services, lease: Lease, case: Case) -> None:
    pieces = await services.db.read(fanout.frozen, case.one.list_id)
    wanted = "SUCCESS" in lease.notify and bool(lease.message.sender)
    report = await bounce.report(services, "delivered", [(lease, EXPANDED)]) if wanted else None
    lifetime_us = schedule.lifetime_us(services.settings.queue.lifetime_s, case.owner)
    begun = await services.db.write(fanout.begin, lease, case.one, pieces, lifetime_us, report)
    event = "queue.expanded" if begun else "queue.lease_lost"
    log.info(event, queue_id=queue_name(lease.message.queue_id), recipient=lease.number, list_id=case.one.list_id)


async def _hold(services: Services, lease: Lease, case: Case) -> Outcome | None:
    """Put a letter aside and tell the owner, in one transaction."""
    if await services.db.read(held.waiting, case.one.list_id) >= held.MAX_HELD:
        return Outcome(lease, TOO_MANY)
    held_id = await services.db.write(held.reserve)
    entry = await _notice(services, lease, case, held_id) if case.owner else None
    await services.db.write(put_aside, lease, case, held_id, entry)
    log.info("queue.held", queue_id=queue_name(lease.message.queue_id), recipient=lease.number, list_id=case.one.list_id, held_id=held_id)
    return None


def put_aside(tx: Tx, lease: Lease, case: Case, held_id: int, told: Entry | None) -> bool:
    """Let a recipient sleep until it is decided on, and queue what its owner is told. Return False when the lease was lost."""
    if not queue.held(tx, [lease]):
        return False
    message = lease.message
    held.hold(tx, held_id, case.one.list_id, message.queue_id, lease.number, case.sender, message.size_bytes)
    queue.postpone(tx, Later(lease, tx.now_us + HOLD_US, WAITING))
    if told is not None:
        queue.enqueue(tx, told)
    return True


async def _still_held(services: Services, lease: Lease, found: Held) -> Outcome | None:
    """Return a letter that was rejected or has waited too long; let one that was only asked for again sleep on."""
    if found.state == "rejected":
        return Outcome(lease, Reply(550, "5.7.1", f"the owner of the list did not let it in. {found.reason}".strip()))
    if services.clock.now_us() >= found.held_us + HOLD_US:
        await services.db.write(held.decide, found.held_id, "rejected", NOT_DECIDED)
        return Outcome(lease, Reply(550, "5.7.1", NOT_DECIDED))
    await services.db.write(queue.settle, (), [Later(lease, found.held_us + HOLD_US, WAITING)], ())
    return None


async def _notice(services: Services, lease: Lease, case: Case, held_id: int) -> Entry | None:
    """Return what the owner is sent, its blob durable; None when that cannot be written."""
    node, message = services.settings.node, lease.message
    account = await services.store.open_account(accounts.NODE)
    dek = account.unwrap(message.dek_wrapped)
    prepared = await services.store.prepared(message.blob_id, dek)
    try:
        raw = notice.held(
            postmaster=_mailbox(node.postmaster, bounce.FROM),
            to=_mailbox(case.owner),
            list_address=case.one.address,
            name_ar=case.one.name_ar,
            name_fr=case.one.name_fr,
            number=held_id,
            link=f"{services.settings.issuer}/lists/held/{held_id}",
            sender=case.sender,
            days=HOLD_US // DAY_US,
            letter=await services.store.read(message.blob_id, dek),
            header=b"".join(octets for _, octets in prepared.index.header.fields),
            date_us=services.clock.now_us(),
            message_id=f"<{secrets.token_hex(12)}@{node.hostname}>",
        )
    except DatabaseUnreachable:
        raise
    except (MailError, ValueError) as error:
        log.error("queue.no_notice", queue_id=queue_name(message.queue_id), held_id=held_id, exc_info=error)
        return None
    recipient = Recipient(case.owner, bounce.NEVER)
    return await accept.prepare(services, Submission("", (recipient,), raw, smtputf8=not case.owner.isascii()))


def _mailbox(text: str, name: str = "") -> Mailbox:
    parts = address.parse(text)
    return Mailbox(name, parts.local, parts.domain)
