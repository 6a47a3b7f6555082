"""The role `index`: behind delivery, in its own time, past whatever is broken."""

import asyncio

import pytest

from config.database import Tx
from mailcore import index
from mailcore.services import Services
from mailcore.store import accounts, bundles, fulltext, mailboxes, messages
from mailcore.store.fulltext import rows
from mailcore.store.types import AccountId, Changed
from tests.mailcore.queue.conftest import opener, services

__all__ = ["opener", "services"]

ALICE, BOB = AccountId(11), AccountId(12)


class Seconds:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_an_account_is_due_when_enough_has_come_and_it_is_quiet(seconds: Seconds) -> None:
    waiting = index.Waiting(seconds)
    waiting.hear([Changed(ALICE, n) for n in range(index.ENOUGH)])
    waiting.hear([Changed(BOB, n) for n in range(index.ENOUGH - 1)])
    assert waiting.due() == []
    seconds.now_s += index.QUIET_S
    waiting.hear([Changed(BOB, 1), Changed(accounts.NODE, 1), "another kind"])
    assert waiting.due() == [ALICE]
    assert waiting.due() == []
    seconds.now_s += index.QUIET_S
    assert waiting.due() == [BOB]


def test_a_busy_account_is_due_in_the_end(seconds: Seconds) -> None:
    waiting = index.Waiting(seconds)
    for n in range(1, index.PLENTY + 1):
        assert waiting.due() == []
        waiting.hear([Changed(ALICE, n)])
        seconds.now_s += 0.1
    assert waiting.due() == [ALICE]


def test_an_account_with_little_is_due_in_the_end(seconds: Seconds) -> None:
    waiting = index.Waiting(seconds)
    waiting.hear([Changed(ALICE, 1)])
    seconds.now_s += index.LONGEST_S - 1
    assert waiting.due() == []
    seconds.now_s += 1
    assert waiting.due() == [ALICE]


def test_what_a_look_finds_is_due_at_once(seconds: Seconds) -> None:
    waiting = index.Waiting(seconds)
    waiting.hear([Changed(ALICE, 1)])
    waiting.add(BOB)
    assert waiting.due() == [BOB]


def test_a_busy_node_is_given_rest(seconds: Seconds) -> None:
    waiting = index.Waiting(seconds)
    assert waiting.rest_s(0.1) == pytest.approx(0.1 * index.REST)
    waiting.hear([Changed(ALICE, n) for n in range(index.BUSY_CHANGES)])
    assert waiting.rest_s(0.1) == pytest.approx(0.1 * index.BUSY_REST)
    seconds.now_s += index.TICK_S
    assert waiting.rest_s(0.1) == pytest.approx(0.1 * index.BUSY_REST)
    seconds.now_s += index.TICK_S
    assert waiting.rest_s(0.1) == pytest.approx(0.1 * index.REST)


async def deliver(services: Services, account_id: AccountId, number: int) -> None:
    store = services.store
    account = await store.open_account(account_id)
    box = await store.db.read(mailboxes.find, account_id, "INBOX")
    message = await store.prepare(b"Subject: number %d\r\n\r\ntext\r\n" % number)
    await store.keep(message)
    await store.db.write(messages.append, box.key, account, message, 0, number)


async def caught_up(services: Services, account_id: AccountId, upto: int) -> None:
    """Return when the role has come that far."""
    async with asyncio.timeout(20):
        while (await services.db.read(rows.state, account_id)).indexed_upto < upto:
            pass


async def test_the_role_indexes_what_was_there_and_what_comes(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TICK_S", 0.01)
    monkeypatch.setattr(index, "LONGEST_S", 0.01)
    await deliver(services, ALICE, 1)
    listeners = len(services.db.listeners)
    async with index.index(services):
        await caught_up(services, ALICE, 1)
        await deliver(services, BOB, 2)
        await deliver(services, ALICE, 3)
        await caught_up(services, BOB, 1)
        await caught_up(services, ALICE, 2)
    assert len(services.db.listeners) == listeners
    found = await fulltext.find(services.store, await services.store.open_account(ALICE), fulltext.query("number 3"), whole=True)
    assert found.indexed_upto == 2


async def test_the_role_bundles_what_was_indexed_before_there_were_bundles(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TICK_S", 0.01)
    await deliver(services, ALICE, 1)
    await fulltext.catch_up(services.store, await services.store.open_account(ALICE))
    await services.db.write(lambda tx: tx.execute("UPDATE account_state SET message_next = :next", next=bundles.SPAN))
    assert await services.db.read(bundles.missing, ALICE) == [0]
    async with index.index(services), asyncio.timeout(20):
        while await services.db.read(bundles.missing, ALICE):
            pass


async def test_an_account_that_cannot_be_opened_does_not_stop_the_others(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TICK_S", 0.01)
    await deliver(services, ALICE, 1)
    await deliver(services, BOB, 1)

    async def refuses(account_id: int) -> object:
        if account_id == ALICE:
            raise RuntimeError("no key")
        return await type(services.store).open_account(services.store, account_id)

    monkeypatch.setattr(services.store, "open_account", refuses)
    async with index.index(services):
        await caught_up(services, BOB, 1)
    assert (await services.db.read(rows.state, ALICE)).indexed_upto == 0


async def test_a_look_drops_what_a_dead_indexer_left(services: Services) -> None:
    await deliver(services, ALICE, 1)
    number = await services.db.write(rows.next_segment, ALICE)
    await services.db.write(rows.keep_chunk, ALICE, number, 0, b"left")
    await index.look(services.store, index.Waiting())

    def left(tx: Tx) -> int:
        return tx.value("SELECT COUNT(*) FROM fulltext_chunk")

    assert await services.db.read(left) == 0
