"""From what was found to what is done: the gravest reason counts, and each follows its setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.checking import Checks
from config.settings import SettingsError, parse
from mailcore.checks import deciding
from mailcore.checks.deciding import Found
from mailcore.checks.results import Arc, Dkim, Dmarc, Spf
from mailcore.checks.types import Scan

FINE = Found(Spf("pass", "x.example"), (), Dmarc("pass", "x.example"), Arc("none"))
REJECTED = Dmarc("fail", "x.example", "reject", "reject")
QUARANTINED = Dmarc("fail", "x.example", "quarantine", "quarantine")
VIRUS, SPAM, DOWN = Scan("clamav", "virus", "Eicar"), Scan("rspamd", "junk", "add header", 7.5), Scan("clamav", "down", "gone")


def found(**facts: object) -> Found:
    return Found(**{name: facts.get(name, getattr(FINE, name)) for name in Found.__slots__})


def action(checks: Checks, of: Found) -> str:
    decision, _ = deciding.decide(checks, of)
    return decision.action if decision else "take"


@pytest.mark.parametrize(
    ("facts", "want"),
    [
        ({}, "take"),
        ({"dmarc": REJECTED}, "reject"),
        ({"dmarc": QUARANTINED}, "junk"),
        ({"dmarc": Dmarc("fail", "x.example")}, "take"),
        ({"dmarc": Dmarc("temperror", "x.example", "reject")}, "take"),
        ({"scans": (VIRUS,)}, "reject"),
        ({"scans": (SPAM,)}, "junk"),
        ({"scans": (DOWN,)}, "defer"),
        ({"scans": (DOWN, SPAM)}, "defer"),
        ({"scans": (DOWN,), "dmarc": REJECTED}, "reject"),
        ({"scans": (Scan("rspamd", "down"),)}, "take"),
        ({"scans": (Scan("rspamd", "defer"), VIRUS)}, "reject"),
        ({"own_domain": True}, "take"),
        ({"own_domain": True, "dmarc": Dmarc("none", "x.example"), "spf": Spf("none")}, "junk"),
        ({"own_domain": True, "dmarc": Dmarc("none", "x.example")}, "take"),
        ({"own_domain": True, "dmarc": Dmarc("none", "x.example"), "spf": Spf("none"), "dkim": (Dkim("pass", "x.example"),)}, "take"),
        ({"own_domain": True, "dmarc": Dmarc("none", "x.example"), "spf": Spf("none"), "dkim": (Dkim("pass", "y.example"),)}, "junk"),
        ({"own_domain": True, "dmarc": Dmarc("temperror", "x.example"), "spf": Spf("temperror")}, "junk"),
        ({"spf": Spf("fail", "x.example"), "dmarc": Dmarc("none", "x.example")}, "take"),
    ],
)
def test_by_default(facts, want):
    assert action(Checks(), found(**facts)) == want


@pytest.mark.parametrize(
    ("setting", "facts"),
    [
        ("dmarc_reject", {"dmarc": REJECTED}),
        ("dmarc_quarantine", {"dmarc": QUARANTINED}),
        ("own_domain", {"own_domain": True, "dmarc": Dmarc("none", "x.example"), "spf": Spf("none")}),
        ("spf_fail", {"spf": Spf("fail", "x.example"), "dmarc": Dmarc("none", "x.example")}),
        ("virus", {"scans": (VIRUS,)}),
        ("spam_reject", {"scans": (Scan("rspamd", "reject", "reject", 20.0),)}),
    ],
)
@pytest.mark.parametrize("verdict", ["take", "junk", "reject"])
def test_each_follows_its_setting(setting, facts, verdict):
    assert action(Checks(**{setting: verdict}), found(**facts)) == verdict


def test_a_trusted_forwarder_vouches_for_a_proven_author_only():
    checks = Checks(arc_trusted=("lists.example",))
    for chain, want in {
        Arc("pass", ("a.example", "lists.example"), said="pass"): "take",
        Arc("pass", ("mx.lists.example",), said="pass"): "take",
        Arc("pass", ("lists.example", "a.example"), said="pass"): "reject",
        Arc("pass", ("lists.example",), said="fail"): "reject",
        Arc("fail", ("lists.example",), said="pass"): "reject",
        Arc("pass", ("notlists.example",), said="pass"): "reject",
    }.items():
        assert action(checks, found(dmarc=REJECTED, arc=chain)) == want
    assert action(checks, found(scans=(VIRUS,), arc=Arc("pass", ("lists.example",), said="pass"))) == "reject"


@given(st.text(max_size=40), st.text(max_size=40))
def test_every_refusal_has_its_reply(domain, words):
    strange = found(spf=Spf("fail", domain, explanation=words), dmarc=Dmarc("fail", domain, "reject", "reject"), scans=(VIRUS,))
    decision, reasons = deciding.decide(Checks(spf_fail="reject"), strange)
    assert decision is not None
    assert decision.reply.code // 100 == 5
    assert len(reasons) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('exempt = ["10.1.0.0/33"]', "checks.exempt: expected addresses or networks, as `10.1.0.0/16`"),
        ('clamav = "localhost"', "checks.clamav: expected `host:port` or the path of a socket"),
        ('rspamd = "localhost:11333"', "checks.rspamd: expected an address as `http://127.0.0.1:11333`"),
        ("deadline_s = 0", "checks.deadline_s: expected seconds, 1 or more"),
        ('virus = "ignore"', "checks.virus: expected `take` or `junk` or `reject`"),
        ("antivirus = 1", "checks.antivirus: there is no such setting"),
    ],
)
def test_settings_say_what_was_expected(tmp_path, line, said):
    text = f'[node]\nhostname = "h"\npostmaster = "a@b"\n[tls]\ncertificate = "c"\nkey = "k"\n[checks]\n{line}\n'
    with pytest.raises(SettingsError) as error:
        parse(text, tmp_path)
    assert said in error.value.text
