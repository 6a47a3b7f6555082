"""A node for SMTP: a directory with one ministry, a collector in place of the queue, and a client that speaks octets."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.wire import free_port
from config.checking import Checks
from config.clock import Clock
from config.database import Tx
from config.engines import open_database
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Settings, Smtp, Tls, Web
from directory import credentials, domains, holdings, organisations, people, posts, units
from directory.address import parse
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from mailcore.queue.types import Submission
from mailcore.services import Services
from mailcore.store.store import Store
from tests.mailcore.wrapper import AesWrapper, provider

DOMAIN = "interieur.gov.example"
HOST = f"mx.{DOMAIN}"
AMINA, KARIM, REGISTRY = f"amina.benali@{DOMAIN}", f"karim.khelifi@{DOMAIN}", f"bureau.ordre@{DOMAIN}"
ARABIC = f"أمينة@{DOMAIN}"
PASSWORD, KARIM_PASSWORD = "Bonne année ١٤٤٧", "Sesame-1962"
LETTER = b"From: Amina <" + AMINA.encode() + b">\r\nTo: k@x.example\r\nSubject: essai\r\n\r\nBonjour\r\n"


@dataclass
class Collector:
    """Takes what the fronts accept, as the queue would; `hold` makes it wait, `error` makes it fail."""

    taken: list[Submission] = field(default_factory=list)
    error: Exception | None = None
    hold: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, services: Services, submission: Submission) -> str:
        """Keep a submission and give it an id."""
        self.entered.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        self.taken.append(submission)
        return f"ID{len(self.taken)}"


class Client:
    """A raw client: what it sends and when is the test's choice."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self) -> str:
        """Return the next reply: its lines joined by LF, "" at the end of the connection."""
        lines = []
        async with asyncio.timeout(20):
            while line := await self.reader.readline():
                lines.append(line.decode("ascii").removesuffix("\r\n"))
                if line[3:4] == b" ":
                    break
        return "\n".join(lines)

    async def ask(self, line: bytes | str) -> str:
        """Send one line and return the reply."""
        await self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def everything(self) -> list[str]:
        """Return all replies up to the end of the connection."""
        replies = []
        with contextlib.suppress(ConnectionError):
            while one := await self.reply():
                replies.append(one)
        return replies

    async def closed(self) -> bool:
        """Wait for the server to close the connection."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                return await self.reader.read() == b""
        return True

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the handshake after a 220."""
        await self.writer.start_tls(context, server_hostname="localhost")

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


def loopback() -> Listen:
    """A place for each listener of SMTP, where nobody listens."""
    return Listen(*(f"127.0.0.1:{free_port()}" for _ in range(3)))


def settings(directory: Path, tls: Tls, listen: Listen, smtp: Smtp | None = None) -> Settings:
    """Settings of a node with listeners."""
    return Settings(
        directory=directory,
        node=Node(hostname=HOST, postmaster=KARIM),
        tls=tls,
        database=DatabaseSettings("sqlite"),
        listen=listen,
        smtp=smtp or Smtp(),
        imap=Imap(),
        web=Web(),
        queue=Queue(workers=2),
        routes=[],
        checks=Checks(enabled=False),  # these tests have no DNS
    )


def ministry(tx: Tx, amina_hash: str, karim_hash: str) -> None:
    """Amina, who holds the registry and signs in; Karim, who does not."""
    organisation = organisations.create(tx, "ministry", "interieur", "وزارة الداخلية", "Ministère de l'Intérieur")
    domains.create(tx, DOMAIN, organisation.organisation_id)
    unit = units.create(tx, organisation.organisation_id, "BO", "مكتب الضبط", "Bureau d'ordre")
    registry = posts.create(tx, unit.unit_id, "مكتب الضبط", "Bureau d'ordre", parse(REGISTRY), rank=40)
    amina = people.create(tx, "أمينة بن علي", "Amina Benali", parse(AMINA), "fr", unit.unit_id)
    karim = people.create(tx, "كريم خليفي", "Karim Khelifi", parse(KARIM), "ar", unit.unit_id)
    people.create(tx, "أمينة", "Amina", parse(ARABIC), "ar", unit.unit_id)
    holdings.start(tx, registry.post_id, amina.person_id, decision_ref="D-2026-1")
    credentials.set_password(tx, amina.person_id, amina_hash)
    credentials.set_password(tx, karim.person_id, karim_hash)


@contextlib.asynccontextmanager
async def opened(made: Settings, clock: Clock, hasher: Hasher) -> AsyncIterator[Services]:
    """The services of a node in its own directory."""
    db = await open_database("sqlite", made.directory, clock)
    blob_db = await open_database("sqlite", made.directory, clock, "blobs")
    try:
        await db.write(ministry, *[await hasher.hash(prepare(each)) for each in (PASSWORD, KARIM_PASSWORD)])
        wrapper = AesWrapper()
        store = await Store.open(db, blob_db, made.directory / "blobs", wrapper)
        yield Services(made, clock, db, store, SignIn(db, clock, hasher, _no_pause), wrapper, (), None, bytes(32), provider(db, clock))  # type: ignore[arg-type]
    finally:
        await blob_db.close()
        await db.close()


async def _no_pause(seconds: float) -> None:
    """Sign-in's pauses are tested with sign-in."""
