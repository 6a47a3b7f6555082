"""Sign-in for every front: passwords, SCRAM, tokens, certificates, and the two steps of the web.

What a front calls stands here; how each kind of proof is judged stands in the module of that kind.
"""

import asyncio
import secrets
from collections.abc import Sequence

from config.clock import Clock
from config.database import Database
from directory import client_certificates, credentials
from directory.address import fold, parse
from directory.credentials import Record
from directory.errors import BadCredentials, SecondFactorNeeded
from directory.seals import Seals
from directory.signin import exchanges
from directory.signin.attempts import Attempts, Pause
from directory.signin.exchanges import MECHANISMS, PLUS, Exchange, Talk
from directory.signin.identity import identity
from directory.signin.judgement import Judgement
from directory.signin.login import Login, account_of, parse_login
from directory.signin.passkeys import Site
from directory.signin.passwords import Hasher
from directory.signin.proofs import Proofs
from directory.signin.steps import Half, Proof, Steps
from directory.types import Binding, Identity, Method, Scope, TokenChecker

_USUAL = frozenset({"tls-exporter", "tls-unique"})
_OF_TOKENS = frozenset({"OAUTHBEARER", "XOAUTH2"})


class SignIn:
    """Checks who somebody is. Holds what is remembered of good and wrong tries, and the windows of failed ones.

    `key` is the directory's own (`Services.directory_key`): with another one, or none, second factors do not open and SCRAM's
    invented salts change. `tokens` knows access tokens; without it none is good. `discovery` is where a client learns where to
    get one (RFC 7628 §3.2.2). `site` is what passkeys are bound to; without it there are none. `tickets` seals what stands
    between two steps, with the directory's key when there is none.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        hasher: Hasher | None = None,
        pause: Pause = asyncio.sleep,
        *,
        key: bytes = b"",
        tokens: TokenChecker | None = None,
        discovery: str = "",
        site: Site | None = None,
        tickets: Seals | None = None,
    ) -> None:
        self.clock, self.discovery = clock, discovery
        self.hasher = hasher or Hasher()
        self.seals = Seals(key or secrets.token_bytes(32))
        self._db, self._tokens = db, tokens
        self._attempts = Attempts(clock, pause)
        self._judgement = Judgement(db, clock, self.hasher, self._attempts)
        self.proofs = Proofs(db, clock, self._attempts, self._judgement, self.seals.derive("scram"), self.hasher.iterations)
        self.steps = Steps(db, clock, self.seals, site, tickets)

    async def password(self, login: str, password: str, scope: Scope, peer: str) -> Identity:
        """Return who signs in, and which mailbox they act in. Raises BadCredentials, TooManyAttempts, SecondFactorNeeded.

        `login` is an address of a person, or ``person@domain*other@domain`` to open a post's, a unit's or a lent mailbox.
        `peer` is the address of the other side, without port. SecondFactorNeeded comes for "web" alone, after a right password.
        """
        record, method = await self._judged(login, password, scope, peer)
        who = identity(record, method)
        if scope == "web" and record.factors:
            raise SecondFactorNeeded(person_id=record.person_id)
        return who

    async def confirm(self, login: str, password: str, peer: str) -> Identity:
        """Check the password again of somebody who has signed in on the web already. Raises BadCredentials, TooManyAttempts."""
        record, method = await self._judged(login, password, "web", peer)
        return identity(record, method)

    async def first_factor(self, login: str, password: str, peer: str) -> Identity | Half:
        """Check the password on the web; return who it is, or what a second proof must come with. Raises as `password`."""
        record, method = await self._judged(login, password, "web", peer)
        who = identity(record, method)
        return await self.steps.half(who, record.factors) if record.factors else who

    async def confirmation(self, person_id: int) -> Half | None:
        """Return what somebody who is signed in may prove it with again beside the password; None without a second factor.

        `steps.prove` takes the answer.
        """
        record = await self._db.peek(credentials.record_of, person_id)
        if record is None or not record.factors:
            return None
        return await self.steps.half(identity(record), record.factors, "confirm")

    async def second_factor(self, ticket: str, proof: Proof, peer: str) -> Identity:
        """Finish what `first_factor`, or `steps.passkey_begin` without a name, began.

        Raises SignInExpired for a ticket that is old or used, BadCredentials, TooManyAttempts.
        """
        return self._known(await self.steps.finish(ticket, proof), peer)

    async def token(self, token: str, scope: Scope, peer: str, login: str = "") -> Identity:
        """Return whose access token this is. Raises BadCredentials. A token cannot be guessed: failures lock nothing.

        `login` may name the mailbox to open as in `password`, or by its address alone; "" is the owner's own.
        """
        claim = parse_login(login) if login else None
        owner = await self._tokens.check(token, scope) if self._tokens is not None and token else None
        if owner is None or (login and claim is None):
            raise BadCredentials(reason="token")
        record = await self._claimed(owner.person_id, claim)
        if record is None or (record.person_id, record.epoch) != (owner.person_id, owner.epoch):
            raise BadCredentials(reason="token")
        return self._known(identity(record, *owner.methods, "token"), peer)

    async def certificate(self, sha256: bytes, acting: str, peer: str) -> Identity:
        """Return whom a client certificate signs in; the front has verified its path, use and times. Raises BadCredentials.

        `sha256` is that of its DER; `acting` names the mailbox to open as in `token`.
        """
        claim = parse_login(acting) if acting else None
        if acting and claim is None:
            raise BadCredentials(reason="certificate")
        aim = None if claim is None else claim.post or claim.person
        shown = await self._db.peek(client_certificates.shown, sha256, aim)
        if shown is None:
            raise BadCredentials(reason="certificate")
        if shown.note:
            await self._db.write_brief(client_certificates.used, sha256)
        return self._known(identity(shown.record, "cert"), peer)

    def exchange(
        self,
        mechanism: str,
        scope: Scope,
        peer: str,
        bindings: Sequence[Binding] = (),
        certificate: bytes | None = None,
        *,
        with_success: bool = False,
    ) -> Exchange:
        """Begin a SASL exchange on a connection inside TLS. Raises UnknownMechanism.

        `bindings` and `certificate` (SHA-256 of a verified one) are what the connection offers; `with_success` says that the
        front can send octets along with success, as LDAP can (RFC 4511 §4.2.2).
        """
        name = mechanism.upper()
        listed = self.mechanisms(tls=True, certificate=certificate, bindings=bindings)
        known = name in listed or (name == PLUS and bool(bindings))
        talk = Talk(self, name if known else "", scope, peer, tuple(bindings), certificate, PLUS in listed)
        return exchanges.begin(talk, with_success=with_success)

    def mechanisms(self, *, tls: bool, certificate: bytes | None = None, bindings: Sequence[Binding] = ()) -> tuple[str, ...]:
        """Return the SASL mechanisms that a connection is offered, the preferred one first; none outside TLS.

        SCRAM with channel binding is listed where the binding is there that clients take by default (RFC 9266 §3): GNU SASL, for
        one, chooses it by name, asks for nothing but tls-exporter, and gives up. Whoever asks for it by name may have the others.
        """
        missing = {"EXTERNAL" if certificate is None else "", "" if any(one.kind in _USUAL for one in bindings) else PLUS}
        if self._tokens is None:
            missing |= _OF_TOKENS
        return tuple(name for name in MECHANISMS if name not in missing) if tls else ()

    async def is_current(self, who: Identity) -> bool:
        """Say whether a sign-in still stands: no credential was revoked since, and the mailbox is still open to that person."""
        return await self._db.peek(credentials.stands, who.person_id, who.epoch, who.account_id, who.delegation_id)

    async def close(self) -> None:
        """End the hashing threads."""
        await self.hasher.close()

    async def _judged(self, login: str, password: str, scope: Scope, peer: str) -> tuple[Record, Method]:
        claim = parse_login(login)
        caller = self._attempts.caller(account_of(claim, login), peer)
        record = await self._db.peek(credentials.record, claim.person, claim.post) if claim else None
        method = await self._judgement.judge(caller, password, scope, record)
        if record is None:
            raise BadCredentials
        return record, method

    def _known(self, who: Identity, peer: str) -> Identity:
        """Know from where somebody signed in with what nobody guesses: guesses from elsewhere will not hinder them there."""
        if who.capacity == "self":
            self._attempts.windows.know(fold(parse(who.address)), peer[:64], self.clock.now_us())
        return who

    async def _claimed(self, person_id: int, claim: Login | None) -> Record | None:
        """Read a person whose proof named them, in the mailbox that they claim."""
        if claim is not None and claim.post is not None:
            return await self._db.peek(credentials.record, claim.person, claim.post)
        return await self._db.peek(credentials.record_of, person_id, None if claim is None else claim.person)
