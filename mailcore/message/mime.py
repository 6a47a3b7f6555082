"""The tree of a message's parts, as offsets into its octets. RFC 2045, RFC 2046 §5, RFC 2183, RFC 2557.

No recursion: a list of parts still to open. Each level looks only inside its parent, so that neither a repeated
boundary nor a message that seems to hold itself can go round in circles.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailcore.message import headers, params
from mailcore.message.headers import Field
from mailcore.message.params import Params

MAX_DEPTH = 100  # Postfix mime_nesting_limit, Dovecot
MAX_PARTS = 1000
MAX_NAME = 127  # octets of a type, an encoding, a charset, a disposition; RFC 6838 §4.2
MAX_MISSES = 10_000  # lines of one multipart that begin like its delimiter and are none

_DELIMITER_TAIL = re.compile(rb"(--)?+[ \t]*+(?:\r?\n|\Z)")
_PLAIN = ("text", "plain", ())
_MESSAGE = ("message", "rfc822", ())
_OPAQUE = ("application", "octet-stream", ())


@dataclass(slots=True)
class Part:
    """One part: its header is raw[header_start:body_start], its body raw[body_start:end].

    Parsed values are for programs; the octets (`content_id` … `md5`) are unfolded header values, None when absent.
    `number` is how IMAP calls the part (RFC 3501 §6.4.5); `path` the same but "" for the root and, for a multipart
    that is the root of a message/rfc822 part, that part's number.
    """

    path: str
    header_start: int
    body_start: int
    end: int
    fields: tuple[Field, ...]
    type: str = "text"
    subtype: str = "plain"
    params: Params = ()
    declared: bool = False  # the header has a valid Content-Type
    encoding: str = "7bit"
    disposition: str = ""
    disposition_params: Params = ()
    filename: str = ""
    charset: str = ""
    content_id: bytes | None = None
    description: bytes | None = None
    language: bytes | None = None
    location: bytes | None = None
    md5: bytes | None = None
    lines: int = 0
    children: "list[Part]" = field(default_factory=list)

    @property
    def is_message(self) -> bool:
        """Whether `children[0]` is the root of an embedded message."""
        return self.type == "message" and self.subtype == "rfc822"

    @property
    def is_multipart(self) -> bool:
        return self.type == "multipart"

    @property
    def number(self) -> str:
        return self.path or ("" if self.is_multipart else "1")


def parse(raw: bytes) -> Part:
    """Return the root of the tree. At most MAX_PARTS parts, MAX_DEPTH deep; what lies beyond is one opaque leaf."""
    root = _read(raw, 0, len(raw), _PLAIN)
    waiting = [(root, 1)]
    count = 1
    while waiting:
        part, depth = waiting.pop()
        if not (part.is_multipart or part.is_message):
            continue
        if depth >= MAX_DEPTH or count >= MAX_PARTS:
            part.type, part.subtype, part.params = _OPAQUE
            continue
        part.children = _message(raw, part) if part.is_message else _multipart(raw, part, MAX_PARTS - count)
        count += len(part.children)
        waiting += [(child, depth + 1) for child in part.children]
    return root


def walk(root: Part) -> Iterator[Part]:
    """Yield the parts in reading order, each before its children."""
    stack = [root]
    while stack:
        part = stack.pop()
        yield part
        stack += part.children[::-1]


def _message(raw: bytes, part: Part) -> list[Part]:
    child = _read(raw, part.body_start, part.end, _PLAIN)
    child.path = part.number if child.is_multipart else f"{part.number}.1"
    return [child]


def _multipart(raw: bytes, part: Part, room: int) -> list[Part]:
    prefix = f"{part.path}." if part.path else ""
    default = _MESSAGE if part.subtype == "digest" else _PLAIN  # RFC 2046 §5.1.5
    children = []
    for number, (start, end) in enumerate(_slices(raw, part, room), 1):
        child = _read(raw, start, end, default)
        child.path = f"{prefix}{number}"
        children.append(child)
    return children


def _slices(raw: bytes, part: Part, room: int) -> Iterator[tuple[int, int]]:
    """Yield where each part of a multipart starts and ends. RFC 2046 §5.1.1.

    A delimiter fills its line: another boundary that merely starts with ours is none. The line break before it
    belongs to it. Without a closing delimiter the last part ends with the multipart; so does the last one there is
    room for.
    """
    boundary = params.raw(part.params, b"boundary").rstrip()
    if not boundary:
        return
    dashes = b"\n--" + boundary
    start, misses = -1, 0
    at = max(part.body_start - 1, part.header_start)
    while (at := raw.find(dashes, at, part.end)) >= 0:
        tail = _DELIMITER_TAIL.match(raw, at + len(dashes), part.end)
        if tail is None:
            at += 1
            misses += 1
            if misses > MAX_MISSES:
                break
            continue
        if start >= 0:
            if room == 1 and not tail[1]:
                break
            yield start, max(at - 1 if raw[at - 1] == 13 else at, start)
            room -= 1
        start = tail.end()
        if tail[1]:
            return
        at = start - 1
    if start >= 0:
        yield start, part.end


def _read(raw: bytes, start: int, end: int, default: tuple[str, str, Params]) -> Part:
    """Read one part's header."""
    fields, body_start = headers.scan(raw, start, end)
    part = Part("", start, body_start, end, fields, *default)
    for name, value in headers.values(raw, fields, _READERS).items():
        _READERS[name](part, value)
    if part.params:
        part.charset = params.raw(part.params, b"charset")[:MAX_NAME].decode("latin-1").lower()
    if part.params or part.disposition_params:
        part.filename = params.filename(part.disposition_params, part.params)
    if part.type == "text" or part.is_message:
        part.lines = headers.lines_in(raw, body_start, end)
    return part


def _read_type(part: Part, value: bytes) -> None:
    found = params.content_type(value)
    if found is not None and max(len(found[0]), len(found[1])) <= MAX_NAME:
        part.type, part.subtype, part.params = found
        part.declared = True


def _read_encoding(part: Part, value: bytes) -> None:
    part.encoding = value.partition(b";")[0].strip()[:MAX_NAME].decode("latin-1").lower() or "7bit"


def _read_disposition(part: Part, value: bytes) -> None:
    part.disposition, part.disposition_params = params.disposition(value)
    part.disposition = part.disposition[:MAX_NAME]


def _read_content_id(part: Part, value: bytes) -> None:
    part.content_id = value


def _read_description(part: Part, value: bytes) -> None:
    part.description = value


def _read_language(part: Part, value: bytes) -> None:
    part.language = value


def _read_location(part: Part, value: bytes) -> None:
    part.location = value


def _read_md5(part: Part, value: bytes) -> None:
    part.md5 = value


_READERS = {
    b"content-type": _read_type,
    b"content-transfer-encoding": _read_encoding,
    b"content-disposition": _read_disposition,
    b"content-id": _read_content_id,
    b"content-description": _read_description,
    b"content-language": _read_language,
    b"content-location": _read_location,
    b"content-md5": _read_md5,
}
