"""Who can be written to in secret, and how: our own people by their certificates, others by what they signed last. RFC 8551 §2.5.

A correspondent is known by a certificate that was good, for an address that was proven, in a letter whose signature was good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from config.database import Tx
from directory import certificates, resolve
from directory.address import parse
from directory.errors import BadAddress
from mailcore.pki import freshness
from mailcore.services import Services
from signing import capabilities, cms, envelope, genuine, signers
from signing.capabilities import Said
from signing.certificate import outline, value
from signing.cms import SignedData
from signing.der import BadDer
from signing.envelope import Recipient
from signing.pki import path, revocation
from signing.verdict import holds

MODERN = frozenset(capabilities.OURS)  # our own people read here, whatever it is encrypted with
EMAIL_PROTECTION = ExtendedKeyUsageOID.EMAIL_PROTECTION

_FIND = "SELECT certificate, capabilities, issuers FROM correspondent WHERE address = :address AND valid_to_us > :now_us"
_LEARN = """
    INSERT INTO correspondent (address, certificate, issuers, capabilities, valid_to_us, signed_us)
    VALUES (:address, :certificate, :issuers, :capabilities, :valid_to_us, :signed_us)
    ON CONFLICT (address) DO UPDATE SET certificate = excluded.certificate, issuers = excluded.issuers,
        capabilities = excluded.capabilities, valid_to_us = excluded.valid_to_us, signed_us = excluded.signed_us
    WHERE correspondent.signed_us < excluded.signed_us
"""


@dataclass(frozen=True, slots=True)
class Known:
    """The certificate of a correspondent, DER, what their program reads, and the certificates above; () for our own people."""

    certificate: bytes
    capabilities: frozenset[str]
    issuers: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Readers:
    """Whom a letter can be encrypted for, and the addresses of those for whom nothing is known."""

    recipients: tuple[Recipient, ...]
    missing: tuple[str, ...]

    @property
    def cipher(self) -> str:
        """The cipher that all of them read."""
        return envelope.cipher(self.recipients)


async def readers(services: Services, written: Sequence[str]) -> Readers:
    """Return how to encrypt for everybody at these addresses, each certificate once; those that are blocked by now count as unknown."""
    found = await services.db.read(known_of, written)
    now_us = services.clock.now_us()
    for address, known in found.items():
        if known is not None and known.issuers and await _is_blocked(services, known, now_us):
            found[address] = None
    recipients = {one.certificate: envelope.recipient(one.certificate, one.capabilities) for one in found.values() if one is not None}
    return Readers(tuple(recipients.values()), tuple(address for address, one in found.items() if one is None))


async def _is_blocked(services: Services, known: Known, now_us: int) -> bool:
    """Say whether a certificate is known to be revoked or suspended; what cannot be asked now does not keep a letter in clear."""
    material = await freshness.material(services, (known.certificate, *known.issuers))
    return revocation.judge(known.certificate, known.issuers[0], material, now_us).state in ("revoked", "suspended")


def known_of(tx: Tx, written: Sequence[str]) -> dict[str, Known | None]:
    """Return what is known of whoever has each of these addresses."""
    return {address: _known(tx, address) for address in written}


def _known(tx: Tx, written: str) -> Known | None:
    try:
        address = parse(written)
    except BadAddress:
        return None
    if resolve.is_local_domain(tx, address.domain):
        target = resolve.resolve(tx, address)
        if target is None or target.kind == "list":
            return None
        own = certificates.current(tx, target.account_id, certificates.ENCRYPT, tx.now_us)
        return None if own is None else Known(own.der, MODERN)
    return find(tx, str(address))


def find(tx: Tx, address: str) -> Known | None:
    """Return what is known of a correspondent whose certificate has not run out, or None."""
    row = tx.row(_FIND, address=_lowered(address), now_us=tx.now_us)
    return None if row is None else Known(bytes(row[0]), frozenset(row[1].split()), tuple(msgspec.msgpack.decode(row[2], type=list[bytes])))


def learn(tx: Tx, address: str, known: Known, signed_us: int) -> bool:
    """Keep what a correspondent signed at a time, unless something newer is known; return whether it was kept."""
    if resolve.is_local_domain(tx, address.rpartition("@")[2]):
        return False  # what our own directory says
    _, to_us = certificates.validity_us(known.certificate)
    said = " ".join(sorted(known.capabilities))
    issuers = msgspec.msgpack.encode(list(known.issuers))
    facts = {"certificate": known.certificate, "issuers": issuers, "capabilities": said, "valid_to_us": to_us, "signed_us": signed_us}
    return tx.execute(_LEARN, address=_lowered(address), **facts) > 0


def announced(cms_der: bytes, good: Sequence[bytes], address: str, at_us: int) -> Known | None:
    """Return what a signature says of how to write to `address`, which it was good for; None when it says nothing.

    `good` is the path that it rests on, leaf first. The certificate to write to is the one that was signed, else the newest, which the
    same authority issued for the same address and which is in force: the signer's own where the key does both (RFC 8551 §2.5.3).
    """
    try:
        signed = _signed_by(cms_der, good[0])
        said = capabilities.said(signed.signer.signed_octets)
        issuer = x509.load_der_x509_certificate(good[1])
    except (BadDer, IndexError, ValueError):
        return None
    fit = [one for one in genuine.loaded(signed.certificates) if _is_theirs(one, issuer, address, at_us) and _encrypts(one)]
    fit = [one for one in fit if not said.serial or _is_named(one, said)]
    newest = max(fit, key=lambda one: one.not_valid_before_utc, default=None)
    return None if newest is None else Known(newest.public_bytes(Encoding.DER), said.capabilities, tuple(good[1:]))


def _signed_by(cms_der: bytes, leaf: bytes) -> SignedData:
    """Return the signature of one of the signers; raise BadDer when it is not there."""
    for one in signers.split(cms_der).each:
        signed = cms.read(one)
        signer = genuine.leaf(signed)
        if signer is not None and signer.public_bytes(Encoding.DER) == leaf:
            return signed
    raise BadDer("no such signer")


def _is_named(one: x509.Certificate, said: Said) -> bool:
    fields = outline(one.public_bytes(Encoding.DER))
    return (fields.issuer, fields.serial) == (said.issuer, said.serial)


def _is_theirs(one: x509.Certificate, issuer: x509.Certificate, address: str, at_us: int) -> bool:
    from_us, to_us = certificates.validity_us(one.public_bytes(Encoding.DER))
    if not from_us <= at_us < to_us or not holds(one, address):
        return False
    return path.issued(one, issuer)


def _encrypts(one: x509.Certificate) -> bool:
    usage, purposes = value(one, x509.KeyUsage), value(one, x509.ExtendedKeyUsage)
    return (usage is None or usage.key_encipherment or usage.key_agreement) and (purposes is None or EMAIL_PROTECTION in purposes)


def _lowered(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
