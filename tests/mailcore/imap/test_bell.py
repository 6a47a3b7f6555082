"""A bell rings for who waits, and for who comes later."""

import asyncio

import pytest

from mailcore.imap.bell import Bell


async def test_it_wakes_who_waits() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.set()
    bell.set()
    await waiting
    assert bell.is_set()


async def test_who_comes_later_need_not_wait_until_it_is_cleared() -> None:
    bell = Bell()
    bell.set()
    await bell.wait()
    bell.clear()
    assert not bell.is_set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell.wait(), 0.001)


async def test_who_gave_up_waiting_disturbs_nobody() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bell.set()
    await bell.wait()
