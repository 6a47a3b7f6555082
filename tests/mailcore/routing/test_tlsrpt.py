import asyncio
import base64
import contextlib
import dataclasses
import gzip
import hashlib
import json
import re
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import DAY_US, HOUR_US, ManualClock
from config.engines import open_database
from config.settings import Routing
from mailcore import dns
from mailcore.queue import listing, tls_reports
from mailcore.routing import tlsrpt
from mailcore.routing.tlsrpt import Event
from tests import servers
from tests.mailcore.routing import https
from tests.peers.dns import serving

STS = ("version: STSv1", "mode: enforce", "mx: *.elsewhere.example", "max_age: 86400")
GOOD = Event("elsewhere.example", "sts", STS, ("*.elsewhere.example",), "", "mx1.elsewhere.example", "192.0.2.1")
BAD = Event("elsewhere.example", "sts", STS, (), "certificate-expired", "mx2.elsewhere.example", "192.0.2.2", "it ended")
PLAIN = Event("other.example", "no-policy-found", (), (), "starttls-not-supported", "mx.other.example", "192.0.2.3")


async def test_sessions_are_counted_by_day_and_how_they_went(database, clock: ManualClock):
    await database.write(tlsrpt.count, [GOOD, GOOD, BAD, PLAIN])
    await database.write(tlsrpt.count, [GOOD])
    today = tlsrpt.day_of(clock.now_us())
    counts = await database.read(tlsrpt.of_day, today)
    assert [(one.domain, one.result, one.sessions) for one in counts] == [
        ("elsewhere.example", "", 3),
        ("elsewhere.example", "certificate-expired", 1),
        ("other.example", "starttls-not-supported", 1),
    ]
    assert await database.read(tlsrpt.unreported, 10) == []
    clock.advance(DAY_US)
    assert await database.read(tlsrpt.unreported, 10) == [(today, "elsewhere.example"), (today, "other.example")]
    await database.write(tlsrpt.reported, today, "other.example", "")
    assert await database.read(tlsrpt.unreported, 10) == [(today, "elsewhere.example")]
    clock.advance(40 * DAY_US)
    assert await database.write(tlsrpt.sweep) == 4
    assert await database.read(tlsrpt.of_day, today) == []


async def test_a_report_is_as_the_standard_draws_it(database, clock: ManualClock):
    await database.write(tlsrpt.count, [GOOD, GOOD, BAD])
    counts = await database.read(tlsrpt.of_day, tlsrpt.day_of(clock.now_us()))
    report = json.loads(tlsrpt.render("mx.here.example", "mailto:p@here.example", "1@here.example", 20_000, counts))
    assert report["date-range"] == {"start-datetime": "2024-10-04T00:00:00Z", "end-datetime": "2024-10-04T23:59:59Z"}
    assert (report["organization-name"], report["contact-info"], report["report-id"]) == (
        "mx.here.example",
        "mailto:p@here.example",
        "1@here.example",
    )
    [policy] = report["policies"]
    assert policy["policy"] == {
        "policy-type": "sts",
        "policy-string": list(STS),
        "policy-domain": "elsewhere.example",
        "mx-host": ["*.elsewhere.example"],
    }
    assert policy["summary"] == {"total-successful-session-count": 2, "total-failure-session-count": 1}
    assert policy["failure-details"] == [
        {
            "result-type": "certificate-expired",
            "failed-session-count": 1,
            "receiving-mx-hostname": "mx2.elsewhere.example",
            "receiving-ip": "192.0.2.2",
            "failure-reason-code": "it ended",
        }
    ]


@pytest.mark.parametrize(
    ("records", "want"),
    [
        (("v=TLSRPTv1; rua=mailto:tls@x.example",), ("mailto:tls@x.example",)),
        (("v=TLSRPTv1;rua=https://x.example/r,mailto:a@x.example;ext=1",), ("https://x.example/r", "mailto:a@x.example")),
        (("v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1; rua=mailto:b@x.example"), ()),
        (("v=spf1 -all",), ()),
        (("v=TLSRPTv1; rua=http://x.example/",), ()),
        (("v=TLSRPTv1; rua=mailto:a\r\nBcc: b@x.example",), ()),
        ((), ()),
    ],
)
def test_where_reports_are_wanted(records, want):
    assert tlsrpt.wanted_at(records) == want


