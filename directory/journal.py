"""The journal of the directory: every change, in one chain of hashes that cannot be cut or rewritten unseen.

``hash = SHA-256(previous hash || seq || at_us || digest)``, both integers as 8 octets, the greater first; the first entry follows
32 zero octets. ``digest`` is the SHA-256 of the body: canonical JSON (keys sorted, no spaces, UTF-8). So a body that a court had
blanked is gone, and the chain still verifies. Each body carries 128 random bits: what was blanked cannot be guessed from its digest.
Whoever keeps the last hash elsewhere sees that the end was cut off too.
"""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from config.database import Row, Tx
from directory import rights
from directory.errors import BadEntry, NotFound
from directory.rights import Actor, Scope

ZERO = bytes(32)
SALT_BYTES = 16
PAGE = 1_000  # entries read at a time
MAX_REASON_CHARS = 1_000

_LOCK = "SELECT value FROM counter WHERE name = 'journal' /* FOR UPDATE */"
_COUNT = "UPDATE counter SET value = value + :count WHERE name = 'journal' RETURNING value"
_INSERT = """
    INSERT INTO journal (seq, at_us, digest, hash, body, act, actor_id, subject_id, organisation_id, unit_id)
    VALUES (:seq, :at_us, :digest, :hash, :body, :act, :actor_id, :subject_id, :organisation_id, :unit_id)
"""
_CHAIN = """
    SELECT seq, at_us, digest, hash, body, act, actor_id, subject_id, organisation_id, unit_id FROM journal
    WHERE seq > :after ORDER BY seq LIMIT :limit
"""
_BLANK = """
    UPDATE journal SET body = NULL, act = '', actor_id = 0, subject_id = NULL WHERE seq = :seq AND body IS NOT NULL
"""
_BELOW = f"""
    organisation_id IN (
        WITH RECURSIVE below(organisation_id, depth) AS (
            SELECT organisation_id, 0 FROM organisation WHERE organisation_id = :scope_id
            UNION ALL
            SELECT o.organisation_id, b.depth + 1 FROM organisation o JOIN below b ON o.parent_id = b.organisation_id
            WHERE b.depth < {rights.MAX_DEPTH}
        )
        SELECT organisation_id FROM below
    )
"""
_INSIDE = f"""
    unit_id IN (
        WITH RECURSIVE below(unit_id, depth) AS (
            SELECT unit_id, 0 FROM unit WHERE unit_id = :scope_id
            UNION ALL
            SELECT u.unit_id, b.depth + 1 FROM unit u JOIN below b ON u.parent_id = b.unit_id WHERE b.depth < {rights.MAX_DEPTH}
        )
        SELECT unit_id FROM below
    )
"""
_WITHIN: dict[rights.ScopeKind, str] = {"nation": ":scope_id = 0", "organisation": _BELOW, "unit": _INSIDE}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change to be journalled. `before` and `after` are what JSON can hold; secrets never belong in them.

    `approved_by` is the second person of an act that needs two.
    """

    actor: Actor
    act: str
    subject_kind: str = ""
    subject_id: int | None = None
    organisation_id: int | None = None
    unit_id: int | None = None
    before: Any = None
    after: Any = None
    reason: str = ""
    approved_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it stands in the journal. `body` is None once it was blanked; `hash` seals it and all before it."""

    seq: int
    at_us: int
    act: str
    hash: bytes
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found. `bad_seq` is None for a sound chain, whose last entry is `seq` with `hash`."""

    entries: int
    seq: int
    hash: bytes
    bad_seq: int | None = None
    said: str = ""


def lock(tx: Tx) -> None:
    """Let no other change of the directory run until this one is done, so that no right is lost or given meanwhile."""
    tx.value(_LOCK)


def append(tx: Tx, entries: Sequence[Entry]) -> list[int]:
    """Journal changes in the transaction that makes them; return their numbers. Commit order is chain order."""
    if not entries:
        return []
    last: int = tx.value(_COUNT, count=len(entries))
    first = last - len(entries) + 1
    previous = _hash_of(tx, first - 1)
    rows = []
    for seq, entry in enumerate(entries, first):
        row = _row(tx, seq, entry, previous)
        previous = row["hash"]
        rows.append(row)
    tx.many(_INSERT, rows)
    return list(range(first, last + 1))


def verify(tx: Tx, anchor: tuple[int, bytes] | None = None) -> Verdict:
    """Walk the whole chain; name the first entry that does not fit. Memory is bounded by a page.

    `anchor` is the number and hash of an entry as somebody noted it elsewhere: it must stand there unchanged.
    """
    verdict = Verdict(0, 0, ZERO)
    for row in _walk(tx):
        said = _flaw(row, verdict.seq, verdict.hash)
        if not said and anchor is not None and row[0] == anchor[0] and bytes(row[3]) != anchor[1]:
            said = "this entry is not the one that was noted"
        if said:
            return Verdict(verdict.entries, verdict.seq, verdict.hash, row[0], said)
        verdict = Verdict(verdict.entries + 1, row[0], bytes(row[3]))
    return _whole(tx, verdict, anchor)


def entries(
    tx: Tx,
    actor: Actor,
    scope: Scope,
    *,
    before_seq: int | None = None,
    limit: int = 100,
    subject_id: int | None = None,
    also: Sequence[int] = (),
    act: str = "",
) -> list[Written]:
    """Return what happened in a scope, the newest first. The reading itself is journalled. Raises NotPermitted, NotFound.

    `also` are subjects that belong to the one asked for, such as the delegations of an account.
    """
    rights.require(tx, actor, "audit", scope)
    subjects = None if subject_id is None else [subject_id, *also]
    found = _find(tx, scope, before_seq, min(max(limit, 1), PAGE), subjects, act)
    place = rights.chain(tx, scope)
    asked = {"scope": f"{scope.kind} {scope.id}", "subject": subject_id, "act": act, "entries": len(found)}
    append(
        tx,
        [Entry(actor, "journal.read", "journal", None, place.organisation_id, place.unit_id, after=asked)],
    )
    return found


def blank(tx: Tx, seq: int) -> None:
    """Remove what an entry says, for good; that there was an entry stays provable. Raises NotFound."""
    if tx.execute(_BLANK, seq=seq) == 0:
        raise NotFound("the journal has no such entry, or it is blank already", seq=seq)


def count(tx: Tx, actor: Actor, acts: Sequence[str], since_us: int) -> int:
    """Return how often an actor did one of some acts since a time."""
    sql = "SELECT COUNT(*) FROM journal WHERE actor_id = :id AND act IN (:acts[text]) AND at_us >= :since_us"
    found: int = tx.value(sql, id=actor.actor_id, acts=list(acts), since_us=since_us)
    return found


def _find(tx: Tx, scope: Scope, before_seq: int | None, limit: int, subjects: Sequence[int] | None, act: str) -> list[Written]:
    wanted = [_WITHIN[scope.kind], "seq < :before_seq"]
    wanted += ["subject_id IN (:subjects[])"] if subjects is not None else []
    wanted += ["act = :act"] if act else []
    sql = f"SELECT seq, at_us, act, hash, body FROM journal WHERE {' AND '.join(wanted)} ORDER BY seq DESC LIMIT :limit"
    end = before_seq if before_seq is not None else 2**62
    rows = tx.rows(sql, scope_id=scope.id, before_seq=end, limit=limit, subjects=subjects, act=act)
    return [Written(seq, at_us, name, bytes(sealed), _read(body)) for seq, at_us, name, sealed, body in rows]


def _read(body: bytes | None) -> dict[str, Any] | None:
    return None if body is None else msgspec.json.decode(bytes(body), type=dict[str, Any])


def _row(tx: Tx, seq: int, entry: Entry, previous: bytes) -> dict[str, Any]:
    body = _body(entry)
    digest = hashlib.sha256(body).digest()
    return {
        "seq": seq,
        "at_us": tx.now_us,
        "digest": digest,
        "hash": _seal(previous, seq, tx.now_us, digest),
        "body": body,
        "act": entry.act,
        "actor_id": entry.actor.actor_id,
        "subject_id": entry.subject_id,
        "organisation_id": entry.organisation_id,
        "unit_id": entry.unit_id,
    }


def _body(entry: Entry) -> bytes:
    if len(entry.reason) > MAX_REASON_CHARS:
        raise BadEntry(f"a reason has at most {MAX_REASON_CHARS} characters")
    said = {
        "act": entry.act,
        "actor": _named(entry.actor),
        "approved_by": None if entry.approved_by is None else _named(entry.approved_by),
        "subject": {"kind": entry.subject_kind, "id": entry.subject_id},
        "organisation": entry.organisation_id,
        "unit": entry.unit_id,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "salt": secrets.token_hex(SALT_BYTES),
    }
    return msgspec.json.encode(said, order="sorted")


def _named(actor: Actor) -> dict[str, Any]:
    return {"name": actor.name, "person": actor.person_id, "service": actor.service_id, "on_behalf_of": actor.on_behalf_of}


def _seal(previous: bytes, seq: int, at_us: int, digest: bytes) -> bytes:
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + at_us.to_bytes(8, "big") + digest).digest()


def _hash_of(tx: Tx, seq: int) -> bytes:
    if seq == 0:
        return ZERO
    found = tx.value("SELECT hash FROM journal WHERE seq = :seq", seq=seq)
    if found is None:
        raise NotFound("the journal lacks its last entry: run `diwan journal verify`", seq=seq)
    return bytes(found)


def _walk(tx: Tx) -> Iterator[Row]:
    after = 0
    while page := tx.rows(_CHAIN, after=after, limit=PAGE):
        yield from page
        after = page[-1][0]


def _flaw(row: Row, last: int, previous: bytes) -> str:
    """Say what is wrong with one entry after another; nothing when it fits."""
    seq, at_us, digest, sealed, body = row[:5]
    if seq != last + 1:
        return f"entry {last + 1} is missing"
    if _seal(previous, seq, at_us, bytes(digest)) != bytes(sealed):
        return "the chain breaks here"
    if body is None:
        return ""
    if hashlib.sha256(bytes(body)).digest() != bytes(digest):
        return "what this entry says was changed"
    said = msgspec.json.decode(bytes(body), type=dict[str, Any])
    actor_id = said["actor"]["person"] or said["actor"]["service"] or 0
    if tuple(row[5:]) != (said["act"], actor_id, said["subject"]["id"], said["organisation"], said["unit"]):
        return "what this entry is found by is not what it says"
    return ""


def _whole(tx: Tx, verdict: Verdict, anchor: tuple[int, bytes] | None) -> Verdict:
    """Return the verdict, unless the end of the chain is missing."""
    counted: int = tx.value("SELECT value FROM counter WHERE name = 'journal'")
    wanted = max(counted, anchor[0] if anchor else 0)
    if verdict.seq < wanted:
        return Verdict(verdict.entries, verdict.seq, verdict.hash, verdict.seq + 1, f"the journal ends here, {wanted} entries were written")
    if verdict.seq > counted:
        return Verdict(verdict.entries, verdict.seq, verdict.hash, counted + 1, "this entry was not written by the journal")
    return verdict
