"""FETCH of octets: small messages side by side, large ones streamed. RFC 9051 §6.4.5, RFC 3516; RFC 5530 §3 (codes).

Whatever is asked, a session holds three batches of small messages (one is looked up, one opened, one written), or two pieces of a
large one.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from config.errors import DatabaseUnreachable, MailError
from config.log import log
from mailcore.errors import Damaged
from mailcore.imap import errors, fetching, forms, octets
from mailcore.imap.commands import Item
from mailcore.imap.fetching import Opened
from mailcore.imap.forms import Form, Line, Plans
from mailcore.imap.octets import Read
from mailcore.imap.parse.fetching import FLAGS, MODSEQ
from mailcore.imap.responses import Done, no, ok
from mailcore.imap.session import Session
from mailcore.store import messages
from mailcore.store.store import Octets, Sealed
from mailcore.store.types import Flag, Stored

T = TypeVar("T")
ROW_CHUNK = 500
BATCH = 96  # messages read side by side
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


async def answers(session: Session, items: tuple[Item, ...], places: Sequence[int], trouble: Trouble) -> AsyncGenerator[bytes, None]:
    """Answer items of which some are octets; reading them may set \\Seen."""
    form = forms.form(items, only="UIDONLY" in session.enabled)
    if len(places) == 1 and not form.needs.several:
        coming = _alone(session, form, places[0], trouble)
    else:
        coming = _batches(session, form, places, trouble)
    async with contextlib.aclosing(ahead(coming) if len(places) > 1 else coming) as batches:  # a task ahead costs more than one body
        async for batch in batches:
            async with contextlib.aclosing(_answered(session, form, batch)) as answered:
                async for lines in answered:
                    yield lines


async def _answered(session: Session, form: Form, batch: "Batch") -> AsyncGenerator[bytes, None]:
    """Answer messages that are ready, the large ones last."""
    changed: frozenset[int] = frozenset()
    if form.marks_seen:
        changed = await mark_seen(session, [each.line.place for each in batch.ready])
    for lines in _written(session, form, batch.ready, changed) if batch.written is None else batch.written:
        yield lines
    for each in batch.ready:
        if each.raw is None:
            async with contextlib.aclosing(_streamed(session, form, each, changed)) as pieces:
                async for lines in pieces:
                    yield lines


async def _alone(session: Session, form: Form, place: int, trouble: Trouble) -> "AsyncGenerator[Batch, None]":
    """Yield one message that is ready to be answered."""
    found = await session.services.store.look(session.selected.key, session.selected.view.uids[place])
    if found is None:
        trouble.note("EXPUNGEISSUED")
        return
    stored, _ = found
    yield await _opened_batch(session, form, [stored], [found] if stored.size_bytes <= STREAM_BYTES else [], trouble)


class Ready(msgspec.Struct, frozen=True, gc=False):
    """A message that can be answered: what is said of it, how its octets are, and all of them unless it is large."""

    line: Line
    plans: Plans
    raw: bytes | memoryview | None


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Messages that can be answered, and the answers about small ones unless these depend on what reading changes."""

    ready: Sequence[Ready]
    written: Sequence[bytes] | None


AtHand = Mapping[int, bytes | memoryview | MailError]  # by UID: octets, or why they cannot be read
Found = tuple[Sequence[Stored], Sequence[Sealed]]  # messages, and where the octets of the small ones are


async def _batches(session: Session, form: Form, places: Sequence[int], trouble: Trouble) -> AsyncGenerator[Batch, None]:
    """Yield messages that are ready to be answered, in batches of bounded size; a large one is alone."""
    coming = _found(session, form, places, trouble)
    async with contextlib.aclosing(ahead(coming) if len(places) > BATCH else coming) as found:
        async for rows, sealed in found:
            batch = await _opened_batch(session, form, rows, sealed, trouble)
            if batch.ready:
                yield batch


async def _opened_batch(session: Session, form: Form, rows: Sequence[Stored], sealed: Sequence[Sealed], trouble: Trouble) -> Batch:
    def then(raws: Octets) -> Batch:
        at_hand = {stored.uid: raw for (stored, _), raw in zip(sealed, raws, strict=True)}
        ready = _ready(session, form, rows, at_hand, trouble)
        return Batch(ready, None if form.marks_seen else list(_written(session, form, ready, frozenset())))

    return await session.services.store.unsealed(session.selected.account, sealed, then)


