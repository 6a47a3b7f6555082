"""The argument of COMPRESS. RFC 4978 §5."""

from mailcore.imap.commands import Compress
from mailcore.imap.parse.cursor import Cursor


def compress(cursor: Cursor) -> Compress:
    """``COMPRESS mechanism``."""
    cursor.space()
    return Compress(cursor.word())
