"""SPF: the examples of RFC 7208, its limits, and pyspf as a second opinion on records made up at random."""

import ipaddress

import pytest
import spf as oracle
from hypothesis import given
from hypothesis import strategies as st

from mailcore.answers import Outcome, Question
from mailcore.checks.asking import walk
from mailcore.checks.results import Spf
from mailcore.checks.spf import evaluate, macro, record
from mailcore.checks.spf.evaluate import Asked
from mailcore.checks.spf.macro import Values
from tests.mailcore.checks.letters import answering

# RFC 7208, appendix A
ZONE = {
    ("example.com", "MX"): ["10 mail-a.example.com", "20 mail-b.example.com"],
    ("example.com", "A"): ["192.0.2.10", "192.0.2.11"],
    ("amy.example.com", "A"): ["192.0.2.65"],
    ("bob.example.com", "A"): ["192.0.2.66"],
    ("mail-a.example.com", "A"): ["192.0.2.129"],
    ("mail-b.example.com", "A"): ["192.0.2.130"],
    ("example.org", "MX"): ["10 mail-c.example.org"],
    ("mail-c.example.org", "A"): ["192.0.2.140"],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["example.com"],
    ("65.2.0.192.in-addr.arpa", "PTR"): ["amy.example.com"],
    ("140.2.0.192.in-addr.arpa", "PTR"): ["mail-c.example.org"],
    ("4.0.0.10.in-addr.arpa", "PTR"): ["bob.example.com"],
    ("mary.mobile-users._spf.example.com", "A"): ["127.0.0.2"],
    ("15.15.168.192.joel.remote-users._spf.example.com", "A"): ["127.0.0.2"],
    ("deny.example.com", "TXT"): ["See http://%{d}/why.html?s=%{S}&i=%{I}"],
    ("rude.example.com", "TXT"): ["\x1b[31mPAY\r\n550 now"],
    ("six.example.com", "AAAA"): ["2001:db8::1"],
}


def asked(
    text: str, address: str = "192.0.2.10", sender: str = "joel@example.com", broken: frozenset[str] = frozenset(), **more: list[str]
) -> Spf:
    zone = ZONE | {("example.com", "TXT"): [text]} | {(name.replace("_", "."), "TXT"): texts for name, texts in more.items()}
    return walk(evaluate.check(Asked(address, sender, "mail.example.com", "mx.gov.example", 1)), answering(zone, broken))


EXAMPLES = {
    "v=spf1 +all": {"192.0.2.1": "pass"},
    "v=spf1 a -all": {"192.0.2.10": "pass", "192.0.2.11": "pass", "192.0.2.12": "fail"},
    "v=spf1 a:example.org -all": {"192.0.2.140": "fail"},
    "v=spf1 mx -all": {"192.0.2.129": "pass", "192.0.2.130": "pass", "192.0.2.140": "fail"},
    "v=spf1 mx mx:example.org -all": {"192.0.2.129": "pass", "192.0.2.140": "pass"},
    "v=spf1 mx/30 mx:example.org/30 -all": {"192.0.2.131": "pass", "192.0.2.143": "pass", "192.0.2.132": "fail"},
    "v=spf1 ptr -all": {"192.0.2.10": "pass", "192.0.2.65": "pass", "192.0.2.140": "fail", "10.0.0.4": "fail"},
    "v=spf1 ip4:192.0.2.128/28 -all": {"192.0.2.65": "fail", "192.0.2.129": "pass", "::ffff:192.0.2.129": "pass"},
    "v=spf1 ip6:2001:db8::/32 ?all": {"2001:db8::7": "pass", "2001:db9::7": "neutral", "192.0.2.1": "neutral"},
    "v=spf1 a:six.example.com//64 ~all": {"2001:db8::ffff": "pass", "2001:db8:0:1::1": "softfail"},
    "V=SPF1 IP4:192.0.2.1 -ALL": {"192.0.2.1": "pass", "192.0.2.2": "fail"},
    "v=spf1 exists:%{ir}.%{l}.remote-users._spf.%{d} -all": {"192.168.15.15": "pass", "192.168.15.16": "fail"},
    "v=spf1": {"192.0.2.1": "neutral"},
    "v=spf1 mystery=%{d}x -all": {"192.0.2.1": "fail"},
    "v=spf10 -all": {"192.0.2.1": "none"},
    "v=spf1-all": {"192.0.2.1": "none"},
}


@pytest.mark.parametrize(("text", "address", "want"), [(text, *each) for text, many in EXAMPLES.items() for each in many.items()])
def test_examples(text, address, want):
    assert asked(text, address).result == want


