"""A letter meets its recipient's script, before the transaction that delivers it.

RFC 5228 §2.10 (what actions do), §2.10.6 (an error keeps the letter), RFC 5429 (refusing), RFC 5230 (absence notices),
RFC 3834 (automatic mail). What needs octets is prepared here; plans.py writes the rows.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from config.clock import SECOND_US
from config.database import Tx
from config.errors import DatabaseUnreachable, MailError
from config.log import log
from mailcore.checks import authres
from mailcore.message import date
from mailcore.queue import accept, queue
from mailcore.queue.types import Entry, Lease, Recipient, Reply, Submission, parsed, queue_name
from mailcore.routing import policy
from mailcore.services import Services
from mailcore.sieve import answers, marks, shelf, trace
from mailcore.sieve.compile import Script
from mailcore.sieve.faults import Fault, SieveError
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import FileInto, Keep, Outcome, Redirect, Reject, Vacation
from mailcore.sieve.plans import Answer, Filing, Forward, Memory, Plan
from mailcore.sieve.run import Nothing
from mailcore.sieve.shelf import Shelf
from mailcore.sieve.surroundings import Account, Owner, offset_min, owner
from mailcore.spool import SPOOLED_BYTES, Spool
from mailcore.store import accounts
from mailcore.store.keys import AccountKey
from mailcore.store.sealing import Content
from mailcore.store.types import Prepared

NEVER = frozenset({"NEVER"})
KEEP = Filing()
TO_TRASH = Filing(role="trash")
SPF_FAILED = frozenset({"fail", "softfail"})  # RFC 7208 §2.6.4, §2.6.5: not, or probably not, allowed to send for the domain
REFUSED = (550, "5.7.1")  # RFC 5429 §2.1.1 and RFC 3463 §3.8
INLINE_STEPS = 3_000  # of a run on the event loop, 3 ms; one that needs more starts again in a thread, so that others are served meanwhile
INLINE_BYTES = 65_536  # of a letter whose body is looked at: decoding a larger one takes as long
MAX_READ_BYTES = 8 * 1024 * 1024  # of a letter that body tests see: attachments of an honest size included


@dataclass(frozen=True, slots=True)
class _Case:
    """One letter, its recipient, and what the script said."""

    account: AccountKey
    letter: Letter
    lease: Lease
    outcome: Outcome
    memories: Sequence[Memory]
    owner: Owner
    now_us: int


async def plan(services: Services, known: Shelf, account: AccountKey, message: Prepared, lease: Lease) -> Plan | None:
    """Return what the script of an account wants done with a letter, None without a script. Nothing is written yet.

    Junk is for the mailbox of that name: no script answers it or sends it on.
    """
    script = await shelf.script(services, known, account.account_id)
    if script is None or lease.message.junk:
        return None
    raw = await _octets(services, lease, MAX_READ_BYTES) if script.needs_body else None
    letter = Letter(message.index.header, message.size_bytes, lease.message.sender, lease.address, raw)
    try:
        outcome, memories = await _run(services, script, account, letter)
    except SieveError as error:
        log.warning("sieve.failed", account_id=account.account_id, fault=error.fault.name, line=error.place.line)
        return Plan((KEEP,), fault=error.text)
    whose = await services.db.peek(owner, account.account_id)
    return await _planned(services, _Case(account, letter, lease, outcome, memories, whose, services.clock.now_us()))


async def _run(services: Services, script: Script, account: AccountKey, letter: Letter) -> tuple[Outcome, Sequence[Memory]]:
    now_us = services.clock.now_us()
    zone_min = offset_min(now_us)
    if not script.asks:
        return await _outcome(script, letter, now_us, zone_min), ()

    def asked(tx: Tx) -> tuple[Outcome, Sequence[Memory]]:
        around = Account(tx, account)
        outcome = script.run(letter, now_us, around, zone_min)
        found = [(marks.token(account, mark.name), mark.period_s) for mark in outcome.marks]
        return outcome, [Memory(token, now_us + period_s * SECOND_US, token not in around.known) for token, period_s in found]

    return await services.db.read(asked)


async def _outcome(script: Script, letter: Letter, now_us: int, zone_min: int) -> Outcome:
    """Run a script, here when it is as short as most are. Raises SieveError."""
    if letter.raw is None or len(letter.raw) <= INLINE_BYTES:
        try:
            return script.run(letter, now_us, Nothing(), zone_min, most_steps=INLINE_STEPS)
        except SieveError as error:
            if error.fault is not Fault.TOO_LONG:
                raise
    return await asyncio.to_thread(script.run, letter, now_us, Nothing(), zone_min)


async def _planned(services: Services, case: _Case) -> Plan:
    filings = [_filing(action) for action in case.outcome.actions if isinstance(action, Keep | FileInto)]
    refusal = None
    forwards: list[Forward] = []
    answer = None
    for action in case.outcome.actions:
        match action:
            case Reject():
                refusal = _refusal(services, case, action)
                filings += [] if refusal else [TO_TRASH]
            case Redirect():
                forward = await _forward(services, case, action, first=not forwards)
                forwards += [forward] if forward else []
                filings += [] if forward else [KEEP]
            case Vacation():
                answer = await _answer(services, case, action)
    return Plan(
        tuple(dict.fromkeys(filings)),
        tuple(forwards),
        answer,
        tuple(case.memories),
        refusal,
        own_domain=parsed(case.owner.address).domain if case.owner.address else "",
        view=policy.view(services.settings) if forwards or answer else None,
        sending=services.settings.sending,
    )


def _filing(action: Keep | FileInto) -> Filing:
    if isinstance(action, Keep):
        return Filing(flags=action.flags)
    return Filing(action.mailbox, action.special_use, action.flags, action.create)


def _refusal(services: Services, case: _Case, action: Reject) -> Reply | None:
    """Return what the sender is told, None when nobody knows whether the sender is who it says: a forged one must get nothing."""
    message = case.lease.message
    known = message.account_id is not None or is_vouched(case.letter, services.settings.node.hostname)
    if not message.sender or not known:
        log.info("sieve.not_refused", account_id=case.account.account_id)
        return None
    return Reply(*REFUSED, " ".join(action.reason.split()) or "refused by the recipient")


def is_vouched(letter: Letter, authserv_id: str) -> bool:
    """Say whether our own checks found the envelope sender genuine (RFC 8601 §2.7.2); others' words do not count."""
    for text in letter.texts("authentication-results"):
        name, _, results = text.partition(";")
        if name.split()[:1] == [authserv_id] and "spf=pass" in results.lower().split():
            return True
    return False


