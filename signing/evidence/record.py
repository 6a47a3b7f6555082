"""Records of evidence: what happened to a letter, written in the one way that there is. Pure. RFC 8785; ETSI EN 319 522-2 (events).

A record is JSON with sorted keys and nothing else: two writers of the same facts make the same octets. The log holds only a hash over it
and a random salt, which tells nothing to whoever has not got both, and nothing to anybody once they are deleted.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal, cast, get_args

import msgspec

DOMAIN = b"diwan-evidence-v1\n"  # in front of what is hashed, so that no other hash of ours can be taken for an entry
SALT_BYTES, ID_BYTES = 32, 16
FRESH_BYTES = SALT_BYTES + ID_BYTES
MAX_BYTES = 1 << 20  # of a record; one of a circular has 1,000 recipients
MAX_AT_US = 1 << 56  # in the year 4253
MAX_REASON = 500  # characters of what a peer said

Event = Literal[  # ETSI EN 319 522-2 §8.2
    "SubmissionAcceptance",
    "SubmissionRejection",
    "RelayAcceptance",
    "RelayRejection",
    "RelayFailure",
    "ContentConsignment",
    "ContentConsignmentFailure",
    "ContentHandover",
    "ContentHandoverFailure",
    "RelayToNonERDS",
    "RelayToNonERDSFailure",
    "ReceivedFromNonERDS",
]
EVENTS = frozenset(get_args(Event))
NEGATIVE = frozenset(event for event in EVENTS if event.endswith(("Rejection", "Failure")))  # say why
_ID = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BadRecord(ValueError):
    """Not a record as `write` makes it."""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Why something was not done: a code of the protocol (such as SMTP's "550 5.1.1") and its words."""

    code: str
    text: str


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One fact. Fields stand in the order of their names, which is that of the octets (RFC 8785 §3.2.3).

    `at` is µs since 1970, `issuer` the node that saw it, `message` the Message-ID without brackets, `queue` the name of the queue id,
    `digest` that of the message's octets, `policy` the address of the rules under which the evidence is kept.
    """

    at: int
    digest: str
    event: Event
    id: str
    issuer: str
    message: str
    policy: str
    queue: str
    reasons: tuple[Reason, ...] = ()
    recipients: tuple[str, ...]
    sender: str
    v: Literal[1] = 1


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def write(record: Record) -> bytes:
    """Return a record as its octets. Text that is no Unicode is replaced: evidence never stops a letter."""
    try:
        return _encode(record)
    except UnicodeEncodeError:
        return _encode(msgspec.convert(_replaced(msgspec.to_builtins(record)), Record))


def read(octets: bytes) -> Record:
    """Read a record. Raises BadRecord for anything that `write` would not have made."""
    try:
        record = _decode(octets) if len(octets) <= MAX_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRecord(f"not a record of evidence: {error}") from error
    if record is None or _encode(record) != octets:
        raise BadRecord("not a record of evidence: not in the one way in which it is written")
    if not 0 <= record.at < MAX_AT_US:
        raise BadRecord("not a record of evidence: of no time that there is")
    if not _ID.fullmatch(record.id) or not _DIGEST.fullmatch(record.digest) or (record.event in NEGATIVE) != bool(record.reasons):
        raise BadRecord("not a record of evidence: its id, its digest, or reasons that its event has to give")
    return record


def digest_name(digest: bytes) -> str:
    """Return a SHA-256 as records have it."""
    return f"sha256:{digest.hex()}"


def identifier(fresh: bytes) -> str:
    """Return 16 random octets as the identifier of a record: a UUID of version 4 (RFC 9562 §5.4), in hexadecimal."""
    digits = fresh.hex()
    return f"{digits[:12]}4{digits[13:16]}{'89ab'[fresh[8] & 3]}{digits[17:]}"


def entry(salt: bytes, record: bytes) -> bytes:
    """Return what the log holds of a record."""
    return sha256(DOMAIN + salt + record).digest()


def reasons(said: Iterable[tuple[str, str]]) -> tuple[Reason, ...]:
    """Return codes and texts as reasons, with no text longer than anybody reads."""
    return tuple([Reason(code, text[:MAX_REASON]) for code, text in said])


def _replaced(value: object) -> object:
    """Return plain values with every text made Unicode."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [_replaced(one) for one in cast("list[object]", value)]
    return {key: _replaced(one) for key, one in cast("dict[str, object]", value).items()} if isinstance(value, dict) else value
