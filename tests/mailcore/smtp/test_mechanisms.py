"""SASL exchanges. RFC 4616, RFC 4954 §4."""

import pytest

from mailcore.smtp.mechanisms import Credentials, decode, encode, login, plain
from mailcore.smtp.reply import AUTH_CANCELLED, BAD_AUTH, BAD_CREDENTIALS, Refused, Reply


def last(exchange, response: bytes) -> Credentials:  # type: ignore[no-untyped-def]
    with pytest.raises(StopIteration) as stop:
        exchange.send(response)
    return stop.value.value


@pytest.mark.parametrize(
    ("response", "want"),
    [
        (b"\0a@x\0secret", Credentials("a@x", "secret")),
        (b"a@x\0a@x\0secret", Credentials("a@x", "secret")),
        ("\0أ@x\0سرّ".encode(), Credentials("أ@x", "سرّ")),
    ],
)
def test_plain_gives_credentials(response: bytes, want: Credentials) -> None:
    exchange = plain()
    assert next(exchange) == b""
    assert last(exchange, response) == want


@pytest.mark.parametrize(
    ("response", "want"),
    [
        (b"", BAD_AUTH), (b"\0\0\0", BAD_AUTH), (b"a", BAD_AUTH), (b"a\0b", BAD_AUTH), (b"\0\0p", BAD_AUTH), (b"\0a\0", BAD_AUTH),
        (b"\0\xff\0p", BAD_AUTH), (b"other\0a\0p", BAD_CREDENTIALS), (b"\0a\0p\0q", BAD_AUTH),
    ],
)  # fmt: skip
def test_plain_refuses_what_is_not_three_parts(response: bytes, want: Reply) -> None:
    exchange = plain()
    next(exchange)
    with pytest.raises(Refused) as refused:
        exchange.send(response)
    assert refused.value.reply is want


def test_login_asks_twice() -> None:
    exchange = login()
    assert next(exchange) == b"Username:"
    assert exchange.send(b"a@x") == b"Password:"
    assert last(exchange, b"secret") == Credentials("a@x", "secret")


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(Credentials("a", "secret"))


@pytest.mark.parametrize(
    ("line", "want"),
    [(b"*", AUTH_CANCELLED), (b"!", BAD_AUTH), (b"AA\r\nAA", BAD_AUTH), (b"AAA", BAD_AUTH), (b"AAAA=", BAD_AUTH), (b" AAAA", BAD_AUTH)],
)
def test_what_is_not_base64_is_refused(line: bytes, want: Reply) -> None:
    with pytest.raises(Refused) as refused:
        decode(line)
    assert refused.value.reply is want


def test_base64_both_ways() -> None:
    assert decode(encode(b"\0a\0b").encode()) == b"\0a\0b"
    assert decode(b"") == b""
