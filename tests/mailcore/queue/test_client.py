"""Peers that misbehave, on real sockets."""

import asyncio
import contextlib

import pytest

from mailcore.queue import client
from tests import servers


async def writing(line: client.Line) -> None:
    """Ask for no reply, as while a large message is on its way out."""
    while True:
        await line.drain()
        await asyncio.sleep(0)


async def test_a_peer_that_never_stops_talking_is_hung_up_on():
    said = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        with contextlib.suppress(ConnectionError):
            while said < 64 * client.MAX_UNREAD_BYTES:
                writer.write(b"250 and another thing\r\n" * 1000)
                await writer.drain()
                said += 23_000

    async with servers.serving(talk) as port:
        line = await client.connected("127.0.0.1", port)
        with pytest.raises(client.Lost):
            await asyncio.wait_for(writing(line), 20)
    assert said < 64 * client.MAX_UNREAD_BYTES
