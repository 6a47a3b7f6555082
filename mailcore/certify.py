"""Certificates for those who sign: what a new node is founded with, and the keys of posts, people and machines."""

from collections.abc import Sequence

from mailcore.pki import authorities, issue
from mailcore.pki.issue import SIGNATORIES, subject
from mailcore.services import Services
from signing.cms import SigningIdentity
from signing.pki import ca, register
from signing.pki.register import New

CLOCK_KEY, SEAL_KEY = "tsa", "node-seal"


async def found(services: Services, name: str, hosts: Sequence[str]) -> None:
    """Make a node's root, the authority for its listeners and their certificate, and its authority of time. Raises KeyExists."""
    await authorities.make_root(services, name)
    tls = await authorities.own(services, authorities.TLS_KEY, name)
    files, now_us, where = services.settings.tls, services.clock.now_us(), services.settings.pki_url
    der = await ca.write_tls(services.signer, tls, hosts, files.certificate, files.key, now_us=now_us, url=where)
    await services.db.write(register.add, tls.key_id, der, New("tls", "", address=" ".join(hosts)))
    await clock(services)


async def certify_address(services: Services, written: str) -> None:
    """Certify whoever has this address, for a key that signs only what its user confirmed. Raises NotFound when nobody here has it."""
    holder = await services.db.read(subject, written)
    await issue.to_account(services, SIGNATORIES[holder.kind], holder)


async def seal_of(services: Services, written: str) -> None:
    """Give the office that has this address a seal, set from then on beside each signature in its name. Raises NotFound."""
    await issue.to_account(services, "seal", await services.db.read(subject, written))


async def clock(services: Services) -> SigningIdentity:
    """Return who stamps signatures with the time of this node, made at first need. Raises SignerUnavailable, NoSuchCertificate."""
    return await issue.identity(services, "tsa", CLOCK_KEY)


async def seal(services: Services) -> SigningIdentity:
    """Return who seals the evidence of this node, made at first need. Raises SignerUnavailable, NoSuchCertificate."""
    return await issue.identity(services, "node", SEAL_KEY)
