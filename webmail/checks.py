"""What stands in the way of sending a letter, told field by field, so that the form can say it beside each."""

from config.database import Tx
from directory import address as addresses
from directory import certificates, lists, resolve
from mailcore.message.addresses import Mailbox
from mailcore.routing import policy
from webmail import bidi, recipients, writers
from webmail.desk import Desk
from webmail.errors import NoSuchPage
from webmail.language import gettext as _
from webmail.language import ngettext, size
from webmail.letters import Addressed, Letter

Problems = dict[str, list[str]]
FIELDS = ("to", "cc", "bcc")
OVERHEAD = 1.38  # base64 with its line breaks
HEADER_BYTES = 20_000


def typing(letter: Letter) -> Problems:
    """Return what is wrong with the fields as they were typed."""
    problems: Problems = {}
    for field in FIELDS:
        bad = recipients.parse(getattr(letter, field)).bad
        if bad:
            shown = ", ".join(bidi.isolate(entry) for entry in bad[:5])
            problems[field] = [
                ngettext("This is not an address: %(list)s", "These are not addresses: %(list)s", len(bad)) % {"list": shown}
            ]
    if any(ord(character) < 32 or character in "\u2028\u2029" for character in letter.subject):
        problems["subject"] = [_("A subject has one line only.")]
    return problems


async def sending(desk: Desk, letter: Letter) -> Problems:
    """Return everything that stands in the way of sending; {} when nothing does."""
    problems = typing(letter)
    everyone = [one for field in FIELDS for one in recipients.parse(getattr(letter, field)).mailboxes]
    most = desk.services.settings.smtp.max_recipients
    if not everyone and not any(field in problems for field in FIELDS):
        problems["to"] = [_("Name at least one recipient.")]
    if len(everyone) > most:
        problems.setdefault("to", []).append(_("A message can go to %(most)s recipients at most.") % {"most": most})
    for field, unknown in (await desk.services.db.read(_unknown, letter)).items():
        shown = ", ".join(bidi.isolate(address) for address in unknown[:5])
        text = ngettext("There is no such address here: %(list)s", "There are no such addresses here: %(list)s", len(unknown))
        problems.setdefault(field, []).append(text % {"list": shown})
    for field, outside in (await _outside(desk, letter)).items():
        shown = ", ".join(bidi.isolate(address) for address in outside[:5])
        text = ngettext(
            "This address is outside the state's network, and your administration does not allow mail to go there: %(list)s",
            "These addresses are outside the state's network, and your administration does not allow mail to go there: %(list)s",
            len(outside),
        )
        problems.setdefault(field, []).append(text % {"list": shown})
    if _size_bytes(letter) > (limit := desk.services.settings.smtp.max_message_bytes):
        problems["files"] = [_("The message is too big: %(limit)s at most, attachments included.") % {"limit": size(limit)}]
    for field, refused in (await desk.services.db.read(_refusing, letter)).items():
        shown = ", ".join(bidi.isolate(address) for address in refused[:5])
        text = ngettext("You may not write to this list: %(list)s", "You may not write to these lists: %(list)s", len(refused))
        problems.setdefault(field, []).append(text % {"list": shown})
    sender = desk.sender(letter.sender)
    if sender is None:
        problems["from"] = [_("You may not send from this address.")]
    elif letter.sign and sender.lent is not None:
        problems["sign"] = [_("A letter that you send in the name of another cannot be signed with their certificate.")]
    elif letter.sign and await desk.services.db.read(_certified, letter.sender) is False:
        problems["sign"] = [_("This sender has no certificate in force, so the letter cannot be signed.")]
    return problems | await writers.problems(desk, letter)


def addressed(desk: Desk, letter: Letter) -> Addressed:
    """Return the letter with its recipients read. Raises NoSuchPage when the writer may not send from there."""
    box = desk.sender(letter.sender)
    if box is None:
        raise NoSuchPage(account_id=letter.sender)
    to, cc, bcc = (recipients.parse(getattr(letter, field)).mailboxes for field in FIELDS)
    return Addressed(letter, recipients.mailbox(box.official, box.address), to, cc, bcc)


def _unknown(tx: Tx, letter: Letter) -> dict[str, list[str]]:
    """Return the recipients of our own domains that do not exist: better told now than in a report tomorrow."""
    found = {field: [one.address for one in recipients.parse(getattr(letter, field)).mailboxes if not _exists(tx, one)] for field in FIELDS}
    return {field: unknown for field, unknown in found.items() if unknown}


def _exists(tx: Tx, mailbox: Mailbox) -> bool:
    address = addresses.Address(mailbox.local, mailbox.domain)
    return not resolve.is_local_domain(tx, mailbox.domain) or resolve.resolve(tx, address) is not None


async def _outside(desk: Desk, letter: Letter) -> dict[str, list[str]]:
    """Return the recipients outside the topology whom mail from this sender may not reach."""
    sender = desk.sender(letter.sender)
    if sender is None:
        return {}
    domain, view = sender.address.rpartition("@")[2], policy.view(desk.services.settings)
    found = {}
    for field in FIELDS:
        asked = [one.address for one in recipients.parse(getattr(letter, field)).mailboxes]
        if refused := await desk.services.db.read(policy.refused, domain, asked, view):
            found[field] = refused
    return found


def _refusing(tx: Tx, letter: Letter) -> dict[str, list[str]]:
    """Return the lists that do not take letters from this sender."""
    found = {
        field: [one.address for one in recipients.parse(getattr(letter, field)).mailboxes if _refuses(tx, one, letter)] for field in FIELDS
    }
    return {field: refusing for field, refusing in found.items() if refusing}


def _refuses(tx: Tx, mailbox: Mailbox, letter: Letter) -> bool:
    target = resolve.resolve(tx, addresses.Address(mailbox.local, mailbox.domain))
    return target is not None and target.kind == "list" and not lists.may_post(tx, target.account_id, [letter.sender])


def _certified(tx: Tx, account_id: int) -> bool:
    return certificates.current(tx, account_id, "sign", tx.now_us) is not None


def _size_bytes(letter: Letter) -> int:
    files = sum(len(file.data) for file in letter.attachments)
    return int(files * OVERHEAD) + 3 * len(letter.text.encode()) + HEADER_BYTES
