"""Submission: signed-in people, writing in their own name or that of a post they hold, to anybody.

RFC 6409 §6 (who may submit), §8 (what is added), RFC 4954 §6 (530), RFC 5321 §7.6 (information disclosure).
"""

from config.database import Tx
from directory import resolve
from directory.address import Address, parse
from directory.types import Identity
from mailcore.errors import NoSuchRecipient, NotAllowed
from mailcore.smtp import policy, receive
from mailcore.smtp.grammar import POSTMASTER
from mailcore.smtp.policy import Head
from mailcore.smtp.reply import SIGN_IN_FIRST, Refused
from mailcore.smtp.session import Rules, Session


async def sender(session: Session, address: Address | None) -> None:
    """Take one's own address, that of a post held now, or the null path (RFC 8098 §3: MDNs). Raises NotAllowed."""
    if address is not None:
        await _require(session, address)


async def recipient(session: Session, address: Address) -> str:
    """Take any recipient elsewhere, and those who exist here; a list by its own rules. Raises NoSuchRecipient, MayNotPost."""
    services = session.front.services
    postmaster = parse(services.settings.node.postmaster)
    if address == POSTMASTER:
        return str(postmaster)
    if address.domain.startswith("["):
        raise NoSuchRecipient("mail to address literals is not sent", domain=address.domain)
    envelope = session.transaction.sender if session.transaction is not None else None
    sender = "" if envelope is None else str(envelope)
    return await services.db.peek(reachable, address, postmaster, _identity(session).account_id, sender)


def reachable(tx: Tx, address: Address, postmaster: Address, account_id: int, sender: str) -> str:
    """Return where to send mail for `address`. Raises NoSuchRecipient for one of ours who does not exist, MayNotPost."""
    if not resolve.is_local_domain(tx, address.domain):
        return str(address)
    return receive.deliverable(tx, address, postmaster, account_id, sender)


async def header(session: Session, head: Head) -> None:
    """Take a message whose author, and transmitter if named, is the one who signed in. Raises Refused, NotAllowed."""
    await _require(session, policy.author(head))
    transmitter = policy.transmitter(head)
    if transmitter is not None:
        await _require(session, transmitter)


def client(session: Session) -> str:
    """Tell nothing of the client: whoever reads the message need not know where its author sat (RFC 5321 §7.6)."""
    return "client.invalid (signed in)"


async def _require(session: Session, address: Address) -> None:
    services = session.front.services
    person_id = _identity(session).person_id
    if not await services.db.peek(resolve.may_send_as, person_id, address, services.clock.now_us()):
        raise NotAllowed("this is not an address that you may send from", person_id=person_id)


def _identity(session: Session) -> Identity:
    if session.identity is None:
        raise Refused(SIGN_IN_FIRST)
    return session.identity


RULES = Rules("submission", True, sender, recipient, header, client, completes=True)
