"""Certificates for those who sign: what a new node is founded with, and the keys of posts, people and machines."""

from collections.abc import Sequence

from directory import acts, credentials
from directory.acts.credentials import CertificateAdd
from directory.rights import CONSOLE
from mailcore.pki import authorities, issue
from mailcore.pki.issue import SIGNATORIES, Subject, subject
from mailcore.services import Services
from signing.cms import SigningIdentity
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.register import New

CLOCK_KEY, SEAL_KEY = "tsa", "node-seal"
SIGN = issue.SIGN


async def found(services: Services, name: str, hosts: Sequence[str]) -> None:
    """Make a node's root, the authority for its listeners and their certificate, and its authority of time. Raises KeyExists."""
    await authorities.make_root(services, name)
    tls = await authorities.make_own(services, authorities.TLS_KEY, name)
    files, now_us, where = services.settings.tls, services.clock.now_us(), authorities.url(services.settings)
    der = await ca.write_tls(services.signer, tls, hosts, files.certificate, files.key, now_us=now_us, url=where)
    await services.db.write(register.add, tls.key_id, der, New("tls", "", address=" ".join(hosts)))
    await clock(services)


async def authority(services: Services, organisation: str, domain: str) -> Authority:
    """Return the issuing authority of an administration, making it at first need. It serves addresses in `domain` only."""
    return await authorities.administration(services, organisation, domain)


async def certify_address(services: Services, written: str) -> None:
    """Certify the person or post that has this address. Raises NotFound when nobody here has it."""
    holder = await services.db.read(subject, written)
    await issue.to_account(services, SIGNATORIES[holder.kind], holder)


async def seal_of(services: Services, written: str) -> None:
    """Give the office that has this address a seal, set from then on beside each signature in its name. Raises NotFound."""
    await issue.to_account(services, "seal", await services.db.read(subject, written))


async def certify(services: Services, issuer: Authority, holder: Subject) -> None:
    """Make a signing key that signs only what its user confirmed, and its certificate, and record it."""
    await issue.to_account(services, SIGNATORIES[holder.kind], holder, issuer)


async def certify_client(services: Services, written: str, public_key: bytes, label: str) -> bytes:
    """Certify a key of a person's card or device and return the certificate, DER. Raises BadEntry, NotFound.

    It signs them in at once; somebody with a powerful role only when two persons have approved the act.

    `public_key` is a SubjectPublicKeyInfo, DER; the private half never comes here.
    """
    holder = await services.db.read(subject, written)
    await services.db.read(credentials.epoch, holder.account_id)  # a post signs in nobody
    issued = await issue.to_client(services, holder, public_key)
    await services.db.write(acts.perform, CONSOLE, CertificateAdd(holder.account_id, issued.der, label))
    return issued.der


async def clock(services: Services) -> SigningIdentity:
    """Return who stamps signatures with the time of this node, made at first need. Raises SignerUnavailable, NoSuchCertificate."""
    return await issue.identity(services, "tsa", CLOCK_KEY)


async def seal(services: Services) -> SigningIdentity:
    """Return who seals the evidence of this node, made at first need. Raises SignerUnavailable, NoSuchCertificate."""
    return await issue.identity(services, "node", SEAL_KEY)
