"""Whoever is asked over HTTP may say nothing: the connection ends with the question."""

import asyncio

import httpx
import pytest

from mailcore import bounded
from tests import servers


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_question_that_is_given_up_leaves_no_connection(scheme: str) -> None:
    came, left = asyncio.Event(), asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        came.set()
        while await reader.read(1 << 16):
            pass
        left.set()

    async with servers.serving(listen) as port, httpx.AsyncClient(trust_env=False) as http:
        asking = asyncio.create_task(bounded.ask(http, f"{scheme}://127.0.0.1:{port}/", 100))
        await came.wait()
        asking.cancel()
        await asyncio.wait([asking])
        async with asyncio.timeout(5):
            await left.wait()
