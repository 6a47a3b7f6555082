"""SEARCH, SORT and THREAD. RFC 3501 §6.4.4, RFC 5256 §3; what they return: RFC 4731, RFC 5182 (SAVE), RFC 5267 §3, RFC 9394."""

import contextlib
from collections.abc import Iterator, Sequence

from mailcore.imap.commands import Returns, Search, Sort, Thread
from mailcore.imap.criteria import Changed, Numbers, leaves
from mailcore.imap.responses import Done, Responses, bad, ok
from mailcore.imap.search import answers, engine, sorting
from mailcore.imap.search.answers import Result
from mailcore.imap.search.ground import Ground, here_or_aside
from mailcore.imap.session import Session


async def search(session: Session, command: Search) -> Responses:
    """Only what the view shows is found; the answer is ascending. IMAP4rev2 always answers ESEARCH (RFC 9051 §6.4.4)."""
    refused = refusal(session, command)
    if refused is not None:
        yield refused
        return
    yield follow(session, command)
    with saving(session, command.returns):
        places = await engine.find(ground(session), command.key)
        save(session, places, command.returns)
    returns = command.returns or (answers.ALL if "IMAP4REV2" in session.enabled else None)
    yield await here_or_aside(len(places), _answer, session, b"SEARCH", places, command, returns)
    yield ok("searched")


async def sort(session: Session, command: Sort) -> Responses:
    """RFC 5256 §3; with RETURN the answer is an ESEARCH in the order asked for (RFC 5267 §3)."""
    refused = refusal(session, command.search)
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
    refused = refusal(session, command.search)
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
    return Ground(session.services, session.memory, selected.account, selected.key, selected.view, session.keywords, session.saved)


def refusal(session: Session, command: Search) -> Done | None:
    """Return why a search cannot be, None when it can."""
    if command.charset and "UTF8=ACCEPT" in session.enabled:
        return bad("after UTF8=ACCEPT all strings are UTF-8")  # RFC 6855 §3
    numbered = (key for key in leaves(command.key) if isinstance(key, Numbers))
    if "UIDONLY" in session.enabled and not all(key.uid or key.messages.saved for key in numbered):
        return bad("messages are named by UID alone here", "UIDREQUIRED")  # RFC 9586 §3.3
    return None


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
