"""A key of P-256 as the signer would hold it, for tests."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from directory.manifest import document, jws
from directory.manifest.document import Body


class SigningKey:
    """Signs documents."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.public = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def written(self) -> str:
        return jws.written(self.public)

    def sign(self, octets: bytes) -> bytes:
        return self._private.sign(octets, ec.ECDSA(SHA256()))

    def document(self, body: Body) -> bytes:
        octets = document.to_sign(body, self.public)
        return jws.signed(octets, self.sign(octets))
