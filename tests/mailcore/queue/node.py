"""A small node from real parts: a directory with one ministry, a store, settings. Also run by tests/kill."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from config.clock import MINUTE_US, Clock
from config.database import Database, Tx
from config.engines import open_database
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Route, Settings, Smtp, Tls, Web
from directory import domains, organisations, people
from directory.address import parse
from directory.signin import SignIn
from mailcore.message.content import readable
from mailcore.queue import listing, queue
from mailcore.queue.accept import prepare
from mailcore.queue.types import Lease, Recipient, Submission, queue_name
from mailcore.services import Services
from mailcore.store import mailboxes, messages
from mailcore.store.keyring import KeyWrapper
from mailcore.store.store import Store
from tests.mailcore.wrapper import provider

DOMAIN = "interieur.gov.example"
AMINA, KARIM = f"amina.benali@{DOMAIN}", f"karim.khelifi@{DOMAIN}"
HOSTNAME = f"mx.{DOMAIN}"


def settings(directory: Path, url: str = "sqlite", routes: list[Route] | None = None, queue: Queue | None = None) -> Settings:
    """Settings of a node that listens nowhere."""
    return Settings(
        directory=directory,
        node=Node(hostname=HOSTNAME, postmaster=f"postmaster@{DOMAIN}"),
        tls=Tls(directory / "none.pem", directory / "none.key"),
        database=DatabaseSettings(url),
        listen=Listen(),
        smtp=Smtp(),
        imap=Imap(),
        web=Web(),
        queue=queue or Queue(workers=2),
        routes=routes or [],
    )


def ministry(tx: Tx) -> None:
    """Amina and Karim at the ministry of the interior; nothing happens when they are there already."""
    if tx.row("SELECT 1 FROM domain WHERE name = :name", name=DOMAIN) is not None:
        return
    organisation = organisations.create(tx, "ministry", "interieur", "وزارة الداخلية", "Ministère de l'Intérieur")
    domains.create(tx, DOMAIN, organisation.organisation_id)
    people.create(tx, "أمينة بن علي", "Amina Benali", parse(AMINA), "fr")
    people.create(tx, "كريم خليفي", "Karim Khelifi", parse(KARIM), "ar")


@contextlib.asynccontextmanager
async def opened(made: Settings, db: Database, clock: Clock, wrapper: KeyWrapper) -> AsyncIterator[Services]:
    """The services of a node on an open main database."""
    blob_db = await open_database(made.database.url, made.directory, clock, "blobs")
    try:
        await db.write(ministry)
        store = await Store.open(db, blob_db, made.directory / "blobs", wrapper)
        yield Services(made, clock, db, store, SignIn(db, clock), wrapper, (), None, bytes(32), provider(db, clock))  # type: ignore[arg-type]
    finally:
        await blob_db.close()


def letter(text: str = "bonjour", subject: str = "essai") -> bytes:
    """A small message."""
    return f"From: <a@x.example>\r\nTo: <b@y.example>\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


def submission(*recipients: str | Recipient, sender: str = AMINA, raw: bytes | None = None, **more: object) -> Submission:
    """A submission to some recipients."""
    told = tuple(r if isinstance(r, Recipient) else Recipient(r) for r in recipients)
    return Submission(sender, told, raw if raw is not None else letter(), **more)  # type: ignore[arg-type]


async def queued(services: Services, made: Submission) -> str:
    """Hand a message to the queue, even one that could be delivered at once."""
    entry = await prepare(services, made)
    await services.db.write_brief(queue.enqueue, entry)
    return queue_name(entry.queue_id)


async def inbox(services: Services, address: str) -> list[bytes]:
    """The octets of every message in an INBOX, in order."""
    account_id = await services.db.read(_account_id, address)
    account = await services.store.open_account(account_id)
    mailbox = await services.db.read(mailboxes.by_role, account.account_id, "inbox")
    uids = await services.db.read(messages.uids, mailbox.key)
    stored = await services.db.read(messages.fetch, mailbox.key, uids)
    return [await services.store.raw(account, each) for each in stored]


async def last(services: Services) -> list[tuple[str, str]]:
    """Return who waits, each with what was said of it last."""
    return [(row.address, row.last_text) for row in await services.db.read(listing.listing)]


async def leased(services: Services) -> list[Lease]:
    """Lease what is due for elsewhere."""
    return await services.db.write(queue.lease_remote, "test", services.clock.now_us() + 5 * MINUTE_US, 50, ())


async def text(services: Services, raw: bytes) -> str:
    """The readable text of a message."""
    prepared = await services.store.prepare(raw)
    return readable(raw, prepared.index.header).plain or ""


def _account_id(tx: Tx, address: str) -> int:
    found: int = tx.value("SELECT account_id FROM address WHERE address = :address", address=address)
    return found
