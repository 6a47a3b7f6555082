"""Who may do what in a mailbox: its owner, who holds its post, whom it was lent to, and whom its access list names. RFC 4314.

The directory says who owns, holds and borrows; only what SETACL gives stands here. Everything is read anew for each command:
whoever loses a post, a loan or a right has lost it with the next one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from config.database import Tx
from directory import delegations, holdings, journal, resolve, rights
from directory.acts import places
from directory.errors import BadEntry, NotFound
from directory.journal import Entry
from directory.rights import Actor
from directory.types import AccountKind
from mailcore.errors import LimitReached, NoSuchMailbox
from mailcore.store import accounts, mailboxes
from mailcore.store.keywords import KEPT_FOR_OWNER
from mailcore.store.messages import EVERY_FLAG
from mailcore.store.types import AccountId, Flag, Mailbox, MailboxId, MailboxKey

Rights = frozenset[str]

ORDER = "lrswipkxtea"  # RFC 4314 §2.1
ALL: Rights = frozenset(ORDER)
NONE: Rights = frozenset()
READING: Rights = frozenset("lr")  # what a loan to read is worth
WORKING: Rights = ALL - {"a"}  # what a loan to write is worth: who borrows does not lend on
CHANGING: Rights = frozenset("iestw")  # without any of these a mailbox opens READ-ONLY (RFC 4314 §5.2)
OBSOLETE = {"c": frozenset("kx"), "d": frozenset("et")}  # RFC 4314 §2.1.1
ANYONE = 0  # grantee: everybody who can sign in here
MAX_GRANTEES = 1_000  # of one mailbox: more is a list of people, and belongs into the directory
GRANTEES: frozenset[str] = frozenset({"person", "post", "unit"})
_BY_ITSELF = {"s": int(Flag.SEEN), "t": int(Flag.DELETED)}
_OTHER_FLAGS = EVERY_FLAG & ~int(Flag.SEEN | Flag.DELETED)

_NAMES = """
    SELECT person_id, address, 'person' FROM person WHERE person_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT post_id, address, 'post' FROM post WHERE post_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT unit_id, address, 'unit' FROM unit WHERE unit_id IN (:ids[]) AND address IS NOT NULL AND closed_us IS NULL
"""
_RECEIVED = "SELECT account_id, mailbox_id, rights FROM mailbox_right WHERE grantee_id IN (:ids[])"
_OF_MAILBOX = "SELECT grantee_id, rights FROM mailbox_right WHERE account_id = :account_id AND mailbox_id = :mailbox_id"
_GIVE = """
    INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, rights, given_us)
    VALUES (:account_id, :mailbox_id, :grantee_id, :rights, :now)
    ON CONFLICT (account_id, mailbox_id, grantee_id) DO UPDATE SET rights = excluded.rights, given_us = excluded.given_us
"""
_TAKE = "DELETE FROM mailbox_right WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND grantee_id = :grantee_id"
_PLACE = "SELECT 1 FROM account WHERE account_id = :account_id"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person may do in an account: by folder, "" for all of it, and by mailbox."""

    account_id: AccountId
    address: str
    kind: AccountKind
    folders: tuple[tuple[str, Rights], ...] = ()
    listed: Mapping[MailboxId, Rights] = field(default_factory=dict)

    def below(self, name: str) -> Rights:
        """Return the rights that a name has by where it stands, whether there is such a mailbox or not."""
        return NONE.union(*(given for folder, given in self.folders if mailboxes.is_within(name, folder)))

    def at(self, mailbox: Mailbox) -> Rights:
        """Return the rights at a mailbox."""
        return self.below(mailbox.name) | self.listed.get(mailbox.key.mailbox_id, NONE)


@dataclass(frozen=True, slots=True)
class Located:
    """Where a name of somebody else's account leads: the rights there, and those at what it would be created in."""

    account_id: AccountId
    address: str
    kind: AccountKind
    rights: Rights
    above: Rights


@dataclass(frozen=True, slots=True)
class Holder:
    """One line of an access list. `fixed`: the directory says so, no command here takes it away."""

    identifier: str
    rights: Rights
    fixed: bool


def written(given: Iterable[str]) -> str:
    """Write rights, each also under the obsolete letter that it is part of (RFC 4314 §2.1.1)."""
    there = frozenset(given)
    old = "".join(letter for letter, meant in OBSOLETE.items() if there & meant)
    return "".join(letter for letter in ORDER if letter in there) + old


@lru_cache(maxsize=256)
def settable(given: Rights) -> int:
    """Return the flags that may be changed with these rights, as bits (RFC 4314 §4)."""
    bits = sum(bit for right, bit in _BY_ITSELF.items() if right in given)
    return bits | (_OTHER_FLAGS if "w" in given else 0)