async def _found(session: Session, form: Form, places: Sequence[int], trouble: Trouble) -> AsyncGenerator[Found, None]:
    """Yield batches of messages as they are kept."""
    needs, key, store = form.needs, session.selected.key, session.services.store
    for start in range(0, len(places), ROW_CHUNK):
        wanted = [session.selected.view.uids[place] for place in places[start : start + ROW_CHUNK]]
        look = session.services.db.peek if len(wanted) <= PEEKED else session.services.db.read
        rows = await look(messages.fetch, key, wanted)
        if len(rows) < len(wanted):
            trouble.note("EXPUNGEISSUED")
        for batch in _cut(rows, SEALED_BATCH if needs.several else BATCH):
            if needs.several:
                uids = [row.uid for row in batch]
                batch = await session.services.db.read(messages.fetch, key, uids, summary=needs.summary, header=needs.header)
            yield batch, await store.sealed([row for row in batch if row.size_bytes <= STREAM_BYTES])


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


def _ready(
    session: Session, form: Form, rows: Sequence[Stored], at_hand: Mapping[int, bytes | memoryview | MailError], trouble: Trouble
) -> list[Ready]:
    """Plan the answers of messages; what cannot be answered is noted."""
    ready: list[Ready] = []
    for row in rows:
        try:
            raw = _readable(session, row, at_hand.get(row.uid))
            opened = _opened(session, form, row)
            place = session.selected.view.index(row.uid)
            assert place is not None, "a view is not renumbered while FETCH runs"
            ready.append(Ready(Line(session.selected.view, place, session.flags, opened), form.plans(opened), raw))
        except MailError as error:
            trouble.lost(session, row, error)
    return ready


def _readable(session: Session, row: Stored, raw: bytes | memoryview | MailError | None) -> bytes | memoryview | None:
    """Return the octets of a small message, None for a large one. Raises Damaged."""
    if isinstance(raw, MailError):
        raise raw
    if raw is None and row.blob_id in session.memory.damaged:
        raise Damaged(blob=row.blob_id.hex())
    return raw


def _opened(session: Session, form: Form, row: Stored) -> Opened:
    account = session.selected.account
    summary = account.summary(row) if form.needs.summary else None
    return Opened(account.account_id, row, summary, account.header(row) if form.needs.header else None)


def _shown(session: Session, form: Form, each: Ready, changed: frozenset[int]) -> Form:
    """Return the form with the flags of a message that reading it has just changed."""
    if each.line.place not in changed:
        return form
    return forms.form(with_flags(session, form.items), only="UIDONLY" in session.enabled)


def _whole(session: Session, form: Form, each: Ready, changed: frozenset[int]) -> Iterator[bytes | memoryview]:
    assert each.raw is not None
    return _shown(session, form, each, changed).whole(each.line, each.plans, each.raw)


def _written(session: Session, form: Form, ready: Sequence[Ready], changed: frozenset[int]) -> Iterator[bytes]:
    """Write the answers about small messages."""
    return gathered(piece for each in ready if each.raw is not None for piece in _whole(session, form, each, changed))


async def _streamed(session: Session, form: Form, each: Ready, changed: frozenset[int]) -> AsyncGenerator[bytes, None]:
    """Answer for a large message. Raises ConnectionError when its octets end before the literal that was announced."""
    row = each.line.opened.row
    read: Read = lambda start, stop: session.services.store.stream(session.selected.account, row, start, stop)  # noqa: E731
    try:
        for step in _shown(session, form, each, changed).steps(each.line, each.plans):
            async with contextlib.aclosing(octets.streamed(step, read)) as pieces:
                async for piece in pieces:
                    yield piece
    except MailError as error:
        if not isinstance(error, DatabaseUnreachable):
            session.memory.note_damaged(row.blob_id)
        log.error("imap.fetch_cut", account_id=session.selected.key.account_id, message_id=row.message_id, uid=row.uid)
        raise ConnectionAbortedError("a message ends before its literal") from error


def gathered(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """Join small pieces; give what has gathered away at ANSWER_BYTES: two hundred items may each be a whole message."""
    held: list[bytes | memoryview] = []
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
    view, uids = session.selected.view, unseen(session, places)
    if not uids:
        return frozenset()
    done = await session.services.db.write(messages.store_flags, session.selected.key, uids, "add", int(Flag.SEEN))
    changed, _ = view.settle_all(done.changed, lambda flags: flags | Flag.SEEN)
    if done.changed:
        view.advance(done.since, done.modseq)
    return frozenset(changed)


def unseen(session: Session, places: Sequence[int]) -> list[int]:
    """Return the UIDs of those messages that reading them marks as \\Seen."""
    selected = session.selected
    view = selected.view
    if selected.read_only or "s" not in selected.rights:
        return []
    return [view.uids[place] for place in places if not view.flags[place] & Flag.SEEN and not view.is_gone(place)]


def with_flags(session: Session, items: tuple[Item, ...]) -> tuple[Item, ...]:
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
