"""Command lines, paths and greetings. RFC 5321 §4.1.1 to §4.1.3, RFC 6531 §3.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.address import Address
from mailcore.smtp.grammar import POSTMASTER, BadPath, Command, cut_path, is_hello, split

COMMANDS = [
    (b"NOOP", Command("NOOP", b"")),
    (b"noop", Command("NOOP", b"")),
    (b"MAIL FROM:<a@x>  ", Command("MAIL", b"FROM:<a@x>")),
    (b"AUTH PLAIN =", Command("AUTH", b"PLAIN =")),
    (b"", None),
    (b" NOOP", None),
    (b"NO\0OP", None),
    (b"N\xc3\xa9OP", None),
    (b"A" * 17, None),
    (b"MAIL\tFROM:<a@x>", None),
]

PATHS = [
    (b"FROM:<a@x.example>", Address("a", "x.example"), b""),
    (b"from:<a@x.example>", Address("a", "x.example"), b""),
    (b"FROM: <a@x.example>", Address("a", "x.example"), b""),
    (b"FROM:<a@X.EXAMPLE> SIZE=1", Address("a", "x.example"), b" SIZE=1"),
    (b"FROM:<>", None, b""),
    (b"FROM:<> BODY=8BITMIME", None, b" BODY=8BITMIME"),
    (b"FROM:<Postmaster>", POSTMASTER, b""),
    (b'FROM:<"a\\"b"@x>', Address('a"b', "x"), b""),
    (b'FROM:<"a\\\\"@x>', Address("a\\", "x"), b""),
    (b'FROM:<"a b"@x>', Address("a b", "x"), b""),
    (b'FROM:<"a>b"@x>', Address("a>b", "x"), b""),
    (b'FROM:<"plain"@x>', Address("plain", "x"), b""),
    (b"FROM:<a@[IPv6:::1]>", Address("a", "[IPv6:::1]"), b""),
    (b"FROM:<a@[192.0.2.1]>", Address("a", "[192.0.2.1]"), b""),
    (b"FROM:<@ours.example,@b.example:a@x>", Address("a", "x"), b""),
    (b"FROM:<a+tag@x>", Address("a+tag", "x"), b""),
    ("FROM:<أمينة@x>".encode(), Address("أمينة", "x"), b""),
    ("FROM:<a@مثال.example>".encode(), Address("a", "xn--mgbh0fb.example"), b""),
]

BAD = [
    b"a\rb@x", b"a\0b@x", b"a\tb@x", b"(c)a@x", b"a b@x", b'""@x', b"a..b@x", b".a@x", b"a.@x", b"a@-x", b"a@x-", b"a@x_",
    b"a@x..test", b"a@x.", b"a@.x", b"a@[1.2.3]", b"a@[1.2.3.4", b"a@[IPv6:::g]", b"a@[tag:x]", b"a@x><b@y", b"<a@x>", b"a@",
    b"@x", b"ours.example", b"a@b@x", b'"a"b@x', b'"a@x', b'"a\rb"@x', b'"a\0"@x', b'"user@remote"', b"a" * 65 + b"@x",
    b"a@" + b".".join([b"x" * 60] * 5), b"=?utf-8?q?a=0d=0aRCPT_TO:x?=@x.test", b"=?utf-8?q?a=40b?=@x.test",
    b"a@=?utf-8?q?evil=2etest?=", b"user@ours\0.remote", "user@our\u3002s".encode(), "a\u202eb@x".encode(), b"\xff@x", b"a@\xff",
    b"a@127.0.0.1", "a@x\uff0ey".encode(), b"a\xc2\x85b@x", b"postmaster@",
]  # fmt: skip


@pytest.mark.parametrize(("line", "want"), COMMANDS)
def test_a_line_is_a_verb_and_an_argument(line: bytes, want: Command | None) -> None:
    assert split(line) == want


@pytest.mark.parametrize(("argument", "want", "rest"), PATHS)
def test_paths_are_read_into_one_canonical_form(argument: bytes, want: Address | None, rest: bytes) -> None:
    assert cut_path(argument, b"FROM:") == (want, rest)


@pytest.mark.parametrize("inner", BAD)
def test_bad_paths_are_refused(inner: bytes) -> None:
    with pytest.raises(BadPath):
        cut_path(b"TO:<" + inner + b">", b"TO:")


@pytest.mark.parametrize(
    "argument",
    [b"", b"TO", b"TO:", b"FROM:<a@x>", b"TO:a@x", b"TO:<a@x>junk", b"TO:<a@x", b"TO:  <a@x>", b"TO:\t<a@x>", b"TO:<a@x>\tX=1"],
)
def test_what_is_not_a_bracketed_path_after_the_keyword_is_refused(argument: bytes) -> None:
    with pytest.raises(BadPath):
        cut_path(argument, b"TO:")


@given(st.binary(max_size=80))
def test_no_octets_give_an_address_with_controls_or_a_second_reading(octets: bytes) -> None:
    try:
        address, _ = cut_path(b"TO:<" + octets + b">", b"TO:")
    except BadPath:
        return
    if address is None or address == POSTMASTER:
        return
    text = str(address)
    assert not any(c < " " or c == "\x7f" for c in text)
    assert cut_path(f"TO:<{text}>".encode(), b"TO:") == (address, b"")


@pytest.mark.parametrize(
    ("argument", "want"),
    [
        (b"client.example", True), (b"client", True), (b"my_pc.local", True), (b"host.example.", True), (b"[192.0.2.1]", True),
        (b"[IPv6:2001:db8::1]", True), (b"", False), (b"a b", False), (b"a\r", False), (b"[1.2.3]", False), (b"-x", False),
        (b"x\r\nReceived: evil", False), (b"(x)", False), (b"\xc3\xa9", False), (b"a" * 256, False),
    ],
)  # fmt: skip
def test_a_greeting_names_a_host_or_an_address(argument: bytes, want: bool) -> None:
    assert is_hello(argument) is want
