"""Finding messages: from what costs least to what costs most. RFC 3501 §6.4.4.

Flags and numbers come from the view, dates and sizes from rows, fields from headers, words from the full-text index. The text of a
message itself is read last, and only of those messages that nothing else decides.
"""

import asyncio
from collections.abc import Iterator, Sequence

from config.clock import SECOND_US
from mailcore.errors import Damaged, LimitReached
from mailcore.imap.criteria import Aged, Arrived, Called, Changed, HeaderHas, Key, Leaf, Saved, Sent, Size, TextHas, leaves
from mailcore.imap.parse.dates import DAY_US
from mailcore.imap.search import fields, masks, trial
from mailcore.imap.search.columns import Column, Texts, Values
from mailcore.imap.search.facts import FIELD
from mailcore.imap.search.ground import Ground, here_or_aside
from mailcore.imap.search.trial import State, Trial
from mailcore.store import fulltext, messages
from mailcore.store.fulltext import Found, Query
from mailcore.store.types import Stored

INLINE_QUESTIONS = 5_000  # rows looked at on the event loop: a few ms; more goes to a thread
CHANGED_WEIGHT = 0.25  # of a look at a modseq beside one at a row; flags cost nothing to speak of
MASKED = 16  # messages of a mailbox that a set of places costs as much as one row to look at
INLINE_BYTES = 1024 * 1024  # of folded text looked through on the event loop: about 1 ms
MAX_FIELDS = 16  # header fields of one search: clients ask for four to six, each is read of every message
COLUMNS_AT_ONCE = 4  # fields read side by side, so that a header is opened once for what clients ask together: From, To, Cc, Subject
MAX_TEXT_KEYS = 16  # BODY and TEXT of one search, a word each: more is no question of a person
MAX_TEXT_BYTES = 1_024  # of a text to search for: a line of a message has 998 (RFC 5322 §2.1.1)
ROWS = 500  # rows of messages whose text is to be read
BATCH = 16  # texts read side by side
BATCH_BYTES = 2 * 1024 * 1024
FOREVER = 1 << 62


async def find(ground: Ground, key: Key) -> list[int]:
    """Return the places of the messages that match, ascending; those that another session expunged are passed over. Raises LimitReached."""
    _require_bounded(key)
    tried = await _begun(ground, key)
    for kinds, decide in STAGES:
        states = [state for state in tried.states if isinstance(state.key, kinds)]
        if states and tried.open():
            await decide(ground, tried, states)
    return masks.places(tried.found())


async def _begun(ground: Ground, key: Key) -> Trial:
    view = ground.view
    gone = [place for place in range(len(view.uids)) if view.is_gone(place)] if view.loses else []
    weight = sum(isinstance(leaf, Changed) for leaf in leaves(key)) * len(view.uids) * CHANGED_WEIGHT
    if weight > INLINE_QUESTIONS:
        return await asyncio.to_thread(trial.begin, key, view, ground.keywords, ground.saved, gone)
    return trial.begin(key, view, ground.keywords, ground.saved, gone)


def _require_bounded(key: Key) -> None:
    """Let pass what one search may ask for. Raises LimitReached."""
    asked = list(leaves(key))
    if sum(isinstance(leaf, TextHas) for leaf in asked) > MAX_TEXT_KEYS:
        raise LimitReached(f"at most {MAX_TEXT_KEYS} keys of one search are about the text of messages")
    if len({leaf.field for leaf in asked if isinstance(leaf, HeaderHas)}) > MAX_FIELDS:
        raise LimitReached(f"at most {MAX_FIELDS} header fields can be looked at in one search")
    if any(len(leaf.text.encode()) > MAX_TEXT_BYTES for leaf in asked if isinstance(leaf, HeaderHas | TextHas)):
        raise LimitReached(f"a text to search for has at most {MAX_TEXT_BYTES} octets")


async def _by_rows(ground: Ground, tried: Trial, states: Sequence[State]) -> None:
    """Decide by columns of rows: dates, sizes, names of objects."""
    open_ = tried.open()
    uids = await _uids(tried)
    columns = await ground.columns(list(dict.fromkeys(_column(state.key) for state in states)), uids)
    for name, parts in columns.items():
        for column in parts:
            await _taught(ground, tried, states, name, column)
    for state in states:
        tried.absent(open_ & ~state.known)


