"""The signed trace on its way out and in: made with this node's key, judged by the topology, counted by day. Decision 0022."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from config.settings import Settings
from directory import resolve
from directory.errors import NotFound
from directory.manifest import topology
from directory.manifest.topology import Node
from mailcore.routing import identity, trace
from mailcore.routing.trace import Judgement, Mark, Trace
from mailcore.store.sealing import Content

HASH_BYTES = 1 << 20  # of the body in one step

_COUNT = """
    INSERT INTO trace_count (day, node, mark, messages) VALUES (:day, :node, :mark, :messages)
    ON CONFLICT (day, node, mark) DO UPDATE SET messages = trace_count.messages + excluded.messages
"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message on its way to another node: the name of this one, its envelope and its place in our queue."""

    node: str
    queue_id: str
    sender: str
    recipients: tuple[str, ...]


def own_name(tx: Tx, key_sha256: bytes) -> str:
    """Return what the topology calls the node with a key; "" for one that it has not."""
    node = topology.by_key(tx, key_sha256) if key_sha256 else None
    return "" if node is None else node.name


def body_sha256(raw: Content, start: int) -> bytes:
    """Return the hash of a message's body; a missing last line break counts as there, because DATA adds it (RFC 5321 §4.1.1.4)."""
    found = hashlib.sha256()
    for at in range(start, len(raw), HASH_BYTES):
        found.update(raw[at : at + HASH_BYTES])
    if len(raw) > start and raw[-2:] != b"\r\n":
        found.update(b"\r\n")
    return found.digest()


def added(settings: Settings, leaving: Leaving, header: bytes, body: bytes, now_us: int) -> bytes | None:
    """Return the field to put in front of a message, b"" when this node cannot sign; None for one that goes round.

    `header` is all up to and with the blank line, `body` the hash of what follows.
    """
    key = identity.signing(settings.tls.key) if leaving.node else None
    if key is None:
        return b""
    public, sign = key
    to = trace.recipients(leaving.recipients)
    if trace.goes_round(header, leaving.node, public, to):
        return None
    number, previous = trace.next_in(header)
    content, sender = trace.content(header, body), trace.hashed(leaving.sender.encode())
    return trace.written(Trace(leaving.node, number, now_us, leaving.queue_id, previous, content, sender, to, public), sign)


def judge(tx: Tx, header: bytes, body: bytes, sender: str, peer: str | None, author: str = "") -> Judgement | None:
    """Judge the trace of a message that another server brings; None for one that has none and needs none.

    `peer` is the node that showed its certificate, "" for none, None where none is asked for. `author` is the domain of its author.
    """
    begins = topology.of_domain(tx, author) if author else None
    return trace.judge(
        header,
        body,
        sender,
        now_us=tx.now_us,
        known=lambda name: _known(tx, name),
        peer=peer,
        claimed=_claimed(tx, sender.rpartition("@")[2]) or _claimed(tx, author),
        author="" if begins is None else begins.name,
    )


def is_free(tx: Tx, sender: str, header: bytes, author: str = "") -> bool:
    """Say whether a message needs no trace and has none, which is the case of all mail where there is no topology."""
    return b"iwan-trace" not in header.lower() and not any(_claimed(tx, domain) for domain in {sender.rpartition("@")[2], author})


def count(tx: Tx, counts: Mapping[tuple[int, str, Mark], int]) -> None:
    """Add to how messages came, by day, node and mark."""
    for (day, node, mark), messages in counts.items():
        tx.execute(_COUNT, day=day, node=node, mark=mark, messages=messages)


def _known(tx: Tx, name: str) -> Node | None:
    try:
        return topology.by_name(tx, name)
    except NotFound:
        return None


def _claimed(tx: Tx, domain: str) -> str:
    """Return the node that serves a domain; "" for outside, and for our own: nobody brings that."""
    node = topology.of_domain(tx, domain) if domain else None
    return "" if node is None or resolve.is_local_domain(tx, domain) else node.name


def node_of(tx: Tx, key_sha256: bytes) -> str:
    """Return the trusted node with a key, "" for none."""
    node = topology.by_key(tx, key_sha256)
    return "" if node is None or node.revoked_us is not None else node.name


def counts(tx: Tx, first_day: int) -> Sequence[tuple[int, str, str, int]]:
    """Return how messages came since a day: (day, node, mark, messages), the newest first."""
    sql = "SELECT day, node, mark, messages FROM trace_count WHERE day >= :first ORDER BY day DESC, node, mark"
    rows: Iterable[tuple[int, str, str, int]] = tx.rows(sql, first=first_day)
    return list(rows)
