"""What ends a synchronisation before its end. Whoever was taken over by then stays so; nobody is closed."""

from config.errors import MailError


class SourceFailed(MailError):
    """The source cannot be reached, refuses, or answers with a part only."""

    text = "the source cannot be read"
    temporary = True
