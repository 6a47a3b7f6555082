"""Keys that sign mail in the name of our domains, as rows. What a key is and how it signs is for the mail core. RFC 6376 §3.1."""

import hashlib
from collections.abc import Sequence

import msgspec

from config.database import Tx
from directory import resolve
from directory.errors import BadEntry, NotFound

_INSERT = """
    INSERT INTO dkim_key (domain, selector, algorithm, public_key, secret_wrapped, private_sealed, created_us, active_us)
    VALUES (:domain, :selector, :algorithm, :public_key, :secret_wrapped, :private_sealed, :created_us, :active_us)
"""
_PUBLIC = "SELECT selector, algorithm, active_us, public_key FROM dkim_key WHERE domain = :domain ORDER BY active_us, selector"


class KeyRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key: the public half as DER, the private one sealed under a secret that the node's key wraps."""

    selector: str
    algorithm: str
    public_key: bytes
    secret_wrapped: bytes
    private_sealed: bytes
    created_us: int
    active_us: int


class Shown(msgspec.Struct, frozen=True):
    """What anybody may know of a key; `sha256` is that of its public half, in hexadecimal."""

    selector: str
    algorithm: str
    active_us: int
    sha256: str


def shown(tx: Tx, domain: str) -> list[Shown]:
    """Return what may be told of the keys of a domain, the oldest first."""
    rows = tx.rows(_PUBLIC, domain=domain)
    return [Shown(selector, algorithm, active_us, hashlib.sha256(bytes(der)).hexdigest()) for selector, algorithm, active_us, der in rows]


def require_ours(tx: Tx, domain: str) -> None:
    """Raise NotFound for a domain that is not ours."""
    if not resolve.is_local_domain(tx, domain):
        raise NotFound(f"{domain} is not a mail domain of this node", domain=domain)


def require_order(domain: str, *, known: bool, first: bool) -> None:
    """Accept the `first` keys where there is none, the next ones where there are some. Raises BadEntry."""
    if first and known:
        raise BadEntry(f"{domain} has keys already; `diwan dkim rotate` makes the next ones", domain=domain)
    if not first and not known:
        raise BadEntry(f"{domain} has no keys yet; `diwan dkim add` makes them", domain=domain)


def add(tx: Tx, domain: str, made: Sequence[KeyRow], *, first: bool) -> None:
    """Store keys of a domain. Raises NotFound, and BadEntry when they are to be the `first` ones and there are others."""
    require_ours(tx, domain)
    require_order(domain, known=bool(shown(tx, domain)), first=first)
    for key in made:
        tx.execute(_INSERT, domain=domain, **msgspec.structs.asdict(key))


def remove(tx: Tx, domain: str, selector: str) -> None:
    """Destroy a key. Mail on its way that it has signed fails from the moment its record is gone. Raises NotFound."""
    if tx.execute("DELETE FROM dkim_key WHERE domain = :domain AND selector = :selector", domain=domain, selector=selector) == 0:
        raise NotFound(f"{domain} has no key {selector}", domain=domain)
