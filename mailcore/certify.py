"""Certificates for those who sign: the authorities of a node, and the keys and certificates of posts and people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.database import Tx
from directory import acts, address, certificates, credentials, domains, organisations, people, posts, resolve, units
from directory.acts.credentials import CertificateAdd
from directory.errors import NotFound
from directory.rights import CONSOLE
from directory.types import AccountKind
from mailcore.services import ROOTS, Services
from signing.cms import SigningIdentity
from signing.errors import KeyExists
from signing.pki import ca
from signing.pki.ca import Authority
from signing.vault import replace

AUTHORITIES = "authorities"  # below the keys directory: each authority's certificate and chain, PEM, named by its key
ROOT_KEY, TLS_KEY, CLIENT_KEY, TIMES_KEY = "ca-root", "ca-tls", "ca-client", "ca-times"
CLOCK_KEY = "tsa"
SIGN = "sign"

_NAMES: dict[AccountKind, Callable[[Tx, int], str]] = {
    "person": lambda tx, account_id: people.find(tx, account_id).name_fr,
    "post": lambda tx, account_id: posts.find(tx, account_id).title_fr,
    "unit": lambda tx, account_id: units.find(tx, account_id).name_fr,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who gets a certificate: an account, under the name and address that the certificate shows."""

    account_id: int
    name: str
    organisation: str
    address: str


async def found(services: Services, name: str, hosts: Sequence[str]) -> None:
    """Make a node's root, the authority for its listeners and their certificate, and its authority of time. Raises KeyExists."""
    now_us = services.clock.now_us()
    root = await ca.create_root(services.signer, name, now_us, key_id=ROOT_KEY)
    replace(services.settings.keys / ROOTS, ca.pem(root.certificate))
    _keep(services.settings.keys, root)
    tls = await ca.create_issuing_ca(services.signer, root, name, (), now_us, key_id=TLS_KEY, purpose="tls")
    _keep(services.settings.keys, tls)
    certificate, key = services.settings.tls.certificate, services.settings.tls.key
    await ca.write_tls(services.signer, tls, hosts, certificate, key, now_us=now_us)
    await clock(services)


async def authority(services: Services, organisation: str, domain: str) -> Authority:
    """Return the issuing authority of an administration, making it at first need. It serves addresses in `domain` only."""
    key_id = f"ca-{domain}"
    try:
        return _kept(services.settings.keys, key_id)
    except FileNotFoundError:
        root = _kept(services.settings.keys, ROOT_KEY)
    made = await ca.create_issuing_ca(services.signer, root, organisation, [domain], services.clock.now_us(), key_id=key_id)
    _keep(services.settings.keys, made)
    return made


async def certify_address(services: Services, written: str) -> None:
    """Certify the person or post that has this address. Raises NotFound when nobody here has it."""
    subject = await services.db.read(_subject, written)
    issuer = await authority(services, subject.organisation, address.parse(subject.address).domain)
    await certify(services, issuer, subject)


async def certify(services: Services, issuer: Authority, subject: Subject) -> None:
    """Make a signing key that signs only what its user confirmed, and its certificate, and record it."""
    now_us = services.clock.now_us()
    key_id = f"{SIGN}-{subject.account_id}-{now_us}"
    public_key = await services.signer.generate(key_id, "p256", activated=True)
    certificate = await ca.issue_smime(
        services.signer,
        issuer,
        public_key,
        name=subject.name,
        organisation=subject.organisation,
        address=subject.address,
        now_us=now_us,
    )
    await services.db.write(certificates.add, subject.account_id, SIGN, key_id, certificate, issuer.issued_chain)


async def certify_client(services: Services, written: str, public_key: bytes, label: str) -> bytes:
    """Certify a key of a person's card or device and return the certificate, DER. Raises BadEntry, NotFound.

    It signs them in at once; somebody with a powerful role only when two persons have approved the act.

    `public_key` is a SubjectPublicKeyInfo, DER; the private half never comes here.
    """
    subject = await services.db.read(_subject, written)
    await services.db.read(credentials.epoch, subject.account_id)  # a post signs in nobody
    issuer, now_us = await _for(services, CLIENT_KEY, "client"), services.clock.now_us()
    certificate = await ca.issue_client(
        services.signer,
        issuer,
        public_key,
        name=subject.name,
        organisation=subject.organisation,
        address=subject.address,
        now_us=now_us,
    )
    await services.db.write(acts.perform, CONSOLE, CertificateAdd(subject.account_id, certificate, label))
    return certificate


async def clock(services: Services) -> SigningIdentity:
    """Return who stamps signatures with the time of this node, made at first need. Raises SignerUnavailable."""
    keys, now_us = services.settings.keys, services.clock.now_us()
    try:
        kept = _kept(keys, CLOCK_KEY)
    except FileNotFoundError:
        times = await _for(services, TIMES_KEY, "tsa")
        try:
            public_key = await services.signer.generate(CLOCK_KEY, "p256")
        except KeyExists:  # made before a crash, and not certified
            public_key = await services.signer.public(CLOCK_KEY)
        certificate = await ca.issue_tsa(services.signer, times, public_key, services.settings.node.hostname, now_us=now_us)
        kept = Authority(CLOCK_KEY, certificate, times.issued_chain)
        _keep(keys, kept)
    return SigningIdentity(CLOCK_KEY, kept.certificate, kept.chain)


async def _for(services: Services, key_id: str, purpose: str) -> Authority:
    """Return the authority of this node for one purpose, making it at first need."""
    try:
        return _kept(services.settings.keys, key_id)
    except FileNotFoundError:
        root = _kept(services.settings.keys, ROOT_KEY)
    name = services.settings.node.hostname
    made = await ca.create_issuing_ca(services.signer, root, name, (), services.clock.now_us(), key_id=key_id, purpose=purpose)
    _keep(services.settings.keys, made)
    return made


def _subject(tx: Tx, written: str) -> Subject:
    parsed = address.parse(written)
    target = resolve.resolve(tx, parsed)
    if target is None:
        raise NotFound(f"nobody here has the address {written}")
    owner = organisations.find(tx, domains.owner(tx, parsed.domain))
    if target.kind not in _NAMES:
        raise NotFound(f"{written} is a list: only people, posts and units sign")
    return Subject(target.account_id, _NAMES[target.kind](tx, target.account_id), owner.name_fr, target.address)


def _path(keys: Path, key_id: str) -> Path:
    return keys / AUTHORITIES / f"{key_id}.pem"


def _keep(keys: Path, authority: Authority) -> None:
    path = _path(keys, authority.key_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace(path, ca.pem(authority.certificate, *authority.chain))


def _kept(keys: Path, key_id: str) -> Authority:
    certificate, *chain = x509.load_pem_x509_certificates(_path(keys, key_id).read_bytes())
    return Authority(key_id, certificate.public_bytes(Encoding.DER), tuple(c.public_bytes(Encoding.DER) for c in chain))
