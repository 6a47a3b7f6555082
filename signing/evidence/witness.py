"""What a witness is asked and answers: it signs a checkpoint only when the log has grown from the last one. Pure. C2SP tlog-witness.

A request names the size of the checkpoint that the witness signed last, proves that the new one begins with that, and holds the new one.
The answer is the line of the witness's signature. Over HTTP or as files that somebody carries, it is the same text.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signing.evidence import checkpoint, merkle, note
from signing.evidence.checkpoint import MAX_SIZE, Checkpoint
from signing.evidence.note import MAX_BYTES, MAX_SIGNATURES, BadNote, Key, Note

PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"  # of an answer that says which size the witness knows
MAX_PROOF = 63  # hashes; tlog-witness allows no more
_MAX_OLD, _MAX_HASH = 24, 45  # octets of the line of a size of 19 digits, and of one of a hash in base64
_MAX_TEXT = 1_200  # of a checkpoint: an origin of 255 characters, which may have four octets each, a size, a root
_MAX_SIGNATURE = 1_140  # of a signature's line: a dash, a name as long as an origin, 76 octets in base64
MAX_REQUEST_BYTES = _MAX_OLD + MAX_PROOF * _MAX_HASH + 1 + _MAX_TEXT + 1 + MAX_SIGNATURES * _MAX_SIGNATURE  # with every witness's, 115 KiB
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Refused(Exception):
    """A request that is not answered with a signature: `status` as HTTP has it, `size` the one that the witness knows with 409."""

    def __init__(self, status: int, text: str, size: int = -1) -> None:
        super().__init__(text)
        self.status, self.text, self.size = status, text, size


@dataclass(frozen=True, slots=True)
class Request:
    """A new checkpoint, and the proof that it begins with the one of `old` leaves."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """The last checkpoint of a log that a witness has signed."""

    size: int
    root: bytes


def write(request: Request) -> bytes:
    """Return a request as its octets."""
    proof = [base64.b64encode(one).decode("ascii") for one in request.proof]
    return "\n".join([f"old {request.old}", *proof, "", ""]).encode() + request.note


def read(octets: bytes) -> Request:
    """Read a request. Raises Refused."""
    head, border, rest = octets[:MAX_BYTES].partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").split("\n")
    found = _OLD.fullmatch(first)
    if found is None or not border or len(lines) > MAX_PROOF or int(found[1]) >= MAX_SIZE:
        raise Refused(400, "not a request of a log: an old size, a proof, an empty line, a checkpoint")
    try:
        proof = tuple([base64.b64decode(line, validate=True) for line in lines])
    except ValueError as error:  # binascii.Error, and octets that are not ASCII
        raise Refused(400, "not a request of a log: a line of the proof is not base64") from error
    return Request(int(found[1]), proof, rest)


def origin(request: Request) -> str:
    """Return which log a request says that it is of. Raises Refused."""
    return _read(request.note)[1].origin


def judge(request: Request, logs: Iterable[Key], known: Known | None) -> tuple[str, Checkpoint]:
    """Return the text to cosign and what it says, when a known log signed it and has grown from what it was. Raises Refused."""
    text, made = genuine(request, logs)
    before = known or Known(0, merkle.EMPTY)
    if request.old > made.size:
        raise Refused(400, "the new checkpoint is smaller than the old one")
    if request.old != before.size:
        raise Refused(409, str(before.size), before.size)
    _check_growth(before, made, request.proof)
    return text, made


def genuine(request: Request, logs: Iterable[Key]) -> tuple[str, Checkpoint]:
    """Return the text that a known log signed and what it says. Raises Refused: strangers are told so before anything is looked up."""
    signed, made = _read(request.note)
    keys = [key for key in logs if key.name == made.origin]
    if not keys:
        raise Refused(404, f"the log {made.origin} is none that this witness knows")
    try:
        if not note.signers(signed, keys):
            raise Refused(403, f"the key of {made.origin} has not signed this checkpoint")
    except BadNote as error:
        raise Refused(403, str(error)) from error
    return signed.text, made


def _check_growth(before: Known, made: Checkpoint, proof: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.4.2. Raises Refused: a log that has not grown from what it was must be heard of."""
    if before.size == made.size and before.root != made.root:
        raise Refused(409, "two checkpoints of one size: the log was rewritten", before.size)
    if not before.size:
        if proof:
            raise Refused(422, "nothing was known before, so nothing can be proven")
    elif not merkle.is_consistent(before.size, before.root, made.size, made.root, proof):
        raise Refused(422, "the log has not grown from what it was")


def write_answer(signature: note.Signature) -> bytes:
    """Return the answer of a witness."""
    return note.write(Note("", (signature,))).lstrip(b"\n")


def read_answer(octets: bytes, signed: Note, witness: Key) -> note.Signature:
    """Return the signature of a witness in its answer about a note. Raises BadNote."""
    found = [one for one in note.read(signed.text.encode() + b"\n" + octets).signatures if (one.name, one.key_id) == _name(witness)]
    if not found or witness not in note.signers(Note(signed.text, (found[0],)), (witness,)):
        raise BadNote(f"no signature of {witness.name}")
    return found[0]


def added(signed: Note, signature: note.Signature) -> Note:
    """Return a note with one more signature, in the place of an older one by the same key."""
    kept = [one for one in signed.signatures if (one.name, one.key_id) != (signature.name, signature.key_id)]
    return Note(signed.text, (*kept, signature))


def _name(witness: Key) -> tuple[str, bytes]:
    return witness.name, witness.key_id


def _read(octets: bytes) -> tuple[Note, Checkpoint]:
    try:
        signed = note.read(octets)
        return signed, checkpoint.read(signed.text)
    except BadNote as error:
        raise Refused(400, str(error)) from error
