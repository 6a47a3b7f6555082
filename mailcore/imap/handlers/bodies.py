"""FETCH of octets: small messages side by side, large ones streamed. RFC 9051 §6.4.5, RFC 3516; RFC 5530 §3 (codes).

Whatever is asked, a session holds a batch of small messages, or two pieces of a large one.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from config.errors import MailError
from config.log import log
from mailcore.errors import Damaged
from mailcore.imap import errors, fetching, octets
from mailcore.imap.commands import Attribute, Item, Level
from mailcore.imap.fetching import Opened
from mailcore.imap.octets import Read, Step
from mailcore.imap.parse.fetching import FLAGS, MODSEQ
from mailcore.imap.responses import Done, no, ok
from mailcore.imap.session import Session
from mailcore.message.types import Header
from mailcore.store import messages
from mailcore.store.types import Flag, Stored

T = TypeVar("T")
ROW_CHUNK = 500
BATCH = 48  # messages read side by side
PEEKED = 20  # rows looked up without a thread's turn: about 0.1 ms
SEALED_BATCH = 16  # the same, where their headers are held beside them
BATCH_BYTES = 2 * 1024 * 1024
STREAM_BYTES = 1024 * 1024  # a message of more octets is never held
SEVERITY = ("CORRUPTION", "UNAVAILABLE", "UNKNOWN-CTE", "EXPUNGEISSUED")  # what the end of the command says of several troubles


@dataclass(slots=True)
class Trouble:
    """What went wrong with single messages of a FETCH; the others are answered all the same."""

    uid: bool
    left: str = ""  # the code that says that more messages were asked for than one command answers (RFC 9738 §3.1)
    codes: dict[str, str] = field(default_factory=dict)

    def note(self, code: str, text: str = "some of these messages are gone") -> None:
        """Remember what went wrong."""
        self.codes.setdefault(code, text)

    def lost(self, session: Session, row: Stored, error: MailError) -> None:
        """Remember a message that cannot be answered, and log it."""
        done = errors.refusal(error)
        self.note(done.code, done.text)
        where = {"account_id": session.selected.key.account_id, "mailbox_id": session.selected.key.mailbox_id, "uid": row.uid}
        log.warning("imap.fetch_failed", code=done.code, message_id=row.message_id, **where)

    def end(self) -> Done:
        """Return the end of the command. UID FETCH passes over UIDs that are gone in silence (RFC 9051 §6.4.9)."""
        for code in sorted(self.codes, key=lambda code: SEVERITY.index(code) if code in SEVERITY else -1):
            if not (self.uid and code == "EXPUNGEISSUED"):
                return no(self.codes[code], code)
        return ok("fetched", self.left)


async def answers(session: Session, items: Sequence[Item], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[bytes, None]:
    """Answer items of which some are octets; reading them may set \\Seen."""
    coming = _batches(session, items, places, trouble)
    async with contextlib.aclosing(ahead(coming) if len(places) > 1 else coming) as batches:  # a task ahead costs more than one body
        async for batch in batches:
            changed: frozenset[int] = frozenset()
            if fetching.marks_seen(items):
                changed = await mark_seen(session, [place for place, _, _ in batch])
            small = (piece for each in batch if each[2] is not None for piece in _whole(session, items, each, changed))
            for lines in gathered(small):
                yield lines
            for place, opened, raw in batch:
                if raw is None:
                    async with contextlib.aclosing(_streamed(session, items, place, opened, changed)) as pieces:
                        async for piece in pieces:
                            yield piece


Ready = tuple[int, tuple[Opened, dict[Item, list[Step]]], bytes | None]  # place, message and plans, octets unless it is large


async def _batches(session: Session, items: Sequence[Item], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[list[Ready], None]:
    """Yield messages that are ready to be answered, in batches of bounded size; a large one is alone."""
    needs = fetching.needs(items)
    bound = SEALED_BATCH if needs.summary or needs.header else BATCH
    for start in range(0, len(places), ROW_CHUNK):
        chunk = places[start : start + ROW_CHUNK]
        uids = session.selected.view.uids
        look = session.services.db.peek if len(chunk) <= PEEKED else session.services.db.read
        rows = await look(messages.fetch, session.selected.key, [uids[place] for place in chunk])
        if len(rows) < len(chunk):
            trouble.note("EXPUNGEISSUED")
        for batch in _cut(rows, bound):
            if needs.summary or needs.header:
                wanted = [row.uid for row in batch]
                batch = await session.services.db.read(
                    messages.fetch, session.selected.key, wanted, summary=needs.summary, header=needs.header
                )
            ready = await _ready(session, items, batch, trouble)
            if ready:
                yield ready


def _cut(rows: Sequence[Stored], bound: int) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    size = 0
    for row in rows:
        weight = row.size_bytes if row.size_bytes <= STREAM_BYTES else BATCH_BYTES
        if batch and (len(batch) >= bound or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


async def _ready(session: Session, items: Sequence[Item], rows: Sequence[Stored], trouble: Trouble) -> list[Ready]:
    """Open messages, plan their answers and read what is small; what cannot be answered is noted."""
    account = session.selected.account
    small = [row for row in rows if row.size_bytes <= STREAM_BYTES]
    raws = dict(zip([row.uid for row in small], await session.services.store.raws(account, small), strict=True)) if small else {}
    ready: list[Ready] = []
    for row in rows:
        try:
            raw = _readable(session, row, raws.get(row.uid))
            opened = _opened(session, items, row)
            place = session.selected.view.index(row.uid)
            assert place is not None, "a view is not renumbered while FETCH runs"
            ready.append((place, (opened, _plans(items, opened)), raw))
        except MailError as error:
            trouble.lost(session, row, error)
    return ready


def _readable(session: Session, row: Stored, raw: bytes | MailError | None) -> bytes | None:
    """Return the octets of a small message, None for a large one. Raises Damaged."""
    if isinstance(raw, MailError):
        raise raw
    if raw is None and row.blob_id in session.memory.damaged:
        raise Damaged(blob=row.blob_id.hex())
    return raw


def _opened(session: Session, items: Sequence[Item], row: Stored) -> Opened:
    account, needs = session.selected.account, fetching.needs(items)
    summary = account.summary(row) if needs.summary else None
    return Opened(account.account_id, row, summary, account.header(row) if needs.header else None)


def _plans(items: Sequence[Item], opened: Opened) -> dict[Item, list[Step]]:
    header = opened.header
    assert header is None or isinstance(header, Header)
    return {item: octets.plan(item, header, opened.row.size_bytes) for item in items if not isinstance(item, Attribute)}


def _steps(session: Session, items: Sequence[Item], ready: tuple[Opened, dict[Item, list[Step]]], place: int) -> Iterator[Step]:
    """Yield all that the answer of one message consists of."""
    view, (opened, plans) = session.selected.view, ready
    uid = view.uids[place]
    before = fetching.opening(only="UIDONLY" in session.enabled) % (uid if "UIDONLY" in session.enabled else place + 1)
    for item in items:
        yield before
        before = b" "
        if not isinstance(item, Attribute):
            yield from plans[item]
        elif item.level is Level.VIEW:
            values = {"UID": uid, "FLAGS": session.flags.write(view.flags[place]), "MODSEQ": view.modseqs[place]}
            yield fetching.VIEW_FIELDS[item.name] % values[item.name]
        else:
            yield fetching.renderer(item)(opened)
    yield b")\r\n"


def _whole(session: Session, items: Sequence[Item], each: Ready, changed: frozenset[int]) -> Iterator[bytes]:
    place, ready, raw = each
    assert raw is not None
    shown = with_flags(session, items) if place in changed else items
    return octets.whole(_steps(session, shown, ready, place), raw)


async def _streamed(
    session: Session, items: Sequence[Item], place: int, ready: tuple[Opened, dict[Item, list[Step]]], changed: frozenset[int]
) -> AsyncGenerator[bytes, None]:
    """Answer for a large message. Raises ConnectionError when its octets end before the literal that was announced."""
    row = ready[0].row
    read: Read = lambda start, stop: session.services.store.stream(session.selected.account, row, start, stop)  # noqa: E731
    shown = with_flags(session, items) if place in changed else items
    try:
        for step in _steps(session, shown, ready, place):
            async with contextlib.aclosing(octets.streamed(step, read)) as pieces:
                async for piece in pieces:
                    yield piece
    except MailError as error:
        session.memory.note_damaged(row.blob_id)
        log.error("imap.fetch_cut", account_id=session.selected.key.account_id, message_id=row.message_id, uid=row.uid)
        raise ConnectionAbortedError("a message ends before its literal") from error


def gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces; give what has gathered away at ANSWER_BYTES: two hundred items may each be a whole message."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= fetching.ANSWER_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def mark_seen(session: Session, places: Sequence[int]) -> frozenset[int]:
    """Set \\Seen on those messages that lack it, where this client may (RFC 9051 §6.3.3, RFC 4314 §4); return their places."""
    selected = session.selected
    view = selected.view
    if selected.read_only or "s" not in selected.rights:
        return frozenset()
    unseen = [view.uids[place] for place in places if not view.flags[place] & Flag.SEEN and not view.is_gone(place)]
    if not unseen:
        return frozenset()
    done = await session.services.db.write(messages.store_flags, selected.key, unseen, "add", int(Flag.SEEN))
    changed, _ = view.settle_all(done.changed, lambda flags: flags | Flag.SEEN)
    if done.changed:
        view.advance(done.since, done.modseq)
    return frozenset(changed)


def with_flags(session: Session, items: Sequence[Item]) -> Sequence[Item]:
    """Return the items with FLAGS, for messages that reading them has just changed; with MODSEQ for who follows them."""
    more = [FLAGS] if FLAGS not in items else []
    if "CONDSTORE" in session.enabled and MODSEQ not in items:
        more.append(MODSEQ)
    return (*items, *more)


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
