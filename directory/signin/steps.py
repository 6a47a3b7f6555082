"""The second step of a sign-in on the web: codes, recovery codes, passkeys; and how a person gets them.

Between the two steps stands a ticket: who it is so far, sealed, for five minutes, good for one sign-in. So any process of the
web can take the second step that another began.
"""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from config.clock import MINUTE_US, Clock
from config.database import Database, Tx
from directory import credentials, factors, totp
from directory.address import parse
from directory.credentials import Record
from directory.errors import BadCredentials, BadEntry, NotFound, SignInExpired, TooManyAttempts
from directory.factors import CODES, PASSKEYS, Verdict
from directory.seals import BadSeal, Seals
from directory.signin import passkeys
from directory.signin.identity import identity
from directory.signin.passkeys import CHALLENGE_BYTES, Site
from directory.types import Identity, Method, Passkey

TICKET_US = 5 * MINUTE_US
NONCE_BYTES = 16
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits at random need no slow hash
MAX_TICKET_CHARS = 2048

Factor = Literal["otp", "passkey", "recovery"]
Use = Literal["signin", "confirm", "register"]  # what a ticket is good for


@dataclass(frozen=True, slots=True)
class Half:
    """Somebody who has given one proof of two. `factors` says what may follow; `passkey_options` is for the browser, or ""."""

    ticket: str
    factors: tuple[Factor, ...]
    passkey_options: str


@dataclass(frozen=True, slots=True)
class Code:
    """A typed second proof: six digits from an application, or a recovery code."""

    typed: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a browser gave for `passkey_options`, as JSON."""

    answer: str


Proof = Code | Assertion


@dataclass(frozen=True, slots=True)
class NewCodes:
    """An application's secret at the one moment when it can be shown: as text, and as what a QR code holds."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A passkey to be made: `options` are for the browser, `ticket` comes back with its answer."""

    ticket: str
    options: str


class _Ticket(msgspec.Struct, frozen=True, array_like=True):
    """`person_id` is 0 when only a passkey will say who it is; `acting` names the mailbox to open, "" the person's own."""

    use: Use
    person_id: int
    epoch: int
    acting: str
    methods: tuple[Method, ...]
    challenge: bytes
    nonce: bytes
    expires_us: int


