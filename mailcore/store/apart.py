"""Octets sealed each under a secret of its own, stored only as the node's key wraps it: private keys of domains and of accounts.

AES-256-GCM (NIST SP 800-38D), bound to what they belong to, so that no row passes for another.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailcore.store.keyring import KeyWrapper
from mailcore.store.keys import NONCE, derive


async def seal(wrapper: KeyWrapper, purpose: bytes, bound: bytes, plain: bytes) -> tuple[bytes, bytes]:
    """Return a new secret, wrapped, and the octets sealed under it. Raises SignerUnavailable."""
    wrapped, secret = await wrapper.new_secret()
    nonce = os.urandom(NONCE)
    return wrapped, nonce + AESGCM(derive(secret, purpose)).encrypt(nonce, plain, bound)


async def unseal(wrapper: KeyWrapper, purpose: bytes, bound: bytes, wrapped: bytes, sealed: bytes) -> bytes:
    """Return what `seal` sealed. Raises BadSecret, SignerUnavailable, InvalidTag for octets that were changed or belong elsewhere."""
    secret = await wrapper.unwrap(wrapped)
    return AESGCM(derive(secret, purpose)).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
