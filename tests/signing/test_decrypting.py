"""Keys that decrypt, in a real signer process: with an activation of the holder, once, and for nothing else."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from signing import envelope, enveloped, unwrapping
from signing.enveloped import Enveloped
from signing.errors import NotActivated, SigningRefused
from signing.keys import Signer
from tests.signing.country import token
from tests.signing.readers import certified

TEXT = b"Content-Type: text/plain\r\n\r\nSecret.\r\n"
KINDS = ("decrypt-p256", "decrypt-p384", "decrypt-rsa3072")


async def sealed(signer: Signer, kind: str, *, activated: bool = False, modern: bool = True) -> tuple[Enveloped, enveloped.Share]:
    """Make a key and encrypt to its holder."""
    certificate = certified(load_der_public_key(await signer.generate("k", kind, activated=activated))).public_bytes(Encoding.DER)
    found = enveloped.read(envelope.seal(TEXT, [envelope.Recipient(certificate, modern)]), 1 << 20)
    share = envelope.share(found, certificate)
    assert share is not None
    return found, share


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("modern", [True, False])
async def test_the_signer_decrypts_with_keys_made_for_that(signer: Signer, kind: str, modern: bool) -> None:
    found, share = await sealed(signer, kind, modern=modern)
    assert envelope.open_with(found, await signer.decrypt("k", share, found.key_bytes)) == TEXT
    status = await signer.status()
    assert (status.decrypted, status.signatures) == (1, {"k": 1})
    with pytest.raises(SigningRefused):
        await signer.sign("k", bytes(32))


@pytest.mark.parametrize("kind", ["p256", "rsa3072"])
async def test_a_key_that_signs_decrypts_nothing(signer: Signer, kind: str) -> None:
    public = await signer.generate("s", kind)
    certificate = certified(load_der_public_key(public)).public_bytes(Encoding.DER)
    found = enveloped.read(envelope.seal(TEXT, [envelope.Recipient(certificate)]), 1 << 20)
    with pytest.raises(SigningRefused):
        await signer.decrypt("s", found.shares[0], found.key_bytes)


async def test_a_holder_confirms_each_letter_once(signer: Signer, tmp_path: Path) -> None:
    found, share = await sealed(signer, "decrypt-p256", activated=True)
    digest = unwrapping.digest(share.method, share.wrapped, share.point, share.info)
    for wrong in (b"", token(tmp_path, "k", digest), token(tmp_path, "k", bytes(32), unwrapping.PURPOSE)):
        with pytest.raises(NotActivated):
            await signer.decrypt("k", share, found.key_bytes, wrong)
    confirmed = token(tmp_path, "k", digest, unwrapping.PURPOSE)
    assert envelope.open_with(found, await signer.decrypt("k", share, found.key_bytes, confirmed)) == TEXT
    with pytest.raises(NotActivated):
        await signer.decrypt("k", share, found.key_bytes, confirmed)


async def test_a_key_of_rsa_signs(signer: Signer) -> None:
    public = load_der_public_key(await signer.generate("s", "rsa3072"))
    assert isinstance(public, rsa.RSAPublicKey)
    signature = await signer.sign("s", bytes(32))
    public.verify(signature, bytes(32), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    assert isinstance(certified(public), x509.Certificate)
