"""Carrying an import out, piece by piece, so that mail never waits long for it.

A piece is one transaction: on SQLite, which has one writer, everything else that writes waits for a piece at most, and has its
turn before the next. What must be undone as a whole is one transaction, and so is as small: `MAX_TOGETHER` rows. A rehearsal of
more than that undoes each piece; rows of earlier pieces that a later one needs are taken in before it, and undone with it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from config.database import Database
from directory.address import Address, fold
from directory.imports.carry import Done, Result, Undone, bring, bring_all, rehearse
from directory.imports.errors import BadFile
from directory.imports.rows import AliasRow, HoldingRow, Kind, OrganisationRow, PersonRow, PostRow, Refused, Row, UnitRow
from directory.imports.source import Source, Survey
from directory.rights import Actor

PIECE: Final[dict[Kind, int]] = {"person": 500}  # rows in a transaction: a quarter of a second at the measured rates
SMALL_PIECE = 100  # of the other kinds, which go in one by one
MAX_TOGETHER = 5_000  # rows in one transaction: some three seconds, of the ten that another process waits for the writer
PAUSE_S = 0.12  # between pieces: whoever waits for SQLite's writer looks at least every 100 ms whether it is free

Heard = Callable[[Sequence[Result]], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to import: only rehearse; all rows or none; why, for the journal."""

    dry_run: bool = False
    all_or_nothing: bool = False
    reason: str = ""


@dataclass(slots=True)
class _Seen:
    """Which entries a file has named so far: the line of each."""

    lines: dict[tuple[Kind, str], int] = field(default_factory=dict)

    def first(self, row: Row) -> Row | Refused:
        """Return a row, or its refusal when an earlier one is about the same entry."""
        line = self.lines.setdefault((row.kind, row.key), row.line)
        return row if line == row.line else Refused(row.line, row.kind, row.key, f"line {line} says something of the same entry")


async def take_in(db: Database, actor: Actor, source: Source, survey: Survey, manner: Manner, heard: Heard) -> bool:
    """Import a file; `heard` is told what became of the rows, or would become. Return whether they went in. Raises BadFile."""
    heard(survey.refused)
    if manner.all_or_nothing and survey.total > MAX_TOGETHER:
        raise BadFile(f"all or nothing goes for {MAX_TOGETHER} rows at most, since mail waits meanwhile: split the file")
    if survey.total <= MAX_TOGETHER and (manner.dry_run or manner.all_or_nothing):
        return await _together(db, actor, source, survey, manner, heard)
    seen, made = _Seen(), _Made(frozenset(survey.counts))
    for kind in survey.counts:
        for rows, repeated in _pieces(source, kind, seen):
            if manner.dry_run:
                results = await _rehearsed(db, actor, rows, made, manner.reason)
                made.note(results)
            else:
                results = await db.write(bring, actor, rows, manner.reason)
            heard([*repeated, *results])
            await asyncio.sleep(PAUSE_S)
    return not manner.dry_run


async def _together(db: Database, actor: Actor, source: Source, survey: Survey, manner: Manner, heard: Heard) -> bool:
    """Take in a small file in one transaction, which is undone for a dry run or when a row is refused."""
    rows: list[Row] = []
    refused: list[Refused] = [*survey.refused]
    seen = _Seen()
    for kind in survey.counts:
        for piece, repeated in _pieces(source, kind, seen):
            rows += piece
            refused += repeated
    heard(refused[len(survey.refused) :])
    if not manner.dry_run and not refused:
        with contextlib.suppress(Undone):
            heard(await db.write(bring_all, actor, rows, manner.reason))
            return True
    heard(await _undone(db, actor, rows, [], manner.reason))
    return False


async def _rehearsed(db: Database, actor: Actor, rows: Sequence[Row], made: "_Made", reason: str) -> list[Result]:
    return await _undone(db, actor, rows, made.needed(rows), reason)


async def _undone(db: Database, actor: Actor, rows: Sequence[Row], needed: Sequence[Row], reason: str) -> list[Result]:
    try:
        await db.write(rehearse, actor, rows, needed, reason)
    except Undone as undone:
        return undone.results
    raise AssertionError("a rehearsal is always undone")


def _pieces(source: Source, kind: Kind, seen: _Seen) -> Iterator[tuple[list[Row], list[Refused]]]:
    """Yield a file's rows of one kind in pieces, and those that name an entry for a second time."""
    rows = source.rows(kind)
    while piece := [seen.first(row) for row in islice(rows, PIECE.get(kind, SMALL_PIECE))]:
        yield [one for one in piece if not isinstance(one, Refused)], [one for one in piece if isinstance(one, Refused)]


@dataclass(slots=True)
class _Made:
    """The rows that would have made an entry, as far as later kinds of rows can need it."""

    kinds: frozenset[Kind]
    rows: dict[tuple[Kind, str], Row] = field(default_factory=dict)

    def note(self, results: Sequence[Result]) -> None:
        """Keep rows that would have made an entry."""
        wanted = {"organisation", "unit", "post"} | ({"person"} if self.kinds & {"holding", "alias"} else set())
        for one in results:
            if isinstance(one, Done) and one.became == "created" and one.row.kind in wanted:
                self.rows[one.row.kind, one.row.key] = one.row

    def needed(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows of earlier pieces without which these cannot go in."""
        found: dict[int, Row] = {}
        waiting = list(rows)
        while waiting:
            for key in _references(waiting.pop()):
                row = self.rows.get(key)
                if row is not None and id(row) not in found:
                    found[id(row)] = row
                    waiting.append(row)
        return list(found.values())


def _references(row: Row) -> Iterator[tuple[Kind, str]]:
    """Yield what names the entries that a row speaks of beside its own."""
    match row:
        case OrganisationRow():
            yield "organisation", row.parent
        case UnitRow():
            yield "organisation", row.unit.rpartition("/")[0]
            yield "unit", row.parent
        case HoldingRow():
            yield from _account(row.post)
            yield from _account(row.person)
        case AliasRow():
            yield from _account(row.address)
        case PostRow() | PersonRow():
            yield "unit", row.unit


def _account(address: Address) -> Iterator[tuple[Kind, str]]:
    yield "post", fold(address)
    yield "person", fold(address)
