"""Names of downloads: true endings, no paths, no header injection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.bidi import isolate, plain
from webmail.disposition import attachment, file_name


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("annexe.pdf", "annexe.pdf"),
        ("annexe\u202efdp.exe", "annexefdp.exe"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"b\r\nSet-Cookie: x.pdf', "a_b Set-Cookie_ x.pdf"),
        (".<svg onload>", "_svg onload_"),
        ("", "document"),
        ("...", "document"),
        ("الإحصاء.pdf", "الإحصاء.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_file_name_is_safe_and_keeps_its_ending(name: str, want: str) -> None:
    assert file_name(name) == want


def test_both_forms_of_the_name_are_given() -> None:
    value = attachment("الإحصاء 2026.pdf")
    assert value.startswith("attachment; filename=\"_ 2026.pdf\"; filename*=UTF-8''%D8%A7")
    assert value.endswith("%202026.pdf")


@given(st.text())
def test_a_header_value_stays_one_line_of_ascii(name: str) -> None:
    value = attachment(name)
    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 2


@given(st.text())
def test_plain_text_has_one_line_and_no_direction_controls(text: str) -> None:
    assert not any(character in plain(text) for character in "\r\n\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def test_joiners_stay_and_isolates_close() -> None:
    assert plain("می\u200cخواهم") == "می\u200cخواهم"
    assert isolate("a\u2069b") == "\u2068ab\u2069"
