"""Bring an account's index up to date: pages of messages become a segment, many small segments become one.

A crash at any point loses nothing: the watermark moves in the transaction that makes the segment count, and what lies
above the watermark is found by reading. Analysing, packing and sealing happen in a thread, a page at a time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from config.failpoints import failpoint
from config.log import log
from mailcore.errors import Damaged
from mailcore.message.index import Header, index
from mailcore.store.fulltext import rows, segment, text
from mailcore.store.fulltext.finding import SEALED_AS, opened
from mailcore.store.fulltext.rows import Overtaken, SegmentRow, Unindexed
from mailcore.store.fulltext.segment import VERSION, BadSegment, Builder, Segment
from mailcore.store.keys import AccountKey

if TYPE_CHECKING:
    from mailcore.store.store import Store

PAGE_MESSAGES, PAGE_BYTES = 32, 1 << 20  # analysed at once: some 20 ms of a thread
SEGMENT_MESSAGES, SEGMENT_BYTES = 2_048, 32 << 20  # gathered into one segment: bounds memory, and what a crash repeats
CHUNK_BYTES = 128 * 1024  # of a sealed segment in one row and one transaction: deliveries wait for it some ms at most
FACTOR = 8  # so many segments of one size become one: an index has about 7 of each size, and is rewritten log8(n) times
MERGED_MESSAGES = 16_384  # no larger ones are made: a merge of them holds a thread for seconds
MERGED_BYTES = 24 << 20  # stored octets that are merged at once
RETRIES = 3  # after somebody else was quicker

Pause = Callable[[float], Awaitable[None]]
Told = Callable[[int], None]


async def catch_up(store: "Store", account: AccountKey, pause: Pause | None = None, told: Told | None = None) -> int:
    """Index what an account has above its watermark; return how many messages that were.

    An index of another version is dropped first. `pause` is called after each piece of work with the seconds it took;
    `told` hears how many messages are done. Raises Overtaken when other indexers keep being quicker.
    """
    done = 0
    for attempt in range(RETRIES + 1):
        try:
            done += await _catch_up(store, account, pause or _go_on, told or _keep_quiet)
            break
        except Overtaken:
            if attempt == RETRIES:
                raise
    return done


async def rebuild(store: "Store", account: AccountKey, told: Told | None = None) -> int:
    """Drop an account's index and make it anew; meanwhile searches read texts. Return how many messages it covers."""
    await store.db.write(rows.drop, account.account_id)
    return await catch_up(store, account, told=told)


async def _go_on(spent_s: float) -> None:
    await asyncio.sleep(0)


def _keep_quiet(done: int) -> None:
    pass


async def _catch_up(store: "Store", account: AccountKey, pause: Pause, told: Told) -> int:
    state = await store.db.read(rows.state, account.account_id)
    if any(row.version != VERSION for row in state.segments):
        await store.db.write(rows.drop, account.account_id)
        state = await store.db.read(rows.state, account.account_id)
    done, after = 0, state.indexed_upto
    while True:
        builder, upto = await _gather(store, account, after, pause)
        if upto == after:
            return done
        row = await _keep(store, account, builder.ids, builder.segment) if builder.ids else None
        failpoint("fulltext.before_advance")
        await _counted(store, account, row, after, upto)
        failpoint("fulltext.after_advance")
        done, after = done + len(builder.ids), upto
        told(done)
        await _merged(store, account, pause)


async def _merged(store: "Store", account: AccountKey, pause: Pause) -> None:
    """Merge what is to be merged; an index with a segment that cannot be read is dropped and made anew."""
    try:
        await merge(store, account, pause)
    except (Damaged, BadSegment) as error:
        log.error("fulltext.damaged", account_id=account.account_id, said=str(error))
        await store.db.write(rows.drop, account.account_id)
        raise Overtaken from error


async def _counted(store: "Store", account: AccountKey, row: SegmentRow | None, after: int, upto: int) -> None:
    try:
        await store.db.write(rows.advance, account.account_id, after, upto, row)
    except Overtaken:
        if row is not None:
            await store.db.write(rows.drop_orphan, account.account_id, row.segment)
        raise


async def _gather(store: "Store", account: AccountKey, after: int, pause: Pause) -> tuple[Builder, int]:
    """Return what of the next messages is to be indexed, and up to which id that goes."""
    builder, left_bytes = Builder(), SEGMENT_BYTES
    while len(builder.ids) < SEGMENT_MESSAGES and left_bytes > 0:
        page = await store.db.read(rows.page, account.account_id, after, PAGE_MESSAGES, PAGE_BYTES)
        if page.upto == after:
            break
        contents = [await _content(store, account, message) for message in page.messages]
        began = time.perf_counter()
        await asyncio.to_thread(_analyse, account, builder, page.messages, contents)
        left_bytes -= sum(message.size_bytes for message in page.messages)
        after = page.upto
        await pause(time.perf_counter() - began)
    return builder, after


