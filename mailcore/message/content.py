"""What a reader sees of a message: decoded parts, the text to show, what is attached. RFC 2045 §6, RFC 2046 §5.1.4."""

import re
from dataclasses import dataclass
from html import unescape

from mailcore.message import charsets, words
from mailcore.message.types import Header, Span

PREVIEW_CHARS = 200  # RFC 8970 §3.2
_PREVIEW_OCTETS = {"plain": 2048, "html": 8192}  # of a part, read to find them
_SIGNATURES = {("application", "pkcs7-signature"), ("application", "x-pkcs7-signature"), ("application", "pgp-signature")}
_REPORTS = {
    ("message", "delivery-status"),
    ("message", "global-delivery-status"),
    ("message", "disposition-notification"),
    ("text", "rfc822-headers"),
    ("message", "global-headers"),
}
_TAG = re.compile(r"<(/?[A-Za-z!][^\s/>]*+)?[^>]*+>?")
_HIDDEN = {"style", "script", "head", "title"}
# Elements that stand within a word as well as around it (HTML Living Standard §4.5): no blank comes in their place.
_INLINE = {
    *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "nobr", "q"),
    *("s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"),
}
_QUOTE = re.compile(r"^>.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Readable:
    """The text of a message and what hangs on it.

    `plain` and `html` are two forms of one text; `html` is untrusted. `inline`: images by the Content-ID that the HTML
    refers to. Everything else, an embedded message included, is in `attachments`: no leaf is lost.
    """

    plain: str | None
    html: str | None
    attachments: tuple[Span, ...]
    inline: dict[str, Span]


@dataclass(frozen=True, slots=True)
class _Choice:
    plain: Span | None
    html: Span | None
    attachments: tuple[Span, ...]
    inline: tuple[Span, ...]


def decoded(raw: bytes, span: Span) -> bytes:
    """Return a part's body without its transfer encoding. Never raises; what is broken decodes as far as it goes."""
    return charsets.transfer_decode(raw[span.body_start : span.end], span.encoding)


def decoded_size(raw: bytes, span: Span) -> int:
    """Return about how many octets a part has once decoded, without decoding it: exact for well-formed base64."""
    size_bytes = span.end - span.body_start
    if span.encoding != "base64":
        return size_bytes
    digits = size_bytes - sum(raw.count(octet, span.body_start, span.end) for octet in (b"\r", b"\n", b"="))
    return digits * 3 // 4


def text(raw: bytes, span: Span) -> str:
    """Return a text part's characters, lines ended by LF alone."""
    return charsets.decode(decoded(raw, span), span.charset).replace("\r\n", "\n")


def readable(raw: bytes, header: Header) -> Readable:
    """Return the text to show and the rest. A multipart without parts shows its octets as text."""
    chosen = _choose(header.spans)
    if not any(span.type != "multipart" for span in header.spans):
        return Readable(charsets.decode(raw[header.spans[0].body_start :], "").replace("\r\n", "\n"), None, (), {})
    return Readable(
        text(raw, chosen.plain) if chosen.plain else None,
        text(raw, chosen.html) if chosen.html else None,
        chosen.attachments,
        {span.content_id: span for span in chosen.inline},
    )


def survey(raw: bytes, spans: list[Span]) -> tuple[str, int]:
    """Return the first PREVIEW_CHARS characters to read, on one line without quoted lines, and the attachment count."""
    chosen = _choose(spans)
    span = chosen.plain or chosen.html
    return _preview(raw, span) if span else "", len(chosen.attachments)


def _preview(raw: bytes, span: Span) -> str:
    end = min(span.end, span.body_start + _PREVIEW_OCTETS[span.subtype])
    shown = charsets.decode(charsets.transfer_decode(raw[span.body_start : end], span.encoding), span.charset)
    if span.subtype == "html":
        shown = without_tags(shown)
    elif ">" in shown:
        shown = _QUOTE.sub("", shown)
    else:
        line = " ".join(shown[: 2 * PREVIEW_CHARS].split())
        if len(line) > PREVIEW_CHARS:  # nearly always: fewer blanks than words
            return words.beginning(line, PREVIEW_CHARS)
        shown = shown[: 4 * PREVIEW_CHARS]
    return words.beginning(" ".join(shown.split()), PREVIEW_CHARS)


def without_tags(html: str) -> str:
    """Return what a page says, roughly: for previews and search, never for display as HTML."""
    shown = []
    hidden, at = "", 0
    for tag in _TAG.finditer(html):
        name = (tag[1] or "").lower()
        if not hidden:
            shown.append(html[at : tag.start()])
            hidden = name if name in _HIDDEN else ""
            if name.removeprefix("/") not in _INLINE:
                shown.append(" ")
        elif name == "/" + hidden:
            hidden = ""
        at = tag.end()
    if not hidden:
        shown.append(html[at:])
    return unescape("".join(shown))


def _choose(spans: list[Span]) -> _Choice:
    """Sort the leaves of a message into text, inline images and attachments.

    The first text leaf is the text. A second form counts only inside the same multipart/alternative: a page that was
    merely attached must not replace the text, nor be glued to it (one leaf, one document).
    """
    first: dict[str, tuple[Span, int]] = {}
    attached: list[Span] = []
    inline: list[Span] = []
    for span, alternative in _leaves(spans):
        if _is_body(span) and (not first or (span.subtype not in first and alternative in _groups(first))):
            first[span.subtype] = (span, alternative)
        elif span.content_id and span.type == "image" and span.disposition != "attachment":
            inline.append(span)
        elif (span.type, span.subtype) not in _SIGNATURES and (span.filename or (span.type, span.subtype) not in _REPORTS):
            attached.append(span)
    plain, html = first.get("plain"), first.get("html")
    if html is None:
        attached, inline = attached + inline, []
    return _Choice(plain[0] if plain else None, html[0] if html else None, tuple(attached), tuple(inline))


def _groups(first: dict[str, tuple[Span, int]]) -> set[int]:
    return {group for _, group in first.values() if group >= 0}


def _is_body(span: Span) -> bool:
    return (
        span.type == "text"
        and span.subtype in {"plain", "html"}
        and span.disposition != "attachment"
        and not (span.filename and span.disposition)
    )


def _leaves(spans: list[Span]) -> list[tuple[Span, int]]:
    """Return the leaves with the position of the nearest multipart/alternative above (-1: none).

    An embedded message is one leaf. The tree is flat: an open multipart knows how many children are still to come.
    """
    found: list[tuple[Span, int]] = []
    open_: list[list[int]] = []  # [children still to come, alternative, 1 inside an embedded message]
    for position, span in enumerate(spans):
        while open_ and open_[-1][0] == 0:
            open_.pop()
        alternative, hidden = -1, 0
        if open_:
            open_[-1][0] -= 1
            alternative, hidden = open_[-1][1:]
        if span.type != "multipart" and not hidden:
            found.append((span, alternative))
        if span.children:
            inner = position if (span.type, span.subtype) == ("multipart", "alternative") else alternative
            open_.append([span.children, inner, hidden or int(span.is_message)])
    return found
