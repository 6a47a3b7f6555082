"""ClamAV's clamd: a message goes to it in pieces over its socket, and it says what it found.

clamd(8): zINSTREAM (pieces with their length, 32 bits in network order, an empty one at the end), zVERSION.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from config.places import endpoint
from mailcore.checks.canonical import pieces
from mailcore.checks.types import Scan
from mailcore.store.sealing import Content

AT_ONCE = 8  # scans; clamd's own MaxThreads is 10 by default
MAX_ANSWER = 4096  # octets of its answer
MAX_NAME = 80  # characters of what it found

_FOUND = re.compile(r"stream: (.+) FOUND")
_STRANGE = re.compile(r"[^A-Za-z0-9._+:/-]")


class Clamav:
    """A clamd at "host:port" or at the path of its socket, asked at most AT_ONCE times at once."""

    def __init__(self, place: str, timeout_s: float) -> None:
        self._place, self._timeout_s = place, timeout_s
        self._room = asyncio.Semaphore(AT_ONCE)

    async def scan(self, raw: Content) -> Scan:
        """Return what it found. Whatever goes wrong is "down": nobody looked at the message."""
        try:
            async with self._room, asyncio.timeout(self._timeout_s), self._connected() as (reader, writer):
                return _read(await _stream(reader, writer, raw))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            return Scan("clamav", "down", _because(error))

    async def version(self) -> tuple[str, datetime | None]:
        """Return its version and the day of its signatures, None when it does not tell. Raises OSError, TimeoutError."""
        async with asyncio.timeout(self._timeout_s), self._connected() as (reader, writer):
            writer.write(b"zVERSION\0")
            try:
                said = (await reader.readuntil(b"\0"))[:-1].decode("ascii", "replace")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                raise OSError("clamd hung up") from error
        name, _, rest = said.partition("/")
        return name, _dated(rest.partition("/")[2])

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if self._place.startswith("/"):
            reader, writer = await asyncio.open_unix_connection(self._place, limit=MAX_ANSWER)
        else:
            reader, writer = await asyncio.open_connection(*endpoint(self._place), limit=MAX_ANSWER)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()  # a clamd that hangs takes the rest of a message never
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Content) -> str:
    """Send a message; when clamd stops listening (it is too large for it), read why."""
    with contextlib.suppress(ConnectionError):
        writer.write(b"zINSTREAM\0")
        for piece in pieces(raw, 0):
            writer.write(len(piece).to_bytes(4, "big") + piece)
            await writer.drain()
        writer.write(bytes(4))
        await writer.drain()
    return (await reader.readuntil(b"\0"))[:-1].decode("utf-8", "replace")


def _read(said: str) -> Scan:
    found = _FOUND.fullmatch(said)
    if found is not None:
        return Scan("clamav", "virus", _STRANGE.sub("_", found[1][:MAX_NAME]))
    if said == "stream: OK":
        return Scan("clamav", "nothing")
    return Scan("clamav", "down", _STRANGE.sub(" ", said[:MAX_NAME]))


def _because(error: BaseException) -> str:
    return str(error)[:MAX_NAME] or type(error).__name__


def _dated(text: str) -> datetime | None:
    """Read the day of the signatures, as "Sat Nov 21 09:30:01 2026"."""
    try:
        return datetime.strptime(text.strip(), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
