"""Keys that tokens are signed with. The private ones are the signer's; here it is decided which one is in use and when the next one is.

A key is published for a while before it signs and after it has signed, so that nobody who caches the set meets a token that
they cannot check (OpenID Connect Core 1.0 §10.1.1).
"""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from config.clock import DAY_US, Clock
from config.database import Database, Tx
from directory.entities import allocate
from directory.errors import NotFound
from directory.oidc import jose
from directory.oidc.errors import InvalidToken

ROTATE_US = 90 * DAY_US
AHEAD_US = 2 * DAY_US  # how long before its first signature a key is published; platforms cache the set for a day at most
KEEP_US = 2 * DAY_US  # and how long after its last one: no token lives longer
KIND = "p256"

_COLUMNS = "generation, kid, key_id, spki, active_us, withdrawn_us"
_INSERT = """
    INSERT INTO openid_key (generation, kid, key_id, spki, created_us, active_us)
    VALUES (:generation, :kid, :key_id, :spki, :now_us, :active_us)
    ON CONFLICT (generation) DO NOTHING
"""
_WITHDRAW = "UPDATE openid_key SET withdrawn_us = :now_us WHERE kid = :kid AND withdrawn_us IS NULL"


class Signing(Protocol):
    """What the provider asks of the process that holds private keys; `signing.keys.Signer` has it."""

    async def generate(self, key_id: str, kind: str) -> bytes:
        """Make a key; return its SubjectPublicKeyInfo, DER."""
        ...

    async def sign(self, key_id: str, digest: bytes) -> bytes:
        """Return the ECDSA signature, DER, over a digest."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """A key, `kid` to the world and `key_id` to the signer. `spki` is its public half, DER."""

    generation: int
    kid: str
    key_id: str
    spki: bytes
    active_us: int
    withdrawn_us: int | None


class Keys:
    """The provider's keys. Makes the first one when it is needed, and each next one in time."""

    def __init__(self, db: Database, clock: Clock, signing: Signing) -> None:
        self._db, self._clock, self._signing = db, clock, signing
        self._making = asyncio.Lock()

    async def sign(self, claims: jose.Claims, kind: str) -> str:
        """Return claims as a token of a kind, signed by the key in use."""
        key = await self._current()
        return await jose.signed(claims, kind, key.kid, lambda digest: self._signing.sign(key.key_id, digest))

    async def published(self) -> dict[str, Any]:
        """Return the JWK set (RFC 7517 §5): the key in use, the next one, and those whose tokens may still be alive."""
        await self._current()
        now_us = self._clock.now_us()
        keys = await self._db.peek(every)
        return {"keys": [jose.public_jwk(key.spki) for key in keys if _is_published(key, keys, now_us)]}

    async def read(self, token: str, kind: str, *, however_old: bool = False) -> dict[str, Any]:
        """Return the claims of a token of ours. Raises InvalidToken.

        With `however_old` the key need not be published any more, and `exp` is not looked at.
        """
        kid = jose.header(token).get("kid")
        now_us, keys = self._clock.now_us(), await self._db.peek(every)
        key = next((key for key in keys if key.kid == kid and key.withdrawn_us is None), None)
        if key is None or not (however_old or _is_published(key, keys, now_us)):
            raise InvalidToken(reason="kid")
        claims = jose.read(token, _key_set(key.spki), {kind.lower()})
        if not however_old and not (isinstance(claims.get("exp"), int) and claims["exp"] * 1_000_000 > now_us):
            raise InvalidToken(reason="exp")
        return claims

    async def rotate(self) -> Key:
        """Sign with a fresh key from now on; what the former ones signed stays valid."""
        async with self._making:
            return await self._make(await self._db.peek(every), self._clock.now_us())

    async def withdraw(self, kid: str) -> None:
        """Disown a key whose private half may be known to others, with everything that it signed. Raises NotFound."""
        await self._db.write(_withdraw, kid)

    async def _current(self) -> Key:
        now_us = self._clock.now_us()
        keys = await self._db.peek(every)
        current = _in_use(keys, now_us)
        if current is not None and keys[-1].active_us + ROTATE_US - AHEAD_US > now_us:
            return current
        async with self._making:
            keys = await self._db.peek(every)
            current = _in_use(keys, now_us)
            if current is None:
                return await self._make(keys, now_us)
            if keys[-1].active_us + ROTATE_US - AHEAD_US <= now_us:
                await self._make(keys, now_us + AHEAD_US)
            return current

    async def _make(self, known: list[Key], active_us: int) -> Key:
        number = await self._db.write(allocate)
        key_id = f"openid-{number}"
        spki = await self._signing.generate(key_id, KIND)
        generation = known[-1].generation + 1 if known else 1
        return await self._db.write(_add, generation, jose.thumbprint(spki), key_id, spki, active_us)


def every(tx: Tx) -> list[Key]:
    """Return every key, the oldest first: four a year."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM openid_key ORDER BY generation")
    return [Key(row[0], row[1], row[2], bytes(row[3]), row[4], row[5]) for row in rows]


def _in_use(keys: list[Key], now_us: int) -> Key | None:
    usable = [key for key in keys if key.active_us <= now_us and key.withdrawn_us is None]
    return usable[-1] if usable else None


def _is_published(key: Key, keys: list[Key], now_us: int) -> bool:
    if key.withdrawn_us is not None:
        return False
    later = [other.active_us for other in keys if other.generation > key.generation and other.withdrawn_us is None]
    return not later or min(later) + KEEP_US > now_us


def _add(tx: Tx, generation: int, kid: str, key_id: str, spki: bytes, active_us: int) -> Key:
    """Record a key, or return the one of this generation that another process of the node made meanwhile."""
    tx.execute(_INSERT, generation=generation, kid=kid, key_id=key_id, spki=spki, now_us=tx.now_us, active_us=active_us)
    return next(key for key in every(tx) if key.generation == generation)


def _withdraw(tx: Tx, kid: str) -> None:
    if tx.execute(_WITHDRAW, kid=kid, now_us=tx.now_us) == 0:
        raise NotFound(kid=kid[:100])


@lru_cache(maxsize=64)
def _key_set(spki: bytes) -> jose.KeySet:
    return jose.own_key_set([spki])
