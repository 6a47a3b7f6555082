"""Keys of nodes: by what they are known, and whether one signed something. Pure, but for keys that it keeps loaded.

RFC 5280 §4.1 (SubjectPublicKeyInfo), RFC 7518 §3.4 (r and s side by side), RFC 8032 (Ed25519).
"""

import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

WIDTH = 32  # octets of r and of s on P-256; a signature of Ed25519 has twice as many too
MAX_KEYS = 1024  # kept loaded: as many nodes as one hears from in a while

_P256 = ec.ECDSA(SHA256())


def spki_sha256(certificate: bytes) -> bytes:
    """Return the SHA-256 of the key in a certificate (DER), by which the topology names a node. Raises ValueError."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def fits(key: bytes, octets: bytes, signature: bytes) -> bool:
    """Say whether a key (SubjectPublicKeyInfo, DER) signed these octets."""
    public = _public(key)
    if len(signature) != 2 * WIDTH:
        return False
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, octets)
        elif isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
            r, s = int.from_bytes(signature[:WIDTH], "big"), int.from_bytes(signature[WIDTH:], "big")
            public.verify(encode_dss_signature(r, s), octets, _P256)
        else:
            return False
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=MAX_KEYS)
def _public(key: bytes) -> object:
    try:
        return load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        return None
