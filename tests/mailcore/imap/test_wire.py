"""The framer: however the octets are cut, the same events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.imap.wire import Continue, Event, Framer, Limits, Overflow, Request, TooBig

LIMITS = Limits(line=100, literal=20, append=50, skip=60)


def events(stream: bytes, cuts: list[int], limits: Limits = LIMITS) -> list[Event]:
    framer, found = Framer(limits), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        framer.feed(stream[start:end])
        while (event := framer.next()) is not None:
            found.append(event)
    return found


CASES = [
    (b"a NOOP\r\n", [Request(b"a NOOP")]),
    (b"a NOOP\n", [Request(b"a NOOP")]),
    (b"a NOOP\r\nb NOOP\r\n", [Request(b"a NOOP"), Request(b"b NOOP")]),
    (b"a NOOP\r", []),
    (b"\r\n", [Request(b"")]),
    (b"a LOGIN {3}\r\nfoo {3+}\r\nbar\r\n", [Continue(), Request(b"a LOGIN {3}\r\nfoo {3+}\r\nbar")]),
    (b"a LOGIN {0+}\r\n x\r\n", [Request(b"a LOGIN {0+}\r\n x")]),
    (b"a LOGIN {2+}\r\n\r\n\r\n", [Request(b"a LOGIN {2+}\r\n\r\n")]),
    (b'a LOGIN "{5}" x\r\n', [Request(b'a LOGIN "{5}" x')]),
    (b"a LOGIN {21}\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a LOGIN {25+}\r\n" + b"x" * 25 + b" y\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a LOGIN {25+}\r\n" + b"\r\nz NOOP\r\n" + b"x" * 15 + b" {3+}\r\nabc\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a LOGIN {25+}\r\n" + b"x" * 25 + b" {3}\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a LOGIN {61+}\r\n" + b"x" * 61 + b"\r\nb NOOP\r\n", [Overflow()]),
    (b"a APPEND x {50+}\r\n" + b"x" * 50 + b"\r\n", [Request(b"a APPEND x {50+}\r\n" + b"x" * 50)]),
    (b"a append x {51}\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a X {15+}\r\n" + b"x" * 15 + b" {15+}\r\n" + b"x" * 15 + b"\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (b"a " + b"x" * 200, [Overflow()]),
    (b"a " + b"x" * 200 + b"\r\nb NOOP\r\n", [Overflow()]),
    (b"a X {9999999999999999999999}\r\n", [Request(b"a X {9999999999999999999999}")]),
]


@pytest.mark.parametrize(("stream", "want"), CASES)
def test_octets_become_events(stream: bytes, want: list[Event]) -> None:
    assert events(stream, []) == want


@pytest.mark.parametrize(("stream", "want"), CASES)
def test_octet_by_octet_gives_the_same_events(stream: bytes, want: list[Event]) -> None:
    assert events(stream, list(range(1, len(stream)))) == want


PIECES = st.sampled_from(
    [
        b"a NOOP",
        b"b APPEND x ",
        b"\r\n",
        b"\n",
        b"\r",
        b"{3}\r\n",
        b"{3+}\r\n",
        b"{30+}\r\n",
        b"{55+}\r\n",
        b"{99+}\r\n",
        b"xyz",
        b"x" * 30,
        b" ",
        b'"',
        b"{0}\r\n",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=20).map(b"".join), st.data())
def test_however_the_octets_are_cut_the_events_are_the_same(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    assert events(stream, cuts) == events(stream, [])


def test_limits_may_change_between_two_commands() -> None:
    framer = Framer(LIMITS)
    framer.feed(b"a NOOP\r\nb X {30+}\r\n" + b"x" * 30 + b"\r\n")
    assert framer.next() == Request(b"a NOOP")
    framer.limits = Limits(1000, 1000, 1000, 1000)
    assert isinstance(framer.next(), Request)


def test_what_came_before_tls_is_forgotten() -> None:
    framer = Framer(LIMITS)
    framer.feed(b"a STARTTLS\r\nb LOGIN {5+}\r\nev")
    assert framer.next() == Request(b"a STARTTLS")
    framer.discard()
    framer.feed(b"c NOOP\r\n")
    assert framer.next() == Request(b"c NOOP")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=30))
def test_no_more_is_held_than_the_limits_allow(chunks: list[bytes]) -> None:
    framer = Framer(LIMITS)
    for chunk in chunks:
        framer.feed(chunk)
        while framer.next() is not None:
            pass
        assert framer.held <= LIMITS.line + LIMITS.append + 40
