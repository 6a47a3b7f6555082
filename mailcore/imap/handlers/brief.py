"""Commands that are answered where their octets arrive: from what the session knows, or from a few rows at hand.

RFC 3501 §6.1.2, §6.3.1, §6.3.2, §6.3.10, §6.4.1, §6.4.5. What is asked for most, and answers what the handlers of these
commands answer: they are for whatever is not as simple. Who gives None has changed nothing.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from config.database import NOT_NOW
from mailcore.imap import forms, names
from mailcore.imap.commands import Fetch, Plain, Select, Status
from mailcore.imap.fetching import VIEW_FIELDS, Opened, opening
from mailcore.imap.forms import Line
from mailcore.imap.handlers import bodies, fetching, mailboxes, selecting
from mailcore.imap.parse.fetching import MODSEQ
from mailcore.imap.responses import Done, FlagWriter, ok
from mailcore.imap.session import Session
from mailcore.imap.view import View
from mailcore.store import mailboxes as kept

Said = tuple[Iterable[bytes | memoryview], Done]  # pieces of untagged responses, and how the command ends
MANY = 64  # messages: more are written together, which costs less each
BODY_BYTES = 64 * 1024  # of one message: looked up and opened in 0.1 to 0.2 ms, while nobody else is answered
DONE, FETCHED = ok("done"), ok("fetched")


def noop(session: Session, command: Plain) -> Said:
    """Answer when there is nothing to tell."""
    return (), DONE


def select(session: Session, command: Select) -> Said | None:
    """Open a mailbox that is as somebody here saw it last, unless more is to be said of it; None for any other."""
    return _open(session, command, read_only=session.reads_only)


def examine(session: Session, command: Select) -> Said | None:
    """The same, and nothing may change."""
    return _open(session, command, read_only=True)


def _open(session: Session, command: Select, *, read_only: bool) -> Said | None:
    if command.resync is not None or "IMAP4REV2" in session.enabled or (session.others and names.foreign(command.name) is not None):
        return None
    place, before = session.near(command.name).require("r"), () if session.unselected else (selecting.CLOSED,)
    read_only = read_only or not place.changes
    mailbox = session.select_known(place, read_only=read_only)
    if mailbox is None:
        return None
    if command.condstore:
        session.enabled.add("CONDSTORE")
    said = *before, selecting.counted(session, mailbox, read_only=read_only), selecting.numbered(session, mailbox)
    return said, selecting.READ_ONLY if read_only else selecting.READ_WRITE


def status(session: Session, command: Status) -> Said | None:
    """Answer from the row of one of the client's own mailboxes; None when more is to be looked up or told."""
    items = command.items
    follows = "HIGHESTMODSEQ" in items and "CONDSTORE" not in session.enabled
    if follows or mailboxes.is_obsolete(session, items) or not _COUNTED.isdisjoint(items):
        return None
    if session.others and names.foreign(command.name) is not None:
        return None
    place = session.near(command.name).require("r")
    found = session.services.db.glance(kept.find, place.account.account_id, place.name)
    return None if found is NOT_NOW else ((mailboxes.status_written(session, found.name, found, items),), DONE)


_COUNTED = frozenset(mailboxes.COUNTED)


def fetch(session: Session, command: Fetch) -> Said | None:
    """Answer what the view knows of a few messages, or with one small message; None for everything else."""
    return _read(session, command) if command.one_body else _seen(session, command)


def _read(session: Session, command: Fetch) -> Said | None:
    """Answer with the octets of one small message that are at hand, when reading it changes nothing. Raises Damaged."""
    items, enabled = fetching.answered(session, command), session.enabled
    if "UIDONLY" in enabled or (MODSEQ in items and "CONDSTORE" not in enabled):
        return None
    selected, places = session.selected, session.places(command.messages, uid=command.uid)
    form = forms.form(items, only=False)
    if len(places) != 1 or (form.marks_seen and bodies.unseen(session, places)):
        return None
    found = session.services.store.at_hand(selected.account, selected.key, selected.view.uids[places[0]], BODY_BYTES)
    if found is None:
        return None
    stored, raw = found
    line = Line(selected.view, places[0], session.flags, Opened(selected.account.account_id, stored, None, None))
    return form.whole(line, {}, raw), FETCHED


def _seen(session: Session, command: Fetch) -> Said | None:
    """Answer what the view knows of a few messages."""
    names = command.view
    if session.enabled or "MODSEQ" in names:
        names = _extended(session, names)
    if not names:
        return None
    view, flags = session.selected.view, session.flags
    asked = command.messages
    places = view.known(session.saved) if asked.saved else view.places(asked, uid=command.uid)
    if len(places) > 1 and len(places) > min(MANY, session.limit):
        return None
    template, reading = _shape(names)
    return [template % (place + 1, *[read(view, flags, place) for read in reading]) for place in places], FETCHED


def _extended(session: Session, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the items as a client is answered that enabled something; none when there is more to it than them."""
    if "UIDONLY" in session.enabled:
        return ()
    if "CONDSTORE" not in session.enabled:
        return names if "MODSEQ" not in names else ()
    return (*names, "MODSEQ") if "FLAGS" in names and "MODSEQ" not in names else names  # RFC 7162 §3.1: wherever flags are told


Reader = Callable[[View, FlagWriter, int], int | bytes]
_READERS: dict[str, Reader] = {  # of an item, by the place of a message
    "UID": lambda view, flags, place: view.uids[place],
    "FLAGS": lambda view, flags, place: flags.write(view.flags[place]),
    "MODSEQ": lambda view, flags, place: view.modseqs[place],
}


@lru_cache(maxsize=64)
def _shape(names: tuple[str, ...]) -> tuple[bytes, tuple[Reader, ...]]:
    """Return how an answer with these items is written, and what reads what is missing in it."""
    written = opening(only=False) + b" ".join([VIEW_FIELDS[name] for name in names]) + b")\r\n"
    return written, tuple(_READERS[name] for name in names)
