"""What each kind of certificate contains, pure: RFC 5280, RFC 8550 (mail), RFC 4262, CA/Browser Forum baseline requirements.

Serial numbers, keys and times come in; the result is a builder that `signing.pki.ca` has signed.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.clock import SECOND_US, utc
from signing import capabilities
from signing.certificate import key_kind
from signing.der import BadDer
from signing.pki.places import Places, extensions

ROOT_DAYS, ISSUING_DAYS = 7305, 3652
SMIME_DAYS = 730  # the forum's S/MIME requirements §6.3.2 allow 825
TSA_DAYS = 3652  # a token is believed as long as its authority's certificate, so that it lasts beyond those of the people whom it serves
CLIENT_DAYS = 730  # as a card of the state is good for; revoked in the directory at once
TLS_DAYS = 397  # the forum's TLS requirements §6.3.2
OCSP_DAYS = 90  # nobody can ask whether a responder is revoked (RFC 6960 §4.2.2.2.1), so it is soon another
BACKDATED = timedelta(hours=1)  # clocks that are slow must not find a new certificate not yet valid
MIN_RSA_KEY = 3072  # BSI TR-02102-1: for what is to be read or checked after 2023
MAX_NAME_CHARACTERS = 64  # RFC 5280 appendix A: ub-common-name, ub-organization-name

SPONSORED, ORGANISATION = "2.23.140.1.5.3.3", "2.23.140.1.5.2.3"  # strict; exactly one reserved policy (S/MIME requirements §7.1.6.1)
ANY_POLICY = "2.5.29.32.0"  # RFC 5280 §4.2.1.4
SMIME_CAPABILITIES = x509.ObjectIdentifier(capabilities.CAPABILITIES)
CIPHERS = (capabilities.AES256_GCM, capabilities.AES256_CBC, "2.16.840.1.101.3.4.1.2")  # and AES-128-CBC


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of certificate is for. `usage` is a key of USAGES; `alone` marks a purpose critical, as the one use of the key."""

    days: int
    usage: str
    purposes: tuple[x509.ObjectIdentifier, ...]
    policy: str = ""
    alone: bool = False

    @property
    def is_mail(self) -> bool:
        """Say whether it stands for an address of mail."""
        return ExtendedKeyUsageOID.EMAIL_PROTECTION in self.purposes


MAIL, CLIENTS = (ExtendedKeyUsageOID.EMAIL_PROTECTION,), (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)  # a node shows its certificate to other nodes too
TIMES, ANSWERS = (ExtendedKeyUsageOID.TIME_STAMPING,), (ExtendedKeyUsageOID.OCSP_SIGNING,)
PROFILES = {
    "sign": Profile(SMIME_DAYS, "commit", MAIL, SPONSORED),  # a person's, for letters
    "encrypt": Profile(SMIME_DAYS, "receive", MAIL, SPONSORED),  # a key of its own: this one may be kept for others to read, that never
    "post": Profile(SMIME_DAYS, "commit", MAIL, ORGANISATION),
    "seal": Profile(SMIME_DAYS, "commit", MAIL, ORGANISATION),  # an office's, beside the signature of whoever signed
    "node": Profile(SMIME_DAYS, "commit", MAIL, ORGANISATION),  # the seal of a machine under its evidence
    "client": Profile(CLIENT_DAYS, "sign", CLIENTS),
    "tls": Profile(TLS_DAYS, "sign", SERVERS),
    "tsa": Profile(TSA_DAYS, "commit", TIMES, alone=True),  # RFC 3161 §2.3
    "ocsp": Profile(OCSP_DAYS, "sign", ANSWERS),
}
USAGES = {
    "sign": ("digital_signature",),
    "commit": ("digital_signature", "content_commitment"),
    "agree": ("key_agreement",),
    "encipher": ("key_encipherment",),
    "issue": ("key_cert_sign", "crl_sign"),
}
ISSUES = {"smime": ("S/MIME", MAIL), "tls": ("TLS", SERVERS), "client": ("Client", CLIENTS), "tsa": ("Time", TIMES), "node": ("Node", MAIL)}
KEPT = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.CertificatePolicies, x509.NameConstraints)
_BITS = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names. Addresses of mail and host names or IP addresses stand among its alternative names."""

    name: str
    organisation: str = ""
    country: str = ""
    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is particular to one certificate: its number, its day, where its revocation is found, under which policy of the state."""

    serial: int
    now_us: int
    found: Places | None = None
    policy: str = ""


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
    above: Issuer, organisation: str, country: str, domains: Sequence[str], purpose: str, public_key: bytes, stamp: Stamp
) -> x509.CertificateBuilder:
    """Return an issuing CA's profile: leaves only, for one purpose, for mail addresses in its domains if any are given.

    Deviates from RFC 5280 §4.2.1.10 (which wants them critical) because gpgsm refuses critical name constraints; the
    forum's requirements allow it.
    """
    kind, purposes = ISSUES[purpose]
    subject = _name(country=country, organisation=organisation, common_name=_of_authority(domains[0] if domains else organisation, kind))
    builder = _valid(_below(_begin(subject, public_key, stamp.serial), above), stamp.now_us, ISSUING_DAYS, above)
    builder = _placed(_authority(builder, path_length=0), stamp.found)
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(_policies(ANY_POLICY), critical=False)
    if domains:
        limits = [x509.RFC822Name(form) for domain in domains for form in (domain, f".{domain}")]
        builder = builder.add_extension(x509.NameConstraints(limits, None), critical=False)
    return builder


