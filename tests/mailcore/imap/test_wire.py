"""The framer: however the octets are cut, the same events."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.imap.wire import POUR_BYTES, Begins, Continue, Event, Framer, Limits, Overflow, Pours, Request, TooBig

LIMITS = Limits(line=100, literal=20, append=50, skip=60)
POURING = Limits(line=100, literal=20, append=50, skip=60, pour=5, brought=90)


def events(stream: bytes, cuts: list[int], limits: Limits = LIMITS) -> list[Event]:
    framer, found = Framer(limits), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        framer.feed(stream[start:end])
        while (event := framer.next()) is not None:
            found.append(event)
    return found


def events_looked_at(stream: bytes, cuts: list[int], limits: Limits) -> list[Event]:
    """The same, but each piece is first looked at as if it were a command alone."""
    framer, found = Framer(limits), list[Event]()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        text = framer.lone(stream[start:end])
        if text is not None:
            found.append(Request(text))
            continue
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


BRINGING = [
    (b"a APPEND x {5+}\r\nabcde\r\n", [Request(b"a APPEND x {5+}\r\nabcde")]),
    (b"a APPEND x {6+}\r\nabcdef\r\n", [Begins(6), Pours(b"abcdef"), Request(b"a APPEND x {6+}\r\n", (17,))]),
    (
        b"a APPEND x {6}\r\nabcdef ~{7+}\r\n1234567\r\nb NOOP\r\n",
        [
            Continue(b"a APPEND x {6}\r\n", 6),
            Begins(6),
            Pours(b"abcdef"),
            Begins(7),
            Pours(b"1234567"),
            Request(b"a APPEND x {6}\r\n ~{7+}\r\n", (16, 24)),
            Request(b"b NOOP"),
        ],
    ),
    (  # what is small is poured too when the command holds much already
        b"a APPEND x {5+}\r\n12345 {5+}\r\nabcde {1+}\r\nx\r\n",
        [Begins(1), Pours(b"x"), Request(b"a APPEND x {5+}\r\n12345 {5+}\r\nabcde {1+}\r\n", (41,))],
    ),
    (b"a uid  replace 7 x {6+}\r\nabcdef\r\n", [Begins(6), Pours(b"abcdef"), Request(b"a uid  replace 7 x {6+}\r\n", (25,))]),
    (b"a SEARCH {6+}\r\nabcdef\r\n", [Request(b"a SEARCH {6+}\r\nabcdef")]),
    (b"a APPEND x {51+}\r\n" + b"x" * 51 + b"\r\nb NOOP\r\n", [TooBig(b"a"), Request(b"b NOOP")]),
    (  # one message too many, though each is small enough
        b"a APPEND x {45+}\r\n" + b"x" * 45 + b" {46+}\r\n" + b"y" * 46 + b"\r\nb NOOP\r\n",
        [Begins(45), Pours(b"x" * 45), TooBig(b"a"), Request(b"b NOOP")],
    ),
]


@pytest.mark.parametrize(("stream", "want"), BRINGING)
def test_large_literals_are_handed_out_as_they_come(stream: bytes, want: list[Event]) -> None:
    assert events(stream, [], POURING) == want
    assert events(stream, list(range(1, len(stream))), POURING) == want


def test_large_literals_come_in_pieces_of_one_size_however_the_octets_are_cut() -> None:
    limits = Limits(100, 20, 10 * POUR_BYTES, 0, pour=5)
    message = bytes(range(256)) * (3 * POUR_BYTES // 256) + b"tail"
    stream = b"a APPEND x {%d+}\r\n%b\r\n" % (len(message), message)
    for cuts in ([], list(range(0, len(stream), 1000)), [POUR_BYTES], [len(stream) - 1]):
        found = events(stream, cuts, limits)
        assert [len(event.octets) for event in found if isinstance(event, Pours)] == [POUR_BYTES] * 3 + [4]
        assert b"".join(event.octets for event in found if isinstance(event, Pours)) == message


def test_a_command_is_refused_before_its_literal_is_sent() -> None:
    framer = Framer(POURING)
    framer.feed(b"a APPEND x {3+}\r\nabc {9}\r\n")
    assert framer.next() == Continue(b"a APPEND x {3+}\r\nabc {9}\r\n", 12)
    assert framer.next() == Begins(9)
    assert framer.next() is None
    assert framer.awaits
    framer.refuse()
    assert not framer.awaits
    framer.feed(b"b APPEND x {4}\r\n")
    assert framer.next() == Continue(b"b APPEND x {4}\r\n", 4)
    framer.refuse()
    framer.feed(b"c NOOP\r\n")
    assert framer.next() == Request(b"c NOOP")


def test_a_literal_is_awaited_until_its_last_octet_is_here() -> None:
    for size, limits in ((4, POURING), (40, POURING), (55, POURING)):
        framer = Framer(limits)
        framer.feed(b"a APPEND x {%d+}\r\n" % size)
        while framer.next() is not None:
            pass
        framer.feed(b"x" * (size - 1))
        while framer.next() is not None:
            pass
        assert framer.awaits
        framer.feed(b"x")
        assert not framer.awaits


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
    for limits in (LIMITS, POURING):
        assert events_looked_at(stream, cuts, limits) == events(stream, cuts, limits)
    assert events(stream, cuts, POURING) == events(stream, [], POURING)


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
