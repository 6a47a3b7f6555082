"""Who somebody is at another identity provider: its issuer and its subject for them, which together are never given again.

OpenID Connect Core 1.0 §5.7: no other claim may be relied on to know somebody again.
"""

from collections.abc import Sequence

from config.database import Tx
from directory import people
from directory.address import parse
from directory.errors import BadAddress, BadEntry, NotFound
from directory.resolve import resolve
from directory.types import Person

MAX_SUBJECT_CHARS = 255  # OpenID Connect Core 1.0 §2
MAX_ISSUER_CHARS = 300

_INSERT = """
    INSERT INTO openid_link (issuer, subject, person_id, created_us) VALUES (:issuer, :subject, :person_id, :now_us)
    ON CONFLICT (issuer, subject) DO NOTHING RETURNING person_id
"""
_FIND = """
    SELECT l.person_id FROM openid_link l JOIN person p ON p.person_id = l.person_id
    WHERE l.issuer = :issuer AND l.subject = :subject AND p.closed_us IS NULL
"""


def add(tx: Tx, issuer: str, subject: str, person_id: int) -> None:
    """Let whoever `issuer` knows as `subject` sign in as a person. Raises BadEntry, NotFound."""
    for text, most in ((issuer, MAX_ISSUER_CHARS), (subject, MAX_SUBJECT_CHARS)):
        if not 0 < len(text) <= most or not text.isprintable():
            raise BadEntry("an issuer and a subject are short and visible")
    if people.find(tx, person_id).closed_us is not None:
        raise NotFound(person_id=person_id)
    if tx.row(_INSERT, issuer=issuer, subject=subject, person_id=person_id, now_us=tx.now_us) is None:
        raise BadEntry("this identity belongs to somebody already", issuer=issuer)


def find(tx: Tx, issuer: str, subject: str) -> int | None:
    """Return the person whom `issuer` knows as `subject`, or None when nobody who is here is."""
    found: int | None = tx.value(_FIND, issuer=issuer, subject=subject)
    return found


def recognise(tx: Tx, issuer: str, subject: str, email: str, domains: Sequence[str]) -> Person | None:
    """Return whom another provider vouches for, or None when nobody here is meant.

    Whoever was linked is known by issuer and subject. Somebody new is known by an address in one of `domains`, for which the
    provider's word is taken, and is linked by that: the address counts once. Whom the provider calls by another subject later
    is somebody else, to whom it gave the address again.
    """
    person_id = find(tx, issuer, subject)
    if person_id is None:
        person_id = _by_address(tx, email, domains)
        if (
            person_id is None
            or any(known == issuer for known, _ in of_person(tx, person_id))
            or tx.row(_INSERT, issuer=issuer, subject=subject, person_id=person_id, now_us=tx.now_us) is None
        ):
            return None
    return people.find(tx, person_id)


def _by_address(tx: Tx, email: str, domains: Sequence[str]) -> int | None:
    try:
        address = parse(email)
    except BadAddress:
        return None
    target = resolve(tx, address) if address.domain in domains else None
    return target.account_id if target is not None and target.kind == "person" else None


def remove(tx: Tx, issuer: str, subject: str) -> None:
    """Let an identity sign in as nobody any more. Raises NotFound."""
    if tx.execute("DELETE FROM openid_link WHERE issuer = :issuer AND subject = :subject", issuer=issuer, subject=subject) == 0:
        raise NotFound(issuer=issuer)


def of_person(tx: Tx, person_id: int) -> list[tuple[str, str]]:
    """Return the identities of a person as (issuer, subject)."""
    rows = tx.rows("SELECT issuer, subject FROM openid_link WHERE person_id = :person_id ORDER BY issuer, subject", person_id=person_id)
    return [(row[0], row[1]) for row in rows]


def owner(tx: Tx, issuer: str, subject: str) -> int:
    """Return whose an identity is, here or gone. Raises NotFound."""
    sql = "SELECT person_id FROM openid_link WHERE issuer = :issuer AND subject = :subject"
    found: int | None = tx.value(sql, issuer=issuer, subject=subject)
    if found is None:
        raise NotFound(issuer=issuer[:200])
    return found
