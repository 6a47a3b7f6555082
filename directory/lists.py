"""Lists: an address that stands for a query, with an owner, those who may write to it, and moderation.

Who is reached is asked of the directory each time; a letter freezes the answer when it is expanded (mailcore/queue).
A list may be a member of another one: there it is asked its own rules again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.database import Row, Tx
from directory import aliases, holdings, queries, search
from directory.address import Address
from directory.entities import allocate, require_names, touch
from directory.errors import BadEntry, NotFound
from directory.queries import Query

Senders = Literal["everyone", "nation", "organisation", "members", "owners"]
Moderation = Literal["none", "outsiders", "all"]
Judgement = Literal["deliver", "hold", "refuse"]

SENDERS: tuple[Senders, ...] = ("everyone", "nation", "organisation", "members", "owners")
MODERATION: tuple[Moderation, ...] = ("none", "outsiders", "all")
OWNERS = frozenset({"person", "post", "unit"})
MAX_MEMBERS = 1_000_000  # the whole civil service; frozen as eight octets each
MAX_NESTED = 100  # lists that one list reaches through others

_COLUMNS = "list_id, organisation_id, owner_id, name_ar, name_fr, address, query, senders, moderation, closed_us"
_INSERT = """
    INSERT INTO list (list_id, organisation_id, owner_id, name_ar, name_fr, address, query, senders, moderation, created_us)
    VALUES (:list_id, :organisation_id, :owner_id, :name_ar, :name_fr, :address, :query, :senders, :moderation, :now_us)
"""
_CHANGE = """
    UPDATE list SET owner_id = :owner_id, name_ar = :name_ar, name_fr = :name_fr, query = :query, senders = :senders,
        moderation = :moderation
    WHERE list_id = :list_id AND closed_us IS NULL
"""
_CLOSE = "UPDATE list SET closed_us = :now_us WHERE list_id = :list_id AND closed_us IS NULL"
_NESTED = "SELECT list_id, query FROM list WHERE list_id IN (:ids[]) AND closed_us IS NULL"
_PLACES = """
    SELECT u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id
    WHERE p.person_id IN (:ids[]) AND p.closed_us IS NULL
    UNION SELECT u.organisation_id FROM post p JOIN unit u ON u.unit_id = p.unit_id
    WHERE p.post_id IN (:ids[]) AND p.closed_us IS NULL
    UNION SELECT organisation_id FROM unit WHERE unit_id IN (:ids[]) AND closed_us IS NULL
"""
_PEOPLE = "SELECT person_id FROM person WHERE person_id IN (:ids[]) AND closed_us IS NULL"


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list. `owner_id` is a person, post or unit; `closed_us` is None while it takes letters."""

    list_id: int
    organisation_id: int
    owner_id: int
    name_ar: str
    name_fr: str
    address: str
    query: Query
    senders: Senders
    moderation: Moderation
    closed_us: int | None


def create(
    tx: Tx,
    organisation_id: int,
    owner_id: int,
    address: Address,
    name_ar: str,
    name_fr: str,
    query: Query,
    senders: Senders = "organisation",
    moderation: Moderation = "none",
) -> MailingList:
    """Create a list of an administration. Raises AddressTaken, BadEntry, NotFound."""
    sql = "SELECT 1 FROM organisation WHERE organisation_id = :id AND closed_us IS NULL"
    if tx.row(sql, id=organisation_id) is None:
        raise NotFound(organisation_id=organisation_id)
    list_id = allocate(tx)
    written = aliases.add(tx, list_id, "list", address, organisation_id)
    made = MailingList(list_id, organisation_id, owner_id, name_ar, name_fr, written, query, senders, moderation, None)
    _check(tx, made)
    tx.execute(_INSERT, organisation_id=organisation_id, address=written, now_us=tx.now_us, **_changing(made))
    search.index(tx, [list_id])
    return made


def change(
    tx: Tx,
    list_id: int,
    *,
    owner_id: int | None = None,
    name_ar: str | None = None,
    name_fr: str | None = None,
    query: Query | None = None,
    senders: Senders | None = None,
    moderation: Moderation | None = None,
) -> MailingList:
    """Change what is given and leave the rest. Raises BadEntry, NotFound."""
    was = find(tx, list_id)
    made = MailingList(
        list_id,
        was.organisation_id,
        was.owner_id if owner_id is None else owner_id,
        was.name_ar if name_ar is None else name_ar,
        was.name_fr if name_fr is None else name_fr,
        was.address,
        was.query if query is None else query,
        was.senders if senders is None else senders,
        was.moderation if moderation is None else moderation,
        None,
    )
    _check(tx, made)
    if tx.execute(_CHANGE, **_changing(made)) == 0:
        raise NotFound(list_id=list_id)
    touch(tx, list_id)
    search.index(tx, [list_id])
    return made


def close(tx: Tx, list_id: int) -> None:
    """End a list: its addresses resolve to nobody from now on, and stay reserved. Raises NotFound."""
    if tx.execute(_CLOSE, list_id=list_id, now_us=tx.now_us) == 0:
        raise NotFound(list_id=list_id)
    aliases.close(tx, list_id)
    search.forget(tx, [list_id])


