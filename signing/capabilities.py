"""What a mail program says that it can decrypt, pure. RFC 8551 §2.5.2 (in signatures), RFC 4262 (in certificates)."""

from functools import lru_cache

from cryptography import x509

from signing import der, enveloped
from signing.certificate import CACHED
from signing.der import BadDer, Element, Fields

CAPABILITIES = "1.2.840.113549.1.9.15"
AES256_GCM, AES256_CBC = "2.16.840.1.101.3.4.1.46", "2.16.840.1.101.3.4.1.42"
MAX_CAPABILITIES = 64  # programs name about ten

OURS = (AES256_GCM, AES256_CBC, enveloped.OAEP)


def write(names: tuple[str, ...] = OURS) -> bytes:
    """Return SMIMECapabilities without parameters, the preferred first."""
    return der.sequence(*(der.sequence(der.write_oid(name)) for name in names))


def read(element: Element) -> frozenset[str]:
    """Return the names in SMIMECapabilities; raise BadDer."""
    found = [der.oid(Fields(one).take()) for one in element.expect(der.SEQUENCE).children()]
    if len(found) > MAX_CAPABILITIES:
        raise BadDer("too many capabilities")
    return frozenset(found)


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
