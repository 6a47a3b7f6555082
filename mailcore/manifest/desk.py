"""What an operator asks about the manifest: the anchor to hand over, a file to carry, how far this node follows, who this node is."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config import settings
from config.clock import SystemClock
from config.database import Database
from config.engines import open_database
from config.settings import Settings, SettingsError
from directory.errors import NotFound
from directory.manifest import follow, jws, publish
from directory.manifest.document import Anchor, Freshness, SiteClass
from mailcore import services
from mailcore.manifest import stick
from mailcore.manifest.centre import read_anchor
from mailcore.manifest.follower import Follower
from mailcore.manifest.publisher import Publisher
from mailcore.manifest.stick import Carried
from mailcore.services import ROOTS

EVERY = ("0.0.0.0", "::")  # noqa: S104  (compared with, not listened on)


class Description(msgspec.Struct, frozen=True):
    """A node as its operator tells the centre of it."""

    hostname: str
    smtp: str
    https: str
    key_sha256: str


@dataclass(frozen=True, slots=True)
class Status:
    """How a node stands to the manifest. `role` is "centre", "follower" or "" for neither; times are µs, 0 for never."""

    role: str
    nation: str
    site: SiteClass
    serial: int
    issued_us: int
    checked_us: int
    freshness: Freshness | None
    stale_since_us: int | None
    complete: int


async def anchor(directory: Path, url: str) -> Anchor:
    """Return the anchor of a centre. Raises SettingsError when the node publishes nothing."""
    read = settings.load(directory)
    if not read.manifest.publish:
        raise SettingsError(f'{directory / settings.FILE}: manifest.publish: name the nation to publish for, such as publish = "dz"')
    async with services.opened(read) as node:
        key = await Publisher(node).key()
    ca = (read.keys / ROOTS).read_text("ascii")
    return Anchor(
        read.manifest.publish, url or f"https://{read.node.hostname}:{settings.endpoint(read.listen.https)[1]}", [jws.written(key)], ca
    )


async def publish_now(directory: Path) -> int:
    """Compare everything, issue a document and return its serial. Raises SettingsError when the node publishes nothing."""
    read = settings.load(directory)
    if not read.manifest.publish:
        raise SettingsError(f"{directory / settings.FILE}: manifest.publish is empty: this node publishes nothing")
    async with services.opened(read) as node:
        return (await Publisher(node).publish(whole=True)).body.serial


async def export(directory: Path, path: Path, since: int | None) -> int:
    """Write the newest document with its entries to a file; return how many entries. Raises NotFound."""
    async with _database(settings.load(directory)) as db:
        return await stick.export(db, path, since)


async def apply(directory: Path, path: Path) -> Carried:
    """Go by a file that was carried here. Raises BadManifest, SettingsError."""
    read = settings.load(directory)
    if read.manifest.anchor is None:
        raise SettingsError(f"{directory / settings.FILE}: manifest.anchor: name the file of the centre's anchor to follow it")
    believed = read_anchor(read.manifest.anchor)
    async with _database(read) as db:
        return await stick.apply(Follower(db, SystemClock(), believed), db, believed, path)


async def status(directory: Path) -> Status:
    """Return how a node stands to the manifest."""
    read = settings.load(directory)
    site = read.manifest.site
    async with _database(read) as db:
        if read.manifest.anchor is not None:
            nation, state = read_anchor(read.manifest.anchor).nation, await db.read(follow.state, site)
            if state is None:
                return Status("follower", nation, site, 0, 0, 0, None, None, 0)
            body = state.signed.body
            known = (body.serial, body.issued_us, state.checked_us, state.freshness, state.stale_since_us, state.complete)
            return Status("follower", nation, site, *known)
        newest = await db.read(publish.latest)
    serial, issued_us = (newest.body.serial, newest.body.issued_us) if newest else (0, 0)
    return Status("centre" if read.manifest.publish else "", read.manifest.publish, site, serial, issued_us, 0, None, None, serial)


def describe(directory: Path) -> Description:
    """Return this node as the centre has to know it. Raises NotFound without a certificate."""
    read = settings.load(directory)
    try:
        certificate = x509.load_pem_x509_certificates(read.tls.certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        raise NotFound(f"{read.tls.certificate}: {error}") from None
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name, listen = read.node.hostname, read.listen
    return Description(name, _reached(listen.smtp, name), _reached(listen.https, name), hashlib.sha256(public).hexdigest())


def _reached(where: str, hostname: str) -> str:
    """Return where others reach a listener: one that listens on every address is reached by the node's name."""
    if not where:
        return ""
    host, port = settings.endpoint(where)
    return f"{hostname}:{port}" if host in EVERY else where


@contextlib.asynccontextmanager
async def _database(read: Settings) -> AsyncIterator[Database]:
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        yield db
    finally:
        await db.close()
