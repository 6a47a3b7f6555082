"""When did a signature exist? Its signer says one thing; a time stamp proves it, pure. RFC 3161 §2.3, EN 319 102-1 §5.4.

A stamp that cannot be read, is over something else, or comes from nobody trusted, is worth as much as none: it is not signed itself, so
anybody could have taken a good one away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing import algorithms, genuine, timestamp
from signing.certificate import value
from signing.cms import SignerInfo
from signing.der import BadDer
from signing.pki import path
from signing.timestamp import Token


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a trusted authority saw a signature, and the path from its certificate to a root."""

    time_us: int
    found: path.Found


def proven(signer: SignerInfo, roots: Sequence[bytes], at_us: int) -> Stamp | None:
    """Return what is proven of the time of a signature; None without a stamp that is good at `at_us`.

    Whether the authority's certificate was blocked is not known here: `found` says of which to ask.
    """
    if not signer.timestamp:
        return None
    try:
        token = timestamp.read(signer.timestamp)
        return Stamp(token.time_us, _judge(token, signer.signature, roots, at_us))
    except (BadDer, genuine.Failed, path.Refused):
        return None


def _judge(token: Token, stamped: bytes, roots: Sequence[bytes], at_us: int) -> path.Found:
    authority = genuine.leaf(token.signed)
    if authority is None or token.time_us > at_us or algorithms.digest(token.digest_algorithm, stamped) != token.digest:
        raise genuine.Failed("changed")
    genuine.check(token.signed.content, token.signed, authority)
    purposes = value(authority, x509.ExtendedKeyUsage)
    if purposes is None or list(purposes) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise genuine.Failed("issuer_not_fit")
    return path.search(
        authority,
        genuine.loaded(token.signed.certificates),
        genuine.loaded(roots),
        token.time_us,
        at_us,
        ExtendedKeyUsageOID.TIME_STAMPING,
    )
