"""How lines of two directions are drawn."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.pdf import bidi

DRAWN = [  # line, direction, pieces from the left edge; > for one that is read from the right
    ("Signé le 22/11/2026", False, ["Signé le 22/11/2026"]),
    ("عن الوزير", True, [">عن الوزير"]),
    ("في 2026-11-22 15:40", True, ["15:40", "> ", "2026-11-22", ">في "]),
    ("مدير الفرع (2)", True, [">)", "2", ">مدير الفرع ("]),
    ("مفتاح P-256 جديد", True, ["> جديد", "P-256", ">مفتاح "]),
    ("Pour محمد علي (15)", False, ["Pour ", ">)", "15", ">محمد علي ("]),
    ("Pour (محمد), Alger", False, ["Pour (", ">محمد", "), Alger"]),
    ("رقم ٢٠٢٦٫٥", True, ["٢٠٢٦٫٥", ">رقم "]),
    ("", True, []),
]


@pytest.mark.parametrize(("line", "rtl", "want"), DRAWN)
def test_runs_stand_where_readers_look_for_them(line: str, rtl: bool, want: list[str]) -> None:
    assert [(">" if run.rtl else "") + run.text for run in bidi.runs(line, rtl=rtl)] == want


def test_formatting_characters_cannot_turn_a_stamp_around() -> None:
    assert bidi.clean("Directeur\u202eruetceriD\u2066\n général\u200f") == "DirecteurruetceriD général"


@settings(max_examples=50)
@given(st.text(max_size=60), st.booleans())
def test_nothing_is_lost_or_drawn_twice(text: str, rtl: bool) -> None:
    clean = bidi.clean(text)
    assert sorted("".join(run.text for run in bidi.runs(text, rtl=rtl))) == sorted(clean)
    assert not any(unicodedata.category(one)[0] == "C" for one in clean)
