"""Commands that are answered from what the session knows, where their octets arrive. RFC 3501 §6.1.2, §6.4.1, §6.4.5.

What is asked for most, and answers what the handlers of these commands answer: they are for whatever is not as simple.
"""

from collections.abc import Callable
from functools import lru_cache

from mailcore.imap.commands import Attribute, Fetch, Level, Plain
from mailcore.imap.fetching import VIEW_FIELDS, opening
from mailcore.imap.parse.fetching import FLAGS, MODSEQ
from mailcore.imap.responses import Done, ok
from mailcore.imap.session import Session

Said = tuple[bytes, Done]  # untagged responses, and how the command ends
MANY = 64  # messages: more are written together, which costs less each
DONE, FETCHED = (b"", ok("done")), ok("fetched")


def noop(session: Session, command: Plain) -> Said:
    """Answer when there is nothing to tell."""
    return DONE


def fetch(session: Session, command: Fetch) -> Said | None:
    """Answer what the view knows of a few messages; None for everything else."""
    items = _items(session, command)
    if items is None:
        return None
    places = session.places(command.messages, uid=command.uid)
    if len(places) > min(MANY, session.limit):
        return None
    template = _template(tuple([item.name for item in items]))
    columns = [_READERS[item.name](session) for item in items]
    return b"".join([template % (place + 1, *[read(place) for read in columns]) for place in places]), FETCHED


def _items(session: Session, command: Fetch) -> tuple[Attribute, ...] | None:
    """Return the items as this client is answered when the view has them all and nothing else changes the answer."""
    if command.changed_since is not None or command.partial is not None or command.vanished:
        return None
    follows = False
    if session.enabled:
        if "UIDONLY" in session.enabled:
            return None
        follows = "CONDSTORE" in session.enabled
    found: list[Attribute] = []
    for item in command.items:
        if item.level is not Level.VIEW or (item is MODSEQ and not follows) or not isinstance(item, Attribute):
            return None
        found.append(item)
    if follows and FLAGS in found and MODSEQ not in found:  # RFC 7162 §3.1: MODSEQ wherever flags are told
        found.append(MODSEQ)
    return tuple(found)


def _flags(session: Session) -> Callable[[int], bytes]:
    write, flags = session.flags.write, session.selected.view.flags
    return lambda place: write(flags[place])


_READERS: dict[str, Callable[[Session], Callable[[int], int | bytes]]] = {  # of an item, by the place of a message
    "UID": lambda session: session.selected.view.uids.__getitem__,
    "FLAGS": _flags,
    "MODSEQ": lambda session: session.selected.view.modseqs.__getitem__,
}


@lru_cache(maxsize=64)
def _template(names: tuple[str, ...]) -> bytes:
    return opening(only=False) + b" ".join([VIEW_FIELDS[name] for name in names]) + b")\r\n"
