"""The directory's values: what its units of work take and give."""

from dataclasses import dataclass
from typing import Literal, Protocol

AccountKind = Literal["person", "post", "unit", "list"]
EntryKind = Literal["organisation", "unit", "post", "person"]
HoldingKind = Literal["titular", "interim", "delegation"]
BoxKind = Literal["titular", "interim", "delegation", "unit"]
Audience = Literal["everyone", "nation", "organisation", "unit", "nobody"]
Scope = Literal["imap", "smtp", "web", "ldap", "dav"]  # what a sign-in opens
Method = Literal["pwd", "app", "scram", "otp", "passkey", "recovery", "cert", "token"]  # what proved who signs in
Capacity = Literal["self", "post", "unit", "delegate"]
Access = Literal["write", "read"]

HOLDING_KINDS: tuple[HoldingKind, ...] = ("titular", "interim", "delegation")
AUDIENCES: tuple[Audience, ...] = ("everyone", "nation", "organisation", "unit", "nobody")  # each is part of the one before
SCOPES: tuple[Scope, ...] = ("imap", "smtp", "web", "ldap", "dav")
APP_SCOPES: tuple[Scope, ...] = ("imap", "smtp", "ldap", "dav")  # a device's secret opens no web session, and so signs no letter


@dataclass(frozen=True, slots=True)
class Target:
    """Whose mailbox an address names. `address` is the address as the directory writes it."""

    account_id: int
    address: str
    kind: AccountKind


@dataclass(frozen=True, slots=True)
class Organisation:
    """A ministry, wilaya, commune, school …; `parent_id` is None at the top, `closed_us` while it exists."""

    organisation_id: int
    parent_id: int | None
    kind: str
    code: str
    name_ar: str
    name_fr: str
    closed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A direction, service or office of an organisation; `parent_id` is None for its root.

    `kind` says what it is for, alike in every organisation: "head", "registry", "hr" …, "" for what is particular to one.
    A unit with an `address` is an account: its functional box, open to whoever holds a post of the unit.
    """

    unit_id: int
    organisation_id: int
    parent_id: int | None
    code: str
    name_ar: str
    name_fr: str
    kind: str = ""
    address: str | None = None
    closed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A function in a unit. It owns a mailbox and outlives those who hold it. Rank 1 leads.

    `function` says what it does there, alike in every unit: "head", "registry", "secretary" …, "" for none of the usual ones.
    """

    post_id: int
    unit_id: int
    title_ar: str
    title_fr: str
    rank: int
    address: str
    function: str = ""
    closed_us: int | None = None


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
    """A person holds a post from `valid_from_us` up to, not including, `valid_to_us`; None is open.

    This is one version of it: what the directory said from `recorded_us` on. `decision_ref` is the decision that began it,
    `end_ref` the one that ended it, when it has its own.
    """

    holding_id: int
    post_id: int
    person_id: int
    kind: HoldingKind
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    recorded_us: int
    end_ref: str = ""


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post as its present holder sees it, or the box of a post's unit: then titles are the unit's names and `kind` is "unit"."""

    account_id: int
    address: str
    title_ar: str
    title_fr: str
    kind: BoxKind


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. `account_id` and `address` name the mailbox acted in; `capacity` says by what right.

    `access` is "read" only for a delegation to read; `delegation_id` and `folder` (a limit, "" is none) are that delegation's.
    `methods` says what proved it, in order. `epoch` is the credential epoch of that moment: a later one ends this sign-in.
    """

    account_id: int
    person_id: int
    address: str
    name_ar: str
    name_fr: str
    language: str
    posts: tuple[HeldPost, ...]
    capacity: Capacity = "self"
    access: Access = "write"
    methods: tuple[Method, ...] = ()
    delegation_id: int | None = None
    folder: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose an access token is. `epoch` is the credential epoch it was given under; `methods` what it was given for."""

    person_id: int
    epoch: int
    methods: tuple[Method, ...] = ()


class TokenChecker(Protocol):
    """Who knows access tokens."""

    async def check(self, token: str, scope: Scope) -> TokenOwner | None:
        """Return whose `token` is when it is good for `scope` now, or None. Cheap for tokens that are none."""
        ...


@dataclass(frozen=True, slots=True)
class Binding:
    """Octets that both ends of one TLS connection know and nobody between them can have. RFC 5056.

    `kind` is the registered name, such as ``tls-server-end-point`` (RFC 5929 §4); `data` is the raw value.
    """

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What the server keeps of a password for SCRAM-SHA-256: it proves knowledge of the password, it is not enough to sign in.

    RFC 5802 §3: `stored_key` is H(ClientKey), `server_key` HMAC(SaltedPassword, "Server Key").
    """

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """Everything kept of one password: an argon2id hash in its own notation, and the SCRAM verifier of the same text."""

    argon2: str
    scram: ScramVerifier


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
    """One line of completion. Names are empty for a vacant post, a unit's box and a list, titles for a person without a post."""

    address: str
    name_ar: str
    name_fr: str
    title_ar: str
    title_fr: str
    organisation_ar: str
    organisation_fr: str
    kind: AccountKind = "person"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. Of entries in `unit_ids` and `organisation_ids` they see more; `reach` is what they see of any entry."""

    person_id: int | None
    unit_ids: frozenset[int]
    organisation_ids: frozenset[int]
    reach: Audience = "nation"


@dataclass(frozen=True, slots=True)
class Holder:
    """A person behind a post or a unit's box. `kind` is the kind of the holding."""

    person_id: int
    address: str
    name_ar: str
    name_fr: str
    kind: HoldingKind


@dataclass(frozen=True, slots=True)
class Card:
    """What one viewer may see of an account. What is hidden, unknown or does not apply is "", None or empty.

    `name_ar` and `name_fr` are the entry's own: a person's name, a post's title, a unit's or list's name. `title_ar`,
    `title_fr`, `function` and `rank` are the post's; of a person those of their highest post. `certificates` are DER, of the
    purposes sign and encrypt, in force. `changed_us` is when what the directory says of the entry last changed.
    """

    account_id: int
    kind: AccountKind
    address: str
    addresses: tuple[str, ...]
    name_ar: str
    name_fr: str
    given_ar: str = ""
    given_fr: str = ""
    surname_ar: str = ""
    surname_fr: str = ""
    title_ar: str = ""
    title_fr: str = ""
    function: str = ""
    rank: int = 0
    unit_id: int | None = None
    unit_code: str = ""
    unit_ar: str = ""
    unit_fr: str = ""
    organisation_id: int | None = None
    organisation_code: str = ""
    organisation_ar: str = ""
    organisation_fr: str = ""
    phone: str = ""
    mobile: str = ""
    fax: str = ""
    room: str = ""
    employee_number: str = ""
    language: str = ""
    holders: tuple[Holder, ...] = ()
    posts: tuple[HeldPost, ...] = ()
    certificates: tuple[bytes, ...] = ()
    changed_us: int = 0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey: what an authenticator's answers are verified with. `last_used_us` is None when it never was."""

    credential_id: bytes
    person_id: int
    public_key: bytes
    sign_count: int
    label: str
    transports: tuple[str, ...]
    created_us: int
    last_used_us: int | None
