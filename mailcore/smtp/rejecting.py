"""Evidence of what was refused to one of our people: that they tried, what, and why not. ETSI EN 319 522-2 §8.2 (SubmissionRejection).

Only what came whole and was refused for good; what may be tried again has not come to its end. Strangers get no evidence of refusals:
whoever floods us would fill the log.
"""

import asyncio

from config.errors import MailError
from mailcore.evidence import facts
from mailcore.evidence.facts import Fact, Letter
from mailcore.message.index import message_ids
from mailcore.queue import accept, queue
from mailcore.queue.types import queue_name
from mailcore.smtp import policy
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.reply import Refused, for_error
from mailcore.smtp.session import Session, Transaction
from mailcore.spool import SPOOLED_BYTES
from signing.evidence import record

MESSAGE_ID = b"message-id"


async def note(session: Session, transaction: Transaction, incoming: Incoming, refusal: MailError | Refused) -> None:
    """Write the evidence of a refusal; the message is named by a queue id that no letter has."""
    services = session.front.services
    said = refusal.reply if isinstance(refusal, Refused) else for_error(refusal)
    issuer, sender = facts.issuer(services.settings), str(transaction.sender or "")
    if session.identity is None or said.code < 500 or not facts.covers(issuer, sender, official=False):
        return
    content = await incoming.content(services.settings.data)
    digest = accept.digest(content) if len(content) <= SPOOLED_BYTES else await asyncio.to_thread(accept.digest, content)
    try:
        names = message_ids(next(iter(policy.read_head(content).values(MESSAGE_ID)), None))
    except MailError:  # what is refused need not have a header that can be read
        names = []
    queue_id = queue.fresh_id(services.clock.now_us())
    about = Letter(issuer, queue_id, queue_name(queue_id), sender, names[0] if names else "", digest)
    reasons = record.reasons([(f"{said.code} {said.status}".strip(), " ".join(said.lines))])
    recipients = tuple([each.address for each in transaction.recipients])
    await services.db.write_brief(facts.note, [Fact(about, "SubmissionRejection", recipients, reasons)])
