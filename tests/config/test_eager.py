"""Work that is begun where one stands: no task when it does not wait, an ordinary one when it does."""

import asyncio

import pytest

from config.eager import begin


async def test_what_does_not_wait_has_ended_at_once() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert begin(work()) is None
    assert done == [1]


async def test_what_waits_goes_on_as_a_task() -> None:
    done: list[object] = []
    first, second = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()

    async def work() -> None:
        done.append("begun")
        done.append(await first)
        await asyncio.sleep(0)
        done.append(await second)

    rest = begin(work())
    assert rest is not None
    assert done == ["begun"]
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    first.set_result(1)
    second.set_result(2)
    await task
    assert done == ["begun", 1, 2]


async def test_a_cancellation_reaches_the_work() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            seen.append("closed")

    rest = begin(work())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled", "closed"]


async def test_what_is_raised_is_raised_where_it_happens() -> None:
    async def fails() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        begin(fails())

    waited = asyncio.get_running_loop().create_future()

    async def fails_later() -> None:
        with pytest.raises(OSError, match="peer"):
            await waited
        raise LookupError("later")

    rest = begin(fails_later())
    assert rest is not None
    waited.set_exception(OSError("peer"))
    with pytest.raises(LookupError, match="later"):
        await asyncio.create_task(rest)
