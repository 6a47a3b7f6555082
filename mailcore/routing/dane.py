"""Does a server's certificate fit what its zone says in TLSA records? Pure.

RFC 6698 §2.1 (the record), RFC 7671 §5 (usages), RFC 7672 §3.1 (SMTP: only DANE-TA(2) and DANE-EE(3) count, §3.1.3), §3.2.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.clock import SECOND_US

TA, EE = 2, 3
MAX_RECORDS = 50  # of one host; each costs a hash
MAX_DEPTH = 8  # certificates above the leaf; OpenSSL's own default is 100, real chains have three
_RECORD = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,3}) ([0-9A-Fa-f ]+)")

_SELECTORS: dict[int, Callable[[x509.Certificate], bytes]] = {
    0: lambda certificate: certificate.public_bytes(Encoding.DER),
    1: lambda certificate: certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
}
_MATCHINGS: dict[int, Callable[[bytes], bytes]] = {
    0: lambda octets: octets,
    1: lambda octets: hashlib.sha256(octets).digest(),
    2: lambda octets: hashlib.sha512(octets).digest(),
}
_LENGTHS = {1: 32, 2: 64}


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One record that counts. `data` is the octets, or the hash, of a certificate or its key."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


def usable(records: Iterable[str]) -> tuple[Tlsa, ...]:
    """Return the records that one may go by, of those in a zone file's form; () when there is none (RFC 7672 §3.1.3)."""
    found = []
    for record in list(records)[:MAX_RECORDS]:
        match = _RECORD.fullmatch(record)
        if match is None:
            continue
        usage, selector, matching = int(match[1]), int(match[2]), int(match[3])
        text = match[4].replace(" ", "")
        data = bytes.fromhex(text) if len(text) % 2 == 0 else b""
        right = len(data) == _LENGTHS.get(matching, len(data)) and data
        if usage in (TA, EE) and selector in _SELECTORS and matching in _MATCHINGS and right:
            found.append(Tlsa(usage, selector, matching, data))
    return tuple(found)


def fits(records: Sequence[Tlsa], shown: Sequence[bytes], names: Sequence[str], now_us: int) -> bool:
    """Say whether a server is the one that its zone names. `shown` is its chain (DER), the leaf first.

    DANE-EE asks for the key or certificate alone, whatever names and dates it has (RFC 7672 §3.1.1); DANE-TA for a path to
    that authority, valid now, to a leaf with one of `names` (§3.1.2, §3.2.3).
    """
    try:
        leaf, *others = [x509.load_der_x509_certificate(der) for der in shown[: MAX_DEPTH + 1]]
    except ValueError:
        return False
    if any(record.usage == EE and _matches(record, leaf) for record in records):
        return True
    anchors = [record for record in records if record.usage == TA]
    if not anchors or not _named(leaf, names):
        return False
    given = [_given(record) for record in anchors]
    return _anchored(leaf, others + [one for one in given if one is not None], anchors, datetime.fromtimestamp(now_us / SECOND_US, UTC))


def _matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    return _MATCHINGS[record.matching](_SELECTORS[record.selector](certificate)) == record.data


def _given(record: Tlsa) -> x509.Certificate | None:
    """Return the authority itself when the record holds it whole: then the server need not send it (RFC 7671 §5.2.2)."""
    if record.selector or record.matching:
        return None
    try:
        return x509.load_der_x509_certificate(record.data)
    except ValueError:
        return None


def _anchored(leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: Sequence[Tlsa], now: datetime) -> bool:
    """Climb from the leaf, issuer by issuer, to one that a record names."""
    current, left = leaf, list(others)
    for _ in range(MAX_DEPTH):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            return False
        above = next((one for one in left if _issued(current, one)), None)
        if above is None:
            return False
        if any(_matches(record, above) for record in anchors):
            return above.not_valid_before_utc <= now <= above.not_valid_after_utc
        left.remove(above)
        current = above
    return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _named(leaf: x509.Certificate, names: Sequence[str]) -> bool:
    try:
        shown = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(covers(pattern.lower(), name.lower()) for pattern in shown for name in names)


def covers(pattern: str, name: str) -> bool:
    """Say whether a name, or a wildcard in the place of its first label, is this name (RFC 6125 §6.4.3)."""
    if pattern == name:
        return True
    return pattern.startswith("*.") and name.partition(".")[2] == pattern[2:] and "." in pattern[2:]
