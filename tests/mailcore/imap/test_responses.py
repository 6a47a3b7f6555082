"""What goes over the wire, and that it can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap import responses
from mailcore.imap.parse.cursor import Cursor
from mailcore.imap.responses import FlagWriter


@given(st.binary(max_size=60))
def test_strings_survive(octets: bytes) -> None:
    assert Cursor(responses.quoted(octets)).string() == octets


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_mailbox_names_survive(name: str) -> None:
    import unicodedata

    assert Cursor(responses.mailbox(name)).mailbox() == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "want"), [("INBOX", b"INBOX"), ("NIL", b'"NIL"'), ("a b", b'"a b"'), ('a"b', b'"a\\"b"'), ("é", b"&AOk-"), ("a%", b'"a%"')]
)
def test_mailbox_names_are_atoms_where_they_can(name: str, want: bytes) -> None:
    assert responses.mailbox(name) == want


def test_flags_are_written_by_name() -> None:
    writer = FlagWriter({256: "$Forwarded", 512: "NIL"})
    assert writer.write(0) == b"()"
    assert writer.write(1 | 8 | 256 | 512) == b"(\\Deleted \\Seen $Forwarded NIL)"
    assert writer.knows(256)
    assert not writer.knows(1024)
    assert writer.permanent() == b"(\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded NIL \\*)"
