"""A node for IMAP from real parts: a ministry, a store, a listener on loopback, and a client that speaks octets."""

import asyncio
import contextlib
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from config.clock import Clock
from config.database import Tx
from config.engines import open_database
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Settings, Smtp, Tls, Web
from directory import credentials, domains, holdings, organisations, people, posts, resolve, units
from directory.address import parse
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from mailcore.imap.server import Listener
from mailcore.services import Services
from mailcore.store import mailboxes, messages
from mailcore.store.check import check, check_blobs
from mailcore.store.store import Store
from tests.mailcore.imap.packed import PackedReader, PackedWriter
from tests.mailcore.wrapper import AesWrapper, provider

DOMAIN = "interieur.gov.example"
AMINA, REGISTRY = f"amina.benali@{DOMAIN}", f"bureau.ordre@{DOMAIN}"
PASSWORD = "Bonne-annee-1447"  # not every client can send more than ASCII
WAIT_S = 20
_SIZE = re.compile(rb"\{(\d+)\}\r\n\Z")


def settings(directory: Path, tls: Tls, imap: Imap | None = None, smtp: Smtp | None = None, *, database_url: str = "sqlite") -> Settings:
    """Settings of a node; its listener is started by hand, on a port of the system's choice."""
    return Settings(
        directory=directory,
        node=Node(hostname=f"imap.{DOMAIN}", postmaster=AMINA),
        tls=tls,
        database=DatabaseSettings(database_url),
        listen=Listen(),
        smtp=smtp or Smtp(max_message_bytes=1_000_000),
        imap=imap or Imap(),
        web=Web(),
        queue=Queue(workers=2),
        routes=[],
    )


def ministry(tx: Tx, password_hash: str) -> None:
    """Amina, who holds the post of the registry."""
    organisation = organisations.create(tx, "ministry", "interieur", "وزارة الداخلية", "Ministère de l'Intérieur")
    domains.create(tx, DOMAIN, organisation.organisation_id)
    unit = units.create(tx, organisation.organisation_id, "BO", "مكتب الضبط", "Bureau d'ordre")
    registry = posts.create(tx, unit.unit_id, "مكتب الضبط", "Bureau d'ordre", parse(REGISTRY), rank=40)
    amina = people.create(tx, "أمينة بن علي", "Amina Benali", parse(AMINA), "fr", unit.unit_id)
    holdings.start(tx, registry.post_id, amina.person_id, decision_ref="D-2026-1")
    credentials.set_password(tx, amina.person_id, password_hash)


@contextlib.asynccontextmanager
async def opened(made: Settings, clock: Clock) -> AsyncIterator[Services]:
    """The services of a node in its own directory; afterwards the store's invariants must hold."""
    hasher = Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)
    db = await open_database(made.database.url, made.directory, clock)
    blob_db = await open_database(made.database.url, made.directory, clock, "blobs")
    try:
        await db.write(ministry, await hasher.hash(prepare(PASSWORD)))
        wrapper = AesWrapper()
        store = await Store.open(db, blob_db, made.directory / "blobs", wrapper)
        signin = SignIn(db, clock, hasher, _no_pause)
        yield Services(made, clock, db, store, signin, wrapper, (), None, bytes(32), provider(db, clock))  # type: ignore[arg-type]
        await signin.close()
        assert await db.read(check) + await check_blobs(db, store) == []
    finally:
        await blob_db.close()
        await db.close()


async def _no_pause(seconds: float) -> None:
    """Sign-in's pauses are tested with sign-in."""


def letter(number: int, body: str = "bonjour") -> bytes:
    """A small message."""
    return (
        f"From: Karim <karim@{DOMAIN}>\r\nTo: {AMINA}\r\nSubject: essai {number}\r\n"
        f"Date: Mon, {number % 28 + 1} Jun 2026 10:00:00 +0100\r\nMessage-ID: <{number}@{DOMAIN}>\r\n\r\n{body}\r\n"
    ).encode()


