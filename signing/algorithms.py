"""Digest and signature algorithms by their object identifiers, pure: what we make, what we accept, what is too weak.

RFC 5754 (SHA-2 in CMS), RFC 5758 (ECDSA with SHA-2), RFC 4055 (RSA with SHA-2), RFC 8551 §2.2 and §4.4.
"""

import hashlib
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from signing import der

SHA256, SHA384, SHA512 = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"
ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512 = "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
RSA_SHA256, RSA_SHA384, RSA_SHA512 = "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"

MIN_RSA_BITS = 2048
MIN_CURVE_BITS = 256


class Hash(Protocol):
    def digest(self) -> bytes: ...


DIGESTS: dict[str, tuple[Callable[[bytes], Hash], Callable[[], hashes.HashAlgorithm]]] = {
    SHA256: (hashlib.sha256, hashes.SHA256),
    SHA384: (hashlib.sha384, hashes.SHA384),
    SHA512: (hashlib.sha512, hashes.SHA512),
}
ECDSA = {ECDSA_SHA256: SHA256, ECDSA_SHA384: SHA384, ECDSA_SHA512: SHA512}
RSA = {RSA_SHA256: SHA256, RSA_SHA384: SHA384, RSA_SHA512: SHA512}

# P-384 with less is refused by gpgsm; RSA is that of cards and of correspondents
OURS = {"p256": (SHA256, ECDSA_SHA256), "p384": (SHA384, ECDSA_SHA384), "rsa": (SHA256, RSA_SHA256)}


class Weak(ValueError):
    """A method that is not, or no longer, held safe here."""


class Broken(ValueError):
    """The signature does not belong to these octets and this key."""


def identifier(name: str) -> bytes:
    """Return an AlgorithmIdentifier, without parameters (RFC 5754 §2, RFC 5758 §3.2) or, for RSA, with NULL (RFC 4055 §5)."""
    return der.sequence(der.write_oid(name), der.write(der.NULL, b"") if name in RSA else b"")


def digest(name: str, octets: bytes) -> bytes:
    """Return the digest of `octets`; raise Weak for anything outside SHA-2."""
    if name not in DIGESTS:
        raise Weak(f"digest {name}")
    return DIGESTS[name][0](octets).digest()


def verify(key: PublicKeyTypes, algorithm: str, digest_name: str, signature: bytes, octets: bytes) -> None:
    """Check a signature by `algorithm` whose message digest is `digest_name`; raise Weak or Broken."""
    if digest_name not in DIGESTS:
        raise Weak(f"digest {digest_name}")
    method = DIGESTS[digest_name][1]()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and ECDSA.get(algorithm) == digest_name:
            _strong(key.curve.key_size, MIN_CURVE_BITS)
            key.verify(signature, octets, ec.ECDSA(method))
        elif isinstance(key, rsa.RSAPublicKey) and RSA.get(algorithm, _plain_rsa(algorithm, digest_name)) == digest_name:
            _strong(key.key_size, MIN_RSA_BITS)
            key.verify(signature, octets, padding.PKCS1v15(), method)
        else:
            raise Weak(f"signature {algorithm} over {digest_name}")
    except (InvalidSignature, UnsupportedAlgorithm) as reason:
        raise Broken("signature") from reason


def verify_alone(key: PublicKeyTypes, algorithm: str, signature: bytes, octets: bytes) -> None:
    """Check a signature by an algorithm that names its digest, too, as on lists and answers; raise Weak or Broken."""
    verify(key, algorithm, (ECDSA | RSA).get(algorithm, ""), signature, octets)


def _plain_rsa(algorithm: str, digest_name: str) -> str:
    """CMS may name plain rsaEncryption and leave the digest to its own field (RFC 3370 §3.2)."""
    return digest_name if algorithm == RSA_ENCRYPTION else ""


def _strong(bits: int, least: int) -> None:
    if bits < least:
        raise Weak(f"key of {bits} bits")
