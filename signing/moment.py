"""When did a signature exist? Its signer says one thing; a time stamp proves it, pure. RFC 3161 §2.3, EN 319 102-1 §5.4.

A stamp that cannot be read, is over something else, or comes from nobody trusted, is worth as much as none: it is not signed itself, so
anybody could have taken a good one away.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing import algorithms, genuine, timestamp
from signing.cms import SignerInfo
from signing.der import BadDer
from signing.pki import path
from signing.timestamp import Token


def proven(signer: SignerInfo, roots: Sequence[bytes], at_us: int) -> int | None:
    """Return the time, in µs, at which a trusted authority saw the signature; None without a stamp that is good at `at_us`."""
    if not signer.timestamp:
        return None
    try:
        token = timestamp.read(signer.timestamp)
        _judge(token, signer.signature, roots, at_us)
    except (BadDer, genuine.Failed, path.Refused):
        return None
    return token.time_us


def _judge(token: Token, stamped: bytes, roots: Sequence[bytes], at_us: int) -> None:
    authority = genuine.leaf(token.signed)
    if authority is None or token.time_us > at_us or algorithms.digest(token.digest_algorithm, stamped) != token.digest:
        raise genuine.Failed("changed")
    genuine.check(token.signed.content, token.signed, authority)
    purposes = path.value(authority, x509.ExtendedKeyUsage)
    if purposes is None or list(purposes) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise genuine.Failed("issuer_not_fit")
    path.find(
        authority,
        genuine.loaded(token.signed.certificates),
        genuine.loaded(roots),
        token.time_us,
        at_us,
        ExtendedKeyUsageOID.TIME_STAMPING,
    )