class Steps:
    """Second factors on the web. Without a `site` there are no passkeys."""

    def __init__(self, db: Database, clock: Clock, seals: Seals, site: Site | None, tickets: Seals | None = None) -> None:
        self._db, self._clock, self._seals, self.site = db, clock, seals, site
        self._tickets = tickets or seals

    async def half(self, who: Identity, on: int, use: Use = "signin") -> Half:
        """Return what a second proof must come with, for somebody whose password was right. `on` is `Record.factors`."""
        keys = await self._db.peek(factors.passkeys, who.person_id) if on & PASSKEYS and self.site is not None else []
        acting = "" if who.capacity == "self" else who.address
        ticket = self._ticket(use, who.person_id, who.epoch, acting, who.methods)
        offered: dict[Factor, bool] = {"otp": bool(on & CODES), "passkey": bool(keys), "recovery": True}
        options = passkeys.request_options(self.site, ticket.challenge, keys, verified=False) if keys and self.site else ""
        return Half(self._seal(ticket), tuple(way for way, there in offered.items() if there), options)

    async def passkey_begin(self) -> Half:
        """Return what a passkey must answer that stands for name and password too. Raises NotFound where there are none."""
        ticket = self._ticket("signin")
        options = passkeys.request_options(self._site(), ticket.challenge, (), verified=True)
        return Half(self._seal(ticket), ("passkey",), options)

    async def finish(self, sealed: str, proof: Proof, use: Use = "signin") -> Identity:
        """Return who it is when the second proof is right. Raises SignInExpired, BadCredentials, TooManyAttempts."""
        ticket = self._open(sealed, use)
        if isinstance(proof, Assertion):
            return await self._by_passkey(ticket, proof.answer)
        if not ticket.person_id:
            raise BadCredentials(reason="second")
        verdict, record = await self._db.write_brief(_judge_code, ticket, self._seals, proof.typed)
        return _finished(ticket, verdict, record)

    async def prove(self, person_id: int, ticket: str, proof: Proof) -> None:
        """Check another proof of somebody who is signed in; a typed one needs no `ticket`, a passkey that of a "confirm" half.

        Raises SignInExpired, BadCredentials, TooManyAttempts.
        """
        if isinstance(proof, Code):
            _judged(await self._db.write_brief(factors.prove, person_id, self._seals, proof.typed), person_id)
        elif (await self.finish(ticket, proof, "confirm")).person_id != person_id:
            raise BadCredentials(reason="second", person_id=person_id)

    async def new_codes(self, person_id: int, address: str, issuer: str) -> NewCodes:
        """Begin with codes: make a secret for an application, which `confirm_codes` turns on. Raises BadEntry, NotFound."""
        secret = secrets.token_bytes(totp.SECRET_BYTES)
        sealed = self._seals.seal("totp", secret, str(person_id).encode())
        await self._db.write_brief(factors.begin_codes, person_id, sealed)
        return NewCodes(base64.b32encode(secret).decode("ascii"), totp.uri(secret, address, issuer))

    async def pending_codes(self, person_id: int, address: str, issuer: str) -> NewCodes:
        """Return the secret that `new_codes` made and no code has confirmed yet. Raises NotFound."""
        sealed = await self._db.peek(factors.pending_codes, person_id)
        secret = self._seals.open("totp", sealed, str(person_id).encode())
        return NewCodes(base64.b32encode(secret).decode("ascii"), totp.uri(secret, address, issuer))

    async def confirm_codes(self, person_id: int, typed: str) -> int:
        """Turn codes on with the first one; return the new epoch. Raises BadEntry, NotFound."""
        return await self._db.write_brief(factors.confirm_codes, person_id, self._seals, typed.replace(" ", ""))

    async def new_recovery_codes(self, person_id: int) -> tuple[str, ...]:
        """Replace a person's recovery codes; return them at the one moment when they can be shown."""
        codes = fresh_recovery_codes()
        await self._db.write(factors.set_recovery, person_id, [factors.recovery_digest(one) for one in codes])
        return codes

    async def new_passkey(self, person_id: int, address: str, name: str) -> NewRegistration:
        """Begin with a passkey for somebody who is signed in. Raises NotFound where there are none."""
        existing = await self._db.peek(factors.passkeys, person_id)
        ticket = self._ticket("register", person_id)
        user = self._seals.derive(f"passkey user {person_id}")  # says nothing about who it is (WebAuthn §14.6.1)
        options = passkeys.creation_options(self._site(), ticket.challenge, user, address, name, existing)
        return NewRegistration(self._seal(ticket), options)

    async def add_passkey(self, person_id: int, sealed: str, answer: str, label: str) -> int:
        """Record what the browser answered; return the new epoch. Raises BadEntry, SignInExpired."""
        return await self._db.write_brief(self.made(person_id, sealed, answer, label))

    def made(self, person_id: int, sealed: str, answer: str, label: str) -> Callable[[Tx], int]:
        """Check what the browser answered; return the unit that records it. Raises BadEntry, SignInExpired, as the unit does."""
        ticket = self._open(sealed, "register")
        if ticket.person_id != person_id:
            raise SignInExpired
        made = passkeys.created(self._site(), ticket.challenge, answer)
        facts = (made.credential_id, made.public_key, made.sign_count, label, made.transports, made.backed_up)
        return lambda tx: _register(tx, ticket, person_id, facts)

    async def _by_passkey(self, ticket: _Ticket, answer: str) -> Identity:
        passkey = await self._db.peek(factors.find_passkey, passkeys.named(answer))
        if passkey is None or ticket.person_id not in (0, passkey.person_id):
            raise BadCredentials(reason="passkey")
        counted = passkeys.proved(self._site(), ticket.challenge, passkey, answer, verified=not ticket.person_id)
        verdict, record = await self._db.write_brief(_judge_passkey, ticket, passkey, counted)
        return _finished(ticket, verdict, record)

    def _site(self) -> Site:
        if self.site is None:
            raise NotFound("passkeys are not offered here")
        return self.site

    def _ticket(self, use: Use, person_id: int = 0, epoch: int = 0, acting: str = "", methods: tuple[Method, ...] = ()) -> _Ticket:
        challenge, nonce = secrets.token_bytes(CHALLENGE_BYTES), secrets.token_bytes(NONCE_BYTES)
        return _Ticket(use, person_id, epoch, acting, methods, challenge, nonce, self._clock.now_us() + TICKET_US)

    def _seal(self, ticket: _Ticket) -> str:
        return base64.urlsafe_b64encode(self._tickets.seal("ticket", msgspec.msgpack.encode(ticket))).decode("ascii")

    def _open(self, sealed: str, use: Use) -> _Ticket:
        try:
            octets = base64.urlsafe_b64decode(sealed[:MAX_TICKET_CHARS])
            ticket = msgspec.msgpack.decode(self._tickets.open("ticket", octets), type=_Ticket)
        except (BadSeal, binascii.Error, ValueError):
            raise SignInExpired from None
        if ticket.use != use or ticket.expires_us <= self._clock.now_us():
            raise SignInExpired
        return ticket


