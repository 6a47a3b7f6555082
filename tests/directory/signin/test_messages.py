"""Mechanisms of one message. RFC 4616, RFC 7628."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.errors import BadExchange
from directory.signin.messages import Credentials, oauthbearer, plain, xoauth2


@pytest.mark.parametrize(
    ("octets", "want"),
    [
        (b"\0a@x\0secret", Credentials("a@x", "", "secret")),
        (b"a@x\0a@x\0secret", Credentials("a@x", "", "secret")),
        (b"post@x\0a@x\0secret", Credentials("a@x", "post@x", "secret")),
        ("\0أ@x\0سرّ".encode(), Credentials("أ@x", "", "سرّ")),
    ],
)
def test_plain_gives_credentials(octets: bytes, want: Credentials) -> None:
    assert plain(octets) == want


@pytest.mark.parametrize(
    "octets", [b"", b"\0\0\0", b"a", b"a\0b", b"\0\0p", b"\0a\0", b"\0\xff\0p", b"\0a\0p\0q", b"\0a\0" + b"p" * 10_000]
)
def test_plain_refuses_what_is_not_three_parts(octets: bytes) -> None:
    with pytest.raises(BadExchange):
        plain(octets)


def test_oauthbearer_of_the_rfc() -> None:
    said = oauthbearer(
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )  # RFC 7628 §4.1
    assert said == Credentials("user@example.com", "", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")


def test_a_token_may_be_missing_when_a_client_asks_where_to_get_one() -> None:
    assert oauthbearer(b"n,,\x01\x01").secret == ""  # RFC 7628 §4.3: an empty key-value list
    assert oauthbearer(b"n,a=u=2Cv@x,\x01auth=\x01\x01").login == "u,v@x"


def test_xoauth2() -> None:
    assert xoauth2(b"user=a@x\x01auth=Bearer ya29.x\x01\x01") == Credentials("a@x", "", "ya29.x")


@pytest.mark.parametrize(
    "octets", [b"", b"n,,", b"p=tls-unique,,\x01auth=Bearer x\x01\x01", b"n,,\x01auth=Basic x\x01\x01", b"n,,\x01auth=Bearer x y\x01\x01",
               b"n,,\x01auth=Bearer x\x01", b"n,,\x01nonsense\x01\x01", b"n,,\x01auth=Bearer \xff\x01\x01"],
)  # fmt: skip
def test_what_is_no_oauthbearer_message_is_refused(octets: bytes) -> None:
    with pytest.raises(BadExchange):
        oauthbearer(octets)


def test_a_secret_is_never_shown() -> None:
    assert "secret" not in repr(Credentials("a", "", "secret"))


@given(st.binary(max_size=200), st.sampled_from([plain, oauthbearer, xoauth2]))
def test_any_octets_are_read_or_refused(octets: bytes, read) -> None:  # type: ignore[no-untyped-def]
    try:
        read(octets)
    except BadExchange:
        pass
