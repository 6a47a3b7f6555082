"""What an import did: counts, and every refused row with its line and reason; also as a table for spreadsheets."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from directory.imports.carry import Result
from directory.imports.rows import Refused

MAX_KEPT = 10_000  # refused rows that are kept for the answer; a report file gets all of them
COLUMNS: Final = ("line", "kind", "entry", "reason")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Sink(Protocol):
    """Where the table of refused rows goes."""

    def write(self, text: str, /) -> object:
        """Take some of it."""
        ...


@dataclass(slots=True)
class Report:
    """Counts by what became of rows, and the refused ones. `sink` is told of each of these as it is heard."""

    sink: Sink | None = None
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._write(COLUMNS)

    def hear(self, results: Sequence[Result]) -> None:
        """Count results, note refusals."""
        for one in results:
            if not isinstance(one, Refused):
                self.counts[one.became] += 1
                continue
            self.counts["refused"] += 1
            self._write((one.line, one.kind, one.key, one.reason))
            if len(self.refused) < MAX_KEPT:
                self.refused.append(one)

    @property
    def total(self) -> int:
        """How many rows were heard of."""
        return self.counts.total()

    def summary(self) -> dict[str, int]:
        """Return the counts, zeros too."""
        return {name: self.counts[name] for name in ("created", "changed", "unchanged", "refused")}

    def in_order(self) -> list[Refused]:
        """Return the refused rows that are kept, by line."""
        return sorted(self.refused, key=lambda one: one.line)

    def _write(self, cells: Sequence[Any]) -> None:
        if self.sink is not None:
            csv.writer(self.sink).writerow(_harmless(cell) for cell in cells)


def _harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
