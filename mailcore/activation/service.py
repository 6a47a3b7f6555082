"""What the process of activations does with a request: judge proofs, remember what they are good for, make tokens.

A signature needs the password and, where one is on, a second factor. What is only read again takes the password or a passkey: the
secret of six-digit codes stands in the database, sealed with a key that the fronts hold too.
"""

import asyncio
import secrets

from config.clock import SECOND_US, Clock
from config.database import Database
from config.log import log
from directory import credentials
from directory.errors import BadCredentials, TooManyAttempts
from directory.signin import Assertion, Code, SignIn, app_passwords
from directory.signin.login import parse_login
from directory.types import Identity
from mailcore.activation.grants import Grants, Holder
from mailcore.activation.rights import may_use
from mailcore.activation.wire import BAD_PASSWORD, BAD_SECOND, CODES, Ask, Permit, Prove, Request, request
from mailcore.errors import NotAllowed
from signing.activation import NONCE_BYTES, activation
from signing.answering import Answering
from signing.wire import Refusal

ACTIVATION_US = 60 * SECOND_US  # from the token to the signature: one round trip to the signer


class Activating(Answering):
    """Answers the fronts. Holds the secret that it shares with the signer."""

    name = "activation"
    most_waiting = 256  # as many tries as are held back, and room for those that are not

    def __init__(self, db: Database, clock: Clock, signin: SignIn, secret: bytes, tasks: asyncio.TaskGroup) -> None:
        super().__init__(tasks)
        self._db, self._clock, self._signin, self._secret = db, clock, signin, secret
        self._grants = Grants(clock)
        self.waiting = {Ask: self._ask, Prove: self._prove, Permit: self._permit}

    def read(self, body: bytes) -> Request:
        """Return the request that a frame holds. Raises SigningRefused."""
        return request(body)

    def refused(self, id: int, reason: Exception) -> Refusal:
        """Return as much of what went wrong as the front may know."""
        if isinstance(reason, BadCredentials):
            return Refusal(id, BAD_SECOND if reason.facts.get("reason") == BAD_SECOND else BAD_PASSWORD)
        if type(reason) not in CODES:
            return super().refused(id, reason)
        return Refusal(id, CODES[type(reason)], reason.retry_after_s if isinstance(reason, TooManyAttempts) else 0)

    async def _ask(self, ask: Ask) -> list[bytes]:
        half = await self._signin.confirmation((await self._person(ask.login)).person_id)
        return [] if half is None else [half.ticket.encode(), " ".join(half.factors).encode(), half.passkey_options.encode()]

    async def _prove(self, ask: Prove) -> list[bytes]:
        """Judge what somebody gave; return the grant, b"" when it is good for no key, and who it is, in which mailbox."""
        holder, account_id = await (self._for_signature(ask) if ask.need == "sign" else self._once_more(ask))
        grant = b"" if ask.need == "confirm" else self._grants.give(holder, ask.need, ask.uses)
        return [grant, str(holder.person_id).encode(), str(account_id).encode()]

    async def _for_signature(self, ask: Prove) -> tuple[Holder, int]:
        who = await self._password(ask)
        if await self._signin.confirmation(who.person_id) is not None:
            await self._second(ask, who.person_id)
        return Holder(who.person_id, who.epoch), who.account_id

    async def _once_more(self, ask: Prove) -> tuple[Holder, int]:
        if not (ask.answer or (ask.code and ask.need == "confirm")):
            who = await self._password(ask)
            return Holder(who.person_id, who.epoch), who.account_id
        holder = await self._person(ask.login)
        await self._second(ask, holder.person_id)
        return holder, holder.person_id

    async def _password(self, ask: Prove) -> Identity:
        """Check the password. An app password opens mail, it proves nothing here."""
        if not ask.password or app_passwords.is_shaped(ask.password):
            raise BadCredentials(account=ask.login)
        return await self._signin.confirm(ask.login, ask.password, ask.peer)

    async def _second(self, ask: Prove, person_id: int) -> None:
        given = Assertion(ask.answer) if ask.answer else Code(ask.code)
        try:
            await self._signin.steps.prove(person_id, ask.ticket, given)
        except BadCredentials as error:
            raise BadCredentials(reason=BAD_SECOND, person_id=person_id) from error

    async def _person(self, login: str) -> Holder:
        claim = parse_login(login)
        record = None if claim is None else await self._db.peek(credentials.record, claim.person, claim.post)
        if record is None:
            raise BadCredentials(account=login)
        return Holder(record.person_id, record.epoch)

    async def _permit(self, ask: Permit) -> list[bytes]:
        holder = self._grants.use(ask.grant, ask.purpose)
        what = log.bind(person_id=holder.person_id, account_id=ask.account_id, key_id=ask.key_id, purpose=ask.purpose)
        if not await self._db.read(may_use, holder, ask.account_id, ask.key_id, ask.purpose):
            what.warning("activation.not_allowed")  # the fronts ask for what their pages offer: this one did not
            raise NotAllowed("this key is not yours to use")
        until_us, nonce = self._clock.now_us() + ACTIVATION_US, secrets.token_bytes(NONCE_BYTES)
        what.info("activation.given", digest=ask.digest.hex())
        return [activation(self._secret, ask.key_id, ask.digest, ask.purpose, until_us, nonce)]
