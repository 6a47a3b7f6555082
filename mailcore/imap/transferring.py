"""Carries messages from the selected mailbox into another one, of the same account or of somebody else's. RFC 9051 §6.4.7, RFC 4314 §4."""

from bisect import bisect_left
from collections.abc import Sequence

from config.database import Tx
from mailcore.errors import LimitReached, NoSuchMailbox
from mailcore.imap.errors import ExpungedElsewhere
from mailcore.imap.place import Place
from mailcore.imap.session import Session
from mailcore.store import crossing, mailboxes, messages, rights
from mailcore.store.types import AccountId, Copied, MailboxKey

MISSING = "no such mailbox; it can be created"


def creatable(place: Place, error: NoSuchMailbox) -> str:
    """Return the text of TRYCREATE for a mailbox that is not there. Raises the error again when it could not be made (RFC 4314 §4)."""
    if "k" not in place.above:
        raise error
    return MISSING


async def transfer(session: Session, place: Place, uids: Sequence[int], expected: int, *, move: bool) -> Copied:
    """Copy or move messages; flags go along as far as they may be set there. Raises NoSuchMailbox, ExpungedElsewhere, OverQuota."""
    selected = session.selected
    within = rights.settable(place.rights)
    if place.account.account_id == selected.account.account_id:
        return await session.services.db.write(_within, selected.key, uids, place.name, expected, within, move=move)
    exact = _exact(selected.view.uids, uids)
    if len(exact) > crossing.MAX_MESSAGES:
        raise LimitReached(f"at most {crossing.MAX_MESSAGES} messages go into another account at a time")
    await session.services.db.peek(mailboxes.find, place.account.account_id, place.name)
    opened = await crossing.open_all(session.services.db, selected.account, selected.key, exact, place.account)
    unit = crossing.move if move else crossing.copy
    return await session.services.db.write(
        _across, unit, selected.key, exact, opened, place, expected, within, rights.kept_keywords(place.rights)
    )


def _exact(known: Sequence[int], uids: Sequence[int]) -> list[int]:
    """Return UIDs one by one: a range stands for those of it that the client knows."""
    if not isinstance(uids, range):
        return list(uids)
    return list(known[bisect_left(known, uids.start) : bisect_left(known, uids.stop)])


def _within(tx: Tx, source: MailboxKey, uids: Sequence[int], name: str, expected: int, within: int, *, move: bool) -> Copied:
    target = mailboxes.find(tx, AccountId(source.account_id), name).key
    return _all((messages.move if move else messages.copy)(tx, source, uids, target, within), expected)


def _across(
    tx: Tx,
    unit: crossing.Unit,
    source: MailboxKey,
    uids: Sequence[int],
    opened: dict[int, crossing.Opened],
    place: Place,
    expected: int,
    within: int,
    kept: int,
) -> Copied:
    return _all(unit(tx, source, uids, opened, place.account, place.name, within, kept), expected)


def _all(done: Copied, expected: int) -> Copied:
    """Undo the unit when fewer messages were there than expected (RFC 9051 §6.4.7: all or nothing)."""
    if len(done.pairs) < expected:
        raise ExpungedElsewhere(missing=expected - len(done.pairs))
    return done
