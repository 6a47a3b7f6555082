"""REPLACE: a message takes the place of another in one step. RFC 8508."""

from collections.abc import Sequence

from config.database import Tx
from mailcore.errors import NoSuchMailbox
from mailcore.imap import responses
from mailcore.imap.commands import Replace
from mailcore.imap.errors import ExpungedElsewhere
from mailcore.imap.handlers import intake
from mailcore.imap.handlers.appending import appenduid
from mailcore.imap.responses import Responses, no, reached
from mailcore.imap.session import Session
from mailcore.imap.transferring import creatable
from mailcore.store import accounts, arrivals, mailboxes, messages, rights
from mailcore.store.arrivals import Draft
from mailcore.store.keys import AccountKey
from mailcore.store.types import Appended, Expunged, MailboxKey


async def replace(session: Session, command: Replace) -> Responses:
    """File the new message and remove the old one, or do neither (RFC 8508 §3.2).

    APPENDUID comes before the client is told of the removal, so that it never misses a message (§3.4).
    """
    selected = session.writable()
    places = session.places(command.number, uid=command.uid)
    if not places or selected.view.is_gone(places[0]):
        yield no("the message to be replaced is not there", "EXPUNGEISSUED" if places else "NONEXISTENT")
        return
    uid = selected.view.uids[places[0]]
    place = (await session.locate(command.name)).require("i")
    within, kept = rights.settable(place.rights), rights.kept_keywords(place.rights)
    try:
        draft = await intake.draft(session, command.message)
        there = place.account, place.name, draft, within
        appended, removed = await session.services.db.write_brief(put_in_place, *there, selected.key, uid, kept)
    except NoSuchMailbox as error:
        yield no(creatable(place, error), "TRYCREATE")
        return
    yield responses.untagged("OK", "the new message is there", appenduid(place, appended))
    selected.view.bury(removed.uids)
    selected.view.advance(removed.since, removed.modseq)
    yield reached("replaced")


def put_in_place(
    tx: Tx, account: AccountKey, name: str, draft: Draft, within: int, source: MailboxKey, uid: int, kept: int = 0
) -> tuple[Sequence[Appended], Expunged]:
    """Append a message and remove another, which makes room for it. Raises NoSuchMailbox, ExpungedElsewhere, OverQuota."""
    accounts.lock(tx, (account.account_id, source.account_id))
    mailboxes.find(tx, account.account_id, name)
    removed = messages.remove(tx, source, [uid])
    if not removed.uids:
        raise ExpungedElsewhere(missing=1)
    return arrivals.append(tx, account, name, (draft,), within, kept), removed
