"""SASLprep. RFC 4013."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.signin.saslprep import Unprepared, saslprep


@pytest.mark.parametrize(
    ("typed", "want"),
    [  # RFC 4013 §3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("un\u00a0deux", "un deux"),
        ("سر", "سر"),
        ("Bonne année ١٤٤٧", "Bonne année ١٤٤٧"),  # Arabic digits have no direction of their own
    ],
)
def test_examples_of_the_rfc_and_of_ours(typed: str, want: str) -> None:
    assert saslprep(typed) == want


@pytest.mark.parametrize("typed", ["\u0007", "\u0627\u0031", "", "\u00ad", "abc سر", "\U000e0001", "\ufdd0", "\u0378"])
def test_what_it_prohibits_is_refused(typed: str) -> None:
    with pytest.raises(Unprepared):
        saslprep(typed)


@given(st.text(max_size=30))
def test_it_is_stable_and_normal(typed: str) -> None:
    try:
        once = saslprep(typed)
    except Unprepared:
        return
    assert saslprep(once) == once == unicodedata.ucd_3_2_0.normalize("NFKC", once)
