"""Issuing: a key in the signer, a certificate of the right authority, and rows that say so, before anybody has it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from config.database import Tx
from directory import acts, address, certificates, domains, orders, organisations, people, posts, resolve, units
from directory.acts.credentials import CertificateAdd
from directory.errors import BadEntry, NotFound
from directory.rights import CONSOLE
from directory.types import AccountKind
from mailcore.pki import authorities
from mailcore.services import Services
from signing.cms import SigningIdentity
from signing.errors import CertificateRefused, KeyExists
from signing.pki import ca, profiles, register
from signing.pki.ca import Authority
from signing.pki.register import Issued, New


@dataclass(frozen=True, slots=True)
class Holder:
    """How certificates of one kind are held by an account: as what the directory offers them, with which key, who must say yes."""

    purpose: str
    key: str = "p256"
    activated: bool = True


HOLDERS = {
    "sign": Holder(certificates.SIGN),
    "post": Holder(certificates.SIGN),
    "encrypt": Holder(certificates.ENCRYPT, "decrypt-rsa3072"),  # RSA: what correspondents' programs of today can write to
    "seal": Holder(certificates.SEAL, activated=False),  # beside a signature that somebody confirmed
}
MACHINE = Holder("", activated=False)
SIGNATORIES: dict[AccountKind, str] = {"person": "sign", "post": "post", "unit": "post"}
MACHINES = {"tsa": authorities.TIMES_KEY, "node": authorities.NODES_KEY}  # kinds that a machine of this node has, and who issues them

_NAMES: dict[AccountKind, Callable[[Tx, int], str]] = {
    "person": lambda tx, account_id: people.find(tx, account_id).name_fr,
    "post": lambda tx, account_id: posts.find(tx, account_id).title_fr,
    "unit": lambda tx, account_id: units.find(tx, account_id).name_fr,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who gets a certificate: an account, under the name and address that the certificate shows. `office` is what its seal is called."""

    account_id: int
    name: str
    organisation: str
    address: str
    kind: AccountKind = "person"
    office: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A new certificate and what it comes from: the one whose place it takes, the order that asked for it (0: none)."""

    authority: Authority
    der: bytes
    new: New
    former: Issued | None = None
    order_id: int = 0


def subject(tx: Tx, written: str) -> Subject:
    """Return who has an address. Raises NotFound, BadAddress."""
    parsed = address.parse(written)
    target = resolve.resolve(tx, parsed)
    if target is None:
        raise NotFound(f"nobody here has the address {written}")
    owner = organisations.find(tx, domains.owner(tx, parsed.domain))
    if target.kind not in _NAMES:
        raise NotFound(f"{written} is a list: only people, posts and units sign")
    name, office = _NAMES[target.kind](tx, target.account_id), units.office(tx, target.account_id)
    return Subject(target.account_id, name, owner.name_fr, target.address, target.kind, office.name_fr if office is not None else "")


def same(tx: Tx, written: str, account_id: int) -> Subject:
    """Return who has an address, as long as it is this account. Raises NotFound, BadAddress, BadEntry when it has moved on."""
    holder = subject(tx, written)
    if holder.account_id != account_id:
        raise BadEntry(f"{written} is somebody else's now: order anew what they are to have")
    return holder


def require_fits(kind: str, holder: Subject) -> None:
    """Accept a kind of certificate that this account can have. Raises BadEntry."""
    if kind in SIGNATORIES.values() and kind != SIGNATORIES[holder.kind]:
        raise BadEntry(f"{holder.address} is a {holder.kind}, which signs with a certificate of kind {SIGNATORIES[holder.kind]}")
    if kind == "seal" and not holder.office:
        raise BadEntry(f"{holder.address} is a {holder.kind}: offices have seals, so name the address of a post or of a unit")
    if kind == "client" and holder.kind != "person":
        raise BadEntry(f"{holder.address} is a {holder.kind}, and only people sign in: name the person whose card or device it is")


def record(tx: Tx, made: Made) -> Issued:
    """Note a new certificate everywhere at once. Raises CertificateRefused when the former was replaced or the order carried out."""
    if made.former is not None and register.find(tx, made.former.authority, made.former.serial).successor:
        raise CertificateRefused("this certificate was replaced already")
    issued = register.add(tx, made.authority.key_id, made.der, made.new)
    if made.order_id and not orders.done(tx, made.order_id, issued.authority, f"{issued.serial:x}"):
        raise CertificateRefused("this order was carried out already")
    if made.new.account_id and made.new.kind in HOLDERS:
        held = HOLDERS[made.new.kind].purpose
        certificates.add(tx, made.new.account_id, held, made.new.key_id, made.der, made.authority.issued_chain)
    if made.former is not None:
        register.succeed(tx, made.former, issued.serial)
    return issued


async def to_account(services: Services, kind: str, holder: Subject, *, former: Issued | None = None, order_id: int = 0) -> Issued:
    """Make a key for a person, post or unit, certify and record it. `kind` is one of HOLDERS. Raises BadEntry, CertificateRefused."""
    held = HOLDERS[kind]
    require_fits(kind, holder)
    issuer = await authorities.administration(services, holder.organisation, address.parse(holder.address).domain)
    what_for = f"order{order_id}" if order_id else f"{former.serial:x}" if former else services.clock.now_us()
    key_id = f"{held.purpose}-{holder.account_id}-{what_for}"
    public_key = await _key(services, key_id, held)
    who = replace(_named(holder), name=holder.office) if kind == "seal" else _named(holder)
    der = await certify(services, issuer, kind, who, public_key)
    new = New(kind, key_id, holder.account_id, holder.address)
    return await services.db.write(record, Made(issuer, der, new, former, order_id))


async def to_client(services: Services, holder: Subject, public_key: bytes, *, former: Issued | None = None, order_id: int = 0) -> Issued:
    """Certify and record a key of a person's card or device, which signs them in at once. Raises BadEntry.

    Somebody with a powerful role it signs in only when two persons have approved that.
    """
    require_fits("client", holder)
    issuer = await authorities.own(services, authorities.CLIENT_KEY)
    der = await certify(services, issuer, "client", _named(holder), public_key)
    made = Made(issuer, der, New("client", "", holder.account_id, holder.address), former, order_id)
    issued = await services.db.write(record, made)
    await services.db.write(acts.perform, CONSOLE, CertificateAdd(holder.account_id, der, "diwan cert"))
    return issued


async def to_host(
    services: Services, hosts: Sequence[str], public_key: bytes, *, former: Issued | None = None, order_id: int = 0
) -> Issued:
    """Certify and record the TLS key of another machine. Raises BadEntry."""
    issuer = await authorities.own(services, authorities.TLS_KEY)
    der = await certify(services, issuer, "tls", profiles.Subject(hosts[0], hosts=tuple(hosts)), public_key)
    return await services.db.write(record, Made(issuer, der, New("tls", "", address=" ".join(hosts)), former, order_id))


async def identity(services: Services, kind: str, name: str) -> SigningIdentity:
    """Return a machine of this node that signs by itself, made at first need: `tsa` or `node`. `name` is that of its key.

    Raises SignerUnavailable, NoSuchCertificate when the node has no root.
    """
    try:
        kept = authorities.kept(services.settings.keys, name)
    except FileNotFoundError:
        issuer = await authorities.own(services, MACHINES[kind])
        await to_machine(services, issuer, kind, name)
        kept = authorities.kept(services.settings.keys, name)
    return SigningIdentity(name, kept.certificate, kept.chain)


async def to_machine(
    services: Services, issuer: Authority, kind: str, name: str, former: Issued | None = None, order_id: int = 0
) -> Issued:
    """Certify the key of a machine of this node, made when there is none; record and keep the certificate."""
    public_key = await _key(services, name, MACHINE)
    settings = services.settings
    who = profiles.Subject(settings.node.hostname)
    if kind == "node":
        who = replace(who, addresses=(settings.node.postmaster,), hosts=(settings.node.hostname,))
    der = await certify(services, issuer, kind, who, public_key)
    issued = await services.db.write(record, Made(issuer, der, New(kind, name, address=settings.node.hostname), former, order_id))
    authorities.keep(settings.keys, Authority(name, der, issuer.issued_chain))
    return issued


async def certify(services: Services, issuer: Authority, kind: str, who: profiles.Subject, public_key: bytes) -> bytes:
    """Return a certificate as the settings want it, DER. Raises BadEntry for a name or a key that none can be made for."""
    settings = services.settings
    where, policy, now_us = settings.pki_url, settings.pki.policy, services.clock.now_us()
    try:
        who = replace(who, country=settings.pki.country)
        return await ca.issue(services.signer, issuer, kind, who, public_key, now_us, url=where, policy=policy)
    except (ValueError, TypeError) as error:  # of an address that is not ASCII, of a key that is none
        raise BadEntry(f"no certificate of kind {kind} can be made for {who.name}: {error}") from error


async def _key(services: Services, name: str, held: Holder) -> bytes:
    try:
        return await services.signer.generate(name, held.key, activated=held.activated)
    except KeyExists:  # made for the same before a crash, or to be certified anew
        return await services.signer.public(name)


def _named(holder: Subject) -> profiles.Subject:
    return profiles.Subject(holder.name, holder.organisation, "", (holder.address,))
