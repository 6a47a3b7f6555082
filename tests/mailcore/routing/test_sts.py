import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import SECOND_US, ManualClock
from mailcore import dns
from mailcore.routing import sts
from mailcore.routing.sts import BadPolicy, Policy
from mailcore.routing.sts_client import Policies
from tests.mailcore.routing import https
from tests.peers.dns import serving

ENFORCE = b"version: STSv1\r\nmode: enforce\r\nmx: mail.elsewhere.example\r\nmx: *.backup.example\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (ENFORCE, Policy("enforce", ("mail.elsewhere.example", "*.backup.example"), 604800)),
        (b"version:STSv1\nmode:testing\nmx:A.example\nmax_age:0\nother: x\n", Policy("testing", ("a.example",), 0)),
        (b"version: STSv1\nmode: none\nmax_age: 86400", Policy("none", (), 86400)),
        (b"version: STSv1\nmode: none\nmode: enforce\nmax_age: 1", Policy("none", (), 1)),
    ],
)
def test_policies_are_read(text, want):
    assert sts.parse(text) == want


@pytest.mark.parametrize(
    "text",
    [
        b"",
        ENFORCE.replace(b"STSv1", b"STSv2"),
        ENFORCE.replace(b"enforce", b"maybe"),
        ENFORCE.replace(b"604800", b"-1"),
        ENFORCE.replace(b"604800", b"99999999999"),
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        ENFORCE.replace(b"*.backup.example", b"a.*.example"),
        ENFORCE.replace(b"*.backup.example", b"a b"),
        ENFORCE + b"\xff",
        ENFORCE + b"mx: a.example\r\n" * 200,
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(BadPolicy):
        sts.parse(text)


@given(st.binary(max_size=300))
def test_no_text_does_anything_but_be_read_or_refused(text):
    with contextlib.suppress(BadPolicy):
        assert sts.parse(b"version: STSv1\nmode: none\nmax_age: 1\n" + text).mode == "none"


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("mail.elsewhere.example", True),
        ("MAIL.elsewhere.example", True),
        ("a.backup.example", True),
        ("a.b.backup.example", False),
        ("backup.example", False),
        ("elsewhere.example", False),
    ],
)
def test_hosts_are_matched_with_a_wildcard_for_one_label(host, named):
    assert sts.names(sts.parse(ENFORCE), host) is named


@pytest.mark.parametrize(
    ("records", "want"),
    [
        (("v=STSv1; id=20260101T00;",), "20260101T00"),
        (("v=STSv1;id=a", "v=spf1 -all"), "a"),
        (("v=STSv1; id=a; x=y;",), "a"),
        (("v=STSv1; id=a", "v=STSv1; id=b"), None),
        (("v=STSv1; id=a-b",), None),
        (("v=STSv1",), None),
        ((), None),
    ],
)
def test_the_record_announces_one_policy(records, want):
    assert sts.announced(records) == want


async def test_a_policy_is_kept_over_a_restart_for_as_long_as_it_says(database, clock: ManualClock):
    await database.write(sts.keep, "elsewhere.example", "1", sts.parse(ENFORCE))
    kept = await database.read(sts.kept, "elsewhere.example")
    assert (kept.policy_id, kept.policy) == ("1", sts.parse(ENFORCE))
    clock.advance(604_799 * SECOND_US)
    assert await database.read(sts.kept, "elsewhere.example") is not None
    clock.advance(2 * SECOND_US)
    assert await database.read(sts.kept, "elsewhere.example") is None
    clock.advance(2 * 86_400 * SECOND_US)
    assert await database.write(sts.sweep) == 1


@pytest.mark.parametrize(("asked_s", "kept_s"), [(0, sts.MIN_AGE_S), (4_000_000_000, sts.MAX_AGE_S)])
async def test_how_long_has_bounds(database, clock: ManualClock, asked_s, kept_s):
    kept = await database.write(sts.keep, "x.example", "1", Policy("none", (), asked_s))
    assert kept.expires_us == clock.now_us() + kept_s * SECOND_US


