"""Header text: encoded words to characters and back. RFC 2047, RFC 2231 §5, RFC 5322 §2.2.3."""

import binascii
import re
from collections.abc import Iterator

from mailcore.message import charsets
from mailcore.message.headers import unfold

MAX_LINE = 76  # RFC 2047 §2: a line with an encoded word; we keep to it everywhere
_B_PREFIX, _Q_PREFIX, _SUFFIX = b"=?utf-8?B?", b"=?utf-8?Q?", b"?="
_WORD = re.compile(rb"=\?([^?*\s]{1,60}+)(?:\*[^?\s]{0,60}+)?+\?([bBqQ])\?([^?\r\n]*+)\?=")
_BLANKS = re.compile(rb"[ \t\r\n]*+")
# Controls, and the marks that turn text around (overrides, embeddings, isolates, LRM, RLM, ALM). ZWJ and ZWNJ stay.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]")
_TO_SPACE = "\t\n\r\u2028\u2029"
_TOKEN = re.compile(rb"[!#$%&'*+\-^_`|~.0-9A-Za-z]++")
_INJECTION = re.compile(r"[\r\n\x00]")
_SAFE_IN_Q = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")  # RFC 2047 §5 (3)
_Q = [chr(c) if c in _SAFE_IN_Q else "_" if c == 32 else f"={c:02X}" for c in range(256)]


def decode_words(value: bytes) -> str:
    """Return a header value as characters to show: unfolded, encoded words decoded, no controls, no bidi overrides.

    Octets outside ASCII are read as UTF-8, else as Windows-1252. Never raises.
    """
    value = unfold(value)
    if b"=?" not in value:
        return clean(charsets.decode(value, ""))
    word = _WORD.fullmatch(value)
    if word is not None:
        return clean(charsets.decode(_decode_word(word[2], word[3]), word[1].decode("latin-1")))
    return clean("".join(_pieces(value)))


def clean(text: str) -> str:
    """Return `text` without controls and without the marks that reorder what is around them."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: " " if found.group() in _TO_SPACE else "", text).strip()


def beginning(text: str, chars: int) -> str:
    """Return the first characters of a text as `clean` gives it, looking at twice as many."""
    start = text[:chars]
    if _UNSAFE.search(start) is None:
        return start.strip()
    return clean(text[: 2 * chars])[:chars].strip()


def _pieces(value: bytes) -> Iterator[str]:
    """Blanks between two encoded words vanish; octets of neighbours in one charset are joined before decoding.

    (RFC 2047 §6.2; §5 (3) forbids to cut a character between two words, but many senders do.)
    """
    charset, at = "", 0
    pending: list[bytes] = []
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        name = word[1].decode("latin-1").lower()
        joins = at > 0 and _BLANKS.fullmatch(between) is not None
        if not (joins and name == charset):
            yield charsets.decode(b"".join(pending), charset)
            pending = []
        if not joins:
            yield charsets.decode(between, "")
        pending.append(_decode_word(word[2], word[3]))
        charset, at = name, word.end()
    yield charsets.decode(b"".join(pending), charset)
    yield charsets.decode(value[at:], "")


def _decode_word(kind: bytes, text: bytes) -> bytes:
    if kind in b"qQ":
        return binascii.a2b_qp(text, header=True)
    return charsets.base64(text)


def encode_header(name: str, value: str) -> bytes:
    """Return the field `name: value` with its CRLF, folded at 76 octets, words outside ASCII encoded.

    For unstructured fields (RFC 5322 §3.6.5 and such). Raises ValueError on CR, LF or NUL, or when `name` is no
    field name: a value must never become a second field.
    """
    return fold(name, encode_text(value, len(name) + 2))


def fold(name: str, units: list[bytes]) -> bytes:
    """Return a field from units that must stay whole, one blank between, folded where a line would pass 76.

    The first unit stays on the line of the name: some verifiers stumble over a fold right after the colon.
    """
    head = name.encode("ascii", "replace")
    if not _TOKEN.fullmatch(head):
        raise ValueError(f"not a header field name: {name[:80]!r}")
    out, column = [head, b":"], len(head) + 1
    for number, unit in enumerate(units):
        if column + 1 + len(unit) > MAX_LINE and number:
            out.append(b"\r\n")
            column = 0
        out += [b" ", unit]
        column += 1 + len(unit)
    return b"".join([*out, b"\r\n"])


def encode_text(value: str, column: int = 0) -> list[bytes]:
    """Return unstructured text as units that fit a line; what cannot stand as it is becomes encoded words."""
    refuse_injection(value)
    units = value.strip().split(" ")
    plain = [_stands(unit) for unit in units]
    if all(plain):
        return [unit.encode() for unit in units if unit]
    first, last = plain.index(False), len(plain) - plain[::-1].index(False)
    head = [unit.encode() for unit in units[:first]]
    tail = [unit.encode() for unit in units[last:]]
    column += sum(len(unit) + 1 for unit in head)
    return head + encode_words(" ".join(units[first:last]), column) + tail


def _stands(unit: str) -> bool:
    """Whether a word may be sent as it is. Empty means two blanks in a row, which folding would not keep."""
    return 0 < len(unit) < MAX_LINE - 2 and unit.isascii() and unit.isprintable() and "=?" not in unit


def encode_words(text: str, column: int = 0) -> list[bytes]:
    """Return `text` as encoded words, never cutting a character; the first one leaves `column` octets of room."""
    data = text.encode("utf-8", "replace")
    quoted = sum(len(_Q[c]) for c in data) <= (len(data) + 2) // 3 * 4
    prefix = _Q_PREFIX if quoted else _B_PREFIX
    words, chunk = [], ""
    room = max(_room(column, quoted), 12)
    for char in text:
        if chunk and _size(chunk + char, quoted) > room:
            words.append(prefix + _payload(chunk, quoted) + _SUFFIX)
            chunk, room = "", _room(1, quoted)
        chunk += char
    words.append(prefix + _payload(chunk, quoted) + _SUFFIX)
    return words


def _room(column: int, quoted: bool) -> int:
    """How many octets of payload still fit a line of 76 (and a word of 75)."""
    room = min(MAX_LINE - 1, MAX_LINE - column) - len(_B_PREFIX) - len(_SUFFIX)
    return room if quoted else room // 4 * 4


def _size(text: str, quoted: bool) -> int:
    data = text.encode("utf-8", "replace")
    return sum(len(_Q[c]) for c in data) if quoted else (len(data) + 2) // 3 * 4


def _payload(text: str, quoted: bool) -> bytes:
    data = text.encode("utf-8", "replace")
    if quoted:
        return "".join(_Q[c] for c in data).encode()
    return binascii.b2a_base64(data, newline=False)


def refuse_injection(value: str) -> None:
    """Raise ValueError when a value holds CR, LF or NUL: it would become a second field."""
    if _INJECTION.search(value):
        raise ValueError("a header value holds CR, LF or NUL")
