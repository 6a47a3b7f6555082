"""The listener and its connections: port 4190, TLS by STARTTLS, silence and slowness bounded. RFC 5804 §1.8, §2.2."""

import asyncio
import contextlib
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator

from config.errors import MailError
from config.log import log
from config.networks import site
from config.settings import endpoint
from mailcore.managesieve import errors, session
from mailcore.managesieve.session import BEFORE_BYTES, Session
from mailcore.managesieve.wire import Broken, Command, Framer, answer
from mailcore.services import Services
from mailcore.tls import NOTHING, Listening

BACKLOG = 128
MAX_CONNECTIONS = 1000
MAX_PER_ADDRESS = 20  # an office behind one address changes its filters now and then
READ_BYTES = 65_536
HELD_BYTES = 65_536  # unsent octets at which answering waits
LOGIN_S = 60  # silence before sign-in
IDLE_S = 1800  # afterwards; RFC 5804 §1.2 asks for 30 minutes
LITERAL_S = 120  # between two pieces of one command
WRITE_S = 60  # a client that takes nothing for so long is gone
HANDSHAKE_S = 30


class Connection:
    """One client. Implements `session.Link`."""

    def __init__(self, services: Services, tls: Listening, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._tls = reader, writer, tls
        self._framer = Framer(BEFORE_BYTES)
        self.peer, self.secure, self.offered = peer_of(writer), False, NOTHING
        self.session = Session(services, self)

    def write(self, octets: bytes) -> None:
        """Send octets."""
        self._writer.write(octets)

    def allow(self, limit_bytes: int) -> None:
        """Take literals up to this size from now on."""
        self._framer.limit_bytes = limit_bytes

    async def read(self, *, plain: bool = False) -> Command | None:
        """Return the next command; None when the client has gone. Raises Broken, TimeoutError."""
        await self._flush()
        while (command := self._framer.next(plain=plain)) is None:
            silent_s = LITERAL_S if self._framer.held else LOGIN_S if self.session.identity is None else IDLE_S
            async with asyncio.timeout(silent_s):
                octets = await self._reader.read(READ_BYTES)
            if not octets:
                return None
            self._framer.feed(octets)
        return command

    async def start_tls(self) -> None:
        """Negotiate TLS. Nothing may have come behind the command (RFC 5804 §2.2). Raises ConnectionError."""
        await self._flush()
        if self._framer.held or self._reader._buffer:  # type: ignore[attr-defined]
            log.warning("managesieve.injection", peer=self.peer)
            raise ConnectionAbortedError("octets behind STARTTLS")
        try:
            await self._writer.start_tls(self._tls.context, ssl_handshake_timeout=HANDSHAKE_S)
        except ssl.SSLError as error:
            raise ConnectionAbortedError("no TLS") from error
        self.secure = True
        self.offered = self._tls.channel(self._writer.get_extra_info("ssl_object"))

    async def serve(self) -> None:
        """Answer until the client leaves, or must."""
        await session.greet(self.session)
        try:
            while not self.session.ended and (command := await self.read()) is not None:
                self.write(await self._answer(command))
            if self.session.ended and not self.session.left:
                self.write(answer("BYE", "goodbye"))
        except Broken as error:
            self.write(answer("BYE", error.text))
        except TimeoutError:
            self.write(answer("BYE", "silent for too long"))
        await self._flush()

    async def _answer(self, command: Command) -> bytes:
        try:
            return await session.carry_out(self.session, command)
        except MailError as error:
            return errors.refusal(error)
        except (ConnectionError, TimeoutError, Broken):
            raise
        except Exception:  # noqa: BLE001  (the driver: a bug ends the command, not the connection)
            name = secrets.token_hex(4)
            log.exception("managesieve.bug", id=name, peer=self.peer)
            return answer("NO", f"internal error {name}", "TRYLATER")

    async def _flush(self) -> None:
        async with asyncio.timeout(WRITE_S):
            await self._writer.drain()


class Listener:
    """Accepts connections and keeps count of them; an asynchronous context manager ends them all."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tls = Listening(services)
        self._by_address: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "Listener":
        return self

    async def __aexit__(self, *failure: object) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    async def listen(self, host: str, port: int) -> int:
        """Listen on an address; return the port, which the system chooses when `port` is 0."""
        server = await asyncio.start_server(self._accept, host, port, backlog=BACKLOG, limit=READ_BYTES)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        log.info("managesieve.listening", host=host, port=bound)
        return bound

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        writer.transport.set_write_buffer_limits(high=HELD_BYTES)
        address = site(peer_of(writer))
        self._tasks.add(task)
        self._by_address[address] += 1
        try:
            if len(self._tasks) > MAX_CONNECTIONS or self._by_address[address] > MAX_PER_ADDRESS:
                writer.write(answer("BYE", "too many connections", "TRYLATER"))
            else:
                await Connection(self._services, self._tls, reader, writer).serve()
        except (OSError, TimeoutError) as error:
            log.info("managesieve.lost", peer=address, kind=type(error).__name__)
        except asyncio.CancelledError:
            writer.write(answer("BYE", "the server is stopping", "TRYLATER"))
        finally:
            self._tasks.discard(task)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
            writer.close()


def peer_of(writer: asyncio.StreamWriter) -> str:
    """Return the address of the other side, without port."""
    name = writer.get_extra_info("peername")
    return str(name[0]) if name else ""


@contextlib.asynccontextmanager
async def sieve(services: Services) -> AsyncIterator[None]:
    """Serve ManageSieve where the settings say, until the context ends."""
    async with Listener(services) as listener:
        if services.settings.listen.sieve:
            await listener.listen(*endpoint(services.settings.listen.sieve))
        yield
