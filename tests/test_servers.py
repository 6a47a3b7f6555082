"""Servers that tests make up leave nothing behind."""

import asyncio

import pytest

from tests import servers


async def _listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(1 << 16))
        await writer.drain()


@pytest.mark.parametrize("talk", [_listen, _flood])
@pytest.mark.parametrize("turns", [0, 3], ids=["at once", "later"])
async def test_who_still_talks_at_the_end_is_hung_up_on(talk: servers.Talk, turns: int) -> None:
    before = asyncio.all_tasks()
    async with servers.serving(talk) as port:
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        for _ in range(turns):
            await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    try:
        async with asyncio.timeout(5):
            await reader.read()
    except ConnectionResetError:
        pass
    finally:
        writer.close()
