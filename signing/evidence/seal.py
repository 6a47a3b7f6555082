"""Signs checkpoints: as a log, as a witness, and with a certificate that a court can follow to the state's root.

The note is for machines that know the log's key (C2SP signed-note). Beside it stands a CMS signature over the same text (CAdES-B-T, ETSI
EN 319 122-1 §6), by the node's seal and with a time stamp: it says who and when to whoever knows the state's root alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from config.clock import SECOND_US
from signing import cms
from signing.cms import SigningIdentity
from signing.evidence import checkpoint, note
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.note import COSIGNATURE, ED25519, Key, Note
from signing.keys import Signer

LOG_KEY, WITNESS_KEY = "evidence-log", "evidence-witness"  # their names in the signer

Stamp = Callable[[bytes], Awaitable[bytes]]  # a token over a signature, b"" when there is none to be had


@dataclass(frozen=True, slots=True)
class Seal:
    """A CMS signature, and whether it has a time stamp."""

    octets: bytes
    stamped: bool


async def log_key(signer: Signer, origin: str) -> Key:
    """Return the key of a log, made at the first call. Raises BadNote's ValueError for a name that no key can have."""
    return note.key(Key(origin, ED25519, await signer.note_key(LOG_KEY)).written())


async def witness_key(signer: Signer, name: str) -> Key:
    """Return the key with which a node cosigns the checkpoints of others, made at the first call."""
    return note.key(Key(name, COSIGNATURE, await signer.note_key(WITNESS_KEY)).written())


async def signed(signer: Signer, key: Key, made: Checkpoint) -> Note:
    """Return a checkpoint signed by its log. The same checkpoint gives the same octets (RFC 8032 §5.1)."""
    text = checkpoint.write(made)
    signature = await signer.sign_note(LOG_KEY, note.signed_octets(text, ED25519))
    return Note(text, (note.signature(key, signature),))


async def cosigned(signer: Signer, key: Key, text: str, now_us: int) -> note.Signature:
    """Return the signature of a witness over a checkpoint, whose history it has verified."""
    time_s = now_us // SECOND_US
    signature = await signer.sign_note(WITNESS_KEY, note.signed_octets(text, COSIGNATURE, time_s))
    return note.signature(key, signature, time_s)


async def sealed(signer: Signer, identity: SigningIdentity, text: str, now_us: int, stamp: Stamp) -> Seal:
    """Return the CMS signature over a checkpoint's text, detached; without a stamp where there is none to be had: ask again later."""
    to_sign = cms.prepare(text.encode(), identity, now_us)
    signature = await signer.sign(identity.key_id, to_sign.digest)
    token = await stamp(signature)
    return Seal(cms.finish(to_sign, signature, timestamp=token), bool(token))
