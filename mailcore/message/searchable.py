"""The text of a message as a search reads it: its header, its text parts, the names of what is attached. RFC 9051 §6.4.4.

Text is decoded (RFC 2047, RFC 2045 §6) and HTML stands without its tags. A message inside counts as body, its header too.
What is not text, a PDF for instance, is not looked into.
"""

from collections.abc import Iterator

from mailcore.message import charsets, content, headers
from mailcore.message.types import Header, Span
from mailcore.message.words import decode_words

_READ_AS_TEXT = {  # leaves that are text by another name (RFC 3464 §2.1, RFC 8098 §3.1, RFC 6533)
    ("message", "delivery-status"),
    ("message", "global-delivery-status"),
    ("message", "disposition-notification"),
    ("message", "global-disposition-notification"),
}


def header_texts(header: Header) -> Iterator[str]:
    """Yield each field, its name included, decoded and on one line."""
    for _, octets in header.fields:
        yield _field(octets)


def body_texts(raw: bytes, header: Header) -> Iterator[str]:
    """Yield each piece of text below the header, in reading order. Never raises, whatever the octets."""
    if not any(span.type != "multipart" for span in header.spans):  # a multipart without parts: its octets are all there is
        yield charsets.decode(raw[header.spans[0].body_start :], "")
        return
    inside = False
    for span in header.spans:
        if inside:
            yield from _header_of(raw, span)
        inside = span.is_message and span.children > 0
        if span.filename:
            yield span.filename
        if not span.children and (span.type == "text" or (span.type, span.subtype) in _READ_AS_TEXT):
            text = content.text(raw, span)
            yield content.without_tags(text) if span.subtype == "html" else text


def _header_of(raw: bytes, span: Span) -> Iterator[str]:
    fields, _ = headers.scan(raw, span.header_start, span.body_start)
    for field in fields:
        yield _field(raw[field.start : field.end])


def _field(octets: bytes) -> str:
    unfolded = headers.unfold(octets)
    if b"=?" not in unfolded and unfolded.isascii():
        return unfolded.decode("ascii")
    return decode_words(unfolded)