@dataclass
class Client:
    """A raw client: what it sends and when is the test's choice. `untagged` holds what the last command was told."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    numbers: int = 0
    untagged: list[bytes] = field(default_factory=list)

    async def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.writer.write(octets)
        await self.writer.drain()

    async def line(self) -> bytes:
        """Return one response with its literals, without the last line break; b"" at the end."""
        async with asyncio.timeout(WAIT_S):
            whole = await self.reader.readline()
            while found := _SIZE.search(whole):
                whole += await self.reader.readexactly(int(found[1]))
                whole += await self.reader.readline()
        return whole.removesuffix(b"\r\n")

    async def until(self, tag: bytes) -> bytes:
        """Read to a tagged response (or ``+`` or the end); return it without the tag."""
        self.untagged = []
        while line := await self.line():
            if line.startswith((tag + b" ", b"+")):
                return line.removeprefix(tag + b" ")
            self.untagged.append(line)
        return b""

    async def ask(self, command: str | bytes) -> bytes:
        """Send a command with a tag of its own; return its tagged response without the tag."""
        self.numbers += 1
        tag = b"t%d" % self.numbers
        await self.send(tag + b" " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        return await self.until(tag)

    async def sign_in(self, login: str = AMINA, password: str = PASSWORD) -> bytes:
        """LOGIN with quoted strings."""
        return await self.ask(f'LOGIN "{login}" "{password}"')

    async def append(self, raw: bytes, mailbox: str = "INBOX", arguments: str = "") -> bytes:
        """APPEND with a non-synchronising literal."""
        return await self.ask(f"APPEND {mailbox} {arguments}{{{len(raw)}+}}\r\n".encode() + raw)

    def pack(self, flush: int = zlib.Z_SYNC_FLUSH) -> None:
        """Compress from here on (RFC 4978)."""
        self.reader = cast(asyncio.StreamReader, PackedReader(self.reader))
        self.writer = cast(asyncio.StreamWriter, PackedWriter(self.writer, flush))

    def unpack(self) -> None:
        """Compress no more, if that was so."""
        if isinstance(self.reader, PackedReader) and isinstance(self.writer, PackedWriter):
            self.reader, self.writer = self.reader.reader, self.writer.writer

    async def everything(self) -> bytes:
        """Return all that still comes."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(WAIT_S):
                return await self.reader.read()
        return b""

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@dataclass
class Server:
    """A running listener and what makes clients for it."""

    services: Services
    listener: Listener
    trusting: ssl.SSLContext
    stack: contextlib.AsyncExitStack
    imaps: int
    imap: int

    async def connect(self, *, tls: bool = True) -> Client:
        """Connect and read the greeting."""
        context = self.trusting if tls else None
        client = Client(*await asyncio.open_connection("localhost", self.imaps if tls else self.imap, ssl=context, family=2, limit=1 << 20))
        self.stack.push_async_callback(client.close)
        client.untagged = [await client.line()]
        return client

    async def signed_in(self, mailbox: str = "", login: str = AMINA) -> Client:
        """Connect, as Amina unless said otherwise, and select a mailbox when one is named."""
        client = await self.connect()
        assert (await client.sign_in(login)).startswith(b"OK")
        if mailbox:
            assert (await client.ask(f"SELECT {mailbox}")).startswith(b"OK")
        return client

    async def fill(self, count: int, mailbox: str = "INBOX", address: str = AMINA) -> None:
        """Put letters into a mailbox."""
        target = await self.services.db.read(resolve.resolve, parse(address))
        assert target is not None
        account = await self.services.store.open_account(target.account_id)
        key = (await self.services.db.read(mailboxes.find, account.account_id, mailbox)).key
        for number in range(1, count + 1):
            prepared = await self.services.store.prepare(letter(number))
            await self.services.store.keep(prepared)
            await self.services.db.write(messages.append, key, account, prepared, 0, self.services.clock.now_us())


@contextlib.asynccontextmanager
async def serving(services: Services, trusting: ssl.SSLContext) -> AsyncIterator[Server]:
    """A listener on loopback; clients are closed with it."""
    async with contextlib.AsyncExitStack() as stack:
        listener = await stack.enter_async_context(Listener(services))
        imaps = await listener.listen("127.0.0.1", 0, tls=True)
        imap = await listener.listen("127.0.0.1", 0, tls=False)
        clients = await stack.enter_async_context(contextlib.AsyncExitStack())
        yield Server(services, listener, trusting, clients, imaps, imap)
