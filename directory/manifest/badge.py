"""How a following node shows who it is: octets that its TLS key signed a moment ago, for one centre. Pure.

The topology names the SHA-256 of each node's key, so a badge needs no secret to be shared, and a revoked node has none.
"""

import msgspec

from config.clock import MINUTE_US
from directory.manifest import jws
from directory.manifest.errors import BadManifest

TYPE = "diwan-node"
LIFETIME_US = 2 * MINUTE_US
MAX_BYTES = 2048


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which node speaks to which nation's centre, and until when."""

    node: str
    nation: str
    expires_us: int


def to_sign(node: str, nation: str, key: bytes, now_us: int) -> bytes:
    """Return the octets that the node's key (SubjectPublicKeyInfo, DER) has to sign; `jws.signed` finishes them."""
    return jws.to_sign(TYPE, jws.key_name(key), Claims(node, nation, now_us + LIFETIME_US), key)


def opened(octets: bytes, nation: str, now_us: int) -> tuple[str, str]:
    """Return the name that a node gives itself and the name of the key that proves it. Raises BadManifest."""
    if len(octets) > MAX_BYTES:
        raise BadManifest("the badge is too large")
    key = jws.read(jws.header_of(octets).key)
    _, payload = jws.opened(octets, TYPE, {jws.key_name(key): key})
    claims = jws.decoded(payload, Claims)
    if claims.nation != nation:
        raise BadManifest("the badge is for another nation")
    if not now_us - LIFETIME_US <= claims.expires_us <= now_us + 2 * LIFETIME_US or claims.expires_us < now_us:
        raise BadManifest("the badge is out of date: are both clocks right?")
    return claims.node, jws.key_name(key)
