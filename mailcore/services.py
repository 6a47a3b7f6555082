"""What every front and role of a node is given: settings, database, store, sign-in, signer, trust."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config.clock import Clock, SystemClock
from config.database import Database
from config.engines import open_database
from config.settings import Settings
from directory.oidc.access import AccessTokens
from directory.oidc.keys import Keys
from directory.oidc.provider import Provider
from directory.signin import SignIn, Site
from mailcore.parts import Parts
from mailcore.store.store import Store
from signing.errors import SignerUnavailable
from signing.keys import Signer
from signing.process import running, socket_path
from signing.vault import write_new

ROOTS = "root.pem"  # below the keys directory: the certificates that this node trusts, PEM
ACTIVATION = "activation.key"  # below the keys directory: what the sign-in role and the signer share
DIRECTORY = "directory.key"  # below the keys directory: seals second factors and the like; made when it is missing
DIRECTORY_BYTES = 32


SIGNER_PATIENCE_S = 0.5  # a socket file without a signer behind it is left over from a crash


@dataclass(frozen=True, slots=True)
class Services:
    """One node's parts. Frozen: roles share it and replace nothing."""

    settings: Settings
    clock: Clock
    db: Database
    store: Store
    signin: SignIn
    signer: Signer
    roots: tuple[bytes, ...]  # DER certificates that signatures are judged against
    activation_secret: bytes = field(repr=False)  # what is told of a node in a log or a traceback has no secret in it
    directory_key: bytes = field(repr=False)  # 32 octets that the rows alone do not give away
    openid: Provider  # who this node is to other platforms
    parts: Parts = field(default_factory=Parts, compare=False)  # opened when they are first needed


@contextlib.asynccontextmanager
async def opened(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Open a node: its signer as a child process, its databases, its store; close them in reverse."""
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        signer = await stack.enter_async_context(_signer(settings))
        db = await open_database(settings.database.url, settings.data, clock)
        stack.push_async_callback(db.close)
        blob_db = await open_database(settings.database.url, settings.data, clock, "blobs")
        stack.push_async_callback(blob_db.close)
        store = await Store.open(db, blob_db, settings.data / "blobs", signer)
        directory_key = _directory_key(settings.keys / DIRECTORY)
        openid = Provider(db, clock, settings.issuer, directory_key, Keys(db, clock, signer))
        signin = SignIn(
            db,
            clock,
            key=directory_key,
            tokens=AccessTokens(openid),
            discovery=f"{settings.issuer}/.well-known/openid-configuration",
            site=_site(settings),
        )
        stack.push_async_callback(signin.close)
        roots = settings.keys / ROOTS
        activation = settings.keys / ACTIVATION
        parts = Parts()
        stack.push_async_callback(parts.close)
        yield Services(
            settings=settings,
            clock=clock,
            db=db,
            store=store,
            signin=signin,
            signer=signer,
            roots=_certificates(roots.read_bytes()) if roots.exists() else (),
            activation_secret=activation.read_bytes() if activation.exists() else b"",
            directory_key=directory_key,
            openid=openid,
            parts=parts,
        )


async def is_running(settings: Settings) -> bool:
    """Say whether a process of this node runs: its signer answers."""
    signer = await _connected(socket_path(settings.directory))
    if signer is not None:
        await signer.close()
    return signer is not None


@contextlib.asynccontextmanager
async def _signer(settings: Settings) -> AsyncIterator[Signer]:
    """Use the signer that another role of this node runs, or run it."""
    running_already = await _connected(socket_path(settings.directory))
    if running_already is None:
        async with running(settings.directory) as signer:
            yield signer
        return
    try:
        yield running_already
    finally:
        await running_already.close()


async def _connected(socket: Path) -> Signer | None:
    if not socket.exists():  # noqa: ASYNC240  (one stat at start)
        return None
    try:
        return await Signer.connect(socket, patience_s=SIGNER_PATIENCE_S)
    except SignerUnavailable:
        return None


def _site(settings: Settings) -> Site:
    """Return what passkeys are bound to: where people open the pages, as a browser says it (RFC 6454 §4)."""
    address = urlsplit(settings.issuer.lower())
    return Site(address.hostname or "", "Diwan", (f"https://{address.netloc}",))


def _directory_key(path: Path) -> bytes:
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another role of this node was quicker
            write_new(path, secrets.token_bytes(DIRECTORY_BYTES))
    return path.read_bytes()


def _certificates(pem: bytes) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return tuple(certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(pem))
