"""What is found is what a naive reading of RFC 9051 §6.4.4 finds: generated mailboxes, generated trees of keys, warm and cold columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.clock import ManualClock
from config.settings import Tls
from directory import resolve
from directory.address import parse
from mailcore.errors import LimitReached
from mailcore.imap.criteria import (
    Aged,
    AllOf,
    AnyOf,
    Arrived,
    Called,
    Changed,
    Flagged,
    HeaderHas,
    Key,
    Keyword,
    Not,
    Numbers,
    Saved,
    Sent,
    Size,
    TextHas,
)
from mailcore.imap.memory import Memory
from mailcore.imap.search import engine, fields
from mailcore.imap.search.ground import Ground
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.view import View
from mailcore.message.index import index
from mailcore.services import Services
from mailcore.store import arrivals, fulltext, keywords, mailboxes, messages
from mailcore.store.arrivals import Draft
from mailcore.store.fulltext.words import canonical
from mailcore.store.keys import AccountKey
from mailcore.store.types import MailboxKey, Stored
from tests.mailcore.imap.node import AMINA, opened
from tests.mailcore.imap.node import settings as node_settings

DAY_US = 86_400_000_000
NOW_DAY = 20_454  # 1 January 2026
WORDS = ["réunion", "مدرسة", "plan", "budget", "Bureau"]


def letter(number: int) -> bytes:
    """One of thirty messages, alike in many ways."""
    word, other = WORDS[number % 5], WORDS[number % 3]
    fields = [
        f"From: {other} <p{number % 4}@x.example>",
        f"To: q{number % 3}@x.example",
        *([f"Cc: {word} <c@x.example>"] if number % 2 else []),
        f"Subject: {'Re: ' if number % 3 == 0 else ''}{word} {number % 7}",
        *([f"Date: {number % 5 + 1} Jan 2026 {number % 24:02}:00:00 {'+0300' if number % 2 else '-0800'}"] if number % 6 else []),
        *(["X-Mark: "] if number % 5 == 0 else []),
        "Content-Type: text/plain; charset=utf-8",
    ]
    return ("\r\n".join(fields) + f"\r\n\r\n{other} {'très long ' * (number % 4)}{word}\r\n").encode()


COUNT = 30


@dataclass
class Mailbox:
    """A mailbox of a real node, and what a naive reader knows of it."""

    services: Services
    account: AccountKey
    key: MailboxKey
    view: View
    names: dict[int, str]
    rows: list[Stored]
    raws: list[bytes]

    def ground(self, memory: Memory) -> Ground:
        return Ground(self.services, memory, self.account, self.key, self.view, self.names, self.view.uids[3:9])


async def filled(services: Services) -> Mailbox:
    """Thirty messages; some flagged, one gone before anybody looked and one that the client still counts."""
    target = await services.db.read(resolve.resolve, parse(AMINA))
    assert target is not None
    account = await services.store.open_account(target.account_id)
    key = (await services.db.read(mailboxes.find, account.account_id, "INBOX")).key
    raws = [letter(number) for number in range(COUNT)]
    for number, raw in enumerate(raws):
        prepared = await services.store.prepare(raw)
        await services.store.keep(prepared)
        flags = sum(bit for place, bit in enumerate((1, 2, 4, 8, 16)) if (number >> place) & 1)
        at = NOW_DAY * DAY_US - (number % 8) * DAY_US // 2
        await services.db.write(arrivals.append, account, "INBOX", [Draft(prepared, flags, ("$Vu",) if number % 4 == 0 else (), at)])
        if number == COUNT // 2:
            await fulltext.catch_up(services.store, account)  # half is in the index, the rest is not
    await services.db.write(messages.store_flags, key, [7], "add", 8)
    await services.db.write(messages.expunge, key, [7])
    snapshot = await services.db.read(messages.snapshot, key)
    names = await services.db.read(keywords.names, account.account_id)
    rows = await services.db.read(messages.fetch, key, list(snapshot.uids), header=True)
    return Mailbox(services, account, key, View(snapshot), names, rows, [raws[uid - 1] for uid in snapshot.uids])


def matches(box: Mailbox, key: Key, place: int, now_us: int, *, negated: bool = False) -> bool:
    """The naive reading: one message, one key, everything looked up anew."""
    row, raw = box.rows[place], box.raws[place]
    known = index(raw)

    def fields(name: bytes) -> list[str]:
        from mailcore.message.headers import unfold
        from mailcore.message.words import decode_words

        return [canonical(decode_words(unfold(value.partition(b":")[2]))) for lower, value in known.header.fields if lower == name]

    match key:
        case Not(inner):
            return not matches(box, inner, place, now_us, negated=True)
        case AllOf(inners):
            return all(matches(box, inner, place, now_us, negated=negated) for inner in inners)
        case AnyOf(inners):
            return any(matches(box, inner, place, now_us, negated=negated) for inner in inners)
        case Flagged(bit):
            return bool(box.view.flags[place] & bit)
        case Keyword(name):
            return any(bit & box.view.flags[place] for bit, known_as in box.names.items() if known_as.casefold() == name)
        case Numbers(messages_, uid):
            if messages_.saved:
                return row.uid in box.view.uids[3:9]
            number, last = (row.uid, box.view.uids[-1]) if uid else (place + 1, len(box.rows))
            return any(min(a or last, b or last) <= number <= max(a or last, b or last) for a, b in messages_.ranges)
        case Changed(modseq):
            return row.modseq >= modseq
        case Arrived(first, last):
            return _within(datetime.fromtimestamp(row.internaldate_us / 1e6, UTC).toordinal() - 719_163, first, last)
        case Saved(first, last):
            return _within(row.saved_us // DAY_US, first, last)
        case Sent(first, last):
            day = int(raw.split(b"Date: ")[1][:1]) if b"Date: " in raw else None
            return day is not None and _within(NOW_DAY + day - 1, first, last)
        case Aged(seconds, younger):
            target = now_us // 1_000_000 - seconds
            at = row.internaldate_us // 1_000_000
            return at >= target if younger else at <= target
        case Size(above, below):
            return (above is None or len(raw) > above) and (below is None or len(raw) < below)
        case Called(field, account_id, number):
            return account_id == box.account.account_id and number == (row.message_id if field == "EMAILID" else row.thread_id)
        case HeaderHas(field, text):
            return any(canonical(text).strip(" ") in value for value in fields(field))
        case TextHas(text, whole):
            header = fulltext.header_text(known.header) if whole else None
            return fulltext.matches(fulltext.body_text(raw, known.header), header, fulltext.query(text, inflected=not negated))


def _within(day: int, first: int | None, last: int | None) -> bool:
    return (first is None or day >= first) and (last is None or day < last)


DAYS = st.one_of(st.none(), st.integers(NOW_DAY - 5, NOW_DAY + 6))
TEXTS = st.sampled_from([*WORDS, "reunion", "المدرسة", "plans", "x.exam", "tres long très", "p1@", "absent", "n", ""])
SETS = st.one_of(
    st.lists(st.tuples(st.integers(0, 35), st.integers(0, 35)), min_size=1, max_size=3).map(lambda pairs: SequenceSet(tuple(pairs))),
    st.just(SequenceSet((), saved=True)),
    st.just(SequenceSet(((1, 4_294_967_295),))),
)
LEAVES = st.one_of(
    st.sampled_from([1, 2, 4, 8, 16]).map(Flagged),
    st.sampled_from(["$vu", "absent"]).map(Keyword),
    st.builds(Numbers, SETS, st.booleans()),
    st.integers(1, 60).map(Changed),
    st.builds(Arrived, DAYS, DAYS),
    st.builds(Saved, DAYS, DAYS),
    st.builds(Sent, DAYS, DAYS),
    st.builds(Aged, st.integers(1, 500_000), st.booleans()),
    st.builds(Size, st.one_of(st.none(), st.integers(100, 300)), st.one_of(st.none(), st.integers(100, 300))),
    st.builds(Called, st.sampled_from(["EMAILID", "THREADID"]), st.sampled_from([4, 4, 5]), st.integers(0, 32)),
    st.builds(HeaderHas, st.sampled_from([b"from", b"to", b"cc", b"subject", b"x-mark", b"absent"]), TEXTS),
    st.builds(TextHas, TEXTS, st.booleans()),
)
KEYS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=2).map(lambda keys: AnyOf(tuple(keys))),
        st.lists(inner, max_size=3).map(lambda keys: AllOf(tuple(keys))),
    ),
    max_leaves=8,
)


@pytest.fixture
async def box(tmp_path: Path, tls: Tls, clock: ManualClock, database_url: str) -> "object":
    async with opened(node_settings(tmp_path, tls, database_url=database_url), clock) as services:
        yield await filled(services)


def _keys(count: int) -> Iterator[Key]:
    """So many trees of keys, the same in each run of a test process: the fixture is a node, which no example may make anew."""
    found: list[Key] = []

    @settings(max_examples=count, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(KEYS)
    def gather(key: Key) -> None:
        found.append(key)

    gather()
    return iter(found)


async def test_finds_what_a_naive_reading_finds(box: Mailbox, clock: ManualClock) -> None:
    warm = Memory()
    for turn, key in enumerate(_keys(300)):
        want = [place for place in range(len(box.rows)) if matches(box, key, place, clock.now_us())]
        memory = warm if turn % 3 else Memory()
        assert await engine.find(box.ground(memory), key) == want, key


@pytest.mark.parametrize("gathered", [fields.GATHERED_BYTES, 2_000, 0])
async def test_finds_the_same_in_pieces(box: Mailbox, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, gathered: int) -> None:
    """However small the pieces of columns are, and whether they stay or not."""
    monkeypatch.setattr(fields, "FIRST_CHUNK", 2)
    monkeypatch.setattr(fields, "HEADER_CHUNK", 3)
    monkeypatch.setattr(fields, "PIECE_BYTES", 200)
    monkeypatch.setattr(fields, "GATHERED_BYTES", gathered)
    monkeypatch.setattr(engine, "COLUMNS_AT_ONCE", 2)
    warm = Memory()
    for turn, key in enumerate(_keys(60)):
        want = [place for place in range(len(box.rows)) if matches(box, key, place, clock.now_us())]
        memory = warm if turn % 3 else Memory()
        assert await engine.find(box.ground(memory), key) == want, key
    subject = warm.columns.find(box.key, "field subject", len(box.rows))
    assert (subject is None) == (gathered == 0)


async def test_later_fields_are_read_only_where_earlier_ones_leave_something_open(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[str]] = []
    derived = fields._derived

    def watched(account: AccountKey, rows: list[Stored], names: list[str]) -> object:
        read.append(list(names))
        return derived(account, rows, names)

    monkeypatch.setattr(fields, "_derived", watched)
    absent = [HeaderHas(b"x-absent-%d" % number, "a") for number in range(engine.MAX_FIELDS)]
    assert await engine.find(box.ground(Memory()), AllOf(tuple(absent))) == []
    assert read == [[f"field x-absent-{number}" for number in range(engine.COLUMNS_AT_ONCE)]]
    read.clear()
    assert await engine.find(box.ground(Memory()), AnyOf(tuple(absent))) == []
    assert len(read) == engine.MAX_FIELDS // engine.COLUMNS_AT_ONCE


async def test_what_one_search_may_ask_is_bounded(box: Mailbox) -> None:
    texts = [TextHas(f"w{number}", whole=True) for number in range(engine.MAX_TEXT_KEYS + 1)]
    names = [HeaderHas(b"x-%d" % number, "") for number in range(engine.MAX_FIELDS + 1)]
    long = "é" * (engine.MAX_TEXT_BYTES // 2)
    for refused in (AllOf(tuple(texts)), AnyOf(tuple(names)), Not(TextHas(long + "e", whole=True)), HeaderHas(b"to", long + "e")):
        with pytest.raises(LimitReached):
            await engine.find(box.ground(Memory()), refused)
    for fine in (AllOf(tuple(texts[1:])), AllOf(tuple(names[1:])), TextHas(long, whole=True), HeaderHas(b"to", long)):
        assert await engine.find(box.ground(Memory()), fine) == []
    assert len(await engine.find(box.ground(Memory()), AllOf((HeaderHas(b"to", "q"),) * 100))) == len(box.rows)


async def test_only_so_many_searches_read_headers(box: Mailbox) -> None:
    """What is on the shelf already is no reading."""
    memory = Memory()
    await engine.find(box.ground(memory), HeaderHas(b"subject", "plan"))
    with memory.scans.one(box.account.account_id), memory.scans.one(box.account.account_id):
        with memory.scans.one(box.account.account_id), memory.scans.one(box.account.account_id):
            assert await engine.find(box.ground(memory), HeaderHas(b"subject", "plan"))
            with pytest.raises(LimitReached):
                await engine.find(box.ground(memory), HeaderHas(b"to", "q"))
            with pytest.raises(LimitReached):
                await box.ground(memory).values(["FROM"], range(len(box.rows)))
        assert await engine.find(box.ground(memory), HeaderHas(b"to", "q"))


async def test_columns_serve_views_that_differ(box: Mailbox) -> None:
    """One session still counts what another does not know any more, a third knows a message that came since."""
    memory, key = Memory(), HeaderHas(b"subject", "plan")
    everything = await engine.find(box.ground(memory), key)
    assert [
        place for place in range(len(box.rows)) if b"Subject: Re: plan" in box.raws[place] or b"Subject: plan" in box.raws[place]
    ] == everything
    smaller = box.view.copy()
    smaller.bury([box.view.uids[everything[0]]])
    smaller.apply(renumber=True)
    here = Ground(box.services, memory, box.account, box.key, smaller, box.names)
    assert [smaller.uids[place] for place in await engine.find(here, key)] == [box.view.uids[place] for place in everything[1:]]
    prepared = await box.services.store.prepare(letter(2))
    await box.services.store.keep(prepared)
    added = await box.services.db.write(messages.append, box.key, box.account, prepared, 0, 0)
    grown = View(await box.services.db.read(messages.snapshot, box.key))
    here = Ground(box.services, memory, box.account, box.key, grown, box.names)
    assert [grown.uids[place] for place in await engine.find(here, key)] == [*(box.view.uids[place] for place in everything), added.uid]
    assert await engine.find(box.ground(memory), key) == everything


async def test_a_message_that_went_while_the_search_ran_is_passed_over(box: Mailbox) -> None:
    view = box.view
    gone = view.uids[4]
    await box.services.db.write(messages.store_flags, box.key, [gone], "add", 8)
    await box.services.db.write(messages.expunge, box.key, [gone])
    found = await engine.find(box.ground(Memory()), Size(None, 1_000_000))
    assert [view.uids[place] for place in found] == [uid for uid in view.uids if uid != gone]
    assert await engine.find(box.ground(Memory()), Not(Size(1_000_000, None))) == found
    view.bury([view.uids[6]])
    assert await engine.find(box.ground(Memory()), AllOf(())) == [place for place in range(len(view.uids)) if place != 6]


async def test_cheap_keys_are_decided_first(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    raw = box.services.store.raw

    async def watched(account: AccountKey, row: Stored) -> bytes:
        read.append(row.uid)
        return await raw(account, row)

    monkeypatch.setattr(box.services.store, "raw", watched)
    await fulltext.catch_up(box.services.store, box.account)
    await engine.find(box.ground(Memory()), AllOf((Not(Flagged(8)), TextHas("budget", whole=True))))
    assert read == []  # an index is never passed over because another key stands beside
    await engine.find(box.ground(Memory()), AllOf((Numbers(SequenceSet(((2, 3),)), uid=False), TextHas("budget plan", whole=False))))
    assert set(read) <= set(box.view.uids[1:3])


async def test_only_so_many_searches_read_messages(box: Mailbox) -> None:
    memory = Memory()
    with memory.scans.one(box.account.account_id), memory.scans.one(box.account.account_id):
        with memory.scans.one(box.account.account_id), memory.scans.one(box.account.account_id), pytest.raises(LimitReached):
            await engine.find(box.ground(memory), TextHas("budget", whole=False))
        assert await engine.find(box.ground(memory), TextHas("absolument rien", whole=False)) == []
