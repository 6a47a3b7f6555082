"""LDIF content records: entries as an LDAP server exports them. Pure. RFC 2849.

Read are entries to be added; every other kind of change and values to be fetched from a URL are refused.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from directory.imports.errors import BadFile, BadRow
from directory.imports.rows import Refused

MAX_LINE_CHARS = 4_194_304  # one physical line: photographs are written unfolded by some
MAX_RECORD_CHARS = 8_388_608
MAX_VALUES = 4_096  # in one entry
_SPEC = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9.-]*(?:;[A-Za-z0-9-]+)*):(?P<how>[:<]?) *(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LdapEntry:
    """An entry of a foreign directory: its name, and its values by attribute description in lower case (``cn;lang-ar``)."""

    line: int
    dn: str
    values: Mapping[str, tuple[bytes, ...]]


def read(lines: Iterable[str]) -> Iterator[LdapEntry | Refused]:
    """Yield each entry, or why a record is none. Raises BadFile when it makes no sense to go on."""
    for first, record in _records(lines):
        specs = record[1:] if record[0].lower().startswith("version:") else record
        if not specs:
            continue
        try:
            yield _entry(first, specs)
        except BadRow as error:
            yield Refused(first, "", specs[0][:200], error.text)


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the logical lines of each record with the number of its first line: folded lines joined, comments left out (§2)."""
    record: list[str] = []
    first, size, comment = 0, 0, False
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        size += len(text)
        if len(text) > MAX_LINE_CHARS or size > MAX_RECORD_CHARS:
            raise BadFile(f"line {number}: an entry has at most {MAX_RECORD_CHARS} characters")
        if not text:
            if record:
                yield first, record
            record, size, comment = [], 0, False
        elif text.startswith(" "):
            _fold(record, text[1:], number, comment=comment)
        elif text.startswith("#"):
            comment = True
        else:
            comment, first = False, first if record else number
            record.append(text)
    if record:
        yield first, record


def _fold(record: list[str], rest: str, number: int, *, comment: bool) -> None:
    if comment:
        return
    if not record:
        raise BadFile(f"line {number} goes on with a line that is not there")
    record[-1] += rest


def _entry(first: int, specs: list[str]) -> LdapEntry:
    name, dn = _spec(specs[0])
    if name != "dn":
        raise BadRow("an entry begins with its dn")
    values: dict[str, list[bytes]] = {}
    if len(specs) > MAX_VALUES:
        raise BadRow(f"an entry has at most {MAX_VALUES} values")
    for spec in specs[1:]:
        name, value = _spec(spec)
        if name == "control" or (name == "changetype" and value.strip().lower() != b"add"):
            raise BadRow("only entries to be added are read here")
        if name != "changetype":
            values.setdefault(name, []).append(value)
    return LdapEntry(first, _text(dn), {name: tuple(each) for name, each in values.items()})


def _spec(text: str) -> tuple[str, bytes]:
    """Return an attribute description in lower case and its value. Raises BadRow."""
    match = _SPEC.fullmatch(text)
    if match is None:
        raise BadRow(f"{text[:40]!r} is not `attribute: value`")
    if match["how"] == "<":
        raise BadRow("values are not fetched from elsewhere")
    if match["how"] == ":":
        try:
            return match["name"].lower(), base64.b64decode(match["value"].rstrip(), validate=True)
        except ValueError:
            raise BadRow(f"{match['name']}: its base64 is damaged") from None
    return match["name"].lower(), match["value"].encode("utf-8", "surrogateescape")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadRow("the dn is not UTF-8") from None
