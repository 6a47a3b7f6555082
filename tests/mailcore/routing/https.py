"""A web server with a certificate for one name, on loopback, that answers what a test tells it to."""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests import servers


@dataclass
class Web:
    """What was asked for, by which name; `root` is to be trusted."""

    root: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    _answer: bytes = b""

    def answer(self, body: bytes, status: int = 200, kind: str = "text/plain") -> None:
        """Say this from now on."""
        head = f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self._answer = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split()[1])
            lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            self.hosts.append(lines["host"])
            if size := int(lines.get("content-length", 0)):
                self.posted.append(await reader.readexactly(size))
            writer.write(self._answer)
            await writer.drain()


def certify(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a root and, below it, a certificate for a name with its key; return both as PEM files."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in ("root", name)]
    made = []
    for number in range(2):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[0])
            .public_key(keys[number].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
        )
        if number:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    root, own = folder / "web-root.pem", folder / "web.pem"
    root.write_bytes(made[0])
    plain = serialization.NoEncryption()
    own.write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + made[1] + made[0])
    return root, own


@contextlib.asynccontextmanager
async def serving(folder: Path, name: str) -> AsyncIterator[Web]:
    """Serve on a port of the system's choice."""
    root, own = certify(folder, name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own)
    web = Web(root)
    async with servers.serving(web.serve, ssl=context) as web.port:
        yield web
