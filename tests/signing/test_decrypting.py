"""Keys that decrypt: in the signer, with an activation of the holder, once, and for nothing else."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from config.clock import ManualClock
from signing import envelope, enveloped, unwrapping
from signing.enveloped import Enveloped, Share
from signing.errors import NotActivated, SigningRefused
from signing.keyring import Keyring
from signing.keys import Signer
from tests.signing.country import token
from tests.signing.readers import certified

TEXT = b"Content-Type: text/plain\r\n\r\nSecret.\r\n"


def sealed(public: bytes, *, modern: bool = True) -> tuple[Enveloped, Share]:
    """Encrypt to the holder of a key."""
    certificate = certified(load_der_public_key(public)).public_bytes(Encoding.DER)
    found = enveloped.read(envelope.seal(TEXT, [envelope.Recipient(certificate, modern)]), 1 << 20)
    share = envelope.share(found, certificate)
    assert share is not None
    return found, share


def unwrapped(ring: Keyring, share: Share, key_bytes: int) -> bytes:
    return ring.decrypt("k", share.method, share.wrapped, share.point, share.info, key_bytes)


@pytest.mark.parametrize("kind", ["decrypt-p256", "decrypt-p384", "decrypt-rsa3072"])
def test_a_key_made_for_it_decrypts_and_signs_nothing(tmp_path: Path, clock: ManualClock, kind: str) -> None:
    public = Keyring(tmp_path, clock).generate("k", kind, activated=False)
    ring = Keyring(tmp_path, clock)  # as after a restart
    for modern in (True, False):
        found, share = sealed(public, modern=modern)
        assert envelope.open_with(found, unwrapped(ring, share, found.key_bytes)) == TEXT
    for digest in (b"", bytes(32), bytes(48)):
        with pytest.raises(SigningRefused):
            ring.sign("k", digest)
    assert (ring.decrypted, ring.counts.totals) == (2, {"k": 2})


@pytest.mark.parametrize("kind", ["p256", "rsa3072"])
def test_a_key_that_signs_decrypts_nothing(tmp_path: Path, clock: ManualClock, kind: str) -> None:
    ring = Keyring(tmp_path, clock)
    public = ring.generate("k", kind, activated=False)
    found, share = sealed(public)
    with pytest.raises(SigningRefused):
        unwrapped(ring, share, found.key_bytes)
    loaded = load_der_public_key(public)
    if isinstance(loaded, rsa.RSAPublicKey):
        loaded.verify(ring.sign("k", bytes(32)), bytes(32), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


async def test_a_holder_confirms_each_letter_once(signer: Signer, tmp_path: Path) -> None:
    found, share = sealed(await signer.generate("k", "decrypt-p256", activated=True))
    digest = unwrapping.digest(share.method, share.wrapped, share.point, share.info)
    for wrong in (b"", token(tmp_path, "k", digest), token(tmp_path, "k", bytes(32), unwrapping.PURPOSE)):
        with pytest.raises(NotActivated):
            await signer.decrypt("k", share, found.key_bytes, wrong)
    confirmed = token(tmp_path, "k", digest, unwrapping.PURPOSE)
    assert envelope.open_with(found, await signer.decrypt("k", share, found.key_bytes, confirmed)) == TEXT
    with pytest.raises(NotActivated):
        await signer.decrypt("k", share, found.key_bytes, confirmed)
    status = await signer.status()
    assert (status.decrypted, status.signatures) == (1, {"k": 1})
