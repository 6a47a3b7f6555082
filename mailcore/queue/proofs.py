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
from mailcore.queue.types import Lease, Reply
from signing.evidence import record
from signing.evidence.record import Event

EXPIRED = "5.4.7"  # RFC 3463 §3.5: the time for delivery is over
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
        """Return what that is, as `EVENTS` has it."""
        return "taken" if not self.failed else "expired" if self.reply.status == EXPIRED or not self.reply.permanent else "refused"


def note(tx: Tx, issuer: Issuer, endings: Sequence[Ending], ours: Collection[tuple[int, int]]) -> None:
    """Write the evidence of those endings whose lease is ours; recipients with one fate stand in one record."""
    places: dict[str, str] = {}
    found: list[Fact] = []
    for ending in endings:
        lease = ending.lease
        letter = lease.message.letter(issuer) if lease.key in ours else None
        if letter is None:
            continue
        if lease.lane not in places:
            places[lease.lane] = _place(tx, lease.lane)
        event = EVENTS.get((places[lease.lane], ending.kind))
        if event is not None:
            found.append(Fact(letter, event, (lease.address,), _reasons(ending)))
    facts.note(tx, facts.merged(found))


def _reasons(ending: Ending) -> tuple[record.Reason, ...]:
    reply = ending.reply
    text = f"{reply.peer}: {reply.text}" if reply.peer else reply.text
    return record.reasons([(f"{reply.code} {reply.status}".strip(), text)]) if ending.failed else ()


def _place(tx: Tx, lane: str) -> str:
    if lane == lanes.LOCAL:
        return HERE
    return NODE if topology.of_domain(tx, lane) is not None else OUTSIDE