@pytest.mark.parametrize(
    "text",
    [
        "a:", "a/33", "a/", "a//129", "a/01", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip4", "ip6:1.2.3.4", "ip6:fe80::1%eth0", "include",
        "include:localhost", "exists", "include:", "all:x", "mystery", "+redirect=x.example", "redirect=a.example redirect=b.example",
        "redirect=",
        "exp=a.example exp=b.example", "exists:%{z}.example", "exists:%{d0}.example", "exists:%d.example", "exists:%{d",
        "exists:%{c}.example",
        "exists:%(d)", "a:exa mple.com", "a:\xe9.example", "x" * 5000, "a " * 300, "-", "foo-bar", "ptr:", "mx:example.com/24/24",
    ],
)  # fmt: skip
def test_a_record_that_breaks_the_grammar_is_a_permerror(text):
    assert asked(f"v=spf1 {text} -all").result == "permerror"


def test_several_records_are_a_permerror_and_a_silent_dns_temporary():
    zone = {("example.com", "TXT"): ["v=spf1 -all", "v=spf1 +all", "other"]}
    assert walk(evaluate.check(Asked("192.0.2.1", "a@example.com", "h")), answering(zone)).result == "permerror"
    assert asked("v=spf1 -all", broken=frozenset({"example.com"})).result == "temperror"
    assert asked("v=spf1 a:amy.example.com -all", broken=frozenset({"amy.example.com"})).result == "temperror"


@pytest.mark.parametrize("sender", ["a@localhost", "a@[192.0.2.1]", "a@x..example", f"a@{'x' * 64}.example", "a@b\0.example"])
def test_what_is_no_domain_has_no_result(sender):
    assert asked("v=spf1 -all", sender=sender).result == "none"


def test_the_null_sender_is_that_of_the_greeting():
    zone = {("mail.example.com", "TXT"): ["v=spf1 exists:%{l}.%{d} -all"], ("postmaster.mail.example.com", "A"): ["127.0.0.2"]}
    found = walk(evaluate.check(Asked("192.0.2.1", "", "mail.example.com")), answering(zone))
    assert found == Spf("pass", "mail.example.com", "helo")


def test_include_and_redirect():
    inner = {
        "a_example": ["v=spf1 ip4:192.0.2.10 -all"],
        "b_example": ["v=spf1 ?all"],
        "loop_example": ["v=spf1 include:loop.example -all"],
    }
    for text, want in {
        "v=spf1 include:a.example ~all": "pass",
        "v=spf1 include:b.example ~all": "softfail",
        "v=spf1 -include:a.example ~all": "fail",
        "v=spf1 include:none.example ~all": "permerror",
        "v=spf1 redirect=a.example": "pass",
        "v=spf1 ?all redirect=a.example": "neutral",
        "v=spf1 redirect=none.example": "permerror",
        "v=spf1 include:loop.example": "permerror",
        "v=spf1 redirect=example.com": "permerror",
    }.items():
        assert asked(text, **inner).result == want, text


def test_no_more_than_ten_terms_ask():
    assert asked("v=spf1 " + "a:amy.example.com " * 10 + "-all").result == "fail"
    assert asked("v=spf1 " + "a:amy.example.com " * 11 + "-all").reason == "more than 10 terms ask the DNS"


def test_no_more_than_two_find_nothing():
    assert asked("v=spf1 a:x.example a:y.example -all").result == "fail"
    assert asked("v=spf1 a:x.example a:y.example a:z.example -all").reason == "more than 2 questions find nothing"


def test_no_more_than_ten_mail_servers():
    zone = ZONE | {("example.com", "TXT"): ["v=spf1 mx -all"], ("example.com", "MX"): [f"10 h{number}.example.com" for number in range(11)]}
    assert walk(evaluate.check(Asked("192.0.2.1", "a@example.com", "h")), answering(zone)).reason == "more than 10 mail servers"


def test_questions_are_bounded_whatever_the_zone_says():
    count = 0

    def everything(question: Question):
        nonlocal count
        count += 1
        records = {
            "TXT": ("v=spf1 " + "include:%{l}.x.example mx ptr exists:%{p}.example " * 5,),
            "MX": tuple(f"1 m{n}.example.com" for n in range(10)),
            "PTR": tuple(f"p{n}.example.com" for n in range(500)),
            "A": ("192.0.2.99",),
        }
        return answering({(question.name.lower(), question.kind): list(records[question.kind])})(question)

    found = walk(evaluate.check(Asked("192.0.2.1", "a@example.com", "h")), everything)
    assert found.result == "permerror"
    assert count < 130


def test_a_hostile_local_part_asks_for_nothing_that_is_no_name():
    names: list[str] = []

    def noting(question: Question):
        names.append(question.name)
        return answering({("example.com", "TXT"): ["v=spf1 exists:%{l}.x.example -all"]})(question)

    for local in ("a\0b", "a b", "é", "x" * 300, "a..b", "(c)"):
        walk(evaluate.check(Asked("192.0.2.1", f"{local}@example.com", "h")), noting)
    assert set(names) == {"example.com", "x.example"}  # the latter from the one that is too long


