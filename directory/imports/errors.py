"""What an import refuses: a whole file, or one of its rows."""

from config.errors import MailError


class BadFile(MailError):
    """The file cannot be read at all; nothing of it has gone in."""

    text = "this file cannot be read"


class BadRow(MailError):
    """A row says something that no entry can have."""

    text = "this row is not valid"
