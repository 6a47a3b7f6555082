"""Mail for mailboxes here, delivered by the transaction that accepts it: one commit, and nothing for the queue to write (decision 0021).

Only what is simple. Whatever else there is (lists, scripts, holds, a report of success, a full mailbox) goes through the queue, which
delivers with the same units of work. Exactly once holds as it does there: what accepts and what delivers cannot come apart.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from config.database import Tx
from config.errors import DatabaseUnreachable, MailError
from directory import resolve
from mailcore.evidence.facts import Fact
from mailcore.message import loops
from mailcore.queue import counters, holds, queue
from mailcore.queue.types import Entry, Recipient, Submission, parsed, queue_name
from mailcore.services import Services
from mailcore.sieve import scripts, shelf
from mailcore.store import accounts, messages
from mailcore.store.keys import AccountKey

MAX_RECIPIENTS = 8  # delivered in one brief unit of work: about 1 ms

log = structlog.get_logger()


async def deliver(services: Services, entry: Entry) -> bool:
    """Deliver a message to all its recipients and make that durable; return False, with nothing written, when it is for the queue.

    Raises DatabaseUnreachable: then it may have been delivered, and only whoever brought it may bring it again.
    """
    submission, began_us = entry.submission, services.clock.now_us()
    if not _is_plain(submission, began_us) or _goes_round(services, entry):
        return False
    ids, version = await services.db.peek(_look, submission)
    if ids is None:
        return False
    try:
        keys = await _unscripted(services, ids, version, junk=submission.junk)
        if keys is None:
            return False
        await services.db.write_brief(_write, entry, keys)
    except DatabaseUnreachable:
        raise
    except MailError as error:
        log.info("queue.not_express", queue_id=queue_name(entry.queue_id), kind=type(error).__name__)
        return False
    counters.delivered_at_once(len(ids), services.clock.now_us() - began_us)
    for number, account_id in enumerate(ids):
        log.info("queue.delivered", queue_id=queue_name(entry.queue_id), recipient=number, account_id=account_id)
    return True


def _is_plain(submission: Submission, now_us: int) -> bool:
    """Say whether a submission asks for nothing but to be delivered now."""
    if len(submission.recipients) > MAX_RECIPIENTS or submission.by is not None or submission.hold_until_us > now_us:
        return False
    return not (submission.sender and any(_asks(recipient) for recipient in submission.recipients))


def _goes_round(services: Services, entry: Entry) -> bool:
    host, fields = services.settings.node.hostname, entry.message.index.header.fields
    return any(loops.goes_round(fields, host, recipient.address) for recipient in entry.submission.recipients)


def _asks(recipient: Recipient) -> bool:
    return "SUCCESS" in recipient.notify


def _look(tx: Tx, submission: Submission) -> tuple[list[int] | None, int]:
    """Return whose mailboxes the recipients name, None when one names none of ours or is held back; and the version of the scripts."""
    domains = set()
    ids = []
    for recipient in submission.recipients:
        address = parsed(recipient.address)
        target = resolve.resolve(tx, address)
        if target is None or target.kind == "list":
            return None, 0
        domains.add(address.domain)
        ids.append(target.account_id)
    return (None if holds.of(tx, submission.sender, domains) else ids), scripts.version(tx)


async def _unscripted(services: Services, ids: Sequence[int], version: int, *, junk: bool) -> list[AccountKey] | None:
    """Return the keys of these accounts, each once, ascending; None when one has a script that has to be asked first."""
    known = shelf.of(services)
    if version != known.version:
        known = await shelf.refreshed(services)
    keys = []
    for account_id in sorted(set(ids)):
        if not junk and await shelf.script(services, known, account_id) is not None:
            return None
        keys.append(await services.store.open_account(account_id))
    return keys


def _write(tx: Tx, entry: Entry, keys: Sequence[AccountKey]) -> None:
    """Append to each mailbox. Raises NoSuchMailbox, OverQuota: then nothing is written."""
    message, role = entry.message, "junk" if entry.submission.junk else "inbox"
    if len(keys) > 1:
        accounts.lock(tx, [key.account_id for key in keys])
    for key in keys:
        messages.deliver(tx, key, message, tx.now_us, role)
        message = replace(message, sealed=b"")  # its octets are written once
    queue.note(tx, entry, [Fact(entry.letter, "ContentConsignment", queue.recipients(entry))] if entry.letter is not None else ())
