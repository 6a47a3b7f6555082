"""Where a certificate says that its revocation and its issuer are found, pure. RFC 5280 §4.2.1.13, §4.2.1.15, §4.2.2.1.

By plain HTTP only: whoever checks a certificate cannot be asked to trust another one first. The lists of an authority are cut
into PARTS, so that whoever asks about one certificate fetches a sixteenth; which part speaks of it follows from its serial number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

PARTS = 16  # stands in certificates that were issued: a change would need a second scheme beside this one
WHOLE = -1  # the list that speaks of everything that an authority issued
LISTS, ISSUERS, ANSWERS = "/crl", "/ca", "/ocsp"


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses of one certificate: its list, what changed since that list, its issuer's certificate, who answers about it."""

    base: str
    delta: str
    issuer: str
    ocsp: str


def part(serial: int) -> int:
    """Return which list speaks of a certificate; serial numbers are random (RFC 5280 §4.1.2.2 bounds them to 20 octets)."""
    return serial % PARTS


def list_path(key_id: str, number: int, *, delta: bool = False) -> str:
    """Return the path of an authority's list, `number` a part or WHOLE."""
    name = "all" if number == WHOLE else str(number)
    return f"{LISTS}/{key_id}/{name}{'-delta' if delta else ''}.crl"


def places(url: str, key_id: str, serial: int, *, whole: bool = False) -> Places:
    """Return the addresses for a certificate of the authority `key_id`; `url` has no slash at its end.

    `whole` is for certificates of authorities: there are few, and the one list of a root that is offline is signed for a year.
    """
    number = WHOLE if whole else part(serial)
    base, delta = (url + list_path(key_id, number, delta=changes) for changes in (False, True))
    return Places(base, delta, f"{url}{ISSUERS}/{key_id}.cer", url + ANSWERS)


def extensions(found: Places) -> Iterator[x509.ExtensionType]:
    """Return what a certificate says of them, none of it critical.

    FreshestCRL must stand here and in the list: without it openssl and certvalidator ignore a delta without a word.
    """
    yield x509.CRLDistributionPoints([point(found.base)])
    yield x509.FreshestCRL([point(found.delta)])
    asked, issued = AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS
    pairs = ((asked, found.ocsp), (issued, found.issuer))
    yield x509.AuthorityInformationAccess([x509.AccessDescription(kind, x509.UniformResourceIdentifier(where)) for kind, where in pairs])


def point(where: str) -> x509.DistributionPoint:
    """Return a distribution point that is one address."""
    return x509.DistributionPoint([x509.UniformResourceIdentifier(where)], None, None, None)
