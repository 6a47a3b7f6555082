"""Rules as people understand them: the scripts that they make do what they say, here and in Dovecot."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.sieve import rules
from mailcore.sieve.rules import Absence, Rule, Rules, Unfit
from tests.mailcore.sieve import pigeonhole
from tests.mailcore.sieve.test_oracle import PLAIN, RECIPIENT, SENDER, ours

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
RULE = st.builds(
    Rule, sender=TEXT, recipient=TEXT, subject=TEXT.filter(bool), folder=st.sampled_from(["", "a/b", "مجلد"]), flag=st.booleans()
)
ABSENCE = st.builds(Absence, text=TEXT, subject=TEXT, since=st.sampled_from(["", "2026-12-01"]), until=st.sampled_from(["", "2026-12-09"]))


@given(st.builds(Rules, st.lists(RULE, max_size=4).map(tuple), st.none() | ABSENCE))
def test_rules_come_back_from_the_script_that_they_make(made):
    octets = rules.script(made)
    assert rules.read(octets) == made
    assert rules.read(octets + b"keep;\r\n") is None


@pytest.mark.parametrize("octets", [b"", b"keep;", b"# diwan-rules {}\r\nstop;\r\n", b"# diwan-rules nonsense\r\n", b"\xff"])
def test_what_was_written_by_hand_is_not_ours(octets):
    assert rules.read(octets) is None


@pytest.mark.peer
def test_the_first_rule_that_fits_counts():
    made = Rules(
        (
            Rule(subject="nothing like it", folder="never"),
            Rule(sender="COYOTE", folder="Desert/Birds", flag=True, forward="b@x.example"),
            Rule(sender="coyote", folder="later"),
        ),
        Absence("gone", "away"),
    )
    with tempfile.TemporaryDirectory(prefix="diwan-sieve-") as name:
        pigeonhole.prepare(Path(name))
        theirs = pigeonhole.run(Path(name), rules.script(made), PLAIN, SENDER, RECIPIENT)
    assert theirs == ours(rules.script(made), PLAIN)
    assert theirs == [("vacation", "604800"), ("redirect", "b@x.example"), ("store", "Desert/Birds", ("\\flagged",))]


def test_words_beyond_ascii_are_found_however_they_are_written():
    letter = PLAIN.replace(b"have a", "RÉUNION".encode())
    assert ours(rules.script(Rules((Rule(subject="réunion", folder="x"),))), letter) == [("store", "x", ())]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (Rule(flag=True), "words"),
        (Rule(subject="x"), "deed"),
        (Rule(subject="x" * 201, flag=True), "words"),
        (Rule(subject="a\nb", flag=True), "words"),
    ],
)
def test_a_rule_must_make_sense(rule, what):
    with pytest.raises(Unfit) as refused:
        rules.require_sense(rule)
    assert refused.value.what == what


@pytest.mark.parametrize(
    ("absence", "what"),
    [
        (Absence(" "), "text"),
        (Absence("x" * 4001), "text"),
        (Absence("x", "s" * 201), "subject"),
        (Absence("x", since="tomorrow"), "days"),
        (Absence("x", since="2026-12-02", until="2026-12-01"), "days"),
    ],
)
def test_a_notice_must_make_sense(absence, what):
    with pytest.raises(Unfit) as refused:
        rules.require_days(absence)
    assert refused.value.what == what
