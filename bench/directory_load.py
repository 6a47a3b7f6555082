"""What the directory is asked in a measurement: the queries of people who type, the answers of a SCRAM client. Pure."""

import base64
import hashlib
import hmac
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

FUNCTIONS = ("directeur", "مدير", "bureau d'ordre", "secrétaire général", "ministre", "مكتب الضبط", "directeur des ressources")
PLACED = ("bureau d'ordre école", "directeur lycée", "مكتب الضبط بلدية", "bureau ordre interieur", "ministre santé")
MISSPELT = ("Mouhamad", "Kerim", "Yacin", "Abd el kader", "Moustafa", "Fatma", "Oualid")


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody of the directory, whom somebody else looks for."""

    person_id: int
    name_fr: str
    name_ar: str
    address: str


def queries(rng: random.Random, one: Known) -> Iterator[str]:
    """Yield how people look for one person, or for a function; each kind once, as long as they have typed."""
    first, last = one.name_fr.split()[0], one.name_fr.split()[-1]
    first_ar, last_ar = one.name_ar.split()[0], one.name_ar.split()[-1]
    local, _, domain = one.address.partition("@")
    yield from (first[:2], last[:3], first, last[:5], "mohamed", "ben")
    yield from (f"{first[:3]} {last[:3]}", one.name_fr, f"{last} {first[:1]}")
    yield from (one.name_ar[:2], one.name_ar, f"{first_ar[:3]} {last_ar[:2]}", "محمد")
    yield from (rng.choice(FUNCTIONS), rng.choice(PLACED), f"{first} directeur")
    yield from (f"{rng.choice(MISSPELT)} {last[:4]}", rng.choice(MISSPELT))
    yield from (local[:7], f"{local}@", f"{local}@{domain[:4]}", f"<{one.address}>")
    yield "xqzzw"


@dataclass(slots=True)
class ScramClient:
    """The client's half of SCRAM-SHA-256 (RFC 5802 §3), which derives a password's key once, as mail clients do."""

    login: str
    password: str
    keys: dict[tuple[bytes, int], bytes] = field(default_factory=dict)

    def first(self, nonce: str) -> bytes:
        """Return the first message, with its header that asks for no channel binding."""
        return f"n,,n={self.login},r={nonce}".encode()

    def final(self, first: bytes, challenge: bytes) -> bytes:
        """Answer the server's challenge with the proof."""
        fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = self._salted(base64.b64decode(fields["s"]), int(fields["i"]))
        without_proof = f"c=biws,r={fields['r']}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signed = b",".join((first.removeprefix(b"n,,"), challenge, without_proof))
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return without_proof + b",p=" + base64.b64encode(proof)

    def _salted(self, salt: bytes, iterations: int) -> bytes:
        if (salt, iterations) not in self.keys:
            self.keys[salt, iterations] = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, iterations)
        return self.keys[salt, iterations]
