"""Delegations: somebody's mailbox, or the right to write in somebody's name, lent to another for a time. Never deleted.

Lent to a person, or to a post or unit, and then to whoever holds it. RFC 5322 §3.6.2: who writes on behalf of another
stands in Sender; who may send as another is named in a field of our own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.database import Row, Tx
from directory import holdings, resolve
from directory.address import Address
from directory.entities import allocate
from directory.errors import BadEntry, NotFound

Right = Literal["read", "write", "send_as", "send_on_behalf"]
Sending = Literal["own", "as", "on_behalf"]

RIGHTS: tuple[Right, ...] = ("read", "write", "send_as", "send_on_behalf")
READING, SENDING = frozenset({"read", "write"}), frozenset({"send_as", "send_on_behalf"})
LENDERS = frozenset({"person", "post", "unit"})  # kinds of accounts with a mailbox
MAX_FOLDER_CHARS = 1000  # as many as a mailbox name has at most
MAX_OF_ACCOUNT = 200  # in force at a time: more than that is no delegation any more

_COLUMNS = "delegation_id, account_id, delegate_id, rights, folder, valid_from_us, valid_to_us, decision_ref, recorded_us, revoked_us"
_INSERT = f"""
    INSERT INTO delegation ({_COLUMNS})
    VALUES (:delegation_id, :account_id, :delegate_id, :rights, :folder, :valid_from_us, :valid_to_us, :decision_ref, :now_us, NULL)
"""
_NOW = "valid_from_us <= :at_us AND (valid_to_us IS NULL OR valid_to_us > :at_us) AND (revoked_us IS NULL OR revoked_us > :at_us)"
_LENT = "EXISTS (SELECT 1 FROM address a WHERE a.account_id = delegation.account_id AND a.closed_us IS NULL)"
_BETWEEN = f"SELECT {_COLUMNS} FROM delegation WHERE account_id = :account_id AND delegate_id IN (:ids[]) AND {_NOW} AND {_LENT}"
_RECEIVED = f"SELECT {_COLUMNS} FROM delegation WHERE delegate_id IN (:ids[]) AND {_NOW} AND {_LENT} ORDER BY account_id"
_GIVEN = f"SELECT {_COLUMNS} FROM delegation WHERE account_id = :account_id ORDER BY valid_from_us, delegation_id"
_NUMBERS = """
    SELECT delegation_id FROM delegation WHERE account_id = :account_id OR delegate_id = :account_id
    ORDER BY delegation_id DESC LIMIT :limit
"""
_REVOKE = "UPDATE delegation SET revoked_us = :now_us WHERE delegation_id = :delegation_id AND revoked_us IS NULL"
_REVOKE_RECEIVED = """
    UPDATE delegation SET revoked_us = :now_us
    WHERE delegate_id = :delegate_id AND revoked_us IS NULL AND (valid_to_us IS NULL OR valid_to_us > :now_us)
"""
_KIND = "SELECT kind FROM address WHERE account_id = :account_id AND closed_us IS NULL LIMIT 1"


@dataclass(frozen=True, slots=True)
class Delegation:
    """A row: what was lent to whom, from `valid_from_us` up to, not including, `valid_to_us` (None is open)."""

    delegation_id: int
    account_id: int
    delegate_id: int
    rights: frozenset[str]
    folder: str
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    recorded_us: int
    revoked_us: int | None


@dataclass(frozen=True, slots=True)
class Delegated:
    """What somebody may do in an account that is not theirs, all delegations taken together.

    `delegation_id` is the widest one. `folder` limits reading and writing to one folder and those below it; "" does not.
    """

    delegation_id: int
    account_id: int
    rights: frozenset[str]
    folder: str

    @property
    def opens(self) -> bool:
        """Say whether the mailbox may be opened at all; who may only send cannot read."""
        return bool(self.rights & READING)

    @property
    def access(self) -> Literal["write", "read"]:
        """Say what may be done in the mailbox that it opens."""
        return "write" if "write" in self.rights else "read"

    @property
    def sends(self) -> Literal["as", "on_behalf"] | None:
        """Say how letters in the owner's name leave; None when they may not."""
        return "as" if "send_as" in self.rights else "on_behalf" if "send_on_behalf" in self.rights else None


@dataclass(frozen=True, slots=True)
class Sends:
    """How somebody may send from an address, and under which delegation (0 and 0 for their own)."""

    sending: Sending
    account_id: int = 0
    delegation_id: int = 0


def grant(
    tx: Tx,
    account_id: int,
    delegate_id: int,
    rights: Sequence[str],
    *,
    valid_from_us: int | None = None,
    valid_to_us: int | None = None,
    folder: str = "",
    decision_ref: str = "",
) -> Delegation:
    """Lend a mailbox, from now on unless `valid_from_us` says otherwise. Raises BadEntry, NotFound."""
    from_us = tx.now_us if valid_from_us is None else valid_from_us
    _require_sense(rights, from_us, valid_to_us, folder)
    if account_id == delegate_id:
        raise BadEntry("nobody lends a mailbox to themselves", account_id=account_id)
    for one, may in ((account_id, "has a mailbox to lend"), (delegate_id, "can be lent one")):
        what = kind(tx, one)
        if what not in LENDERS:
            said = f"account {one} does not exist or is closed" if what is None else f"account {one} is a {what}, and no {what} {may}"
            raise NotFound(said, account_id=one)
    if sum(one.revoked_us is None and (one.valid_to_us or from_us + 1) > from_us for one in given(tx, account_id)) >= MAX_OF_ACCOUNT:
        raise BadEntry("this mailbox is lent to too many", account_id=account_id)
    ordered = [right for right in RIGHTS if right in rights]
    made = Delegation(
        allocate(tx), account_id, delegate_id, frozenset(ordered), folder, from_us, valid_to_us, decision_ref, tx.now_us, None
    )
    tx.execute(
        _INSERT,
        delegation_id=made.delegation_id,
        account_id=account_id,
        delegate_id=delegate_id,
        rights=" ".join(ordered),
        folder=folder,
        valid_from_us=from_us,
        valid_to_us=valid_to_us,
        decision_ref=decision_ref,
        now_us=tx.now_us,
    )
    return made


