"""A letter that was wrapped in another, as a letter of its own: its header fields and its entity put together. Pure.

RFC 9788 §4 (protected header fields count in place of those outside), RFC 8551 §3 (what is wrapped is a MIME entity).
"""

import re
from collections.abc import Sequence

from mailcore.message import headers
from mailcore.message.index import index
from webmail.letters import PROTECTED, hp, whole
from webmail.reading import Opened

MIME_VERSION = b"MIME-Version: 1.0\r\n"  # the last field of the letter, before those of its entity
FORM = (b"content-", b"mime-version")  # fields that say how the outer letter is made
_FIELD = re.compile(rb"\A[!-9;-~]+:")
_BOUNDARY = re.compile(rb'boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
Fields = Sequence[tuple[bytes, bytes]]


def is_entity(octets: bytes) -> bool:
    """Say whether octets begin as a MIME entity does: what random octets, the fruit of a wrong key, hardly ever do."""
    return bool(_FIELD.match(octets))


def letter(outer: Fields, entity: bytes) -> bytes:
    """Return the letter inside: the header of the one outside, its protected fields in place of the others, and the entity.

    The author stays the one that is named outside, where it can be seen by whoever passes letters on; another one inside
    is told by `author_differs`. Other fields of the entity are dropped: nobody has looked at them, and they would stand in the
    header as if our own servers had let them in.
    """
    copies = protected(entity)
    named = any(name == b"from" for name, _ in outer)
    kept = [octets for name, octets in outer if not name.startswith(FORM) and (name == b"from" or name not in copies)]
    placed = [octets for name, octets in copies.items() if name != b"from" or not named]
    return b"".join((*kept, *placed, MIME_VERSION, _bare(entity, copies)))


def _bare(entity: bytes, copies: dict[bytes, bytes]) -> bytes:
    """Return an entity whose header has only what says how it is made, and what is protected there."""
    fields, body_start = headers.scan(entity)
    found = [(field.lower, entity[field.start : field.end]) for field in fields]
    head = [octets for name, octets in found if name.startswith(FORM) or copies.get(name) == octets]
    return b"".join((*head, entity[fields[-1].end if fields else 0 : body_start], entity[body_start:]))


def opened(came: Opened, entity: bytes) -> Opened:
    """Return the letter inside one that was opened."""
    raw = letter(came.header.fields, entity)
    found = index(raw)
    return Opened(came.mailbox, came.stored, found.summary, found.header, raw)


def copies_of(within: Opened) -> dict[bytes, bytes]:
    """Return the protected header fields of a letter inside, as `protected` does."""
    _above, _line, entity = (b"\r\n" + within.raw).partition(b"\r\n" + MIME_VERSION)
    return protected(entity)


def author_differs(outer: Fields, copies: dict[bytes, bytes]) -> bool:
    """Say whether the author named inside, among what is protected there, is not the one outside (RFC 9788 §4.4)."""
    inside = copies.get(b"from")
    outside = next((octets for name, octets in outer if name == b"from"), b"")
    return inside is not None and _plain(inside) != _plain(outside)


def protected(entity: bytes) -> dict[bytes, bytes]:
    """Return the header fields that travel inside with `hp`, whole, by their lower-case names; {} when there are none.

    A Reply-To that the author did not write is b"" there: whoever sends an encrypted letter on must not get the answer to it.
    """
    start = _payload(entity)
    fields, _ = headers.scan(entity, start)
    found = {field.lower: entity[field.start : field.end] for field in reversed(fields)}
    if not hp(found.get(b"content-type", b"")):
        return {}
    copies = {name: found[name] for name in PROTECTED if name in found}
    return {b"reply-to": b"", **copies} if whole(found[b"content-type"]) else copies


def _payload(entity: bytes) -> int:
    """Return where the entity begins that carries the protected fields: the one that is signed, where one is."""
    fields, body_start = headers.scan(entity)
    kind = next((headers.unfold(entity[field.value_start : field.end]) for field in fields if field.lower == b"content-type"), b"")
    mark = _BOUNDARY.search(kind) if kind.strip().lower().startswith(b"multipart/signed") else None
    if mark is None:
        return 0
    delimiter = b"--" + (mark[1] or mark[2]) + b"\r\n"
    at = entity.find(delimiter, body_start)
    return 0 if at < 0 else at + len(delimiter)


def _plain(field: bytes) -> bytes:
    return b" ".join(headers.unfold(field.partition(b":")[2]).split())
