"""What a mail program says that it can decrypt, pure. RFC 8551 §2.5.2 (in signatures), RFC 4262 (in certificates)."""

from functools import lru_cache

from cryptography import x509

from signing import cms, der
from signing.certificate import CACHED
from signing.cms import CAPABILITIES, READ_HERE
from signing.der import BadDer, Element, Fields

AES256_GCM, AES256_CBC, _ = READ_HERE
MAX_CAPABILITIES = 64  # programs name about ten

OURS = READ_HERE


def write(names: tuple[str, ...] = OURS) -> bytes:
    """Return SMIMECapabilities without parameters, the preferred first."""
    return der.sequence(*(der.sequence(der.write_oid(name)) for name in names))


def read(element: Element) -> frozenset[str]:
    """Return the names in SMIMECapabilities; raise BadDer."""
    found = [der.oid(Fields(one).take()) for one in element.expect(der.SEQUENCE).children()]
    if len(found) > MAX_CAPABILITIES:
        raise BadDer("too many capabilities")
    return frozenset(found)


def of_signature(cms_der: bytes) -> frozenset[str]:
    """Return what the one signer of a signature says that they can decrypt; raise BadDer for what is no signature."""
    for attribute in der.read(cms.read(cms_der).signer.signed_octets).children():
        fields = Fields(attribute)
        if der.oid(fields.take()) == CAPABILITIES:
            return read(Fields(fields.take(), der.SET).take())
    return frozenset()


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
