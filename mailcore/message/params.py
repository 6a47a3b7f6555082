"""Content-Type and Content-Disposition: a value and its parameters. RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3, §4."""

import re
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from mailcore.message import charsets, words

Params = tuple[tuple[bytes, bytes], ...]  # lower-case names; continuations joined; "name*" keeps its charset and escapes

MAX_PARAMS = 100  # read of one field
MAX_FILENAME = 255  # characters; what file systems take
MAX_REMEMBERED = 64  # octets of a Content-Type that is remembered: those without a boundary or a name are few and always the same

_TYPE = re.compile(rb"\s*+([!#$%&'*+\-^_`|~.0-9A-Za-z]++)\s*+/\s*+([!#$%&'*+\-^_`|~.0-9A-Za-z]++)")
_TOKEN = re.compile(rb"\s*+([!#$%&'*+\-^_`|~.0-9A-Za-z]++)")
_PARAM = re.compile(rb';\s*+([^=;\s"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|([^;]*+))', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT = re.compile(rb"\s\(.*+", re.DOTALL)
_SECTION = re.compile(rb"([^*]++)(?:\*([0-9]{1,4}))?+(\*)?+")
_SPACED = frozenset({b"name", b"filename"})  # unquoted file names with blanks and brackets are common


def content_type(value: bytes) -> tuple[str, str, Params] | None:
    """Return type, subtype (lower case) and parameters; None when there is no valid type (RFC 2045 §5.2)."""
    return _remembered_type(value) if len(value) <= MAX_REMEMBERED else _content_type(value)


def _content_type(value: bytes) -> tuple[str, str, Params] | None:
    found = _TYPE.match(value)
    if found is None:
        return None
    return found[1].lower().decode(), found[2].lower().decode(), parse(value, found.end())


_remembered_type = lru_cache(maxsize=1024)(_content_type)


def disposition(value: bytes) -> tuple[str, Params]:
    """Return the disposition (lower case, "" when unreadable) and its parameters."""
    found = _TOKEN.match(value)
    return (found[1].lower().decode(), parse(value, found.end())) if found else ("", ())


def parse(value: bytes, at: int = 0) -> Params:
    """Return the parameters from offset `at` on, in order; the first of two that have one name wins."""
    if value.find(b";", at) < 0:
        return ()
    found: dict[bytes, bytes] = {}
    divided = False
    for name, quoted, bare in _PARAM.findall(value, at)[:MAX_PARAMS]:
        name = name.lower()
        divided = divided or b"*" in name
        found.setdefault(name, _value(name, quoted, bare))
    return _assemble(found) if divided else tuple(found.items())


def _value(name: bytes, quoted: bytes, bare: bytes) -> bytes:
    if quoted:
        return _ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted
    if b"(" in bare and name not in _SPACED:
        bare = _COMMENT.sub(b"", bare)
    return bare.strip()


def _assemble(found: dict[bytes, bytes]) -> Params:
    """Join RFC 2231 continuations ("name*0", "name*1*", …) under "name", or "name*" when a piece is escaped."""
    out: dict[bytes, bytes] = {}
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found.items():
        section = _SECTION.fullmatch(name)
        if section is None or section[2] is None:
            out.setdefault(name, value)
            continue
        pieces.setdefault(section[1], {}).setdefault(int(section[2]), (value, section[3] is not None))
    for name, numbered in pieces.items():
        name, value = _joined(name, numbered)
        out.setdefault(name, value)
    return tuple(out.items())


def _joined(name: bytes, numbered: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    """Join pieces up to the first gap in their numbers."""
    run: list[tuple[bytes, bool]] = []
    while len(run) in numbered:
        run.append(numbered[len(run)])
    if not any(escaped for _, escaped in run):
        return name, b"".join(value for value, _ in run)
    head = b"" if run[0][1] else b"''"
    whole = head + b"".join(value if escaped else quote_from_bytes(value).encode() for value, escaped in run)
    return name + b"*", whole


def text(params: Params, name: bytes) -> str:
    """Return a parameter as characters: RFC 2231 first, then RFC 2047 (forbidden in there, and common); "" without."""
    plain, extended = "", name + b"*"
    for key, value in params:
        if key == extended:
            return words.clean(_extended(value))
        if key == name:
            plain = words.decode_words(value)
    return plain


def _extended(value: bytes) -> str:
    """Decode charset'language'escaped octets. RFC 2231 §4."""
    charset, mark, rest = value.partition(b"'")
    _, second, escaped = rest.partition(b"'")
    if not mark or not second:
        return charsets.decode(unquote_to_bytes(value), "")
    return charsets.decode(unquote_to_bytes(escaped), charset.decode("latin-1"))


def raw(params: Params, name: bytes) -> bytes:
    """Return a parameter's octets as sent, b"" without."""
    for key, value in params:
        if key == name:
            return value
    return b""


def filename(disposition_params: Params, type_params: Params) -> str:
    """Return the file name to show and to save under: no directory, no controls, no text direction tricks."""
    if not disposition_params and not type_params:
        return ""
    name = text(disposition_params, b"filename") or text(type_params, b"name")
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    return "" if name in {".", ".."} else name[:MAX_FILENAME]