SENDER = Values("strong-bad@email.example.com", "email.example.com", ipaddress.ip_address("192.0.2.3"), "h", "r", 1)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"), ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),         ("%{d3}", "email.example.com"), ("%{d2}", "example.com"), ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"), ("%{l}", "strong-bad"), ("%{l-}", "strong.bad"), ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"), ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"), ("%{S}", "strong-bad%40email.example.com"), ("%%%_%-", "% %20"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"), ("%{p}", "unknown"), ("%{h}", "h"),
    ],
)  # fmt: skip
def test_macros_of_rfc_7208_7_4(text, want):
    assert macro.expand(text, SENDER) == want


def test_macros_of_an_ipv6_address():
    values = Values("a@b.example", "b.example", ipaddress.ip_address("2001:db8::cb01"), "h", "r", 1)
    digits = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert macro.expand("%{ir}.%{v}._spf.%{d2}", values) == f"{digits}.ip6._spf.b.example"


def test_long_names_lose_labels_from_the_left():
    name = macro.domain("%{l}.x.example", Values(".".join(["y" * 60] * 5) + "@b.example", "b.example", SENDER.address, "h", "r", 1))
    assert len(name) <= macro.MAX_DOMAIN
    assert name.endswith(".x.example")


def test_explanations_are_short_and_printable_or_none():
    found = asked("v=spf1 -all exp=deny.example.com")
    assert found.explanation == "See http://example.com/why.html?s=joel%40example.com&i=192.0.2.10"
    assert asked("v=spf1 -all exp=rude.example.com").explanation == ""
    assert asked("v=spf1 -all exp=gone.example.com").result == "fail"


@given(st.text(max_size=120))
def test_no_record_raises(text):
    asked(f"v=spf1 {text}".encode().decode("latin-1"))


TERMS = st.sampled_from(
    [
        "a", "mx", "ptr", "a:amy.example.com", "mx:example.org", "mx/28", "a/24", "ip4:192.0.2.0/25", "ip6:2001:db8::/32",
        "include:inc.example",
        "exists:%{l}.mobile-users._spf.%{d}", "exists:%{i}._spf.%{d2}", "redirect=inc.example", "exp=deny.example.com", "bad:x", "a:%{h}",
        "ptr:example.org", "x=%{d}", "include:none.example", "exists:%{dr}.example.com", "a//64", "mx:%{d1}.example.com",
    ]
)  # fmt: skip


@pytest.fixture
def foreign(monkeypatch):
    """pyspf, asking our zone."""

    def look_up(name, kind, *_, **__):
        answer = answering(ZONE | CURRENT)(Question(name, kind))
        if answer.outcome is not Outcome.FOUND:
            return []
        return [((name, kind), _foreign(kind, each)) for each in answer.records]

    monkeypatch.setattr(oracle, "DNSLookup", look_up)
    for module, name in ((oracle, "MAX_VOID_LOOKUPS"), (evaluate, "MAX_VOID")):  # it counts the hosts of an MX too, which the RFC does not
        monkeypatch.setattr(module, name, 1000)
    return lambda address, sender: oracle.check2(i=address, s=sender, h="mail.example.com")[0]


CURRENT: dict[tuple[str, str], list[str]] = {}


def _foreign(kind, text):
    if kind == "TXT":
        return [text.encode()]
    if kind == "MX":
        preference, _, name = text.partition(" ")
        return int(preference), name
    return ipaddress.ip_address(text).packed if kind in ("A", "AAAA") else text


def test_pyspf_says_the_same(foreign):
    @given(
        st.lists(st.tuples(st.sampled_from(["", "-", "~", "?"]), TERMS), max_size=5, unique_by=lambda pair: pair[1]),
        st.sampled_from(["192.0.2.10", "192.0.2.65", "192.0.2.129", "192.0.2.140", "10.0.0.4", "2001:db8::1"]),
        st.sampled_from(["mary@example.com", "x@example.com"]),
    )
    def same(terms, address, sender):
        text = "v=spf1 " + " ".join(term if "=" in term else mark + term for mark, term in terms) + " -all"
        CURRENT.clear()
        CURRENT.update({("example.com", "TXT"): [text], ("inc.example", "TXT"): ["v=spf1 ip4:192.0.2.129 ?all"]})
        ours = walk(evaluate.check(Asked(address, sender, "mail.example.com")), answering(ZONE | CURRENT))
        assert ours.result == foreign(address, sender), (text, ours)

    same()


def test_terms_are_counted_before_they_are_read():
    with pytest.raises(record.BadRecord):
        record.read("v=spf1 " + "a " * 201)
