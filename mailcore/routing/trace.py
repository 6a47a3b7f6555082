"""The trace that nodes sign: one field for each hop between nodes, over all that stands behind it. Pure. Decision 0022.

Like Received (RFC 5322 §3.6.7) it is put in front, and nothing behind it is changed. A reader that knows the topology finds any
octet that was altered since, any hop that is not a node's, and a node that writes in another's name.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from config.clock import DAY_US, MINUTE_US
from directory.manifest.topology import Node
from mailcore.routing.keys import fits

FIELD, RESULT = "Diwan-Trace", "Diwan-Trace-Result"
MAX_TRACES = 50  # as many as a message may have hops
MAX_AGE_US = 14 * DAY_US  # five days in each of two queues, and time for a stick; an old message that comes again is no news
SKEW_US = 10 * MINUTE_US  # between the clocks of two nodes
NO_PREVIOUS = "0"

# good: each hop is a node's and nothing was altered. missing: a node's domain, but no trace. unknown: a hop whose node or key the
# topology has not. revoked: one that it trusts no more. broken: altered, cut, out of order or too old. stranger: brought by somebody
# else than the node that signed last. other: the first hop is not the node that serves the author's domain, or
# that of the sender's is not among the hops.
Mark = Literal["good", "missing", "unknown", "revoked", "broken", "stranger", "other"]
MARKS: tuple[Mark, ...] = ("good", "missing", "unknown", "revoked", "broken", "stranger", "other")

_HASH = rb"[A-Za-z0-9_-]{43}"
_TRACE = re.compile(
    rb"Diwan-Trace: v=1; n=([a-z0-9.-]{1,63}); i=([1-9][0-9]?); t=([0-9]{1,16}); q=([0-9A-Z]{1,20});\r\n"
    rb" p=(" + _HASH + rb"|0);\r\n c=(" + _HASH + rb");\r\n f=(" + _HASH + rb");\r\n r=(" + _HASH + rb");\r\n"
    rb" k=([A-Za-z0-9_-]{50,200});\r\n s=([A-Za-z0-9_-]{86})\r\n"
)
_ANY = re.compile(rb"(?mi)^diwan-trace[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|\Z)")
# What receivers rename when it bears their own name (RFC 8601 §5) is not covered.
_UNCOVERED = re.compile(rb"(?mi)^(?:authentication-results|x-foreign-auth-results)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_RESULT = re.compile(rb"(?i)diwan-trace-result: ([^;\r\n]+);\s+trace=([a-z]+)(?:;\s+node=([a-z0-9.-]+))?(?:;\s+hops=(\d+))?\s*")


@dataclass(frozen=True, slots=True)
class Trace:
    """One hop: the node that sent, when, as which of its queue, and hashes of what it was and of the field before."""

    node: str
    number: int
    time_us: int
    queue_id: str
    previous: str
    content: str
    sender: str
    recipients: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the trace of a message is worth. `node` is the last that signed, or the one that should have."""

    mark: Mark
    node: str = ""
    hops: int = 0


def hashed(octets: bytes) -> str:
    """Return the SHA-256 of octets as a trace holds it."""
    return _text(hashlib.sha256(octets).digest())


def content(header: bytes, body_sha256: bytes) -> str:
    """Return the hash of a message: its header (with the blank line) but for what receivers rename, and its body."""
    return hashed(_UNCOVERED.sub(b"", header) + body_sha256)


def recipients(addresses: Iterable[str]) -> str:
    """Return the hash of those to whom a message was sent together: whoever sends it to them again sends it round."""
    return hashed("\n".join(sorted(address.lower() for address in addresses)).encode())


