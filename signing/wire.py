"""What the signer and its clients say to each other: length-framed MessagePack, pure.

A frame is a four-octet big-endian length and that many octets. Each request carries an id; answers come in any order.
"""

import struct
from typing import Annotated

import msgspec
from msgspec import Meta

from signing.errors import (
    BadSecret,
    KeyExists,
    NoSuchKey,
    NotActivated,
    SignerUnavailable,
    SigningRefused,
)

MAX_FRAME_BYTES = 65_536  # a batch of MAX_BATCH secrets, wrapped and plain, fits with room to spare
MAX_BATCH = 500
SECRET_BYTES = 32
LENGTH = struct.Struct(">I")

KeyId = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._@-]*\Z", max_length=100)]
Kind = Annotated[str, Meta(pattern=r"\A(p256|p384|rsa3072|decrypt-(p256|p384|rsa3072))\Z")]
Method = Annotated[str, Meta(pattern=r"\A(rsa|oaep-sha(1|256|384|512)|ecdh-sha(1|256|384|512)-(16|24|32))\Z")]
Purpose = Annotated[str, Meta(max_length=64)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=48)]
Token = Annotated[bytes, Meta(max_length=128)]
Wrapped = Annotated[bytes, Meta(max_length=128)]
Octets = Annotated[bytes, Meta(max_length=1200)]  # an RSA-8192 block or an ECC-CMS-SharedInfo with its keying material
RequestId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Generate(msgspec.Struct, frozen=True, array_like=True, tag="generate"):
    id: RequestId
    key_id: KeyId
    kind: Kind
    activated: bool


class Public(msgspec.Struct, frozen=True, array_like=True, tag="public"):
    id: RequestId
    key_id: KeyId


class Sign(msgspec.Struct, frozen=True, array_like=True, tag="sign"):
    id: RequestId
    key_id: KeyId
    digest: Digest
    purpose: Purpose
    activation: Token


class NewSecrets(msgspec.Struct, frozen=True, array_like=True, tag="secrets"):
    id: RequestId
    count: Annotated[int, Meta(ge=1, le=MAX_BATCH)]


class Unwrap(msgspec.Struct, frozen=True, array_like=True, tag="unwrap"):
    id: RequestId
    wrapped: Annotated[list[Wrapped], Meta(max_length=MAX_BATCH)]


class Decrypt(msgspec.Struct, frozen=True, array_like=True, tag="decrypt"):
    """Fields of `signing.enveloped.Share`; the answer is the key of the content, `key_bytes` long."""

    id: RequestId
    key_id: KeyId
    method: Method
    wrapped: Octets
    point: Octets
    info: Octets
    key_bytes: Annotated[int, Meta(ge=16, le=32)]
    activation: Token


class NoteKey(msgspec.Struct, frozen=True, array_like=True, tag="note-key"):
    """Asks for the public half of a key that signs checkpoints, which is made when there is none."""

    id: RequestId
    key_id: KeyId


class SignNote(msgspec.Struct, frozen=True, array_like=True, tag="note"):
    id: RequestId
    key_id: KeyId
    text: Annotated[bytes, Meta(max_length=4096)]


class Report(msgspec.Struct, frozen=True, array_like=True, tag="status"):
    id: RequestId


Request = Generate | Public | Sign | NewSecrets | Unwrap | Decrypt | NoteKey | SignNote | Report


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="done"):
    id: int
    values: list[bytes]


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag="refused"):
    """`id` is 0 when the request could not be read at all, `retry_after_s` when nothing is known of when to try again."""

    id: int
    code: str
    retry_after_s: int = 0


Reply = Answer | Refusal


class Status(msgspec.Struct, frozen=True):
    """What the signer tells about itself; `signatures` counts by key since the key was made, decryptions among them."""

    pid: int
    started_us: int
    refused: int
    unwrapped: int
    signatures: dict[str, int]
    decrypted: int = 0


ERRORS: dict[str, type[SigningRefused] | type[SignerUnavailable]] = {
    "refused": SigningRefused,
    "no-such-key": NoSuchKey,
    "key-exists": KeyExists,
    "not-activated": NotActivated,
    "bad-secret": BadSecret,
    "unavailable": SignerUnavailable,
}
CODES = {error: code for code, error in ERRORS.items()}

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class FrameTooLong(ValueError):
    """The stream cannot be followed any further."""


class Framer:
    """Cut a stream into frames, however the octets arrive."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes; raise FrameTooLong when one announces more than is allowed."""
        self._buffer += data
        frames, start = [], 0
        while len(self._buffer) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise FrameTooLong(f"frame of {length} octets")
            end = start + LENGTH.size + length
            if end > len(self._buffer):
                break
            frames.append(bytes(self._buffer[start + LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return frames


def frame(message: msgspec.Struct) -> bytes:
    """Return the octets of one message, its length first."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def request(body: bytes) -> Request:
    """Read one request; raise SigningRefused when it is not one, or out of bounds."""
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        said = str(reason).partition("'")[0]  # goes into a log: what stands in quotation marks is the peer's, and may be a secret
        raise SigningRefused(reason=said.strip()) from None


def id_of(body: bytes) -> int:
    """Return the id of a request that cannot be read otherwise, so that it alone is refused; 0 when it has none."""
    try:
        found = msgspec.msgpack.decode(body)
        return msgspec.convert(found[1], RequestId)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, LookupError):
        return 0


def reply(body: bytes) -> Reply:
    """Read one reply; raise SignerUnavailable when it is not one."""
    try:
        return _replies.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        raise SignerUnavailable(reason=str(reason)) from reason
