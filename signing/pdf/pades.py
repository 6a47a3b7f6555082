"""What is signed when a PDF is signed, and where the signature goes, pure. ETSI EN 319 142-1 §6.3 (PAdES baseline).

The signed attributes are those of CAdES without the time: in a PDF the dictionary of the signature says when (table 1, row c).
"""

from cryptography import x509

from signing import algorithms, der
from signing.certificate import key_kind, outline
from signing.cms import CONTENT_TYPE, DATA, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2, SigningIdentity, ToSign
from signing.errors import SigningRefused
from signing.pdf.types import Prepared

DIGESTS = {algorithms.SHA256: "sha256", algorithms.SHA384: "sha384"}


def digest_name(identity: SigningIdentity) -> str:
    """Return the digest that goes with the key of a certificate, `sha256` or `sha384`. Raises BadDer for a key that we do not make."""
    return DIGESTS[_algorithm(identity)]


def to_sign(prepared: Prepared, identity: SigningIdentity) -> ToSign:
    """Return what to have signed so that `identity` signs the document."""
    algorithm = _algorithm(identity)
    reference = der.write_octets(algorithms.digest(algorithms.SHA256, identity.certificate))
    named = der.sequence(der.sequence(der.sequence(reference)))  # RFC 5035 §3: SHA-256 is the default
    attributes = b"".join(
        sorted(
            (
                _attribute(CONTENT_TYPE, der.write_oid(DATA)),
                _attribute(MESSAGE_DIGEST, der.write_octets(prepared.digest)),
                _attribute(SIGNING_CERTIFICATE_V2, named),
            )
        )
    )
    return ToSign(algorithms.digest(algorithm, der.write(der.SET, attributes)), attributes, identity)


def covered(prepared: Prepared) -> bytes:
    """Return the octets that a signature or time stamp in this room covers."""
    return prepared.pdf[: prepared.start] + prepared.pdf[prepared.end :]


def fill(prepared: Prepared, cms: bytes) -> bytes:
    """Return the document with the signature or time stamp in its room. Raises SigningRefused when it is too long for that."""
    room = prepared.end - prepared.start - 2
    if 2 * len(cms) > room:
        raise SigningRefused(reason="room", needed=len(cms), there=room // 2)
    digits = cms.hex().upper().encode().ljust(room, b"0")
    return b"".join((prepared.pdf[: prepared.start + 1], digits, prepared.pdf[prepared.end - 1 :]))


def serial(certificate: bytes) -> str:
    """Return the serial number of a certificate as people compare it."""
    return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"


def _algorithm(identity: SigningIdentity) -> str:
    return algorithms.OURS[key_kind(outline(identity.certificate).public_key)][0]


def _attribute(name: str, value: bytes) -> bytes:
    return der.sequence(der.write_oid(name), der.set_of(value))
