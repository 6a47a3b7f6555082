"""What each kind of certificate contains, pure: RFC 5280, RFC 8550 (mail), CA/Browser Forum baseline requirements.

Serial numbers, keys and times come in; the result is a builder that `signing.pki.ca` has signed.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.certificate import key_kind

ROOT_DAYS, ISSUING_DAYS = 7305, 3652
SMIME_DAYS = 730  # the forum's S/MIME requirements §6.3.2 allow 825
TSA_DAYS = 3652  # a token is believed as long as its authority's certificate, so that it lasts beyond those of the people whom it serves
CLIENT_DAYS = 730  # as a card of the state is good for; revoked in the directory at once
TLS_DAYS = 397  # the forum's TLS requirements §6.3.2
BACKDATED = timedelta(hours=1)  # clocks that are slow must not find a new certificate not yet valid
MAX_NAME_CHARACTERS = 64  # RFC 5280 appendix A: ub-common-name, ub-organization-name

PURPOSES = {
    "smime": [ExtendedKeyUsageOID.EMAIL_PROTECTION],
    "tls": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],  # a node shows its certificate to other nodes too
    "client": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "tsa": [ExtendedKeyUsageOID.TIME_STAMPING],
}
ALONE = frozenset({"tsa"})  # RFC 3161 §2.3: the one use of the key, marked critical


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs: name and key identifier as they stand in the issuer's certificate, and until when it is valid."""

    name: x509.Name
    key_identifier: x509.SubjectKeyIdentifier
    not_after: datetime


def issuer(certificate: bytes) -> Issuer:
    """Return what a CA certificate (DER) hands down to those it signs."""
    loaded = x509.load_der_x509_certificate(certificate)
    identifier = loaded.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return Issuer(loaded.subject, identifier, loaded.not_valid_after_utc)


def root(name: str, country: str, public_key: bytes, serial: int, now_us: int) -> x509.CertificateBuilder:
    """Return a root's profile: its own issuer, any path below it."""
    subject = _name(country=country, common_name=name)
    builder = _begin(subject, public_key, serial).issuer_name(subject)
    builder = _valid(builder, now_us, ROOT_DAYS, None)
    return _authority(builder, path_length=None)


def issuing(
    above: Issuer,
    organisation: str,
    country: str,
    domains: Sequence[str],
    purpose: str,
    public_key: bytes,
    serial: int,
    now_us: int,
) -> x509.CertificateBuilder:
    """Return an issuing CA's profile: leaves only, for one purpose, for mail addresses in its domains if any are given.

    Deviates from RFC 5280 §4.2.1.10 (which wants them critical) because gpgsm refuses critical name constraints; the
    forum's requirements allow it.
    """
    kind = {"smime": "S/MIME", "tls": "TLS", "client": "Client", "tsa": "Time"}[purpose]
    subject = _name(country=country, organisation=organisation, common_name=_shortened(f"{organisation} {kind} CA"))
    builder = _valid(_below(_begin(subject, public_key, serial), above), now_us, ISSUING_DAYS, above)
    builder = _authority(builder, path_length=0)
    builder = builder.add_extension(x509.ExtendedKeyUsage(PURPOSES[purpose]), critical=False)
    if domains:
        limits = [x509.RFC822Name(form) for domain in domains for form in (domain, f".{domain}")]
        builder = builder.add_extension(x509.NameConstraints(limits, None), critical=False)
    return builder


def smime(
    above: Issuer,
    name: str,
    organisation: str,
    country: str,
    address: str,
    public_key: bytes,
    serial: int,
    now_us: int,
) -> x509.CertificateBuilder:
    """Return the profile of a person's or a post's signing certificate: one mail address, signing only."""
    subject = _name(country=country, organisation=organisation, common_name=name)
    builder = _valid(_below(_begin(subject, public_key, serial), above), now_us, SMIME_DAYS, above)
    builder = _leaf(builder, _usage(digital_signature=True, content_commitment=True), "smime")
    return builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)


def client(
    above: Issuer, name: str, organisation: str, country: str, address: str, public_key: bytes, serial: int, now_us: int
) -> x509.CertificateBuilder:
    """Return the profile of a person's certificate for signing in: TLS clients only, so that it signs no letter."""
    subject = _name(country=country, organisation=organisation, common_name=name)
    builder = _valid(_below(_begin(subject, public_key, serial), above), now_us, CLIENT_DAYS, above)
    builder = _leaf(builder, _usage(digital_signature=True), "client")
    return builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)


def tls(
    above: Issuer, organisation: str, country: str, hosts: Sequence[str], public_key: bytes, serial: int, now_us: int
) -> x509.CertificateBuilder:
    """Return the profile of a server: host names and IP addresses; the first one is also the common name."""
    subject = _name(country=country, organisation=organisation, common_name=hosts[0])
    builder = _valid(_below(_begin(subject, public_key, serial), above), now_us, TLS_DAYS, above)
    builder = _leaf(builder, _usage(digital_signature=True), "tls")
    return builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)


def tsa(above: Issuer, name: str, organisation: str, country: str, public_key: bytes, serial: int, now_us: int) -> x509.CertificateBuilder:
    """Return the profile of a time stamp authority (RFC 3161 §2.3)."""
    subject = _name(country=country, organisation=organisation, common_name=name)
    builder = _valid(_below(_begin(subject, public_key, serial), above), now_us, TSA_DAYS, above)
    return _leaf(builder, _usage(digital_signature=True, content_commitment=True), "tsa")


def _begin(subject: x509.Name, public_key: bytes, serial: int) -> x509.CertificateBuilder:
    key_kind(public_key)  # refuses what our signer does not make before the builder sees it
    key = load_der_public_key(public_key)
    builder = x509.CertificateBuilder().subject_name(subject).serial_number(serial)
    builder = builder.public_key(key)  # type: ignore[arg-type]
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)  # type: ignore[arg-type]


def _below(builder: x509.CertificateBuilder, above: Issuer) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above.key_identifier)
    return builder.issuer_name(above.name).add_extension(identifier, critical=False)


def _valid(builder: x509.CertificateBuilder, now_us: int, days: int, above: Issuer | None) -> x509.CertificateBuilder:
    """Nobody outlives their issuer: a path whose middle has run out could not be judged."""
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    end = now + timedelta(days=days)
    end = end if above is None else min(end, above.not_after)
    return builder.not_valid_before(now - BACKDATED).not_valid_after(end)


def _authority(builder: x509.CertificateBuilder, path_length: int | None) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)


def _leaf(builder: x509.CertificateBuilder, usage: x509.KeyUsage, purpose: str) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return builder.add_extension(x509.ExtendedKeyUsage(PURPOSES[purpose]), critical=purpose in ALONE)


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(*, country: str, common_name: str, organisation: str = "") -> x509.Name:
    """Return a name in UTF-8: Arabic needs nothing special (RFC 5280 §4.1.2.4)."""
    values = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, _shortened(organisation)),
        (NameOID.COMMON_NAME, _shortened(common_name)),
    )
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in values if value])


def _shortened(text: str) -> str:
    """Return the text in at most 64 octets of UTF-8: `cryptography` counts octets where X.520 counts characters."""
    octets = text.encode()
    if len(octets) <= MAX_NAME_CHARACTERS:
        return text
    return octets[: MAX_NAME_CHARACTERS - 3].decode(errors="ignore").rstrip() + "…"


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
