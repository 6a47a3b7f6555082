"""The text of a letter as the body test reads it. Pure. RFC 5173.

Types are compared as §5.2 says; a multipart gives what stands before and after its parts, an embedded message its header.
"""

from collections.abc import Iterator, Sequence

from mailcore.message import charsets, content
from mailcore.message.types import Span
from mailcore.sieve import limits
from mailcore.sieve.letter import Letter


def raw(letter: Letter) -> list[str]:
    """Return the body as it was received, in one piece (§5.1)."""
    octets = letter.raw or b""
    start = letter.header.header_bytes
    return [octets[start : start + limits.MAX_BODY_BYTES].decode("utf-8", "replace")]


def of_types(letter: Letter, types: Sequence[str]) -> list[str]:
    """Return each part of one of these types, decoded (§5.2)."""
    wanted = [each.lower() for each in types if _is_type(each)]
    spans = letter.header.spans
    return [_decoded(letter, number) for number, span in enumerate(spans) if any(_is_of(span, each) for each in wanted)]


def text(letter: Letter) -> list[str]:
    """Return what there is to read: each text part, HTML without its tags (§5.3); found once, however many tests ask for it."""
    if letter.shown is None:
        texts = [number for number, span in enumerate(letter.header.spans) if span.type == "text" and not span.children]
        letter.shown = [_shown(letter, number) for number in texts]
    return letter.shown


def _shown(letter: Letter, number: int) -> str:
    decoded = _decoded(letter, number)
    return content.without_tags(decoded) if letter.header.spans[number].subtype == "html" else decoded


def _is_type(text: str) -> bool:
    """Say whether this can name a type; what cannot matches nothing."""
    return text.count("/") <= 1 and not text.startswith("/") and not text.endswith("/")


def _is_of(span: Span, wanted: str) -> bool:
    return not wanted or wanted in (span.type, f"{span.type}/{span.subtype}")


def _decoded(letter: Letter, number: int) -> str:
    if number not in letter.parts:
        letter.parts[number] = _read(letter.raw or b"", letter.header.spans, number)[: limits.MAX_BODY_BYTES]
    return letter.parts[number]


def _read(octets: bytes, spans: Sequence[Span], number: int) -> str:
    span = spans[number]
    if span.is_message and span.children:
        return _crlf(octets[spans[number + 1].header_start : spans[number + 1].body_start].decode("utf-8", "replace"))
    if span.children:
        return _around(octets, spans, number)
    body = octets[span.body_start : min(span.end, span.body_start + 2 * limits.MAX_BODY_BYTES)]
    plain = charsets.transfer_decode(body, span.encoding)
    return _crlf(charsets.decode(plain, span.charset if span.type == "text" else ""))


def _around(octets: bytes, spans: Sequence[Span], number: int) -> str:
    """Return what stands before the first part of a multipart and behind the last one (§5.2)."""
    span, children = spans[number], list(_children(spans, number))
    before = octets[span.body_start : children[0].header_start].rpartition(b"\n--")[0]
    after = octets[children[-1].end : span.end].lstrip(b"\r\n").partition(b"\n")[2]
    return _crlf((before + b"\n" + after).decode("utf-8", "replace"))


def _children(spans: Sequence[Span], number: int) -> Iterator[Span]:
    """Yield the parts right below one: the tree is flat, each part before its own."""
    at = number + 1
    for _ in range(spans[number].children):
        yield spans[at]
        open_ = 1
        while open_:
            open_ += spans[at].children - 1
            at += 1


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
