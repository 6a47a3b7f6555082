import asyncio
import contextlib

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from config.settings import Route
from mailcore.queue import route
from mailcore.queue.types import Reply

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
NAMES = {name for name, _ in ZONE}


class Dns(asyncio.DatagramProtocol):
    """A name server on a real socket; whatever begins with "broken" is answered by SERVFAIL."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        query = dns.message.from_wire(data)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        reply = dns.message.make_response(query)
        records = ZONE.get((name, dns.rdatatype.to_text(asked.rdtype)))
        if records:
            reply.answer.append(dns.rrset.from_text_list(asked.name, 60, "IN", dns.rdatatype.to_text(asked.rdtype), records))
        elif name.startswith("broken"):
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in NAMES:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)


@pytest.fixture
async def resolver():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Dns, local_addr=("127.0.0.1", 0))
    made = dns.asyncresolver.Resolver(configure=False)
    made.nameservers, made.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    with contextlib.closing(transport):
        yield made


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
    [hop] = await route.hops("exact.example", ROUTES, "mx.here.example", resolver)
    assert (hop.address, hop.port, hop.verify) == ("127.0.0.1", 2501, True)
    [hop] = await route.hops("other.example", ROUTES, "mx.here.example", resolver)
    assert not hop.verify


async def test_exchanges_come_by_preference_with_both_families(resolver):
    hops = await route.hops("plain.example", [], "mx.here.example", resolver, anywhere)
    assert [hop.address for hop in hops] == ["192.0.2.1", "2001:db8::2", "192.0.2.2"]
    assert {hop.port for hop in hops} == {25}


async def test_at_most_five_addresses_are_tried(resolver):
    assert len(await route.hops("many.example", [], "mx.here.example", resolver, anywhere)) == route.MAX_ADDRESSES


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
    reply = await route.hops(domain, [], "mx.here.example", resolver, allowed)
    assert isinstance(reply, Reply)
    assert (reply.code, reply.status) == (code, status)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.1.1", "::1", "fe80::1", "fc00::1", "0.0.0.0"])
def test_our_own_networks_are_not_public(address):
    assert not route.is_public(address)
    assert route.is_public("8.8.8.8")
