"""FETCH. RFC 3501 §6.4.5: rows in chunks, each read while the one before is written; bodies a few ahead."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from mailcore.imap import fetching
from mailcore.imap.commands import Body, Fetch, Item, Level
from mailcore.imap.fetching import Face, Message
from mailcore.imap.parse.fetching import FLAGS
from mailcore.imap.responses import Responses, ok
from mailcore.imap.session import Session
from mailcore.store import messages
from mailcore.store.types import Flag, Stored

T = TypeVar("T")
VIEW_CHUNK = 5_000  # answers from the view in one piece: about 200 KiB
ROW_CHUNK = 500  # rows read in one unit of work: a few ms in the reader, about 300 KiB of answers
BODY_BATCH = 16  # bodies read side by side
BODY_BATCH_BYTES = 2 * 1024 * 1024


async def fetch(session: Session, command: Fetch) -> Responses:
    """Answer message by message, ascending; messages that are truly gone are left out."""
    places = session.places(command.messages, uid=command.uid)
    if not places:
        pass
    elif fetching.level(command.items) is Level.VIEW:
        for lines in _from_view(session, command.items, places):
            yield lines
    else:
        octets = fetching.level(command.items) is Level.RAW or fetching.marks_seen(command.items)
        answers = _with_octets(session, command.items, places) if octets else _from_faces(session, command.items, places)
        async with contextlib.aclosing(answers):
            async for lines in answers:
                yield lines
    yield ok("fetched")


def _from_view(session: Session, items: Sequence[Item], places: Sequence[int]) -> Iterator[bytes]:
    """Answer from the arrays of the view alone: no database, no await."""
    uids, flags = session.selected.view.uids, session.selected.view.flags
    written = {value: session.flags.write(value) for value in set(flags)}
    answer = fetching.view_answers(items)
    for start in range(0, len(places), VIEW_CHUNK):
        yield b"".join([answer(place + 1, uids[place], written[flags[place]]) for place in places[start : start + VIEW_CHUNK]])


async def _from_faces(session: Session, items: Sequence[Item], places: Sequence[int]) -> AsyncGenerator[bytes, None]:
    """Answer from faces and header sections: those that somebody here has seen already, and those read now."""
    view, write = session.selected.view, session.flags.write
    answer = fetching.face_answers(items)
    async with contextlib.aclosing(ahead(_known(session, items, places))) as chunks:
        async for known in chunks:
            for lines in fetching.gathered(answer(place + 1, face, write(view.flags[place]), pieces) for place, face, pieces in known):
                yield lines


async def _known(
    session: Session, items: Sequence[Item], places: Sequence[int]
) -> AsyncGenerator[list[tuple[int, Face, Sequence[bytes]]], None]:
    """Yield places with faces and header sections, in chunks; messages that are truly gone are left out."""
    uids = session.selected.view.uids
    reader = _Reader(session, items)
    step = max(1, ROW_CHUNK // (1 + reader.sections))
    for start in range(0, len(places), step):
        chunk = places[start : start + step]
        wanted = [uids[place] for place in chunk]
        faces, columns = await reader.read(wanted)
        if not columns:
            yield [(place, faces[uid], ()) for place, uid in zip(chunk, wanted, strict=True) if uid in faces]
        else:
            yield [
                (place, faces[uid], [column[uid] for column in columns])
                for place, uid in zip(chunk, wanted, strict=True)
                if uid in faces and all(uid in column for column in columns)
            ]


class _Reader:
    """Finds faces and header sections in the memory of the process, and reads those that are not there."""

    __slots__ = ("_account", "_db", "_key", "_memory", "_sections", "_summary")

    def __init__(self, session: Session, items: Sequence[Item]) -> None:
        self._account, self._memory, self._key = session.selected.account, session.memory, session.selected.key
        self._db = session.services.db
        self._summary = fetching.needs_summary(items)
        self._sections = [item for item in items if isinstance(item, Body)]

    @property
    def sections(self) -> int:
        """Return how many header sections each message is asked for."""
        return len(self._sections)

    async def read(self, uids: Sequence[int]) -> tuple[Mapping[int, Face], list[Mapping[int, bytes]]]:
        """Return faces by UID, and for each header section its answers by UID."""
        faces = self._memory.faces.of(self._key)
        columns = [self._memory.pieces.of((self._key, item)) for item in self._sections]
        missing = [uid for uid in uids if uid not in faces or not all(uid in column for column in columns)]
        if not missing:
            return faces, columns
        rows = await self._db.read(messages.fetch, self._key, missing, summary=self._summary, header=bool(self._sections))
        fresh = {row.uid: fetching.face(row, self._account.summary(row) if self._summary else None) for row in rows}
        if self._summary:
            self._memory.faces.add(self._key, fresh.items())
        return {**_only(faces, uids), **fresh}, self._cut(rows, columns, uids)

    def _cut(self, rows: Sequence[Stored], columns: Sequence[Mapping[int, bytes]], uids: Sequence[int]) -> list[Mapping[int, bytes]]:
        headers = [(row.uid, self._account.header(row)) for row in rows] if self._sections else []
        found: list[Mapping[int, bytes]] = []
        for item, column in zip(self._sections, columns, strict=True):
            fresh = {uid: fetching.piece(item, header) for uid, header in headers}
            self._memory.pieces.add((self._key, item), fresh.items())
            found.append({**_only(column, uids), **fresh})
        return found


def _only(known: Mapping[int, T], uids: Sequence[int]) -> dict[int, T]:
    return {uid: known[uid] for uid in uids if uid in known}


async def _with_octets(session: Session, items: Sequence[Item], places: Sequence[int]) -> AsyncGenerator[bytes, None]:
    """Answer items that are octets of messages; reading them may set \\Seen."""
    marking = fetching.marks_seen(items) and not session.selected.read_only
    raw = any(item.level is Level.RAW for item in items)
    async with contextlib.aclosing(ahead(_rows(session, items, places))) as chunks:
        async for rows in chunks:
            changed = await _mark_seen(session, rows) if marking else frozenset()
            writer = _Writer(session, items, changed)
            if not raw:
                for lines in fetching.gathered(writer.write((row, None) for row in rows)):
                    yield lines
                continue
            async with contextlib.aclosing(ahead(_bodies(session, rows))) as batches:
                async for batch in batches:
                    for lines in fetching.gathered(writer.write(batch)):
                        yield lines


class _Writer:
    """Writes the answers of one chunk; with the flags of those messages that reading them has just changed."""

    __slots__ = ("_changed", "_header", "_marked", "_plain", "_session", "_summary")

    def __init__(self, session: Session, items: Sequence[Item], changed: frozenset[int]) -> None:
        self._session, self._changed = session, changed
        self._plain = fetching.answers(items)
        self._marked = fetching.answers(items if FLAGS in items else (*items, FLAGS))
        self._summary, self._header = fetching.needs_summary(items), fetching.needs_header(items)

    def write(self, messages: Iterable[tuple[Stored, bytes | None]]) -> Iterator[bytes]:
        """Write the answers of some messages, piece by piece."""
        for row, raw in messages:
            yield from self._write(row, raw)

    def _write(self, row: Stored, raw: bytes | None) -> Iterator[bytes]:
        view, account = self._session.selected.view, self._session.selected.account
        place = view.index(row.uid)
        assert place is not None, "a view is not renumbered while FETCH runs"
        message = Message(
            fetching.face(row, account.summary(row) if self._summary else None),
            self._session.flags.write(view.flags[place]),
            account.header(row) if self._header else None,
            raw,
        )
        return (self._marked if row.uid in self._changed else self._plain)(place + 1, message)


async def _rows(session: Session, items: Sequence[Item], places: Sequence[int]) -> AsyncGenerator[list[Stored], None]:
    key, uids = session.selected.key, session.selected.view.uids
    summary, header = fetching.needs_summary(items), fetching.needs_header(items)
    for start in range(0, len(places), ROW_CHUNK):
        wanted = [uids[place] for place in places[start : start + ROW_CHUNK]]
        yield await session.services.db.read(messages.fetch, key, wanted, summary=summary, header=header)


async def _bodies(session: Session, rows: Sequence[Stored]) -> AsyncGenerator[list[tuple[Stored, bytes]], None]:
    store, account = session.services.store, session.selected.account
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


async def _mark_seen(session: Session, rows: Sequence[Stored]) -> frozenset[int]:
    """Set \\Seen on the messages of a chunk that lack it; return their UIDs."""
    selected = session.selected
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
            selected.view.settle(place, state)
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
