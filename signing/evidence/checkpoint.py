"""Checkpoints: what a log was at a moment, signed by it and by its witnesses. Pure. The format tlog-checkpoint of C2SP.

Three lines: the name of the log, how many entries it has, its root in base64. They are the text of a signed note. Two checkpoints of one
log that are both genuine and do not follow from each other prove that it was rewritten.
"""

import base64
import re
from dataclasses import dataclass

from signing.evidence.merkle import HASH_BYTES
from signing.evidence.note import BadNote

MAX_SIZE = 1 << 63  # of a number in a database
_TEXT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n((?:[^\n]+\n)*)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The name of a log, the number of its leaves and their root; `more` are lines that others may add and nobody has to read."""

    origin: str
    size: int
    root: bytes
    more: tuple[str, ...] = ()


def write(checkpoint: Checkpoint) -> str:
    """Return the text that is signed."""
    lines = (checkpoint.origin, str(checkpoint.size), base64.b64encode(checkpoint.root).decode("ascii"), *checkpoint.more)
    return "".join([f"{line}\n" for line in lines])


def read(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint. Raises BadNote."""
    found = _TEXT.fullmatch(text)
    try:
        root = base64.b64decode(found[3], validate=True) if found is not None else b""
    except ValueError:  # binascii.Error, and text that is not ASCII
        root = b""
    if found is None or len(root) != HASH_BYTES or int(found[2]) >= MAX_SIZE:
        raise BadNote("not a checkpoint: the name of a log, its size and its root, a line each")
    checkpoint = Checkpoint(found[1], int(found[2]), root, tuple(found[4].splitlines()))
    if write(checkpoint) != text:
        raise BadNote("not a checkpoint: written in an unusual way")
    return checkpoint