def find(tx: Tx, list_id: int) -> MailingList:
    """Return one list, open or closed. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM list WHERE list_id = :list_id", list_id=list_id)
    if row is None:
        raise NotFound(list_id=list_id)
    return _list(row)


def of_organisation(tx: Tx, organisation_id: int, limit: int = 1000) -> list[MailingList]:
    """Return the open lists of an administration, by address."""
    sql = f"SELECT {_COLUMNS} FROM list WHERE organisation_id = :id AND closed_us IS NULL ORDER BY address LIMIT :limit"
    return [_list(row) for row in tx.rows(sql, id=organisation_id, limit=limit)]


def owned_by(tx: Tx, account_ids: Sequence[int], limit: int = 1000) -> list[MailingList]:
    """Return the open lists that some accounts answer for, by address."""
    sql = f"SELECT {_COLUMNS} FROM list WHERE owner_id IN (:ids[]) AND closed_us IS NULL ORDER BY address LIMIT :limit"
    return [_list(row) for row in tx.rows(sql, ids=list(account_ids), limit=limit)]


def everywhere(tx: Tx, limit: int = 1000) -> list[MailingList]:
    """Return the open lists of the country, by address."""
    return [
        _list(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM list WHERE closed_us IS NULL ORDER BY address LIMIT :limit", limit=limit)
    ]


def members(tx: Tx, list_id: int, after: int = 0, limit: int = 500) -> list[int]:
    """Return the accounts beyond `after` that a list reaches now, ascending. Lists among them come as themselves."""
    return queries.ids(tx, find(tx, list_id).query, after, limit)


def count(tx: Tx, list_id: int) -> int:
    """Return how many mailboxes a letter to a list reaches now, through the lists in it too, each once."""
    reached: set[int] = set()
    for query in _reached(tx, list_id):
        reached.update(queries.ids(tx, query, 0, MAX_MEMBERS))
    return len(reached - _lists_among(tx, reached))


def may_post(tx: Tx, list_id: int, senders: Iterable[int]) -> bool:
    """Say whether a list takes letters from somebody who signed in as these accounts; none for a stranger."""
    return judge(tx, find(tx, list_id), senders) != "refuse"


def judge(tx: Tx, one: MailingList, senders: Iterable[int]) -> Judgement:
    """Say what becomes of a letter to a list, by the accounts that its sender proved to be; none for a stranger.

    A person counts with every post held now. "nation" is everybody who signed in on this node: what comes from elsewhere
    proves nothing about its sender.
    """
    acting = _capacities(tx, senders)
    if one.owner_id in acting:
        return "deliver"
    inside = bool(acting) and _inside(tx, one, acting)
    member = bool(acting) and (one.senders == "members" or one.moderation == "outsiders") and _is_member(tx, one, acting)
    allowed = {"everyone": True, "nation": bool(acting), "organisation": inside, "members": member, "owners": False}[one.senders]
    if not allowed or one.closed_us is not None:
        return "refuse"
    held = {"none": False, "outsiders": not inside and not member, "all": True}[one.moderation]
    return "hold" if held else "deliver"


def _capacities(tx: Tx, senders: Iterable[int]) -> set[int]:
    found = set(senders)
    for person_id in tx.column(_PEOPLE, ids=sorted(found)) if found else ():
        found.update(post.account_id for post in holdings.held_by(tx, person_id, tx.now_us))
    return found


def _inside(tx: Tx, one: MailingList, acting: set[int]) -> bool:
    places = set(tx.column(_PLACES, ids=sorted(acting)))
    return not places.isdisjoint(queries.below(tx, one.organisation_id))


def _is_member(tx: Tx, one: MailingList, acting: set[int]) -> bool:
    return any(queries.among(tx, query, sorted(acting)) for query in _reached(tx, one.list_id))


def _reached(tx: Tx, list_id: int) -> list[Query]:
    """Return the queries of a list and of the lists in it, each once, MAX_NESTED at most."""
    found: dict[int, Query] = {}
    wave = [list_id]
    while wave and len(found) < MAX_NESTED:
        rows = tx.rows(_NESTED, ids=wave)
        found.update((row[0], queries.decode(row[1])) for row in rows)
        wave = sorted({member for row in rows for member in found[row[0]].members} - found.keys())
    return list(found.values())


def _lists_among(tx: Tx, account_ids: set[int]) -> set[int]:
    return set(tx.column("SELECT list_id FROM list WHERE list_id IN (:ids[])", ids=sorted(account_ids))) if account_ids else set()


def _check(tx: Tx, one: MailingList) -> None:
    if one.senders not in SENDERS or one.moderation not in MODERATION:
        raise BadEntry(senders=one.senders, moderation=one.moderation)
    require_names(one.name_ar, one.name_fr)
    owner = tx.value("SELECT kind FROM address WHERE account_id = :id AND closed_us IS NULL LIMIT 1", id=one.owner_id)
    if owner not in OWNERS:
        raise BadEntry("a list is owned by a person, a post or a unit with a mailbox", owner_id=one.owner_id)
    if one.list_id in one.query.members:
        raise BadEntry("a list cannot be a member of itself", list_id=one.list_id)
    queries.check(tx, one.query)


def _changing(one: MailingList) -> dict[str, object]:
    return {
        "list_id": one.list_id,
        "owner_id": one.owner_id,
        "name_ar": one.name_ar,
        "name_fr": one.name_fr,
        "query": queries.encode(one.query),
        "senders": one.senders,
        "moderation": one.moderation,
    }


def _list(row: Row) -> MailingList:
    list_id, organisation_id, owner_id, name_ar, name_fr, address, query, senders, moderation, closed_us = row
    asked = queries.decode(query)
    return MailingList(list_id, organisation_id, owner_id, name_ar, name_fr, address, asked, senders, moderation, closed_us)
