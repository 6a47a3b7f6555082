"""Entries of other nodes, kept here: lines as they came, and the entries that are made of them for search and cards.

Lines are received first and believed later: only when every bucket has the hash that the document names are entries made of
them. An entry belongs to an administration that came with the manifest (`origin`); nobody here may change it, and it has no
row in `address`: mail to it leaves by the topology. An administration that is kept here stays as it is, whatever the centre says of it.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec

from config.database import Tx
from directory import attributes, certificates, search
from directory.attributes import Attributes
from directory.entities import allocate, touch_all
from directory.manifest import document, lines
from directory.manifest.errors import BadManifest
from directory.manifest.lines import Certificate, Holding, Organisation, Person, Post, Unit
from directory.manifest.publish import Line

PAGE = 200  # lines made into entries in one unit of work
ORDER = ("organisation", "unit", "post", "person", "holding", "certificate")  # each may name entries of those before
NEW, PARENT, UNFOUND = 1, 2, 3  # why a line is pending; the last: search does not find the entry yet
FINDABLE = ("unit", "post", "person")
FIND_PAGE = 2000  # entries indexed in one unit of work: the index is written by terms, so fewer at once cost more in all

_UID = re.compile(r"[1-9][0-9]{0,18}|@[a-z0-9.-]{1,255}")  # a number, or a domain

Known = dict[int, int]  # entries here by their number at the centre

_RECEIVE = """
    INSERT INTO replica (uid, bucket, kind, sha256, line, local_id, pending) VALUES (:uid, :bucket, :kind, :sha256, :line, 0, 1)
    ON CONFLICT (uid) DO UPDATE SET sha256 = excluded.sha256, line = excluded.line, pending = 1,
        kind = CASE WHEN excluded.kind = '' THEN replica.kind ELSE excluded.kind END