@given(st.text(max_size=200))
def test_no_record_makes_us_write_somewhere_odd(text):
    for place in tlsrpt.wanted_at((f"v=TLSRPTv1; rua={text}",)):
        assert re.fullmatch(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)", place, re.IGNORECASE)


async def test_a_policy_of_any_length_is_counted(postgres_url, tmp_path, clock: ManualClock):
    lines = ("version: STSv1", "mode: enforce", *(f"mx: {hashlib.sha512(bytes([n])).hexdigest()}.example" for n in range(100)))
    event = Event("x" * 250, "sts", lines, (), "certificate-expired", "h" * 250, "192.0.2.1", "\u0645" * 300)
    async with contextlib.AsyncExitStack() as stack:
        database = await open_database(postgres_url, tmp_path, clock)
        stack.push_async_callback(database.close)
        await database.write(tlsrpt.count, [event])
        [one] = await database.read(tlsrpt.of_day, tlsrpt.day_of(clock.now_us()))
    assert lines[: len(one.policy)] == one.policy
    assert len(one.policy) > 5


@pytest.fixture
def database_url():
    return "sqlite"


async def test_a_report_goes_by_mail_to_the_domain_that_asks(services, clock: ManualClock):
    await services.db.write(tlsrpt.count, [GOOD, BAD, PLAIN])
    clock.advance(DAY_US)
    zone = {("_smtp._tls.elsewhere.example", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@reports.example"']}
    async with serving(zone) as server:
        resolver = dns.system_resolver(server.settings)
        assert await tls_reports.send(services, resolver) == {"reports": 1}
        assert await tls_reports.send(services, resolver) == {"reports": 0}
    [queued] = await services.db.read(listing.listing)
    assert (queued.address, queued.sender) == ("tls@reports.example", "")
    raw = await _raw(services)
    assert b"TLS-Report-Domain: elsewhere.example\r\n" in raw
    assert b'Content-Type: multipart/report; report-type="tlsrpt"' in raw
    assert b"\r\nTLS-Required: No\r\n" in raw
    part = raw.split(b'.json.gz"\r\n\r\n')[1].split(b"\r\n--")[0]
    report = json.loads(gzip.decompress(base64.b64decode(part)))
    assert {one["policy"]["policy-domain"] for one in report["policies"]} == {"elsewhere.example"}


async def _raw(services) -> bytes:
    from mailcore.store import accounts

    blob_id, dek = await services.db.read(lambda tx: tx.row("SELECT blob_id, dek_wrapped FROM queue_message"))
    node = await services.store.open_account(accounts.NODE)
    return await services.store.read(bytes(blob_id), node.unwrap(bytes(dek)))


async def test_who_wants_no_reports_sends_none(services, clock: ManualClock):
    import msgspec

    quiet = dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, routing=Routing(reports=False)))
    await services.db.write(tlsrpt.count, [GOOD])
    clock.advance(DAY_US)
    assert await tls_reports.send(quiet) == {"reports": 0}


