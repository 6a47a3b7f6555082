"""How certificates end, are held and go on, as units of work: the register, and what the directory offers, in one transaction.

What an order says has to fit the register: an account may order the end of its own certificates only.
"""

from collections.abc import Callable

from config.database import Tx
from directory import acts, certificates, client_certificates, orders
from directory.acts.credentials import CertificateRevoke
from directory.errors import NotFound
from directory.orders import Order
from directory.rights import CONSOLE
from mailcore.pki.issue import HOLDERS
from signing.errors import CertificateRefused
from signing.pki import register
from signing.pki.register import Issued


def ordered(tx: Tx, order: Order) -> Issued:
    """Return the certificate that an order is about. Raises NoSuchCertificate, CertificateRefused when it is somebody else's."""
    found = register.find(tx, order.wanted.authority, int(order.wanted.serial, 16))
    if found.account_id != order.wanted.account_id:
        raise CertificateRefused("this certificate is of another account than the order says")
    if found.kind == "root":
        raise CertificateRefused("a root ends when nobody trusts it any more: take it out of root.pem everywhere")
    return found


def revoke(tx: Tx, order: Order) -> Issued:
    """Revoke as ordered. Raises NoSuchCertificate, CertificateRefused."""
    found = ordered(tx, order)
    _withdraw(tx, found)
    return register.revoke(tx, found.authority, found.serial, order.wanted.reason or "unspecified")


def suspend(tx: Tx, order: Order) -> Issued:
    """Suspend as ordered. Raises NoSuchCertificate, CertificateRefused."""
    found = ordered(tx, order)
    _withdraw(tx, found)
    return register.suspend(tx, found.authority, found.serial)


def resume(tx: Tx, order: Order) -> Issued:
    """Let a suspended one be good again, as ordered. Raises NoSuchCertificate, CertificateRefused."""
    found = ordered(tx, order)
    resumed = register.resume(tx, found.authority, found.serial)
    if found.kind == "client":
        client_certificates.restore(tx, found.account_id, client_certificates.fingerprint(found.der))
    elif found.kind in HOLDERS:
        certificates.restore(tx, found.account_id, found.key_id)
    return resumed


ENDS: dict[str, Callable[[Tx, Order], Issued]] = {"revoke": revoke, "suspend": suspend, "resume": resume}


def end(tx: Tx, order: Order) -> Issued:
    """Carry out an order to end, hold or resume, and note that it was. Raises NoSuchCertificate, CertificateRefused."""
    changed = ENDS[order.wanted.verb](tx, order)
    if not orders.done(tx, order.order_id, changed.authority, f"{changed.serial:x}"):
        raise CertificateRefused("this order was carried out already")
    return changed


def _withdraw(tx: Tx, one: Issued) -> None:
    """Stop offering a certificate: nothing is signed with it from now on, and nobody signs in with it."""
    if one.kind == "client":
        try:
            acts.perform(tx, CONSOLE, CertificateRevoke(one.account_id, client_certificates.fingerprint(one.der).hex()), "diwan cert")
        except NotFound:  # it never was let in, or was shut out before
            pass
    elif one.kind in HOLDERS:
        certificates.revoke(tx, one.account_id, one.key_id)
