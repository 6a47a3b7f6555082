"""What somebody decides about keys of OpenPGP, each with its entry in the journal: auditors see who trusted which key since when."""

from typing import Any

from config.database import Tx
from directory import journal, rights
from directory.acts import places
from directory.journal import Entry
from directory.rights import Actor
from mailcore.openpgp import pins
from mailcore.openpgp.pins import EVERYBODY, Pin


def pin(tx: Tx, actor: Actor, wanted: Pin) -> Pin:
    """Pin a key in place of what was known."""
    before = pins.one(tx, wanted.account_id, wanted.address)
    made = pins.put(tx, wanted)
    record(tx, actor, "openpgp.pinned", made.account_id, before=_said(before), after=_said(made))
    return made


def accept(tx: Tx, actor: Actor, account_id: int, address: str, fingerprint: str) -> Pin:
    """Take the other key that turned up, which must be the one that was shown. Raises NotFound."""
    before = pins.one(tx, account_id, address)
    made = pins.accept(tx, account_id, address, fingerprint)
    record(tx, actor, "openpgp.accepted", account_id, before=_said(before), after=_said(made))
    return made


def forget(tx: Tx, actor: Actor, account_id: int, address: str) -> None:
    """Forget the key of an address; the next one that is seen is pinned. Raises NotFound."""
    before = pins.one(tx, account_id, address)
    pins.forget(tx, account_id, address)
    record(tx, actor, "openpgp.forgotten", account_id, before=_said(before))


def record(tx: Tx, actor: Actor, act: str, account_id: int, *, before: Any = None, after: Any = None, reason: str = "") -> None:
    """Journal what was done about a key that an account has or knows; EVERYBODY is the whole node."""
    chain = rights.chain(tx, rights.NATION if account_id == EVERYBODY else places.account(tx, account_id))
    where = (chain.organisation_id, chain.unit_id)
    journal.append(tx, [Entry(actor, act, "openpgp", account_id or None, *where, before=before, after=after, reason=reason)])


def _said(pin: Pin | None) -> dict[str, str] | None:
    return None if pin is None else {"address": pin.address, "fingerprint": pin.fingerprint, "source": pin.source}
