"""Refusals as IMAP says them: one table for the whole MailError family. RFC 5530, RFC 3501 §7.1."""

import re

from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors as directory
from mailcore import errors as mail
from mailcore.imap.responses import Done, no
from mailcore.store.annotations import MAX_VALUE_BYTES
from signing import errors as signing

_SAYABLE = re.compile(r"[\x20-\x5c\x5e-\x7e]+")  # in a response code (RFC 3501 §9)


class ReadOnly(MailError):
    """After EXAMINE nothing may change (RFC 3501 §6.3.2)."""

    text = "the mailbox is open read-only"


class ExpungedElsewhere(MailError):
    """A command names messages by number that another session has removed: it does nothing (RFC 5530 §3, RFC 2180 §4.4.1)."""

    text = "some of these messages are gone"


class UnknownEncoding(MailError):
    """Octets that no part of the message says it holds (RFC 3516 §4.4)."""

    text = "this message holds NUL where it does not say that it is binary"


class BadUrl(MailError):
    """CATENATE names something that is not here, or not for this client to read (RFC 4469 §4)."""

    def __init__(self, url: str) -> None:
        super().__init__("nothing is appended, one of the pieces is not here")
        self.url = url


class UnknownTransferEncoding(MailError):
    """BINARY of a part whose transfer encoding nobody here can undo (RFC 3516 §4.3)."""

    text = "the transfer encoding of this part is unknown"


CODES: dict[type[MailError], str] = {
    ReadOnly: "CANNOT",
    UnknownTransferEncoding: "UNKNOWN-CTE",
    ExpungedElsewhere: "EXPUNGEISSUED",
    UnknownEncoding: "UNKNOWN-CTE",
    BadUrl: "BADURL",
    mail.NoSuchMailbox: "NONEXISTENT",
    mail.MailboxExists: "ALREADYEXISTS",
    mail.BadMailboxName: "CANNOT",
    mail.MailboxProtected: "CANNOT",
    mail.MailboxHasChildren: "HASCHILDREN",
    mail.LimitReached: "LIMIT",
    mail.OverQuota: "OVERQUOTA",
    mail.NeverFits: "OVERQUOTA",
    mail.SendingLimited: "LIMIT",
    mail.TooManyAnnotations: "METADATA TOOMANY",
    mail.AnnotationTooBig: f"METADATA MAXSIZE {MAX_VALUE_BYTES}",
    mail.MessageTooBig: "TOOBIG",
    mail.MalformedMessage: "CANNOT",
    mail.NoSuchRecipient: "NONEXISTENT",
    mail.NotAllowed: "NOPERM",
    mail.RelayDenied: "NOPERM",
    mail.NodeRevoked: "NOPERM",
    mail.OutsideNotAllowed: "NOPERM",
    mail.MayNotPost: "NOPERM",
    mail.LentForReading: "NOPERM",
    mail.TooManyHops: "CANNOT",
    mail.Unavailable: "UNAVAILABLE",
    NoRoom: "UNAVAILABLE",
    DatabaseUnreachable: "UNAVAILABLE",
    mail.Damaged: "CORRUPTION",
    directory.BadAddress: "CANNOT",
    directory.AddressTaken: "ALREADYEXISTS",
    directory.NotFound: "NONEXISTENT",
    directory.BadEntry: "CANNOT",
    directory.NotPermitted: "NOPERM",
    directory.NotPending: "CANNOT",
    directory.BadCredentials: "AUTHENTICATIONFAILED",
    directory.BadExchange: "CLIENTBUG",
    directory.UnknownMechanism: "CANNOT",
    directory.SecondFactorNeeded: "EXPIRED",  # the password is right, and not enough: an application needs one of its own
    directory.SignInExpired: "EXPIRED",
    directory.TooManyAttempts: "UNAVAILABLE",
    signing.SignerUnavailable: "UNAVAILABLE",
    signing.SigningRefused: "CANNOT",
    signing.NoSuchKey: "CANNOT",
    signing.KeyExists: "ALREADYEXISTS",
    signing.NotActivated: "NOPERM",
    signing.BadSecret: "CONTACTADMIN",
    signing.NoSuchCertificate: "NONEXISTENT",
    signing.CertificateRefused: "CANNOT",
    signing.PdfRefused: "CANNOT",
    signing.WorkerFailed: "CANNOT",
    signing.WorkerBusy: "UNAVAILABLE",
}


def refusal(error: MailError) -> Done:
    """Return NO with the text and the code of a refusal; one of another family is the operator's to look at."""
    if isinstance(error, BadUrl):
        return no(error.text, f"BADURL {error.url}" if _SAYABLE.fullmatch(error.url) else "")
    for kind in type(error).__mro__:
        if kind in CODES:
            return no(error.text, CODES[kind])
    return no(error.text, "CONTACTADMIN")
