"""What a delivery will do because of a script, and doing it: units of work inside the delivery's transaction.

Everything that needs octets or a clock's long turn was prepared before (delivery.py); here are rows alone. So a letter is filed,
sent on and answered exactly once, together with the end of its recipient.
"""

from dataclasses import dataclass, field

from config.database import Tx
from config.errors import MailError
from config.settings import Sending
from mailcore.errors import BadMailboxName, LimitReached, MailboxExists, NoSuchMailbox, OutsideNotAllowed, SendingLimited
from mailcore.queue import queue, spending
from mailcore.queue.types import Entry, Reply
from mailcore.routing import policy
from mailcore.routing.policy import View
from mailcore.sieve import marks, scripts
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.messages import Arrival
from mailcore.store.types import AccountId, Flag, MailboxKey, Prepared

SYSTEM_FLAGS = {
    "\\answered": Flag.ANSWERED,
    "\\deleted": Flag.DELETED,
    "\\draft": Flag.DRAFT,
    "\\flagged": Flag.FLAGGED,
    "\\seen": Flag.SEEN,
}


@dataclass(frozen=True, slots=True)
class Filing:
    """One copy: into a mailbox by special use, else by name; "" is the inbox."""

    name: str = ""
    role: str = ""
    flags: tuple[str, ...] = ()
    create: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Something to remember. `assumed` says that the plan rests on its being news."""

    mark: bytes
    until_us: int
    assumed: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """An absence notice whose blob is durable; it goes unless somebody else has sent one meanwhile."""

    mark: bytes
    until_us: int
    entry: Entry
    domain: str


@dataclass(frozen=True, slots=True)
class Forward:
    """The letter on its way to somebody else, its blob durable."""

    entry: Entry
    domain: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. `refusal` goes to the sender instead of everything else. `fault` is for the owner to see."""

    filings: tuple[Filing, ...]
    forwards: tuple[Forward, ...] = ()
    answer: Answer | None = None
    memories: tuple[Memory, ...] = ()
    refusal: Reply | None = None
    fault: str = ""
    own_domain: str = ""
    view: View | None = None
    sending: Sending = field(default_factory=Sending)


class Overtaken(MailError):
    """The plan assumed that a letter was news, and its twin has been delivered meanwhile: it is planned anew."""

    text = "this letter was delivered meanwhile"
    temporary = True


def carry_out(tx: Tx, account: AccountKey, message: Prepared, internaldate_us: int, plan: Plan) -> None:
    """Do what a plan says. Raises OverQuota, Overtaken."""
    _remember(tx, account.account_id, plan)
    faults = [plan.fault] if plan.fault else []
    filed: set[MailboxKey] = set()
    unsent = _forward(tx, account.account_id, plan, faults)
    for filing in (*plan.filings, *([Filing()] if unsent and not plan.filings else [])):
        key = _mailbox(tx, account.account_id, filing, faults)
        if key not in filed:
            filed.add(key)
            flags = _flags(tx, account.account_id, filing.flags)
            messages.add(tx, account, "mailbox_id", key.mailbox_id, [Arrival(message, flags, internaldate_us)], delivery=True)
    if (
        plan.answer is not None
        and _may_go(tx, plan, plan.answer.domain)
        and marks.remember(tx, account.account_id, plan.answer.mark, plan.answer.until_us)
    ):
        queue.enqueue(tx, plan.answer.entry)
    if faults:
        scripts.note_fault(tx, account, "; ".join(faults))


def _remember(tx: Tx, account_id: int, plan: Plan) -> None:
    for memory in plan.memories:
        news = marks.remember(tx, account_id, memory.mark, memory.until_us)
        if not news and memory.assumed:
            raise Overtaken
        if not news:
            marks.renew(tx, account_id, memory.mark, memory.until_us)


def _forward(tx: Tx, account_id: AccountId, plan: Plan, faults: list[str]) -> bool:
    """Queue what goes on to others; say whether something may not go where it should: then the letter is kept."""
    allowed = [forward for forward in plan.forwards if _may_go(tx, plan, forward.domain)]
    faults += [f"{forward.domain}: {OutsideNotAllowed.text}" for forward in plan.forwards if forward not in allowed]
    try:
        if allowed:
            spending.send_on(tx, account_id, len(allowed), plan.sending)
    except SendingLimited as error:
        faults.append(error.text)
        allowed = []
    for forward in allowed:
        queue.enqueue(tx, forward.entry)
    return len(allowed) < len(plan.forwards)


def _may_go(tx: Tx, plan: Plan, domain: str) -> bool:
    """Say whether the owner may send there: a script lets nothing out that its owner could not."""
    try:
        if plan.view is not None:
            policy.permit(tx, plan.own_domain, domain, plan.view)
    except OutsideNotAllowed:
        return False
    return True


def _mailbox(tx: Tx, account_id: AccountId, filing: Filing, faults: list[str]) -> MailboxKey:
    """Return where a copy goes: what cannot be found or made is the inbox (RFC 5228 §4.1)."""
    if filing.role:
        try:
            return mailboxes.by_role(tx, account_id, filing.role).key
        except NoSuchMailbox:
            pass  # RFC 8579 §4: then the name counts
    if filing.name:
        try:
            return mailboxes.find(tx, account_id, filing.name).key
        except BadMailboxName:
            faults.append(f"{filing.name[:80]}: {BadMailboxName.text}")
        except NoSuchMailbox:
            if filing.create and (made := _made(tx, account_id, filing)) is not None:
                return made
            faults.append(f"{filing.name[:80]}: {NoSuchMailbox.text}")
    return mailboxes.by_role(tx, account_id, "inbox").key


def _made(tx: Tx, account_id: AccountId, filing: Filing) -> MailboxKey | None:
    """Make a mailbox, with its special use where one was named, and subscribe it (RFC 5490 §3.2, RFC 8579 §4.1)."""
    try:
        made = mailboxes.create(tx, account_id, filing.name, filing.role)
        mailboxes.subscribe(tx, account_id, made.name, on=True)
    except (LimitReached, MailboxExists):
        return None
    return made.key


def _flags(tx: Tx, account_id: AccountId, names: tuple[str, ...]) -> int:
    """Return flags as bits; keywords that the account has no room for are left out (RFC 5232 §2)."""
    bits = 0
    for name in names:
        system = SYSTEM_FLAGS.get(name.lower())
        if system is not None:
            bits |= int(system)
            continue
        try:
            bits |= keywords.bits(tx, account_id, [name])
        except LimitReached:
            break
    return bits