def _require_sense(rights: Sequence[str], from_us: int, to_us: int | None, folder: str) -> None:
    """Refuse what no delegation can be, whoever lends to whom. Raises BadEntry."""
    unknown = [right for right in rights if right not in RIGHTS]
    if not rights:
        raise BadEntry(f"say what is lent: {', '.join(RIGHTS)}")
    if unknown:
        raise BadEntry(f"{unknown[0]!r} cannot be lent, but {', '.join(RIGHTS)}", rights=tuple(rights))
    if to_us is not None and to_us <= from_us:
        raise BadEntry("a delegation ends after it begins", valid_from_us=from_us, valid_to_us=to_us)
    if len(folder) > MAX_FOLDER_CHARS:
        raise BadEntry(f"the name of a folder has at most {MAX_FOLDER_CHARS} characters")
    if not folder.isprintable():
        raise BadEntry("the name of a folder has no control characters", folder=folder)


def revoke(tx: Tx, delegation_id: int) -> None:
    """End a delegation now. Raises NotFound when there is none that still stands."""
    if tx.execute(_REVOKE, delegation_id=delegation_id, now_us=tx.now_us) == 0:
        find(tx, delegation_id)
        raise NotFound(f"delegation {delegation_id} was revoked already", delegation_id=delegation_id)


def revoke_received(tx: Tx, delegate_id: int) -> None:
    """End now what was lent to somebody who leaves: it does not wait for them."""
    tx.execute(_REVOKE_RECEIVED, delegate_id=delegate_id, now_us=tx.now_us)


def find(tx: Tx, delegation_id: int) -> Delegation:
    """Return one delegation, past ones too. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM delegation WHERE delegation_id = :id", id=delegation_id)
    if row is None:
        raise NotFound(f"there is no delegation {delegation_id}", delegation_id=delegation_id)
    return _delegation(row)


def between(tx: Tx, person_id: int, account_id: int, at_us: int) -> Delegated | None:
    """Return what a person may do in somebody else's account at a time; None when nothing."""
    rows = tx.rows(_BETWEEN, account_id=account_id, ids=_capacities(tx, person_id, at_us), at_us=at_us)
    return _together(map(_delegation, rows))


def received(tx: Tx, person_id: int, at_us: int) -> list[Delegated]:
    """Return what a person may do in the accounts of others at a time, by account id, each account once."""
    by_account: dict[int, list[Delegation]] = {}
    for one in lent_to(tx, person_id, at_us):
        by_account.setdefault(one.account_id, []).append(one)
    return [taken for group in by_account.values() if (taken := _together(group)) is not None]


def lent_to(tx: Tx, person_id: int, at_us: int) -> list[Delegation]:
    """Return every delegation that a person has at a time, by account id: `received` takes those of one account together."""
    return [_delegation(row) for row in tx.rows(_RECEIVED, ids=_capacities(tx, person_id, at_us), at_us=at_us)]


def given(tx: Tx, account_id: int) -> list[Delegation]:
    """Return every delegation of an account, past ones too, the oldest first."""
    return [_delegation(row) for row in tx.rows(_GIVEN, account_id=account_id)]


def numbers(tx: Tx, account_id: int, limit: int) -> list[int]:
    """Return the last delegations that an account gave or received, past ones too, by number."""
    return [row[0] for row in tx.rows(_NUMBERS, account_id=account_id, limit=limit)]


def kind(tx: Tx, account_id: int) -> str | None:
    """Return what an open account is: person, post, unit or list; None when it is closed."""
    found: str | None = tx.value(_KIND, account_id=account_id)
    return found


def sending(tx: Tx, person_id: int, address: Address, at_us: int) -> Sends | None:
    """Say how a person may send from an address: as their own or a held post's, as its owner, on behalf; None: not at all."""
    if resolve.may_send_as(tx, person_id, address, at_us):
        return Sends("own")
    target = resolve.resolve(tx, address)
    found = None if target is None else between(tx, person_id, target.account_id, at_us)
    return None if found is None or found.sends is None else Sends(found.sends, found.account_id, found.delegation_id)


def _capacities(tx: Tx, person_id: int, at_us: int) -> list[int]:
    """Return the accounts that a person receives delegations for: their own and those of the posts they hold."""
    return [person_id, *(post.account_id for post in holdings.held_by(tx, person_id, at_us))]


def _delegation(row: Row) -> Delegation:
    return Delegation(row[0], row[1], row[2], frozenset(row[3].split()), *row[4:])


def _together(found: Iterable[Delegation]) -> Delegated | None:
    """Return the widest reading, and every right to send; None when there is nothing."""
    ordered = sorted(found, key=lambda one: (not one.rights & READING, one.folder != "", "write" not in one.rights, one.delegation_id))
    if not ordered:
        return None
    widest, sends = ordered[0], frozenset().union(*(one.rights & SENDING for one in ordered))
    return Delegated(widest.delegation_id, widest.account_id, widest.rights | sends, widest.folder)
