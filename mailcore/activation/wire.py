"""What the fronts and the process of activations say to each other, in the frames of `signing.wire`. Pure."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from directory.errors import SignInExpired, TooManyAttempts
from directory.signin.login import MAX_LOGIN_CHARS
from mailcore.errors import NotAllowed
from signing.errors import SigningRefused
from signing.wire import Digest, KeyId, RequestId

Need = Literal["confirm", "decrypt", "sign"]
Purpose = Literal["sign", "pdf", "decrypt"]
PURPOSES: dict[Need, frozenset[Purpose]] = {"confirm": frozenset(), "decrypt": frozenset({"decrypt"}), "sign": frozenset({"sign", "pdf"})}
MAX_USES = 100  # of one grant: the documents of a letter, or the letters that somebody opens in ten minutes
MAX_PASSWORD_CHARS = 1024  # four times what a new password may have
MAX_CODE_CHARS = 64
MAX_ANSWER_CHARS = 32_768  # of a passkey, also in octets: what it says takes one or two thousand, and a frame 65,536
MAX_TICKET_CHARS = 2048
MAX_PEER_CHARS = 64
GRANT_BYTES = 32
BAD_PASSWORD, BAD_SECOND = "bad-password", "bad-second"
CODES: dict[type[Exception], str] = {SignInExpired: "expired", TooManyAttempts: "too-many", NotAllowed: "not-allowed"}

Login = Annotated[str, Meta(min_length=1, max_length=MAX_LOGIN_CHARS)]
Grant = Annotated[bytes, Meta(min_length=GRANT_BYTES, max_length=GRANT_BYTES)]
AccountId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag="ask"):
    """Asks with what somebody may prove it beside the password: a ticket, the factors, what a browser needs for a passkey."""

    id: RequestId
    login: Login


class Prove(msgspec.Struct, frozen=True, array_like=True, tag="prove"):
    """The proofs that somebody gave, "" for those that they did not, and what they are to be good for."""

    id: RequestId
    login: Login
    password: Annotated[str, Meta(max_length=MAX_PASSWORD_CHARS)]
    code: Annotated[str, Meta(max_length=MAX_CODE_CHARS)]
    ticket: Annotated[str, Meta(max_length=MAX_TICKET_CHARS)]
    answer: Annotated[str, Meta(max_length=MAX_ANSWER_CHARS)]
    peer: Annotated[str, Meta(max_length=MAX_PEER_CHARS)]
    need: Need
    uses: Annotated[int, Meta(ge=1, le=MAX_USES)]


class Permit(msgspec.Struct, frozen=True, array_like=True, tag="permit"):
    """Asks for the activation of one key for one digest."""

    id: RequestId
    grant: Grant
    account_id: AccountId
    key_id: KeyId
    digest: Digest
    purpose: Purpose


Request = Ask | Prove | Permit

_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


def request(body: bytes) -> Request:
    """Read one request; raise SigningRefused when it is not one, or out of bounds."""
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SigningRefused(reason="malformed") from None  # what was wrong may stand beside a password
