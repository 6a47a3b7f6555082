"""Parameters of MAIL and RCPT, read from octets. Pure.

RFC 5321 §4.1.1.11, RFC 1870 (SIZE), RFC 6152 and RFC 3030 (BODY), RFC 6531 §3.4 (SMTPUTF8), RFC 3461 §4 (RET, ENVID, NOTIFY, ORCPT,
xtext), RFC 6533 §3 (utf-8 ORCPT), RFC 4954 §5 (AUTH=), RFC 8689 §2 (REQUIRETLS), RFC 4865 §4 (HOLDFOR, HOLDUNTIL),
RFC 2852 §4 (BY), RFC 6710 §4.1 (MT-PRIORITY).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailcore.smtp.reply import BAD_PARAMETER, BAD_PRIORITY, UNKNOWN_PARAMETER, Refused

ENVID_CHARACTERS = 100  # RFC 3461 §4.4
ORCPT_CHARACTERS = 500  # §4.2

_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?")
_XTEXT = re.compile(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(rb"\+([0-9A-F]{2})")
_UTF8_HEX = re.compile(r"\\x\{([0-9A-F]{1,6})\}")
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})
_NEVER = frozenset({"NEVER"})
_SECONDS = re.compile(rb"[1-9][0-9]{0,8}")  # RFC 4865 §4
_MOMENT = re.compile(rb"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")  # RFC 3339 §5.6
_BY = re.compile(rb"([+-]?[0-9]{1,9});([NnRr])([Tt]?)")  # RFC 2852 §4
_PRIORITY = re.compile(rb"-?[1-9]|0")  # RFC 6710 §4.1


@dataclass(frozen=True, slots=True)
class By:
    """The parameter BY: in how many seconds, which may have passed already, and what then (RFC 2852 §4)."""

    seconds: int
    notify: bool
    trace: bool


@dataclass(slots=True)
class MailParameters:
    """What came with MAIL FROM. `size_bytes` is 0 when the client did not say."""

    size_bytes: int = 0
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    auth: str = ""
    requiretls: bool = False
    hold_for_s: int = 0
    hold_until_us: int = 0
    by: By | None = None
    priority: int = 0

    @property
    def special(self) -> bool:
        """Say whether there is something to grant: a time or an urgency."""
        return bool(self.priority or self.hold_for_s or self.hold_until_us or self.by)


@dataclass(slots=True)
class RecipientParameters:
    """What came with RCPT TO. `orcpt` is ``type;address`` with xtext decoded, or ""."""

    notify: frozenset[str] = field(default_factory=frozenset)
    orcpt: str = ""


def mail_parameters(octets: bytes, offered: Collection[str] = ()) -> MailParameters:
    """Read what follows the path of MAIL FROM; `offered` are the parameters known (none: all of them).

    Raises Refused: 501 malformed or repeated, 555 unknown.
    """
    given = MailParameters()
    for keyword, value in _pairs(octets, offered or MAIL_READERS):
        MAIL_READERS[keyword](given, value)
    return given


def recipient_parameters(octets: bytes) -> RecipientParameters:
    """Read what follows the path of RCPT TO. Raises Refused: 501 malformed or repeated, 555 unknown."""
    given = RecipientParameters()
    for keyword, value in _pairs(octets, RECIPIENT_READERS):
        RECIPIENT_READERS[keyword](given, value)
    return given


def _pairs(octets: bytes, known: Collection[str]) -> list[tuple[str, bytes | None]]:
    pairs: dict[str, bytes | None] = {}
    for word in octets.split(b" "):
        if not word:
            continue
        found = _PARAMETER.fullmatch(word)
        if found is None:
            raise Refused(BAD_PARAMETER)
        keyword = found[1].decode("ascii").upper()
        if keyword not in known:
            raise Refused(UNKNOWN_PARAMETER)
        if keyword in pairs:
            raise Refused(BAD_PARAMETER)
        pairs[keyword] = found[2]
    return list(pairs.items())


def xtext(octets: bytes) -> str:
    """Decode xtext (RFC 3461 §4) to printable text. Raises Refused."""
    if not _XTEXT.fullmatch(octets):
        raise Refused(BAD_PARAMETER)
    try:
        text = _HEX.sub(lambda found: bytes([int(found[1], 16)]), octets).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(BAD_PARAMETER) from error
    return _printable(text)


def _printable(text: str) -> str:
    if not all(c.isprintable() for c in text):
        raise Refused(BAD_PARAMETER)
    return text


def _value(value: bytes | None, longest: int) -> bytes:
    if value is None or len(value) > longest:
        raise Refused(BAD_PARAMETER)
    return value


def _word(value: bytes | None, allowed: set[str]) -> str:
    word = _value(value, 16).decode("latin-1").upper()
    if word not in allowed:
        raise Refused(BAD_PARAMETER)
    return word


def _size(given: MailParameters, value: bytes | None) -> None:
    digits = _value(value, 20)  # RFC 1870 §4: up to twenty digits
    if not digits.isdigit():
        raise Refused(BAD_PARAMETER)
    given.size_bytes = int(digits)


def _body(given: MailParameters, value: bytes | None) -> None:
    given.body = _word(value, {"7BIT", "8BITMIME", "BINARYMIME"})


def _nothing(value: bytes | None) -> bool:
    if value is not None:
        raise Refused(BAD_PARAMETER)
    return True


def _smtputf8(given: MailParameters, value: bytes | None) -> None:
    given.smtputf8 = _nothing(value)


def _requiretls(given: MailParameters, value: bytes | None) -> None:
    given.requiretls = _nothing(value)


def _hold_for(given: MailParameters, value: bytes | None) -> None:
    if value is None or not _SECONDS.fullmatch(value) or given.hold_until_us:
        raise Refused(BAD_PARAMETER)
    given.hold_for_s = int(value)


def _hold_until(given: MailParameters, value: bytes | None) -> None:
    if value is None or not _MOMENT.fullmatch(value) or given.hold_for_s:
        raise Refused(BAD_PARAMETER)
    try:
        moment = datetime.fromisoformat(value.decode("ascii").upper())
        given.hold_until_us = round(moment.astimezone(UTC).timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise Refused(BAD_PARAMETER) from error


def _by(given: MailParameters, value: bytes | None) -> None:
    found = _BY.fullmatch(_value(value, 20))
    if found is None:
        raise Refused(BAD_PARAMETER)
    given.by = By(int(found[1]), found[2].upper() == b"N", bool(found[3]))
    if given.by.seconds <= 0 and not given.by.notify:
        raise Refused(BAD_PARAMETER)  # RFC 2852 §4: to be returned before it has been sent


def _priority(given: MailParameters, value: bytes | None) -> None:
    if value is None or not _PRIORITY.fullmatch(value):
        raise Refused(BAD_PRIORITY)
    given.priority = int(value)


def _ret(given: MailParameters, value: bytes | None) -> None:
    given.ret = _word(value, {"FULL", "HDRS"})


def _envid(given: MailParameters, value: bytes | None) -> None:
    given.envid = xtext(_value(value, ENVID_CHARACTERS))


def _auth(given: MailParameters, value: bytes | None) -> None:
    octets = _value(value, ORCPT_CHARACTERS)
    given.auth = "" if octets == b"<>" else xtext(octets)


def _notify(given: RecipientParameters, value: bytes | None) -> None:
    words = _value(value, 64).decode("latin-1").upper().split(",")
    chosen = frozenset(words)
    if len(chosen) != len(words) or not (chosen <= _NOTIFY or chosen == _NEVER):
        raise Refused(BAD_PARAMETER)
    given.notify = chosen


def _orcpt(given: RecipientParameters, value: bytes | None) -> None:
    kind, semicolon, address = _value(value, ORCPT_CHARACTERS).partition(b";")
    reader = ORCPT_TYPES.get(kind.lower())
    if not semicolon or not address or reader is None:
        raise Refused(BAD_PARAMETER)
    given.orcpt = f"{kind.decode('ascii').lower()};{reader(address)}"


def _utf8_address(octets: bytes) -> str:
    try:
        text = _UTF8_HEX.sub(lambda found: chr(int(found[1], 16)), octets.decode("utf-8"))
        text.encode("utf-8")
    except (UnicodeError, ValueError, OverflowError) as error:
        raise Refused(BAD_PARAMETER) from error
    return _printable(text)


ORCPT_TYPES: dict[bytes, Callable[[bytes], str]] = {b"rfc822": xtext, b"utf-8": _utf8_address}

MAIL_READERS: dict[str, Callable[[MailParameters, bytes | None], None]] = {
    "SIZE": _size,
    "BODY": _body,
    "SMTPUTF8": _smtputf8,
    "RET": _ret,
    "ENVID": _envid,
    "AUTH": _auth,
    "REQUIRETLS": _requiretls,
    "HOLDFOR": _hold_for,
    "HOLDUNTIL": _hold_until,
    "BY": _by,
    "MT-PRIORITY": _priority,
}
ONLY_IN_TLS = frozenset({"REQUIRETLS"})  # RFC 8689 §2
ONLY_SUBMITTED = frozenset({"HOLDFOR", "HOLDUNTIL"})  # RFC 4865 §3: for submission servers


RECIPIENT_READERS: dict[str, Callable[[RecipientParameters, bytes | None], None]] = {"NOTIFY": _notify, "ORCPT": _orcpt}
