"""What this node published of its authorities, in rows: lists of revoked certificates, answers about single ones. RFC 5280 §5, RFC 6960.

Whoever serves it needs no key. An answer is served only while it says what the register says: a revocation is answered at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import DAY_US, HOUR_US
from config.database import Row, Tx
from signing.pki import ocsp
from signing.pki.ocsp import Said


@dataclass(frozen=True, slots=True)
class List:
    """A published list: of a part or of everything (`places.WHOLE`), or a delta, which continues the list with the number `base`."""

    part: int
    delta: bool
    number: int
    base: int
    this_update_us: int
    next_update_us: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """A certificate as the register has it, and the answer about it, b"" for none or one that no longer holds. `revoked_us` 0: good."""

    serial: int
    revoked_us: int
    reason: str
    octets: bytes
    this_update_us: int
    next_update_us: int


@dataclass(frozen=True, slots=True)
class Lasting:
    """The list, or delta, of an authority that ends first: how long it holds, 0 for none, and whether that is an alarm."""

    authority: str
    delta: bool
    left_us: int
    alarm: bool


FIRST_US = HOUR_US  # how long a new authority may be without lists
MAX_ALARM_US = 30 * DAY_US  # so long before the end at the latest: lists of a root that is offline are made for a year, by several people

_KEEP = """
    INSERT INTO revocation_list (authority, part, delta, number, base, this_update_us, next_update_us, octets)
    VALUES (:authority, :part, :delta, :number, :base, :this_us, :next_us, :octets)
    ON CONFLICT (authority, part, delta) DO UPDATE SET number = EXCLUDED.number, base = EXCLUDED.base,
        this_update_us = EXCLUDED.this_update_us, next_update_us = EXCLUDED.next_update_us, octets = EXCLUDED.octets
    WHERE revocation_list.number < EXCLUDED.number
"""
_LIST = """
    SELECT part, delta, number, base, this_update_us, next_update_us, octets FROM revocation_list
    WHERE authority = :authority AND part = :part AND delta = :delta
"""
_HEADS = "SELECT part, delta, number, base, this_update_us, next_update_us FROM revocation_list WHERE authority = :authority"
_CHANGES = "SELECT authority, MAX(changed_us) FROM issued WHERE changed_us <> 0 GROUP BY authority"
_EVERY = """
    SELECT part, delta, number, base, this_update_us, next_update_us, octets FROM revocation_list
    WHERE authority = :authority ORDER BY part, delta
"""
_NEWEST = "SELECT COALESCE(MAX(number), 0) FROM revocation_list WHERE authority = :authority"
_ENDED_US = "CASE WHEN i.state = 'good' THEN 0 ELSE i.ended_us END"
_ENDED_WHY = "CASE WHEN i.state = 'good' THEN '' ELSE i.reason END"
_HOLDS = f"a.revoked_us = {_ENDED_US} AND a.reason = {_ENDED_WHY}"
_BESIDE = "LEFT JOIN revocation_answer a ON a.authority = i.authority AND a.serial = i.serial AND a.method = :method"
_STANDING = f"""
    SELECT {_ENDED_US}, {_ENDED_WHY}, a.octets, a.this_update_us, a.next_update_us FROM issued i {_BESIDE} AND {_HOLDS}
    WHERE i.authority = :authority AND i.serial = :serial
"""
_DUE = f"""
    SELECT i.serial, {_ENDED_US}, {_ENDED_WHY} FROM issued i {_BESIDE} AND {_HOLDS}
    WHERE i.authority = :authority AND i.serial > :after AND i.not_after_us >= :now_us AND i.kind <> 'ocsp'
      AND (a.this_update_us IS NULL OR a.this_update_us < :before_us)
    ORDER BY i.serial LIMIT :most
"""
_ANSWER = """
    INSERT INTO revocation_answer (authority, serial, method, revoked_us, reason, this_update_us, next_update_us, octets)
    VALUES (:authority, :serial, :method, :revoked_us, :reason, :this_us, :next_us, :octets)
    ON CONFLICT (authority, serial, method) DO UPDATE SET revoked_us = EXCLUDED.revoked_us, reason = EXCLUDED.reason,
        this_update_us = EXCLUDED.this_update_us, next_update_us = EXCLUDED.next_update_us, octets = EXCLUDED.octets
