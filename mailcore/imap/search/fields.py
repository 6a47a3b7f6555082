"""Reading header fields a piece at a time: what was read is judged and let go, and a column stays only when it is small enough.

Somebody may fill a mailbox with messages of large headers and ask for many fields at once: whole columns of that would be all of the mail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mailcore.imap.search.columns import Column, empty
from mailcore.imap.search.facts import from_header
from mailcore.imap.search.ground import Ground
from mailcore.message.types import Header
from mailcore.store import messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import Stored

FIRST_CHUNK = 32  # headers read before anything is known of their size
HEADER_CHUNK = 250  # read and opened in one piece at most: some ms of a thread
CHUNK_BYTES = 4 * 1024 * 1024  # of opened headers in one piece
PIECE_BYTES = 4 * 1024 * 1024  # of columns that are judged together
GATHERED_BYTES = 24 * 1024 * 1024  # of columns on their way to the shelf, by one search: two of 100,000 messages

Wanted = Callable[[], Awaitable[Sequence[int]]]  # the UIDs that are still undecided
Learn = Callable[[str, Column], Awaitable[None]]


async def learn(ground: Ground, names: Sequence[str], wanted: Wanted, told: Learn) -> None:
    """Tell of columns, a piece at a time, until all undecided messages were in one. What is at hand is told first. Raises LimitReached."""
    async with ground.memory.columns.lock(ground.key):
        for name in names:
            held, _ = await ground.held(name, ())
            if held.uids:
                await told(name, held)
        to_read: dict[tuple[int, ...], list[str]] = {}
        undecided = await wanted()
        for name in names:
            held, missing = await ground.held(name, undecided)
            if missing:
                to_read.setdefault(missing, []).append(name)
        for missing, lacking in to_read.items():
            with ground.memory.scans.one(ground.account.account_id):
                await _read(ground, lacking, missing, told)


async def _read(ground: Ground, names: Sequence[str], missing: Sequence[int], told: Learn) -> None:
    pieces = {name: empty(name) for name in names}
    gathered: dict[str, list[Column]] = {name: [] for name in names}
    at, step = 0, FIRST_CHUNK
    while at < len(missing):
        chunk = list(missing[at : at + step])
        at += len(chunk)
        rows = await ground.services.db.read(messages.fetch, ground.key, chunk, header=True)
        columns, size = await asyncio.to_thread(_derived, ground.account, rows, names)
        step = max(1, min(2 * step, HEADER_CHUNK, CHUNK_BYTES * len(chunk) // max(size, 1)))
        uids = [row.uid for row in rows]
        for name, values in zip(names, columns, strict=True):
            pieces[name] = pieces[name].extended(uids, values)
        if at >= len(missing) or sum(piece.size_bytes() for piece in pieces.values()) > PIECE_BYTES:
            for name, piece in pieces.items():
                await told(name, piece)
                _gather(gathered, name, piece)
            pieces = {name: empty(name) for name in names}
        await ground.progress(at, len(missing))
    for name, parts in gathered.items():
        await _keep(ground, name, parts)


def _gather(gathered: dict[str, list[Column]], name: str, piece: Column) -> None:
    """Put a piece by for the shelf; the largest column is given up when there is too much."""
    if name not in gathered:
        return
    gathered[name].append(piece)
    sizes = {one: sum(part.size_bytes() for part in parts) for one, parts in gathered.items()}
    if sum(sizes.values()) > GATHERED_BYTES:
        del gathered[max(sizes, key=sizes.__getitem__)]


async def _keep(ground: Ground, name: str, parts: Sequence[Column]) -> None:
    """Shelve a column when it has all of the mailbox now; one of a few messages was for this time alone."""
    held, _ = await ground.held(name, ())
    uids = [uid for part in parts for uid in part.uids]
    if not uids or (held.uids and uids[0] <= held.uids[-1]) or len(held.uids) + len(uids) < len(ground.view.uids):
        return
    ground.memory.columns.keep(ground.key, name, await asyncio.to_thread(held.joined, parts))


def _derived(account: AccountKey, rows: Sequence[Stored], names: Sequence[str]) -> tuple[list[list[Any]], int]:
    """Open headers, make the values of columns from them, and say how many octets these headers have."""
    makers = [from_header(name) for name in names]
    made: list[list[Any]] = [[] for _ in names]
    size = 0
    for row in rows:
        header: Header = account.header(row)
        size += header.header_bytes
        for column, make in zip(made, makers, strict=True):
            column.append(make(header))
    return made, size
