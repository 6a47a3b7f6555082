"""The centre's side: what the register says is compared with what was published, and what differs goes out with the next document.

Three steps, each a unit of work, so that the writer is never held for long: `store` keeps lines that changed, page by page;
`prepare` gives the document to be signed; `issue` keeps it signed. Whoever is interrupted begins again with the same serial.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from config.clock import MINUTE_US
from config.database import Tx
from directory.errors import NotFound
from directory.manifest import document, topology
from directory.manifest.document import BUCKETS, Body, Part, Signed

PAGE = 1000  # entries looked at in one unit of work
MAX_LINES = 5000  # that one answer to a follower holds: about 1 MB
KEPT_DOCUMENTS = 10
OVERLAP_US = MINUTE_US  # a transaction that began before the last look may have been committed after it
TOPOLOGY, TRUST, ENTRIES = "topology", "trust", "entries"

_TABLES = {  # where entries come from, with the column that numbers them
    "organisation": "organisation_id",
    "unit": "unit_id",
    "post": "post_id",
    "person": "person_id",
    "list": "list_id",
    "holding": "holding_id",
    "certificate": "certificate_id",
}
_STORE = """
    INSERT INTO published_entry (uid, bucket, sha256, line, serial) VALUES (:uid, :bucket, :sha256, :line, :serial)
    ON CONFLICT (uid) DO UPDATE SET sha256 = excluded.sha256, line = excluded.line, serial = excluded.serial
"""
_CHANGES = """
    SELECT uid, line, serial FROM published_entry
    WHERE serial > :since AND serial <= :until AND (serial, uid) > (:serial, :uid) ORDER BY serial, uid LIMIT :limit
"""
_MARK = """
    SELECT (SELECT value FROM counter WHERE name = 'entity'), (SELECT MAX(changed_us) FROM changed),
        (SELECT COUNT(*) FROM node), (SELECT MAX(revoked_us) FROM node), (SELECT COUNT(*) FROM node_domain),
        (SELECT MAX(revoked_us) FROM certificate), (SELECT COUNT(*) FROM domain WHERE closed_us IS NULL AND alias_of IS NULL)
"""
_SEEN = "seen"
_LATEST = "SELECT octets FROM published_document ORDER BY serial DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as text; empty octets for one that is gone. `serial` is that of the document which first vouched for it."""

    uid: str
    line: bytes
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """How far the register was looked at: when, and the highest number given to an entry by then."""

    at_us: int
    number: int


def look(tx: Tx) -> Seen:
    """Return how far a look at the register reaches that begins now."""
    return Seen(tx.now_us - OVERLAP_US, tx.value("SELECT value FROM counter WHERE name = 'entity'"))


def changed(tx: Tx, since: Seen) -> list[int]:
    """Return the numbers of entries that changed, or came, since a look."""
    found: list[int] = tx.column("SELECT entry_id FROM changed WHERE changed_us >= :at_us", at_us=since.at_us)
    revoked = tx.column("SELECT certificate_id FROM certificate WHERE revoked_us >= :at_us", at_us=since.at_us)
    return sorted({*found, *revoked, *_numbers_after(tx, since.number)})


def _numbers_after(tx: Tx, number: int) -> Iterable[int]:
    for table in _TABLES:
        yield from page(tx, table, number, limit=None)


def page(tx: Tx, table: str, after: int, limit: int | None = PAGE) -> list[int]:
    """Return the next numbers of entries of one table, in order."""
    column = _TABLES[table]
    bound = "" if limit is None else "LIMIT :limit"
    sql = f"SELECT {column} FROM {table} WHERE {column} > :after ORDER BY {column} {bound}"
    return tx.column(sql, after=after) if limit is None else tx.column(sql, after=after, limit=limit)


def tables() -> Sequence[str]:
    """Return the tables whose entries are published."""
    return tuple(_TABLES)


def store(tx: Tx, found: Mapping[str, bytes], serial: int) -> int:
    """Keep the lines that differ from what was published, for the document `serial`; return how many did."""
    known = {
        uid: (bytes(digest), len(line) > 0)
        for uid, digest, line in tx.rows("SELECT uid, sha256, line FROM published_entry WHERE uid IN (:uids[text])", uids=list(found))
    }
    rows = []
    for uid, line in found.items():
        digest = sha256(line).digest()
        if known.get(uid, (sha256(b"").digest(), False))[0] != digest:
            rows.append({"uid": uid, "bucket": document.bucket_of(uid), "sha256": digest, "line": line, "serial": serial})
    tx.many(_STORE, rows)
    return len(rows)


def store_domains(tx: Tx, found: Mapping[str, bytes], serial: int) -> int:
    """Like `store`, for all domains that there are: those that are not among them are gone."""
    known = tx.column("SELECT uid FROM published_entry WHERE uid LIKE '@%' AND LENGTH(line) > 0")
    return store(tx, {**dict.fromkeys(known, b""), **found}, serial)


