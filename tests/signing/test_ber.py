import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import ber, cms, der, enveloped, signers
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


def _bomb(kind: str, inside: bytes) -> bytes:
    return b"\x30\x80" + der.write_oid(kind) + inside + b"\0\0"


def test_many_small_elements_end_the_reading_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter of 37 MB could hold eighteen million of them: three gigabytes of memory and half a minute."""
    assert ber.MAX_ELEMENTS <= 300_000
    assert der.MAX_CHILDREN <= 300_000
    monkeypatch.setattr(ber, "MAX_ELEMENTS", 1000)
    monkeypatch.setattr(der, "MAX_CHILDREN", 1000)
    tiny = b"\x05\0" * 1001
    signed = der.sequence(der.write_integer(1), der.set_of(), der.sequence(der.write_oid(cms.DATA)), der.write(der.context(0), tiny))
    for octets in (
        _bomb(cms.SIGNED_DATA, tiny),
        _bomb(cms.SIGNED_DATA, b"".join(b"\x30\x80" + tiny[:500] + b"\0\0" for _ in range(5))),
        der.sequence(der.write_oid(cms.SIGNED_DATA), der.write(der.context(0), signed)),
    ):
        with pytest.raises(BadDer, match="too many elements"):
            signers.split(octets, signers.MAX_CONTENT_BYTES)
    with pytest.raises(BadDer, match="too many elements"):
        enveloped.read(_bomb(enveloped.ENVELOPED, tiny), signers.MAX_CONTENT_BYTES)
    assert ber.to_der(b"\x30\x80" + tiny[:1900] + b"\0\0") == der.sequence(tiny[:1900])


def test_recipients_of_kinds_that_are_not_read_are_counted_too() -> None:
    others = der.write(der.SET, b"\xa4\0" * (enveloped.MAX_SHARES + 2))
    sealed = der.sequence(der.write_oid(enveloped.ENVELOPED), der.write(der.context(0), der.sequence(der.write_integer(2), others)))
    with pytest.raises(BadDer, match="too many recipients"):
        enveloped.read(sealed, 1 << 20)
