"""The octets after DATA. RFC 5321 §4.1.1.4, §4.5.2, §2.3.8."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.smtp.data import TEXT_LINE_BYTES, Decoder

PIECES = st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\r\n.\r\n", b"\0", b"\r\n..", b"xyz", b"\r\n.", b".\r\n"])


def oracle(octets: bytes) -> tuple[bytes, bool, bytes]:
    """Return (message, bad, rest) line by line, the slow and plain way; without an end, all complete lines so far."""
    message, at, bad = [], 0, False
    while (end := octets.find(b"\r\n", at)) >= 0:
        line, at = octets[at:end], end + 2
        if line == b".":
            return b"".join(message), bad, octets[at:]
        bad = bad or any(octet in line for octet in (b"\r", b"\n", b"\0"))
        message.append(line.removeprefix(b".") + b"\r\n")
    return b"".join(message), bad, b""


def decode(pieces: list[bytes]) -> tuple[bytes, Decoder]:
    decoder, message = Decoder(), b""
    for number, piece in enumerate(pieces):
        message += decoder.feed(piece)
        if decoder.done:
            decoder.rest += b"".join(pieces[number + 1 :])
            break
    return message, decoder


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[a:b] for a, b in itertools.pairwise(edges)]


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=14), st.lists(st.integers(0, 200), max_size=6))
def test_however_cut_the_message_is_what_the_line_reader_says(parts: list[bytes], places: list[int]) -> None:
    octets = b"".join(parts) + b"\r\n.\r\nrest"
    message, decoder = decode(cut(octets, places))
    want, bad, rest = oracle(octets)
    assert (message, decoder.text.bad, decoder.rest, decoder.done) == (want, bad, rest, True)
    assert decoder.size_bytes == len(message)


@given(st.binary(max_size=60))
def test_octet_by_octet_is_the_same_as_at_once(octets: bytes) -> None:
    octets += b"\r\n.\r\n"
    message, slow = decode([bytes([octet]) for octet in octets])
    want, fast = decode([octets])
    assert (message, slow.text.bad, slow.text.long_line, slow.rest) == (want, fast.text.bad, fast.text.long_line, fast.rest)


@pytest.mark.parametrize(
    ("octets", "want"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..a\r\n...\r\n.\r\n", b".a\r\n..\r\n"),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
    ],
)
def test_dots_are_taken_away(octets: bytes, want: bytes) -> None:
    message, decoder = decode([octets])
    assert (message, decoder.done, decoder.text.bad) == (want, True, False)


@pytest.mark.parametrize(("columns", "long"), [(TEXT_LINE_BYTES, False), (TEXT_LINE_BYTES + 1, True)])
@pytest.mark.parametrize("before", [b"", b"a\r\n", b"b" * TEXT_LINE_BYTES + b"\r\n"])
@pytest.mark.parametrize("piece", [1, 7, 1000, 10_000])
def test_only_longer_lines_are_too_long(columns: int, long: bool, before: bytes, piece: int) -> None:
    octets = before + b"x" * columns + b"\r\nend\r\n.\r\n"
    _, decoder = decode([octets[at : at + piece] for at in range(0, len(octets), piece)])
    assert decoder.done
    assert decoder.text.long_line is long
