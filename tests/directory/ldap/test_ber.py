"""BER: what we write a foreign codec reads, what it writes we read, and what nobody should write is refused."""

import pytest
from anyldap.protocols import pureber
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap import ber
from directory.ldap.ber import Reader
from directory.ldap.errors import NotUnderstood


@given(st.integers(-(2**62), 2**62))
def test_integers_are_written_shortest_and_read_back(number: int) -> None:
    octets = ber.integer(number)
    assert Reader(octets).integer() == number
    assert octets[2:] == number.to_bytes(len(octets) - 2, "big", signed=True)
    assert len(octets) == 3 or not -(2 ** (8 * len(octets) - 25)) <= number < 2 ** (8 * len(octets) - 25)


@given(st.binary(max_size=70_000))
def test_octets_are_written_as_a_foreign_codec_writes_them(contents: bytes) -> None:
    assert ber.octets(contents) == pureber.BEROctetString(contents).toWire()
    assert Reader(ber.octets(contents)).octets() == contents
    assert ber.whole_size(ber.value(ber.SEQUENCE, contents) + b"more") == len(ber.value(ber.SEQUENCE, contents))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x04",
        b"\x04\x02a",
        b"\x04\x80a\x00\x00",  # indefinite
        b"\x04\x85\x00\x00\x00\x00\x01a",  # a length of five octets
        b"\x04\x84\xff\xff\xff\xffa",
        b"\x04\x82\x01",
        b"\x24\x03\x04\x01a",  # constructed
        b"\x02\x01a",
    ],
)
def test_other_forms_are_refused(octets: bytes) -> None:
    with pytest.raises(NotUnderstood):
        Reader(octets).octets()


def test_a_value_cannot_reach_beyond_what_holds_it() -> None:
    inner = Reader(b"\x30\x03\x04\x05abcdefgh").enter(ber.SEQUENCE)
    with pytest.raises(NotUnderstood):
        inner.octets()


@pytest.mark.parametrize(
    ("octets", "size"), [(b"", None), (b"\x30", None), (b"\x30\x05", 7), (b"\x30\x82\x01", None), (b"\x30\x82\x01\x00", 260)]
)
def test_the_size_of_a_message_is_known_as_soon_as_its_head_is_there(octets: bytes, size: int | None) -> None:
    assert ber.whole_size(octets) == size


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1", b"\x16\x03\x01", b"\x30\x80", b"\x30\x89\x01"])
def test_what_is_no_message_is_refused_at_its_first_octets(octets: bytes) -> None:
    with pytest.raises(NotUnderstood):
        ber.whole_size(octets)
