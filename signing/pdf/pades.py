"""What is signed when a PDF is signed, and where the signature goes, pure. ETSI EN 319 142-1 §6.3 (PAdES baseline).

The signed attributes are those of CAdES without the time: in a PDF the dictionary of the signature says when (table 1, row c).
"""

from cryptography import x509

from signing import algorithms, cms
from signing.cms import SigningIdentity, ToSign
from signing.errors import SigningRefused
from signing.pdf.types import Prepared

DIGESTS = {algorithms.SHA256: "sha256", algorithms.SHA384: "sha384"}


def digest_name(identity: SigningIdentity) -> str:
    """Return the digest that goes with the key of a certificate, `sha256` or `sha384`. Raises BadDer for a key that we do not make."""
    return DIGESTS[cms.digest_name(identity)]


def to_sign(prepared: Prepared, identity: SigningIdentity) -> ToSign:
    """Return what to have signed so that `identity` signs the document."""
    return cms.over(prepared.digest, identity)


def covered(prepared: Prepared) -> bytes:
    """Return the octets that a signature or time stamp in this room covers."""
    return prepared.pdf[: prepared.start] + prepared.pdf[prepared.end :]


def fill(prepared: Prepared, octets: bytes) -> bytes:
    """Return the document with the signature or time stamp in its room. Raises SigningRefused when it is too long for that."""
    room = prepared.end - prepared.start - 2
    if 2 * len(octets) > room:
        raise SigningRefused(reason="room", needed=len(octets), there=room // 2)
    digits = octets.hex().upper().encode().ljust(room, b"0")
    return b"".join((prepared.pdf[: prepared.start + 1], digits, prepared.pdf[prepared.end - 1 :]))


def serial(certificate: bytes) -> str:
    """Return the serial number of a certificate as people compare it."""
    return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