def _judge_code(tx: Tx, ticket: _Ticket, seals: Seals, typed: str) -> tuple[Verdict, Record | None]:
    record = _current(tx, ticket, ticket.person_id)
    if record is None:
        return Verdict(None), None
    verdict = factors.prove(tx, ticket.person_id, seals, typed)
    return verdict, record if verdict.method and factors.spend(tx, ticket.nonce, ticket.expires_us) else None


def _judge_passkey(tx: Tx, ticket: _Ticket, passkey: Passkey, counted: int) -> tuple[Verdict, Record | None]:
    record = _current(tx, ticket, passkey.person_id)
    if record is None or not factors.use_passkey(tx, passkey, counted):
        return Verdict(None), None
    return Verdict("passkey"), record if factors.spend(tx, ticket.nonce, ticket.expires_us) else None


def _current(tx: Tx, ticket: _Ticket, person_id: int) -> Record | None:
    """Read the person again: what was revoked between the steps counts."""
    record = credentials.record_of(tx, person_id, parse(ticket.acting) if ticket.acting else None)
    if record is None or (ticket.person_id and record.epoch != ticket.epoch):
        return None
    return record


def _register(tx: Tx, ticket: _Ticket, person_id: int, facts: tuple[bytes, bytes, int, str, tuple[str, ...], bool]) -> int:
    if not factors.spend(tx, ticket.nonce, ticket.expires_us):
        raise BadEntry("this passkey was registered already")
    return factors.add_passkey(tx, person_id, *facts)


def _finished(ticket: _Ticket, verdict: Verdict, record: Record | None) -> Identity:
    method = _judged(verdict, ticket.person_id)
    if record is None:
        raise SignInExpired
    return identity(record, *ticket.methods, method)


def _judged(verdict: Verdict, person_id: int) -> Method:
    """Return by what a proof is good. Raises BadCredentials, TooManyAttempts."""
    if verdict.retry_after_s:
        raise TooManyAttempts(verdict.retry_after_s, person_id=person_id)
    if verdict.method is None:
        raise BadCredentials(reason="second", person_id=person_id)
    return verdict.method


def fresh_recovery_codes() -> tuple[str, ...]:
    """Return recovery codes that nobody has yet."""
    return tuple(_grouped(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))


def _grouped(octets: bytes) -> str:
    text = base64.b32encode(octets).decode("ascii").lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))
