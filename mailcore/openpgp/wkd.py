"""The web key directory: where the key of an address is found. Pure.

draft-koch-openpgp-webkey-service §3.1: SHA-1 of the lower-case local part in z-base-32, below the domain or below
``openpgpkey.`` in front of it. SHA-1 only makes a name here.
"""

import hashlib
from dataclasses import dataclass
from urllib.parse import quote

PATH = "/.well-known/openpgpkey"
HOST = "openpgpkey"
MEDIA_TYPE = "application/octet-stream"
_ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask: a host and what to ask it for."""

    host: str
    path: str


def name(local: str) -> str:
    """Return the name of a local part in the directory, 32 characters."""
    lowered = local.translate({upper: upper + 32 for upper in range(65, 91)})  # ASCII alone, as the draft says
    return z_base_32(hashlib.sha1(lowered.encode(), usedforsecurity=False).digest())


def places(local: str, domain: str) -> tuple[Place, Place]:
    """Return where a key is looked for: the advanced method first, then the direct one, for domains without that host."""
    tail = f"hu/{name(local)}?l={quote(local, safe='')}"
    return Place(f"{HOST}.{domain}", f"{PATH}/{domain}/{tail}"), Place(domain, f"{PATH}/{tail}")


def z_base_32(octets: bytes) -> str:
    """Return octets in z-base-32 (RFC 6189 §5.1.6)."""
    bits = len(octets) * 8
    number = int.from_bytes(octets, "big") << (-bits % 5)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range((bits + 4) // 5 * 5 - 5, -1, -5))
