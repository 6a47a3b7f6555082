"""Sending: from an addressed letter to the queue, with its copy in Sent, in one transaction.

The letter enters through `mailcore.queue.accept` as from every front. Its row in the queue, the copy in Sent, the end of
the draft and the mark on what was answered are written together, and a nonce makes that happen once.
"""

import re
import secrets
from dataclasses import dataclass

import structlog

from config.database import Tx
from config.settings import Sending
from directory import certificates
from directory.address import parse
from mailcore.activation.client import Proofs
from mailcore.activation.wire import Purpose
from mailcore.message import build
from mailcore.queue import accept, queue, spending
from mailcore.queue import acting as acts
from mailcore.queue.types import Entry, Recipient, Submission, queue_name
from mailcore.stamping import stamps
from mailcore.store import accounts, mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Flag, MailboxId, MailboxKey, Prepared
from signing import smime
from signing.cms import SigningIdentity
from signing.pdf.types import Language
from webmail import drafts, letters, pdfs, sealing, writers
from webmail.desk import Box, Desk
from webmail.errors import NothingToSign
from webmail.letters import Addressed, Letter
from webmail.security import proof
from webmail.times import offset_min

PURPOSE: Purpose = "sign"
_ANSWERS = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Traces:
    """What sending leaves behind besides the row in the queue."""

    keepers: tuple[AccountKey, ...]
    copy: Prepared
    nonce: str
    writer_id: int
    draft_uid: int
    answers: MailboxKey | None
    answered_uid: int


async def send(desk: Desk, box: Box, addressed: Addressed, draft_uid: int) -> None:
    """Send a letter as it is. `box` holds the draft. Raises ValueError on a header that would become two."""
    top = _top(desk, addressed)
    entity = writers.protect(addressed.letter, top, letters.entity(addressed.letter), sign=False)
    wrapped = await writers.wrap(desk, addressed, top, entity)
    await _enter(desk, box, addressed, *wrapped, draft_uid)


async def sign_and_send(
    desk: Desk, box: Box, addressed: Addressed, draft_uid: int, proofs: Proofs, peer: str, stamp: Language | None = None
) -> None:
    """Sign a letter with its sender's certificate and send it, once the writer has proved who they are.

    Their password is asked, and a second proof where one is on. Raises BadCredentials, SignInExpired, TooManyAttempts,
    NothingToSign, TooManyDocuments, FileRefused, SignerUnavailable and the other refusals of the signer. With a language for the
    `stamp` the PDF documents are signed themselves too.
    """
    services, uses = desk.services, 1 + (pdfs.count(addressed) if stamp is not None else 0)
    grant = await proof.confirmed(desk, proofs, peer, "sign", uses)
    now_us = services.clock.now_us()
    certificate = await services.db.read(certificates.current, addressed.letter.sender, PURPOSE, now_us)
    if certificate is None:
        raise NothingToSign(account_id=addressed.letter.sender)
    if stamp is not None:
        addressed = await pdfs.sign(desk, addressed, stamp, grant)
    top = _top(desk, addressed)
    entity = writers.protect(addressed.letter, top, letters.entity(addressed.letter), sign=True)
    own = await services.db.read(certificates.current, addressed.letter.sender, certificates.ENCRYPT, now_us)
    announced = b"" if own is None else own.der
    to_sign = smime.prepare(entity, SigningIdentity(certificate.key_id, certificate.der, certificate.chain, announced), now_us)
    token = await services.activator.permit(grant, addressed.letter.sender, certificate.key_id, to_sign.digest, PURPOSE)
    signature = await services.signer.sign(certificate.key_id, to_sign.digest, token, PURPOSE)
    stamped = smime.finish(to_sign, signature, await stamps(services).over(signature))
    sealed = await sealing.beside(desk, addressed.letter.sender, entity, stamped)
    signed = smime.entity(entity, sealed, f"=_{secrets.token_hex(16)}")
    await _enter(desk, box, addressed, *await writers.wrap(desk, addressed, top, signed), draft_uid)
    log.info("web.signed", account_id=addressed.letter.sender, person_id=desk.person_id, key_id=certificate.key_id)


def _top(desk: Desk, addressed: Addressed) -> bytes:
    now_us = desk.services.clock.now_us()
    message_id = f"{secrets.token_hex(16)}@{desk.services.settings.node.hostname}"
    return letters.top(addressed, message_id, now_us, offset_min(now_us))


