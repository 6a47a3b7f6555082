"""Keys that sign checkpoints and nothing else, inside the signer. The formats signed-note and tlog-cosignature of C2SP.

Ed25519 signs octets, not a digest, so the signer reads what it is asked to sign: a log whose key also signed other things could be made to
vouch for them.
"""

import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signing.errors import KeyExists, NoSuchKey, SigningRefused
from signing.evidence import checkpoint
from signing.evidence.note import BadNote
from signing.vault import Header, Vault

KIND = "note"
_COSIGNED = re.compile(rb"\Acosignature/v1\ntime (?:0|[1-9][0-9]{0,18})\n")


class NoteKeys:
    """The keys of one signer that sign checkpoints."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._open: dict[str, Ed25519PrivateKey] = {}

    def public(self, key_id: str) -> bytes:
        """Return the 32 octets of a public key, which is made, durable on return, when there is none. Raise SigningRefused."""
        try:
            key = self._key(key_id)
        except NoSuchKey:
            raw, private, plain = serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
            try:
                self._vault.put(Header(key_id, KIND, activated=False), Ed25519PrivateKey.generate().private_bytes(raw, private, plain))
            except KeyExists:  # another connection was quicker
                pass
            key = self._key(key_id)
        return key.public_key().public_bytes_raw()

    def sign(self, key_id: str, text: bytes) -> bytes:
        """Return the signature over a checkpoint, as a log or as a witness. Raise NoSuchKey, SigningRefused for any other text."""
        try:
            found = checkpoint.read(_COSIGNED.sub(b"", text, count=1).decode())
        except (BadNote, UnicodeDecodeError) as reason:
            raise SigningRefused(key_id=key_id, reason="not a checkpoint") from reason
        if found.more:
            raise SigningRefused(key_id=key_id, reason="a checkpoint that says more than one")
        return self._key(key_id).sign(text)

    def _key(self, key_id: str) -> Ed25519PrivateKey:
        if key_id not in self._open:
            header, octets = self._vault.get(key_id)
            if header.kind != KIND:
                raise SigningRefused(key_id=key_id, reason="a key of another kind")
            self._open[key_id] = Ed25519PrivateKey.from_private_bytes(octets)
        return self._open[key_id]
