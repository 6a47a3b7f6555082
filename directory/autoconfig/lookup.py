"""Whose account is to be set up: from the address that a client asks about to the domain and its owner."""

from config.database import Tx
from directory import address, domains, organisations
from directory.autoconfig.offer import Mailbox
from directory.errors import BadAddress


def mailbox(tx: Tx, written: str) -> Mailbox:
    """Return what may be told about an address, or about a domain: nothing that depends on whether somebody has it.

    Raises BadAddress, and NotFound for a domain that is not ours.
    """
    if "@" in written:
        found = address.parse(written)
        domain, whole = found.domain, str(found)
    else:
        domain, whole = address.parse_domain(written), ""
    if domain.startswith("["):
        raise BadAddress(domain=domain)
    owner = organisations.find(tx, domains.owner(tx, domain))
    return Mailbox(whole, domain, owner.name_ar, owner.name_fr)