def is_denied(letter: Letter, authserv_id: str) -> bool:
    """Say whether our own checks speak against the envelope sender: SPF or DMARC failed, and nothing proves its domain.

    The notice would go to somebody who wrote nothing. What was not checked is not denied.
    """
    ours = authserv_id.lower().encode("ascii")
    said = next((octets for octets in letter.octets("authentication-results") if authres.identifier(octets) == ours), None)
    if said is None or authres.confirms(said, letter.sender.rpartition("@")[2].lower()):
        return False
    found = authres.results(said)
    return found.get("spf") in SPF_FAILED or found.get("dmarc") == "fail"


async def _forward(services: Services, case: _Case, action: Redirect, *, first: bool) -> Forward | None:
    """Return the letter on its way to somebody else, under its own envelope sender; None when it would go round.

    What has the null sender goes to one address only: reports of reports must not multiply.
    """
    message, mark = case.lease.message, marks.token(case.account, b"redirect")
    if trace.goes_round(case.letter, mark) or (not message.sender and not first):
        log.warning("sieve.redirect_loop", account_id=case.account.account_id)
        return None
    host = services.settings.node.hostname
    queue_id = queue.fresh_id(case.now_us)
    front = trace.fields(host, date.format_date(case.now_us), queue_name(queue_id), mark)
    orcpt = case.lease.orcpt or f"{'rfc822' if case.lease.address.isascii() else 'utf-8'};{case.lease.address}"
    submission = Submission(
        message.sender,
        (Recipient(action.address, case.lease.notify, orcpt),),
        await _behind(services, case.lease, front, case.letter.size_bytes),
        account_id=message.account_id,
        envid=message.envid,
        ret=message.ret,
        smtputf8=message.smtputf8 or not action.address.isascii(),
        priority=message.priority,
        requiretls=message.requiretls,
        body=message.body,
        queue_id=queue_id,
        sent_on=True,
    )
    return Forward(await accept.prepare(services, submission), parsed(action.address).domain)


async def _behind(services: Services, lease: Lease, front: bytes, size_bytes: int) -> Content:
    """Return a letter behind some fields: a large one in a file."""
    if size_bytes <= SPOOLED_BYTES:
        return front + await _octets(services, lease, size_bytes)
    spool = await asyncio.to_thread(Spool, services.settings.data)
    piece = spool.begin()
    await asyncio.to_thread(piece.write, front)
    async for octets in _pieces(services, lease, None):
        await asyncio.to_thread(piece.write, octets)
    return piece.octets()


async def _octets(services: Services, lease: Lease, limit_bytes: int) -> bytes:
    return b"".join([octets async for octets in _pieces(services, lease, limit_bytes)])


async def _pieces(services: Services, lease: Lease, stop: int | None) -> AsyncIterator[bytes]:
    node = await services.store.open_account(accounts.NODE)
    dek = node.unwrap(lease.message.dek_wrapped)
    async with contextlib.aclosing(services.store.pieces(lease.message.blob_id, dek, 0, stop)) as pieces:
        async for octets in pieces:
            yield octets


async def _answer(services: Services, case: _Case, action: Vacation) -> Answer | None:
    """Return the absence notice that a letter gets, None when it gets none (RFC 5230 §4.2, §4.5, §4.6)."""
    if not answers.may_be_answered(case.letter, case.owner.addresses, action):
        return None
    sender = case.letter.sender
    if case.lease.message.account_id is None and is_denied(case.letter, services.settings.node.hostname):
        log.info("sieve.no_answer", account_id=case.account.account_id, kind="denied")
        return None
    mark = marks.token(case.account, b"\0".join((b"vacation", action.handle.encode(), sender.casefold().encode())))
    if await services.db.peek(marks.live, case.account.account_id, [mark]):
        return None
    try:
        entry = await _notice(services, case, action)
    except DatabaseUnreachable:
        raise
    except (ValueError, MailError) as error:  # an address that nothing can be sent to
        log.info("sieve.no_answer", account_id=case.account.account_id, kind=type(error).__name__)
        return None
    return Answer(mark, case.now_us + action.period_s * SECOND_US, entry, parsed(sender).domain)


async def _notice(services: Services, case: _Case, action: Vacation) -> Entry:
    sender, host = case.letter.sender, services.settings.node.hostname
    message_id = f"<{secrets.token_hex(12)}@{host}>"
    whose = answers.sender_of(action, case.owner.addresses, case.owner.mailbox(action.reason))
    raw = answers.build_answer(case.letter, action, whose, case.now_us, message_id, offset_min(case.now_us))
    utf8 = not sender.isascii() or not case.owner.address.isascii()
    submission = Submission("", (Recipient(sender, NEVER),), raw, account_id=case.account.account_id, smtputf8=utf8)
    parsed(sender)
    return await accept.prepare(services, submission)
