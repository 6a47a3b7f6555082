"""Into the mailboxes of this node: append and finish in one transaction, so that each recipient gets it exactly once.

The blob is stored as it was accepted. RFC 5321 §4.4 wants Return-Path added at final delivery: we keep the sender out of
the octets, because one blob serves all recipients and signatures must still verify.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from config.database import Tx
from config.errors import DatabaseUnreachable
from config.failpoints import failpoint
from directory import resolve
from directory.types import Target
from mailcore.evidence import facts
from mailcore.evidence.facts import Fact
from mailcore.message import loops
from mailcore.queue import bounce, counters, fanout, moderation, queue
from mailcore.queue.settle import ATTEMPTS, PAUSE_S, Outcome, reply_to, settle
from mailcore.queue.types import Lease, Reply, Report, parsed, queue_name
from mailcore.services import Services
from mailcore.sieve import delivery as sieve
from mailcore.sieve import plans, shelf
from mailcore.sieve.plans import Plan
from mailcore.sieve.shelf import Shelf
from mailcore.store import accounts, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import Prepared

GOES_ROUND = Reply(554, "5.4.6", "the message came back for the same recipient, it goes round in circles")
NO_SUCH_RECIPIENT = Reply(550, "5.1.1", "no such recipient here")
DELIVERED = Reply(250, "2.1.5", "delivered to the mailbox")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient with everything that the transaction needs."""

    lease: Lease
    account: AccountKey
    message: Prepared
    report: Report | None = None  # for a sender who wants to know of success
    plan: Plan | None = None  # of the account's script, None when it has none
    fact: Fact | None = None  # the evidence of it, None when none is kept


def targets(tx: Tx, leases: Sequence[Lease]) -> dict[tuple[int, int], Target | None]:
    """Return whose mailbox each recipient names, None when nobody has it; recipients of foreign domains are left out."""
    found: dict[tuple[int, int], Target | None] = {}
    for lease in leases:
        target = resolve.resolve(tx, parsed(lease.address))
        if target is not None or resolve.is_local_domain(tx, lease.domain):
            found[lease.key] = target
    return found


def deliver(tx: Tx, deliveries: Sequence[Delivery]) -> list[Lease]:
    """Append to each INBOX and finish the recipients; return the leases that were lost, whose mailboxes stay untouched.

    Two recipients of one message that name one mailbox give one copy; so do all ways through lists (see fanout).
    """
    ours = {lease.key for lease in queue.held(tx, [delivery.lease for delivery in deliveries])}
    mine = [delivery for delivery in deliveries if delivery.lease.key in ours]
    accounts.lock(tx, [delivery.account.account_id for delivery in mine])
    served: set[tuple[int, int]] = set()
    told: list[Fact] = []
    for delivery in mine:
        copy = (delivery.lease.message.queue_id, delivery.account.account_id)
        news = copy in served
        if copy not in served and _is_first(tx, delivery):
            served.add(copy)
            _file(tx, delivery)
            news = True
        if delivery.fact is not None and (news or _is_untold(tx, delivery.lease, delivery.fact)):
            told.append(delivery.fact)
    facts.note(tx, facts.merged(told))
    reports = [delivery.report for delivery in mine if delivery.report is not None]
    queue.settle(tx, [delivery.lease for delivery in mine if delivery.report is None], (), reports)
    return [delivery.lease for delivery in deliveries if delivery.lease.key not in ours]


def _file(tx: Tx, delivery: Delivery) -> None:
    """Do what the account's script says, else append to the inbox, or to the mailbox for junk."""
    message = delivery.lease.message
    if delivery.plan is not None:
        plans.carry_out(tx, delivery.account, delivery.message, message.created_us, delivery.plan)
        failpoint("script.before_commit")
    else:
        messages.deliver(tx, delivery.account, delivery.message, message.created_us, "junk" if message.junk else "inbox")


def _is_first(tx: Tx, delivery: Delivery) -> bool:
    origin_id = delivery.lease.message.origin_id
    return not origin_id or fanout.claim(tx, origin_id, delivery.account.account_id)


def _is_untold(tx: Tx, lease: Lease, fact: Fact) -> bool:
    """Say whether evidence still has to name this address of a mailbox that has its copy: one that the letter itself was written to.

    Whom a list reaches once more got nothing more by it.
    """
    return lease.message.origin_id == lease.message.queue_id and not facts.tells(tx, fact)


