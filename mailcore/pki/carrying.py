"""Carrying out what was ordered of certificates, where the signer is. Each order is carried out once, whatever dies in between."""

from collections.abc import Awaitable, Callable
from functools import partial

from config.background import again
from config.errors import MailError
from config.log import log
from directory import orders
from directory.orders import Order
from mailcore.pki import ending, issue, renew
from mailcore.services import Services
from signing.pki.register import Issued

LOOK_S = 15.0  # somebody has just said yes in the webmail, and waits


async def forever(services: Services) -> None:
    """Carry out what others order as it comes."""
    await again(partial(carry_out, services), LOOK_S, "pki.not_carried_out")


async def carry_out(services: Services) -> int:
    """Carry out all that waits; return how many orders were, those that failed for good among them."""
    done = 0
    for order in await services.db.read(orders.waiting):
        done += await one(services, order) is not None
    return done


async def one(services: Services, order: Order) -> Order | None:
    """Carry out an order and return it as it is then; None when it waits on, for a signer that is away or a disk that is full."""
    try:
        issued = await VERBS[order.wanted.verb](services, order)
        log.info("pki.done", order=order.order_id, verb=order.wanted.verb, authority=issued.authority, serial=f"{issued.serial:x}")
    except MailError as error:
        if error.temporary:
            log.warning("pki.waits", order=order.order_id, kind=type(error).__name__)
            return None
        log.warning("pki.refused", order=order.order_id, verb=order.wanted.verb, said=error.text)
        await services.db.write(orders.done, order.order_id, order.wanted.authority, order.wanted.serial, error.text)
    return await services.db.read(orders.find, order.order_id)


async def _issue(services: Services, order: Order) -> Issued:
    wanted = order.wanted
    if wanted.kind == "tls":
        return await issue.to_host(services, wanted.address.split(), wanted.public_key, order_id=order.order_id)
    holder = await services.db.read(issue.same, wanted.address, wanted.account_id)
    if wanted.kind == "client":
        return await issue.to_client(services, holder, wanted.public_key, order_id=order.order_id)
    return await issue.to_account(services, wanted.kind, holder, order_id=order.order_id)


async def _renew(services: Services, order: Order) -> Issued:
    found = await services.db.read(ending.ordered, order)
    return await renew.renew(services, found, order_id=order.order_id)


async def _end(services: Services, order: Order) -> Issued:
    return await services.db.write(ending.end, order)


VERBS: dict[str, Callable[[Services, Order], Awaitable[Issued]]] = {
    "issue": _issue,
    "renew": _renew,
    **dict.fromkeys(ending.ENDS, _end),
}
