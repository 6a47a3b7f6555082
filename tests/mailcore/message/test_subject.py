"""The base subject of RFC 5256 §2.1, and the order of i;unicode-casemap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.message.collation import casemap
from mailcore.message.subject import base


@pytest.mark.parametrize(
    ("subject", "want", "reply"),
    [
        ("", "", False),
        ("   ", "", False),
        ("bonjour", "bonjour", False),
        ("  bonjour\t  tous ", "bonjour tous", False),
        ("Re: bonjour", "bonjour", True),
        ("RE : bonjour", "bonjour", True),
        ("re[2]: bonjour", "bonjour", True),
        ("Re [urgent] : bonjour", "bonjour", True),
        ("Fw: bonjour", "bonjour", True),
        ("FWD: Re: fw: bonjour", "bonjour", True),
        ("bonjour (fwd)", "bonjour", True),
        ("bonjour (FWD) (fwd)  ", "bonjour", True),
        ("[liste] bonjour", "bonjour", False),
        ("[liste] [cabinet] Re: [liste] bonjour", "bonjour", True),
        ("[liste]", "[liste]", False),
        ("[un] [deux]", "[deux]", False),
        ("Re: [liste]", "[liste]", True),
        ("[fwd: bonjour]", "bonjour", True),
        ("[Fwd: [fwd: Re: bonjour (fwd)]]", "bonjour", True),
        ("[fwd: bonjour] suite", "suite", False),
        ("[fwd:]", "", True),
        ("Re:", "", True),
        ("Rebonjour", "Rebonjour", False),
        ("Re bonjour: oui", "Re bonjour: oui", False),
        ("Fwded: oui", "Fwded: oui", False),
        ("[a[b]] bonjour", "[a[b]] bonjour", False),
        ("Réf: bonjour", "Réf: bonjour", False),
        ("Re: اجتماع يوم الأحد", "اجتماع يوم الأحد", True),
        ("\u0130 Re: x", "\u0130 Re: x", False),
        ("(fwd)", "", True),
        ("a(fwd)", "a", True),
    ],
)
def test_vectors(subject: str, want: str, reply: bool) -> None:
    found = base(subject)
    assert (found.text, found.reply) == (want, reply)


@given(st.lists(st.sampled_from(["re", "fw", "fwd", ":", " ", "[", "]", "[a]", "(fwd)", "[fwd:", "é", "x"]), max_size=14).map("".join))
def test_a_base_is_its_own_base_unless_a_mark_remains_in_it(subject: str) -> None:
    once = base(subject)
    again = base(once.text)
    assert again.text == once.text
    assert not again.reply


@pytest.mark.parametrize(
    "subject", ["[]" * 50_000, "[a]" * 50_000 + "x", "(fwd)" * 30_000, "[fwd:" * 30_000 + "]" * 30_000, "re: " * 9_999]
)
def test_hostile_subjects_come_to_an_end(subject: str) -> None:
    assert len(base(subject).text) <= 3  # in squared time this would take minutes


@pytest.mark.parametrize(
    ("one", "other"),
    [("Straße", "STRAßE"), ("École", "éCOLE"), ("École", "E\u0301cole"), ("ǆ", "ǅ"), ("Ⅷ", "ⅷ"), ("ﻻ", "لا")],
)
def test_casemap_makes_equal_what_differs_in_case_or_compatible_form(one: str, other: str) -> None:
    assert casemap(one) == casemap(other)


def test_casemap_orders_by_code_point_of_the_titlecase() -> None:
    words = ["zebra", "Zéro", "وزارة", "abaque", "", "بلدية", "Bureau", "بلدي"]
    assert sorted(words, key=casemap) == ["", "abaque", "Bureau", "zebra", "Zéro", "بلدي", "بلدية", "وزارة"]
    assert casemap("a") < casemap("B") < casemap("é") < casemap("ا")


@given(st.text(max_size=30))
def test_casemap_is_idempotent_for_what_it_made(text: str) -> None:
    assert casemap(casemap(casemap(text))) == casemap(casemap(text))
