"""Leaf entities in transfer encodings that signatures survive. RFC 2045 §6, RFC 2183, RFC 2231, RFC 8551 §3.1.2."""

import base64
import binascii
import re
from urllib.parse import quote

from mailcore.message import words
from mailcore.message.words import MAX_LINE

_BREAK = re.compile("\r\n|\r|\n")
_UNSAFE_LINE = re.compile(rb"(?m)^From |[ \t]\r?$|^\.\r?$|[^\n]{78}|\x00|[\x80-\xff]")
_UNSAFE_MESSAGE = re.compile(rb"(?m)^From |[ \t]\r$|[^\n]{999}|\x00|[\x80-\xff]|\r(?!\n)|(?<!\r)\n")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+\-]{1,100}/[A-Za-z0-9!#$&^_.+\-]{1,100}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$&+.^_`{}~\-][A-Za-z0-9!#$&+.^_`{}~ \-]{0,49}")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@\-]{1,60}")
_FROM = b"From "
_ENCODED = 3  # octets of "=20"
_ATTRIBUTE_CHARS = "!#$&+-.^_`{|}~"  # RFC 2231 §7 attribute-char beside letters and digits


def text(value: str, subtype: str) -> bytes:
    """Return text as an entity: as it is when every gateway leaves it alone, else the shorter encoding."""
    data = _BREAK.sub("\r\n", value).encode("utf-8", "replace")
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    encoding, body = _encoded(data)
    charset = "us-ascii" if data.isascii() else "utf-8"
    return _entity(f"Content-Type: text/{subtype}; charset={charset}\r\n", encoding, body)


def _encoded(data: bytes) -> tuple[str, bytes]:
    if not _UNSAFE_LINE.search(data):
        return "7bit", data
    quoted = quoted_printable(data)
    if len(quoted) <= (len(data) + 2) // 3 * 4:
        return "quoted-printable", quoted
    return "base64", base64_lines(data)


def quoted_printable(data: bytes) -> bytes:
    """Return CRLF text in quoted-printable, trailing blanks and a leading "From " encoded too."""
    return b"\r\n".join([_shielded(_bounded(line)) for line in _quote(data).split(b"\r\n")])


def _quote(data: bytes) -> bytes:
    quoted = binascii.b2a_qp(data, istext=True)
    return quoted if b"\r\n" in data else quoted.replace(b"\n", b"\r\n")


def _bounded(line: bytes) -> bytes:
    """Break a line that is too long: b2a_qp does not count the blank that it encodes at a line's end."""
    return line if len(line) <= MAX_LINE else line[:-_ENCODED] + b"=\r\n" + line[-_ENCODED:]


def _shielded(line: bytes) -> bytes:
    if not line.startswith(_FROM):
        return line
    if len(line) + 2 <= MAX_LINE:
        return b"=46" + line[1:]
    return b"=46rom =\r\n" + _shielded(line[len(_FROM) :])  # once: what is left is short enough


def base64_lines(data: bytes) -> bytes:
    """Return base64 in CRLF lines of 76."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def file(filename: str, type: str, data: bytes, content_id: str = "") -> bytes:
    """Return a file as an entity whose decoded octets are exactly `data`.

    An embedded message must not be encoded (RFC 2046 §5.2.1): one that would need it goes as an opaque file.
    Raises ValueError on a file name or Content-ID that would break the header.
    """
    words.refuse_injection(filename)
    if type == "message/rfc822" and not _UNSAFE_MESSAGE.search(data):
        return _entity(f"Content-Type: {type}\r\n" + _disposition("attachment", filename), "7bit", data)
    if not _TYPE.fullmatch(type) or type.partition("/")[0].lower() in {"message", "multipart"}:
        type = "application/octet-stream"
    head = f"Content-Type: {type}\r\n" + _disposition("inline" if content_id else "attachment", filename)
    if content_id:
        if not _CONTENT_ID.fullmatch(content_id):
            raise ValueError(f"not a Content-ID: {content_id[:80]!r}")
        head += f"Content-ID: <{content_id}>\r\n"
    return _entity(head, "base64", base64_lines(data))


def _entity(head: str, encoding: str, body: bytes) -> bytes:
    return f"{head}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode("ascii") + body


def _disposition(kind: str, filename: str) -> str:
    if not filename:
        return f"Content-Disposition: {kind}\r\n"
    return f"Content-Disposition: {kind};\r\n " + ";\r\n ".join(parameter("filename", filename)) + "\r\n"


def parameter(name: str, value: str) -> list[str]:
    """Return a parameter, one item a line: quoted when plain, else RFC 2231, continued between characters."""
    if _PLAIN_NAME.fullmatch(value):
        return [f'{name}="{value}"']
    pieces = ["utf-8''"]
    room = MAX_LINE - len(name) - len(" *000*=;")
    for char in value.encode("utf-8", "replace").decode():
        escaped = quote(char, safe=_ATTRIBUTE_CHARS)
        if len(pieces[-1]) + len(escaped) > room:
            pieces.append("")
        pieces[-1] += escaped
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
