"""Transfer encodings undone piece by piece."""

import base64
import itertools
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.message import decode

CUTS = st.lists(st.integers(0, 200), max_size=12)
SOUP = st.lists(
    st.sampled_from([b"=", b"3", b"D", b"F", b" ", b"\t", b"\r", b"\n", b"\r\n", b"Q", b"U", b"JD", b"==", b"\x00", b"\xe9"])
).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def undone(encoding: str, parts: list[bytes]) -> bytes:
    undo = decode.decoder(encoding)
    assert undo is not None
    return b"".join(decode.decoded(parts, undo))


@pytest.mark.parametrize(
    ("encoding", "data", "want"),
    [
        ("7bit", b"as it is\r\n", b"as it is\r\n"),
        ("base64", b"", b""),
        ("base64", b"Ym9u\r\nam91\r\ncg==\r\n", b"bonjour"),
        ("base64", b"Ym9u am91!cg", b"bonjour"),  # foreign octets, and no padding
        ("base64", b"Ym9uam91cg==Ym9u", b"bonjour"),  # what stands behind the padding is not of it
        ("base64", b"=Ym9u==am91cg==", b"bonjour"),  # padding where nothing ends
        ("base64", b"Ym9uY", b"bon"),  # six bits are no octet
        ("quoted-printable", b"caf=C3=A9 =\r\n!", b"caf\xc3\xa9 !"),
        ("quoted-printable", b"a=  \r\nb", b"ab"),  # blanks that a relay added behind a soft break
        ("quoted-printable", b"a \t\r\nb ", b"a\r\nb "),
        ("quoted-printable", b"1=1=2 = =ZZ=", b"1=1=2 = =ZZ="),
        ("quoted-printable", b"=3d=3D=00", b"==\x00"),
        ("quoted-printable", b"a=\rb\r\n", b"a=\rb\r\n"),
    ],
)
def test_octets_come_back(encoding: str, data: bytes, want: bytes) -> None:
    assert undone(encoding, [data]) == want
    assert undone(encoding, [bytes((octet,)) for octet in data]) == want


@given(SOUP, CUTS, st.sampled_from(["base64", "quoted-printable", "8bit"]))
def test_however_it_is_cut_the_same_comes_out(data: bytes, cuts: list[int], encoding: str) -> None:
    assert undone(encoding, pieces(data, cuts)) == undone(encoding, [data])


@given(st.binary(max_size=300), CUTS)
def test_what_was_encoded_comes_back(data: bytes, cuts: list[int]) -> None:
    assert undone("base64", pieces(base64.encodebytes(data), cuts)) == data
    text = data.replace(b"\r", b"").replace(b"\n", b"")
    assert undone("quoted-printable", pieces(quopri.encodestring(text, quotetabs=True), cuts)) == text


def test_nobody_knows_uuencode() -> None:
    assert decode.decoder("x-uuencode") is None
