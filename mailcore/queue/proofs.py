"""The evidence of how attempts ended: which event an ending is, and why. ETSI EN 319 522-2 §8.2.

Nothing is looked up before the transaction: what a peer has taken must be written even when the database was away meanwhile.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory.manifest import topology
from mailcore.evidence import facts
from mailcore.evidence.facts import Fact, Issuer
from mailcore.queue import lanes
from mailcore.queue.types import Lease, Queued, Reply
from signing.evidence import record
from signing.evidence.record import Event

EXPIRED = "5.4.7"  # RFC 3463 §3.5: the time for delivery is over
BY_OPERATOR = "550 5.7.1"  # RFC 3463 §3.8: not authorized by policy
DROPPED = "an operator took it out of the queue"
UNCERTAIN = "an operator took it out of the queue while it was being sent, so that nobody here knows whether it arrived"
HERE, NODE, OUTSIDE = "here", "node", "outside"
EVENTS: dict[tuple[str, str], Event] = {
    (HERE, "refused"): "ContentConsignmentFailure",
    (HERE, "expired"): "ContentConsignmentFailure",
    (NODE, "taken"): "RelayAcceptance",
    (NODE, "refused"): "RelayRejection",
    (NODE, "expired"): "RelayFailure",
    (OUTSIDE, "taken"): "RelayToNonERDS",
    (OUTSIDE, "refused"): "RelayToNonERDSFailure",
    (OUTSIDE, "expired"): "RelayToNonERDSFailure",
}  # what is taken here is an expansion: members have evidence of their own


@dataclass(frozen=True, slots=True)
class Ending:
    """How the attempts for one recipient ended, for good."""

    lease: Lease
    reply: Reply
    failed: bool

    @property
    def kind(self) -> str:
        """Return what that is, as `EVENTS` has it. What no peer has said is no rejection, unless it was said here."""
        reply, said = self.reply, bool(self.reply.peer) or self.lease.lane == lanes.LOCAL
        if not self.failed:
            return "taken"
        return "refused" if said and reply.permanent and reply.status != EXPIRED else "expired"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A recipient whom an operator took out of the queue. What was `leased` for another server may have arrived there."""

    message: Queued
    lane: str
    address: str
    leased: bool


def note(tx: Tx, issuer: Issuer, endings: Sequence[Ending], ended: Collection[tuple[int, int]]) -> None:
    """Write the evidence of those endings that have ended their recipient; recipients with one fate stand in one record."""
    found = [
        (each.lease.message, each.lease.lane, each.lease.address, each.kind, _reasons(each)) for each in endings if each.lease.key in ended
    ]
    _write(tx, issuer, found)


def drop(tx: Tx, issuer: Issuer, dropped: Sequence[Dropped], reason: str) -> None:
    """Write the evidence of what an operator took out of the queue, and why."""
    found = []
    for each in dropped:
        text = UNCERTAIN if each.leased and each.lane != lanes.LOCAL else DROPPED
        reasons = record.reasons([(BY_OPERATOR, f"{text}: {reason}" if reason else text)])
        found.append((each.message, each.lane, each.address, "refused" if each.lane == lanes.LOCAL else "expired", reasons))
    _write(tx, issuer, found)


def _write(tx: Tx, issuer: Issuer, found: Sequence[tuple[Queued, str, str, str, tuple[record.Reason, ...]]]) -> None:
    """Write what became of recipients: message, lane, address, how it ended, and why."""
    places: dict[str, str] = {}
    noted: list[Fact] = []
    for message, lane, address, kind, reasons in found:
        letter = message.letter(issuer)
        if letter is None:
            continue
        if lane not in places:
            places[lane] = _place(tx, lane)
        event = EVENTS.get((places[lane], kind))
        if event is not None:
            noted.append(Fact(letter, event, (address,), reasons))
    facts.note(tx, facts.merged(noted))


def _reasons(ending: Ending) -> tuple[record.Reason, ...]:
    reply = ending.reply
    text = f"{reply.peer}: {reply.text}" if reply.peer else reply.text
    return record.reasons([(f"{reply.code} {reply.status}".strip(), text)]) if ending.failed else ()


def _place(tx: Tx, lane: str) -> str:
    if lane == lanes.LOCAL:
        return HERE
    return NODE if topology.of_domain(tx, lane) is not None else OUTSIDE
