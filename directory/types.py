"""The directory's values: what its units of work take and give."""

from dataclasses import dataclass
from typing import Literal

AccountKind = Literal["person", "post"]
HoldingKind = Literal["titular", "interim", "delegation"]
Scope = Literal["imap", "smtp", "web"]

HOLDING_KINDS: tuple[HoldingKind, ...] = ("titular", "interim", "delegation")
SCOPES: tuple[Scope, ...] = ("imap", "smtp", "web")


@dataclass(frozen=True, slots=True)
class Target:
    """Whose mailbox an address names. `address` is the address as the directory writes it."""

    account_id: int
    address: str
    kind: AccountKind


@dataclass(frozen=True, slots=True)
class Organisation:
    """A ministry, wilaya, commune, school …; `parent_id` is None at the top."""

    organisation_id: int
    parent_id: int | None
    kind: str
    code: str
    name_ar: str
    name_fr: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A direction, service or office of an organisation; `parent_id` is None for its root."""

    unit_id: int
    organisation_id: int
    parent_id: int | None
    code: str
    name_ar: str
    name_fr: str


@dataclass(frozen=True, slots=True)
class Post:
    """A function in a unit. It owns a mailbox and outlives those who hold it. Rank 1 leads."""

    post_id: int
    unit_id: int
    title_ar: str
    title_fr: str
    rank: int
    address: str


@dataclass(frozen=True, slots=True)
class Person:
    """A civil servant; names as attested in each script. `closed_us` is None while the account is open."""

    person_id: int
    unit_id: int | None
    name_ar: str
    name_fr: str
    language: str
    address: str
    closed_us: int | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A person holds a post from `valid_from_us` up to, not including, `valid_to_us`; None is open."""

    holding_id: int
    post_id: int
    person_id: int
    kind: HoldingKind
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    recorded_us: int


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post as its present holder sees it. `kind` is the kind of the holding."""

    account_id: int
    address: str
    title_ar: str
    title_fr: str
    kind: HoldingKind


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. `account_id` and `address` name the mailbox acted in: the person's own, or a held post's."""

    account_id: int
    person_id: int
    address: str
    name_ar: str
    name_fr: str
    language: str
    posts: tuple[HeldPost, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """An account's certificate as bytes; `chain` begins with the issuer."""

    account_id: int
    purpose: str
    key_id: str
    der: bytes
    chain: tuple[bytes, ...]
    valid_from_us: int
    valid_to_us: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line of completion. Names are empty for a vacant post, titles for a person without a post."""

    address: str
    name_ar: str
    name_fr: str
    title_ar: str
    title_fr: str
    organisation_ar: str
    organisation_fr: str
