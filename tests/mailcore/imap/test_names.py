"""Mailbox names in modified UTF-7, and LIST patterns."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.errors import BadMailboxName
from mailcore.imap import listing, names

PAIRS = [
    ("INBOX", b"INBOX"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # the example of RFC 3501 §5.1.3
    ("A&B", b"A&-B"),
    ("&", b"&-"),
    ("&&", b"&-&-"),
    ("é&é", b"&AOk-&-&AOk-"),
    ("Envoyés", b"Envoy&AOk-s"),
    ("بريد", b"&BigGMQZKBi8-"),
    ("😀", b"&2D3eAA-"),
    ("", b""),
]


@pytest.mark.parametrize(("name", "wire"), PAIRS)
def test_names_go_both_ways(name: str, wire: bytes) -> None:
    assert names.encode(name) == wire
    assert names.decode(wire) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("wire", [b"&", b"&A", b"&AOk", b"Envoy\xc3\xa9s", b"&AGE-", b"&!!-", b"&2D0-", b"&AOkA-", b"a\tb"])
def test_what_no_encoder_writes_is_refused(wire: bytes) -> None:
    with pytest.raises(BadMailboxName):
        names.decode(wire)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_survives(name: str) -> None:
    wire = names.encode(name)
    assert wire.isascii()
    assert names.decode(wire) == unicodedata.normalize("NFC", name)


@settings(max_examples=200, deadline=None)
@given(st.text("ab/%*", max_size=8), st.text("ab/", max_size=8))
def test_patterns_match_as_their_regular_expression(pattern: str, name: str) -> None:
    expression = "".join({"*": ".*", "%": "[^/]*"}.get(c, re.escape(c)) for c in pattern)
    assert names.matches(pattern, name) == (re.fullmatch(expression, name) is not None)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("Shared/a@b", names.Foreign("Shared", "a@b", "INBOX")),
        ("shared/a@b/Sent/x", names.Foreign("Shared", "a@b", "Sent/x")),
        ("OTHER USERS/a@b/", names.Foreign("Other Users", "a@b", "INBOX")),
        ("Other Users/a@b/INBOX", names.Foreign("Other Users", "a@b", "INBOX")),
        ("Shared", None),
        ("Shared/x", None),
        ("Sharedness/a@b", None),
        ("INBOX/Shared/a@b", None),
    ],
)
def test_names_of_others_stand_under_their_address(name: str, want: names.Foreign | None) -> None:
    assert names.foreign(name) == want


@pytest.mark.parametrize("name", ["INBOX", "Sent", "INBOX/Sub", "a/b/c"])
def test_what_is_shown_is_understood(name: str) -> None:
    found = names.foreign(names.shown(names.root(names.SHARED, "a@b"), name))
    assert found == names.Foreign(names.SHARED, "a@b", name)


@pytest.mark.parametrize(
    ("pattern", "top", "want"),
    [("*", "Shared", True), ("Sh%", "Shared", True), ("Shared/a@b/*", "Shared", True), ("INBOX", "Shared", False), ("S*x", "Shared", True)],
)
def test_patterns_say_where_they_cannot_match(pattern: str, top: str, want: bool) -> None:
    assert names.Pattern(pattern).may_match_below(top) is want


def test_an_old_name_is_extended_data() -> None:
    entry = listing.Entry("Neu", (), None, old_name="Envoyés")
    assert listing.line(b"LIST", entry) == b'* LIST () "/" Neu ("OLDNAME" (Envoy&AOk-s))\r\n'
    assert listing.line(b"LIST", entry, utf8=True) == '* LIST () "/" Neu ("OLDNAME" ("Envoyés"))\r\n'.encode()


def test_hostile_patterns_end() -> None:
    assert not names.matches("%*" * 2000 + "b", "a" * 255)
    assert not names.matches("*a" * 500 + "b", "a" * 255)
