"""Signed octets: ES256 in the compact form, and nothing else. Pure.

RFC 7515 (JWS), RFC 7518 §3.4 (ES256: r and s, 32 octets each). A key is named by the SHA-256 of its SubjectPublicKeyInfo, as
RFC 7638 names one by that of its JSON.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from directory.manifest.errors import BadManifest

T = TypeVar("T")

ALGORITHM = "ES256"
_WIDTH = 32  # octets of r and of s on P-256


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The protected header: exactly these fields. `key` is the key itself, where the reader need not know it before."""

    alg: str
    kid: str
    typ: str
    key: str = ""


def to_sign(kind: str, name: str, payload: msgspec.Struct, key: bytes = b"") -> bytes:
    """Return the octets whose SHA-256 the key called `name` signs."""
    header = Header(ALGORITHM, name, kind, written(key) if key else "")
    return b64(msgspec.json.encode(header)) + b"." + b64(msgspec.json.encode(payload))


def signed(octets: bytes, der_signature: bytes) -> bytes:
    """Return signed octets: what `to_sign` gave, with the signature in the form of JWS."""
    r, s = decode_dss_signature(der_signature)
    return octets + b"." + b64(r.to_bytes(_WIDTH, "big") + s.to_bytes(_WIDTH, "big"))


def opened(octets: bytes, kind: str, keys: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """Return what was signed, and the payload in base64url, if one of `keys` (by name) signed it. Raises BadManifest."""
    head, payload, signature = _parts(octets)
    header = decoded(head, Header)
    if header.alg != ALGORITHM or header.typ != kind:
        raise BadManifest(f"it is signed with {header.alg[:20]} as {header.typ[:20]}, expected is {ALGORITHM} as {kind}")
    key = keys.get(header.kid)
    if key is None:
        raise BadManifest("no key that we trust has signed it", key=header.kid[:64])
    verify(key, head + b"." + payload, unb64(signature))
    return head + b"." + payload, payload


def header_of(octets: bytes) -> Header:
    """Return what signed octets say of their key, which is worth nothing yet. Raises BadManifest."""
    return decoded(_parts(octets)[0], Header)


def verify(key: bytes, octets: bytes, signature: bytes) -> None:
    """Check an ES256 signature under a P-256 key (DER). Raises BadManifest."""
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise BadManifest("the key is none") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise BadManifest("the key is not one of P-256")
    if len(signature) != 2 * _WIDTH:
        raise BadManifest("the signature has a wrong length")
    r, s = int.from_bytes(signature[:_WIDTH], "big"), int.from_bytes(signature[_WIDTH:], "big")
    try:
        public.verify(encode_dss_signature(r, s), octets, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BadManifest("the signature does not fit") from None


def key_name(key: bytes) -> str:
    """Return the name of a key: the SHA-256 of its SubjectPublicKeyInfo, hexadecimal."""
    return hashlib.sha256(key).hexdigest()


def written(key: bytes) -> str:
    """Return a key as documents and anchors hold it."""
    return base64.b64encode(key).decode("ascii")


def read(key: str) -> bytes:
    """Return a key, DER, as `written` wrote it. Raises BadManifest."""
    try:
        return base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise BadManifest("a key in it is not base64") from None


def decoded(octets: bytes, kind: type[T]) -> T:
    """Return the JSON in base64url octets as a value. Raises BadManifest."""
    try:
        return msgspec.json.decode(unb64(octets), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"it is not well formed: {error}") from None


def b64(octets: bytes) -> bytes:
    """Return octets in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def unb64(octets: bytes) -> bytes:
    """Return the octets of a base64url text without padding. Raises BadManifest."""
    try:
        return base64.b64decode(octets + b"=" * (-len(octets) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadManifest("it is not base64url") from None


def _parts(octets: bytes) -> tuple[bytes, bytes, bytes]:
    parts = octets.split(b".", 3)
    if len(parts) != 3:
        raise BadManifest("it has not three parts")
    return parts[0], parts[1], parts[2]
