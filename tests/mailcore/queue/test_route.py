import dataclasses

import pytest

from config.settings import Route
from directory.manifest.topology import Node
from mailcore import dns
from mailcore.answers import Answer
from mailcore.queue import route
from mailcore.queue.route import Map
from mailcore.queue.types import Reply
from mailcore.routing.policy import Way
from mailcore.routing.sts import Kept, Policy
from mailcore.routing.sts_client import Found
from tests.peers.dns import serving

ZONE = {
    ("plain.example", "MX"): ["20 b.plain.example.", "10 a.plain.example."],
    ("a.plain.example", "A"): ["192.0.2.1"],
    ("b.plain.example", "A"): ["192.0.2.2"],
    ("b.plain.example", "AAAA"): ["2001:db8::2"],
    ("null.example", "MX"): ["0 ."],
    ("nomx.example", "A"): ["192.0.2.3"],
    ("inside.example", "MX"): ["10 inside.example."],
    ("inside.example", "A"): ["127.0.0.1", "10.0.0.1"],
    ("backup.example", "MX"): ["10 first.example.", "20 mx.here.example.", "30 third.example."],
    ("first.example", "A"): ["192.0.2.4"],
    ("loop.example", "MX"): ["10 mx.here.example.", "20 first.example."],
    ("dead.example", "MX"): ["10 nowhere.example."],
    ("many.example", "MX"): [f"10 h{n}.many.example." for n in range(20)],
    **{(f"h{n}.many.example", "A"): [f"192.0.2.{n + 10}"] for n in range(20)},
}
EXCHANGE = Way("exchange")


@pytest.fixture
async def server():
    async with serving(ZONE) as made:
        made.broken.add("broken.example")
        yield made


@pytest.fixture
def resolver(server):
    return dns.system_resolver(server.settings)


def anywhere(address: str) -> bool:
    return address.startswith(("192.0.2.", "2001:db8:"))


ROUTES = [
    Route(domain="exact.example", host="127.0.0.1", port=2501),
    Route(domain=".example", host="127.0.0.1", port=2502, tls="opportunistic"),
    Route(domain=".deep.example", host="127.0.0.1", port=2503),
]


@pytest.mark.parametrize(
    ("domain", "port"),
    [
        ("exact.example", 2501),
        ("other.example", 2502),
        ("a.deep.example", 2503),
        ("deep.example", 2502),
        ("example", None),
        ("notexample", None),
        ("exact.example.org", None),
    ],
)
def test_the_most_exact_route_counts(domain, port):
    found = route.static(domain, ROUTES)
    assert (found.port if found else None) == port


def test_an_empty_domain_takes_what_no_other_route_does():
    everything = Route(domain="", host="relay.example")
    assert route.static("x.org", [*ROUTES, everything]) == everything
    assert route.static("exact.example", [everything, *ROUTES]).port == 2501


async def test_a_route_may_lead_to_a_private_address_and_says_how_tls_is_checked(resolver):
    [hop] = await route.hops("exact.example", Way("route", route=ROUTES[0]), Map("mx.here.example", resolver))
    assert (hop.address, hop.port, hop.verify) == ("127.0.0.1", 2501, True)
    [hop] = await route.hops("other.example", Way("route", route=ROUTES[1]), Map("mx.here.example", resolver))
    assert not hop.verify


async def test_exchanges_come_by_preference_with_both_families(resolver):
    hops = await route.hops("plain.example", EXCHANGE, Map("mx.here.example", resolver, allowed=anywhere))
    assert [hop.address for hop in hops] == ["192.0.2.1", "2001:db8::2", "192.0.2.2"]
    assert {hop.port for hop in hops} == {25}


async def test_at_most_five_addresses_are_tried(resolver):
    assert len(await route.hops("many.example", EXCHANGE, Map("mx.here.example", resolver, allowed=anywhere))) == route.MAX_ADDRESSES


async def test_a_domain_without_mx_takes_mail_itself(resolver):
    assert await route.exchanges("nomx.example", "mx.here.example", resolver) == ("nomx.example",)


async def test_only_exchanges_better_than_ourselves_are_used(resolver):
    assert await route.exchanges("backup.example", "MX.here.example", resolver) == ("first.example",)


@pytest.mark.parametrize(
    ("domain", "code", "status"),
    [
        ("null.example", 556, "5.1.10"),
        ("missing.example", 550, "5.1.2"),
        ("broken.example", 451, "4.4.3"),
        ("loop.example", 554, "5.4.6"),
        ("inside.example", 554, "5.4.4"),
        ("dead.example", 550, "5.4.4"),
        ("[192.0.2.1]", 550, "5.1.2"),
    ],
)
async def test_where_mail_cannot_go(resolver, domain, code, status):
    allowed = route.is_public if domain == "inside.example" else anywhere
    reply = await route.hops(domain, EXCHANGE, Map("mx.here.example", resolver, allowed=allowed))
    assert isinstance(reply, Reply)
    assert (reply.code, reply.status) == (code, status)


