"""Renewal before the end. Whoever signs with a key that is here gets another key; machines keep theirs, because others know them by it.

The keys of cards and of other hosts are not here: their certificates are renewed when somebody asks for it.
"""

from collections.abc import Awaitable, Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.clock import DAY_US
from config.errors import MailError
from config.log import log
from mailcore.pki import authorities, issue
from mailcore.pki.issue import HOLDERS, MACHINES, Made
from mailcore.services import Services
from signing.errors import CertificateRefused
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.register import Issued, New

BY_ITSELF = frozenset({*HOLDERS, *MACHINES, "tls", "authority"})  # responders are looked after where they answer
OTHERWISE = {"root": "every node has to be given another root", "ocsp": "the role `pki` does it by itself"}


async def renew(services: Services, former: Issued, *, order_id: int = 0) -> Issued:
    """Issue another certificate in the place of one; return it. Raises CertificateRefused, BadEntry, NotFound, SignerUnavailable."""
    if former.state != "good":
        what_to_do = "resume it, or request another" if former.state == "suspended" else "request another"
        raise CertificateRefused(f"this certificate is {former.state}: {what_to_do}")
    if former.successor:
        raise CertificateRefused(f"this certificate was replaced already, by {former.successor:x}")
    if former.kind not in RENEWALS:
        raise CertificateRefused(f"a certificate of kind {former.kind} is not renewed like this: {OTHERWISE[former.kind]}")
    return await RENEWALS[former.kind](services, former, order_id)


async def due(services: Services) -> list[Issued]:
    """Return what is to be renewed now without being asked."""
    days = services.settings.pki.renew_days
    found = await services.db.read(register.expiring, services.clock.now_us() + days * DAY_US) if days else []
    return [one for one in found if one.state == "good" and one.kind in BY_ITSELF and _is_here(services, one)]


async def renew_due(services: Services) -> dict[str, int]:
    """Renew what is due; return how many were and were not. One that cannot be renewed does not hinder the others."""
    done = failed = 0
    for former in await due(services):
        try:
            made = await renew(services, former)
            log.info("pki.renewed", kind=former.kind, address=former.address, serial=f"{made.serial:x}", former=f"{former.serial:x}")
            done += 1
        except (MailError, OSError) as error:  # OSError: no room for a file, or one that another program holds
            log.error("pki.not_renewed", kind=former.kind, address=former.address, serial=f"{former.serial:x}", said=str(error))
            failed += 1
    return {"renewed": done, "not_renewed": failed}


def _is_here(services: Services, one: Issued) -> bool:
    """Say whether the key of a certificate, or of its issuer, is of this node: tables may be shared, files are not."""
    try:
        authorities.find(services.settings, one.authority)
    except MailError:
        return False
    return one.kind != "tls" or _is_of_listeners(services, one)


def _is_of_listeners(services: Services, one: Issued) -> bool:
    return authorities.listeners(services.settings) == one.der


async def _of_account(services: Services, former: Issued, order_id: int) -> Issued:
    holder = await services.db.read(issue.same, former.address, former.account_id)
    return await issue.to_account(services, former.kind, holder, former=former, order_id=order_id)


async def _of_client(services: Services, former: Issued, order_id: int) -> Issued:
    holder = await services.db.read(issue.same, former.address, former.account_id)
    return await issue.to_client(services, holder, _public(former), former=former, order_id=order_id)


async def _of_host(services: Services, former: Issued, order_id: int) -> Issued:
    """The listeners' file is replaced at once, key and all else as they were; listeners see it by themselves."""
    hosts = former.address.split()
    if not _is_of_listeners(services, former):
        return await issue.to_host(services, hosts, _public(former), former=former, order_id=order_id)
    issuer, files = authorities.find(services.settings, former.authority), services.settings.tls
    now_us, where = services.clock.now_us(), services.settings.pki_url
    der = await ca.certify_tls(services.signer, issuer, hosts, files.certificate, files.key, now_us=now_us, url=where)
    return await services.db.write(issue.record, Made(issuer, der, New("tls", "", address=former.address), former, order_id))


async def _of_machine(services: Services, former: Issued, order_id: int) -> Issued:
    issuer = authorities.find(services.settings, former.authority)
    return await issue.to_machine(services, issuer, former.kind, former.key_id, former, order_id)


async def _of_authority(services: Services, former: Issued, order_id: int) -> Issued:
    """The same key under the same name: what was issued before goes on being good below either certificate."""
    settings, now_us = services.settings, services.clock.now_us()
    root, own = authorities.find(settings, former.authority), authorities.find(settings, former.key_id)
    der = await ca.certify_again(services.signer, root, own, now_us, url=settings.pki_url)
    made = Made(root, der, New("authority", former.key_id, address=former.address), former, order_id)
    issued = await services.db.write(issue.record, made)
    authorities.keep(settings.keys, Authority(own.key_id, der, own.chain))
    return issued


def _public(one: Issued) -> bytes:
    key = x509.load_der_x509_certificate(one.der).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RENEWALS: dict[str, Callable[[Services, Issued, int], Awaitable[Issued]]] = {
    **dict.fromkeys(HOLDERS, _of_account),
    **dict.fromkeys(MACHINES, _of_machine),
    "client": _of_client,
    "tls": _of_host,
    "authority": _of_authority,
}
