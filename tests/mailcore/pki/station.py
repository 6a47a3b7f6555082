"""A node with a real signer, a root, the authority of a ministry and certificates, that serves what became of them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from bench.wire import free_port
from config.clock import Clock
from config.pki import Pki
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Settings, Smtp, Tls, Web
from mailcore.pki import role
from mailcore.pki.answers import Answers
from mailcore.pki.publish import Publisher
from mailcore.pki.responder import Responders
from mailcore.services import Services, opened
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.profiles import Subject
from signing.pki.register import Issued, New
from tests.signing.country import public_octets

DAY_US = 86_400 * 1_000_000


@dataclass
class Station:
    services: Services
    root: Authority
    ministry: Authority
    publisher: Publisher
    answers: Answers
    url: str

    @property
    def authority(self) -> str:
        return self.ministry.key_id

    async def leaf(self) -> Issued:
        """Issue another certificate and note it."""
        key = public_octets(ec.generate_private_key(ec.SECP256R1()))
        subject = Subject("مكتب الضبط", "وزارة", "", ("bureau@interieur.gov.example",))
        now_us = self.services.clock.now_us()
        made = await ca.issue(self.services.signer, self.ministry, "sign", subject, key, now_us, url=self.url)
        return await self.services.db.write(register.add, self.authority, made, New("sign", "k", 7, subject.addresses[0]))

    async def end(self, one: Issued, reason: str = "keyCompromise") -> None:
        await self.services.db.write(register.revoke, self.authority, one.serial, reason)

    async def suspend(self, one: Issued) -> None:
        await self.services.db.write(register.suspend, self.authority, one.serial)

    async def resume(self, one: Issued) -> None:
        await self.services.db.write(register.resume, self.authority, one.serial)


def settings(directory: Path, port: int, url: str, database: str = "sqlite") -> Settings:
    return Settings(
        directory=directory,
        node=Node("mx.gov.example", "postmaster@gov.example"),
        tls=Tls(directory / "tls.pem", directory / "tls.key"),
        database=DatabaseSettings(database),
        listen=Listen(pki=f"127.0.0.1:{port}"),
        smtp=Smtp(),
        imap=Imap(),
        web=Web(),
        queue=Queue(),
        routes=[],
        pki=Pki(url=url),
    )


@contextlib.asynccontextmanager
async def station(directory: Path, clock: Clock, database: str = "sqlite") -> AsyncIterator[Station]:
    """Serve, and publish when told to."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with opened(settings(directory, port, url, database), clock) as services:
        signer, now_us = services.signer, clock.now_us()
        root = await ca.create_root(signer, "الجذر الوطني", now_us, key_id="ca-nation")
        domains = ["interieur.gov.example"]
        ministry = await ca.create_issuing_ca(signer, root, "وزارة", domains, now_us, key_id="ca-interieur.gov.example", url=url)
        await services.db.write(register.add, root.key_id, root.certificate, New("root", root.key_id))
        await services.db.write(register.add, root.key_id, ministry.certificate, New("authority", ministry.key_id))
        responders = Responders(services)
        answers = Answers(services, responders)
        async with role.serving(services, answers):
            yield Station(services, root, ministry, Publisher(services, responders), answers, url)


def loaded(one: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(one)
