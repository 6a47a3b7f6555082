"""Arguments of the commands that bring messages. RFC 3501 §6.3.11, RFC 3502, RFC 4469, RFC 6855 §4, RFC 8508 §3."""

from mailcore.errors import LimitReached
from mailcore.imap.commands import Append, FlagNames, Incoming, Message, Replace, Url
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.dates import moment
from mailcore.imap.parse.messages import flags
from mailcore.imap.sequence import SequenceSet

MAX_MESSAGES = 1000  # of one command; they become durable in one transaction
MAX_PIECES = 1000  # of one message
NO_FLAGS = FlagNames(0, ())


def append(cursor: Cursor) -> Append:
    """APPEND, with one message or several."""
    cursor.space()
    name, said = cursor.mailbox(), cursor.said
    found = [_incoming(cursor)]
    while not cursor.ended():
        found.append(_incoming(cursor))
        if len(found) > MAX_MESSAGES:
            raise LimitReached(f"no more than {MAX_MESSAGES} messages in one command")
    return Append(name, tuple(found), said)


def replace(cursor: Cursor) -> Replace:
    """REPLACE with a sequence number."""
    return _replace(cursor, uid=False)


def uid_replace(cursor: Cursor) -> Replace:
    """UID REPLACE."""
    return _replace(cursor, uid=True)


def _replace(cursor: Cursor, *, uid: bool) -> Replace:
    cursor.space()
    number = cursor.sequence_set()
    if number.saved or len(number.ranges) != 1 or number.ranges[0][0] != number.ranges[0][1]:
        raise BadSyntax("one message is replaced at a time")
    cursor.space()
    return Replace(SequenceSet(number.ranges), cursor.mailbox(), _incoming(cursor), uid)


def _incoming(cursor: Cursor) -> Incoming:
    cursor.space()
    wanted = NO_FLAGS
    if cursor.looking_at(b"("):
        wanted = flags(cursor)
        cursor.space()
    date = None
    if cursor.looking_at(b'"'):
        date = moment(cursor)
        cursor.space()
    if not cursor.looking_at(b"{") and not cursor.looking_at(b"~"):
        word = cursor.word()
        if word not in ("UTF8", "CATENATE"):
            raise BadSyntax("message expected")
        cursor.space()
        if word == "CATENATE":
            pieces, binary = _pieces(cursor)
            return Incoming(wanted, date, pieces, binary, catenated=True)
        return Incoming(wanted, date, (_enclosed(cursor),), binary=True)
    octets, binary = cursor.message()
    return Incoming(wanted, date, (octets,), binary)


def _enclosed(cursor: Cursor) -> Message:
    """Take the data of a message in UTF-8: a literal8 in parentheses (RFC 6855 §4), which never depends on what was enabled."""
    cursor.expect(b"(")
    octets, binary = cursor.message()
    if not binary:
        raise BadSyntax("literal8 expected")
    cursor.expect(b")")
    return octets


def _pieces(cursor: Cursor) -> tuple[tuple[Message | Url, ...], bool]:
    """Take the pieces of CATENATE; say whether one of them is a literal8."""
    cursor.expect(b"(")
    found: list[Message | Url] = []
    any_binary = False
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        word = cursor.word()
        cursor.space()
        if word == "URL":
            found.append(Url(cursor.text()))
        elif word == "TEXT":
            octets, binary = cursor.message()
            found.append(octets)
            any_binary = any_binary or binary
        elif word == "UTF8":
            found.append(_enclosed(cursor))
            any_binary = True
        else:
            raise BadSyntax("TEXT or URL expected")
        if len(found) > MAX_PIECES:
            raise LimitReached(f"no more than {MAX_PIECES} pieces in one message")
    return tuple(found), any_binary
