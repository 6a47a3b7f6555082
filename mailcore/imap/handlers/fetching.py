"""FETCH. RFC 3501 §6.4.5: rows in chunks, each read while the one before is written; bodies a few ahead."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import TypeVar

from mailcore.imap import fetching
from mailcore.imap.commands import Fetch, Item, Level
from mailcore.imap.fetching import Message
from mailcore.imap.parse.fetching import FLAGS
from mailcore.imap.responses import Responses, ok
from mailcore.imap.session import Selected, Session
from mailcore.store import messages
from mailcore.store.types import Flag, Stored

T = TypeVar("T")
VIEW_CHUNK = 5_000  # answers from the view in one piece: about 200 KiB
ROW_CHUNK = 500  # rows read in one unit of work: a few ms in the reader, about 300 KiB of answers
BODY_BATCH = 16  # bodies read side by side
BODY_BATCH_BYTES = 2 * 1024 * 1024


async def fetch(session: Session, command: Fetch) -> Responses:
    """Answer message by message, ascending; messages that are truly gone are left out."""
    selected = session.selected
    places = selected.view.places(command.messages, uid=command.uid)
    if not places:
        pass
    elif fetching.level(command.items) is Level.VIEW:
        for lines in _from_view(session, command.items, places):
            yield lines
    else:
        marking = fetching.marks_seen(command.items) and not selected.read_only
        async for lines in _from_store(session, command.items, places, marking=marking):
            yield lines
    yield ok("fetched")


def _from_view(session: Session, items: Sequence[Item], places: Sequence[int]) -> Iterator[bytes]:
    """Answer from the arrays of the view alone: no database, no await."""
    view = session.selected.view
    flags = session.flags
    write = fetching.view_answers(items)
    for start in range(0, len(places), VIEW_CHUNK):
        chunk = places[start : start + VIEW_CHUNK]
        yield b"".join([write(place + 1, view.uids[place], flags.write(view.flags[place])) for place in chunk])


async def _from_store(session: Session, items: Sequence[Item], places: Sequence[int], *, marking: bool) -> AsyncGenerator[bytes, None]:
    selected = session.selected
    plain = fetching.answers(items, session.flags)
    marked = fetching.answers(items if FLAGS in items else (*items, FLAGS), session.flags)
    bodies = any(item.level is Level.RAW for item in items)
    async with contextlib.aclosing(ahead(_chunks(session, items, places))) as chunks:
        async for rows in chunks:
            changed = await _mark_seen(session, selected, rows) if marking else frozenset()
            answer = _Answer(session, items, plain, marked, changed)
            if not bodies:
                yield b"".join([answer.write(row, None) for row in rows])
                continue
            async with contextlib.aclosing(ahead(_bodies(session, rows))) as batches:
                async for batch in batches:
                    yield b"".join([answer.write(row, raw) for row, raw in batch])


class _Answer:
    """Writes the answers of one chunk."""

    __slots__ = ("_changed", "_header", "_marked", "_plain", "_session", "_summary", "_view")

    def __init__(
        self,
        session: Session,
        items: Sequence[Item],
        plain: Callable[[int, Message], bytes],
        marked: Callable[[int, Message], bytes],
        changed: frozenset[int],
    ) -> None:
        self._session, self._view = session, session.selected.view
        self._plain, self._marked, self._changed = plain, marked, changed
        self._summary, self._header = fetching.needs_summary(items), fetching.needs_header(items)

    def write(self, row: Stored, raw: bytes | None) -> bytes:
        """Write the answer of one message; with its flags when reading it has just changed them."""
        place = self._view.index(row.uid)
        assert place is not None, "a view is not renumbered while FETCH runs"
        account = self._session.account
        message = Message(
            row.uid,
            self._view.flags[place],
            row,
            account.summary(row) if self._summary else None,
            account.header(row) if self._header else None,
            raw,
        )
        return (self._marked if row.uid in self._changed else self._plain)(place + 1, message)


async def _chunks(session: Session, items: Sequence[Item], places: Sequence[int]) -> AsyncGenerator[list[Stored], None]:
    selected = session.selected
    uids = selected.view.uids
    summary, header = fetching.needs_summary(items), fetching.needs_header(items)
    for start in range(0, len(places), ROW_CHUNK):
        wanted = [uids[place] for place in places[start : start + ROW_CHUNK]]
        yield await session.services.db.read(messages.fetch, selected.key, wanted, summary=summary, header=header)


async def _bodies(session: Session, rows: Sequence[Stored]) -> AsyncGenerator[list[tuple[Stored, bytes]], None]:
    store, account = session.services.store, session.account
    for batch in _batches(rows):
        raws = await asyncio.gather(*[store.raw(account, row) for row in batch])
        yield list(zip(batch, raws, strict=True))


def _batches(rows: Sequence[Stored]) -> Iterator[list[Stored]]:
    """Cut rows into batches of bounded size; a message bigger than the bound is alone."""
    batch: list[Stored] = []
    size = 0
    for row in rows:
        if batch and (len(batch) >= BODY_BATCH or size + row.size_bytes > BODY_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size_bytes
    if batch:
        yield batch


async def _mark_seen(session: Session, selected: Selected, rows: Sequence[Stored]) -> frozenset[int]:
    """Set \\Seen on the messages of a chunk that lack it; return their UIDs."""
    unseen = []
    for row in rows:
        place = selected.view.index(row.uid)
        if place is not None and not selected.view.flags[place] & Flag.SEEN and not selected.view.is_gone(place):
            unseen.append(row.uid)
    if not unseen:
        return frozenset()
    done = await session.services.db.write(messages.store_flags, selected.key, unseen, "add", int(Flag.SEEN))
    for state in done.changed:
        place = selected.view.index(state.uid)
        if place is not None:
            selected.view.settle(place, state.flags)
    return frozenset(state.uid for state in done.changed)


async def ahead(source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yield what `source` yields, with the next piece already under way."""
    pending = asyncio.ensure_future(_next(source))
    try:
        while (found := await pending) is not None:
            pending = asyncio.ensure_future(_next(source))
            yield found
    finally:
        pending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pending


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)
