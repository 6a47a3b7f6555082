import email
import email.policy
import itertools

import pytest

from config.clock import DAY_US, HOUR_US, MINUTE_US
from config.settings import Queue, Route
from directory import resolve
from directory.address import parse
from mailcore.queue import bounce, listing, local, queue
from mailcore.queue.accept import accept
from mailcore.queue.types import By, Recipient
from mailcore.queue.worker import drain
from tests.mailcore.queue.node import AMINA, DOMAIN, HOSTNAME, KARIM, inbox, letter, submission, text

UNKNOWN = f"nobody@{DOMAIN}"
NOWHERE = [Route(domain="", host="127.0.0.1", port=1)]  # tcpmux: nobody listens there
FAR = "x@elsewhere.example"


@pytest.fixture
def database_url():
    """Who is told what does not depend on the engine."""
    return "sqlite"


async def test_a_report_names_the_recipients_and_returns_the_header_only(services):
    await accept(services, submission(UNKNOWN, f"other@{DOMAIN}", raw=letter("secret body", "objet visible"), ret="FULL"))
    await drain(services)
    [report] = await inbox(services, AMINA)
    assert b"Content-Type: multipart/report; report-type=delivery-status" in report.replace(b"\r\n ", b" ")
    assert report.count(b"Final-Recipient: rfc822; ") == 2
    assert f"Reporting-MTA: dns; {HOSTNAME}".encode() in report
    assert b"Action: failed" in report
    assert b"objet visible" in report
    assert b"secret body" not in report
    assert b"\nAuto-Submitted: auto-replied" in report


async def failed(services, raw, **more):
    """The report that Amina, who signed in, gets of a letter to nobody."""
    amina = (await services.db.read(resolve.resolve, parse(AMINA))).account_id
    await accept(services, submission(UNKNOWN, raw=raw, account_id=amina, ret="FULL", **more))
    await drain(services)
    return (await inbox(services, AMINA))[-1]


