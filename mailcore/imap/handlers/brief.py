"""Commands that are answered from what the session knows, where their octets arrive. RFC 3501 §6.1.2, §6.4.1, §6.4.5.

What is asked for most, and answers what the handlers of these commands answer: they are for whatever is not as simple.
"""

from collections.abc import Callable
from functools import lru_cache

from mailcore.imap.commands import Fetch, Plain
from mailcore.imap.fetching import VIEW_FIELDS, opening
from mailcore.imap.responses import Done, FlagWriter, ok
from mailcore.imap.session import Session
from mailcore.imap.view import View

Said = tuple[bytes, Done]  # untagged responses, and how the command ends
MANY = 64  # messages: more are written together, which costs less each
DONE, FETCHED = (b"", ok("done")), ok("fetched")


def noop(session: Session, command: Plain) -> Said:
    """Answer when there is nothing to tell."""
    return DONE


def fetch(session: Session, command: Fetch) -> Said | None:
    """Answer what the view knows of a few messages; None for everything else."""
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
    return b"".join([template % (place + 1, *[read(view, flags, place) for read in reading]) for place in places]), FETCHED


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