def written(trace: Trace, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the field: what stands before its signature is what is signed, octet for octet."""
    octets = (
        f"{FIELD}: v=1; n={trace.node}; i={trace.number}; t={trace.time_us}; q={trace.queue_id};\r\n"
        f" p={trace.previous};\r\n c={trace.content};\r\n f={trace.sender};\r\n r={trace.recipients};\r\n"
        f" k={_text(trace.key)};\r\n s="
    ).encode("ascii")
    return octets + _text(sign(octets)).encode("ascii") + b"\r\n"


def next_in(header: bytes) -> tuple[int, str]:
    """Return the number of the next hop of a message and the hash of the field of the last one."""
    found = _ANY.findall(header)
    return (len(found) + 1, hashed(found[0])) if found else (1, NO_PREVIOUS)


def goes_round(header: bytes, node: str, key: bytes, to: str) -> bool:
    """Say whether a node has sent this message to the same recipients before. `to` is what `recipients` gives."""
    if b"n=" + node.encode() not in header:
        return False
    return any(
        trace.node == node and trace.recipients == to and trace.key == key and _signed(trace, octets)
        for octets in _ANY.findall(header)
        if (trace := _read(octets)) is not None
    )


def judge(
    header: bytes,
    body_sha256: bytes,
    sender: str,
    *,
    now_us: int,
    known: Callable[[str], Node | None],
    peer: str | None = None,
    claimed: str = "",
    author: str = "",
) -> Judgement | None:
    """Judge the trace of a message as another server brought it; None when it needs none and has none.

    `header` is all up to and with the blank line, as it came. `peer` is the node that showed its certificate, "" for none, None
    where none is asked for. `claimed` is the node that serves the domain of the sender, or else of the author, "" for none. `author` is
    the one where the author's letters begin: readers see the author, and the envelope may say anything.
    """
    found = list(_ANY.finditer(header))
    if not found:
        return Judgement("missing", claimed) if claimed else None
    traces = [_read(each[0]) for each in found[: MAX_TRACES + 1]]
    top = traces[0]
    if len(traces) > MAX_TRACES or top is None:
        return Judgement("broken", claimed, len(found))
    mark = _chain(header, body_sha256, found, traces, known, now_us)
    if mark == "good" and (found[0].start() or peer not in (None, top.node)):
        mark = "stranger"
    if mark == "good" and top.sender != hashed(sender.encode()):
        mark = "broken"
    if mark == "good" and not _begins_at([each.node for each in traces if each is not None], claimed, author):
        mark = "other"
    return Judgement(mark, top.node, len(found))


def _begins_at(nodes: list[str], claimed: str, author: str) -> bool:
    """Say whether hops, the last one first, begin where they should: a list's node puts its owner's name on the envelope."""
    if author:
        return nodes[-1] == author and (not claimed or claimed in nodes)
    return not claimed or nodes[-1] == claimed


def _chain(
    header: bytes,
    body_sha256: bytes,
    found: "list[re.Match[bytes]]",
    traces: list[Trace | None],
    known: Callable[[str], Node | None],
    now_us: int,
) -> Mark:
    """Judge each hop, the last one first: a node's, signed by its key, over all behind it and the hop before."""
    for place, (match, trace) in enumerate(zip(found, traces, strict=True)):
        if trace is None:
            return "broken"
        node = known(trace.node)
        if node is None or node.key_sha256 != hashlib.sha256(trace.key).digest():
            return "unknown"
        if node.revoked_us is not None:
            return "revoked"
        previous = hashed(found[place + 1][0]) if place + 1 < len(found) else NO_PREVIOUS
        if trace.previous != previous or trace.number != len(found) - place or not _signed(trace, match[0]):
            return "broken"
        if trace.content != content(header[match.end() :], body_sha256):
            return "broken"
        if not now_us - MAX_AGE_US <= trace.time_us <= now_us + SKEW_US:
            return "broken"
    return "good"


def result(host: str, judgement: Judgement) -> bytes:
    """Return the field that says what we found, for whoever reads the message. It goes to the very top."""
    node = f"; node={judgement.node}" if judgement.node else ""
    return f"{RESULT}: {host}; trace={judgement.mark}{node}; hops={judgement.hops}\r\n".encode("ascii")


def read_result(fields: Iterable[tuple[bytes, bytes]]) -> Judgement | None:
    """Return what we found when a message came, from its header's (name, octets); what stands below a Received is a stranger's."""
    for name, octets in fields:
        if name == b"received":
            return None
        match = _RESULT.fullmatch(octets) if name == b"diwan-trace-result" else None
        mark = next((each for each in MARKS if match is not None and each.encode() == match[2]), None)
        if match is not None and mark is not None:
            return Judgement(mark, (match[3] or b"").decode("ascii"), int(match[4] or 0))
    return None


def _read(octets: bytes) -> Trace | None:
    """Return a field as a value, None when it has not exactly the form in which we write it."""
    match = _TRACE.fullmatch(octets)
    if match is None:
        return None
    node, number, time_us, queue_id, previous, covered, sender, to, key, _ = (part.decode("ascii") for part in match.groups())
    return Trace(node, int(number), int(time_us), queue_id, previous, covered, sender, to, _octets(key))


def _signed(trace: Trace, octets: bytes) -> bool:
    text = octets[octets.rindex(b"s=") + 2 : -2]
    signature = _octets(text.decode("ascii"))
    return _text(signature).encode() == text and fits(trace.key, octets[: -len(text) - 2], signature)


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
