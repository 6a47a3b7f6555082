"""CSV as spreadsheets write it: a header, and commas, semicolons or tabs between cells. Pure. RFC 4180, and its usual dialects."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from config.errors import MailError
from directory.imports.errors import BadFile
from directory.imports.rows import COLUMNS, KINDS, Kind, Refused, Row, columns, make

SEPARATORS: Final = (",", ";", "\t")
MAX_ROW_CHARS = 65_536  # with the line breaks inside quotes; also bounds what a quote that is never closed swallows
_UNREAD = re.compile("[\ud800-\udfff]")  # what "surrogateescape" leaves of octets that the encoding does not have


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read. `kind` is that of every row, None where a column says it; `organisation` is that of bare units."""

    kind: Kind | None = None
    organisation: str = ""


def read(lines: Iterable[str], shape: Shape) -> Iterator[Row | Refused]:
    """Yield each row, or why it is none. Raises BadFile when it makes no sense to go on."""
    guarded = _Bounded(lines)
    header = next(guarded, "")
    separator = max(SEPARATORS, key=header.count)
    names = _names(next(csv.reader([header], delimiter=separator), []), shape)
    for line, cells in _records(guarded, separator):
        yield _row(line, names, cells, shape)


def _names(header: list[str], shape: Shape) -> list[str]:
    """Return the columns that a header names. Raises BadFile."""
    names = [name.strip().strip("\ufeff").lower() for name in header]
    if not any(names):
        raise BadFile("the first line must name the columns")
    known = COLUMNS if shape.kind is None else columns(shape.kind) | {"kind"}
    if strange := [name for name in names if name not in known]:
        raise BadFile(f"there is no column {', '.join(map(repr, strange))}; columns are {', '.join(sorted(known))}")
    if len(set(names)) < len(names):
        raise BadFile("a column stands there twice")
    if shape.kind is None and "kind" not in names:
        raise BadFile(f"say with --kind, or in a column `kind`, what the rows are: {', '.join(KINDS)}")
    return names


def _records(lines: "_Bounded", separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each record with its first line, as cells or as what is wrong with it; empty lines are passed over."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        first = lines.line + 1
        lines.left = MAX_ROW_CHARS
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield first, "its quotes do not fit together"
            continue
        if any(cells):
            yield first, cells


def _row(line: int, names: list[str], cells: list[str] | str, shape: Shape) -> Row | Refused:
    if isinstance(cells, str):
        return Refused(line, "", "", cells)
    if len(cells) != len(names):
        return Refused(line, "", cells[0], f"{len(cells)} cells stand under {len(names)} columns")
    said = dict(zip(names, cells, strict=True))
    kind = said.pop("kind", "").strip().lower() or shape.kind or ""
    if kind not in KINDS or (shape.kind is not None and kind != shape.kind):
        return Refused(line, kind, "", f"{kind!r} is none of {', '.join(KINDS if shape.kind is None else (shape.kind,))}")
    try:
        return make(kind, line, said, shape.organisation)
    except MailError as error:
        return Refused(line, kind, next(filter(None, said.values()), ""), error.text)


class _Bounded:
    """Lines with their number, none longer than the rest of a row may be. Raises BadFile."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines, self.line, self.left = iter(lines), 0, MAX_ROW_CHARS

    def __iter__(self) -> "_Bounded":
        return self

    def __next__(self) -> str:
        text = next(self._lines)
        self.line += 1
        self.left -= len(text)
        if self.left < 0:
            raise BadFile(f"line {self.line}: a row has at most {MAX_ROW_CHARS} characters; is a quote not closed?")
        if _UNREAD.search(text):
            raise BadFile(f"line {self.line} is in another encoding: name it with --encoding, such as cp1256 or cp1252")
        return text
