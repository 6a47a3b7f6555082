"""FETCH sections: which octets a client asked for. RFC 3501 §6.4.5, RFC 9051 §6.4.5.1."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mailcore.message import headers
from mailcore.message.types import Fields, Header, Span


@dataclass(frozen=True, slots=True)
class Section:
    """What stands between the brackets of BODY[…]. `kind` is upper case or "", `names` are as sent."""

    path: str = ""  # "" or "1.2"
    kind: str = ""  # "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"
    names: tuple[bytes, ...] = ()


def extract(raw: bytes, header: Header, section: Section) -> bytes | None:
    """Return the octets of a section, as received; None when the message has no such part (NIL)."""
    bounds = locate(header, section)
    if bounds is not None:
        return raw[bounds[0] : bounds[1]]
    if not section.path:
        return from_header(header, section)
    bounds = embedded_header(header, section)
    return None if bounds is None else chosen(raw[bounds[0] : bounds[1]], section)


def embedded_header(header: Header, section: Section) -> tuple[int, int] | None:
    """Return where the header of an embedded message lies of which a section names fields; None for other sections."""
    root = _embedded(header.spans, section.path)
    if root is None or not section.kind.startswith("HEADER.FIELDS"):
        return None
    return root.header_start, root.body_start


def chosen(octets: bytes, section: Section) -> bytes:
    """Return those fields of a header that a section names (or does not name)."""
    fields, _ = headers.scan(octets)
    return selector(section)([(field.lower, octets[field.start : field.end]) for field in fields])


def locate(header: Header, section: Section) -> tuple[int, int] | None:
    """Return where a section's octets lie, so that they can be read alone; None when it is no slice of the message."""
    spans = header.spans
    if not section.path:
        root = spans[0]
        return {
            "": (0, root.end),
            "HEADER": (0, header.header_bytes),
            "TEXT": (header.header_bytes, root.end),
        }.get(section.kind)
    span = find(spans, section.path)
    if span is None:
        empty = section.path == "1" and not section.kind and _is_empty_multipart(spans[0])
        return (spans[0].end, spans[0].end) if empty else None  # BODYSTRUCTURE shows one empty part where a multipart has none
    if section.kind == "":
        return span.body_start, span.end
    if section.kind == "MIME":
        return span.header_start, span.body_start
    root_ = _embedded(spans, section.path)
    if root_ is None:
        return None
    return {"HEADER": (root_.header_start, root_.body_start), "TEXT": (root_.body_start, root_.end)}.get(section.kind)


def find(spans: list[Span], path: str) -> Span | None:
    """Return the part a number names. "1" names the root when that is no multipart."""
    position = _position(spans, path)
    return None if position is None else spans[position]


def from_header(header: Header | Fields, section: Section) -> bytes | None:
    """Return HEADER, HEADER.FIELDS or HEADER.FIELDS.NOT of the message without its octets; None for other sections."""
    if section.path:
        return None
    if section.kind == "HEADER":
        return octets(header)
    if section.kind.startswith("HEADER.FIELDS"):
        return selector(section)(header.fields)
    return None


def octets(header: Header | Fields) -> bytes:
    """Return the header as received, the blank line included."""
    joined = b"".join([field for _, field in header.fields])
    blank = header.header_bytes - len(joined)
    return joined + (b"\r\n" if blank == 2 else b"\n"[:blank])


def selector(section: Section) -> Callable[[Iterable[tuple[bytes, bytes]]], bytes]:
    """Return what picks the fields whose name is (or is not) listed, in order, duplicates kept, and a blank line."""
    names = frozenset(name.lower() for name in section.names)
    wanted = section.kind == "HEADER.FIELDS"

    def select(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
        if wanted:
            picked = [field for name, field in fields if name in names]
        else:
            picked = [field for name, field in fields if name not in names]
        if picked and not picked[-1].endswith(b"\n"):
            picked.append(b"\r\n")
        picked.append(b"\r\n")
        return b"".join(picked)

    return select


def _position(spans: list[Span], path: str) -> int | None:
    if path == "1" and spans[0].type != "multipart":
        return 0
    for position, span in enumerate(spans):
        if span.path == path:
            return position
    return None


def _embedded(spans: list[Span], path: str) -> Span | None:
    """Return the root of the message that a message/rfc822 part holds."""
    position = _position(spans, path)
    if position is None or not spans[position].is_message or not spans[position].children:
        return None
    return spans[position + 1]


def _is_empty_multipart(span: Span) -> bool:
    return span.type == "multipart" and not span.children