def again(above: Issuer, certificate: bytes, stamp: Stamp) -> x509.CertificateBuilder:
    """Return the profile of an issuing CA that has one already: what it may issue stays as it is."""
    former = x509.load_der_x509_certificate(certificate)
    key = former.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    builder = _valid(_below(_begin(former.subject, key, stamp.serial), above), stamp.now_us, ISSUING_DAYS, above)
    for one in former.extensions:
        if isinstance(one.value, KEPT):
            builder = builder.add_extension(one.value, critical=one.critical)
    return _placed(builder, stamp.found)


def leaf(kind: str, above: Issuer, subject: Subject, public_key: bytes, stamp: Stamp) -> x509.CertificateBuilder:
    """Return the profile of a certificate that issues nothing; `kind` is a key of PROFILES.

    Raise ValueError when an address is not ASCII: such addresses need RFC 9598, which mail programs do not read yet.
    """
    profile = PROFILES[kind]
    name = _name(country=subject.country, organisation=subject.organisation, common_name=subject.name)
    builder = _valid(_below(_begin(name, public_key, stamp.serial), above), stamp.now_us, profile.days, above)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(_usage_of(profile, public_key)), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(profile.purposes), critical=profile.alone)
    names = [*map(x509.RFC822Name, subject.addresses), *map(_host, subject.hosts)]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if policies := [one for one in (profile.policy, stamp.policy) if one]:
        builder = builder.add_extension(_policies(*policies), critical=False)
    return _special(_placed(builder, None if kind == "ocsp" else stamp.found), kind)


def _special(builder: x509.CertificateBuilder, kind: str) -> x509.CertificateBuilder:
    """Add what single kinds have: a responder is not asked about (RFC 6960 §4.2.2.2.1), mail says what it can read (RFC 4262)."""
    if kind == "ocsp":
        return builder.add_extension(x509.OCSPNoCheck(), critical=False)
    if PROFILES[kind].is_mail:
        return builder.add_extension(x509.UnrecognizedExtension(SMIME_CAPABILITIES, capabilities.write(CIPHERS)), critical=False)
    return builder


def _policies(*names: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in names])


def _placed(builder: x509.CertificateBuilder, found: Places | None) -> x509.CertificateBuilder:
    for one in () if found is None else extensions(found):
        builder = builder.add_extension(one, critical=False)
    return builder


def _usage_of(profile: Profile, public_key: bytes) -> tuple[str, ...]:
    """Return what a key does: one that receives agrees on secrets when it is a curve's and has them enciphered when it is RSA's."""
    if profile.usage != "receive":
        return USAGES[profile.usage]
    return USAGES["encipher" if isinstance(load_der_public_key(public_key), rsa.RSAPublicKey) else "agree"]


def accept(public_key: bytes) -> PublicKeyTypes:
    """Return a key of which there may be certificates. Raises BadDer for one that is too short, and of kinds that nobody here knows."""
    key = load_der_public_key(public_key)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_KEY:
        raise BadDer(f"an RSA key of {key.key_size} bits, where {MIN_RSA_KEY} is the least")
    key_kind(public_key)  # refuses what our signer does not make before the builder sees it
    return key


def _begin(subject: x509.Name, public_key: bytes, serial: int) -> x509.CertificateBuilder:
    key = accept(public_key)
    builder = x509.CertificateBuilder().subject_name(subject).serial_number(serial)
    builder = builder.public_key(key)  # type: ignore[arg-type]
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)  # type: ignore[arg-type]


def _below(builder: x509.CertificateBuilder, above: Issuer) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above.key_identifier)
    return builder.issuer_name(above.name).add_extension(identifier, critical=False)


def _valid(builder: x509.CertificateBuilder, now_us: int, days: int, above: Issuer | None) -> x509.CertificateBuilder:
    """Nobody outlives their issuer: a path whose middle has run out could not be judged."""
    now = utc(now_us - now_us % SECOND_US)
    end = now + timedelta(days=days)
    end = end if above is None else min(end, above.not_after)
    return builder.not_valid_before(now - BACKDATED).not_valid_after(end)


def _authority(builder: x509.CertificateBuilder, path_length: int | None) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_usage(USAGES["issue"]), critical=True)


def _usage(bits: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(**{bit: bit in bits for bit in _BITS})


def _name(*, country: str, common_name: str, organisation: str = "") -> x509.Name:
    """Return a name in UTF-8: Arabic needs nothing special (RFC 5280 §4.1.2.4)."""
    values = (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, _shortened(organisation)),
        (NameOID.COMMON_NAME, _shortened(common_name)),
    )
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in values if value])


def _of_authority(whose: str, kind: str) -> str:
    """Return a common name that no other authority has (RFC 5280 §4.1.2.4), also where what tells two apart is too long for it."""
    suffix, octets = f" {kind} CA", whose.encode()
    if len(octets) + len(suffix) <= MAX_NAME_CHARACTERS:
        return whose + suffix
    mark = f"… {hashlib.sha256(octets).hexdigest()[:8]}{suffix}"
    return octets[: MAX_NAME_CHARACTERS - len(mark.encode())].decode(errors="ignore").rstrip() + mark


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
