"""The protocol of key ceremonies: what was done, by whom, before whom, line after line, each bound to the one before, pure.

A line is JSON with sorted keys; `after` is the SHA-256 of the line before it (64 zeros for the first). The root key signs all of it,
ECDSA over SHA-384, so that `openssl dgst -sha384 -verify` is enough to check it.
"""

from hashlib import sha256
from typing import Any

import msgspec

FIRST = "0" * 64


class Broken(ValueError):
    """A protocol that was changed; the text names the line."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step. `facts` are texts by name."""

    after: str
    at: str
    number: int
    step: str
    facts: dict[str, str] = {}
    present: list[str] = []


def added(protocol: bytes, at: str, step: str, facts: dict[str, str], present: tuple[str, ...] = ()) -> bytes:
    """Return the protocol with another step. Raises Broken."""
    steps = read(protocol)
    after = _digest(protocol.splitlines()[-1]) if steps else FIRST
    line: dict[str, Any] = {"after": after, "at": at, "facts": facts, "number": len(steps) + 1, "present": list(present), "step": step}
    return protocol + msgspec.json.encode(line, order="sorted") + b"\n"


def read(protocol: bytes) -> list[Step]:
    """Return the steps. Raises Broken when one was changed, removed or put in."""
    if protocol and not protocol.endswith(b"\n"):
        raise Broken("the last line is not whole")
    found: list[Step] = []
    after = FIRST
    for number, line in enumerate(protocol.splitlines(), 1):
        try:
            step = msgspec.json.decode(line, type=Step)
        except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
            raise Broken(f"line {number} is no step: {reason}") from reason
        if (step.after, step.number) != (after, number):
            raise Broken(f"line {number} does not follow from the one before it: one of them was changed")
        found.append(step)
        after = _digest(line)
    return found


def _digest(line: bytes) -> str:
    return sha256(line).hexdigest()
