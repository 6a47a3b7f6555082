"""The signer as the other processes see it."""

from collections.abc import Sequence

import msgspec

from signing import wire
from signing.enveloped import Share
from signing.link import Client
from signing.wire import MAX_BATCH, Status


class Signer(Client):
    """A handle on the signer process; many callers may share it."""

    async def generate(self, key_id: str, kind: str, *, activated: bool = False) -> bytes:
        """Make a key of a kind of `signing.keyring.KINDS`; return its SubjectPublicKeyInfo, DER. Raise KeyExists.

        A key made with `activated` signs or decrypts only with a token of `signing.activation.activation`.
        """
        [public] = await self.ask(lambda id: wire.Generate(id, key_id, kind, activated), repeatable=False)
        return public

    async def public(self, key_id: str) -> bytes:
        """Return the SubjectPublicKeyInfo of a key, DER; raise NoSuchKey."""
        [public] = await self.ask(lambda id: wire.Public(id, key_id))
        return public

    async def sign(self, key_id: str, digest: bytes, activation: bytes = b"", purpose: str = "sign") -> bytes:
        """Return the signature, ECDSA in DER or RSA, over a digest of 32 (p256, rsa3072) or 48 (p384) octets.

        Raise NoSuchKey, SigningRefused, and NotActivated when the key needs an `activation` made for exactly this
        key, digest and purpose, once.
        """
        ask = lambda id: wire.Sign(id, key_id, digest, purpose, activation)  # noqa: E731
        [signature] = await self.ask(ask, repeatable=not activation)
        return signature

    async def decrypt(self, key_id: str, share: Share, key_bytes: int, activation: bytes = b"") -> bytes:
        """Return the key of an encrypted content out of a share of it: one that opens nothing when anything is wrong with it.

        Raise NoSuchKey, SigningRefused for a key that signs, and NotActivated when the key needs an `activation` made for
        `unwrapping.digest` of this share and the purpose `unwrapping.PURPOSE`.
        """
        parts = key_id, share.method, share.wrapped, share.point, share.info, key_bytes, activation
        [key] = await self.ask(lambda id: wire.Decrypt(id, *parts), repeatable=not activation)
        return key

    async def note_key(self, key_id: str) -> bytes:
        """Return the public half, 32 octets, of an Ed25519 key that signs checkpoints; it is made at the first call."""
        [public] = await self.ask(lambda id: wire.NoteKey(id, key_id))
        return public

    async def sign_note(self, key_id: str, text: bytes) -> bytes:
        """Return the signature over the octets of a checkpoint, or what a witness signs of one; raise NoSuchKey, SigningRefused."""
        [signature] = await self.ask(lambda id: wire.SignNote(id, key_id, text))
        return signature

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return a fresh secret of 32 octets: wrapped under the node's key, to be stored, and plain, to be used."""
        [(wrapped, secret)] = await self.new_secrets(1)
        return wrapped, secret

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return fresh secrets as pairs (wrapped, plain)."""
        pairs: list[tuple[bytes, bytes]] = []
        while len(pairs) < number:
            size = min(MAX_BATCH, number - len(pairs))
            octets = await self.ask(lambda id, size=size: wire.NewSecrets(id, size))  # type: ignore[misc]
            pairs += zip(octets[::2], octets[1::2], strict=True)
        return pairs

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret that `new_secret` wrapped; raise BadSecret when it was not this node."""
        [secret] = await self.unwrap_many([wrapped])
        return secret

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets in the order given; raise BadSecret when one of them is not of this node."""
        plain: list[bytes] = []
        for start in range(0, len(wrapped), MAX_BATCH):
            batch = list(wrapped[start : start + MAX_BATCH])
            plain += await self.ask(lambda id, batch=batch: wire.Unwrap(id, batch))  # type: ignore[misc]
        return plain

    async def status(self) -> Status:
        """Return who signs since when, and how often each key has signed."""
        [octets] = await self.ask(wire.Report)
        return msgspec.json.decode(octets, type=Status)