def kept_keywords(given: Rights) -> int:
    """Return how many keywords of the account must stay free for its owner when somebody with these rights makes new ones."""
    return 0 if given == ALL else KEPT_FOR_OWNER


def reachable(tx: Tx, person_id: int, only: int | None = None) -> list[Reach]:
    """Return the accounts that a person reaches besides their own, by address; with `only`, that one alone, their own too."""
    held = [post.account_id for post in holdings.held_by(tx, person_id, tx.now_us)]
    folders: dict[int, list[tuple[str, Rights]]] = {account_id: [("", ALL)] for account_id in (person_id, *held)}
    for loan in delegations.lent_to(tx, person_id, tx.now_us):
        if (worth := _worth(loan)) and loan.account_id not in (person_id, *held):
            folders.setdefault(loan.account_id, []).append((loan.folder, worth))
    listed: dict[int, dict[MailboxId, Rights]] = {}
    for account_id, mailbox_id, given in tx.rows(_RECEIVED, ids=[person_id, *held, ANYONE]):
        of_account = listed.setdefault(account_id, {})
        of_account[mailbox_id] = of_account.get(mailbox_id, NONE) | frozenset(given)
    wanted = (folders.keys() | listed.keys()) & {only} if only is not None else (folders.keys() | listed.keys()) - {person_id}
    named = tx.rows(_NAMES, ids=sorted(wanted)) if wanted else []
    return [
        Reach(AccountId(account_id), address, kind, tuple(folders.get(account_id, ())), listed.get(account_id, {}))
        for account_id, address, kind in sorted(named, key=lambda row: row[1].casefold())
    ]


def in_mailbox(tx: Tx, person_id: int, key: MailboxKey) -> Rights:
    """Return what a person may do in a mailbox now; nothing when it is gone."""
    for reach in reachable(tx, person_id, key.account_id):
        name = tx.value(
            "SELECT name FROM mailbox WHERE account_id = :account_id AND mailbox_id = :mailbox_id",
            account_id=key.account_id,
            mailbox_id=key.mailbox_id,
        )
        return NONE if name is None else reach.below(name) | reach.listed.get(key.mailbox_id, NONE)
    return NONE


def locate(tx: Tx, person_id: int, address: str, name: str) -> Located:
    """Return where a mailbox of the account with this address is for a person. Raises NoSuchMailbox when it is nothing to them."""
    target = resolve.written(tx, address)
    found = reachable(tx, person_id, target.account_id) if target is not None else []
    if not found:
        raise NoSuchMailbox(name=name)
    reach = found[0]
    return Located(reach.account_id, reach.address, reach.kind, _at_name(tx, reach, name), _above(tx, reach, name))


def _at_name(tx: Tx, reach: Reach, name: str) -> Rights:
    try:
        return reach.at(mailboxes.find(tx, reach.account_id, name))
    except NoSuchMailbox:
        return reach.below(mailboxes.canonical(name))


def _above(tx: Tx, reach: Reach, name: str) -> Rights:
    """Return the rights at what stands above a name: the nearest mailbox that exists, or the account itself."""
    parent = mailboxes.canonical(name)
    while parent:
        parent = parent.rpartition(mailboxes.SEPARATOR)[0]
        if parent and mailboxes.exists(tx, reach.account_id, parent):
            return _at_name(tx, reach, parent)
    return reach.below("")


def is_open(tx: Tx, account_id: AccountId) -> bool:
    """Say whether an account has mailboxes yet: they are made when it is opened first."""
    return tx.value(_PLACE, account_id=account_id) is not None


def grantee(tx: Tx, identifier: str) -> int:
    """Return whom an identifier means: an address of a person, a post or a unit, or ``anyone``. Raises BadEntry."""
    if identifier.casefold() == "anyone":
        return ANYONE
    target = resolve.written(tx, identifier)
    if target is None or target.kind not in GRANTEES:
        raise BadEntry("rights can be given to a person, a post, a unit or anyone of this node", identifier=identifier)
    return target.account_id


def table(tx: Tx, mailbox: Mailbox) -> list[Holder]:
    """Return who may do what in a mailbox: its owner, loans in force, what was given here (RFC 4314 §3.6).

    The owner of a post's mailbox is the post: whoever holds it.
    """
    key = mailbox.key
    fixed: dict[int, Rights] = {key.account_id: ALL}
    for loan in delegations.given(tx, key.account_id):
        if _in_force(loan, tx.now_us) and (worth := _worth(loan)) and mailboxes.is_within(mailbox.name, loan.folder):
            fixed[loan.delegate_id] = fixed.get(loan.delegate_id, NONE) | worth
    given = {grantee_id: frozenset(letters) for grantee_id, letters in tx.rows(_OF_MAILBOX, **_params(key))}
    names = {row[0]: row[1] for row in tx.rows(_NAMES, ids=sorted(fixed.keys() | given.keys()))}
    names[ANYONE] = "anyone"
    return [
        Holder(names[one], fixed.get(one, NONE) | given.get(one, NONE), one in fixed)
        for one in [*fixed, *(one for one in given if one not in fixed)]
        if one in names
    ]


