"""Searching, comparing, and the operations that say who one is or that nothing may be written. RFC 4511 §4.5, §4.10; RFC 4532."""

import asyncio

from directory.ldap import controls, dn, entries, errors, messages, schema, searching, selfsaid
from directory.ldap.controls import Asked, Page
from directory.ldap.entries import Entry
from directory.ldap.errors import CriticalControl, NoSuchAttribute, NotUnderstood, ReadOnly, TookTooLong, UnknownOperation
from directory.ldap.filters import Equal
from directory.ldap.matching import holds
from directory.ldap.messages import BASE, COMPARE_DONE, SEARCH_DONE, Change, Compare, Control, Extended, Search
from directory.ldap.searching import Answer
from directory.ldap.session import Pending, Session
from directory.ldap.showing import Reader

_SUBSCHEMA = dn.key(dn.parse(schema.SUBSCHEMA))


async def search(session: Session, request: Search, asked: Asked) -> tuple[list[bytes], bytes, tuple[Control, ...]]:
    """Return entries, the SearchResultDone and its controls.

    Raises the refusals of `searching.run`, CriticalControl, NotSignedIn, TookTooLong.
    """
    if own := _of_itself(session, request):
        shown = [entries.encode(own, schema.selected(request.attributes), types_only=request.types_only)]
        true = request.filter is not None and holds(request.filter, own, {})
        return shown if true else [], messages.result(SEARCH_DONE, errors.SUCCESS), ()
    reader = await session.reader()
    if asked.unsortable and asked.sort_critical:
        raise CriticalControl
    try:
        async with asyncio.timeout(_allowed_s(session, request)):
            answer, said = await _page(session, request, asked, reader)
    except TimeoutError:
        raise TookTooLong from None
    code = errors.SIZE_LIMIT_EXCEEDED if answer.truncated else errors.SUCCESS
    said = (*said, controls.sorted_by(asked)) if asked.sort or asked.unsortable else said
    return list(answer.entries), messages.result(SEARCH_DONE, code), said


async def compare(session: Session, request: Compare) -> bytes:
    """Return the CompareResponse. Raises NoSuchAttribute, NoSuchEntry, BadName, NotSignedIn."""
    front, reader = session.front, await session.reader()
    assertion = Equal(request.attribute, request.value)
    said = await front.db.read(searching.compare, front.tree, reader, request.name, assertion)
    if said is None:
        raise NoSuchAttribute
    return messages.result(COMPARE_DONE, errors.COMPARE_TRUE if said else errors.COMPARE_FALSE)


async def extended(session: Session, request: Extended) -> bytes:
    """Return the ExtendedResponse: who one is (RFC 4532 §2.2), as a user name that other fronts take as well."""
    if request.oid != messages.WHO_AM_I:
        raise UnknownOperation
    who = f"u:{session.identity.address}" if session.identity else ""
    return messages.extended_result(errors.SUCCESS, value=who.encode())


async def change(session: Session, request: Change) -> bytes:
    """Refuse to write. Raises ReadOnly."""
    raise ReadOnly


def _of_itself(session: Session, request: Search) -> Entry | None:
    """Return the root or the subschema when that is what is asked for: what anybody may read."""
    if request.scope != BASE:
        return None
    if not request.base:
        peer = session.peer
        offered = session.front.signin.mechanisms(tls=True, certificate=peer.certificate, bindings=peer.bindings)
        return selfsaid.root(session.front.tree.text, offered)
    return selfsaid.subschema() if dn.key(dn.parse(request.base)) == _SUBSCHEMA else None


def _allowed_s(session: Session, request: Search) -> float:
    ours = session.front.limits.time_limit_s
    return min(ours, float(request.time_limit_s)) if request.time_limit_s else ours


async def _page(session: Session, request: Search, asked: Asked, reader: Reader) -> tuple[Answer, tuple[Control, ...]]:
    front, limit = session.front, session.front.limits.max_entries
    if request.size_limit:
        limit = min(limit, request.size_limit)
    if asked.page is None:
        return await front.db.read(searching.run, front.tree, reader, request, asked.sort, limit, paged=False), ()
    if asked.page.cookie:
        return await _resumed(session, asked.page, reader)
    size = min(limit, asked.page.size) or limit
    answer = await front.db.read(searching.run, front.tree, reader, request, asked.sort, size, paged=True)
    return _kept(session, request, reader, answer, answer.truncated)


async def _resumed(session: Session, page: Page, reader: Reader) -> tuple[Answer, tuple[Control, ...]]:
    """Show the next page; a size of 0 ends the search (RFC 2696 §3). Raises NotUnderstood for a cookie that is not ours."""
    pending = session.take(page.cookie)
    if pending is None or pending.person_id != reader.person_id:
        raise NotUnderstood("this search has ended")
    if page.size == 0:
        return Answer(()), (controls.paged(b""),)
    front, size = session.front, min(session.front.limits.max_entries, page.size)
    answer = await front.db.read(searching.resume, front.tree, reader, pending.asked, pending.ids, size)
    return _kept(session, pending.asked, reader, answer, pending.truncated)


def _kept(session: Session, asked: Search, reader: Reader, answer: Answer, truncated: bool) -> tuple[Answer, tuple[Control, ...]]:
    """Return a page with its cookie; only the last one says that there was more than is ever shown."""
    if not answer.rest:
        return Answer(answer.entries, truncated=truncated), (controls.paged(b""),)
    cookie = session.keep(Pending(asked, reader.person_id, answer.rest, truncated))
    return Answer(answer.entries), (controls.paged(cookie),)
