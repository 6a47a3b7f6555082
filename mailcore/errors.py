"""What mail refuses, as the store, the queue and the fronts raise it. Each front has one table for these."""

from config.errors import MailError


class NoSuchMailbox(MailError):
    text = "no such mailbox"


class MailboxExists(MailError):
    text = "a mailbox of this name exists already"


class BadMailboxName(MailError):
    text = "this is not a name that a mailbox can have"


class MailboxProtected(MailError):
    text = "this mailbox cannot be removed or renamed"


class MailboxHasChildren(MailError):
    text = "the mailbox has children"


class LimitReached(MailError):
    text = "a limit of this account is reached"


class OverQuota(MailError):
    text = "mailbox is full"
    temporary = True


class NeverFits(MailError):
    """More than the mailbox may hold even when it is empty: trying again is useless."""

    text = "message is larger than the mailbox may hold"


class TooManyAnnotations(MailError):
    text = "the mailbox has as many annotations as it can have"


class AnnotationTooBig(MailError):
    text = "the annotation is larger than one can be"


class MessageTooBig(MailError):
    text = "message is larger than this server accepts"


class MalformedMessage(MailError):
    text = "the message is not well formed"


class NoSuchRecipient(MailError):
    text = "no such recipient here"


class NotAllowed(MailError):
    text = "not allowed"


class RelayDenied(NotAllowed):
    text = "relaying denied"


class NodeRevoked(NotAllowed):
    """The topology no longer trusts the node that serves the sender's domain."""

    text = "the node of this domain is revoked"


class OutsideNotAllowed(NotAllowed):
    """The recipient's domain is outside the topology, and the sender's domain may not write there."""

    text = "mail may not leave the state's network for this domain"


class MayNotPost(NotAllowed):
    """A list does not take letters from this sender."""

    text = "you may not write to this list"


class LentForReading(NotAllowed):
    """Somebody else's mailbox, lent to be read: nothing in it may change."""

    text = "this mailbox was lent to you for reading only"


class SendingLimited(MailError):
    """Somebody has sent as much as they may for now; the text says when it may go on."""

    text = "as much was sent as may be for now"
    temporary = True


class TooManyHops(MailError):
    text = "too many hops, the message goes round in circles"


class Unavailable(MailError):
    text = "temporarily unavailable, try again later"
    temporary = True


class Damaged(MailError):
    """Stored bytes do not match what was written: the operator must act."""

    text = "a stored message is damaged"
