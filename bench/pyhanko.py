"""pyHanko as a peer: signs and validates the same letters with the same key, each rate by our CPU."""

import time
from collections.abc import Sequence

from asn1crypto import cms, keys, x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from signing import asn1
from signing.cms import SigningIdentity

LETTERS = 20  # of each kind in a round: some 10 ms each
USAGE = KeyUsageConstraints(key_usage={"digital_signature"}, match_all_key_usages=False)


class Pyhanko:
    """A signer and a validator for one clerk."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, identity: SigningIdentity, root: bytes) -> None:
        asn1.mend()
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([x509.Certificate.load(octets) for octets in identity.chain])
        self._root = x509.Certificate.load(root)
        self._signer = SimpleSigner(
            signing_cert=x509.Certificate.load(identity.certificate),
            signing_key=keys.PrivateKeyInfo.load(private),
            cert_registry=store,
        )

    async def signs(self, texts: Sequence[bytes]) -> float:
        """Return how many signatures of form B-B are made for each second of CPU."""
        began = time.process_time()
        for text in texts[:LETTERS]:
            await self._signer.async_sign_general_data(text, "sha256", detached=True, use_cades=True)
        return LETTERS / (time.process_time() - began)

    async def verifies(self, letters: Sequence[tuple[bytes, bytes]]) -> float:
        """Return how many signatures are judged for each second of CPU."""
        began = time.process_time()
        for text, signature in letters[:LETTERS]:
            signed = cms.ContentInfo.load(signature)["content"]
            context = ValidationContext(trust_roots=[self._root], allow_fetching=False)
            status = await async_validate_detached_cms(text, signed, signer_validation_context=context, key_usage_settings=USAGE)
            assert status.bottom_line
        return LETTERS / (time.process_time() - began)