"""
_PENDING = "SELECT uid, line, local_id FROM replica WHERE kind = :kind AND pending = :pending ORDER BY uid LIMIT :limit"
_UNFOUND = "SELECT local_id FROM replica WHERE kind = :kind AND pending = :pending ORDER BY local_id LIMIT :limit"
_SETTLE = "UPDATE replica SET local_id = :local_id, pending = :pending WHERE uid = :uid"


def receive(tx: Tx, received: Iterable[Line]) -> None:
    """Keep lines as they came. Raises BadManifest for one that is none."""
    rows = []
    for one in received:
        kind = _kind(one)
        bucket, digest = document.bucket_of(one.uid), sha256(one.line).digest()
        rows.append({"uid": one.uid, "bucket": bucket, "kind": kind, "sha256": digest, "line": one.line})
    tx.many(_RECEIVE, rows)


def _kind(one: Line) -> str:
    if not _UID.fullmatch(one.uid):
        raise BadManifest(f"{one.uid[:64]!r} is no name of an entry")
    if not one.line:
        return ""
    try:
        return str(type(lines.decode(one.line)).__struct_config__.tag)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"the line of {one.uid[:64]!r} is not well formed: {error}") from None


def keep_only(tx: Tx, bucket: int, uids: Iterable[str]) -> None:
    """Let go of everything in a bucket that is not among `uids`: the whole bucket has just been received."""
    wanted = set(uids)
    kept = tx.column("SELECT uid FROM replica WHERE bucket = :bucket AND LENGTH(line) > 0", bucket=bucket)
    receive(tx, [Line(uid, b"") for uid in kept if uid not in wanted])


def differing(tx: Tx, hashes: bytes) -> list[int]:
    """Return the buckets whose entries here are not those that the document vouches for."""
    found: dict[int, list[tuple[str, bytes]]] = {number: [] for number in range(document.BUCKETS)}
    for bucket, uid, digest in tx.rows("SELECT bucket, uid, sha256 FROM replica WHERE LENGTH(line) > 0"):
        found[bucket].append((uid, bytes(digest)))
    return [
        n
        for n, entries in found.items()
        if document.bucket_hash(entries) != hashes[n * document.HASH_BYTES : (n + 1) * document.HASH_BYTES]
    ]


def build(tx: Tx, origin: str) -> int:
    """Make entries of the next lines that wait; return how many were looked at, 0 when none waits."""
    for kind in ORDER:
        for pending in (NEW, PARENT):
            rows = tx.rows(_PENDING, kind=kind, pending=pending, limit=PAGE)
            if rows:
                _build(tx, origin, kind, pending, [(uid, bytes(line), local_id) for uid, line, local_id in rows])
                return len(rows)
    for kind in FINDABLE:
        found = tx.column(_UNFOUND, kind=kind, pending=UNFOUND, limit=FIND_PAGE)
        if found:
            search.index(tx, found)
            tx.execute("UPDATE replica SET pending = 0 WHERE local_id IN (:ids[])", ids=found)
            return len(found)
    tx.execute("UPDATE replica SET pending = 0 WHERE pending <> 0")  # domains and lists: nothing is made of them here
    return 0


def _build(tx: Tx, origin: str, kind: str, pending: int, rows: Sequence[tuple[str, bytes, int]]) -> None:
    there = [(uid, lines.decode(line), local_id) for uid, line, local_id in rows if line]
    known = _known(tx, [name for _, line, _ in there for name in _names(line)])
    if pending == PARENT:
        for _, line, local_id in there:
            _PARENTS[kind](tx, line, local_id, known)
        settled = [(uid, local_id, UNFOUND if kind in FINDABLE else 0) for uid, _, local_id in there]
    else:
        made = [(uid, line, _MAKERS[kind](tx, origin, line, before, known)) for uid, line, before in there]
        _tell(tx, [(line, local_id) for _, line, local_id in made if local_id], known)
        settled = [(uid, local_id, _next(line) if local_id else 0) for uid, line, local_id in made]
    gone = [(uid, local_id) for uid, line, local_id in rows if not line]
    for _, local_id in gone:
        if local_id:
            tx.execute(_GONE[kind], id=local_id, now_us=tx.now_us)
    search.forget(tx, [local_id for _, local_id in gone if local_id])
    settled += [(uid, local_id, 0) for uid, local_id in gone]
    tx.many(_SETTLE, [{"uid": uid, "local_id": local_id, "pending": later} for uid, local_id, later in settled])


def _next(line: lines.AnyLine) -> int:
    """Return why the line of an entry that was just made still waits, 0 when it does not."""
    if getattr(line, "parent", 0):
        return PARENT
    return UNFOUND if isinstance(line, Unit | Post | Person) else 0


def _tell(tx: Tx, made: Sequence[tuple[lines.AnyLine, int]], known: Known) -> None:
    """Write the attributes of accounts that were made or changed; a person with another function must be found by it."""
    accounts = {local_id: line.attributes for line, local_id in made if isinstance(line, Post | Person)}
    tx.execute("DELETE FROM attributes WHERE account_id IN (:ids[])", ids=list(accounts))
    told = ((one, {name: value for name, value in given.items() if name in attributes.NAMES}) for one, given in accounts.items())
    attributes.insert(tx, [(one, Attributes(**given)) for one, given in told if given])
    touch_all(tx, accounts)
    holders = [known[line.person] for line, _ in made if isinstance(line, Holding)]
    tx.execute("UPDATE replica SET pending = :unfound WHERE local_id IN (:ids[])", unfound=UNFOUND, ids=holders)


def _names(line: lines.AnyLine) -> list[str]:
    """Return the uids of the entries that a line names."""
    wanted = (getattr(line, field, 0) for field in ("parent", "organisation", "unit", "post", "person", "account"))
    return [str(number) for number in wanted if number]


def _known(tx: Tx, uids: Sequence[str]) -> dict[int, int]:
    """Return the entries here by their number at the centre; those that have none here are left out."""
    rows = tx.rows("SELECT uid, local_id FROM replica WHERE uid IN (:uids[text]) AND local_id <> 0", uids=sorted(set(uids)))
    return {int(uid): local_id for uid, local_id in rows}


def _organisation(tx: Tx, origin: str, line: Organisation, before: int, known: Known) -> int:
    own = tx.value("SELECT organisation_id FROM organisation WHERE code = :code AND organisation_id <> :id", code=line.code, id=before)
    if own is not None:
        return 0
    values = {"kind": line.kind, "code": line.code, "ar": line.ar, "fr": line.fr, "origin": origin}
    return _upsert(tx, "organisation", before, {"parent_id": None}, **_renamed(values))


def _unit(tx: Tx, origin: str, line: Unit, before: int, known: Known) -> int:
    organisation_id = known.get(line.organisation)
    if organisation_id is None:
        return 0
    values = {"code": line.code, "ar": line.ar, "fr": line.fr, "kind": line.kind, "address": line.address or None}
    return _upsert(tx, "unit", before, {"parent_id": None}, organisation_id=organisation_id, **_renamed(values))


def _post(tx: Tx, origin: str, line: Post, before: int, known: Known) -> int:
    unit_id = known.get(line.unit)
    if unit_id is None:
        return 0
    values = {"title_ar": line.ar, "title_fr": line.fr, "post_rank": line.rank, "post_function": line.function, "address": line.address}
    return _upsert(tx, "post", before, {}, unit_id=unit_id, **values)


def _person(tx: Tx, origin: str, line: Person, before: int, known: Known) -> int:
    unit_id = known.get(line.unit)
    if unit_id is None:  # who belongs nowhere could not be told from our own
        return 0
    values = {"ar": line.ar, "fr": line.fr, "language": line.language or "ar", "address": line.address}
    return _upsert(tx, "person", before, {"credential_epoch": 0}, unit_id=unit_id, **_renamed(values))


def _holding(tx: Tx, origin: str, line: Holding, before: int, known: Known) -> int:
    post_id, person_id = known.get(line.post), known.get(line.person)
    if post_id is None or person_id is None:
        return 0
    tx.execute("DELETE FROM holding WHERE holding_id = :id", id=before)
    values = {"post_id": post_id, "person_id": person_id, "kind": line.kind, "valid_from_us": line.from_us}
    more = {"valid_to_us": line.until_us or None, "decision_ref": "", "recorded_us": tx.now_us}
    local_id = before or allocate(tx)
    _insert(tx, "holding", {"holding_id": local_id} | values | more)
    return local_id


def _certificate(tx: Tx, origin: str, line: Certificate, before: int, known: Known) -> int:
    account_id = known.get(line.account)
    if account_id is None or before:
        return before
    chain = [base64.b64decode(one) for one in line.chain]
    certificates.add(tx, account_id, line.purpose, line.key_id, base64.b64decode(line.der), chain)
    return int(tx.value("SELECT MAX(certificate_id) FROM certificate WHERE account_id = :id", id=account_id))


def _parent(table: str) -> Callable[[Tx, lines.AnyLine, int, Known], None]:
    sql = f"UPDATE {table} SET parent_id = :parent_id WHERE {table}_id = :id"

    def update(tx: Tx, line: lines.AnyLine, local_id: int, known: Known) -> None:
        tx.execute(sql, id=local_id, parent_id=known.get(getattr(line, "parent", 0)))

    return update


_MAKERS: dict[str, Callable[..., int]] = {
    "organisation": _organisation,
    "unit": _unit,
    "post": _post,
    "person": _person,
    "holding": _holding,
    "certificate": _certificate,
}
_PARENTS = {"organisation": _parent("organisation"), "unit": _parent("unit")}
_GONE = {
    **{table: f"UPDATE {table} SET closed_us = :now_us WHERE {table}_id = :id" for table in ("organisation", "unit", "post", "person")},
    "holding": "UPDATE holding SET superseded_us = :now_us WHERE holding_id = :id AND superseded_us IS NULL",
    "certificate": "UPDATE certificate SET revoked_us = :now_us WHERE certificate_id = :id AND revoked_us IS NULL",
}


def _upsert(tx: Tx, table: str, before: int, first: Mapping[str, object], **values: object) -> int:
    """Write an entry afresh, open; `first` are values that only a new one gets. Return its number here."""
    if before:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        tx.execute(f"UPDATE {table} SET {changes}, closed_us = NULL WHERE {table}_id = :id", id=before, **values)
        return before
    local_id = allocate(tx)
    _insert(tx, table, {f"{table}_id": local_id, "created_us": tx.now_us, **first, **values})
    return local_id


def _insert(tx: Tx, table: str, values: dict[str, object]) -> None:
    names = ", ".join(values)
    tx.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", **values)


def _renamed(values: Mapping[str, object]) -> dict[str, object]:
    return {{"ar": "name_ar", "fr": "name_fr"}.get(name, name): value for name, value in values.items()}