async def _enter(desk: Desk, box: Box, addressed: Addressed, top: bytes, entity: bytes, draft_uid: int) -> None:
    services, letter = desk.services, addressed.letter
    now_us = services.clock.now_us()
    queue_id = queue.fresh_id(now_us)
    received = letters.trace(services.settings.node.hostname, queue_name(queue_id), now_us, offset_min(now_us))
    acting = await services.db.peek(acts.find, desk.person_id, parse(addressed.sender.address))
    top = received + (acts.fields(acting) if acting is not None else b"") + top
    raw = build.with_entity(top, entity)
    submission = Submission(
        sender=addressed.sender.address,
        recipients=tuple(Recipient(address) for address in addressed.recipients),
        raw=raw,
        account_id=letter.sender,
        smtputf8=not all(address.isascii() for address in (addressed.sender.address, *addressed.recipients)),
        acting=acting,
        writer_id=desk.person_id,
        queue_id=queue_id,
    )
    entry = await accept.prepare(services, submission)
    answers, answered_uid = _answered(desk, letter)
    copy = await _copy(desk, addressed, entry, top, entity)
    traces = _Traces(await _keepers(desk, letter), copy, letter.nonce, box.account_id, draft_uid, answers, answered_uid)
    first = await services.db.write(_commit, entry, traces, services.settings.sending)
    event = "web.sent" if first else "web.sent_already"
    log.info(
        event,
        queue_id=queue_name(queue_id) if first else None,  # what was sent already has another
        account_id=letter.sender,
        person_id=desk.person_id,
        size_bytes=len(raw),
        recipients=len(addressed.recipients),
    )


async def _keepers(desk: Desk, letter: Letter) -> tuple[AccountKey, ...]:
    """Return whose Sent keeps a copy: the sender's, and the writer's own when they cannot look there."""
    sender = desk.sender(letter.sender)
    hidden = sender is not None and sender.lent is not None and (not sender.opens or sender.folder)
    found = (letter.sender, desk.person_id) if hidden else (letter.sender,)
    return tuple([await desk.services.store.open_account(account_id) for account_id in found])


async def _copy(desk: Desk, addressed: Addressed, entry: Entry, top: bytes, entity: bytes) -> Prepared:
    """Return what goes to Sent: the same octets, or, when there are blind copies, with their names for the sender."""
    store = desk.services.store
    if not addressed.bcc:
        return entry.message
    prepared = await store.prepare(build.with_entity(top + build.addresses("Bcc", addressed.bcc), entity))
    await store.keep(prepared)
    return prepared


def _answered(desk: Desk, letter: Letter) -> tuple[MailboxKey | None, int]:
    """Return the message that the letter answers, when it lies in a mailbox of the writer."""
    match = _ANSWERS.fullmatch(letter.answers)
    box = desk.find(int(match[1])) if match is not None else None
    if match is None or box is None or not box.drafts:
        return None, 0
    return MailboxKey(AccountId(int(match[1])), MailboxId(int(match[2]))), int(match[3])


def was_sent(tx: Tx, account_id: int, nonce: str) -> bool:
    """Say whether a letter of this nonce has left already."""
    sql = "SELECT 1 FROM web_submission WHERE account_id = :account_id AND nonce = :nonce"
    return tx.row(sql, account_id=account_id, nonce=nonce) is not None


def _commit(tx: Tx, entry: Entry, traces: _Traces, allowed: Sending) -> bool:
    """Write everything, or nothing when this letter was sent before; return which. Raises SendingLimited."""
    claim = "INSERT INTO web_submission (account_id, nonce, at_us) VALUES (:account_id, :nonce, :at_us) ON CONFLICT DO NOTHING"
    if tx.execute(claim, account_id=traces.writer_id, nonce=traces.nonce, at_us=tx.now_us) == 0:
        return False
    spending.spend(tx, traces.writer_id, len(entry.submission.recipients), allowed)
    queue.enqueue(tx, entry)
    accounts.lock(tx, [keeper.account_id for keeper in traces.keepers])
    for keeper in traces.keepers:
        sent = mailboxes.by_role(tx, keeper.account_id, "sent")
        messages.append(tx, sent.key, keeper, traces.copy, Flag.SEEN, tx.now_us)
    drafts.remove(tx, traces.writer_id, traces.draft_uid)
    if traces.answers is not None and traces.answers in {one.key for one in mailboxes.listing(tx, traces.answers.account_id)}:
        messages.store_flags(tx, traces.answers, [traces.answered_uid], "add", Flag.ANSWERED)
    return True
