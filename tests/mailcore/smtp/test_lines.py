"""The command stream. RFC 5321 §2.3.8."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.lines import BareLineFeed, Lines, LineTooLong


def read(pieces: list[bytes], limit_bytes: int = 20) -> list[bytes | str]:
    lines, found = Lines(), []
    for piece in pieces:
        lines.feed(piece)
        try:
            while (line := lines.next(limit_bytes)) is not None:
                found.append(line)
        except (BareLineFeed, LineTooLong) as error:
            return [*found, type(error).__name__]
    return found


@given(st.lists(st.sampled_from([b"NOOP", b"\r\n", b"\r", b"\n", b"x" * 9]), max_size=12), st.lists(st.integers(0, 99), max_size=5))
def test_however_cut_the_lines_are_the_same(parts: list[bytes], places: list[int]) -> None:
    octets = b"".join(parts)
    edges = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    assert read([octets[a:b] for a, b in itertools.pairwise(edges)]) == read([octets])


@pytest.mark.parametrize(
    ("octets", "want"),
    [
        (b"NOOP\r\nQUIT\r\n", [b"NOOP", b"QUIT"]),
        (b"NOOP\r\nQUI", [b"NOOP"]),
        (b"NOOP\n", ["BareLineFeed"]),
        (b"\n", ["BareLineFeed"]),
        (b"NOOP\r\n\nQUIT\r\n", [b"NOOP", "BareLineFeed"]),
        (b"A\rB\r\n", [b"A\rB"]),
        (b"A" * 22, ["LineTooLong"]),
        (b"A" * 22 + b"\r\n", ["LineTooLong"]),
        (b"A" * 19 + b"\r\n", [b"A" * 19]),
    ],
)
def test_only_cr_lf_ends_a_line(octets: bytes, want: list[bytes | str]) -> None:
    assert read([octets]) == want


def test_what_is_left_begins_the_message() -> None:
    lines = Lines()
    lines.feed(b"DATA\r\nhello")
    assert lines.begins_with(b"DATA")
    assert lines.next(20) == b"DATA"
    assert not lines.empty
    assert lines.take() == b"hello"
    assert lines.empty
