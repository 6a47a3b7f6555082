import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import ber, der
from signing.der import BadDer


@pytest.mark.parametrize(
    ("octets", "want"),
    [
        (b"\x30\x80\x02\x01\x05\x00\x00", b"\x30\x03\x02\x01\x05"),
        (b"\x24\x80\x04\x01a\x04\x01b\x00\x00", b"\x04\x02ab"),
        (b"\x24\x06\x04\x01a\x04\x01b", b"\x04\x02ab"),
        (b"\x04\x81\x01a", b"\x04\x01a"),
        (b"\x30\x80\x30\x80\x00\x00\x00\x00", b"\x30\x02\x30\x00"),
    ],
)
def test_lengths_and_pieces_become_distinguished(octets: bytes, want: bytes) -> None:
    assert ber.to_der(octets) == want


@pytest.mark.parametrize(
    "octets",
    [b"\x30\x80\x02\x01\x05", b"\x04\x80\x00\x00", b"\x30\x80\x00\x00x", b"\x30\x80" * 40 + b"\x00\x00" * 40, b"\x24\x03\x02\x01a"],
)
def test_what_is_not_ber_is_refused(octets: bytes) -> None:
    with pytest.raises(BadDer):
        ber.to_der(octets)


@given(st.binary(max_size=80))
def test_arbitrary_octets_raise_nothing_but_bad_der_and_what_comes_out_reads(octets: bytes) -> None:
    try:
        converted = ber.to_der(octets)
    except BadDer:
        return
    assert ber.to_der(converted) == converted
    der.read(converted)
