"""SASL for every front: exchanges of octets that end in an identity. RFC 4422.

PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login, which old clients ask for first), SCRAM-SHA-256 and -PLUS (RFC 5802,
RFC 7677; with the channel bindings that the front knows), OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2, EXTERNAL
(RFC 4422 appendix A). How octets travel, as base64 or not, and what an error becomes is the front's.
"""

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from config.clock import MINUTE_US
from directory.errors import BadCredentials, BadExchange, SignInExpired, UnknownMechanism
from directory.signin import messages, scram
from directory.signin.identity import identity
from directory.signin.proofs import Offer
from directory.types import Binding, Identity, Scope

if TYPE_CHECKING:
    from directory.signin.signin import SignIn

EXCHANGE_US = 2 * MINUTE_US  # clients answer by themselves; what was read at the first step must not grow old
SCRAM, PLUS = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"


@dataclass(frozen=True, slots=True)
class Talk:
    """What every step of one exchange knows. `certificate` is the SHA-256 of one that the front has verified.

    `lists_plus` says that the client was told of SCRAM with channel binding.
    """

    signin: "SignIn"
    mechanism: str
    scope: Scope
    peer: str
    bindings: tuple[Binding, ...]
    certificate: bytes | None
    lists_plus: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A challenge and what takes its answer. `done` is whom it ends with: then only an empty answer may follow."""

    challenge: bytes
    then: "Callable[[bytes], Awaitable[Step | Identity]]"
    done: Identity | None = None


class Exchange:
    """One exchange. Of fronts that can send octets along with success (`with_success`), `data` is what to send."""

    def __init__(self, talk: Talk, first: Step, *, with_success: bool = False) -> None:
        self._step: Step | None = first
        self._clock = talk.signin.clock
        self._until_us = self._clock.now_us() + EXCHANGE_US
        self._with_success = with_success
        self.mechanism = talk.mechanism
        self.data = b""

    async def respond(self, response: bytes | None) -> bytes | Identity:
        """Take the client's response, None when it has sent none yet; return the next challenge, or who signed in.

        Raises BadExchange for what is no message of the mechanism, BadCredentials, TooManyAttempts, SignInExpired.
        """
        step = self._step
        if step is None:
            raise BadExchange
        if response is None:
            return step.challenge
        self._step = None
        if self._clock.now_us() > self._until_us:
            raise SignInExpired
        answer = await step.then(response)
        if isinstance(answer, Identity):
            return answer
        if answer.done is not None and self._with_success:
            self.data = answer.challenge
            return answer.done
        self._step = answer
        return answer.challenge


def begin(talk: Talk, *, with_success: bool = False) -> Exchange:
    """Begin an exchange. Raises UnknownMechanism."""
    mechanism = MECHANISMS.get(talk.mechanism)
    if mechanism is None:
        raise UnknownMechanism
    return Exchange(talk, Step(_GREETINGS.get(talk.mechanism, b""), partial(mechanism, talk)), with_success=with_success)


async def _plain(talk: Talk, response: bytes) -> Identity:
    said = messages.plain(response)
    return await talk.signin.password(_login(said.login, said.acting), said.secret, talk.scope, talk.peer)


async def _login_name(talk: Talk, response: bytes) -> Step:
    return Step(b"Password:", partial(_login_password, talk, messages.text(response)))


async def _login_password(talk: Talk, name: str, response: bytes) -> Identity:
    password = messages.text(response)
    if not name or not password or "\0" in name + password:
        raise BadExchange
    return await talk.signin.password(name, password, talk.scope, talk.peer)


async def _scram_first(talk: Talk, response: bytes) -> Step:
    first = scram.read_first(response)
    binding = _agreed(talk, first)
    offer = await talk.signin.proofs.offer(_login(first.login, first.acting), talk.scope, talk.peer)
    asked = scram.challenge(first, secrets.token_urlsafe(scram.NONCE_BYTES), offer.salt, offer.iterations)
    return Step(asked.message, partial(_scram_final, talk, scram.expected_channel(first, binding), offer, asked))


def _agreed(talk: Talk, first: scram.ClientFirst) -> Binding | None:
    """Return the binding that both sides use, None for none (RFC 5802 §6).

    It goes with the mechanism that names it; and who could bind and believes that we cannot, although we said so, is being deceived.
    """
    if (talk.mechanism == PLUS) != bool(first.binding):
        raise BadExchange("channel binding goes with the mechanism that names it")
    if first.suspicious and talk.lists_plus:
        raise BadCredentials(reason="downgrade")
    found = next((one for one in talk.bindings if one.kind == first.binding), None)
    if first.binding and found is None:
        raise BadExchange("this channel binding is not known here")
    return found


async def _scram_final(talk: Talk, channel: bytes, offer: Offer, asked: scram.Challenge, response: bytes) -> Step:
    final = scram.read_final(response)
    if not hmac.compare_digest(final.channel, channel) or not hmac.compare_digest(final.nonce.encode(), asked.nonce.encode()):
        raise BadCredentials(account=offer.caller.account, reason="channel")
    record, methods, proof = await talk.signin.proofs.judge(offer, asked, final)
    who = identity(record, *methods)
    return Step(proof, partial(_scram_end, who), done=who)


async def _scram_end(who: Identity, response: bytes) -> Identity:
    if response:
        raise BadExchange
    return who


async def _oauthbearer(talk: Talk, response: bytes) -> Step | Identity:
    """RFC 7628 §3.2.2: an error travels as JSON in a challenge, and only the answer to it ends the exchange."""
    facts = {"status": "invalid_token", "scope": talk.scope}
    if talk.signin.discovery:
        facts["openid-configuration"] = talk.signin.discovery
    return await _bearer(talk, messages.oauthbearer(response), facts)


async def _xoauth2(talk: Talk, response: bytes) -> Step | Identity:
    return await _bearer(talk, messages.xoauth2(response), {"status": "401", "schemes": "bearer", "scope": talk.scope})


async def _bearer(talk: Talk, said: messages.Credentials, facts: dict[str, str]) -> Step | Identity:
    try:
        return await talk.signin.token(said.secret, talk.scope, talk.peer, said.login)
    except BadCredentials as refusal:
        return Step(json.dumps(facts, separators=(",", ":")).encode(), partial(_refused, refusal))


async def _refused(refusal: BadCredentials, response: bytes) -> Identity:
    raise refusal


async def _external(talk: Talk, response: bytes) -> Identity:
    if talk.certificate is None:
        raise BadCredentials(reason="certificate")
    return await talk.signin.certificate(talk.certificate, messages.text(response), talk.peer)


def _login(name: str, acting: str) -> str:
    return f"{name}*{acting}" if acting and acting != name else name


# In the order of our preference. PLAIN and LOGIN come last: they show the password to the server.
MECHANISMS: dict[str, Callable[[Talk, bytes], Awaitable[Step | Identity]]] = {
    "EXTERNAL": _external,
    PLUS: _scram_first,
    SCRAM: _scram_first,
    "OAUTHBEARER": _oauthbearer,
    "XOAUTH2": _xoauth2,
    "PLAIN": _plain,
    "LOGIN": _login_name,
}
_GREETINGS = {"LOGIN": b"Username:"}