"""
_DROP = "DELETE FROM revocation_answer WHERE authority = :authority AND next_update_us < :now_us"
_LASTING = """
    SELECT i.authority, l.delta, MIN(l.next_update_us), MAX(l.next_update_us - l.this_update_us), MIN(i.issued_us)
    FROM (SELECT key_id AS authority, MIN(issued_us) AS issued_us FROM issued
          WHERE kind IN ('root', 'authority') AND not_after_us >= :now_us GROUP BY key_id) i
    LEFT JOIN revocation_list l ON l.authority = i.authority GROUP BY i.authority, l.delta ORDER BY i.authority, l.delta
"""


def keep(tx: Tx, authority: str, made: Sequence[List]) -> int:
    """Publish lists, each unless a newer one stands already; return how many were."""
    return sum(
        tx.execute(
            _KEEP,
            authority=authority,
            part=one.part,
            delta=int(one.delta),
            number=one.number,
            base=one.base,
            this_us=one.this_update_us,
            next_us=one.next_update_us,
            octets=one.octets,
        )
        for one in made
    )


def find(tx: Tx, authority: str, part: int, *, delta: bool = False) -> List | None:
    """Return a list as it was published, None when there is none."""
    row = tx.row(_LIST, authority=authority, part=part, delta=int(delta))
    return None if row is None else _list(row, bytes(row[6]))


def heads(tx: Tx, authority: str) -> dict[tuple[int, bool], List]:
    """Return what stands of an authority by part and kind, without the octets."""
    return {(row[0], bool(row[1])): _list(row, b"") for row in tx.rows(_HEADS, authority=authority)}


def changes(tx: Tx) -> dict[str, int]:
    """Return when a certificate was last suspended, resumed or revoked, by authority."""
    return {authority: int(at_us) for authority, at_us in tx.rows(_CHANGES)}


def every(tx: Tx, authority: str) -> list[List]:
    """Return all that stands of an authority, that of everything first."""
    return [_list(row, bytes(row[6])) for row in tx.rows(_EVERY, authority=authority)]


def next_number(tx: Tx, authority: str) -> int:
    """Return a number for new lists, more than all before (RFC 5280 §5.2.3): the time, so that a lost database repeats none."""
    return max(tx.now_us, int(tx.value(_NEWEST, authority=authority)) + 2)


def standing(tx: Tx, authority: str, serial: int, method: str = ocsp.SHA1) -> Standing | None:
    """Return a certificate and the answer about it; None for one that was never issued."""
    row = tx.row(_STANDING, authority=authority, serial=f"{serial:x}", method=method)
    return None if row is None else Standing(serial, row[0], row[1], bytes(row[2] or b""), row[3] or 0, row[4] or 0)


def due(tx: Tx, authority: str, before_us: int, after: str, most: int) -> list[Standing]:
    """Return certificates, those with serial numbers (as text) behind `after`, whose answers are older than a time or no longer true."""
    found = tx.rows(_DUE, authority=authority, before_us=before_us, after=after, most=most, method=ocsp.SHA1, now_us=tx.now_us)
    return [Standing(int(serial, 16), ended_us, reason, b"", 0, 0) for serial, ended_us, reason in found]


def answer(tx: Tx, authority: str, method: str, made: Sequence[tuple[int, Said, bytes]]) -> None:
    """Keep answers by serial number: what they say, and the octets."""
    tx.many(
        _ANSWER,
        [
            {
                "authority": authority,
                "serial": f"{serial:x}",
                "method": method,
                "revoked_us": said.revoked_us,
                "reason": said.reason,
                "this_us": said.this_update_us,
                "next_us": said.next_update_us,
                "octets": octets,
            }
            for serial, said, octets in made
        ],
    )


def drop(tx: Tx, authority: str) -> int:
    """Drop answers that have run out; return how many."""
    return tx.execute(_DROP, authority=authority, now_us=tx.now_us)


def lasting(tx: Tx) -> list[Lasting]:
    """Return how long the lists of each authority still hold. An alarm is raised at half of their life, or when there never was any."""
    return [_lasting(tx.now_us, *row) for row in tx.rows(_LASTING, now_us=tx.now_us)]


def _lasting(now_us: int, authority: str, delta: int | None, ends_us: int | None, life_us: int | None, issued_us: int) -> Lasting:
    if ends_us is None or life_us is None:
        return Lasting(authority, False, 0, now_us - issued_us > FIRST_US)
    left_us = ends_us - now_us
    return Lasting(authority, bool(delta), left_us, left_us <= min(life_us // 2, MAX_ALARM_US))


def _list(row: Row, octets: bytes) -> List:
    part, delta, number, base, this_us, next_us = row[:6]
    return List(part, bool(delta), number, base, this_us, next_us, octets)
