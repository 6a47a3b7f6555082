"""SEARCH, SORT and THREAD. RFC 3501 §6.4.4, RFC 5256 §3; of how many: RFC 9738.

What they return: RFC 4731, RFC 5182 (SAVE), RFC 5267 §3, RFC 9394.
"""

import contextlib
from collections.abc import Iterator, Sequence

from mailcore.imap import telling
from mailcore.imap.commands import Returns, Search, Sort, Thread
from mailcore.imap.criteria import AllOf, Changed, Key, Numbers, leaves
from mailcore.imap.parse.cursor import MAX_NUMBER
from mailcore.imap.responses import Done, Responses, bad, no, ok
from mailcore.imap.search import answers, engine, sorting
from mailcore.imap.search.answers import Result
from mailcore.imap.search.ground import Ground, here_or_aside, silent
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.session import Session
from mailcore.imap.view import View


async def search(session: Session, command: Search) -> Responses:
    """Only what the view shows is found; the answer is ascending. IMAP4rev2 always answers ESEARCH (RFC 9051 §6.4.4)."""
    refused = refusal(session, command)
    if refused is not None:
        yield refused
        return
    yield follow(session, command)
    key, left = bounded(session, session.selected.view, command.key)
    with saving(session, command.returns):
        places = await engine.find(ground(session), key)
        save(session, places, command.returns)
    returns = command.returns or (answers.ALL if "IMAP4REV2" in session.enabled else None)
    yield await here_or_aside(len(places), _answer, session, b"SEARCH", places, command, returns)
    yield ok("searched", left)


async def sort(session: Session, command: Sort) -> Responses:
    """RFC 5256 §3; with RETURN the answer is an ESEARCH in the order asked for (RFC 5267 §3)."""
    refused = refusal(session, command.search) or unbounded(session, session.selected.view, command.search)
    if refused is not None:
        yield refused
        return
    yield follow(session, command.search)
    with saving(session, command.search.returns):
        here = ground(session)
        places = await sorting.ordered(here, await engine.find(here, command.search.key), command.order)
        save(session, places, command.search.returns)
    yield await here_or_aside(len(places), _answer, session, b"SORT", places, command.search, command.search.returns)
    yield ok("sorted")


async def thread(session: Session, command: Thread) -> Responses:
    """RFC 5256 §3."""
    refused = refusal(session, command.search) or unbounded(session, session.selected.view, command.search)
    if refused is not None:
        yield refused
        return
    yield follow(session, command.search)
    here = ground(session)
    places = await engine.find(here, command.search.key)
    uids = session.selected.view.uids
    threads = await sorting.threaded(
        here, places, command.algorithm, (lambda place: uids[place]) if command.search.uid else (lambda place: place + 1)
    )
    yield b"* THREAD %b\r\n" % threads if threads else b"* THREAD\r\n"
    yield ok("threaded")


def ground(session: Session) -> Ground:
    """Return the selected mailbox as a place to search."""
    selected = session.selected
    note = silent if session.progress is None else session.progress.note
    return Ground(session.services, session.memory, selected.account, selected.key, selected.view, session.keywords, session.saved, note)


def refusal(session: Session, command: Search) -> Done | None:
    """Return why a search cannot be, None when it can."""
    if command.charset and "UTF8=ACCEPT" in session.enabled:
        return bad("after UTF8=ACCEPT all strings are UTF-8")  # RFC 6855 §3
    numbered = (key for key in leaves(command.key) if isinstance(key, Numbers))
    if "UIDONLY" in session.enabled and not all(key.uid or key.messages.saved for key in numbered):
        return bad("messages are named by UID alone here", "UIDREQUIRED")  # RFC 9586 §3.3
    return None


def bounded(session: Session, view: View, key: Key) -> tuple[Key, str]:
    """Return the key for as many messages as one command may look at, those of the highest UIDs, and the code when some are left out.

    Numbers and UIDs that every message must have count first: the client goes on with UIDBEFORE (RFC 9738 §3.1).
    """
    if len(view.uids) <= session.limit:
        return key, ""
    keys = key.keys if isinstance(key, AllOf) else (key,)
    places: Sequence[int] = range(len(view.uids))
    for one in keys:
        if isinstance(one, Numbers):
            named = view.known(session.saved) if one.messages.saved else view.matching(one.messages, uid=one.uid)
            places = sorted(set(places).intersection(named))
    kept, left = telling.limited(places, view.uids, session.limit)
    if not left:
        return key, ""
    return AllOf((Numbers(SequenceSet(((view.uids[kept[0]], MAX_NUMBER),)), uid=True), key)), left


def unbounded(session: Session, view: View, command: Search) -> Done | None:
    """Return the refusal of what cannot be done in parts, None when it need not be (RFC 9738). A result to save is empty then."""
    if not bounded(session, view, command.key)[1]:
        return None
    if command.returns is not None and "SAVE" in command.returns.options:
        session.saved = ()
    return no("too many messages for one command", f"MESSAGELIMIT {session.limit}")


def follow(session: Session, command: Search) -> bytes:
    """A search about modseqs turns them on; return what is told of that (RFC 7162 §3.1)."""
    return session.enable_condstore() if any(isinstance(key, Changed) for key in leaves(command.key)) else b""


@contextlib.contextmanager
def saving(session: Session, returns: Returns | None) -> Iterator[None]:
    """A search that fails with NO has an empty result to save (RFC 5182 §2.1)."""
    try:
        yield
    except BaseException:
        if returns is not None and "SAVE" in returns.options:
            session.saved = ()
        raise


def save(session: Session, places: Sequence[int], returns: Returns | None) -> None:
    """Let ``$`` stand for what was found, when that was asked for."""
    if returns is not None and "SAVE" in returns.options:
        session.saved = [session.selected.view.uids[place] for place in answers.saved(places, returns)]


def _answer(session: Session, kind: bytes, places: Sequence[int], command: Search, returns: Returns | None) -> bytes:
    view = session.selected.view
    result = Result(places, [view.uids[place] if command.uid else place + 1 for place in places])
    modseq = 0
    if any(isinstance(key, Changed) for key in leaves(command.key)):
        modseq = max((view.modseqs[place] for place in answers.told(places, returns)), default=0)
    if returns is None:
        return answers.plain(kind, result, modseq)
    return answers.extended(b'TAG "%b"' % session.tag, result, returns, modseq, uid=command.uid)
