"""The resolver against a real server on loopback: outcomes, the cache and its bounds, names that no zone can hold."""

import socket

import pytest

from config.checking import Dns
from config.settings import SettingsError, parse
from mailcore import dns
from mailcore.answers import NO_SUCH_NAME, NOTHING, Outcome, Question
from tests.peers.dns import serving

ZONE = {
    ("gov.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("gov.example", "AAAA"): ["2001:db8::1"],
    ("gov.example", "MX"): ["10 MX.gov.example.", "20 b.example."],
    ("gov.example", "TXT"): ['"v=spf1 " "-all"', '"\\195\\169"'],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["Mail.Gov.example."],
    ("_25._tcp.gov.example", "TLSA"): ["3 1 1 " + "ab" * 32],
    ("www.example", "CNAME"): ["gov.example."],
    ("long.example", "TXT"): [" ".join(f'"{"x" * 250}"' for _ in range(20))],
    ("deep.below.example", "A"): ["192.0.2.9"],
}


@pytest.mark.parametrize(
    ("name", "kind", "want"),
    [
        ("gov.example", "A", ("192.0.2.1", "192.0.2.2")),
        ("GOV.example.", "AAAA", ("2001:db8::1",)),
        ("gov.example", "MX", ("10 mx.gov.example", "20 b.example")),
        ("gov.example", "TXT", ("v=spf1 -all", "\xc3\xa9")),
        ("1.2.0.192.in-addr.arpa", "PTR", ("mail.gov.example",)),
        ("_25._tcp.gov.example", "TLSA", ("3 1 1 " + "ab" * 32,)),
        ("www.example", "A", ("192.0.2.1", "192.0.2.2")),
        ("long.example", "TXT", ("x" * 5000,)),  # does not fit into a datagram
    ],
)
async def test_records_come_as_a_zone_file_writes_them(name, kind, want):
    async with serving(ZONE) as server:
        answer = await dns.system_resolver(server.settings).ask(Question(name, kind))
    assert (answer.outcome, set(answer.records)) == (Outcome.FOUND, set(want))


async def test_a_name_without_such_records_differs_from_none_at_all():
    async with serving(ZONE) as server:
        resolver = dns.system_resolver(server.settings)
        assert await resolver.ask(Question("below.example", "A")) == NOTHING
        assert await resolver.ask(Question("nowhere.example", "A")) == NO_SUCH_NAME


async def test_failures_are_temporary():
    async with serving(ZONE) as server:
        server.broken.add("gov.example")
        assert (await dns.system_resolver(server.settings).ask(Question("gov.example", "A"))).failed
    assert (await dns.system_resolver(server.settings).ask(Question("gov.example", "A"), lifetime_s=0.5)).failed


async def test_silence_ends_in_time():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = dns.system_resolver(Dns(nameservers=(f"127.0.0.1:{silent.getsockname()[1]}",)))
        assert (await resolver.ask(Question("gov.example", "A"), lifetime_s=0.2)).failed


async def test_answers_are_kept_as_long_as_they_say():
    now = [1000.0]
    async with serving(ZONE) as server:
        asking = dns.system_resolver(server.settings)._asking
        resolver = dns.Resolver(asking, now_s=lambda: now[0])
        for seconds, asked in ((0, 1), (59, 1), (2, 2), (59, 2)):
            now[0] += seconds
            await resolver.ask(Question("gov.example", "A"))
            assert len(server.asked) == asked
        for seconds, asked in ((0, 3), (29, 3), (2, 4)):  # the minimum of the SOA is 30
            now[0] += seconds
            await resolver.ask(Question("nowhere.example", "A"))
            assert len(server.asked) == asked
        server.broken.add("gov.example")
        for seconds, asked in ((60, 5), (1, 5), (dns.FAILURE_S, 6)):
            now[0] += seconds
            await resolver.ask(Question("gov.example", "A"))
            assert len(server.asked) == asked


async def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(dns, "MAX_CACHED", 2)
    async with serving(ZONE) as server:
        resolver = dns.system_resolver(server.settings)
        for kind in ("A", "AAAA", "MX", "A"):
            await resolver.ask(Question("gov.example", kind))
        assert len(server.asked) == 4
        assert len(resolver._kept) == 2


async def test_large_answers_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(dns, "MAX_CACHED_BYTES", 20_000)
    zone = {(f"{number}.long.example", "TXT"): ZONE["long.example", "TXT"] for number in range(10)}
    async with serving(zone) as server:
        resolver = dns.system_resolver(server.settings)
        for number in (*range(10), 9, 9):
            await resolver.ask(Question(f"{number}.long.example", "TXT"))
        assert len(server.asked) == 20  # once as a datagram that is cut, once over TCP; the last two were remembered
        assert sum(len(record) for kept in resolver._kept.values() for record in kept.answer.records) == 20_000
        await resolver.ask(Question("0.long.example", "TXT"))
        assert len(server.asked) == 22


@pytest.mark.parametrize("name", ["", ".", "a..b", f"{'x' * 64}.example", ".".join(["x" * 60] * 5), "\u0645.example"])
async def test_names_that_no_zone_holds_are_not_asked(name):
    async with serving(ZONE) as server:
        assert await dns.system_resolver(server.settings).ask(Question(name, "A")) == NO_SUCH_NAME
        assert server.asked == []


async def test_labels_go_out_octet_for_octet():
    async with serving({}) as server:
        await dns.system_resolver(server.settings).ask(Question("a\\000b c.example", "TXT"))
    assert server.asked == [("a\\\\000b\\032c.example", "TXT")]


async def test_addresses_take_the_families_in_turn():
    async with serving(ZONE) as server:
        resolver = dns.system_resolver(server.settings)
        found = await resolver.addresses("gov.example")
        assert found.records[0] == "2001:db8::1"
        assert sorted(found.records[1:]) == ["192.0.2.1", "192.0.2.2"]
        assert await resolver.addresses("nowhere.example") == NO_SUCH_NAME
        server.broken.add("broken.example")
        assert (await resolver.addresses("broken.example")).failed


async def test_without_dnssec_nothing_is_authentic():
    async with serving(ZONE) as server:
        assert not (await dns.system_resolver(server.settings).ask(Question("gov.example", "A"))).authentic


async def test_look_up_says_none_only_when_the_dns_is_silent():
    async with serving(ZONE) as server:
        server.broken.add("b.example")
        resolver = dns.system_resolver(server.settings)
        assert await dns.look_up("gov.example.", "AAAA", resolver) == ("2001:db8::1",)
        assert await dns.look_up("nowhere.example", "A", resolver) == ()
        assert await dns.look_up("b.example", "A", resolver) is None


def test_settings_say_what_a_name_server_is(tmp_path):
    text = '[node]\nhostname = "h"\npostmaster = "a@b"\n[tls]\ncertificate = "c"\nkey = "k"\n[dns]\nnameservers = ["ns.example:53"]\n'
    with pytest.raises(SettingsError, match=r"dns\.nameservers: expected `address:port`"):
        parse(text, tmp_path)
