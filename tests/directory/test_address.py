"""Addresses: one grammar, one canonical form, one key."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.address import Address, fold, parse, parse_domain
from directory.errors import BadAddress

GOOD = {
    "a@b.example": ("a", "b.example", "a@b.example"),
    "Karim.Khelifi@INTERIEUR.gov.Example": (
        "Karim.Khelifi",
        "interieur.gov.example",
        "Karim.Khelifi@interieur.gov.example",
    ),
    '"a"@x.example': ("a", "x.example", "a@x.example"),
    '"a b"@x.example': ("a b", "x.example", '"a b"@x.example'),
    r'"a\"b"@x.example': ('a"b', "x.example", r'"a\"b"@x.example'),
    r'"a\\"@x.example': ("a\\", "x.example", r'"a\\"@x.example'),
    r'"\a"@x.example': ("a", "x.example", "a@x.example"),
    '"user@remote"@ours.example': ("user@remote", "ours.example", '"user@remote"@ours.example'),
    "user%remote@ours.example": ("user%remote", "ours.example", "user%remote@ours.example"),
    "a@[IPv6:::1]": ("a", "[IPv6:::1]", "a@[IPv6:::1]"),
    "a@[ipv6:0:0:0:0:0:0:0:1]": ("a", "[IPv6:::1]", "a@[IPv6:::1]"),
    "a@[192.0.2.1]": ("a", "[192.0.2.1]", "a@[192.0.2.1]"),
    "علي@وزارة.example": ("علي", "xn--mgbexc3i.example", "علي@xn--mgbexc3i.example"),
    "é@École.example": ("é", "xn--cole-9oa.example", "é@xn--cole-9oa.example"),
    "a" * 64 + "@x.example": ("a" * 64, "x.example", "a" * 64 + "@x.example"),
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_has_one_canonical_form(text: str) -> None:
    local, domain, written = GOOD[text]
    assert parse(text) == Address(local, domain)
    assert str(parse(text)) == written
    assert parse(written) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a", "a@", "@x.example", "a@x@y.example", "<a@x.example>", "<a@x><b@y>", "<a@x>junk"),
        *("a\rb@x", "a\nb@x", "a\0b@x", "a\tb@x", "a b@x", " a@x", "a@x ", "a@x\n", "(c)a@x", "a@x(c)", "a@ x"),
        *('""@x', '"a@x', 'a"@x', '"a"b@x', '"a\rb"@x', '"a\tb"@x', '"a\\\r"@x', "a\\@x"),
        *("a..b@x", ".a@x", "a.@x", "a@-x", "a@x-", "a@x_", "a@x..test", "a@.x", "a@x.", "a@ours."),
        *("a@[1.2.3]", "a@[1.2.3.4", "a@1.2.3.4", "a@[IPv6:::g]", "a@[::1]", "a@[IPv6:fe80::1%eth0]", "a@[tag:x]"),
        *("user@ours\0.remote", "user@our\u3002s", "user@our\uff0es", "user@our\uff61s", "a@xn--.example"),
        *("=?utf-8?q?user=40remote=3e?=@ours", "user@=?utf-8?q?remote?=", "@ours:user@remote", "a,b@x", "a;b@x"),
        *("a\u202eb@x", "a\u200db@x", "a\u00a0b@x", '"a\u202eb"@x', "a\u2028b@x", "a\ud800@x", "a@x\u202e.example"),
        *("a" * 65 + "@x", "é" * 33 + "@x", "a@" + "x" * 64, "a@" + "x." * 127 + "xx", "a@" + "x." * 126 + "xxx"),
    ],
    ids=ascii,
)
def test_hostile_forms_are_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse(text)


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_whatever_is_accepted_is_read_back_the_same(text: str) -> None:
    for candidate in (text, f"{text}@x.example", f"a@{text}", f'"{text}"@x.example'):
        try:
            address = parse(candidate)
        except BadAddress:
            continue
        assert parse(str(address)) == address
        assert not any(ord(c) < 32 or ord(c) == 127 for c in str(address))
        assert str(address).isascii() or not address.local.isascii()


@given(st.binary(max_size=60))
def test_no_octets_break_the_parser(octets: bytes) -> None:
    for text in (octets.decode("utf-8", "surrogateescape"), octets.decode("latin-1")):
        try:
            parse(text)
        except BadAddress:
            pass


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Amina.Benali@x.example", "amina.benali@X.EXAMPLE"),
        ("أحمد@x.example", "احمد@x.example"),
        ("فاطمة@x.example", "فاطمه@x.example"),
        ("مصطفى@x.example", "مصطفي@x.example"),
        ("مُحَمَّد@x.example", "محمد@x.example"),
        ("e\u0301cole@x.example", "École@x.example"),
        ("bureau١@x.example", "bureau1@x.example"),
    ],
)
def test_spellings_that_people_confuse_share_a_key(one: str, other: str) -> None:
    assert fold(parse(one)) == fold(parse(other))


def test_accents_of_latin_letters_tell_addresses_apart() -> None:
    assert fold(parse("rene@x.example")) != fold(parse("rené@x.example"))


def test_a_quoted_at_sign_never_becomes_another_domain() -> None:
    assert fold(parse('"a@b.example"@x.example')) != fold(parse("a@b.example"))
    assert parse_domain("X.Example") == "x.example"
