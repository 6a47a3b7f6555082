"""What every front and role of a node is given: settings, database, store, sign-in, signer, trust."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from config.clock import Clock, SystemClock
from config.database import Database
from config.engines import open_database
from config.settings import Settings
from directory.oidc.access import AccessTokens
from directory.oidc.keys import Keys
from directory.oidc.provider import Provider
from directory.signin import SignIn
from mailcore import sign_in
from mailcore.activation import client as activation
from mailcore.activation.client import Activator
from mailcore.parts import Parts
from mailcore.store.store import Store
from signing.keys import Signer
from signing.process import shared, socket_path

ROOTS = "root.pem"  # below the keys directory: the certificates that this node trusts, PEM


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
    activator: Activator
    directory_key: bytes = field(repr=False)  # 32 octets that the rows alone do not give away; no log or traceback tells them
    openid: Provider  # who this node is to other platforms
    parts: Parts = field(default_factory=Parts, compare=False)  # opened when they are first needed


@contextlib.asynccontextmanager
async def opened(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Services]:
    """Open a node: its signer as a child process, its databases, its store; close them in reverse."""
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        signer = await stack.enter_async_context(shared(settings.directory))
        db = await open_database(settings.database.url, settings.data, clock)
        stack.push_async_callback(db.close)
        blob_db = await open_database(settings.database.url, settings.data, clock, "blobs")
        stack.push_async_callback(blob_db.close)
        store = await Store.open(db, blob_db, settings.data / "blobs", signer)
        directory_key = sign_in.directory_key(settings)
        openid = Provider(db, clock, settings.issuer, directory_key, Keys(db, clock, signer))
        signin = SignIn(
            db,
            clock,
            key=directory_key,
            tokens=AccessTokens(openid),
            discovery=f"{settings.issuer}/.well-known/openid-configuration",
            site=sign_in.site(settings),
        )
        stack.push_async_callback(signin.close)
        roots = settings.keys / ROOTS
        activator = Activator(activation.socket_path(settings.directory))
        stack.push_async_callback(activator.close)
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
            activator=activator,
            directory_key=directory_key,
            openid=openid,
            parts=parts,
        )


async def is_running(settings: Settings) -> bool:
    """Say whether a process of this node runs: its signer answers."""
    signer = await Signer.find(socket_path(settings.directory))
    if signer is not None:
        await signer.close()
    return signer is not None


def _certificates(pem: bytes) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return tuple(certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(pem))
