"""The authorities of this node: keys in the signer, certificates as PEM below the keys directory and in the register. RFC 5280 §6.1.

Their files are for those who issue, who need them before there is a row; the register is for everybody else.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.settings import Settings
from mailcore.services import ROOTS, Services
from signing.errors import NoSuchCertificate
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.register import New
from signing.vault import replace

AUTHORITIES = "authorities"  # below the keys directory: each authority's certificate and chain, PEM, named by its key
ROOT_KEY, TLS_KEY, CLIENT_KEY, TIMES_KEY, NODES_KEY = "ca-root", "ca-tls", "ca-client", "ca-times", "ca-nodes"
PURPOSES = {TLS_KEY: "tls", CLIENT_KEY: "client", TIMES_KEY: "tsa", NODES_KEY: "node"}


async def make_root(services: Services, name: str) -> Authority:
    """Make the root of this node, which it trusts from then on. Raises KeyExists."""
    settings = services.settings
    root = await ca.create_root(services.signer, name, services.clock.now_us(), key_id=ROOT_KEY, country=settings.pki.country)
    await services.db.write(register.add, root.key_id, root.certificate, New("root", root.key_id))
    replace(settings.keys / ROOTS, ca.pem(root.certificate))
    keep(settings.keys, root)
    return root


async def administration(services: Services, organisation: str, domain: str) -> Authority:
    """Return the issuing authority of an administration, making it at first need. It serves addresses in `domain` only."""
    return await _below_root(services, f"ca-{domain}", organisation, [domain], "smime")


async def own(services: Services, key_id: str, name: str = "") -> Authority:
    """Return the authority of this node for one purpose, one of PURPOSES, making it at first need: under the machine's name or another."""
    return await _below_root(services, key_id, name or services.settings.node.hostname, (), PURPOSES[key_id])


def find(settings: Settings, key_id: str) -> Authority:
    """Return an authority of this node. Raises NoSuchCertificate when it has none of this name."""
    try:
        return kept(settings.keys, key_id)
    except FileNotFoundError:
        raise NoSuchCertificate(f"this node has no authority {key_id}: its root or its issuer is kept elsewhere") from None


def every(keys: Path) -> Iterator[Authority]:
    """Yield all of whom a certificate is kept: authorities, roots first, and machines that are certified by name."""
    found = [kept(keys, path.stem) for path in sorted((keys / AUTHORITIES).glob("*.pem"))]
    yield from sorted(found, key=lambda one: len(one.issued_chain))


def listeners(settings: Settings) -> bytes | None:
    """Return the certificate that listeners show, DER; None when it cannot be read, which `diwan doctor` tells of."""
    try:
        return x509.load_pem_x509_certificates(settings.tls.certificate.read_bytes())[0].public_bytes(Encoding.DER)
    except (OSError, ValueError):
        return None


def kept(keys: Path, key_id: str) -> Authority:
    """Return what was kept under the name of a key. Raises FileNotFoundError."""
    certificate, *chain = x509.load_pem_x509_certificates(_path(keys, key_id).read_bytes())
    return Authority(key_id, certificate.public_bytes(Encoding.DER), tuple(one.public_bytes(Encoding.DER) for one in chain))


def keep(keys: Path, authority: Authority) -> None:
    """Write an authority's certificate and chain, durable on return."""
    path = _path(keys, authority.key_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace(path, ca.pem(authority.certificate, *authority.chain))


async def _below_root(services: Services, key_id: str, organisation: str, domains: Sequence[str], purpose: str) -> Authority:
    async with services.parts.get(_Making, _Making).lock:
        try:
            return kept(services.settings.keys, key_id)
        except FileNotFoundError:
            return await _made(services, key_id, organisation, domains, purpose)


class _Making:
    """One authority is made at a time: two first certificates of an administration need the same."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()


async def _made(services: Services, key_id: str, organisation: str, domains: Sequence[str], purpose: str) -> Authority:
    settings, root = services.settings, find(services.settings, ROOT_KEY)
    made = await ca.create_issuing_ca(
        services.signer,
        root,
        organisation,
        domains,
        services.clock.now_us(),
        key_id=key_id,
        purpose=purpose,
        country=settings.pki.country,
        url=settings.pki_url,
    )
    await services.db.write(register.add, root.key_id, made.certificate, New("authority", key_id, address=" ".join(domains)))
    keep(settings.keys, made)
    return made


def _path(keys: Path, key_id: str) -> Path:
    return keys / AUTHORITIES / f"{key_id}.pem"
