"""An SMTP server for tests, on a real socket: takes mail, or answers and breaks as a test tells it to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests import servers

DROP = b""  # close the connection instead of answering


@dataclass
class Transaction:
    """One message as it came."""

    mail: bytes
    rcpts: list[bytes]
    data: bytes
    tls: bool


@dataclass
class Sink:
    """`replies` maps a verb, or the whole of a command, to what is answered; the first match from the left is used up."""

    extensions: list[bytes] = field(default_factory=lambda: [b"8BITMIME", b"SIZE 10000000", b"DSN"])
    tls: ssl.SSLContext | None = None
    replies: list[tuple[bytes, bytes]] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    connections: int = 0
    stalls: bytes = b""  # at a command that begins so it says nothing any more, until the client has gone
    recipients: int | None = None  # of one transaction; whoever comes behind them is answered `too_many`
    too_many: bytes = b"452 4.5.3 too many recipients"
    port: int = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Sink"]:
        """Listen on a port of the system's choice."""
        async with servers.serving(self._serve, limit=1 << 26) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._session(reader, writer)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail, rcpts, secure, data = b"", [], False, bytearray()
        if not await self._answer(writer, b"GREETING", b"220 sink.example ESMTP"):
            return
        while line := await reader.readline():
            command = line.rstrip(b"\r\n")
            if self.stalls and command.startswith(self.stalls):
                await reader.read()
                return
            self.commands.append(command)
            verb = command.split(b" ")[0].upper()
            if verb == b"EHLO":
                if not await self._answer(writer, command, self._hello(secure)):
                    return
            elif verb == b"STARTTLS":
                await self._answer(writer, command, b"220 go ahead")
                await writer.start_tls(self.tls)
                secure = True
            elif verb == b"BDAT":
                data += await reader.readexactly(int(command.split(b" ")[1]))
                last = command.upper().endswith(b" LAST")
                said = await self._answer(writer, command, b"250 2.0.0 taken")
                if not said:
                    return
                if last and said.startswith(b"2") and rcpts:
                    self.transactions.append(Transaction(mail, rcpts, bytes(data), secure))
                if last:
                    mail, rcpts, data = b"", [], bytearray()
            elif verb == b"DATA":
                said = await self._answer(writer, b"DATA", b"354 go ahead")
                if not said:
                    return
                if not said.startswith(b"354"):
                    continue
                content = await self._data(reader)
                said = await self._answer(writer, b"DOT", b"250 2.0.0 taken")
                if not said:
                    return
                if said.startswith(b"2"):
                    self.transactions.append(Transaction(mail, rcpts, content, secure))
                mail, rcpts = b"", []
            else:
                full = verb == b"RCPT" and self.recipients is not None and len(rcpts) >= self.recipients
                said = await self._answer(writer, command, self.too_many if full else b"250 2.0.0 fine")
                if not said or verb == b"QUIT":
                    return
                if verb == b"MAIL":
                    mail, rcpts = command, []
                elif verb == b"RCPT" and said.startswith(b"2"):
                    rcpts.append(command)

    def _hello(self, secure: bool) -> bytes:
        offered = list(self.extensions) + ([b"STARTTLS"] if self.tls and not secure else [])
        lines = [b"sink.example", *offered]
        return b"\r\n".join(b"250" + (b" " if n == len(lines) - 1 else b"-") + line for n, line in enumerate(lines))

    async def _data(self, reader: asyncio.StreamReader) -> bytes:
        for entry in self.replies:
            if entry == (b"BODY", DROP):
                self.replies.remove(entry)
                await reader.read(10)
                raise asyncio.IncompleteReadError(b"", 1)
        body = bytearray()
        while (line := await reader.readuntil(b"\n")) != b".\r\n":
            body += line[1:] if line.startswith(b".") else line
        return bytes(body)

    async def _answer(self, writer: asyncio.StreamWriter, command: bytes, usual: bytes) -> bytes:
        """Write the scripted answer or the usual one; return b"" when the connection is over."""
        scripted = next((entry for entry in self.replies if command.upper().startswith(entry[0].upper())), None)
        if scripted is not None:
            self.replies.remove(scripted)
        said = usual if scripted is None else scripted[1]
        if said == DROP:
            writer.transport.abort()
            return b""
        writer.write(said + b"\r\n")
        await writer.drain()
        return b"" if said.startswith(b"421") else said
