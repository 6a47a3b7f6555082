"""Ask an account's index. Segments are opened and scanned in a thread, one after the other, so that memory stays bounded."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.log import log
from mailcore.errors import Damaged
from mailcore.store.fulltext import rows, segment
from mailcore.store.fulltext.query import Query
from mailcore.store.fulltext.rows import SegmentRow, State
from mailcore.store.fulltext.segment import VERSION, BadSegment, Segment
from mailcore.store.keys import AccountKey

if TYPE_CHECKING:  # the store holds the shelf of open segments
    from mailcore.store.store import Store

SEALED_AS = b"fulltext"
ATTEMPTS = 5  # a merge may take a segment away between the look at the list and the look at the segment

Answer = tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class Found:
    """What an index answers, by message id.

    Messages in `sure` match. Those in `maybe`, and all above `indexed_upto`, have to be asked themselves, see `matches`.
    No other message matches. Ids of messages that are gone may be among them.
    """

    sure: frozenset[int]
    maybe: frozenset[int]
    indexed_upto: int


async def find(store: "Store", account: AccountKey, query: Query, *, whole: bool) -> Found:
    """Return which messages of an account match: header and body when `whole` (TEXT), else the body (BODY)."""
    state = await store.db.peek(rows.state, account.account_id)
    for _ in range(ATTEMPTS):
        answers = await _ask(store, account, state, query, whole=whole)
        if answers is not None:
            break
        state = await store.db.read(rows.state, account.account_id)
    else:
        return Found(frozenset(), frozenset(), 0)  # it changes too fast: then texts are asked
    sure = frozenset().union(*(one for one, _ in answers))
    return Found(sure, frozenset().union(*(one for _, one in answers)) - sure, state.indexed_upto)


async def _ask(store: "Store", account: AccountKey, state: State, query: Query, *, whole: bool) -> list[Answer] | None:
    """Return the answer of every segment; None when one is gone by now."""
    warm: list[Segment] = []
    answers: list[Answer] = []
    for row in state.segments:
        found = store.segments.get((account.account_id, row.segment))
        if found is not None:
            warm.append(found)
            continue
        answer = await _ask_cold(store, account, row, query, whole=whole)
        if answer is None:
            return None
        answers.append(answer)
    if warm:
        answers += await asyncio.to_thread(_scan, warm, query, whole=whole)
    return answers


def _scan(segments: Sequence[Segment], query: Query, *, whole: bool) -> list[Answer]:
    return [segment.find(one, query, whole=whole) for one in segments]


async def _ask_cold(store: "Store", account: AccountKey, row: SegmentRow, query: Query, *, whole: bool) -> Answer | None:
    """Open a segment, keep it and ask it. Of one that cannot be read every message is asked itself; None: it is gone."""
    sealed = await store.db.read(rows.sealed, account.account_id, row.segment)
    if not sealed:
        return None
    try:
        found, answer = await asyncio.to_thread(_open_and_scan, account, row, sealed, query, whole=whole)
    except (Damaged, BadSegment) as error:
        if row.version == VERSION:  # else the indexer makes it anew before long
            log.error("fulltext.damaged", account_id=account.account_id, segment=row.segment, said=str(error))
        return frozenset(), frozenset(await store.db.read(rows.between, account.account_id, row.first_id, row.last_id))
    store.segments.put((account.account_id, row.segment), found)
    return answer


def _open_and_scan(account: AccountKey, row: SegmentRow, sealed: Sequence[bytes], query: Query, *, whole: bool) -> tuple[Segment, Answer]:
    found = opened(account, row, sealed)
    return found, segment.find(found, query, whole=whole)


def opened(account: AccountKey, row: SegmentRow, sealed: Sequence[bytes]) -> Segment:
    """Open a segment from its rows. Raises Damaged, BadSegment. For a thread."""
    return segment.opened(account.open(SEALED_AS, row.segment, b"".join(sealed)))
