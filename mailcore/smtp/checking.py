"""What the checks of a message from outside are told, and what their judgement means here."""

from mailcore.checks import authres
from mailcore.checks.judge import NOTHING, judge
from mailcore.checks.types import Arrival, Judgement
from mailcore.smtp import policy
from mailcore.smtp.policy import Head
from mailcore.smtp.reply import Refused, Reply
from mailcore.smtp.session import Session, Transaction
from mailcore.store.sealing import Content


async def examined(
    session: Session, transaction: Transaction, head: Head, content: Content, queue_id: str, *, trusted: bool = False
) -> Judgement:
    """Return what follows for a complete message; that of somebody who signed in is not asked about. Raises Refused.

    `trusted` says that a node of the topology brought it, whose own trace was verified. Other mail software of this machine (LMTP) has
    examined what it brings; but results in our name are not its to write, nor anybody's whose letter it passes on.
    """
    rules = session.front.rules
    if rules.signs_in:
        return NOTHING
    services = session.front.services
    arrival = Arrival(
        peer=session.peer,
        hello=session.hello,
        sender="" if transaction.sender is None else str(transaction.sender),
        recipients=tuple(recipient.address for recipient in transaction.recipients),
        raw=content,
        tls=session.tls,
        authserv_id=services.settings.node.hostname,
        author=policy.author(head).domain,
        queue_hint=queue_id,
        trusted=trusted or rules.each,
        has_results=authres.NAME in head.names,
    )
    judged = await judge(services, arrival)
    if judged.reply is not None:
        raise Refused(Reply(judged.reply.code, judged.reply.status, (judged.reply.text,)))
    return judged