@pytest.mark.parametrize(
    "rua",
    [
        "mailto:a@b.example>,<c@d.example",
        "mailto:a@-x",
        "https://[::1",
        "https://a:b/",
        "https://127.0.0.1/r",
        "https://inside.example/r",
        "https://nowhere.example/r",
        "https://xn--/",
    ],
)
async def test_no_place_that_a_stranger_names_stops_the_reports_to_others_or_leads_inside(services, clock: ManualClock, rua):
    await services.db.write(tlsrpt.count, [GOOD, PLAIN])
    clock.advance(DAY_US)
    zone = {
        ("_smtp._tls.elsewhere.example", "TXT"): [f'"v=TLSRPTv1; rua={rua}"'],
        ("_smtp._tls.other.example", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@other.example"'],
        ("inside.example", "A"): ["10.1.2.3"],
    }
    async with serving(zone) as server:
        assert await tls_reports.send(services, dns.system_resolver(server.settings)) == {"reports": 1}
    assert [each.address for each in await services.db.read(listing.listing)] == ["tls@other.example"]


async def test_a_report_goes_over_the_web_to_the_name_that_asks(services, clock: ManualClock, tmp_path):
    await services.db.write(tlsrpt.count, [GOOD])
    clock.advance(DAY_US)
    async with https.serving(tmp_path, "reports.example") as web:
        web.answer(b"taken", 201)
        zone = {
            ("_smtp._tls.elsewhere.example", "TXT"): [f'"v=TLSRPTv1; rua=https://reports.example:{web.port}/r?x=1"'],
            ("reports.example", "A"): ["127.0.0.1"],
        }
        async with serving(zone) as server:
            resolver = dns.system_resolver(server.settings)
            assert await tls_reports.send(services, resolver, ssl.create_default_context(cafile=web.root), lambda address: True) == {
                "reports": 1
            }
    assert (web.asked, web.hosts) == (["/r?x=1"], [f"reports.example:{web.port}"])
    assert b"elsewhere.example" in gzip.decompress(web.posted[0])


async def test_a_hundred_domains_that_fail_do_not_hold_back_the_reports_to_others(services, clock: ManualClock, monkeypatch):
    bad = [f"bad{n:03}.example" for n in range(tls_reports.ROUND)]
    await services.db.write(tlsrpt.count, [dataclasses.replace(PLAIN, domain=each) for each in (*bad, "other.example")])
    clock.advance(DAY_US)
    zone = {("_smtp._tls.other.example", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@other.example"']}
    async with serving(zone) as server:
        server.broken |= {f"_smtp._tls.{each}" for each in bad}
        resolver = dns.system_resolver(server.settings)
        assert await tls_reports.send(services, resolver) == {"reports": 0}
        clock.advance(HOUR_US)
        assert await tls_reports.send(services, resolver) == {"reports": 1}
        server.broken.clear()
        clock.advance(HOUR_US)
        server.records[("_smtp._tls.bad000.example", "TXT")] = ['"v=TLSRPTv1; rua=mailto:tls@bad.example"']
        fresh = dns.system_resolver(server.settings)
        assert await tls_reports.send(services, fresh) == {"reports": 1}
        assert await tls_reports.send(services, fresh) == {"reports": 0}
    assert sorted(each.address for each in await services.db.read(listing.listing)) == ["tls@bad.example", "tls@other.example"]


@pytest.mark.parametrize("steps", [tls_reports.STEPS, 0.1])  # a step of its own, or the whole, is over first
async def test_a_place_that_never_answers_costs_a_minute_and_is_tried_again(services, clock: ManualClock, monkeypatch, steps):
    monkeypatch.setattr(tls_reports, "REPORT_S", 0.3)
    monkeypatch.setattr(tls_reports, "STEPS", steps)
    await services.db.write(tlsrpt.count, [GOOD])
    clock.advance(DAY_US)
    here, over = set(), asyncio.Event()

    async def hear(reader, writer):
        here.add(writer)
        while await reader.read(1 << 16):
            pass
        here.remove(writer)
        if not here:
            over.set()

    async with servers.serving(hear) as port:
        places = ",".join(f"https://reports.example:{port}/{n}" for n in range(3))
        zone = {
            ("_smtp._tls.elsewhere.example", "TXT"): [f'"v=TLSRPTv1; rua={places}"'],
            ("reports.example", "A"): ["127.0.0.1"],
        }
        async with serving(zone) as server, asyncio.timeout(5):
            assert await tls_reports.send(services, dns.system_resolver(server.settings), allowed=lambda address: True) == {"reports": 0}
            await over.wait()
    [(_, domain)] = await services.db.read(tlsrpt.unreported, 10)
    assert domain == "elsewhere.example"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_what_was_tried_comes_behind_the_others(engine, request, tmp_path, clock: ManualClock):
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else engine
    database = await open_database(url, tmp_path, clock)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await database.write(tlsrpt.count, [GOOD, PLAIN])
        today = tlsrpt.day_of(clock.now_us())
        clock.advance(DAY_US)
        await database.write(tlsrpt.reported, today, "elsewhere.example", tlsrpt.TRIED)
        assert [domain for _, domain in await database.read(tlsrpt.unreported, 10)] == ["other.example", "elsewhere.example"]
        clock.advance(HOUR_US)
        await database.write(tlsrpt.reported, today, "other.example", tlsrpt.TRIED)
        assert [domain for _, domain in await database.read(tlsrpt.unreported, 10)] == ["elsewhere.example", "other.example"]
        await database.write(tlsrpt.reported, today, "other.example", "mailto:a@b.example")
        await database.write(tlsrpt.reported, today, "other.example", tlsrpt.TRIED)
        assert [domain for _, domain in await database.read(tlsrpt.unreported, 10)] == ["elsewhere.example"]
