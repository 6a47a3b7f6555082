"""Why a connection must end in the middle of a command, or between two."""


class MailboxVanished(Exception):
    """The selected mailbox was deleted or renamed: the connection must end, UIDs mean nothing any more."""


class TooMuch(Exception):
    """The client sent more than is held for it while a command waited for something else: the connection must end."""


class AccessEnded(Exception):
    """The right to this mailbox, or the sign-in as such, was withdrawn: the connection must end."""
