"""Hints: whether one that came is news depends on what the reader has seen."""

import asyncio

from mailcore.store.bus import Bus
from mailcore.store.types import AccountId, Changed

ACCOUNT, OTHER = AccountId(1), AccountId(2)


def test_what_was_heard_is_news_to_who_has_seen_less() -> None:
    bus, bell = Bus(), asyncio.Event()
    bus.add(ACCOUNT, bell)
    bus.hear([Changed(ACCOUNT, 7), Changed(OTHER, 9)])
    assert bell.is_set()
    assert [bus.is_ahead(ACCOUNT, modseq) for modseq in (6, 7, 8)] == [True, False, False]


def test_an_account_of_which_nothing_was_heard_may_be_ahead() -> None:
    bus, bell = Bus(), asyncio.Event()
    bus.hear([Changed(ACCOUNT, 7)])
    assert bus.is_ahead(ACCOUNT, 100)
    bus.add(ACCOUNT, bell)
    assert bus.is_ahead(ACCOUNT, 100)
    bus.hear([Changed(ACCOUNT, 8)])
    bus.discard(ACCOUNT, bell)
    bus.add(ACCOUNT, bell)
    assert bus.is_ahead(ACCOUNT, 100)


def test_a_hint_that_comes_late_takes_nothing_back() -> None:
    bus, bell = Bus(), asyncio.Event()
    bus.add(ACCOUNT, bell)
    bus.hear([Changed(ACCOUNT, 8)])
    bus.hear([Changed(ACCOUNT, 7)])
    assert bus.is_ahead(ACCOUNT, 7)
