"""One mailbox to search, and the reading of its columns: whole ones when that pays, else of the messages asked for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from mailcore.imap.memory import Memory
from mailcore.imap.search.columns import Column, Values, empty
from mailcore.imap.search.facts import from_header
from mailcore.imap.view import View
from mailcore.services import Services
from mailcore.store import fulltext, messages
from mailcore.store.facts import facts
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, MailboxKey, Stored

P = ParamSpec("P")
T = TypeVar("T")
HEADER_CHUNK = 250  # headers read and opened in one piece: some ms of a thread
ROW_CHUNK = 5_000  # rows of a few numbers
INLINE_ROWS = 5_000  # joined or looked through on the event loop: some ms; more goes to a thread
FEW = 1_000  # headers that are read for a column although nobody asked for all of them
WORTH = 4  # a column is read when it has at most so many times the messages asked for
ROW_COLUMNS = {"ARRIVAL": 1, "SIZE": 2, "SAVED": 3, "EMAILID": 4, "THREADID": 5}  # where `facts` has them

Progress = Callable[[int, int], Awaitable[None]]  # (done, of how many): called between pieces of long work


async def silent(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A mailbox as one client sees it, and where to find what the view does not say."""

    services: Services
    memory: Memory
    account: AccountKey
    key: MailboxKey
    view: View
    keywords: Mapping[int, str]
    saved: Sequence[int] = ()  # what ``$`` stands for
    progress: Progress = silent
    asked: dict[tuple[AccountId, fulltext.Query, bool], fulltext.Found] = field(default_factory=dict)  # of the index, by one command

    def __post_init__(self) -> None:
        self.view.widen()

    async def columns(self, names: Sequence[str], wanted: Sequence[int]) -> dict[str, list[Column]]:
        """Return columns by name that together have these messages, by UID; those that are gone are in none. Raises LimitReached."""
        async with self.memory.columns.lock(self.key):
            found: dict[str, list[Column]] = {}
            to_read: dict[tuple[int, ...], list[str]] = {}
            for name in names:
                held, missing = await self.held(name, wanted)
                found[name] = [held]
                if missing:
                    to_read.setdefault(missing, []).append(name)
            for missing, lacking in to_read.items():
                with contextlib.nullcontext() if lacking[0] in ROW_COLUMNS else self.memory.scans.one(self.account.account_id):
                    await self._extend(found, lacking, missing)
            return found

    async def values(self, names: Sequence[str], places: Sequence[int]) -> dict[str, dict[int, Any]]:
        """Return the values of columns by place; messages that are gone have none. Row and header columns may be mixed."""
        uids = self.view.uids
        wanted = [uids[place] for place in places]
        found: dict[str, dict[int, Any]] = {}
        for group in ([name for name in names if name in ROW_COLUMNS], [name for name in names if name not in ROW_COLUMNS]):
            for name, columns in (await self.columns(group, wanted) if group else {}).items():
                found[name] = await here_or_aside(len(uids), _by_place, columns, uids, places)
        return found

    async def held(self, name: str, wanted: Sequence[int]) -> tuple[Column, tuple[int, ...]]:
        """Return what there is of a column, and the UIDs to read."""
        uids = self.view.uids
        held = self.memory.columns.find(self.key, name, len(uids)) or empty(name)
        return held, () if held.uids == uids else await here_or_aside(len(uids), _missing, held.uids, uids, wanted)

    async def _extend(self, found: dict[str, list[Column]], names: Sequence[str], missing: Sequence[int]) -> None:
        """Read messages into columns: behind the one at hand when they fit there, else into one for this time alone."""
        uids, values = await self._read(names, missing)
        for name, column in zip(names, values, strict=True):
            held = found[name][0]
            if held.uids and uids and uids[0] <= held.uids[-1]:
                found[name].append(await here_or_aside(len(uids), _extended, empty(name), uids, column))
                continue
            grown = await here_or_aside(len(uids), _extended, held, uids, column)
            found[name] = [grown]
            if len(grown.uids) >= len(self.view.uids):  # else it was made for a few messages
                self.memory.columns.keep(self.key, name, grown)

    async def _read(self, names: Sequence[str], wanted: Sequence[int]) -> tuple[list[int], list[list[Any]]]:
        uids: list[int] = []
        values: list[list[Any]] = [[] for _ in names]
        from_rows = names[0] in ROW_COLUMNS
        step = ROW_CHUNK if from_rows else HEADER_CHUNK
        for start in range(0, len(wanted), step):
            read = self._from_rows if from_rows else self._from_headers
            more, columns = await read(names, list(wanted[start : start + step]))
            uids += more
            for column, fresh in zip(values, columns, strict=True):
                column += fresh
            await self.progress(start, len(wanted))
        return uids, values

    async def _from_rows(self, names: Sequence[str], wanted: Sequence[int]) -> tuple[list[int], list[list[Any]]]:
        rows = await self.services.db.read(facts, self.key, wanted)
        return [row[0] for row in rows], [[row[ROW_COLUMNS[name]] for row in rows] for name in names]

    async def _from_headers(self, names: Sequence[str], wanted: Sequence[int]) -> tuple[list[int], list[list[Any]]]:
        rows = await self.services.db.read(messages.fetch, self.key, wanted, header=True)
        return [row.uid for row in rows], await asyncio.to_thread(_derived, self.account, rows, names)


async def here_or_aside(rows: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do some work here when it is about few rows, else in a thread."""
    return work(*args, **kwargs) if rows <= INLINE_ROWS else await asyncio.to_thread(work, *args, **kwargs)


def _extended(column: Column, uids: Sequence[int], values: Sequence[Any]) -> Column:
    return column.extended(uids, values)


def _missing(held: Sequence[int], uids: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """Return the UIDs to read so that a column has those wanted: all that it lacks, when that pays."""
    known = frozenset(held)
    missing = tuple(uid for uid in wanted if uid not in known)
    if not missing:
        return ()
    everything = tuple(uid for uid in uids if uid not in known)
    return everything if len(everything) <= max(FEW, WORTH * len(missing)) else missing


def _by_place(columns: Sequence[Column], uids: Sequence[int], places: Sequence[int]) -> dict[int, Any]:
    by_uid: dict[int, Any] = {}
    for column in columns:
        assert isinstance(column, Values)
        if column.uids == uids:
            return {place: column.values[place] for place in places}
        by_uid.update(zip(column.uids, column.values, strict=True))
    return {place: by_uid[uids[place]] for place in places if uids[place] in by_uid}


def _derived(account: AccountKey, rows: Sequence[Stored], names: Sequence[str]) -> list[list[Any]]:
    """Open headers and make the values of columns from them."""
    makers = [from_header(name) for name in names]
    made: list[list[Any]] = [[] for _ in names]
    for row in rows:
        header = account.header(row)
        for column, make in zip(made, makers, strict=True):
            column.append(make(header))
    return made
