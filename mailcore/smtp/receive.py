"""Reception from other servers: only for recipients who exist here, from anybody.

RFC 5321 §3.6 (relaying), §4.5.1 (postmaster), §4.4 (what Received tells); RFC 2142 §4 (abuse).
"""

from dataclasses import replace

from config.database import Tx
from directory import resolve
from directory.address import Address
from directory.manifest import topology
from mailcore.errors import MayNotPost, NeverFits, NodeRevoked, NoSuchRecipient, RelayDenied
from mailcore.queue import moderation
from mailcore.queue.acting import Acting
from mailcore.queue.types import parsed
from mailcore.smtp import fitting, nodes, policy, trace
from mailcore.smtp.grammar import POSTMASTER
from mailcore.smtp.policy import Head
from mailcore.smtp.session import Rules, Session

ABUSE = "abuse"


async def sender(session: Session, address: Address | None) -> None:
    """Take any sender but those whose node is revoked; what it is worth is for the checks of the message to say.

    Raises NodeRevoked.
    """
    await nodes.recognise(session)
    if address is not None:
        await session.front.services.db.peek(refuse_revoked, address.domain)


def refuse_revoked(tx: Tx, domain: str) -> None:
    """Take no mail in the name of a domain whose node the topology has revoked. Raises NodeRevoked."""
    node = topology.of_domain(tx, domain)
    if node is not None and node.revoked_us is not None:
        raise NodeRevoked(f"the node {node.name} is revoked: mail of {domain} is not taken", node=node.name)


async def recipient(session: Session, address: Address) -> str:
    """Take a recipient whom the directory knows; a list only when it is open to everyone.

    Raises NoSuchRecipient, RelayDenied, MayNotPost.
    """
    services = session.front.services
    postmaster = parsed(services.settings.node.postmaster)
    if address == POSTMASTER:
        return str(postmaster)
    if await nodes.relays(session, address):
        return str(address)
    transaction = session.transaction
    return await services.db.peek(deliverable, address, postmaster, size_bytes=transaction.parameters.size_bytes if transaction else 0)


def deliverable(
    tx: Tx, address: Address, postmaster: Address, account_id: int | None = None, sender: str = "", *, size_bytes: int = 0
) -> str:
    """Return where to deliver mail for `address`. Raises NoSuchRecipient, RelayDenied, NeverFits, and MayNotPost for a list.

    To a stranger a list that is not theirs to write to is like an address that nobody has.

    The postmaster of every domain of ours is there (RFC 5321 §4.5.1), if only as the node's own, and reads what comes for abuse@
    where nobody has that address (RFC 2142 §4). `account_id` is who signed in, None for a stranger, and `sender` the address
    written from.
    """
    target = resolve.resolve(tx, address)
    if target is not None:
        if target.kind == "list":
            _admit(tx, target.account_id, address, account_id, sender)
        elif fitting.never(tx, address, size_bytes):
            raise NeverFits(account_id=target.account_id, size_bytes=size_bytes)
        return str(address)
    if not resolve.is_local_domain(tx, address.domain):
        raise RelayDenied(domain=address.domain)
    if address.local.lower() == POSTMASTER.local:
        return str(postmaster)
    if address.local.lower() == ABUSE:
        ours = Address(POSTMASTER.local, address.domain)
        return deliverable(tx, ours, postmaster, account_id, sender, size_bytes=size_bytes)
    raise RelayDenied() if policy.routes_further(address) else NoSuchRecipient(domain=address.domain)


def _admit(tx: Tx, list_id: int, address: Address, account_id: int | None, sender: str) -> None:
    try:
        moderation.admit(tx, list_id, account_id, sender)
    except MayNotPost as refused:
        if account_id is not None:
            raise
        raise NoSuchRecipient(domain=address.domain) from refused


async def header(session: Session, head: Head) -> Acting | None:
    """Take a message with one plain author. Raises Refused."""
    policy.author(head)
    return None


def client(session: Session) -> str:
    """Tell the name that the client gave and the address that it has."""
    return f"{session.hello} ({trace.literal(session.peer)})"


async def room(session: Session) -> int | None:
    """Set no limit: what comes from elsewhere is for the limits of the listener."""
    return None


async def priority(session: Session, sender: Address | None, wanted: int) -> int:
    """Grant what a node of the topology asks for; its message must prove later that it comes from there. Others may ask for less.

    RFC 6710 §5.1: the urgency that a stranger claims is ignored, and the reply says so.
    """
    return wanted if session.node else min(wanted, 0)


RULES = Rules("mx", False, sender, recipient, header, client, room, priority)
LMTP = replace(RULES, name="lmtp", client=lambda session: f"{session.hello} (this machine)", greeting="LMTP", each=True)
