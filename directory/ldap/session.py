"""What a client's conversation remembers: who they are, which exchange is under way, which searches they page through."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from config.database import Database
from directory.ldap.dit import Tree
from directory.ldap.errors import NotSignedIn
from directory.ldap.messages import Search
from directory.ldap.showing import Reader
from directory.signin import SignIn
from directory.signin.exchanges import Exchange
from directory.types import Binding, Identity

MAX_STRIKES = 10  # refused sign-ins before the connection ends
MAX_PAGED = 4  # paged searches that one connection may have open
COOKIE_BYTES = 8
OUTSIDER = Reader(None, "fr")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost. `anonymous` shows the public part of the directory to whoever connects."""

    max_entries: int
    time_limit_s: float
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Front:
    """What every session is given."""

    db: Database
    signin: SignIn
    tree: Tree
    limits: Limits


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side: its address, what binds SASL to this TLS connection, the SHA-256 of a client certificate that was verified."""

    address: str
    bindings: tuple[Binding, ...] = ()
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A paged search that goes on: what was asked, by whom, what has not been shown, and whether there was more than that."""

    asked: Search
    person_id: int | None
    ids: tuple[int, ...]
    truncated: bool


class Session:
    """One conversation. Owns no socket."""

    def __init__(self, front: Front, peer: Peer) -> None:
        self.front, self.peer = front, peer
        self.identity: Identity | None = None
        self.exchange: Exchange | None = None
        self.strikes = 0
        self._pending: OrderedDict[bytes, Pending] = OrderedDict()

    @property
    def ended(self) -> bool:
        """Whether the client has been wrong too often."""
        return self.strikes >= MAX_STRIKES

    def forget(self) -> None:
        """Become anonymous, as each bind begins (RFC 4513 §4)."""
        self.identity = None
        self._pending.clear()

    async def reader(self) -> Reader:
        """Return as whom the client reads. Raises NotSignedIn, also when the sign-in has been revoked since."""
        if self.identity is not None and not await self.front.signin.is_current(self.identity):
            self.forget()
            raise NotSignedIn
        if self.identity is not None:
            return Reader(self.identity.person_id, self.identity.language)
        if self.front.limits.anonymous:
            return OUTSIDER
        raise NotSignedIn

    def keep(self, pending: Pending) -> bytes:
        """Remember a paged search; return its cookie. The oldest makes room."""
        cookie = secrets.token_bytes(COOKIE_BYTES)
        self._pending[cookie] = pending
        if len(self._pending) > MAX_PAGED:
            self._pending.popitem(last=False)
        return cookie

    def take(self, cookie: bytes) -> Pending | None:
        """Return the paged search of a cookie, once."""
        return self._pending.pop(cookie, None)
