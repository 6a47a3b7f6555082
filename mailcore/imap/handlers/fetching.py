"""FETCH. RFC 9051 §6.4.5; RFC 7162 §3.1.4, §3.2.6 (CHANGEDSINCE, VANISHED); RFC 9394 §3.3 (PARTIAL).

Rows are read in chunks, each while the one before is written; what never changes of a message is rendered once.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from config.errors import MailError
from mailcore.imap import columns, fetching, telling
from mailcore.imap.commands import Fetch, Item, Level
from mailcore.imap.fetching import Known, Opened
from mailcore.imap.handlers import bodies
from mailcore.imap.handlers.bodies import Trouble, ahead
from mailcore.imap.parse.cursor import BadSyntax
from mailcore.imap.parse.fetching import FLAGS, MODSEQ, UID
from mailcore.imap.responses import Responses, no
from mailcore.imap.session import Session
from mailcore.store import bundles, messages
from mailcore.store.types import Stored

VIEW_CHUNK = 5_000  # answers from the view in one piece: about 200 KiB
MANY = 64  # messages for which bundles are looked at: fewer are read from their rows as quickly
ROW_CHUNK = 500  # rows read in one unit of work: a few ms in the reader, about 700 KiB of answers

K = TypeVar("K")


async def fetch(session: Session, command: Fetch) -> Responses:
    """Answer message by message, ascending. A message that cannot be read holds up no other."""
    if command.vanished and "QRESYNC" not in session.enabled:
        raise BadSyntax("VANISHED needs ENABLE QRESYNC")  # RFC 7162 §3.2.6
    items = answered(session, command)
    if MODSEQ in items:
        yield session.enable_condstore()
    if command.vanished:
        async for line in _vanished(session, command):
            yield line
    if command.partial is not None and abs(command.partial[1] - command.partial[0]) >= session.limit:
        yield no("that page is too long", f"MESSAGELIMIT {session.limit}")  # RFC 9738 §3.1
        return
    places, left = telling.limited(_places(session, command), session.selected.view.uids, session.limit)
    trouble = Trouble(uid=command.uid, left=left)
    if places and fetching.level(items) is Level.VIEW:
        for lines in _from_view(session, items, places):
            yield lines
    elif places:
        async with contextlib.aclosing(_answers(session, items, places, trouble)) as answers:
            async for lines in answers:
                yield lines
    yield trouble.end()


def answered(session: Session, command: Fetch) -> tuple[Item, ...]:
    """Return the items as this client is answered: its UTF-8, modseqs where it follows them, the UID only once."""
    items = fetching.in_utf8(command.items) if session.utf8 else command.items
    if "UIDONLY" in session.enabled and not command.named:
        items = tuple(item for item in items if item is not UID)  # it stands in the place of the number (RFC 9586 §3.3)
    following = "CONDSTORE" in session.enabled and FLAGS in items  # RFC 7162 §3.1: MODSEQ wherever flags are told
    if MODSEQ not in items and (following or command.changed_since is not None):
        items = (*items, MODSEQ)
    return items


def _places(session: Session, command: Fetch) -> Sequence[int]:
    """Return the places that the set and the modifiers leave: CHANGEDSINCE first, then PARTIAL (RFC 9394 §3.3)."""
    view = session.selected.view
    places = session.places(command.messages, uid=command.uid)
    since = command.changed_since
    if since is not None:
        places = [place for place in places if view.modseqs[place] > since]
    if command.partial is None:
        return places
    first, last = command.partial
    return places[first - 1 : last] if first > 0 else places[max(0, len(places) + last) : max(0, len(places) + first + 1)]


async def _vanished(session: Session, command: Fetch) -> AsyncIterator[bytes]:
    """Tell which UIDs of the set are gone since (RFC 7162 §3.2.6): all that are missing when tombstones were swept."""
    assert command.changed_since is not None
    selected = session.selected
    highest = selected.view.uids[-1] if selected.view.uids else 0
    spans = command.messages.spans(highest)
    gone = await session.services.db.read(messages.vanished, selected.key, command.changed_since)
    if gone is None:
        told: Iterable[tuple[int, int]] = selected.view.missing(spans)
    else:
        told = telling.within([uid for uid in gone if selected.view.index(uid) is None], spans)
    for line in telling.vanished(told, earlier=True):
        yield line


def _answers(session: Session, items: tuple[Item, ...], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[bytes, None]:
    if fetching.level(items) is Level.RAW:
        return bodies.answers(session, items, places, trouble)
    return _from_pieces(session, items, places, trouble)


def known(session: Session, places: Sequence[int]) -> Known:
    """Return what the view knows of some messages."""
    view, only = session.selected.view, "UIDONLY" in session.enabled
    uids, flags, modseqs = (_column(column, places) for column in (view.uids, view.flags, view.modseqs))
    written = {value: session.flags.write(value) for value in set(flags)}
    numbers = uids if only else range(places[0] + 1, places[-1] + 2) if isinstance(places, range) else [place + 1 for place in places]
    return Known(numbers, {"UID": uids, "FLAGS": list(map(written.__getitem__, flags)), "MODSEQ": modseqs})


def _column(column: Sequence[int], places: Sequence[int]) -> Sequence[int]:
    if isinstance(places, range):
        return column[places[0] : places[-1] + 1]
    return [column[place] for place in places]


def _from_view(session: Session, items: tuple[Item, ...], places: Sequence[int]) -> Iterator[bytes]:
    """Answer from the arrays of the view alone: no database, no await."""
    only = "UIDONLY" in session.enabled
    for start in range(0, len(places), VIEW_CHUNK):
        yield fetching.joined(items, known(session, places[start : start + VIEW_CHUNK]), (), only=only)


async def _from_pieces(session: Session, items: tuple[Item, ...], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[bytes, None]:
    """Answer from pieces: those that somebody here has seen already, and those rendered now."""
    only, marks = "UIDONLY" in session.enabled, fetching.marks_seen(items)
    coming = _pieces(session, items, places, trouble)
    async with contextlib.aclosing(ahead(coming) if len(places) > ROW_CHUNK else coming) as chunks:
        async for found, pieces in chunks:
            shown = items
            if marks and await bodies.mark_seen(session, found):
                shown = bodies.with_flags(session, items)
            for lines in fetching.bounded(shown, known(session, found), pieces, only=only):
                yield lines


Chunk = tuple[Sequence[int], list[Sequence[bytes]]]


async def _pieces(session: Session, items: tuple[Item, ...], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[Chunk, None]:
    """Yield places with a column of pieces for each item; what is heavy comes alone, so that little is held at once."""
    reader = _Reader(session, items, trouble)
    step = max(1, ROW_CHUNK // reader.weight)
    for start in range(0, len(places), step):
        chunk = places[start : start + step]
        heavy = await reader.load(chunk)
        if not heavy:
            yield reader.columns(chunk)
            continue
        for run in _apart(chunk, heavy):
            if run[0] in heavy:
                await reader.load_heavy(run[0])
            yield reader.columns(run)


def _apart(places: Sequence[int], heavy: frozenset[int]) -> Iterator[Sequence[int]]:
    """Cut places so that each heavy one is alone."""
    start = 0
    for at, place in enumerate(places):
        if place in heavy:
            if at > start:
                yield places[start:at]
            yield places[at : at + 1]
            start = at + 1
    if start < len(places):
        yield places[start:]


def _missing(uids: Sequence[int], kept: Sequence[Mapping[int, bytes]]) -> list[int]:
    """Return UIDs of which some column knows nothing: nearly always none, or all of them."""
    for column in kept:
        missing = [uid for uid in uids if uid not in column]
        if missing:
            return missing if len(missing) == len(uids) else [uid for uid in uids if not all(uid in each for each in kept)]
    return []


class _Reader:
    """Finds pieces in the memory of the process, and reads and renders those that are not there."""

    __slots__ = ("_bundles", "_columns", "_fresh", "_items", "_kinds", "_needs", "_renderers", "_session", "_trouble")

    def __init__(self, session: Session, items: tuple[Item, ...], trouble: Trouble) -> None:
        self._session, self._trouble = session, trouble
        self._items = [item for item in items if item.level is not Level.VIEW]
        self._renderers = [fetching.renderer(item) for item in self._items]
        self._needs = fetching.needs(items)
        self._kinds = columns.kinds(self._needs, self._items)
        self._columns = [columns.column(item) for item in self._items]
        self._bundles: bundles.Opened = {}  # of the present chunk; the next one may begin within the last of them
        self._fresh: list[dict[int, bytes]] = []  # of the present chunk: for each item by UID

    @property
    def weight(self) -> int:
        """Return how many header sections each message is asked for, and one."""
        return 1 + sum(item.level is Level.HEADER for item in self._items)

    async def load(self, places: Sequence[int]) -> frozenset[int]:
        """Render what is missing of a chunk; return the places of messages that are too heavy to be read with others."""
        selected, uids = self._session.selected, self._session.selected.view.uids
        self._fresh = []
        kept = self._kept()
        missing = _missing(_column(uids, places), kept)
        if not missing:
            return frozenset()
        if self._kinds and len(missing) >= MANY:
            missing = await self._from_bundles(missing)
            if not missing:
                return frozenset()
        rows = await self._read(missing, light=True)
        if len(rows) < len(missing):
            self._trouble.note("EXPUNGEISSUED")
        heavy = [row.uid for row in rows if self._is_heavy(row)]
        self._render(rows if not heavy else [row for row in rows if not self._is_heavy(row)])
        return frozenset(selected.view.known(heavy))

    async def load_heavy(self, place: int) -> None:
        """Render one message that was left out."""
        self._fresh = []
        self._render(await self._read([self._session.selected.view.uids[place]], light=False))

    async def _from_bundles(self, uids: Sequence[int]) -> list[int]:
        """Render what bundles know of; return the other UIDs."""
        selected = self._session.selected
        rows, self._bundles = await self._session.services.db.read(
            bundles.read, selected.account, selected.key, uids, self._kinds, self._bundles
        )
        for bunch in columns.bunches(rows, self._bundles, self._kinds):
            known = [row[0] for row in bunch.rows]
            self._keep([dict(zip(known, make(bunch), strict=True)) for make in self._columns if make is not None])
        return [uid for uid in uids if uid not in self._fresh[0]] if self._fresh else list(uids)

    async def _read(self, uids: Sequence[int], *, light: bool) -> list[Stored]:
        key, needs = self._session.selected.key, self._needs
        return await self._session.services.db.read(messages.fetch, key, uids, summary=needs.summary, header=needs.header, light=light)

    def _is_heavy(self, row: Stored) -> bool:
        return (self._needs.summary and row.summary_sealed is None) or (self._needs.header and row.header_sealed is None)

    def _kept(self) -> list[Mapping[int, bytes]]:
        key, pieces = self._session.selected.key, self._session.memory.pieces
        return [pieces.of((key, item)) for item in self._items]

    def _render(self, rows: Sequence[Stored]) -> None:
        """Render messages, and keep what was rendered."""
        opened: list[Opened] = []
        for row in rows:
            try:
                opened.append(self._opened(row))
            except MailError as error:
                self._trouble.lost(self._session, row, error)
        self._keep([{each.row.uid: render(each) for each in opened} for render in self._renderers])

    def _keep(self, rendered: Sequence[dict[int, bytes]]) -> None:
        """Keep pieces for this chunk, and for whoever asks next."""
        key, pieces = self._session.selected.key, self._session.memory.pieces
        self._fresh = self._fresh or [{} for _ in self._items]
        for item, fresh, more in zip(self._items, self._fresh, rendered, strict=True):
            fresh.update(more)
            pieces.add((key, item), more)

    def _opened(self, row: Stored) -> Opened:
        account, needs = self._session.selected.account, self._needs
        summary = header = None
        if needs.summary:
            summary = account.faces(row) if needs.beginnings else account.summary(row)
        if needs.header:
            header = account.fields(row)
        return Opened(account.account_id, row, summary, header)

    def columns(self, places: Sequence[int]) -> Chunk:
        """Return places with their pieces; those of which there is nothing are left out."""
        uids = _column(self._session.selected.view.uids, places)
        sources = [(fresh, kept) for fresh, kept in zip(self._fresh or [{}] * len(self._items), self._kept(), strict=True)]
        for only in ([kept for _, kept in sources], [fresh for fresh, _ in sources]):  # nearly always all in one of them
            with contextlib.suppress(KeyError):
                return places, [list(map(column.__getitem__, uids)) for column in only]
        there = [place for place, uid in zip(places, uids, strict=True) if all(uid in fresh or uid in kept for fresh, kept in sources)]
        left = _column(self._session.selected.view.uids, there)
        return there, [[fresh[uid] if uid in fresh else kept[uid] for uid in left] for fresh, kept in sources]
