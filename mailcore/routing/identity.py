"""Who this node is to others: the key of its TLS certificate, which the topology names.

The key signs the trace of what leaves (decision 0022), as it signs badges towards the centre (decision 0012).
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_pem_private_key

WIDTH = 32  # octets of r and of s on P-256 (RFC 7518 §3.4); Ed25519 makes 64 octets too
MAX_KEYS = 1024  # public keys kept loaded: as many nodes as one hears from in a while

Sign = Callable[[bytes], bytes]


def spki_sha256(der: bytes) -> bytes:
    """Return the SHA-256 of the key in a certificate (DER), by which the topology names a node."""
    public = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def key_sha256(certificate: Path) -> bytes:
    """Return the SHA-256 of the key in a PEM file's first certificate; b"" when there is none to read."""
    try:
        return _key_sha256(certificate, certificate.stat().st_mtime_ns)
    except (OSError, ValueError):
        return b""


@lru_cache(maxsize=8)
def _key_sha256(certificate: Path, changed_ns: int) -> bytes:
    return spki_sha256(x509.load_pem_x509_certificates(certificate.read_bytes())[0].public_bytes(Encoding.DER))


@lru_cache(maxsize=8)
def signing(key: Path, changed_ns: int) -> tuple[bytes, Sign] | None:
    """Return a key's public half (SubjectPublicKeyInfo, DER) and how to sign with it; None for a key of another kind.

    `changed_ns` is when the file was changed: another one is read anew. Raises OSError, ValueError.
    """
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


@lru_cache(maxsize=MAX_KEYS)
def _public(key: bytes) -> object:
    try:
        return load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        return None


def fits(key: bytes, octets: bytes, signature: bytes) -> bool:
    """Say whether a key (SubjectPublicKeyInfo, DER) signed these octets. Pure but for keys it remembers."""
    public = _public(key)
    if len(signature) != 2 * WIDTH:
        return False
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, octets)
        elif isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
            r, s = int.from_bytes(signature[:WIDTH], "big"), int.from_bytes(signature[WIDTH:], "big")
            public.verify(encode_dss_signature(r, s), octets, ec.ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True
