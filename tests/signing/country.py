"""A country with real certificates: CA keys in a real signer, holders' keys here so that pure tests can sign."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from signing import cms, smime, timestamp
from signing.activation import activation
from signing.algorithms import SHA256
from signing.cms import SigningIdentity
from signing.keys import Signer
from signing.pki import ca
from signing.pki.ca import Authority
from signing.pki.profiles import Subject
from signing.process import running

NOW_US = time.time_ns() // 1_000_000_000 * 1_000_000  # foreign programs judge by the machine's clock
DAY_US = 86_400 * 1_000_000
ADDRESS = "bureau.ordre@interieur.gov.example"
ORGANISATION = "وزارة الداخلية"
NAME = "مكتب الضبط"
HOSTS = ("mail.gov.example", "127.0.0.1")
TEXT = "السيد الوزير المحترم،"
HEAD = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
ENTITY = HEAD + base64.b64encode(TEXT.encode()) + b"\r\n"
CHANGED = HEAD + base64.b64encode(TEXT.replace("الوزير", "المدير").encode()) + b"\r\n"


@dataclass(frozen=True)
class Holder:
    """Somebody with a certificate whose private key a test may use directly."""

    key: ec.EllipticCurvePrivateKey
    identity: SigningIdentity

    def sign(self, entity: bytes = ENTITY, when_us: int = NOW_US, clock: "Holder | None" = None) -> bytes:
        """Sign an entity; with the key of a time stamp authority, stamp the signature too."""
        to_sign = smime.prepare(entity, self.identity, when_us)
        signature = self.raw(to_sign.digest)
        return cms.finish(to_sign, signature, timestamp=clock.stamp(signature, when_us) if clock is not None else b"")

    def stamp(self, octets: bytes, when_us: int = NOW_US, nonce: int = 1, serial: int = 1) -> bytes:
        """Return a token over octets."""
        asked = timestamp.read_request(timestamp.request(SHA256, hashlib.sha256(octets).digest(), nonce))
        info = timestamp.info(asked, serial, when_us)
        to_sign = timestamp.prepare(info, self.identity, when_us)
        return timestamp.finish(to_sign, self.raw(to_sign.digest), info, asked)

    def raw(self, digest: bytes) -> bytes:
        """Return the signature of a digest."""
        method = hashes.SHA256() if len(digest) == 32 else hashes.SHA384()
        return self.key.sign(digest, ec.ECDSA(utils.Prehashed(method)))

    def pem(self) -> bytes:
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, plain)


@dataclass(frozen=True)
class Country:
    root: Authority
    ministry: Authority
    tls: Authority
    clerk: Holder
    judge_p384: Holder
    stranger: Holder  # an address that the ministry may not certify
    server: Holder  # a TLS certificate
    retired: Holder  # a certificate that ran out long ago
    foreign_root: Authority
    foreigner: Holder
    clock: Holder  # a time stamp authority


def public_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


async def holder(
    signer: Signer, authority: Authority, address: str = ADDRESS, *, now_us: int = NOW_US, curve: ec.EllipticCurve | None = None
) -> Holder:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = Subject(NAME, ORGANISATION, addresses=(address,))
    certificate = await ca.issue(signer, authority, "sign", subject, public_octets(key), now_us)
    return Holder(key, SigningIdentity("", certificate, authority.issued_chain))


async def found(directory: Path) -> Country:
    async with running(directory) as signer:
        root = await ca.create_root(signer, "الجذر الوطني", NOW_US - 2000 * DAY_US)
        domains = ["interieur.gov.example"]
        then = NOW_US - 1500 * DAY_US
        ministry = await ca.create_issuing_ca(signer, root, ORGANISATION, domains, then, key_id="ca-interieur")
        tls = await ca.create_issuing_ca(signer, root, "Nodes", [], then, key_id="ca-tls", purpose="tls")
        foreign_root = await ca.create_root(signer, "Elsewhere", then, key_id="ca-elsewhere")
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = await ca.issue(signer, tls, "tls", Subject(HOSTS[0], hosts=HOSTS), public_octets(server_key), NOW_US)
        times = await ca.create_issuing_ca(signer, root, "Clocks", [], then, key_id="ca-times", purpose="tsa")
        clock_key = ec.generate_private_key(ec.SECP256R1())
        clock = await ca.issue(signer, times, "tsa", Subject("Horloge"), public_octets(clock_key), NOW_US)
        return Country(
            root=root,
            ministry=ministry,
            tls=tls,
            clerk=await holder(signer, ministry),
            judge_p384=await holder(signer, ministry, curve=ec.SECP384R1()),
            stranger=await holder(signer, ministry, "clerk@finances.gov.example"),
            server=Holder(server_key, SigningIdentity("", server, tls.issued_chain)),
            retired=await holder(signer, ministry, now_us=NOW_US - 1000 * DAY_US),
            foreign_root=foreign_root,
            foreigner=await holder(signer, foreign_root),
            clock=Holder(clock_key, SigningIdentity("", clock, times.issued_chain)),
        )


def token(directory: Path, key_id: str, digest: bytes, purpose: str = "sign", lasts_s: int = 60) -> bytes:
    """Return an activation as the sign-in role of the node in `directory` makes it."""
    secret = (directory / "keys" / "activation.key").read_bytes()
    expires_us = time.time_ns() // 1000 + lasts_s * 1_000_000
    return activation(secret, key_id, digest, purpose, expires_us, secrets.token_bytes(16))
