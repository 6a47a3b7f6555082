"""Whose keys somebody may let work: those of their own, of what they hold, and for documents of whoever delegated that to them."""

from config.database import Tx
from directory import certificates, credentials, delegations, holdings
from directory.errors import NotFound, SignInExpired
from mailcore.activation.grants import Holder
from mailcore.activation.wire import Purpose

OF: dict[Purpose, str] = {
    "sign": certificates.SIGN,
    "pdf": certificates.SIGN,
    "decrypt": certificates.ENCRYPT,
}  # what the certificate is for


def may_use(tx: Tx, holder: Holder, account_id: int, key_id: str, purpose: Purpose) -> bool:
    """Say whether whoever got a grant may use a key of an account now. Raises SignInExpired when their credentials have changed since.

    It signs with the certificate that is in force, and decrypts with every one that the account ever had. Who sends in the name of
    another signs documents for them, by delegation as they say, but neither signs nor decrypts letters with their keys.
    """
    if not _stands(tx, holder):
        raise SignInExpired(reason="epoch", person_id=holder.person_id)
    if not _is_theirs(tx, holder.person_id, account_id, lent=purpose == "pdf"):
        return False
    if purpose == "decrypt":
        return any(one.key_id == key_id for one in certificates.every(tx, account_id, OF[purpose]))
    current = certificates.current(tx, account_id, OF[purpose], tx.now_us)
    return current is not None and current.key_id == key_id


def _stands(tx: Tx, holder: Holder) -> bool:
    try:
        return credentials.epoch(tx, holder.person_id) == holder.epoch
    except NotFound:  # they have left
        return False


def _is_theirs(tx: Tx, person_id: int, account_id: int, *, lent: bool) -> bool:
    if account_id == person_id or any(one.account_id == account_id for one in holdings.held_by(tx, person_id, tx.now_us)):
        return True
    loan = delegations.between(tx, person_id, account_id, tx.now_us) if lent else None
    return loan is not None and loan.sends is not None
