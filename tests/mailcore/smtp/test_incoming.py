"""A message on its way in: bounds and memory."""

import asyncio
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from mailcore.smtp.incoming import Incoming
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.smtp.reply import BARE_LINE_BREAK, LONG_TEXT_LINE, NO_MEMORY, TOO_BIG, Reply

LIMITS = replace(Limits(), message_bytes=100, slack_bytes=50)


@pytest.mark.parametrize(
    ("octets", "memory_bytes", "want"),
    [
        (b"hello\r\n.\r\n", 200, None),
        (b"a" * 98 + b"\r\n.\r\n", 200, None),
        (b"a" * 99 + b"\r\n.\r\n", 200, TOO_BIG),
        (b"hello\r\n.\r\n", 6, NO_MEMORY),
        (b"hel\nlo\r\n.\r\n", 200, BARE_LINE_BREAK),
        (b"a" * 99 + b"\r\n\n\r\n.\r\n", 200, BARE_LINE_BREAK),
    ],
)
@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_a_message_is_refused_for_its_worst_fault(octets: bytes, memory_bytes: int, want: Reply | None, piece: int) -> None:
    memory = Memory(memory_bytes)
    incoming = Incoming(LIMITS, memory)
    complete = [incoming.feed(octets[at : at + piece]) for at in range(0, len(octets), piece)][-1]
    assert complete
    assert incoming.refusal is want
    assert (memory.left_bytes == memory_bytes) is (want is not None)
    incoming.release()
    assert memory.left_bytes == memory_bytes


def test_a_line_that_is_too_long_refuses() -> None:
    incoming = Incoming(Limits(), Memory(10_000))
    assert incoming.feed(b"a" * 3000 + b"\r\n.\r\n")
    assert incoming.refusal is LONG_TEXT_LINE


def test_an_endless_message_is_noticed() -> None:
    incoming = Incoming(LIMITS, Memory(1000))
    assert not incoming.feed(b"a" * 150)
    assert not incoming.endless
    incoming.feed(b"a")
    assert incoming.endless


def test_what_follows_the_end_is_kept() -> None:
    incoming = Incoming(LIMITS, Memory(1000))
    assert incoming.feed(b"a\r\n.\r\nQUIT\r\n")
    assert incoming.rest == b"QUIT\r\n"


def test_small_pieces_weigh_little_more_than_what_they_hold() -> None:
    octets = b"in small pieces\r\n" * 4000
    incoming = Incoming(Limits(), Memory(1 << 20))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(0, len(octets), 2):
        incoming.feed(octets[at : at + 2])
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held < 4 * len(octets)
    incoming.feed(b".\r\n")
    assert asyncio.run(incoming.content(Path())) == octets
