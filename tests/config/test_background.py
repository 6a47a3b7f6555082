"""Work in the background: it goes on after a turn that failed, which is told of."""

import asyncio

from structlog.testing import capture_logs

from config.background import again, running


async def test_a_turn_that_fails_is_told_of_and_the_next_one_comes() -> None:
    turns: list[int] = []
    done = asyncio.Event()

    async def turn() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise ArithmeticError("once")
        done.set()

    with capture_logs() as said:
        async with running("test", again(turn, 0, "test.failed")):
            async with asyncio.timeout(5):
                await done.wait()
    assert turns[:2] == [0, 1]
    assert [one["event"] for one in said] == ["test.failed"]
