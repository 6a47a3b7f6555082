import pytest

from signing.pki import protocol
from signing.pki.protocol import Broken


@pytest.fixture
def three() -> bytes:
    octets = b""
    for number in range(3):
        octets = protocol.added(octets, "2026-11-22T10:00:00+00:00", f"step {number}", {"key": "ab"}, ("operator Hamid",))
    return octets


def test_steps_follow_from_each_other(three: bytes) -> None:
    assert [(step.number, step.step, step.present) for step in protocol.read(three)] == [
        (number + 1, f"step {number}", ["operator Hamid"]) for number in range(3)
    ]


def test_no_changed_octet_but_in_the_last_line_goes_unseen(three: bytes) -> None:
    """The last line is covered by the root's signature alone."""
    for place in range(three.rstrip(b"\n").rindex(b"\n")):
        for bit in (0x01, 0x80):
            with pytest.raises(Broken):
                protocol.read(three[:place] + bytes((three[place] ^ bit,)) + three[place + 1 :])


def test_no_line_is_taken_out_or_put_in(three: bytes) -> None:
    one, two, last = three.splitlines(keepends=True)
    for harmed in (two + last, one + last, one + two + two + last, one + two + last[:-1], b"\xff\n", b"null\n"):
        with pytest.raises(Broken):
            protocol.read(harmed)
