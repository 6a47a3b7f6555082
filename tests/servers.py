"""Servers that tests make up. None outlives its test: what a loop leaves open is closed by the collector, in somebody else's test."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

HOST = "127.0.0.1"
PARTING_S = 5.0  # for whoever is about to leave anyway

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(talk: Talk, host: str | list[str] = HOST, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """Give `talk` each connection; yield the port. Whoever still talks at the end is cut off, and waited for.

    `asyncio.Server.wait_closed` waits for connections from Python 3.12 on only, and ends none.
    """
    here: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here[task := asyncio.create_task(_until_left(talk, reader, writer))] = writer
        task.add_done_callback(here.pop)

    server = await asyncio.start_server(accept, host, port, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in here.items():
            task.cancel()
            writer.transport.abort()  # a task that had not begun yet does not do so
        await asyncio.gather(*here, return_exceptions=True)


async def _until_left(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close at the end; who does not take the rest, or does not say good-bye in TLS, is hung up on."""
    try:
        await talk(reader, writer)
    finally:
        if not writer.is_closing():  # closed twice, a connection with TLS cannot be aborted any more
            writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            async with asyncio.timeout(PARTING_S):
                await writer.wait_closed()
        writer.transport.abort()