async def _content(store: "Store", account: AccountKey, message: Unindexed) -> bytes | None:
    try:
        return await store.read(message.blob_id, account.unwrap(message.dek_wrapped))
    except Damaged as error:
        _log_damaged(account, message, error)
        return None


def _analyse(account: AccountKey, builder: Builder, messages: Sequence[Unindexed], contents: Sequence[bytes | None]) -> None:
    for message, raw in zip(messages, contents, strict=True):
        header = _header(account, message, raw)
        found = text.analysed(raw, header)
        builder.add(message.message_id, found.body, found.header, partly=found.partly)


def _header(account: AccountKey, message: Unindexed, raw: bytes | None) -> Header:
    """Return the header that is kept, else that of the octets, else none: a damaged message must not stop the others."""
    try:
        return account.header(message.stored)
    except Damaged as error:
        _log_damaged(account, message, error)
        return index(raw or b"").header


def _log_damaged(account: AccountKey, message: Unindexed, error: Damaged) -> None:
    log.error("fulltext.message_damaged", account_id=account.account_id, message_id=message.message_id, said=str(error))


async def _keep(store: "Store", account: AccountKey, ids: Sequence[int], make: Callable[[], bytes]) -> SegmentRow:
    """Make a segment's octets, seal them and keep them; they do not count yet."""
    number = await store.db.write_soft(rows.next_segment, account.account_id)
    sealed = await asyncio.to_thread(lambda: account.seal(SEALED_AS, number, make()))
    chunks = [sealed[at : at + CHUNK_BYTES] for at in range(0, len(sealed), CHUNK_BYTES)]
    for place, chunk in enumerate(chunks):  # soft: what makes them count is not, and syncs them too
        await store.db.write_soft(rows.keep_chunk, account.account_id, number, place, chunk)
        failpoint("fulltext.after_chunk")
    return SegmentRow(number, VERSION, ids[0], ids[-1], len(ids), len(sealed), len(chunks))


async def merge(store: "Store", account: AccountKey, pause: Pause = _go_on) -> None:
    """Merge segments of one size as long as there are many. Raises Overtaken, and Damaged or BadSegment."""
    while True:
        state = await store.db.read(rows.state, account.account_id)
        chosen = plan(state.segments)
        if not chosen:
            return
        began = time.perf_counter()
        await _merge(store, account, chosen)
        await pause(time.perf_counter() - began)


async def _merge(store: "Store", account: AccountKey, chosen: Sequence[SegmentRow]) -> None:
    segments = [await _opened(store, account, row) for row in chosen]
    first, last = min(row.first_id for row in chosen), max(row.last_id for row in chosen)
    there = set(await store.db.read(rows.between, account.account_id, first, last))
    ids = sorted({one for one_segment in segments for one in one_segment.ids} & there)
    row = await _keep(store, account, ids, lambda: segment.merged(segments, there)) if ids else None
    failpoint("fulltext.before_replace")
    try:
        await store.db.write(rows.replace, account.account_id, [row.segment for row in chosen], row)
    except Overtaken:
        if row is not None:
            await store.db.write(rows.drop_orphan, account.account_id, row.segment)
        raise
    failpoint("fulltext.after_replace")
    for old in chosen:
        store.segments.drop((account.account_id, old.segment))


async def _opened(store: "Store", account: AccountKey, row: SegmentRow) -> Segment:
    found = store.segments.get((account.account_id, row.segment))
    if found is not None:
        return found
    sealed = await store.db.read(rows.sealed, account.account_id, row.segment)
    if not sealed:
        raise Overtaken
    return await asyncio.to_thread(opened, account, row, sealed)


def plan(segments: Sequence[SegmentRow]) -> list[SegmentRow]:
    """Return segments that should become one: FACTOR of about one size, the smallest such; none when all is well."""
    sizes: dict[int, list[SegmentRow]] = {}
    for row in segments:
        sizes.setdefault(_size(row.messages), []).append(row)
    for size in sorted(sizes):
        chosen = sizes[size][:FACTOR]
        few = sum(row.messages for row in chosen) <= MERGED_MESSAGES and sum(row.stored_bytes for row in chosen) <= MERGED_BYTES
        if len(chosen) == FACTOR and few:
            return chosen
    return []


def _size(messages: int) -> int:
    """Return how often FACTOR goes into a number of messages."""
    size = 0
    while messages >= FACTOR:
        messages //= FACTOR
        size += 1
    return size
