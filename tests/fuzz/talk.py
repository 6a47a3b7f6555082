"""A client of the fuzzer: it sends what it is told to, and believes nothing that the server says."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fuzz import strict
from tests.fuzz.mutate import Framed
from tests.mailcore.imap.node import AMINA, PASSWORD, Client, Server

WAIT_S = 30
ALONE = (b"IDLE", b"AUTHENTICATE", b"COMPRESS", b"STARTTLS", b"UNAUTHENTICATE", b"LOGOUT", b"LOGIN")  # not in one packet with others


@dataclass
class Talk:
    """One connection. `said` and `heard` are kept for the report."""

    client: Client
    letter: str
    outstanding: dict[bytes, Framed] = field(default_factory=dict)
    said: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    exists: int = 0
    number: int = 0
    over: bool = False

    @classmethod
    async def begin(cls, server: Server, letter: str, login: str = AMINA, mailbox: str = "") -> "Talk":
        """Connect, sign in, select a mailbox when there is one of this name."""
        talk = cls(await server.connect(), letter)
        await talk.perform(Framed((f'LOGIN "{login}" "{PASSWORD}"'.encode(),)))
        if mailbox:
            await talk.perform(Framed((f"SELECT {mailbox}".encode(),)))
        return talk

    async def perform(self, command: Framed) -> None:
        """Send one command, its literals as they are asked for, and hear its end."""
        tag = self._announce(command)
        line = tag + b" " + command.lines[0]
        for (binary, waits, octets), after in zip(command.literals, command.lines[1:], strict=True):
            await self._send(line + b"%b{%d%b}\r\n" % (b"~" if binary else b"", len(octets), b"" if waits else b"+"))
            if waits and not await self._admitted(tag):
                return
            await self._send(octets)
            line = after
        await self._send(line + b"\r\n")
        await self._hear_all()

    async def perform_together(self, commands: Sequence[Framed], rng: random.Random) -> None:
        """Send several commands in one packet, or cut anywhere; hear all their ends."""
        octets = b""
        for command in commands:
            octets += self._announce(command) + b" "
            for line, (binary, _, literal) in zip(command.lines, command.literals, strict=False):
                octets += line + b"%b{%d+}\r\n" % (b"~" if binary else b"", len(literal)) + literal
            octets += command.lines[-1] + b"\r\n"
        cut = rng.choice((len(octets), len(octets), 7, 100))
        for place in range(0, len(octets), max(1, cut, len(octets) // 50)):
            await self._send(octets[place : place + max(1, cut, len(octets) // 50)])
        await self._hear_all()

    def _announce(self, command: Framed) -> bytes:
        self.number += 1
        tag = b"%b%d" % (self.letter.encode(), self.number)
        self.outstanding[tag] = command
        return tag

    async def _send(self, octets: bytes) -> None:
        self.said.append(octets)
        if not self.over:
            try:
                await self.client.send(octets)
            except (ConnectionError, OSError):
                await self._end()

    async def _admitted(self, tag: bytes) -> bool:
        """Wait for ``+``; say whether it came, and the command goes on."""
        while not self.over:
            line = await self.hear()
            if line is not None and line.tag == b"+":
                return True
            if tag not in self.outstanding:
                return False
        return False

    async def _hear_all(self) -> None:
        while self.outstanding and not self.over:
            line = await self.hear()
            if line is not None and line.tag == b"+":
                waiting = next(iter(self.outstanding.values()))
                await self._send(b"DONE\r\n" if waiting.name() == b"IDLE" else b"*\r\n")
        if self.over:
            self.outstanding.clear()

    async def hear(self) -> strict.Line | None:
        """Read one response; None at the end of the connection. Raises Broken, TimeoutError."""
        buffer = b""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not (length := strict.cut(buffer)):
                    buffer += await self._piece(buffer)
                    if not buffer.endswith(b"\n") and not strict.LITERAL.search(buffer):
                        break
        if not length:
            await self._end(buffer)
            return None
        self.heard.append(buffer)
        line = strict.read(buffer)
        self._believe(line)
        return line

    async def _piece(self, buffer: bytes) -> bytes:
        found = strict.LITERAL.search(buffer)
        more = await self.client.reader.readexactly(int(found[1])) if found is not None else b""
        return more + await self.client.reader.readline()

    async def _end(self, buffer: bytes = b"") -> None:
        if buffer and self.client.reader.at_eof() and not any(line.startswith(b"* BYE") for line in self.heard):
            raise strict.Broken(f"ends in the middle of {buffer[:200]!r}")
        self.over = True

    def _believe(self, line: strict.Line) -> None:
        if line.tag not in (b"*", b"+"):
            command = self.outstanding.pop(line.tag, None)
            if command is None:
                raise strict.Broken(f"tag {line.tag!r} was answered already or never sent")
            self._follow(command, line)
        elif line.word == b"EXISTS":
            self.exists = line.number
        elif line.word == b"EXPUNGE":
            if not 1 <= line.number <= self.exists:
                raise strict.Broken(f"EXPUNGE {line.number} of {self.exists}")
            self.exists -= 1
        elif line.word == b"FETCH" and not 1 <= line.number <= self.exists:
            raise strict.Broken(f"FETCH {line.number} of {self.exists}")
        elif line.word == b"BYE":
            self.heard.append(b"")

    def _follow(self, command: Framed, line: strict.Line) -> None:
        """Compress as soon as the server does, and no longer."""
        if command.name() == b"COMPRESS" and line.word == b"OK":
            self.client.pack()
        elif command.name() == b"UNAUTHENTICATE" and line.word == b"OK":
            self.client.unpack()

    async def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError, ConnectionError, TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await self.client.close()
