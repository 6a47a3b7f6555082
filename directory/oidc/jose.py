"""Signed tokens: made with keys that another process holds, and read by rules that leave a stranger no choice.

RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 §3.4 (ES256), RFC 7638 (thumbprints), RFC 8725 (best current practice: the algorithm
is ours to choose, a header names no key but one we know, each kind of token has its type).
"""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from directory.errors import BadEntry
from directory.oidc.errors import InvalidToken

ALGORITHM = "ES256"
FOREIGN = ("ES256", "ES384", "PS256", "RS256", "Ed25519")  # what others may sign with: asymmetric, each sound today
MAX_TOKEN_CHARS = 8192
MAX_KEYS = 20
MAX_SET_CHARS = 65_536
MIN_RSA_BITS = 2048
HEADER = {"alg", "kid", "typ"}  # RFC 8725 §3.10: no jku, x5u, jwk, crit; x5t and x5c add nothing to a known key
COORDINATE_BYTES = 32
_SIGNING_KEYS = {"EC", "RSA", "OKP"}

Claims = Mapping[str, Any]
KeySet = jwk.KeySet


async def signed(claims: Claims, kind: str, kid: str, sign: Callable[[bytes], Awaitable[bytes]]) -> str:
    """Return a compact JWS of type `kind`; `sign` turns a SHA-256 digest into a DER ECDSA signature."""
    head = _octets({"alg": ALGORITHM, "typ": kind, "kid": kid})
    written = f"{head}.{_octets(claims)}"
    r, s = decode_dss_signature(await sign(hashlib.sha256(written.encode()).digest()))
    raw = r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
    return f"{written}.{base64url(raw)}"


def read(token: str, keys: KeySet, kinds: Collection[str], algorithms: Collection[str] = (ALGORITHM,)) -> dict[str, Any]:
    """Return the claims of a token that one of `keys` signed. Raises InvalidToken.

    `kinds` are the allowed types, in lower case; "" stands for a token without one. Times and audience are the caller's.
    """
    head = header(token)
    if head.keys() - HEADER or str(head.get("typ", "")).lower() not in kinds:
        raise InvalidToken(header=sorted(head)[:10])
    try:
        return jwt.decode(token, keys, algorithms).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken(reason=type(error).__name__) from error


def header(token: str) -> dict[str, Any]:
    """Return the header of a token, unverified. Raises InvalidToken."""
    return _part(token, 0)


def claims_unverified(token: str) -> dict[str, Any]:
    """Return what a token says, to find out whose key it must be checked with. Raises InvalidToken."""
    return _part(token, 1)


def key_set(text: str) -> KeySet:
    """Read a JWK set of public keys for signatures. Raises BadEntry."""
    try:
        keys = json.loads(text[:MAX_SET_CHARS])["keys"]
        if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
            raise BadEntry(f"a key set holds between one and {MAX_KEYS} keys")
        return KeySet([_public(key) for key in keys])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadEntry("this is not a set of public keys (JWK)") from error


def foreign_key_set(value: Any) -> KeySet:
    """Return the usable public keys of a set that somebody else publishes. Raises InvalidToken when there is none."""
    found = []
    for key in value.get("keys", [])[:MAX_KEYS] if isinstance(value, dict) and isinstance(value.get("keys"), list) else []:
        try:
            found.append(_public(key))
        except (BadEntry, JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue  # RFC 7517 §5: keys that we do not understand are passed over
    if not found:
        raise InvalidToken(reason="no key")
    return KeySet(found)


def thumbprint(spki: bytes) -> str:
    """Return the RFC 7638 thumbprint of a public key, by which tokens name it."""
    return _ec(spki).thumbprint()


def public_jwk(spki: bytes) -> dict[str, Any]:
    """Return a public key of ours as JWK set members publish it (RFC 7517 §4)."""
    key = _ec(spki)
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}


def own_key_set(spkis: Collection[bytes]) -> KeySet:
    """Return public keys of ours as a set."""
    keys: list[jwk.Key] = []
    for spki in spkis:
        key = jwk.ECKey.import_key(public_jwk(spki))
        keys.append(key)
    return KeySet(keys)


def base64url(octets: bytes) -> str:
    """Return octets as RFC 7515 §2 writes them: base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def half_hash(text: str) -> str:
    """Return at_hash for ES256: the left half of SHA-256 (OpenID Connect Core §3.1.3.6)."""
    return base64url(hashlib.sha256(text.encode()).digest()[:16])


def _public(key: dict[str, Any]) -> jwk.Key:
    if key.get("kty") not in _SIGNING_KEYS or key.get("use", "sig") != "sig" or key.keys() & {"d", "p", "q", "k"}:
        raise BadEntry("a key of this set is private, symmetric or not for signatures")
    if key["kty"] == "RSA" and len(str(key.get("n", ""))) * 6 < MIN_RSA_BITS:  # base64url: six bits a character
        raise BadEntry("an RSA key of this set is too short")
    found = jwk.import_key({name: value for name, value in key.items() if name != "key_ops"})
    found.ensure_kid()
    return found


def _ec(spki: bytes) -> jwk.ECKey:
    pem = load_der_public_key(spki).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return jwk.ECKey.import_key(pem)


def _octets(value: Claims) -> str:
    return base64url(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _part(token: str, number: int) -> dict[str, Any]:
    parts = token.split(".") if len(token) <= MAX_TOKEN_CHARS and token.isascii() else []
    if len(parts) != 3:
        raise InvalidToken(reason="shape")
    try:
        value = json.loads(base64.urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4)))
    except (ValueError, RecursionError) as error:
        raise InvalidToken(reason="shape") from error
    if not isinstance(value, dict):
        raise InvalidToken(reason="shape")
    return value
