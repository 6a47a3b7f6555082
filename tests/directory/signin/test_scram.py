"""SCRAM-SHA-256. RFC 5802, RFC 7677."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.errors import BadExchange
from directory.signin import scram
from directory.types import Binding

# RFC 7677 §3
NONCE, MORE = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
PROOF = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


def test_the_example_of_the_rfc_octet_by_octet() -> None:
    kept = scram.verifier("pencil", SALT, 4096)
    first = scram.read_first(FIRST)
    asked = scram.challenge(first, MORE, kept.salt, kept.iterations)
    assert asked.message == CHALLENGE
    final = scram.read_final(FINAL)
    assert final.channel == scram.expected_channel(first, None) == b"n,,"
    assert final.nonce == asked.nonce
    other = scram.verifier("pencil2", SALT, 4096)
    assert scram.fitting([other, kept], asked, final) == 1
    assert scram.fitting([other], asked, final) is None
    assert scram.server_final(kept, asked, final) == PROOF


def test_an_authorization_identity_and_escapes_are_read() -> None:
    first = scram.read_first(b"n,a=bureau=2Cordre,n=a=3Db,r=12345678,x=more")
    assert (first.acting, first.login, first.nonce) == ("bureau,ordre", "a=b", "12345678")
    assert first.header == b"n,a=bureau=2Cordre,"


def test_the_binding_is_part_of_what_is_expected() -> None:
    first = scram.read_first(b"p=tls-server-end-point,,n=u,r=12345678")
    assert (first.binding, first.suspicious) == ("tls-server-end-point", False)
    assert scram.expected_channel(first, Binding("tls-server-end-point", b"hash")) == b"p=tls-server-end-point,,hash"
    assert scram.read_first(b"y,,n=u,r=12345678").suspicious


def test_passwords_that_saslprep_refuses_count_as_typed() -> None:
    assert scram.verifier("mot سر", SALT, 4096) != scram.verifier("mot سر ", SALT, 4096)


def test_somebody_unknown_has_always_the_same_salt() -> None:
    one, again, other = (scram.invented(b"k" * 32, account) for account in ("a@x", "a@x", "b@x"))
    assert one == again
    assert one.salt != other.salt
    assert scram.invented(b"K" * 32, "a@x").salt != one.salt


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"n", b"n,,", b"n,,n=u", b"n,,r=12345678,n=u", b"n,,m=x,n=u,r=12345678", b"n,,n=u,r=1", b"x,,n=u,r=12345678",
        b"p=,,n=u,r=12345678", b"n,u,n=u,r=12345678", b"n,,n=a=b,r=12345678", b"n,,n=\xff,r=12345678", b"n,,n=\0,r=12345678",
        b"n,,n=" + b"u" * 5000 + b",r=12345678",
    ],
)  # fmt: skip
def test_what_is_no_first_message_is_refused(octets: bytes) -> None:
    with pytest.raises(BadExchange):
        scram.read_first(octets)


@pytest.mark.parametrize(
    "octets", [b"", b"c=biws,r=x", b"c=!,r=x,p=" + b"A" * 44, b"r=x,c=biws,p=AAAA", b"c=biws,r=x,p=AAAA", b"c=biws,r=x,p=!"]
)
def test_what_is_no_final_message_is_refused(octets: bytes) -> None:
    with pytest.raises(BadExchange):
        scram.read_final(octets)


@given(st.binary(max_size=200), st.sampled_from([scram.read_first, scram.read_final]))
def test_any_octets_are_read_or_refused(octets: bytes, read) -> None:  # type: ignore[no-untyped-def]
    try:
        read(octets)
    except BadExchange:
        pass