async def serve(services: Services, leases: Sequence[Lease]) -> None:
    """Deliver to mailboxes here, and again while the database is away: it is no reason to leave mail for minutes.

    What was committed although nobody heard of it is no longer leased: then its recipients are left alone.
    """
    for _ in range(ATTEMPTS):
        try:
            await _serve(services, leases)
        except DatabaseUnreachable:
            log.error("queue.database_away", recipients=len(leases))
            await asyncio.sleep(PAUSE_S)
        else:
            return
    await _serve(services, leases)


async def _serve(services: Services, leases: Sequence[Lease]) -> None:
    """Deliver many in one transaction; when that fails, one by one, so that each has its own fate."""
    found = await services.db.peek(targets, leases)
    foreign = [lease for lease in leases if lease.key not in found]
    if foreign:
        await services.db.write(queue.change_lane, foreign, queue.REMOTE)
    outcomes = [Outcome(lease, NO_SUCH_RECIPIENT) for lease in leases if lease.key in found and not found[lease.key]]
    ready, to_lists = [], []
    planned: dict[tuple[int, int], Plan | None] = {}
    known = await shelf.refreshed(services)
    for lease in leases:
        target = found.get(lease.key)
        if target is not None and target.kind == "list":
            to_lists.append((lease, target.account_id))
        elif target is not None:
            try:
                delivery = await _prepare(services, lease, target.account_id, known, planned)
                if loops.goes_round(delivery.message.index.header.fields, services.settings.node.hostname, lease.address):
                    outcomes.append(Outcome(lease, GOES_ROUND))
                elif delivery.plan is not None and delivery.plan.refusal is not None:
                    outcomes.append(Outcome(lease, delivery.plan.refusal))
                else:
                    ready.append(delivery)
            except DatabaseUnreachable:
                raise
            except Exception as error:  # noqa: BLE001  (a driver: the recipient is postponed or refused, never lost)
                outcomes.append(Outcome(lease, reply_to(error)))
    if ready:
        await _write(services, ready, outcomes)
    await settle(services, outcomes)
    for lease, list_id in to_lists:
        await _to_list(services, lease, list_id)


async def _to_list(services: Services, lease: Lease, list_id: int) -> None:
    try:
        outcome = await moderation.serve(services, lease, list_id)
    except DatabaseUnreachable:
        raise
    except Exception as error:  # noqa: BLE001  (a driver: the letter is postponed or refused, never lost)
        outcome = Outcome(lease, reply_to(error))
    if outcome is not None:
        await settle(services, [outcome])


async def _write(services: Services, ready: Sequence[Delivery], outcomes: list[Outcome]) -> None:
    try:
        lost = await services.db.write_brief(deliver, ready)
    except DatabaseUnreachable:
        raise
    except Exception as error:  # noqa: BLE001  (a driver: nothing was written, each recipient gets its own answer)
        if len(ready) == 1:
            outcomes.append(Outcome(ready[0].lease, reply_to(error)))
            return
        for delivery in ready:
            await _write(services, [delivery], outcomes)
        return
    failpoint("deliver.after_commit")
    gone = {lease.key for lease in lost}
    now_us = services.clock.now_us()
    for delivery in ready:
        if delivery.lease.key not in gone:
            counters.note(delivery.lease, "delivered", now_us)
        log.info(
            "queue.lease_lost" if delivery.lease.key in gone else "queue.delivered",
            queue_id=queue_name(delivery.lease.message.queue_id),
            recipient=delivery.lease.number,
            account_id=delivery.account.account_id,
        )


async def _prepare(
    services: Services, lease: Lease, account_id: int, known: Shelf, planned: dict[tuple[int, int], Plan | None]
) -> Delivery:
    """Unlock what the transaction needs, ask the script, and make the report of success when one was asked for.

    Of several addresses of one mailbox `deliver` serves the first: the script is asked once for all of them.
    """
    node = await services.store.open_account(accounts.NODE)
    account = await services.store.open_account(account_id)
    message = await services.store.prepared(lease.message.blob_id, node.unwrap(lease.message.dek_wrapped))
    wanted = bool(lease.message.sender) and "SUCCESS" in lease.notify
    report = await bounce.report(services, "delivered", [(lease, DELIVERED)]) if wanted else None
    copy = (lease.message.queue_id, account_id)
    if copy not in planned:
        planned[copy] = await sieve.plan(services, known, account, message, lease)
    letter = lease.message.letter(facts.issuer(services.settings))
    fact = None if letter is None else Fact(letter, "ContentConsignment", (lease.address,))
    return Delivery(lease, account, message, report, planned[copy], fact)
