"""Who this node is to others: the key of its TLS certificate, which the topology names.

The key signs the trace of what leaves (decision 0022), as it signs badges towards the centre (decision 0012).
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mailcore.routing.keys import WIDTH, spki_sha256

Sign = Callable[[bytes], bytes]


def key_sha256(certificate: Path) -> bytes:
    """Return the SHA-256 of the key in a PEM file's first certificate; b"" when there is none to read."""
    try:
        return _key_sha256(certificate, certificate.stat().st_mtime_ns)
    except (OSError, ValueError):
        return b""


@lru_cache(maxsize=8)
def _key_sha256(certificate: Path, changed_ns: int) -> bytes:
    return spki_sha256(x509.load_pem_x509_certificates(certificate.read_bytes())[0].public_bytes(Encoding.DER))


def signing(key: Path) -> tuple[bytes, Sign] | None:
    """Return the public half of a key in a PEM file (SubjectPublicKeyInfo, DER) and how to sign with it.

    None when there is none to read, or of another kind than P-256 and Ed25519: what it leaves has no trace then.
    """
    try:
        return _signing(key, key.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=8)
def _signing(key: Path, changed_ns: int) -> tuple[bytes, Sign] | None:
    private = load_pem_private_key(key.read_bytes(), None)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        sign: Sign = private.sign
    elif isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
        sign = _p256(private)
    else:
        return None
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), sign


def _p256(private: ec.EllipticCurvePrivateKey) -> Sign:
    algorithm = ec.ECDSA(SHA256())

    def sign(octets: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(octets, algorithm))
        return r.to_bytes(WIDTH, "big") + s.to_bytes(WIDTH, "big")

    return sign
