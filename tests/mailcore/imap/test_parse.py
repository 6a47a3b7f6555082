"""From octets to commands: tables, refusals, and garbage."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.errors import BadMailboxName
from mailcore.imap.commands import (
    Append,
    Authenticate,
    Body,
    Create,
    Fetch,
    FlagNames,
    Id,
    Incoming,
    Level,
    List,
    Login,
    Returns,
    Search,
    Status,
    Store,
    Transfer,
)
from mailcore.imap.criteria import AllOf, AnyOf, Arrived, Flagged, HeaderHas, Keyword, Not, Numbers, Size, TextHas
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.searching import BadCharset
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.table import TABLE
from mailcore.message.section import Section
from mailcore.store.types import Flag


def parse(line: bytes) -> object:
    cursor = Cursor(line)
    name = cursor.word()
    if name == "UID":
        cursor.space()
        name = "UID " + cursor.word()
    command = TABLE[name].parse(cursor)
    cursor.end()
    return command


ONE = SequenceSet(((1, 1),))


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (b"LOGIN a b", Login("a", "b")),
        (b'login "a\\"b" {3+}\r\nx y', Login('a"b', "x y")),
        (b"LOGIN NIL nil", Login("NIL", "nil")),
        (b'LOGIN "\xc3\xa9" a]', Login("é", "a]")),
        (b"AUTHENTICATE PLAIN", Authenticate("PLAIN", None)),
        (b"AUTHENTICATE plain =", Authenticate("PLAIN", b"")),
        (b"AUTHENTICATE PLAIN AGEAYg==", Authenticate("PLAIN", b"\0a\0b")),
        (b"ID NIL", Id(())),
        (b'ID ("Name" "x" "version" NIL)', Id((("name", "x"), ("version", "")))),
        (b"CREATE a", Create("a", "")),
        (b"CREATE a (USE (\\Sent))", Create("a", "sent")),
        (b"CREATE NIL", Create("NIL", "")),
        (b'LIST "" %', List("", ("%",))),
        (b'LIST "" ""', List("", ("",))),
        (b'LIST "" "&AOk-*"', List("", ("é*",))),
        (
            b'LIST (SUBSCRIBED) "" (a "b*") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
            List("", ("a", "b*"), frozenset({"SUBSCRIBED"}), frozenset({"CHILDREN", "STATUS"}), ("MESSAGES", "UNSEEN")),
        ),
        (b"STATUS inbox (messages UIDNEXT)", Status("inbox", ("MESSAGES", "UIDNEXT"))),
        (b"APPEND a {1+}\r\nx", Append("a", (Incoming(FlagNames(0, ()), None, (b"x",)),))),
        (
            b'APPEND a (\\Seen $X) " 1-Jan-1970 01:00:01 +0100" {1}\r\nx',
            Append("a", (Incoming(FlagNames(int(Flag.SEEN), ("$X",)), 1_000_000, (b"x",)),)),
        ),
        (b"STORE 1 FLAGS ()", Store(ONE, "replace", FlagNames(0, ()), silent=False, uid=False)),
        (b"UID STORE 1 +flags.silent \\Deleted a", Store(ONE, "add", FlagNames(int(Flag.DELETED), ("a",)), silent=True, uid=True)),
        (b"STORE 1 -FLAGS (NIL)", Store(ONE, "remove", FlagNames(0, ("NIL",)), silent=False, uid=False)),
        (b"UID COPY 1 b", Transfer(ONE, "b", uid=True)),
        (b"SEARCH ALL", Search(AllOf((AllOf(()),)), None, uid=False)),
        (b"SEARCH UNSEEN 1", Search(AllOf((Not(Flagged(Flag.SEEN)), Numbers(ONE, uid=False))), None, uid=False)),
        (b"UID SEARCH RETURN () UID 1", Search(AllOf((Numbers(ONE, uid=True),)), Returns(frozenset({"ALL"})), uid=True)),
        (
            b"SEARCH OR FROM A (TO b NOT KEYWORD X)",
            Search(AllOf((AnyOf((HeaderHas(b"from", "A"), AllOf((HeaderHas(b"to", "b"), Not(Keyword("x")))))),)), None, uid=False),
        ),
        (
            b'SEARCH CHARSET UTF-8 TEXT "\xc3\x89" LARGER 5',
            Search(AllOf((TextHas("É", whole=True), Size(5, None))), None, False, charset=True),
        ),
        (b"SEARCH ON 2-Jan-1970", Search(AllOf((Arrived(1, 2),)), None, uid=False)),
        (b'SEARCH HEADER X-Y ""', Search(AllOf((HeaderHas(b"x-y", ""),)), None, uid=False)),
    ],
)
def test_commands(line: bytes, want: object) -> None:
    assert parse(line) == want


def items(line: bytes) -> tuple[str, ...]:
    command = parse(line)
    assert isinstance(command, Fetch)
    return tuple(item.label.decode() if isinstance(item, Body) else item.name for item in command.items)


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (b"FETCH 1 ALL", ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE")),
        (b"FETCH 1 fast", ("FLAGS", "INTERNALDATE", "RFC822.SIZE")),
        (b"FETCH 1 FULL", ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY")),
        (b"FETCH 1 (FLAGS FLAGS)", ("FLAGS",)),
        (b"UID FETCH 1 (FLAGS UID)", ("UID", "FLAGS")),
        (b"UID FETCH 1 BODY", ("UID", "BODY")),
        (b"FETCH 1 BODY[]", ("BODY[]",)),
        (b"FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)", ("RFC822", "RFC822.HEADER", "RFC822.TEXT")),
        (b"FETCH 1 BODY.PEEK[1.2.mime]", ("BODY[1.2.MIME]",)),
        (b"FETCH 1 BODY[HEADER.FIELDS (From {3+}\r\nx-y)]", ("BODY[HEADER.FIELDS (From x-y)]",)),
        (b'FETCH 1 BODY[HEADER.FIELDS.NOT ("a b")]', ('BODY[HEADER.FIELDS.NOT ("a b")]',)),
    ],
)
def test_fetch_items(line: bytes, want: tuple[str, ...]) -> None:
    assert items(line) == want


def test_a_partial_and_its_level() -> None:
    command = parse(b"FETCH 1 BODY.PEEK[2.HEADER]<5.10>")
    assert isinstance(command, Fetch)
    assert command.items == (Body(Section("2", "HEADER", ()), b"BODY[2.HEADER]", Level.RAW, peek=True, partial=(5, 10)),)


@pytest.mark.parametrize(
    "line",
    [
        b"LOGIN a",
        b"LOGIN a b c",
        b"LOGIN a {3}",
        b'LOGIN "a b',
        b'LOGIN "a\\x" b',
        b'LOGIN "\xff" b',
        b"NOOP x",
        b"AUTHENTICATE PLAIN !!!",
        b"ID (a)",
        b"CREATE",
        b"CREATE a (USE \\Sent)",
        b"STATUS a ()",
        b"STATUS a (X)",
        b'LIST "" % RETURN (X)',
        b'LIST (RECURSIVEMATCH) "" %',
        b'LIST "" ()',
        b"APPEND a x",
        b'APPEND a "32-Jan-1970 00:00:00 +0000" {1}\r\nx',
        b"STORE 1 FLAG x",
        b"STORE 1 FLAGS.LOUD x",
        b"STORE 1 FLAGS (\\Nonsense)",
        b"STORE 0 FLAGS x",
        b"FETCH 1 ()",
        b"FETCH 1 X",
        b"FETCH 1 (ALL)",
        b"FETCH 1 BODY[0]",
        b"FETCH 1 BODY[MIME]",
        b"FETCH 1 BODY[]<5>",
        b"FETCH 1 BODY[]<5.0>",
        b"FETCH 1 BODY[HEADER.FIELDS ()]",
        b"FETCH 1 BODY.PEEK",
        b"FETCH 1 BODY[1",
        b"SEARCH",
        b"SEARCH X",
        b"SEARCH NOT",
        b"SEARCH (ALL",
        b"SEARCH ON 31-Feb-2026",
        b"SEARCH CHARSET UTF-8 TEXT \xff",
        b"SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
        b"SEARCH RETURN (PARTIAL 0:2) ALL",
        b"SEARCH RETURN (PARTIAL -1:2) ALL",
        b"SEARCH RETURN (PARTIAL 1:*) ALL",
        b"SEARCH YOUNGER 0",
        b"SEARCH MODSEQ x",
        b"SORT (SUBJECT) UTF-8",
        b"SORT () UTF-8 ALL",
        b"SORT (REVERSE) UTF-8 ALL",
        b"SORT (SUBJECTS) UTF-8 ALL",
        b"THREAD JWZ UTF-8 ALL",
        b"ESEARCH IN (SELECTED-DELAYED) ALL",
        b"ESEARCH IN (INBOXES) RETURN (SAVE) ALL",
        b"SEARCH " + b"(" * 1000 + b"ALL" + b")" * 1000,
        b"SEARCH " + b"NOT " * 1000 + b"ALL",
        b"SEARCH " + b"OR " * 1000 + b"ALL" + b" ALL" * 1000,
        b"SEARCH" + b" ALL" * 5000,
        b"UID EXPUNGE",
    ],
)
def test_what_is_no_command_is_bad_syntax(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(line)


def test_other_charsets_are_refused_by_name() -> None:
    with pytest.raises(BadCharset):
        parse(b"SEARCH CHARSET KOI8-R TEXT x")


WORDS = st.sampled_from(
    [
        b"(",
        b")",
        b" ",
        b"1:*",
        b"BODY[",
        b"]",
        b'"a"',
        b"{1+}\r\nx",
        b"NOT",
        b"OR",
        b"FROM",
        b"\\Seen",
        b"<0.1>",
        b"HEADER.FIELDS",
        b"x",
        b"&AOk-",
        b"\x00",
        b"\xff",
    ]
)
NAMES = st.sampled_from(sorted(TABLE))


@settings(max_examples=200, deadline=None)
@given(NAMES, st.lists(WORDS | st.binary(max_size=4), max_size=12).map(b"".join))
def test_garbage_is_refused_in_no_other_way(name: str, arguments: bytes) -> None:
    for line in (arguments, b" " + arguments):
        cursor = Cursor(line)
        with contextlib.suppress(BadSyntax, BadCharset, BadMailboxName):
            TABLE[name].parse(cursor)
            cursor.end()
