"""Senders on real sockets: what they sent, and what they were promised."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from tests.kill import scene
from tests.mailcore.queue import node
from tests.mailcore.smtp.node import Client

CHUNK_BYTES = 50_000


@dataclass
class Post:
    """Everything that senders of one test share. A letter is sent once: the next try is another letter."""

    numbers: Iterator[int] = field(default_factory=itertools.count)
    sent: dict[int, bytes] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    replies: dict[int, str] = field(default_factory=dict)  # to the end of a letter, or to what failed before it

    async def letter(self, client: Client, *, large: bool | None = None, number: int | None = None) -> str:
        """Send the next letter; return the reply that decided over it, "" when the connection ended before."""
        number = next(self.numbers) if number is None else number
        raw = self.sent[number] = scene.letter(number, large)
        self.replies[number] = said = await _send(client, number, raw)
        if said.startswith("250"):
            self.acknowledged.add(number)
        return said


async def _send(client: Client, number: int, raw: bytes) -> str:
    try:
        for line in (f"MAIL FROM:<{node.AMINA}> SIZE={len(raw)}", *(f"RCPT TO:<{each}>" for each in scene.recipients(number)), "DATA"):
            said = await client.ask(line)
            if said[:1] not in ("2", "3"):
                return said
        for at in range(0, len(raw), CHUNK_BYTES):
            await client.send(raw[at : at + CHUNK_BYTES])
        return await client.ask(b".")
    except (ConnectionError, asyncio.IncompleteReadError):
        return ""


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client that has greeted."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        await client.reply()
        await client.ask("EHLO client.example")
        yield client
    finally:
        await client.close()
