"""DMARC by its tree walk: which record holds, what it asks for, and who is aligned with whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.checks import dmarc
from mailcore.checks.asking import walk
from mailcore.checks.results import Dkim, Spf
from tests.mailcore.checks.letters import answering

FAILED = Spf("fail", "elsewhere.example")
ZONE = {
    ("_dmarc.gov.example", "TXT"): ["v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:a@gov.example"],
    ("_dmarc.own.gov.example", "TXT"): ["v=DMARC1; p=none; psd=n"],
    ("_dmarc.strict.example", "TXT"): ["v=DMARC1; p=reject; adkim=s; aspf=s"],
    ("_dmarc.test.example", "TXT"): ["v=DMARC1; p=reject; t=y"],
    ("_dmarc.mild.example", "TXT"): ["v=DMARC1; p=quarantine; t=y"],
    ("_dmarc.bank", "TXT"): ["v=DMARC1; p=quarantine; psd=y; np=reject"],
    ("_dmarc.odd.example", "TXT"): ["v=DMARC1; p=banana; unknown=1"],
    ("_dmarc.two.example", "TXT"): ["v=DMARC1; p=reject", "v=DMARC1; p=none"],
    ("_dmarc.mixed.example", "TXT"): ["v=spf1 -all", "v=DMARC1 ; p=reject", "x"],
    ("_dmarc.broken.example", "TXT"): ["v=DMARC1; p=reject; p=none"],
    ("exists.gov.example", "MX"): ["10 mx.gov.example"],
    ("branch.one.bank", "A"): ["192.0.2.1"],
    ("one.bank", "A"): ["192.0.2.1"],
}


def judged(author: str, spf: Spf = FAILED, *dkim: Dkim, broken: frozenset[str] = frozenset()) -> dmarc.Dmarc:
    return walk(dmarc.verify(author, spf, dkim), answering(ZONE, broken))


@pytest.mark.parametrize(
    ("author", "policy", "disposition", "organisation"),
    [
        ("gov.example", "reject", "reject", "gov.example"),
        ("exists.gov.example", "quarantine", "quarantine", "gov.example"),
        ("nowhere.gov.example", "reject", "reject", "gov.example"),
        ("own.gov.example", "none", "none", "own.gov.example"),
        ("a.b.own.gov.example", "none", "none", "own.gov.example"),
        ("test.example", "reject", "quarantine", "test.example"),
        ("mild.example", "quarantine", "none", "mild.example"),
        ("one.bank", "quarantine", "quarantine", "one.bank"),
        ("missing.bank", "reject", "reject", "missing.bank"),
        ("branch.one.bank", "quarantine", "quarantine", "one.bank"),
        ("odd.example", "none", "none", "odd.example"),
        ("mixed.example", "reject", "reject", "mixed.example"),
    ],
)
def test_the_record_that_holds_and_what_it_asks_for(author, policy, disposition, organisation):
    found = judged(author)
    assert (found.result, found.policy, found.disposition, found.organisation) == ("fail", policy, disposition, organisation)


@pytest.mark.parametrize("author", ["two.example", "broken.example", "none.example"])
def test_no_usable_record_is_no_policy(author):
    assert (judged(author).result, judged(author).organisation) == ("none", author)


@pytest.mark.parametrize(
    ("author", "proven", "want"),
    [
        ("gov.example", "gov.example", "pass"),
        ("gov.example", "mail.gov.example", "pass"),
        ("exists.gov.example", "gov.example", "pass"),
        ("exists.gov.example", "other.gov.example", "pass"),
        ("gov.example", "own.gov.example", "fail"),  # an organisation of its own, it says
        ("own.gov.example", "gov.example", "fail"),
        ("gov.example", "notgov.example", "fail"),
        ("gov.example", "example", "fail"),
        ("strict.example", "strict.example", "pass"),
        ("strict.example", "mail.strict.example", "fail"),
        ("one.bank", "branch.one.bank", "pass"),
        ("one.bank", "two.bank", "fail"),
    ],
)
def test_alignment(author, proven, want):
    assert judged(author, Spf("pass", proven)).result == want
    assert judged(author, FAILED, Dkim("fail", proven), Dkim("pass", proven)).result == want


def test_a_body_that_is_only_partly_signed_does_not_count():
    assert judged("gov.example", FAILED, Dkim("pass", "gov.example", partial=True)).result == "fail"


def test_what_is_not_known_now_is_not_a_failure():
    assert judged("gov.example", broken=frozenset({"_dmarc.gov.example"})).result == "temperror"
    assert judged("gov.example", Spf("temperror", "gov.example")).disposition == "none"
    assert judged("gov.example", FAILED, Dkim("temperror", "gov.example")).result == "temperror"
    assert judged("gov.example", Spf("temperror", "x.example"), Dkim("pass", "gov.example")).result == "pass"
    assert judged("nowhere.gov.example", broken=frozenset({"nowhere.gov.example"})).result == "temperror"


def test_the_walk_asks_about_eight_names_at_most():
    deep = ".".join("abcdefghijkl") + ".mail.example"
    assert dmarc.targets(deep)[0] == deep
    assert dmarc.targets(deep)[1:] == [".".join(deep.split(".")[-count:]) for count in range(7, 0, -1)]
    assert dmarc.targets("a.mail.example") == ["a.mail.example", "mail.example", "example"]
    assert len(dmarc.targets(".".join(["a"] * 120))) == 8


@given(st.text(max_size=80))
def test_no_record_raises(text):
    for record in (text, f"v=DMARC1;{text}"):
        octets = record.encode().decode("latin-1")
        if dmarc.is_record(octets):
            dmarc.read("gov.example", octets)


RECORDS = {
    "v=DMARC1": True,
    "v=DMARC1;p=none": True,
    " v = DMARC1 ; p=none": True,
    "v=DMARC12": False,
    "v=DMARC1 p=none": False,
    "V=DMARC1;": False,
    "p=none; v=DMARC1": False,
}


@pytest.mark.parametrize(("text", "want"), RECORDS.items())
def test_what_is_a_record(text, want):
    assert dmarc.is_record(text) is want
