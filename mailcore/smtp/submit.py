"""Submission: signed-in people, writing in their own name, that of a post they hold or one lent to them, to anybody.

RFC 6409 §6 (who may submit), §8 (what is added), RFC 4954 §6 (530), RFC 5321 §7.6 (information disclosure).
"""

from config.database import Tx
from directory import resolve
from directory.address import Address
from directory.types import Identity
from mailcore.errors import NoSuchRecipient, NotAllowed
from mailcore.queue import acting, spending
from mailcore.queue.acting import ACTING_FIELD, Acting
from mailcore.queue.types import parsed
from mailcore.routing import policy as routing
from mailcore.smtp import policy, receive
from mailcore.smtp.grammar import POSTMASTER
from mailcore.smtp.policy import Head
from mailcore.smtp.reply import SIGN_IN_FIRST, Refused
from mailcore.smtp.session import Rules, Session


async def sender(session: Session, address: Address | None) -> None:
    """Take one's own address, that of a post held now, one lent for sending, or the null path (RFC 8098 §3: MDNs).

    Raises NotAllowed.
    """
    if address is not None:
        await _find(session, address)


async def recipient(session: Session, address: Address) -> str:
    """Take any recipient elsewhere, and those who exist here; a list by its own rules. Raises NoSuchRecipient, MayNotPost."""
    services = session.front.services
    postmaster = parsed(services.settings.node.postmaster)
    if address == POSTMASTER:
        return str(postmaster)
    if address.domain.startswith("["):
        raise NoSuchRecipient("mail to address literals is not sent", domain=address.domain)
    envelope = session.transaction.sender if session.transaction is not None else None
    sender = "" if envelope is None else str(envelope)
    size_bytes = session.transaction.parameters.size_bytes if session.transaction is not None else 0
    view = routing.view(services.settings)
    account_id = _identity(session).account_id
    return await services.db.peek(reachable, address, postmaster, account_id, sender, view, size_bytes=size_bytes)


def reachable(
    tx: Tx, address: Address, postmaster: Address, account_id: int, sender: str, view: routing.View, *, size_bytes: int = 0
) -> str:
    """Return where to send mail for `address`.

    Raises NoSuchRecipient for one of ours who does not exist, MayNotPost, and OutsideNotAllowed for a domain outside the topology.
    """
    if not resolve.is_local_domain(tx, address.domain):
        routing.permit(tx, routing.domain_of(tx, sender, account_id), address.domain, view)
        return str(address)
    return receive.deliverable(tx, address, postmaster, account_id, sender, size_bytes=size_bytes)


async def header(session: Session, head: Head) -> Acting | None:
    """Take a message whose author is the one who signed in, or lets them write; return the latter case.

    Sender, if it is there, is the one who signed in, whose name it is sent in, or, for the right to send as somebody, that
    one (RFC 5322 §3.6.2). Whoever sends a message again is named by Resent-From and Resent-Sender, each an address that they may
    write from (§3.6.6); the author must be one too, since that is what readers see. Raises Refused, NotAllowed.
    """
    if head.names_actor:
        raise NotAllowed(f"{ACTING_FIELD} is written here, not by clients")
    author = policy.author(head)
    found = await _find(session, author)
    transmitter = policy.transmitter(head)
    as_author = found is not None and found.sending == "as" and transmitter == author
    if transmitter is not None and not as_author and await _find(session, transmitter) is not None:
        raise NotAllowed("Sender is who signed in, in their own name", person_id=_identity(session).person_id)
    for resender in policy.resenders(head):
        await _find(session, resender)
    return found


def client(session: Session) -> str:
    """Tell nothing of the client: whoever reads the message need not know where its author sat (RFC 5321 §7.6)."""
    return "client.invalid (signed in)"


async def _find(session: Session, address: Address) -> Acting | None:
    return await session.front.services.db.peek(acting.find, _identity(session).person_id, address)


def _identity(session: Session) -> Identity:
    if session.identity is None:
        raise Refused(SIGN_IN_FIRST)
    return session.identity


async def room(session: Session) -> int | None:
    """Return to how many recipients one may write now. Raises SendingLimited."""
    services = session.front.services
    return await services.db.peek(spending.room, _identity(session).person_id, services.settings.sending)


async def priority(session: Session, sender: Address | None, wanted: int) -> int:
    """Grant as much as the register or the settings allow; less than routine anybody may ask for."""
    if wanted <= 0:
        return wanted
    services = session.front.services
    return min(wanted, await services.db.peek(spending.priority, _identity(session).person_id, services.settings.sending))


RULES = Rules("submission", True, sender, recipient, header, client, room, priority, completes=True)
