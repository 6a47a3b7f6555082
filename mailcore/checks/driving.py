"""Steps that ask the DNS, taken with a resolver."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mailcore.answers import Answer, Question
from mailcore.checks.asking import Steps

T = TypeVar("T")
Ask = Callable[[Question], Awaitable[Answer]]


async def drive(steps: Steps[T], ask: Ask) -> T:
    """Take steps to their end, asking what they ask."""
    try:
        question = next(steps)
        while True:
            question = steps.send(await ask(question))
    except StopIteration as end:
        result: T = end.value
        return result