ZONE = {
    ("_mta-sts.elsewhere.example", "TXT"): ['"v=STSv1; id=1"'],
    ("mta-sts.elsewhere.example", "A"): ["127.0.0.1"],
}


class Site:
    """A domain with a policy: its zone and its web server, and who asks."""

    def __init__(self, database, names, web, roots):
        self.names, self.web = names, web
        self.resolver = lambda: dns.system_resolver(names.settings)
        self.database, self.roots = database, roots

    def asking(self, *, allowed=lambda address: True, roots=None):
        return Policies(self.database, self.resolver(), allowed, roots=roots or self.roots, port=self.web.port)

    def announce(self, policy_id):
        self.names.records["_mta-sts.elsewhere.example", "TXT"] = [f'"v=STSv1; id={policy_id}"']


@pytest.fixture
async def site(database, tmp_path):
    async with serving(ZONE) as names, https.serving(tmp_path, "mta-sts.elsewhere.example") as web:
        web.answer(ENFORCE)
        yield Site(database, names, web, ssl.create_default_context(cafile=web.root))


async def test_a_policy_is_fetched_once_and_again_when_its_id_changes(site):
    found = await site.asking().of("elsewhere.example")
    assert (found.kept.policy.mode, found.trouble) == ("enforce", "")
    await site.asking().of("elsewhere.example")
    assert site.web.asked == ["/.well-known/mta-sts.txt"]
    assert site.web.hosts == ["mta-sts.elsewhere.example"]
    site.announce("2")
    site.web.answer(ENFORCE.replace(b"enforce", b"testing"))
    assert (await site.asking().of("elsewhere.example")).kept.policy.mode == "testing"
    assert len(site.web.asked) == 2


async def test_a_kept_policy_holds_while_nothing_newer_can_be_had(site):
    await site.asking().of("elsewhere.example")
    site.announce("2")
    site.web.answer(b"nonsense")
    found = await site.asking().of("elsewhere.example")
    assert (found.kept.policy.mode, found.trouble) == ("enforce", "sts-policy-invalid")
    site.names.records.pop(("_mta-sts.elsewhere.example", "TXT"))
    assert (await site.asking().of("elsewhere.example")).kept.policy.mode == "enforce"


@pytest.mark.parametrize(
    ("status", "kind", "body", "trouble"),
    [
        (404, "text/plain", ENFORCE, "sts-policy-fetch-error"),
        (301, "text/plain", ENFORCE, "sts-policy-fetch-error"),
        (200, "text/html", ENFORCE, "sts-policy-fetch-error"),
        (200, "text/plain", b"x" * 70_000, "sts-policy-fetch-error"),
        (200, "text/plain; charset=utf-8", b"mode: enforce", "sts-policy-invalid"),
    ],
)
async def test_what_cannot_be_had_is_told_and_not_asked_again_with_every_message(site, status, kind, body, trouble):
    site.web.answer(body, status, kind)
    asking = site.asking()
    for _ in range(3):
        found = await asking.of("elsewhere.example")
        assert (found.kept, found.trouble) == (None, trouble)
    assert len(site.web.asked) == 1


async def test_a_certificate_that_nobody_vouches_for_is_no_policy(site):
    found = await site.asking(roots=ssl.create_default_context()).of("elsewhere.example")
    assert (found.kept, found.trouble) == (None, "sts-webpki-invalid")
    assert site.web.asked == []


async def test_a_strangers_record_does_not_make_us_ask_our_own_networks(site):
    found = await site.asking(allowed=lambda address: False).of("elsewhere.example")
    assert (found.kept, found.trouble) == (None, "sts-policy-fetch-error")
    assert site.web.asked == []


async def test_a_domain_without_a_record_costs_one_question(site):
    assert (await site.asking().of("none.example")).kept is None
    assert site.web.asked == []