def prepare(tx: Tx, nation: str, trust: bytes, keys: list[str]) -> Body:
    """Return the next document, to be signed; its parts are kept. `keys` are those that may sign its successor."""
    before = latest(tx)
    serial = before.body.serial + 1 if before else 1
    octets = {TOPOLOGY: topology.encode(tx), TRUST: trust, ENTRIES: _entries(tx, before, serial)}
    parts = {name: document.part(whole) for name, whole in octets.items()}
    for name, whole in octets.items():
        _keep(tx, parts[name], serial, whole)
    previous = before.sha256 if before else ""
    return Body(document.FORMAT, nation, serial, tx.now_us, dict(document.VALID_S), previous, keys, parts)


def to_sign(body: Body, key: bytes) -> bytes:
    """Return the octets of a document that its key has to sign."""
    return document.to_sign(body, key)


def issue(tx: Tx, octets: bytes, seen: Seen | None = None) -> bool:
    """Keep a signed document, and how far the look behind it reached; False when another process issued that serial meanwhile."""
    body = document.reopened(octets).body
    before = latest(tx)
    if before is not None and before.body.serial >= body.serial:
        return False
    tx.execute(
        "INSERT INTO published_document (serial, issued_us, octets) VALUES (:serial, :issued_us, :octets)",
        serial=body.serial,
        issued_us=body.issued_us,
        octets=octets,
    )
    if seen is not None:
        _remember(tx, seen)
    tx.execute("DELETE FROM published_document WHERE serial <= :old", old=body.serial - KEPT_DOCUMENTS)
    tx.execute("DELETE FROM published_part WHERE serial <= :old", old=body.serial - KEPT_DOCUMENTS)
    return True


def seen(tx: Tx) -> Seen | None:
    """Return how far the look behind the newest document reached; None before the first."""
    octets = tx.value("SELECT octets FROM manifest_state WHERE name = :name", name=_SEEN)
    return None if octets is None else msgspec.json.decode(bytes(octets), type=Seen)


def _remember(tx: Tx, seen: Seen) -> None:
    sql = """
        INSERT INTO manifest_state (name, octets, at_us) VALUES (:name, :octets, :now_us)
        ON CONFLICT (name) DO UPDATE SET octets = excluded.octets, at_us = excluded.at_us
    """
    tx.execute(sql, name=_SEEN, octets=msgspec.json.encode(seen), now_us=tx.now_us)


def mark(tx: Tx) -> tuple[object, ...]:
    """Return what differs when anything of the register, the topology or the trust list may have changed."""
    return tuple(tx.row(_MARK) or ())


def latest(tx: Tx) -> Signed | None:
    """Return the newest document; None before the first."""
    octets = tx.value(_LATEST)
    return None if octets is None else document.reopened(bytes(octets))


def part(tx: Tx, name: str) -> bytes:
    """Return a part by its SHA-256, hexadecimal. Raises NotFound."""
    octets = tx.value("SELECT octets FROM published_part WHERE sha256 = :name", name=name)
    if octets is None:
        raise NotFound(part=name[:64])
    return bytes(octets)


def changes(tx: Tx, since: int, until: int, after: Line | None = None, limit: int = MAX_LINES) -> list[Line]:
    """Return what changed after the document `since` and up to `until`, in order of serial and uid, going on after `after`."""
    at = after or Line("", b"", 0)
    rows = tx.rows(_CHANGES, since=since, until=until, serial=at.serial, uid=at.uid, limit=min(limit, MAX_LINES))
    return [Line(uid, bytes(line), serial) for uid, line, serial in rows]


def bucket(tx: Tx, number: int, after: str = "", limit: int = MAX_LINES) -> list[Line]:
    """Return the entries of a bucket in order of uid, going on after `after`; without those that are gone."""
    sql = """
        SELECT uid, line, serial FROM published_entry
        WHERE bucket = :number AND uid > :after AND LENGTH(line) > 0 ORDER BY uid LIMIT :limit
    """
    rows = tx.rows(sql, number=number, after=after, limit=min(limit, MAX_LINES))
    return [Line(uid, bytes(line), serial) for uid, line, serial in rows]


def _entries(tx: Tx, before: Signed | None, serial: int) -> bytes:
    """Return the hashes of all buckets, 32 octets each; only buckets with changes are computed again."""
    whole = bytearray(part(tx, before.body.parts[ENTRIES].sha256) if before else document.bucket_hash([]) * BUCKETS)
    touched = tx.column("SELECT DISTINCT bucket FROM published_entry WHERE serial >= :serial", serial=serial)
    for number in touched:
        whole[number * document.HASH_BYTES : (number + 1) * document.HASH_BYTES] = _bucket_hash(tx, number)
    return bytes(whole)


def _bucket_hash(tx: Tx, number: int) -> bytes:
    sql = "SELECT uid, sha256 FROM published_entry WHERE bucket = :number AND LENGTH(line) > 0"
    return document.bucket_hash([(uid, bytes(digest)) for uid, digest in tx.rows(sql, number=number)])


def _keep(tx: Tx, named: Part, serial: int, octets: bytes) -> None:
    sql = """
        INSERT INTO published_part (sha256, serial, octets) VALUES (:sha256, :serial, :octets)
        ON CONFLICT (sha256) DO UPDATE SET serial = excluded.serial
    """
    tx.execute(sql, sha256=named.sha256, serial=serial, octets=octets)
