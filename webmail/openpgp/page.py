"""The page of OpenPGP keys: those of the visitor's own mailboxes, and those of correspondents as each mailbox knows them."""

from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.database import Tx
from mailcore.openpgp import own, pins, trust
from mailcore.openpgp.own import OwnKey
from mailcore.openpgp.pins import Pin
from webmail import guard, render
from webmail.desk import Box, Desk
from webmail.errors import NoSuchPage
from webmail.forms import Form
from webmail.openpgp import wording
from webmail.security import proof

PAGE = "/openpgp"
MAX_BYTES = 65_536
FORGET, ACCEPT = "forget", "accept"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The keys of one mailbox."""

    box: Box
    own: tuple[OwnKey, ...]
    pins: tuple[Pin, ...]


async def show(request: Request, desk: Desk) -> Response:
    """Show the keys of every mailbox that is the visitor's own; of one that is lent they stay with its owner."""
    boxes = tuple(box for box in desk.boxes if box.lent is None)
    shelves = await desk.services.db.read(_shelves, boxes)
    now_us = desk.services.clock.now_us()
    return render.page(
        request,
        "openpgp-keys.html",
        desk,
        shelves=shelves,
        grouped=wording.grouped,
        source=wording.source,
        in_force=lambda key: own.is_in_force(key, now_us),
    )


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Forget the key of a correspondent, or take the other one that they have shown. Raises NoSuchPage, NotFound."""
    box = desk.find(form.number("account"))
    if box is None or box.lent is not None:
        raise NoSuchPage(account_id=form.number("account"))
    address = form.text("address")
    if form.text("action") == FORGET:
        await desk.services.db.write(trust.forget, desk.actor(box), box.account_id, address)
        return guard.see(PAGE, "pgp-forgotten")
    if form.text("action") == ACCEPT:
        await desk.services.db.write(trust.accept, desk.actor(box), box.account_id, address, form.text("fingerprint"))
        return guard.see(PAGE, "pgp-accepted")
    raise NoSuchPage(action=form.text("action")[:40])


def _shelves(tx: Tx, boxes: tuple[Box, ...]) -> list[Shelf]:
    return [Shelf(box, tuple(own.of_account(tx, box.account_id)), tuple(pins.of_account(tx, box.account_id))) for box in boxes]


ROUTES = [
    Route(PAGE, guard.page(show), methods=["GET"]),
    Route(
        PAGE,
        guard.post(proof.fresh(act)),
        methods=["POST"],
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BYTES)],
    ),
]
