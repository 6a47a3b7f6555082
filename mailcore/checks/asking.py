"""Checks as steps: what decides yields questions to the DNS and is sent the answers, so that it needs no network itself. Pure."""

from collections.abc import Callable, Generator
from typing import TypeVar

from mailcore.answers import Answer, Question

T = TypeVar("T")
Steps = Generator[Question, Answer, T]


def walk(steps: Steps[T], answer: Callable[[Question], Answer]) -> T:
    """Take steps to their end with answers that are there at once."""
    try:
        question = next(steps)
        while True:
            question = steps.send(answer(question))
    except StopIteration as end:
        result: T = end.value
        return result
