"""What a mail program says that it can decrypt, pure. RFC 8551 §2.5.2 (in signatures), RFC 4262 (in certificates)."""

from dataclasses import dataclass, replace
from functools import lru_cache

from cryptography import x509

from signing import der
from signing.certificate import CACHED
from signing.der import BadDer, Element, Fields

CAPABILITIES, KEY_PREFERENCE = "1.2.840.113549.1.9.15", "1.2.840.113549.1.9.16.2.11"
AES256_GCM, AES256_CBC, RSA_OAEP = "2.16.840.1.101.3.4.1.46", "2.16.840.1.101.3.4.1.42", "1.2.840.113549.1.1.7"
OURS = (AES256_GCM, AES256_CBC, RSA_OAEP)
MAX_CAPABILITIES = 64  # programs name about ten


def write(names: tuple[str, ...] = OURS) -> bytes:
    """Return SMIMECapabilities without parameters, the preferred first."""
    return der.sequence(*(der.sequence(der.write_oid(name)) for name in names))


def read(element: Element) -> frozenset[str]:
    """Return the names in SMIMECapabilities; raise BadDer."""
    found = [der.oid(Fields(one).take()) for one in element.expect(der.SEQUENCE).children()]
    if len(found) > MAX_CAPABILITIES:
        raise BadDer("too many capabilities")
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Said:
    """What a signer signed of themselves: what they can decrypt, and issuer and serial number of the certificate to encrypt for.

    The names are as they stand there, each with tag and length; b"" when the certificate is not named in that way.
    """

    capabilities: frozenset[str]
    issuer: bytes = b""
    serial: bytes = b""


def said(signed_attributes: bytes) -> Said:
    """Return what a signer said in the attributes that were signed, a SET; raise BadDer (RFC 8551 §2.5.2, §2.5.3)."""
    found = Said(frozenset())
    for attribute in der.read(signed_attributes).children():
        fields = Fields(attribute)
        name = der.oid(fields.take())
        if name == CAPABILITIES:
            found = replace(found, capabilities=read(Fields(fields.take(), der.SET).take()))
        elif name == KEY_PREFERENCE:
            found = _preferred(found, Fields(fields.take(), der.SET).take())
    return found


def _preferred(found: Said, choice: Element) -> Said:
    if choice.tag != der.context(0):
        return found
    fields = Fields(choice, choice.tag)
    issuer, serial = fields.take(der.SEQUENCE).whole, fields.take(der.INTEGER).whole
    fields.done()
    return replace(found, issuer=issuer, serial=serial)


@lru_cache(CACHED)
def of_certificate(certificate: bytes) -> frozenset[str]:
    """Return what the holder of a certificate (DER) can decrypt, as far as it says so."""
    loaded = x509.load_der_x509_certificate(certificate)
    try:
        found = loaded.extensions.get_extension_for_oid(x509.ObjectIdentifier(CAPABILITIES)).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    octets = found.value if isinstance(found, x509.UnrecognizedExtension) else b""
    try:
        return read(der.read(octets))
    except BadDer:
        return frozenset()
