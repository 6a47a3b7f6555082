"""A terminal for programs that want one: types keys, waits for text. What they draw is looked at as octets, not as a screen."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LINES, COLUMNS = 50, 160
WAIT_S = 30
PIECE_BYTES = 1 << 16
_CONTROL = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")


@dataclass
class Terminal:
    """A program in its terminal."""

    process: asyncio.subprocess.Process
    master: int
    drawn: bytearray
    more: asyncio.Event
    seen: int = 0  # `expect` looks from here on

    async def expect(self, text: str) -> None:
        """Wait until this has been drawn, since what was last waited for."""
        try:
            async with asyncio.timeout(WAIT_S):
                while (found := self._drawn().find(text.encode(), self.seen)) < 0:
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            raise AssertionError(f"no {text!r} in {self._drawn()[self.seen :][-4000:].decode('utf-8', 'replace')}") from None
        self.seen = found + len(text.encode())

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    async def ended(self) -> int:
        """Wait for the end of the program; return its code."""
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()

    def read(self) -> None:
        """Take what was drawn; at the end of the program there is no more to take."""
        try:
            piece = os.read(self.master, PIECE_BYTES)
        except OSError:
            piece = b""
        if not piece:
            asyncio.get_running_loop().remove_reader(self.master)
        self.drawn += piece
        self.more.set()

    def _drawn(self) -> bytes:
        return _CONTROL.sub(b"", bytes(self.drawn))


@contextlib.asynccontextmanager
async def started(*command: str | Path, env: Mapping[str, str]) -> AsyncIterator[Terminal]:
    """Start a program in a terminal of its own; afterwards it is gone."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = await asyncio.create_subprocess_exec(*command, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    made = Terminal(process, master, bytearray(), asyncio.Event())
    loop = asyncio.get_running_loop()
    loop.add_reader(master, made.read)
    try:
        yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        loop.remove_reader(master)
        os.close(master)
