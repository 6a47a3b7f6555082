"""Refusals that we can explain. No protocol code here: each front maps the family in one table."""

import errno

FULL = {errno.ENOSPC, errno.EDQUOT}  # what the system says of a disk, or a share of one, that is full


class MailError(Exception):
    """A refusal whose `text` is safe to show to the peer.

    `temporary` says whether the same request may succeed later without a change.
    The facts for the log travel as keyword arguments and never reach the peer.
    """

    text = "the request cannot be carried out"
    temporary = False

    def __init__(self, text: str | None = None, **facts: object) -> None:
        self.text = text if text is not None else type(self).text
        self.facts = facts
        super().__init__(self.text)


class NoRoom(MailError):
    """A disk is full: nothing was written, and everything is as it was."""

    text = "there is no room left to store anything, try again later"
    temporary = True


class DatabaseUnreachable(MailError):
    """The server of a database does not answer. What was being committed just then may have been, or not: only its client may repeat it."""

    text = "the database does not answer, try again later"
    temporary = True
