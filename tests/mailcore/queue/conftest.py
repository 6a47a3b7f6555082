"""A node's services on each engine, checked for the store's invariants after every test; real SMTP and DNS peers."""

import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.clock import ManualClock
from config.database import Database
from config.settings import Queue, Route
from mailcore.services import Services
from mailcore.store.check import check, check_blobs
from tests.mailcore.queue import node
from tests.mailcore.queue.sink import Sink
from tests.mailcore.wrapper import AesWrapper

Opener = Callable[..., contextlib.AbstractAsyncContextManager[Services]]


@pytest.fixture
def opener(database: Database, database_url: str, tmp_path: Path, clock: ManualClock) -> Opener:
    """Opens services with routes and queue settings of the test's choice; afterwards `diwan check` finds nothing."""
    wrapper = AesWrapper()

    @contextlib.asynccontextmanager
    async def open_services(routes: list[Route] | None = None, queue: Queue | None = None) -> AsyncIterator[Services]:
        made = node.settings(tmp_path, database_url, routes, queue)
        async with node.opened(made, database, clock, wrapper) as services:
            yield services
            assert await database.read(check) + await check_blobs(database, services.store) == []

    return open_services


@pytest.fixture
async def services(opener: Opener) -> AsyncIterator[Services]:
    """Services without routes."""
    async with opener() as made:
        yield made


@dataclass(frozen=True, slots=True)
class Authority:
    """A root and what it certified: PEM files."""

    ca: Path
    localhost: ssl.SSLContext
    elsewhere: ssl.SSLContext

    def no_common_cipher(self) -> ssl.SSLContext:
        """A server that cannot agree with anybody: an elliptic key, and only ciphers for RSA keys."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca.with_name("localhost.pem"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA256")
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A root with two servers: one certified for localhost, one for another name."""
    folder = tmp_path_factory.mktemp("tls")
    root_key, root = _certificate("Diwan test root", None, None)
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    contexts = []
    for name in ("localhost", "elsewhere.example"):
        key, certificate = _certificate(name, root_key, root)
        path = folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        contexts.append(context)
    return Authority(folder / "ca.pem", *contexts)


def _certificate(
    name: str, issuer_key: ec.EllipticCurvePrivateKey | None, issuer: x509.Certificate | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)] if "." in name or name == "localhost" else []
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names and issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, builder.sign(issuer_key or key, hashes.SHA256())


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A listening SMTP server that takes everything until told otherwise."""
    async with Sink().listening() as made:
        yield made


@pytest.fixture
def via(opener: Opener, sink: Sink) -> Opener:
    """Services whose mail for everywhere goes to the sink."""

    def make(
        tls: str = "opportunistic", ca: Path | None = None, host: str = "127.0.0.1"
    ) -> contextlib.AbstractAsyncContextManager[Services]:
        return opener(routes=[Route(domain="", host=host, port=sink.port, tls=tls, ca=ca)])

    return make