async def _by_headers(ground: Ground, tried: Trial, states: Sequence[State]) -> None:
    """Decide by fields of headers, a few at a time: the next are read only of messages that these did not decide. Raises LimitReached."""

    async def wanted() -> Sequence[int]:
        return await _uids(tried)

    async def told(name: str, column: Column) -> None:
        await _taught(ground, tried, states, name, column)

    names = list(dict.fromkeys(_column(state.key) for state in states))
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        group, open_ = names[start : start + COLUMNS_AT_ONCE], tried.open()
        if not open_:
            return
        await fields.learn(ground, group, wanted, told)
        left = tried.open()  # what is open for a key of which everything there is was told now
        for state in states:
            if _column(state.key) in group:
                tried.absent(left & open_ & ~state.known)


async def _uids(tried: Trial) -> Sequence[int]:
    """Return the UIDs of the messages that are still undecided."""
    uids = tried.view.uids
    return await here_or_aside(len(uids), lambda: [uids[place] for place in masks.places(tried.open())])


async def _taught(ground: Ground, tried: Trial, states: Sequence[State], name: str, column: Column) -> None:
    concerned = [state for state in states if _column(state.key) == name]
    weight = len(concerned) * (len(column.uids) + len(tried.view.uids) // MASKED)
    size = column.size_bytes() * len(concerned) if isinstance(column, Texts) else 0
    if weight > INLINE_QUESTIONS or size > INLINE_BYTES:
        await asyncio.to_thread(_learn, ground, tried, concerned, column)
    else:
        _learn(ground, tried, concerned, column)


def _column(key: Leaf) -> str:
    match key:
        case HeaderHas(field):
            return FIELD + field.decode("latin-1")
        case Sent():
            return "sent day"
        case Size():
            return "SIZE"
        case Saved():
            return "SAVED"
        case Called(field):
            return field
    return "ARRIVAL"


def _learn(ground: Ground, tried: Trial, states: Sequence[State], column: Column) -> None:
    uids = tried.view.uids
    places = masks.located(column.uids, uids)
    known = masks.of_places([place for place in places if place >= 0], len(uids)) if column.uids != uids else masks.full(len(uids))
    for state in states:
        rows = _rows(ground, state.key, column)
        state.learn(masks.of_places([places[row] for row in rows if places[row] >= 0], len(uids)), known)


def _rows(ground: Ground, key: Leaf, column: Column) -> list[int]:
    """Return the rows of a column that match a key."""
    if isinstance(column, Texts):
        assert isinstance(key, HeaderHas)
        return column.rows_with(fulltext.query(key.text, inflected=False).text)
    if isinstance(key, Called):
        return column.rows_of(key.number) if key.account_id == ground.account.account_id else []
    return column.rows_within(*_bounds(key, ground.services.clock.now_us()))


def _bounds(key: Leaf, now_us: int) -> tuple[int, int]:
    """Return between which numbers a key matches; the upper one does not."""
    match key:
        case Arrived(first, last) | Saved(first, last):
            return _or(first, -FOREVER, DAY_US), _or(last, FOREVER, DAY_US)
        case Sent(first, last):
            return _or(first, -FOREVER), _or(last, FOREVER)
        case Size(above, below):
            return (-1 if above is None else above) + 1, _or(below, FOREVER)
        case Aged(seconds, younger):  # to the resolution of a second, both bounds included (RFC 5032 §2)
            target = (now_us // SECOND_US - seconds) * SECOND_US
            return (target, FOREVER) if younger else (-FOREVER, target + SECOND_US)
    raise AssertionError(key)


def _or(bound: int | None, open_: int, unit: int = 1) -> int:
    return open_ if bound is None else bound * unit


async def _by_index(ground: Ground, tried: Trial, states: Sequence[State]) -> None:
    """Decide by the full-text index what it decides. It speaks of message ids."""
    open_ = tried.open()
    columns = (await ground.columns(["EMAILID"], [tried.view.uids[place] for place in masks.places(open_)]))["EMAILID"]
    for state in states:
        if tried.open() & ~state.known:
            found = await _ask(ground, state)
            if len(tried.view.uids) > INLINE_QUESTIONS:
                await asyncio.to_thread(_learn_found, tried, state, columns, found)
            else:
                _learn_found(tried, state, columns, found)


async def _ask(ground: Ground, state: State) -> Found:
    assert isinstance(state.key, TextHas)
    question = ground.account.account_id, _query(state), state.key.whole
    found = ground.asked.get(question)
    if found is None:
        found = ground.asked[question] = await fulltext.find(ground.services.store, ground.account, question[1], whole=question[2])
    return found


def _query(state: State) -> Query:
    assert isinstance(state.key, TextHas)
    return fulltext.query(state.key.text, inflected=not state.negated)


def _learn_found(tried: Trial, state: State, columns: Sequence[Column], found: Found) -> None:
    uids = tried.view.uids
    for column in columns:
        assert isinstance(column, Values)
        sure = [row for row, name in enumerate(column.values) if name in found.sure]
        told = [row for row, name in enumerate(column.values) if name <= found.indexed_upto and name not in found.maybe]
        if column.uids == uids:
            state.learn(masks.of_places(sure, len(uids)), masks.of_places([*told, *sure], len(uids)))
        else:
            yes = masks.of_uids([column.uids[row] for row in sure], uids)
            state.learn(yes, yes | masks.of_uids([column.uids[row] for row in told], uids))


async def _by_texts(ground: Ground, tried: Trial, states: Sequence[State]) -> None:
    """Read the messages that are still open, a few at a time. Raises LimitReached."""
    places = masks.places(tried.open())
    with ground.memory.scans.one(ground.account.account_id):
        for start in range(0, len(places), ROWS):
            chunk = places[start : start + ROWS]
            wanted = [tried.view.uids[place] for place in chunk]
            rows = await ground.services.db.read(messages.fetch, ground.key, wanted, header=True)
            await _read(ground, tried, states, rows, (start, len(places)))
            there = masks.of_uids([row.uid for row in rows], tried.view.uids)
            tried.absent(masks.of_places(chunk, len(tried.view.uids)) & ~there)


async def _read(ground: Ground, tried: Trial, states: Sequence[State], rows: Sequence[Stored], done: tuple[int, int]) -> None:
    store = ground.services.store
    queries = [(state, _query(state)) for state in states]
    answers: dict[int, list[int]] = {number: [] for number in range(len(states))}
    seen = 0
    for batch in _batches(rows):
        raws = await store.raws(ground.account, batch)
        for raw in raws:
            if isinstance(raw, Damaged):
                raise raw
        judged = await asyncio.to_thread(_judge, ground, batch, raws, queries)
        for uid, number in judged:
            answers[number].append(uid)
        seen += len(batch)
        await ground.progress(done[0] + seen, done[1])
    uids = tried.view.uids
    known = masks.of_uids([row.uid for row in rows], uids)
    for number, state in enumerate(states):
        state.learn(masks.of_uids(answers[number], uids), known)


def _judge(
    ground: Ground, batch: Sequence[Stored], raws: Sequence[bytes | Damaged], queries: Sequence[tuple[State, Query]]
) -> list[tuple[int, int]]:
    """Return (UID, number of the key) for each message that has the text of a key."""
    found: list[tuple[int, int]] = []
    for row, raw in zip(batch, raws, strict=True):
        assert isinstance(raw, bytes)
        header = ground.account.header(row)
        body, head = fulltext.body_text(raw, header), fulltext.header_text(header)
        for number, (state, query) in enumerate(queries):
            assert isinstance(state.key, TextHas)
            if fulltext.matches(body, head if state.key.whole else None, query):
                found.append((row.uid, number))
    return found


def _batches(rows: Sequence[Stored]) -> Iterator[list[Stored]]:
    """Cut rows into batches of bounded size; a message bigger than the bound is alone."""
    batch: list[Stored] = []
    size = 0
    for row in rows:
        if batch and (len(batch) >= BATCH or size + row.size_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size_bytes
    if batch:
        yield batch


BY_ROW = (Arrived, Aged, Size, Saved, Called)
BY_HEADER = (HeaderHas, Sent)
STAGES = (
    (BY_ROW, _by_rows),
    (BY_HEADER, _by_headers),
    ((TextHas,), _by_index),
    ((TextHas,), _by_texts),
)
