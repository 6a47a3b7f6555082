"""Beginning work where one stands: what ends without waiting costs no task.

Python 3.12 has this as eager tasks; before, the first stretch is run by hand and only what is left of it becomes a task.
"""

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


def begin(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Run a coroutine up to where it first waits; return the rest of it, to be run as a task, or None when it has ended.

    There is no current task meanwhile: `asyncio.timeout` and `asyncio.TaskGroup` must not come before the first wait.
    Raises what the coroutine raises.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _rest(work, awaited)


@types.coroutine
def _continued(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    step: Callable[[Any], Any]
    while True:
        try:
            value = yield awaited
            step = work.send
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - a cancellation, say: the coroutine's to handle
            value, step = error, work.throw
        try:
            awaited = step(value)
        except StopIteration:
            return


async def _rest(work: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _continued(work, awaited)