@pytest.mark.parametrize("size", [10, 700_000])
async def test_the_whole_message_goes_back_to_who_signed_in_and_asked(services, size):
    raw = letter("\r\n".join(["secret body"] * (size // 13 + 1)))
    report = email.message_from_bytes(await failed(services, raw), policy=email.policy.SMTP)
    assert not report.defects
    _, status, returned = report.iter_parts()
    assert status.get_content_type() == "message/delivery-status"
    assert returned.get_content_type() == "message/rfc822"
    assert raw in bytes(await failed(services, raw))


@pytest.mark.parametrize("more", [{"requiretls": True}, {"body": "BINARYMIME"}])
async def test_what_must_not_be_shown_or_cannot_be_enclosed_goes_back_as_a_header(services, more):
    assert b"secret body" not in await failed(services, letter("secret body"), **more)


async def test_what_is_too_large_goes_back_as_a_header(services, monkeypatch):
    monkeypatch.setattr(bounce, "MAX_RETURNED", 50)
    assert b"secret body" not in await failed(services, letter("secret body"))


async def test_a_message_outside_ascii_goes_back_with_its_octets(services):
    raw = "Subject: موضوع\r\n\r\nنص\r\n".encode()
    report = await failed(services, raw, body="8BITMIME")
    assert b"Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + raw in report


@pytest.mark.parametrize("sender", ["", "a b@broken"])
async def test_without_a_sender_nothing_is_reported_and_nothing_stays(services, sender):
    await accept(services, submission(UNKNOWN, sender=sender))
    await drain(services)
    assert await services.db.read(listing.depth) == 0


async def test_a_report_that_cannot_be_delivered_is_not_reported(services):
    await accept(services, submission(UNKNOWN, sender=f"gone@{DOMAIN}"))
    assert await drain(services) == 2
    assert await services.db.read(listing.depth) == 0


@pytest.mark.parametrize(("notify", "reports"), [(set(), 1), ({"FAILURE"}, 1), ({"NEVER"}, 0), ({"SUCCESS"}, 0), ({"SUCCESS", "DELAY"}, 0)])
async def test_failure_is_reported_as_asked(services, notify, reports):
    await accept(services, submission(Recipient(UNKNOWN, frozenset(notify), "rfc822;first@old.example")))
    await drain(services)
    found = await inbox(services, AMINA)
    assert len(found) == reports
    assert all(b"Original-Recipient: rfc822; first@old.example" in each for each in found)
    assert await services.db.read(listing.depth) == 0


PASSED = f"Authentication-Results: {HOSTNAME}; dkim=none; spf=pass smtp.mailfrom={DOMAIN}\r\n"
FAILED = PASSED.replace("=pass", "=softfail")
OF_OTHERS = FAILED.replace(HOSTNAME, "mx.elsewhere.example")


@pytest.mark.parametrize(
    ("found", "signed_in", "reports"),
    [(PASSED, False, 1), (FAILED, False, 0), (FAILED + PASSED, False, 0), (FAILED, True, 1), ("", False, 1), (OF_OTHERS, False, 1)],
)
async def test_good_news_goes_to_no_sender_who_may_be_forged(services, found, signed_in, reports):
    amina = (await services.db.read(resolve.resolve, parse(AMINA))).account_id if signed_in else None
    asked = Recipient(KARIM, frozenset({"SUCCESS"}))
    await accept(services, submission(asked, raw=found.encode() + letter(), account_id=amina))
    await drain(services)
    assert len(await inbox(services, AMINA)) == reports
    assert len(await inbox(services, KARIM)) == 1
    assert await services.db.read(listing.depth) == 0


async def test_recipients_who_want_different_news_do_not_share_them(services):
    await accept(services, submission(Recipient(UNKNOWN, frozenset({"NEVER"})), f"other@{DOMAIN}"))
    await drain(services)
    [report] = await inbox(services, AMINA)
    assert UNKNOWN.encode() not in report


async def hours(services, clock, count):
    """Let time pass and the queue be tried once an hour."""
    for _ in range(count):
        clock.advance(HOUR_US)
        await drain(services)


async def test_delay_is_told_once_and_the_end_after_five_days(opener, clock):
    async with opener(routes=NOWHERE) as services:
        await accept(services, submission(FAR, raw=letter(subject="en retard")))
        await drain(services)
        await hours(services, clock, 3)
        assert await inbox(services, AMINA) == []
        await hours(services, clock, 2)
        [delayed] = await inbox(services, AMINA)
        assert b"Action: delayed" in delayed
        assert b"Will-Retry-Until: " in delayed
        await hours(services, clock, 5)
        assert len(await inbox(services, AMINA)) == 1
        clock.advance(5 * DAY_US)
        await drain(services)
        _, failed = await inbox(services, AMINA)
        assert b"Action: failed" in failed
        assert b"Status: 5.4.7" in failed
        assert await services.db.read(listing.depth) == 0


async def test_delay_is_not_told_to_who_asked_for_failures_only(opener, clock):
    async with opener(routes=NOWHERE) as services:
        await accept(services, submission(Recipient(FAR, frozenset({"FAILURE"}))))
        await drain(services)
        await hours(services, clock, 6)
        assert await inbox(services, AMINA) == []
        assert await services.db.read(listing.depth) == 1


async def test_a_report_is_given_up_after_two_days(opener, clock):
    async with opener(routes=NOWHERE) as services:
        await accept(services, submission(UNKNOWN, sender=FAR))
        await drain(services)
        assert await services.db.read(listing.depth) == 1
        clock.advance(2 * DAY_US)
        await drain(services)
        assert await services.db.read(listing.depth) == 0


async def test_retries_come_later_and_later(opener, clock):
    limits = Queue(workers=1, retry_first_s=60, retry_max_s=600)
    async with opener(routes=NOWHERE, queue=limits) as services:
        await accept(services, submission(FAR))
        pauses = []
        for _ in range(9):
            await drain(services)
            [row] = await services.db.read(listing.listing)
            pauses.append(row.due_us - clock.now_us())
            clock.advance(pauses[-1])
        assert 48_000_000 <= pauses[0] <= 60_000_000
        assert all(later > 1.1 * sooner for sooner, later in itertools.pairwise(pauses[:5]))
        assert 480_000_000 <= pauses[-1] <= 600_000_000


async def test_a_report_to_an_arabic_address_is_marked_internationalised(services):
    await accept(services, submission(UNKNOWN, sender="كريم@elsewhere.example"))
    [_] = await services.db.read(listing.listing)
    [lease] = await services.db.write(queue.lease_local, "w", services.clock.now_us() + 1, 10)
    await local.serve(services, [lease])
    [report] = await services.db.write(queue.lease_remote, "w", services.clock.now_us() + 1, 10, [])
    assert (report.address, report.message.smtputf8, report.notify) == ("كريم@elsewhere.example", True, {"NEVER"})


async def test_the_sender_of_a_failed_letter_is_told_in_three_languages(services):
    await accept(services, submission(UNKNOWN, KARIM))
    await drain(services)
    [report] = await inbox(services, AMINA)
    words = await text(services, report)
    assert "تعذر" in words
    assert "n'a pas pu" in words
    assert "could not be delivered" in words


async def test_a_message_that_had_to_be_there_by_a_time_goes_back_when_it_is_over(opener, clock):
    async with opener(routes=NOWHERE) as services:
        by = By(clock.now_us() + 2 * MINUTE_US)
        await accept(services, submission(FAR, KARIM, by=by))
        await drain(services)
        assert len(await inbox(services, KARIM)) == 1
        clock.advance(2 * MINUTE_US)  # earlier than the next try would have been
        await drain(services)
        [report] = await inbox(services, AMINA)
        assert b"Action: failed" in report
        assert b"Status: 5.4.7" in report
        assert await services.db.read(listing.depth) == 0
        await accept(services, submission(KARIM, by=by, sender=KARIM))  # over before it began
        await drain(services)
        assert [b"Status: 5.4.7" in each for each in await inbox(services, KARIM)] == [False, True]


@pytest.mark.parametrize(("notify", "told"), [(set(), 1), ({"FAILURE"}, 1), ({"NEVER"}, 0)])
async def test_a_message_that_should_be_there_by_a_time_is_told_of_and_goes_on(opener, clock, notify, told):
    async with opener(routes=NOWHERE) as services:
        await accept(services, submission(Recipient(FAR, frozenset(notify)), by=By(clock.now_us() + MINUTE_US, notify=True)))
        await drain(services)
        clock.advance(MINUTE_US)
        await drain(services)
        found = await inbox(services, AMINA)
        assert len(found) == told
        assert all(b"Action: delayed" in each for each in found)
        assert await services.db.read(listing.depth) == 1
