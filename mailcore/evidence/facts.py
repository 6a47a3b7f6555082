"""Evidence is written in the transaction of its fact: when one is there, so is the other. ETSI EN 319 522-2 (events).

A record has no place in the log yet: one sealer gives places later (`mailcore.evidence.sealing`), so no counter of the whole node is
locked on the way of mail. What a letter's records have in common is gathered once, when it is accepted.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from config import numbers
from config.database import Tx
from config.settings import Settings
from signing.evidence import record
from signing.evidence.record import FRESH_BYTES, ID_BYTES, Event, Reason

RULES = "/evidence/policy.txt"  # where the role `pki` serves the rules under which evidence is kept
_INSERT = "INSERT INTO evidence_fact (fact_id, queue_id, salt, record) VALUES (:fact_id, :queue_id, :salt, :record)"
_ROWS = """
    SELECT record, salt, place FROM evidence WHERE queue_id = :queue_id AND record IS NOT NULL
    UNION ALL SELECT record, salt, NULL FROM evidence_fact WHERE queue_id = :queue_id
"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who vouches for records: the node, under which rules, and of which letters it keeps them."""

    name: str
    policy: str
    cover: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What all records of a letter say."""

    issuer: Issuer
    queue_id: int
    queue: str
    sender: str
    message_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened to a letter for some recipients."""

    letter: Letter
    event: Event
    recipients: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it is kept: its octets, its salt, and its place in the log, None before it has one."""

    record: bytes
    salt: bytes
    index: int | None


def issuer(settings: Settings) -> Issuer:
    """Return who vouches for the records of a node."""
    host, evidence = settings.node.hostname, settings.evidence
    return Issuer(host, evidence.policy or f"{settings.pki_url or f'http://{host}'}{RULES}", evidence.cover)


def covers(issuer: Issuer, sender: str, *, official: bool) -> bool:
    """Say whether evidence is kept of a letter. Reports have no sender (RFC 5321 §4.5.5) and are no letters."""
    return bool(sender) and (issuer.cover == "all" or (issuer.cover == "official" and official))


def note(tx: Tx, facts: Sequence[Fact]) -> None:
    """Write the records of facts."""
    if facts:
        tx.many(_INSERT, [_row(fact, tx.now_us) for fact in facts])


def merged(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts with those that differ in their recipients alone as one, which names each of them once."""
    alike: dict[tuple[Letter, Event, tuple[Reason, ...]], dict[str, None]] = {}
    for fact in facts:
        alike.setdefault((fact.letter, fact.event, fact.reasons), {}).update(dict.fromkeys(fact.recipients))
    return [Fact(letter, event, tuple(recipients), reasons) for (letter, event, reasons), recipients in alike.items()]


def tells(tx: Tx, fact: Fact) -> bool:
    """Say whether there is evidence of a fact already, whatever its reasons: a look at all records of the letter."""
    known = [record.read(row.record) for row in rows_of(tx, fact.letter.queue_id)]
    told = {address for one in known if one.event == fact.event for address in one.recipients}
    return told.issuperset(fact.recipients)


def rows_of(tx: Tx, queue_id: int) -> list[Row]:
    """Return the records of a letter, in the order of the log, those without a place last."""
    rows = [Row(octets, salt, place) for octets, salt, place in tx.rows(_ROWS, queue_id=queue_id)]
    return sorted(rows, key=lambda row: (row.index is None, row.index or 0, row.record))


def _row(fact: Fact, at_us: int) -> dict[str, object]:
    letter, fresh = fact.letter, os.urandom(FRESH_BYTES)
    octets = record.write(
        record.Record(
            at=at_us,
            digest=record.digest_name(letter.digest),
            event=fact.event,
            id=record.identifier(fresh[:ID_BYTES]),
            issuer=letter.issuer.name,
            message=letter.message_id,
            policy=letter.issuer.policy,
            queue=letter.queue,
            reasons=fact.reasons,
            recipients=fact.recipients,
            sender=letter.sender,
        )
    )
    return {"fact_id": numbers.fresh(at_us), "queue_id": letter.queue_id, "salt": fresh[ID_BYTES:], "record": octets}