def fixed(tx: Tx, mailbox: Mailbox, grantee_id: int) -> Rights:
    """Return the rights that the directory gives somebody in a mailbox, which no access list takes away (RFC 4314 §3.7)."""
    if grantee_id == ANYONE:
        return NONE
    if grantee_id == mailbox.key.account_id:
        return ALL
    reached = reachable(tx, grantee_id, mailbox.key.account_id)
    return reached[0].below(mailbox.name) if reached else NONE


def set_(tx: Tx, actor: Actor, mailbox: Mailbox, identifier: str, op: str, letters: Rights) -> None:
    """Give, add to or take from somebody's rights in a mailbox (RFC 4314 §3.1). `op` is "replace", "add" or "remove".

    Rights without any letter are no entry at all (§3.2). What the directory gives is not taken away here, and an answer that says
    it was would be a lie: it names what gives it instead. Raises BadEntry, LimitReached.
    """
    accounts.bump(tx, mailbox.key.account_id)
    grantee_id = grantee(tx, identifier)
    if grantee_id == mailbox.key.account_id:
        raise BadEntry("an owner has every right", identifier=identifier)
    lasting = fixed(tx, mailbox, grantee_id)
    less = lasting - letters if letters <= lasting else NONE  # with more than that, the rest is implied (RFC 4314 §3.7)
    if kept := {"replace": less, "add": NONE, "remove": lasting & letters}[op]:
        raise BadEntry(_kept(tx, mailbox, grantee_id, kept), identifier=identifier)
    before = {one: frozenset(letters) for one, letters in tx.rows(_OF_MAILBOX, **_params(mailbox.key))}
    was = before.get(grantee_id, NONE)
    now = {"replace": letters, "add": was | letters, "remove": was - letters}[op]
    if now == was:
        return
    if grantee_id not in before and len(before) >= MAX_GRANTEES:
        raise LimitReached("this mailbox is shared with too many")
    if now:
        rights_text = "".join(letter for letter in ORDER if letter in now)
        tx.execute(_GIVE, **_params(mailbox.key), grantee_id=grantee_id, rights=rights_text, now=tx.now_us)
    else:
        tx.execute(_TAKE, **_params(mailbox.key), grantee_id=grantee_id)
    _note(tx, actor, mailbox, identifier, was, now)


def _kept(tx: Tx, mailbox: Mailbox, grantee_id: int, kept: Rights) -> str:
    """Say why somebody keeps these rights, and what ends that."""
    if any(post.account_id == mailbox.key.account_id for post in holdings.held_by(tx, grantee_id, tx.now_us)):
        return "whoever holds a post has every right in its mailbox: end the holding"
    numbers = sorted(
        loan.delegation_id
        for loan in delegations.lent_to(tx, grantee_id, tx.now_us)
        if loan.account_id == mailbox.key.account_id and mailboxes.is_within(mailbox.name, loan.folder) and kept & _worth(loan)
    )
    which, commands = (", ".join(f"{before}{number}" for number in numbers) for before in ("", "diwan delegation revoke "))
    return f"lent by delegation{'s' if len(numbers) > 1 else ''} {which}: {commands}"


def _worth(loan: delegations.Delegation) -> Rights:
    """Return what a loan is worth in the mailboxes that it is of; nothing when it is one to send."""
    return (WORKING if "write" in loan.rights else READING) if loan.rights & delegations.READING else NONE


def _note(tx: Tx, actor: Actor, mailbox: Mailbox, identifier: str, was: Rights, now: Rights) -> None:
    """Journal a change. Where the mailbox of somebody who has left belongs, nobody can say any more: the nation it is."""
    try:
        place = rights.chain(tx, places.account(tx, mailbox.key.account_id))
        organisation_id, unit_id = place.organisation_id, place.unit_id
    except NotFound:
        organisation_id = unit_id = None
    said = {"mailbox": mailbox.name, "identifier": identifier}
    before, after = ({**said, "rights": "".join(sorted(letters))} for letters in (was, now))
    journal.append(
        tx, [Entry(actor, "mailbox.rights", "account", mailbox.key.account_id, organisation_id, unit_id, before=before, after=after)]
    )


def _in_force(loan: delegations.Delegation, at_us: int) -> bool:
    ends = [end for end in (loan.valid_to_us, loan.revoked_us) if end is not None]
    return loan.valid_from_us <= at_us and all(end > at_us for end in ends)


def _params(key: MailboxKey) -> dict[str, int]:
    return {"account_id": key.account_id, "mailbox_id": key.mailbox_id}
