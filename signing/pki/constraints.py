"""Name constraints, pure: which names an issuer may certify. RFC 5280 §4.2.1.10, §6.1.3 (b) and (c).

They are enforced whether or not they are marked critical. A name of a kind that is constrained but not known here is
outside.
"""

from collections.abc import Callable, Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from signing.certificate import value


class Outside(Exception):
    """A name that its issuers may not certify."""


def check(path: Sequence[x509.Certificate]) -> None:
    """Check each certificate's names, leaf first, against all issuers above it; raise Outside, or ValueError."""
    for depth, issuer in enumerate(path[1:], start=1):
        limits = value(issuer, x509.NameConstraints)
        if limits is None:
            continue
        for index, certificate in enumerate(path[:depth]):
            if index == 0 or certificate.subject != certificate.issuer:
                for name in _names(certificate):
                    _check_name(name, limits)


def _check_name(name: x509.GeneralName, limits: x509.NameConstraints) -> None:
    permitted = [one for one in limits.permitted_subtrees or () if type(one) is type(name)]
    excluded = [one for one in limits.excluded_subtrees or () if type(one) is type(name)]
    if not permitted and not excluded:
        return
    within = WITHIN.get(type(name))
    if within is None or any(within(name.value, one.value) for one in excluded):
        raise Outside(str(name))
    if permitted and not any(within(name.value, one.value) for one in permitted):
        raise Outside(str(name))


def _names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    """Return alternative names, the subject unless empty, and mail addresses that stand in the subject."""
    yield from value(certificate, x509.SubjectAlternativeName) or ()
    if certificate.subject.rdns:
        yield x509.DirectoryName(certificate.subject)
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        yield x509.RFC822Name(str(attribute.value))


def _mail_within(address: str, limit: str) -> bool:
    """A limit is one mailbox, all mailboxes of one host, or with a leading dot all below a domain."""
    local, _, host = address.rpartition("@")
    limit_local, at, limit_host = limit.rpartition("@")
    if at:
        return local == limit_local and host.lower() == limit_host.lower()
    return host.lower().endswith(limit.lower()) if limit.startswith(".") else host.lower() == limit.lower()


def _host_within(host: str, limit: str) -> bool:
    """A limit is a host and everything below it."""
    return not limit or f".{host.lower()}".endswith(f".{limit.lower().lstrip('.')}")


def _directory_within(name: x509.Name, limit: x509.Name) -> bool:
    return name.rdns[: len(limit.rdns)] == limit.rdns


WITHIN: dict[type[x509.GeneralName], Callable[..., bool]] = {
    x509.RFC822Name: _mail_within,
    x509.DNSName: _host_within,
    x509.DirectoryName: _directory_within,
}
