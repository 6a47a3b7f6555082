"""The process of activations as the fronts see it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from config.errors import MailError
from directory.errors import BadCredentials, SignInExpired, TooManyAttempts
from directory.signin import Assertion, Code, Half
from directory.signin.login import MAX_LOGIN_CHARS
from mailcore.activation import wire
from mailcore.activation.wire import BAD_PASSWORD, Need, Purpose
from mailcore.errors import NotAllowed
from signing.link import Client
from signing.wire import Refusal

ANSWER_S = 20.0  # a guess is held back for up to three seconds, and many may wait for a slow hash


def socket_path(directory: Path) -> Path:
    """Return where the process of a node listens."""
    return (directory / "run" / "activation.sock").resolve()


@dataclass(frozen=True, slots=True)
class Proofs:
    """What somebody gave to show who they are; "" for what they did not give. `ticket` and `answer` are of a passkey."""

    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    ticket: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.password) or self.second is not None

    @property
    def second(self) -> Code | Assertion | None:
        """What stands for a second factor."""
        return Assertion(self.answer) if self.answer else Code(self.code) if self.code else None

    @property
    def are_bounded(self) -> bool:
        """Whether each could be a proof at all, and all fit into a frame: one that is too long ends the connection for everybody."""
        most = (wire.MAX_PASSWORD_CHARS, wire.MAX_CODE_CHARS, wire.MAX_TICKET_CHARS, wire.MAX_ANSWER_CHARS)
        given = (self.password, self.code, self.ticket, self.answer)
        if len(self.answer.encode()) > wire.MAX_ANSWER_CHARS:
            return False
        return all(len(one) <= bound for one, bound in zip(given, most, strict=True))


@dataclass(frozen=True, slots=True)
class Proved:
    """Who it is, in which mailbox, and the grant by which `Activator.permit` lets their keys work; b"" for none."""

    grant: bytes = field(repr=False)
    person_id: int
    account_id: int


class Activator(Client):
    """A handle on the process of activations; many callers may share it."""

    usual_s = ANSWER_S

    async def asked(self, login: str) -> Half | None:
        """Return with what somebody may prove it beside the password; None without a second factor. Raises BadCredentials."""
        _require(login)
        found = await self.ask(lambda id: wire.Ask(id, login))
        if not found:
            return None
        ticket, factors, options = (one.decode() for one in found)
        return Half(ticket, cast(Any, tuple(factors.split())), options)

    async def prove(self, login: str, proofs: Proofs, peer: str, need: Need, uses: int = 1) -> Proved:
        """Have proofs judged: for `confirm` the password or a second factor, for `decrypt` the password or a passkey, for `sign` both.

        `uses` says for how many keys or signatures they are to be good, at most `wire.MAX_USES`. Raises BadCredentials, whose
        `reason` is `wire.BAD_SECOND` when the password is right; SignInExpired, TooManyAttempts, SignerUnavailable.
        """
        parts = proofs.password, proofs.code, proofs.ticket, proofs.answer, peer[: wire.MAX_PEER_CHARS], need, uses
        try:
            _require(login, proofs.are_bounded)
            grant, person_id, account_id = await self.ask(lambda id: wire.Prove(id, login, *parts), repeatable=False)
        except UnicodeEncodeError as error:  # half a surrogate pair: nobody has such a password
            raise BadCredentials(reason=BAD_PASSWORD) from error
        return Proved(grant, int(person_id), int(account_id))

    async def permit(self, grant: bytes, account_id: int, key_id: str, digest: bytes, purpose: Purpose) -> bytes:
        """Return the activation of a key of an account for one digest.

        Raises SignInExpired for a grant that is used up or too old, NotAllowed for a key that its holder may not use,
        SignerUnavailable.
        """
        [token] = await self.ask(lambda id: wire.Permit(id, grant, account_id, key_id, digest, purpose), repeatable=False)
        return token

    def refused(self, reply: Refusal) -> MailError:
        """Return what a refusal means."""
        if reply.code == wire.CODES[TooManyAttempts]:
            return TooManyAttempts(reply.retry_after_s)
        if reply.code in (wire.BAD_PASSWORD, wire.BAD_SECOND):
            return BadCredentials(reason=reply.code)
        known: dict[str, type[MailError]] = {wire.CODES[one]: one for one in (SignInExpired, NotAllowed)}
        return known[reply.code]() if reply.code in known else super().refused(reply)


def _require(login: str, bounded: bool = True) -> None:
    """Let nothing through that the other side could not read: it would end the connection. Raises BadCredentials."""
    if not bounded or not 0 < len(login) <= MAX_LOGIN_CHARS:
        raise BadCredentials(reason=BAD_PASSWORD)
