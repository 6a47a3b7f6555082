import email.header
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.message import words

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=150)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (b"plain", "plain"),
        (b" folded\r\n here\r\n", "folded here"),
        (b"=?UTF-8?B?2YXYsdit2KjYpw==?=", "مرحبا"),
        (b"=?utf-8?Q?R=C3=A9union_du?= 12", "Réunion du 12"),
        (b"a =?iso-8859-1?q?=E9?= b", "a é b"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),  # RFC 2047 §6.2
        (b"=?utf-8?q?a?=\r\n  =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a_?= =?utf-8?q?b?=", "a b"),
        (b"=?utf-8?q?a?= c =?utf-8?q?b?=", "a c b"),
        (b"=?utf-8?B?2Q==?= =?utf-8?B?hQ==?=", "م"),  # a character cut between two words
        (b"=?utf-8*fr?Q?=C3=A9?=", "é"),  # RFC 2231 §5
        (b"=?windows-1256?B?49/KyA==?=", "مكتب"),
        (b"=?no-such-charset?q?caf=C3=A9?=", "café"),
        (b"=?utf-8?B?broken", "=?utf-8?B?broken"),
        (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
        (b"=?utf-8?B?////?=", "���"),
        ("réunion".encode(), "réunion"),
        ("réunion".encode("latin-1"), "réunion"),
        (b"a\x00b\x07\tc", "ab c"),
        ("annexe\u202efdp.exe".encode(), "annexefdp.exe"),
        ("می\u200cخواهم".encode(), "می\u200cخواهم"),  # ZWNJ is spelling, not trickery
        (b"=?utf-8?q?a=0d=0aBcc=3A_x?=", "a  Bcc: x"),
        (b"=?utf-7?Q?+ADw-script+AD4-?=", "+ADw-script+AD4-"),
        (b"=?rot13?q?abc?=", "abc"),
    ],
)
def test_decode(value: bytes, want: str) -> None:
    assert words.decode_words(value) == want


@settings(max_examples=150, deadline=None)
@given(TEXT)
def test_what_is_encoded_decodes_to_itself(value: str) -> None:
    field = words.encode_header("Subject", value)
    assert field.isascii()
    assert all(len(line) <= 76 for line in field.split(b"\r\n"))
    assert field.endswith(b"\r\n")
    assert words.decode_words(field.removeprefix(b"Subject:")) == value.strip()


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_the_standard_library_reads_what_we_encode(value: str) -> None:
    folded = words.encode_header("Subject", value).removeprefix(b"Subject:").strip().decode().replace("\r\n", "")
    assert str(email.header.make_header(email.header.decode_header(folded))).strip() == value.strip()


@settings(max_examples=60, deadline=None)
@given(TEXT)
def test_no_word_cuts_a_character(value: str) -> None:
    for word in words.encode_words(value):
        assert len(word) <= 75
        assert "\ufffd" not in words.decode_words(word) or "\ufffd" in value


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\x00b"])
def test_a_value_never_becomes_a_second_field(value: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        words.encode_header("Subject", value)


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\nB", "é"])
def test_a_name_must_be_a_field_name(name: str) -> None:
    with pytest.raises(ValueError, match="not a header field name"):
        words.encode_header(name, "x")


def test_ascii_around_foreign_words_stays_readable() -> None:
    assert words.encode_header("Subject", "Re: مرحبا ok") == b"Subject: Re: =?utf-8?B?2YXYsdit2KjYpw==?= ok\r\n"


def test_what_looks_like_an_encoded_word_is_encoded() -> None:
    assert words.decode_words(words.encode_header("Subject", "=?utf-8?q?x?=")[8:]) == "=?utf-8?q?x?="


def test_many_words_are_read_in_linear_time() -> None:
    assert len(words.decode_words(b"=?utf-8?q?a?= " * 100_000)) == 100_000
    words.decode_words(b"=?" * 500_000)
    words.decode_words(b"=?a?q?" * 200_000)
