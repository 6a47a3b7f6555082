"""What was issued before there was a register: read once from the files and rows of this node, so that it can be revoked too."""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from config.database import Tx
from directory.certificates import SIGN
from mailcore.pki import authorities
from mailcore.services import Services
from signing.certificate import key_identifier, outline, value
from signing.pki import register
from signing.pki.ca import Authority
from signing.pki.register import New

PAGE = 500
_KINDS = {ExtendedKeyUsageOID.TIME_STAMPING: "tsa", ExtendedKeyUsageOID.OCSP_SIGNING: "ocsp", ExtendedKeyUsageOID.EMAIL_PROTECTION: "node"}
_OFFERED = """
    SELECT c.certificate_id, c.account_id, c.purpose, c.key_id, c.der, COALESCE(c.revoked_us, 0),
        EXISTS (SELECT 1 FROM person p WHERE p.person_id = c.account_id)
    FROM certificate c WHERE c.certificate_id > :after ORDER BY c.certificate_id LIMIT :most
"""
_CARDS = """
    SELECT c.sha256, c.person_id, c.der, COALESCE(c.revoked_us, 0) FROM client_certificate c
    WHERE c.sha256 > :after ORDER BY c.sha256 LIMIT :most
"""

Issuers = dict[bytes, str]  # the key identifier of each authority of this node (RFC 5280 §4.2.1.2): its key in the signer


async def adopt(services: Services) -> int:
    """Enter in the register what is not in it; return how much that was. Does nothing where it has all authorities of this node."""
    settings = services.settings
    found = list(authorities.every(settings.keys))
    known = {one.der for one in await services.db.read(register.authorities)}
    if all(one.certificate in known for one in found if _is_authority(one.certificate)):
        return 0
    issuers = {_identifier(one.certificate): one.key_id for one in found if _is_authority(one.certificate)}
    count = 0
    for page in (_offered, _cards):
        after: Any = None
        while (read := await services.db.write(page, issuers, after)) is not None:
            after, added = read
            count += added
    return count + await services.db.write(_machines, found, issuers, authorities.listeners(settings))


def _offered(tx: Tx, issuers: Issuers, after: int | None) -> tuple[Any, int] | None:
    """Enter a page of what the directory offers of its accounts; return where the next begins and how many were entered."""
    rows = tx.rows(_OFFERED, after=after or 0, most=PAGE)
    added = 0
    for _, account_id, purpose, key_id, octets, ended_us, is_person in rows:
        kind = purpose if purpose != SIGN or is_person else "post"
        added += _enter(tx, bytes(octets), New(kind, key_id, account_id, _address(bytes(octets))), issuers, ended_us)
    return (rows[-1][0], added) if rows else None


def _cards(tx: Tx, issuers: Issuers, after: bytes | None) -> tuple[Any, int] | None:
    """Enter a page of what signs people in."""
    rows = tx.rows(_CARDS, after=after or b"", most=PAGE)
    added = 0
    for _, person_id, octets, ended_us in rows:
        added += _enter(tx, bytes(octets), New("client", "", person_id, _address(bytes(octets))), issuers, ended_us)
    return (bytes(rows[-1][0]), added) if rows else None


def _machines(tx: Tx, found: Sequence[Authority], issuers: Issuers, listeners: bytes | None) -> int:
    """Enter authorities and machines, roots among them: that all of it is done is seen by these."""
    known = [(one.certificate, New(_kind(one.certificate), one.key_id)) for one in found]
    if listeners is not None:
        known.append((listeners, New("tls", "", address=" ".join(_names(listeners)))))
    return sum(_enter(tx, octets, new, issuers) for octets, new in known)


def _enter(tx: Tx, octets: bytes, new: New, issuers: Issuers, ended_us: int = 0) -> bool:
    """Enter one, when one of our authorities issued it; one that was shut out before is revoked."""
    issuer = issuers.get(_issuer(octets))
    if issuer is None:
        return False
    issued = register.add(tx, issuer, octets, new)
    if ended_us and issued.state == "good":
        register.revoke(tx, issuer, issued.serial)
    return True


def _is_authority(octets: bytes) -> bool:
    basic = value(x509.load_der_x509_certificate(octets), x509.BasicConstraints)
    return basic is not None and basic.ca


def _kind(octets: bytes) -> str:
    if _is_authority(octets):
        fields = outline(octets)
        return "root" if fields.issuer == fields.subject else "authority"
    uses = x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return next(kind for use, kind in _KINDS.items() if use in uses)


def _identifier(octets: bytes) -> bytes:
    return key_identifier(x509.load_der_x509_certificate(octets))


def _issuer(octets: bytes) -> bytes:
    """Return by what a certificate names the key of its issuer; its own where it names none, as roots do."""
    named = value(x509.load_der_x509_certificate(octets), x509.AuthorityKeyIdentifier)
    return _identifier(octets) if named is None else named.key_identifier or b""


def _names(octets: bytes) -> list[str]:
    names = x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _address(octets: bytes) -> str:
    return _names(octets)[0]
