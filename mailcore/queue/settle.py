"""From how attempts ended to what the queue writes: done, again later, reported. One transaction for all of it.

RFC 5321 §4.5.4 and §6.1 (retry, give up, report), RFC 3461 §5 (who is told what).
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from config.errors import MailError
from config.failpoints import failpoint
from config.settings import Queue
from mailcore.errors import Damaged, NeverFits, NoSuchMailbox, OverQuota
from mailcore.evidence import facts
from mailcore.evidence.facts import Issuer
from mailcore.queue import arrears, bounce, counters, queue, schedule
from mailcore.queue.proofs import Ending
from mailcore.queue.types import Later, Lease, Reply, Report, queue_name
from mailcore.services import Services

ATTEMPTS, PAUSE_S = 60, 1.0  # at writing what is done: a database that restarts is back within a minute

log = structlog.get_logger()

Action = Literal["done", "delivered", "relayed", "later", "delayed", "failed"]

TOLD = {"delivered": "SUCCESS", "relayed": "SUCCESS", "delayed": "DELAY", "failed": "FAILURE"}  # RFC 3461 §4.1
UNSAID = frozenset({"FAILURE", "DELAY"})  # when the client gave no NOTIFY
OVERDUE = Reply(550, "5.4.7", "the time in which it had to be delivered is over")
INTERNAL = Reply(451, "4.3.0", "internal error, will be tried again")
CODES: dict[type[MailError], tuple[int, str]] = {
    OverQuota: (452, "4.2.2"),
    NeverFits: (552, "5.2.2"),
    NoSuchMailbox: (550, "5.2.1"),
    Damaged: (451, "4.3.0"),  # an operator can put the blob back: keep trying
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one recipient's attempt ended. `action` matters after success: who must tell the sender, if anybody."""

    lease: Lease
    reply: Reply
    action: Literal["done", "delivered", "relayed"] = "done"


heard: ContextVar[list[Outcome] | None] = ContextVar("heard", default=None)
"""Where whoever has work carried out hears how it went: a list that takes every outcome that is settled within."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about an outcome."""

    outcome: Outcome
    action: Action
    due_us: int = 0

    @property
    def told(self) -> bool:
        """Say whether the sender wants to hear of it; the null sender never does (RFC 5321 §6.1)."""
        lease = self.outcome.lease
        by, never = lease.message.by, "NEVER" in lease.notify
        if by is not None and not never and ((self.action == "delayed" and by.notify) or (self.action == "relayed" and by.trace)):
            return bool(lease.message.sender)  # asked for by itself (RFC 2852 §4.1.4)
        return bool(lease.message.sender) and TOLD.get(self.action) in (lease.notify or UNSAID)


def decide(outcome: Outcome, now_us: int, limits: Queue, jitter: float) -> Decision:
    """Judge an outcome: permanent failures and those whose time is over fail, the others come again later."""
    lease, reply = outcome.lease, outcome.reply
    if reply.code < 400:
        return Decision(outcome, outcome.action)
    if reply.permanent:
        return Decision(outcome, "failed")
    message, by = lease.message, lease.message.by
    due_us = now_us + schedule.retry_us(lease.attempts, limits.retry_first_s, limits.retry_max_s, jitter)
    if by is not None and now_us < by.time_us:
        due_us = min(due_us, by.time_us)
    if (by is not None and schedule.overdue(by, now_us)) or schedule.expired(now_us, due_us, message.expires_us):
        over = Reply(550, "5.4.7", f"not delivered in time; the last answer was: {reply}", reply.peer)
        return Decision(replace(outcome, reply=over), "failed")
    began_us = max(message.created_us, message.hold_until_us)
    news = schedule.delay_is_news(now_us, began_us, limits.delay_notice_s, lease.delay_told)
    news |= by is not None and by.notify and now_us >= by.time_us and not lease.delay_told
    return Decision(outcome, "delayed" if news else "later", due_us)


