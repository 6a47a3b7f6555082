"""The key of an encrypted content out of a recipient's share of it: what the signer does with a key of decryption.

RFC 8017 §7 (RSA), RFC 5753 §7.2 and ANSI X9.63 (ECDH), RFC 3394 (AES key wrap). Whatever is wrong with a share, the answer is a key:
one that opens nothing. So nobody learns what was wrong (RFC 3218 §2.3.2), and the content says the rest.
"""

import hashlib
import secrets
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

Keys = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
PURPOSE = "decrypt"


def digest(method: str, wrapped: bytes, point: bytes, info: bytes) -> bytes:
    """Return what an activation for one share is bound to."""
    fields = [method.encode(), wrapped, point, info]
    return hashlib.sha256(b"diwan share 1\0" + b"".join(len(one).to_bytes(4, "big") + one for one in fields)).digest()


def content_key(key: Keys, method: str, wrapped: bytes, point: bytes, info: bytes, key_bytes: int) -> bytes:
    """Return the key of `key_bytes` octets that a share holds, or a random one."""
    instead = secrets.token_bytes(key_bytes)
    try:
        found = _found(key, method, wrapped, point, info)
    except (ValueError, InvalidUnwrap, UnsupportedAlgorithm, KeyError):
        return instead
    return found if len(found) == key_bytes else instead


def _found(key: Keys, method: str, wrapped: bytes, point: bytes, info: bytes) -> bytes:
    name, _, rest = method.partition("-")
    if isinstance(key, rsa.RSAPrivateKey):
        return key.decrypt(wrapped, padding.PKCS1v15() if name == "rsa" else _oaep(rest))
    digest_name, _, wrap_bytes = rest.partition("-")
    other = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)  # refuses what is not on the curve
    secret = key.exchange(ec.ECDH(), other)
    return aes_key_unwrap(X963KDF(HASHES[digest_name](), int(wrap_bytes), info).derive(secret), wrapped)


def _oaep(name: str) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(HASHES[name]()), HASHES[name](), None)
