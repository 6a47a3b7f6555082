"""SEARCH. RFC 3501 §6.4.4, RFC 4731 (ESEARCH): each message is read only as far as its answer needs."""

import asyncio
from collections.abc import Sequence

from mailcore.imap import searching
from mailcore.imap.commands import Level, Search
from mailcore.imap.responses import Responses, ok
from mailcore.imap.searching import Candidate, Test
from mailcore.imap.session import Session
from mailcore.store import messages

CHUNK = 200  # messages per unit of work: readers hold no snapshot for long
INLINE_QUESTIONS = 20_000  # asked of the view at once: some ms; more would keep every other client waiting
TEXT_CHUNK = 20  # bodies held at once


async def search(session: Session, command: Search) -> Responses:
    """Only what the view shows is found; the answer is ascending."""
    view = session.selected.view
    test = searching.compiled(command.key, view, session.keywords)
    everything = [Candidate(place, flags) for place, flags in enumerate(view.flags)]
    if searching.weight(command.key) * len(everything) > INLINE_QUESTIONS:
        found, undecided = await asyncio.to_thread(_sift, test, everything)
    else:
        found, undecided = _sift(test, everything)
    header = searching.level(command.key) >= Level.HEADER
    for start in range(0, len(undecided), CHUNK):
        found += await _decide(session, test, undecided[start : start + CHUNK], header=header)
    found.sort()
    numbers = [view.uids[place] if command.uid else place + 1 for place in found]
    if command.returns is None:
        yield searching.answer(numbers)
    else:
        yield searching.extended_answer(session.tag, numbers, command.returns, uid=command.uid)
    yield ok("searched")


async def _decide(session: Session, test: Test, candidates: Sequence[Candidate], *, header: bool) -> list[int]:
    """Decide about a chunk of candidates: first by their rows and headers, then, where needed, by their octets."""
    selected = session.selected
    by_uid = {selected.view.uids[candidate.place]: candidate for candidate in candidates}
    rows = await session.services.db.read(messages.fetch, selected.key, list(by_uid), header=header)
    for row in rows:
        candidate = by_uid[row.uid]
        candidate.row = row
        candidate.header = session.selected.account.header(row) if header else None
    present = [by_uid[row.uid] for row in rows]
    found, undecided = await asyncio.to_thread(_sift, test, present)
    for start in range(0, len(undecided), TEXT_CHUNK):
        found += await _decide_by_text(session, test, undecided[start : start + TEXT_CHUNK])
    return found


async def _decide_by_text(session: Session, test: Test, candidates: Sequence[Candidate]) -> list[int]:
    for candidate in candidates:
        assert candidate.row is not None
        candidate.raw = await session.services.store.raw(session.selected.account, candidate.row)
    found, _ = await asyncio.to_thread(_sift, test, candidates)
    for candidate in candidates:
        candidate.forget()
    return found


def _sift(test: Test, candidates: Sequence[Candidate]) -> tuple[list[int], list[Candidate]]:
    """Return the places that match, and the candidates of which more must be known."""
    found: list[int] = []
    undecided: list[Candidate] = []
    for candidate in candidates:
        matches = test(candidate)
        if matches is None:
            undecided.append(candidate)
        elif matches:
            found.append(candidate.place)
    return found, undecided
