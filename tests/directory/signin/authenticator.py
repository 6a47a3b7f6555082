"""A security key in software: what WebAuthn §6 says that one does, with `cryptography` and CBOR by hand."""

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def es256(x: bytes, y: bytes, curve: int = 1) -> bytes:
    """Return a public key in the form of COSE (RFC 9053 §7.1.1), of coordinates of less than 256 octets."""
    fields = b"\x01\x02\x03\x26\x20" + bytes((curve,))
    return b"\xa5" + fields + b"".join(name + b"\x58" + bytes((len(one),)) + one for name, one in ((b"\x21", x), (b"\x22", y)))


@dataclass
class Authenticator:
    """One passkey for one site."""

    host: str = "mail.gov.example"
    origin: str = "https://mail.gov.example"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    count: int = 0
    verifies: bool = True

    def create(self, options: str, cose: bytes = b"") -> str:
        """Answer creation options (§5.1.3), with another public key if one is given."""
        client = self._client("webauthn.create", options)
        numbers = self.key.public_key().public_numbers()
        cose = cose or es256(numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big"))
        data = self._data(ATTESTED) + bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cose
        statement = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + struct.pack(">H", len(data)) + data
        return self._answer({"clientDataJSON": encoded(client), "attestationObject": encoded(statement), "transports": ["internal"]})

    def get(self, options: str) -> str:
        """Answer request options (§5.1.4)."""
        self.count += 1
        client, data = self._client("webauthn.get", options), self._data(0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signature)})

    def _client(self, kind: str, options: str) -> bytes:
        return json.dumps({"type": kind, "challenge": json.loads(options)["challenge"], "origin": self.origin}).encode()

    def _data(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _answer(self, response: dict[str, object]) -> str:
        name = encoded(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})
