"""The framer: the same commands however the octets are cut, and nothing unbounded. RFC 5804 §4."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.managesieve.wire import MAX_LINE_BYTES, Broken, Command, Framer, answer, string

LINES = [
    b'AUTHENTICATE "PLAIN" "abc="\r\n',
    b'putscript "a \\"b\\" \\\\" {6+}\r\nkeep;\n\r\n',
    b"CHECKSCRIPT {6}\r\nkeep;\n\r\n",
    b'HAVESPACE "x" 12345\r\n',
    b"NOOP\r\n",
    b"PUTSCRIPT {1+}\r\na {0+}\r\n\r\n",
    b"?? {3+}\r\nabc\r\n",
    b"x" * 40 + b"\r\n",
    b"CHECKSCRIPT {200000+}\r\n" + b"z" * 200_000 + b"\r\n",
]
WANT = [
    Command("AUTHENTICATE", (b"PLAIN", b"abc=")),
    Command("PUTSCRIPT", (b'a "b" \\', b"keep;\n")),
    Command("CHECKSCRIPT", (b"keep;\n",)),
    Command("HAVESPACE", (b"x", 12345)),
    Command("NOOP", ()),
    Command("PUTSCRIPT", (b"a", b"")),
]


def read(pieces, limit=100_000):
    """All commands in octets that come in pieces."""
    framer, found = Framer(limit), []
    for piece in pieces:
        framer.feed(piece)
        while (command := framer.next()) is not None:
            found.append(command)
    return found


def test_commands_are_read_with_their_arguments():
    assert read(LINES[:6]) == WANT
    assert read(LINES[8:]) == [Command("CHECKSCRIPT", (b"",), "QUOTA/MAXSIZE")]


@given(st.lists(st.sampled_from(LINES), max_size=4), st.data())
def test_however_the_octets_are_cut_the_same_commands_come_out(lines, data):
    octets = b"".join(lines)
    places = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    pieces = [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True)]
    assert read(pieces) == read([octets])
    assert len(read([octets])) == len(lines)


@given(st.binary(max_size=200))
def test_any_octets_give_commands_or_an_end(octets):
    with contextlib.suppress(Broken):
        assert all(isinstance(command, Command) for command in read([octets]))


@pytest.mark.parametrize("octets", [b"x" * (MAX_LINE_BYTES + 2), b"NOOP\n", b"CHECKSCRIPT {999999999+}\r\n"])
def test_what_is_monstrous_ends_the_connection(octets):
    with pytest.raises(Broken):
        read([octets])


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=300))
def test_strings_are_read_back(text):
    framer = Framer(100_000)
    framer.feed(b"NOOP " + string(text) + b"\r\n")
    assert framer.next() == Command("NOOP", (text.encode(),))


def test_answers_carry_codes_and_words():
    assert answer("NO", "x\ny", "QUOTA/MAXSIZE") == b"NO (QUOTA/MAXSIZE) {3}\r\nx\ny\r\n"
    assert answer("OK", "", "TAG", b"a") == b'OK (TAG "a")\r\n'