INSIDE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.1.1", "::1", "fe80::1", "fc00::1", "0.0.0.0", "fec0::1", "224.0.0.1", "ff0e::1"]
TRANSLATED = ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "::10.0.0.1"]  # loopback and 10.0.0.1 again


@pytest.mark.parametrize("address", [*INSIDE, *TRANSLATED])
def test_our_own_networks_are_not_public(address):
    assert not route.is_public(address)
    assert route.is_public("8.8.8.8")
    assert route.is_public("2001:4860:4860::8888")


def node(**changed) -> Node:
    made = Node(1, "school", 1, "online", "mx.school.example", "127.0.0.1:2525", "127.0.0.1:2443", bytes(32), None, "")
    return dataclasses.replace(made, **changed)


async def test_a_node_is_known_by_its_key_and_the_authority_of_the_state(resolver, tmp_path):
    [hop] = await route.hops("school.example", Way("node", node()), Map("mx.here.example", resolver, ca=tmp_path))
    assert (hop.host, hop.port, hop.verify, hop.ca, hop.node) == ("mx.school.example", 2525, True, tmp_path, "school")
    assert hop.relaxed == hop


@pytest.mark.parametrize(
    ("way", "status"),
    [
        (Way("node", node(revoked_us=1, reason="stolen")), "4.7.1"),
        (Way("node", node(), believed=False), "4.7.1"),
        (Way("node", node(smtp="nowhere.invalid:25")), "4.4.3"),
        (Way("circle", node()), "5.4.6"),
    ],
)
async def test_a_node_that_cannot_be_trusted_now_waits(resolver, way, status):
    reply = await route.hops("school.example", way, Map("mx.here.example", resolver))
    assert isinstance(reply, Reply)
    assert reply.status == status


class Asking:
    """A domain whose MTA-STS policy is this."""

    def __init__(self, mode, *mx, trouble=""):
        self.found = Found(Kept("1", Policy(mode, mx, 86400), 0) if mode else None, trouble)

    async def of(self, domain):
        return self.found


async def demands(resolver, policies):
    found = await route.hops("plain.example", EXCHANGE, Map("mx.here.example", resolver, policies, anywhere))
    return [(hop.host, hop.verify, hop.testing, hop.asked.kind) for hop in found] if isinstance(found, tuple) else found.status


async def test_an_enforced_policy_leaves_out_hosts_that_it_does_not_name(resolver):
    assert await demands(resolver, Asking("enforce", "a.plain.example")) == [("a.plain.example", True, False, "sts")]
    both = await demands(resolver, Asking("enforce", "*.plain.example"))
    assert {each[1:] for each in both} == {(True, False, "sts")}
    assert await demands(resolver, Asking("enforce", "other.example")) == "4.7.5"


async def test_a_policy_on_trial_is_tried_and_none_asks_for_nothing(resolver):
    tried = await demands(resolver, Asking("testing", "other.example"))
    assert {each[1:] for each in tried} == {(False, True, "sts")}
    nothing = await demands(resolver, Asking("none"))
    assert {each[1:] for each in nothing} == {(False, False, "no-policy-found")}
    told = await route.hops("plain.example", EXCHANGE, Map("x", resolver, Asking("", trouble="sts-policy-fetch-error"), anywhere))
    assert {hop.asked.trouble for hop in told} == {"sts-policy-fetch-error"}


class Signed:
    """A resolver that has verified everything, or fails for some names."""

    def __init__(self, resolver, tlsa, bogus=False):
        self.resolver, self.tlsa, self.bogus = resolver, tlsa, bogus

    async def ask(self, question):
        if question.kind == "TLSA":
            return Answer(dns.Outcome.TEMPORARY) if self.bogus else Answer(dns.Outcome.FOUND, self.tlsa, authentic=True)
        return dataclasses.replace(await self.resolver.ask(question), authentic=True)

    async def addresses(self, name):
        return dataclasses.replace(await self.resolver.addresses(name), authentic=True)


EE = "3 1 1 " + "ab" * 32


async def test_dane_goes_before_a_policy(resolver):
    found = await demands(Signed(resolver, (EE,)), Asking("enforce", "other.example"))
    assert {each[1:] for each in found} == {(True, False, "tlsa")}


async def test_records_that_nobody_can_use_ask_for_tls_with_whomever(resolver):
    found = await route.hops("plain.example", EXCHANGE, Map("x", Signed(resolver, ("0 1 1 " + "ab" * 32, "3 9 9 ab")), None, anywhere))
    assert {(hop.verify, hop.encrypt, hop.tlsa) for hop in found} == {(False, True, ())}


async def test_a_zone_that_cannot_be_verified_makes_mail_wait(resolver):
    given = Map("x", Signed(resolver, (), bogus=True), None, anywhere)
    reply = await route.hops("plain.example", EXCHANGE, given)
    assert (reply.code, reply.status) == (451, "4.7.5")
    assert "TLSA" in reply.text
    assert ("a.plain.example", "dnssec-invalid") in given.failed
