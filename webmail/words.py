"""Words of the pages that do not stand in templates: folders, notices, and what a verdict on a signature means."""

from dataclasses import dataclass

from mailcore.store.types import Mailbox
from signing.reasons import REASONS
from signing.verdict import Verdict
from webmail.desk import Box
from webmail.errors import N_
from webmail.language import current, ngettext
from webmail.language import gettext as _

FOLDERS = {  # in the order in which they are shown
    "inbox": N_("Inbox"),
    "drafts": N_("Drafts"),
    "sent": N_("Sent"),
    "archive": N_("Archive"),
    "junk": N_("Junk"),
    "trash": N_("Trash"),
}
ICONS = {"inbox": "inbox", "drafts": "file-pen-line", "sent": "send", "archive": "archive", "junk": "shield-alert", "trash": "trash-2"}
BOXES = {"person": N_("Own mailbox"), "post": N_("Post held"), "unit": N_("Unit mailbox")}
BOX_ICONS = {"person": "user-round", "post": "landmark", "unit": "building-2"}
TONE_ICONS = {"good": "badge-check", "bad": "octagon-alert", "unsure": "circle-question-mark"}  # of a verdict


def box_kind(box: Box) -> str:
    """Return what kind of mailbox one is, in the reader's language."""
    if box.lent is not None:
        return _("Lent to you") if box.writable else _("Lent to you for reading")
    return _(BOXES[box.kind])


def folder_name(mailbox: Mailbox) -> str:
    """Return what a folder is called: in the reader's language when it has a role, else its own name."""
    return _(FOLDERS[mailbox.role]) if mailbox.role in FOLDERS else mailbox.name


def ordered(listing: list[Mailbox]) -> list[Mailbox]:
    """Return folders with a role first, in their customary order, then the others by name."""
    rank = {role: number for number, role in enumerate(FOLDERS)}
    return sorted(listing, key=lambda mailbox: (rank.get(mailbox.role, len(rank)), mailbox.name))


NOTICES = {
    "sent": N_("The message was sent."),
    "signed": N_("The letter was signed and sent."),
    "confirmed": N_("The sender is told that you have read this letter."),
    "saved": N_("The draft was saved."),
    "attached": N_("The files were attached and the draft was saved."),
    "discarded": N_("The draft was deleted."),
    "out": N_("You have signed out."),
    "none": N_("No message was selected."),
    "password": N_("The password was changed. Your other sessions have ended."),
    "codes-on": N_("Codes from an application are on."),
    "codes-off": N_("Codes from an application are off."),
    "passkey-added": N_("The passkey was added."),
    "passkey-removed": N_("The passkey was removed."),
    "renamed": N_("The name was changed."),
    "app-revoked": N_("The app password was revoked."),
    "certificate-revoked": N_("The certificate was revoked."),
    "withdrawn": N_("The platform may not see your data any more."),
    "kept": N_("It is among your favourites."),
    "unkept": N_("It is not among your favourites any more."),
    "lent": N_("The mailbox is lent."),
    "asked": N_("A second person must agree: the request waits for seven days."),
    "taken-back": N_("The loan was taken back."),
    "list-changed": N_("The list was changed."),
    "filters-saved": N_("The filters were saved and are in force."),
    "script-saved": N_("The script was saved."),
    "script-used": N_("The script was saved and is in force."),
    "script-rests": N_("No script is in force."),
    "script-removed": N_("The script was removed."),
    "released": N_("The letter goes to the members."),
    "rejected": N_("The letter goes back to its sender."),
    "pgp-kept": N_("The key was noted."),
    "pgp-found": N_("The sender's domain has published a key, and it was noted."),
    "pgp-none": N_("The sender's domain publishes no key for this address."),
    "pgp-forgotten": N_("The key was forgotten: the next one of this address that turns up is noted."),
    "pgp-accepted": N_("The new key is the one of this address from now on."),
    "device-allowed": N_("Allowed. The device goes on by itself."),
    "device-denied": N_("Refused. The device gets nothing."),
}


def notice(code: str, number: str) -> str:
    """Return what the status line says after an action, or ""."""
    if code in NOTICES:
        return _(NOTICES[code])
    n = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    counted = {
        "ended": lambda: ngettext("%(num)d session was ended.", "%(num)d sessions were ended.", n),
        "trash": lambda: ngettext("%(num)d message was moved to the trash.", "%(num)d messages were moved to the trash.", n),
        "gone": lambda: ngettext("%(num)d message was deleted for good.", "%(num)d messages were deleted for good.", n),
        "moved": lambda: ngettext("%(num)d message was moved.", "%(num)d messages were moved.", n),
        "seen": lambda: ngettext("%(num)d message was marked as read.", "%(num)d messages were marked as read.", n),
        "unseen": lambda: ngettext("%(num)d message was marked as unread.", "%(num)d messages were marked as unread.", n),
        "flag": lambda: ngettext("%(num)d message was flagged.", "%(num)d messages were flagged.", n),
        "unflag": lambda: ngettext("The flag of %(num)d message was removed.", "The flags of %(num)d messages were removed.", n),
    }
    return counted[code]() % {"num": n} if code in counted else ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict in the reader's words. `tone` is good, bad or unsure."""

    tone: str
    title: str
    reason: str
    advice: str


TITLES = {
    "valid": ("good", N_("Valid signature")),
    "invalid": ("bad", N_("Signature not valid")),
    "undecided": ("unsure", N_("Signature cannot be decided yet")),
}


def judgement(verdict: Verdict, *, changed: bool) -> Judgement:
    """Return a verdict in the reader's words (ETSI EN 319 102-1 §5.1.3, put plainly by `signing.reasons`).

    `changed`: the header that is shown is not the one that was signed. Who sees green reads the subject as signed too.
    """
    tone, title = TITLES[verdict.status]
    if changed and tone == "good":
        return changed_header()
    said = REASONS[verdict.reason_key].words(current().code)
    return Judgement(tone, _(title), said.found, "" if tone == "good" else said.action)


def changed_header() -> Judgement:
    """Return what to say of a text that is as it was signed, below a header that is not (RFC 9788 §4)."""
    return Judgement(
        "unsure",
        _("Valid signature, but the header was changed"),
        _("The text is what was signed; what stands above it is not."),
        _("Rely only on what is shown here as signed."),
    )


def unknown_signature() -> Judgement:
    """Return what to say of a signature that is of another kind, or does not cover the message as a whole."""
    tone, title = TITLES["undecided"]
    return Judgement(tone, _(title), _("This kind of signature cannot be checked here."), _("Treat the message as unsigned."))
