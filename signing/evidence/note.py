"""Signed notes: a text that people can read, and below it who signed it. Pure. The formats signed-note and tlog-cosignature of C2SP.

A note is its text, which ends with a line break, an empty line, and a line for each signature: a dash, the signer's name, and in base64
four octets that tell the signer's keys apart and the signature. Signatures of keys that one does not know say nothing, good or bad.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 0x01, 0x04  # signed-note, signature types; the second says when, too
ID_BYTES = 4
KEY_BYTES = 32  # of an Ed25519 public key
TIME = struct.Struct(">Q")  # seconds, in front of a cosignature
MAX_BYTES = 1_000_000  # of a note; a checkpoint with a hundred witnesses has 20,000
MAX_SIGNATURES = 100  # signed-note asks for a limit, 16 at least

_NAME = re.compile(r"[^\s+\x00-\x1f]{1,255}")
_LINE = re.compile("— ([^ ]+) ([A-Za-z0-9+/]+={0,2})")
_SIGNATURES = b"\n\n\xe2\x80\x94 "  # behind the last one of these stand only signatures


class BadNote(ValueError):
    """Not a note, or one that a known key is said to have signed and has not."""


@dataclass(frozen=True, slots=True)
class Key:
    """Who may sign: a name without blanks and plus signs, the type of the signature, and an Ed25519 public key."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return what tells this key from others of the same name."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:ID_BYTES]

    def written(self) -> str:
        """Return the key as people hand it on: name, identifier, type and key."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below the text. `octets` of a cosignature begin with its time."""

    name: str
    key_id: bytes
    octets: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, none of which is verified yet."""

    text: str
    signatures: tuple[Signature, ...]


def key(written: str) -> Key:
    """Read a key as `Key.written` has it. Raises BadNote."""
    name, _, rest = written.strip().partition("+")
    key_id, _, octets = rest.partition("+")
    found = _octets(octets)
    made = Key(name, found[0] if found else 0, found[1:])
    if not _NAME.fullmatch(name) or made.kind not in (ED25519, COSIGNATURE) or len(made.public) != KEY_BYTES or made.key_id.hex() != key_id:
        raise BadNote("not the key of a signer: name, identifier and Ed25519 key, with plus signs between them")
    return made


def signed_octets(text: str, kind: int, time_s: int = 0) -> bytes:
    """Return what a key of this type signs."""
    return (f"cosignature/v1\ntime {time_s}\n{text}" if kind == COSIGNATURE else text).encode()


def signature(signer: Key, octets: bytes, time_s: int = 0) -> Signature:
    """Return a signature that was made over `signed_octets` as it stands in a note."""
    return Signature(signer.name, signer.key_id, TIME.pack(time_s) + octets if signer.kind == COSIGNATURE else octets)


def write(note: Note) -> bytes:
    """Return a note as its octets."""
    lines = [f"— {one.name} {_base64(one.key_id + one.octets)}\n" for one in note.signatures]
    return f"{note.text}\n{''.join(lines)}".encode()


def read(octets: bytes) -> Note:
    """Read a note. Raises BadNote for anything that `write` would not have made."""
    border = octets.rfind(_SIGNATURES)
    if len(octets) > MAX_BYTES or border < 0 or not octets.endswith(b"\n"):
        raise BadNote("not a signed note")
    try:
        text, below = octets[: border + 1].decode(), octets[border + 2 : -1].decode()
    except UnicodeDecodeError as error:
        raise BadNote("not a signed note: no UTF-8") from error
    lines = below.split("\n")
    if len(lines) > MAX_SIGNATURES or any(character < " " and character != "\n" for character in text):
        raise BadNote("not a signed note: control characters, or more signatures than anybody needs")
    return Note(text, tuple([_signature(line) for line in lines]))


def signers(note: Note, known: Iterable[Key]) -> dict[Key, int]:
    """Return which known keys have signed, with the time in seconds that a cosignature names (0 for the others).

    Raises BadNote when one of them is said to have signed and has not.
    """
    found: dict[Key, int] = {}
    for signer in known:
        for one in note.signatures:
            if (one.name, one.key_id) == (signer.name, signer.key_id):
                found[signer] = _verified(note.text, signer, one.octets)
    return found


def _verified(text: str, signer: Key, octets: bytes) -> int:
    time_s = 0
    if signer.kind == COSIGNATURE:
        if len(octets) < TIME.size:
            raise BadNote(f"the signature of {signer.name} is cut off")
        (time_s,), octets = TIME.unpack(octets[: TIME.size]), octets[TIME.size :]
    try:
        Ed25519PublicKey.from_public_bytes(signer.public).verify(octets, signed_octets(text, signer.kind, time_s))
    except InvalidSignature as error:
        raise BadNote(f"the signature of {signer.name} is not genuine") from error
    return time_s


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    octets = _octets(found[2]) if found is not None else b""
    if found is None or len(octets) <= ID_BYTES or not _NAME.fullmatch(found[1]):
        raise BadNote("not a signed note: a line that is no signature")
    return Signature(found[1], octets[:ID_BYTES], octets[ID_BYTES:])


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(text: str) -> bytes:
    """Return the octets of base64 that is written in the one right way, b"" for any other."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return octets if _base64(octets) == text else b""
