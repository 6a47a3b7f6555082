"""Relaying inside TLS: what a route, a message (RFC 8689) and a domain's policy (RFC 8461) demand of it."""

import contextlib

import pytest

from mailcore import dns
from mailcore.queue import listing, remote
from mailcore.queue.accept import accept
from mailcore.queue.worker import drain
from mailcore.routing import tlsrpt
from mailcore.routing.sts import Kept, Policy
from mailcore.routing.sts_client import Found
from tests.mailcore.queue.node import AMINA, inbox, last, leased, letter, submission
from tests.peers.dns import serving

X = "x@elsewhere.example"


@pytest.fixture
def database_url():
    """The peers are the matter here: one engine is enough."""
    return "sqlite"


async def test_verified_tls(via, sink, authority):
    sink.tls = authority.localhost
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        assert await services.db.read(listing.depth) == 0
    assert [sent.tls for sent in sink.transactions] == [True]


@pytest.mark.parametrize("case", ["other name", "unknown root", "no starttls"])
async def test_a_verified_route_never_sends_without_trust(via, sink, authority, case):
    sink.tls = {"other name": authority.elsewhere, "unknown root": authority.localhost, "no starttls": None}[case]
    ca = None if case == "unknown root" else authority.ca
    async with via("verify", ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.4" if case == "no starttls" else "451 4.7.5")
    assert sink.transactions == []
    assert not any(command.startswith(b"MAIL") for command in sink.commands)


async def test_an_opportunistic_route_encrypts_when_it_can(via, sink, authority):
    sink.tls = authority.elsewhere
    async with via("opportunistic") as services:
        await accept(services, submission(X))
        await drain(services)
    assert [sent.tls for sent in sink.transactions] == [True]


async def test_an_opportunistic_route_goes_on_without_tls_when_it_fails(via, sink, authority):
    sink.tls = authority.no_common_cipher()
    async with via("opportunistic") as services:
        await accept(services, submission(X))
        await drain(services)
    assert [sent.tls for sent in sink.transactions] == [False]


async def test_a_verified_route_does_not(via, sink, authority):
    sink.tls = authority.no_common_cipher()
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.5 no TLS session with localhost: ")
    assert "(at 127.0.0.1)" in said
    assert sink.transactions == []


@pytest.mark.parametrize("offered", [True, False])
async def test_a_message_that_requires_tls_goes_over_verified_tls_only(via, sink, authority, offered):
    sink.tls = authority.localhost
    sink.extensions += [b"REQUIRETLS"] if offered else []
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X, requiretls=True))
        await drain(services)
        reports = await inbox(services, AMINA)
    assert [b"REQUIRETLS" in sent.mail for sent in sink.transactions] == ([True] if offered else [])
    assert [b"Status: 5.7.30" in report for report in reports] == ([] if offered else [True])


async def test_a_message_that_requires_tls_does_not_go_where_nobody_is_known(via, sink, authority):
    sink.tls = authority.localhost
    sink.extensions.append(b"REQUIRETLS")
    async with via("opportunistic") as services:
        await accept(services, submission(X, requiretls=True))
        await drain(services)
        [report] = await inbox(services, AMINA)
    assert sink.transactions == []
    assert b"Status: 5.7.10" in report


async def test_what_a_peer_says_before_tls_does_not_count_as_said_inside(via, sink, authority):
    sink.tls = authority.localhost
    sink.replies.append((b"STARTTLS", b"220 go ahead\r\n250 injected"))
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.5")
    assert sink.transactions == []


class Policed:
    """Every domain has this MTA-STS policy."""

    def __init__(self, mode, *mx):
        self.found = Found(Kept("1", Policy(mode, mx, 86400), 0))

    async def of(self, domain):
        return self.found


@pytest.fixture
def outside(opener, sink):
    """Sends a letter to a domain whose MX is the sink, under a policy; returns what is left of it and what was counted."""

    async def send(policy, ca, *raws):
        zone = {("elsewhere.example", "MX"): ["10 localhost."], ("localhost", "A"): ["127.0.0.1"]}
        async with opener() as services, serving(zone) as names:
            options = {"policies": policy, "roots": ca, "port": sink.port}
            resolver = dns.system_resolver(names.settings)
            async with contextlib.aclosing(remote.Peer(services, resolver, lambda address: True, **options)) as peer:
                for raw in raws or (None,):
                    await accept(services, submission(X, raw=raw))
                await remote.serve(peer, await leased(services))
            counts = await services.db.read(tlsrpt.of_day, tlsrpt.day_of(services.clock.now_us()))
            return [said for _, said in await last(services)], [(one.kind, one.result) for one in counts]

    return send


async def test_an_enforced_policy_wants_a_certificate_for_the_name(outside, sink, authority):
    sink.tls = authority.localhost
    assert await outside(Policed("enforce", "localhost"), authority.ca) == ([], [("sts", "")])
    sink.tls = authority.elsewhere
    [said], counts = await outside(Policed("enforce", "localhost"), authority.ca)
    assert said.startswith("451 4.7.5 the certificate of localhost is not trusted")
    assert ("sts", "certificate-host-mismatch") in counts
    assert [sent.tls for sent in sink.transactions] == [True]


async def test_an_enforced_policy_wants_tls_and_the_named_host(outside, sink, authority):
    [said], counts = await outside(Policed("enforce", "localhost"), authority.ca)
    assert said.startswith("451 4.7.4")
    assert counts == [("sts", "starttls-not-supported")]
    left, counts = await outside(Policed("enforce", "mail.elsewhere.example"), authority.ca)
    assert any(said.startswith("451 4.7.5 localhost is not among the servers") for said in left)
    assert ("sts", "validation-failure") in counts
    assert sink.transactions == []


async def test_a_policy_on_trial_is_counted_and_stops_nothing(outside, sink, authority):
    sink.tls = authority.elsewhere
    left, counts = await outside(Policed("testing", "localhost"), authority.ca)
    assert (left, counts) == ([], [("sts", ""), ("sts", "certificate-host-mismatch")])
    assert [sent.tls for sent in sink.transactions] == [True]


async def test_a_message_that_shall_rather_arrive_goes_without_the_policy(outside, sink, authority):
    sink.tls = authority.elsewhere
    left, _ = await outside(Policed("enforce", "localhost"), authority.ca, b"TLS-Required: No\r\n" + letter())
    assert left == []
    assert [sent.tls for sent in sink.transactions] == [True]


async def test_and_takes_no_other_message_with_it(outside, sink, authority):
    sink.tls = authority.elsewhere
    relaxed = b"TLS-Required: No\r\n" + letter("ouvert")
    left, _ = await outside(Policed("enforce", "localhost"), authority.ca, relaxed, letter("strict"), relaxed + b"fin\r\n")
    assert len(left) == 1
    assert [b"ouvert" in sent.data for sent in sink.transactions] == [True, True]


async def test_but_what_our_own_routes_demand_stays(via, sink, authority):
    sink.tls = authority.elsewhere
    async with via("verify", authority.ca, "localhost") as services:
        await accept(services, submission(X, raw=b"TLS-Required: No\r\n" + letter()))
        await drain(services)
        [(_, said)] = await last(services)
    assert said.startswith("451 4.7.5")
