"""A peer that takes mail and throws it away: `python -m bench.sink` prints "port N", then for each line it reads how many messages came.

A bare asyncio.Protocol, so that it costs the measurement little. RFC 5321, RFC 2920.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import uvloop

from bench.server import stop
from bench.wire import LoadError

HELLO = b"250-sink.bench.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 SIZE 104857600\r\n"
ANSWERS = {b"EHLO": HELLO, b"HELO": b"250 sink.bench.example\r\n", b"DATA": b"354 go ahead\r\n", b"QUIT": b"221 bye\r\n"}
END = b"\r\n.\r\n"
TAKEN = b"250 taken\r\n"
POLL_S = 0.01


class Session(asyncio.Protocol):
    """One client."""

    taken = 0  # by all sessions

    def __init__(self) -> None:
        self._held = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink.bench.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every command that is whole, and every message."""
        self._held += data
        said = []
        while (answer := self._message() if self._in_data else self._command()) is not None:
            said.append(answer)
        self._transport.write(b"".join(said))

    def _message(self) -> bytes | None:
        end = self._held.find(END)
        if end < 0:
            return None
        self._held, self._in_data = self._held[end + len(END) :], False
        Session.taken += 1
        return TAKEN

    def _command(self) -> bytes | None:
        line, found, rest = self._held.partition(b"\r\n")
        if not found:
            return None
        verb, self._held = line[:4].upper(), rest
        self._in_data = verb == b"DATA"
        if self._in_data:
            self._held = b"\r\n" + rest  # so that the end mark is found in a message without a line, too
        return ANSWERS.get(verb, b"250 fine\r\n")


class Sink:
    """A running sink."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self.port = process, port

    async def taken(self) -> int:
        """Return how many messages have come."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        return int(await self._process.stdout.readline())

    async def until(self, wanted: int, timeout_s: float) -> None:
        """Wait until so many messages have come. Raises LoadError."""
        until_s = asyncio.get_running_loop().time() + timeout_s
        while (taken := await self.taken()) < wanted:
            if asyncio.get_running_loop().time() > until_s:
                raise LoadError(f"{taken} of {wanted} messages came within {timeout_s:.0f} s")
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def running() -> AsyncIterator[Sink]:
    """Run a sink in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.sink", stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        yield Sink(process, int((await process.stdout.readline()).split()[1]))
    finally:
        await stop(process)


async def main() -> None:
    """Serve until standard input ends."""
    loop, words = asyncio.get_running_loop(), asyncio.StreamReader()
    server = await loop.create_server(Session, "127.0.0.1", 0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    while await words.readline():
        print(Session.taken, flush=True)


if __name__ == "__main__":
    uvloop.run(main())