async def overdue(services: Services, leases: Sequence[Lease]) -> list[Lease]:
    """Return what must no longer be delivered to its sender, and the other recipients to the caller (RFC 2852 §4.1.2)."""
    now_us = services.clock.now_us()
    late = [lease for lease in leases if lease.message.by is not None and schedule.overdue(lease.message.by, now_us)]
    await settle(services, [Outcome(lease, OVERDUE) for lease in late])
    return [lease for lease in leases if lease not in late] if late else list(leases)


async def settle(services: Services, outcomes: Sequence[Outcome]) -> None:
    """Write how attempts ended, with the reports that senders are owed, in one transaction."""
    if not outcomes:
        return
    if (listening := heard.get()) is not None:
        listening.extend(outcomes)
    now_us = services.clock.now_us()
    decisions = [decide(each, now_us, services.settings.queue, random.random()) for each in outcomes]  # noqa: S311
    reports = await _reports(services, decisions)
    reported = {lease.key for report in reports for lease in report.leases}
    later = [
        Later(each.outcome.lease, each.due_us, each.outcome.reply, each.action == "delayed")
        for each in decisions
        if each.action in ("later", "delayed")
    ]
    waiting = {each.lease.key for each in later}
    done = [each.outcome.lease for each in decisions if each.outcome.lease.key not in reported | waiting]
    lost = await _write(services, done, later, reports, (facts.issuer(services.settings), _endings(decisions)))
    if reports:
        failpoint("bounce.after_commit")
    _record(decisions, {lease.key for lease in lost}, now_us)


async def _write(
    services: Services,
    done: Sequence[Lease],
    later: Sequence[Later],
    reports: Sequence[Report],
    proven: tuple[Issuer, Sequence[Ending]],
) -> list[Lease]:
    """Write it, and what peers have taken again and again while the database is away: else that would be sent twice (RFC 1047).

    When an attempt that failed was written after all, the leases are no longer ours in the next one.
    """
    with arrears.owing(services) as (owed, write):
        for _ in range(ATTEMPTS if done else 0):
            try:
                return await services.db.write_brief(queue.settle, done, later, reports, proven)
            except Exception as error:
                log.error("queue.not_settled", exc_info=error)
                owed.owe(write)
            await asyncio.sleep(PAUSE_S)
        return await services.db.write_brief(queue.settle, done, later, reports, proven)


def _endings(decisions: Sequence[Decision]) -> list[Ending]:
    """Return what came to its end: evidence says so. A lease that somebody else holds now has not."""
    ended = [each for each in decisions if each.action not in ("later", "delayed") and each.outcome.lease.message.digest]
    return [Ending(each.outcome.lease, each.outcome.reply, each.action == "failed") for each in ended]


def reply_to(error: Exception) -> Reply:
    """Return an exception as a reply: refusals keep their text, anything else is a bug, logged and tried again."""
    if not isinstance(error, MailError):
        log.error("queue.error", exc_info=error)
        return INTERNAL
    code, status = CODES.get(type(error), (451, "4.3.0") if error.temporary else (554, "5.3.0"))
    return Reply(code, status, error.text)


async def _reports(services: Services, decisions: Sequence[Decision]) -> list[Report]:
    """Make one report for each message and kind of news."""
    groups: defaultdict[tuple[int, Action], list[Decision]] = defaultdict(list)
    for decision in decisions:
        if decision.told:
            groups[decision.outcome.lease.message.queue_id, decision.action].append(decision)
    found = []
    for (_, action), group in groups.items():
        news = [(each.outcome.lease, each.outcome.reply) for each in group]
        report = await bounce.report(services, action, news)
        if report is not None:
            found.append(report)
    return found


def _record(decisions: Sequence[Decision], lost: set[tuple[int, int]], now_us: int) -> None:
    for each in decisions:
        lease, reply = each.outcome.lease, each.outcome.reply
        if lease.key not in lost:
            counters.note(lease, each.action, now_us)
        log.info(
            "queue.lease_lost" if lease.key in lost else f"queue.{each.action}",
            queue_id=queue_name(lease.message.queue_id),
            recipient=lease.number,
            attempts=lease.attempts,
            reply=str(reply),
            peer=reply.peer,
        )
