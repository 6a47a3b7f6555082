"""Acts on the certificates that this platform issues: two persons let one be made or go on, one is enough to end it.

Those of machines and authorities have no account (0) and are the nation's matter: two persons renew and end them too.
"""

from collections.abc import Callable
from typing import Any, Literal

from config.database import Tx
from directory import orders
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.orders import Verb, Wanted
from directory.rights import NATION, Actor, Scope

Kind = Literal["sign", "encrypt", "post", "seal", "client", "tls"]


class CertificateOrder(Act, frozen=True, tag="certificate.order"):
    """Issue a certificate for an address, or to a machine for its host names. `public_key`: DER, of a key that is not made here."""

    kind: Kind
    account_id: int
    address: str
    public_key: bytes = b""


class CertificateRenew(Act, frozen=True, tag="certificate.renew"):
    """Issue another certificate in the place of one, to the same."""

    account_id: int
    authority: str
    serial: str


class CertificateRevoke(Act, frozen=True, tag="certificate.revoke"):
    """End a certificate for good; `because` is a reason of RFC 5280 §5.3.1."""

    account_id: int
    authority: str
    serial: str
    because: str


class CertificateSuspend(Act, frozen=True, tag="certificate.suspend"):
    """Let a certificate not be good for now."""

    account_id: int
    authority: str
    serial: str


class CertificateResume(Act, frozen=True, tag="certificate.resume"):
    """Let a suspended certificate be good again."""

    account_id: int
    authority: str
    serial: str


class EscrowOpen(Act, frozen=True, tag="escrow.open"):
    """Let the officers open a key of decryption that they keep, once. Not in the name of whose letters it reads."""

    account_id: int
    key_id: str


def _here(tx: Tx, act: Any) -> Scope:
    return places.account(tx, act.account_id) if act.account_id else NATION


def _outranked(tx: Tx, actor: Actor, act: Any) -> None:
    if act.account_id and actor.person_id != act.account_id:
        places.require_outranked(tx, actor, act.account_id)


def _fits(tx: Tx, actor: Actor, act: CertificateOrder) -> None:
    """A machine's certificate is the nation's matter: whoever is in charge of an account orders none in its name. Raises BadEntry."""
    if (act.kind == "tls") == bool(act.account_id):
        raise BadEntry("a certificate of kind tls is for host names and no account, any other for an account")
    _outranked(tx, actor, act)


def _own(tx: Tx, act: Any) -> int | None:
    return act.account_id or None


def _subject(act: Any, value: Any) -> int | None:
    return act.account_id or None


def _of_machine(tx: Tx, actor: Actor, act: Any) -> bool:
    return not act.account_id


def _order(tx: Tx, act: CertificateOrder) -> int:
    return orders.add(tx, Wanted("issue", act.account_id, act.kind, act.address, act.public_key))


def _noted(verb: Verb) -> Callable[[Tx, Any], int]:
    """Return what notes that something is wanted of a certificate that there is."""

    def run(tx: Tx, act: Any) -> int:
        because = getattr(act, "because", "")
        return orders.add(tx, Wanted(verb, act.account_id, authority=act.authority, serial=act.serial, reason=because))

    return run


def _open(tx: Tx, act: EscrowOpen) -> int:
    return orders.add(tx, Wanted("open", act.account_id, serial=act.key_id))


_WHAT = "certificate"
RULES: Rules = {
    CertificateOrder: Rule("credentials", _here, _order, _WHAT, _subject, guard=_fits, two_persons=always),
    CertificateRenew: Rule("credentials", _here, _noted("renew"), _WHAT, _subject, guard=_outranked, own=_own, two_persons=_of_machine),
    CertificateRevoke: Rule("credentials", _here, _noted("revoke"), _WHAT, _subject, guard=_outranked, own=_own, two_persons=_of_machine),
    CertificateSuspend: Rule("credentials", _here, _noted("suspend"), _WHAT, _subject, guard=_outranked, own=_own, two_persons=_of_machine),
    EscrowOpen: Rule("credentials", _here, _open, _WHAT, _subject, guard=_outranked, two_persons=always),
    CertificateResume: Rule("credentials", _here, _noted("resume"), _WHAT, _subject, guard=_outranked, two_persons=always),
}
