"""Arguments of NOTIFY. RFC 5465 §8."""

import re

from mailcore.imap.commands import Item
from mailcore.imap.notices import EVENTS, EXPUNGED, FLAGS, NEW, OF_MESSAGES, OF_SELECTED, Group, Notify
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.fetching import items

MAX_GROUPS = 20
MAX_NAMES = 100  # of one group
WITH_NAMES = ("SUBTREE", "SUBTREE-ONE", "MAILBOXES")  # SUBTREE-ONE: RFC 7377 §2.2
FILTERS = (*OF_SELECTED, "INBOXES", "PERSONAL", "SUBSCRIBED", *WITH_NAMES)
_SPACES = re.compile(rb" *")


class BadEvent(BadSyntax):
    """An event that is not known here: answered with NO and BADEVENT, because a client may well ask (RFC 5465 §5)."""


def notify(cursor: Cursor) -> Notify:
    """NOTIFY SET or NOTIFY NONE."""
    cursor.space()
    word = cursor.word()
    if word == "NONE":
        return Notify(())
    if word != "SET":
        raise BadSyntax("SET or NONE expected")
    cursor.space()
    status = not cursor.looking_at(b"(")
    if status:
        if cursor.word() != "STATUS":
            raise BadSyntax("STATUS or a group expected")
        cursor.space()
    groups = [_group(cursor)]
    while not cursor.ended():
        cursor.space()
        groups.append(_group(cursor))
        if len(groups) > MAX_GROUPS:
            raise BadSyntax("too many groups")
    if sum(group.filter in OF_SELECTED for group in groups) > 1:
        raise BadSyntax("the selected mailbox has one group")
    return Notify(tuple(groups), status)


def _group(cursor: Cursor) -> Group:
    cursor.expect(b"(")
    name = cursor.word()
    if name not in FILTERS:
        raise BadSyntax("unknown filter of mailboxes")
    cursor.space()
    named: tuple[str, ...] = ()
    if name in WITH_NAMES:
        named = _names(cursor)
        cursor.space()
    events, fetched = _events(cursor)
    cursor.expect(b")")
    if name in OF_SELECTED and not events <= set(OF_MESSAGES):
        raise BadSyntax("of the selected mailbox only events of messages are told")
    if (NEW in events) != (EXPUNGED in events) or (FLAGS in events and NEW not in events):
        raise BadSyntax("MessageNew and MessageExpunge go together, FlagChange with both")
    if fetched and name not in OF_SELECTED:
        raise BadSyntax("only of the selected mailbox messages are fetched")
    return Group(name, named, events, fetched)


def _names(cursor: Cursor) -> tuple[str, ...]:
    if not cursor.skip(b"("):
        return (cursor.mailbox(),)
    found: list[str] = []
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        found.append(cursor.mailbox())
        if len(found) > MAX_NAMES:
            raise BadSyntax("too many mailboxes")
    return tuple(found)


def _events(cursor: Cursor) -> tuple[frozenset[str], tuple[Item, ...]]:
    if not cursor.skip(b"("):
        if cursor.word() != "NONE":
            raise BadSyntax("events or NONE expected")
        return frozenset(), ()
    found: dict[str, None] = {}
    fetched: tuple[Item, ...] = ()
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        event = cursor.word()
        if event not in EVENTS:
            raise BadEvent("unknown event")
        found[event] = None
        here = cursor.at
        cursor.take(_SPACES, "space")
        if event == NEW and cursor.looking_at(b"("):
            fetched = items(cursor)
        else:
            cursor.at = here
    return frozenset(found), fetched
