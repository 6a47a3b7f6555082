"""The file to import, read once for each kind of entry in it, so that memory does not grow with it."""

import codecs
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from directory.imports import ldap, ldif, table
from directory.imports.errors import BadFile
from directory.imports.rows import KINDS, Kind, Refused, Row
from directory.imports.table import Shape

LDIF_NAMES = (".ldif", ".ldf")
MAX_ROWS = 1_000_000
_READ_CHARS = max(table.MAX_ROW_CHARS, ldif.MAX_LINE_CHARS) + 1  # a longer line arrives in pieces, the first of which is refused


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in a file: rows of each kind, and what is no row."""

    counts: dict[Kind, int]
    refused: list[Refused]

    @property
    def total(self) -> int:
        """How many rows there are, with those that are none."""
        return sum(self.counts.values()) + len(self.refused)


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and how it is to be read."""

    path: Path
    shape: Shape
    encoding: str = "utf-8"

    @property
    def is_ldif(self) -> bool:
        """Whether it is LDIF by its name; else it is CSV."""
        return self.path.suffix.lower() in LDIF_NAMES

    def survey(self) -> Survey:
        """Read the whole file once, and take nothing in. Raises BadFile."""
        counts: Counter[Kind] = Counter()
        refused: list[Refused] = []
        for number, row in enumerate(self._all()):
            if number == MAX_ROWS:
                raise BadFile(f"a file has at most {MAX_ROWS} rows: split it")
            if isinstance(row, Refused):
                refused.append(row)
            else:
                counts[row.kind] += 1
        return Survey({kind: counts[kind] for kind in KINDS if counts[kind]}, refused)

    def rows(self, kind: Kind) -> Iterator[Row]:
        """Yield the rows of one kind, in the order of the file. Raises BadFile."""
        return (row for row in self._all() if not isinstance(row, Refused) and row.kind == kind)

    def _all(self) -> Iterator[Row | Refused]:
        with closing(self._lines()) as lines:
            if self.is_ldif:
                for entry in ldif.read(lines):
                    yield from ([entry] if isinstance(entry, Refused) else ldap.rows(entry, self.shape.organisation))
            else:
                yield from table.read(lines, self.shape)

    def _lines(self) -> Generator[str, None, None]:
        encoding = _known(self.encoding)
        with self.path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            while line := file.readline(_READ_CHARS):
                yield line


def _known(encoding: str) -> str:
    """Return an encoding by Python's name; a byte order mark of UTF-8 is passed over. Raises BadFile."""
    try:
        found = codecs.lookup(encoding)
    except LookupError:
        raise BadFile(f"there is no encoding {encoding!r}; usual ones are utf-8, cp1256, cp1252, utf-16") from None
    if not getattr(found, "_is_text_encoding", True):
        raise BadFile(f"{encoding!r} is no encoding of text")
    return "utf-8-sig" if found.name == "utf-8" else found.name
