"""Letters that wait for the owner of a list: reading them and deciding on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory import held as holding
from directory.acts.lists import ListReject, ListRelease
from directory.errors import NotFound, NotPending
from directory.held import MAX_REASON_CHARS, Held
from mailcore.message import addresses, content, headers
from mailcore.message.addresses import Mailbox
from mailcore.message.types import Header
from mailcore.queue import moderation
from mailcore.services import Services
from webmail import guard, plaintext, reading, render
from webmail.bidi import plain
from webmail.desk import Desk
from webmail.directory import deeds
from webmail.errors import NoSuchPage
from webmail.forms import Form

READ = 20  # letters whose subject the page of a list reads; the others follow when these are decided

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that waits, as a line of the list."""

    held: Held
    subject: str
    who: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A letter that waits, to be read. `text` is safe markup; `files` are names and sizes of what is attached."""

    held: Held
    subject: str
    people: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    at_us: int
    text: Markup
    files: tuple[tuple[str, int], ...]


async def letters(services: Services, waiting: Sequence[Held]) -> list[Letter]:
    """Return the first of some letters with their subjects."""
    return [await _line(services, one) for one in waiting[:READ]]


async def jump(request: Request, desk: Desk) -> Response:
    """Lead from the number of a letter, as its notice names it, to its page."""
    found = await _find(desk, request.path_params["held"])
    await deeds.own_list(desk, found.list_id)
    return guard.see(_path(found))


async def show(request: Request, desk: Desk) -> Response:
    """Show a letter."""
    found = await _here(request, desk)
    one, _ = await deeds.own_list(desk, found.list_id)
    if found.state != "held":
        raise NotPending(held_id=found.held_id)
    opened = await _open(desk.services, found)
    return render.page(request, "directory/held.html", desk, one=one, letter=opened, most=MAX_REASON_CHARS)


async def decide(request: Request, desk: Desk, form: Form) -> Response:
    """Let a letter go to the members, or send it back."""
    found = await _here(request, desk)
    _, owner = await deeds.own_list(desk, found.list_id)
    back = f"{deeds.LISTS}/{found.list_id}"
    if form.text("action") == "release":
        await deeds.decide(desk, owner, ListRelease(found.held_id))
        return guard.see(back, "released")
    if form.text("action") == "reject":
        await deeds.decide(desk, owner, ListReject(found.held_id, plain(form.text("reason"))[:MAX_REASON_CHARS]))
        return guard.see(back, "rejected")
    return guard.see(_path(found))


async def _here(request: Request, desk: Desk) -> Held:
    """Return the letter of a path. Raises NoSuchPage when it does not wait for that list."""
    found = await _find(desk, request.path_params["held"])
    if found.list_id != request.path_params["list"]:
        raise NoSuchPage(held_id=found.held_id)
    return found


async def _find(desk: Desk, held_id: int) -> Held:
    try:
        return await desk.services.db.read(holding.find, held_id)
    except NotFound as error:
        raise NoSuchPage(held_id=held_id) from error


def _path(found: Held) -> str:
    return f"{deeds.LISTS}/{found.list_id}/held/{found.held_id}"


async def _line(services: Services, one: Held) -> Letter:
    try:
        index, _ = await moderation.letter(services, one)
    except MailError as error:
        log.error("web.held_unreadable", held_id=one.held_id, exc_info=error)
        return Letter(one, "", plain(one.sender))
    return Letter(one, plain(index.summary.subject), plain(index.summary.from_name) or plain(one.sender))


async def _open(services: Services, found: Held) -> Opened:
    index, raw = await moderation.letter(services, found)
    readable = content.readable(raw, index.header)
    text = readable.plain if readable.plain is not None else plaintext.from_html(readable.html or "")
    files = tuple((reading.name_of(span), content.decoded_size(raw, span)) for span in readable.attachments)
    people, to = _people(index.header, b"from"), _people(index.header, b"to")
    return Opened(found, plain(index.summary.subject), people, to, index.summary.date_us or found.held_us, plaintext.render(text), files)


def _people(header: Header, name: bytes) -> tuple[Mailbox, ...]:
    value = next((headers.unfold(octets.partition(b":")[2]) for lower, octets in header.fields if lower == name), b"")
    return tuple(Mailbox(plain(one.name), plain(one.local), plain(one.domain)) for one in addresses.mailboxes(value))
