"""What a node knows of certificates: of its own at once, of others by asking them over HTTP, and not too often."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from config.clock import HOUR_US, ManualClock, SystemClock
from mailcore.pki import fetching, freshness
from mailcore.pki.publish import ANSWER_LASTS_US
from mailcore.services import Services, opened
from signing.pki import fetched, ocsp, places, revocation
from signing.pki.register import Issued
from signing.pki.revocation import Known, Material
from tests.mailcore.pki.station import DAY_US, Station, settings, station


@dataclass
class Two:
    """A ministry that issues, and another node that trusts its root."""

    here: Station
    there: Services
    clock: ManualClock

    def path(self, one: Issued) -> list[bytes]:
        return [one.der, self.here.ministry.certificate, self.here.root.certificate]

    async def known(self, services: Services, one: Issued) -> Known:
        found = await freshness.material(services, self.path(one))
        return revocation.judge(one.der, self.here.ministry.certificate, found, self.clock.now_us())

    async def tried(self) -> dict[str, str]:
        rows = await self.there.db.read(lambda tx: tx.rows("SELECT url, failed FROM revocation_fetched"))
        return {url.removeprefix(self.here.url): failed for url, failed in rows}


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    clock = ManualClock(SystemClock().now_us())
    async with station(tmp_path / "here", clock) as here, opened(settings(tmp_path / "there", 1, ""), clock) as there:
        yield Two(here, replace(there, roots=(here.root.certificate,)), clock)


async def test_our_own_are_answered_by_the_register_as_it_is(two: Two) -> None:
    one = await two.here.leaf()
    await two.here.publisher.look()
    found = await freshness.material(two.here.services, two.path(one))
    assert (len(found.crls), len(found.ocsps)) == (4, 2)  # of the leaf and of its authority
    assert (await two.known(two.here.services, one)).state == "good"
    await two.here.end(one)
    assert (await two.known(two.here.services, one)).state == "revoked"


async def test_of_what_we_never_issued_we_know_nothing(two: Two) -> None:
    one = await two.here.leaf()
    await two.here.services.db.write(lambda tx: tx.execute("DELETE FROM issued WHERE serial = :serial", serial=f"{one.serial:x}"))
    assert await two.known(two.here.services, one) == revocation.UNKNOWN


async def test_others_are_asked_and_not_again_before_the_soft_limit(two: Two) -> None:
    one = await two.here.leaf()
    assert (await two.known(two.there, one)).state == "good"
    assert await two.tried() == {"/ocsp": ""}
    await two.here.end(one)
    assert (await two.known(two.there, one)).state == "good"
    two.clock.advance(HOUR_US)
    assert (await two.known(two.there, one)).state == "revoked"


async def test_without_answers_lists_and_deltas_are_fetched(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp, "MAX_BYTES", 10)
    one = await two.here.leaf()
    await two.here.publisher.look()
    assert (await two.known(two.there, one)).state == "good"
    base, delta = (places.list_path(two.here.authority, places.part(one.serial), delta=kind) for kind in (False, True))
    tried = await two.tried()
    assert (tried[base], tried[delta]) == ("", "")
    assert "more than 10 octets" in tried["/ocsp"]
    await two.here.end(one)
    await two.here.publisher.look()
    two.clock.advance(HOUR_US)
    assert (await two.known(two.there, one)).state == "revoked"


async def test_what_is_away_is_good_until_its_hard_limit_and_not_asked_again_at_once(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await two.here.leaf()
    assert (await two.known(two.there, one)).state == "good"
    asked: list[str] = []

    async def away(self: fetching.Fetching, url: str, question: bytes) -> bytes:
        asked.append(url)
        raise TimeoutError

    monkeypatch.setattr(fetching.Fetching, "_got", away)
    two.clock.advance(HOUR_US)
    for _ in range(3):
        assert (await two.known(two.there, one)).state == "good"
    assert len(asked) == 2  # for the leaf and for its authority
    two.clock.advance(ANSWER_LASTS_US)
    assert (await two.known(two.there, one)).state == "unknown"


async def test_nobody_is_asked_below_a_root_that_is_not_ours_or_when_it_is_switched_off(two: Two) -> None:
    one = await two.here.leaf()
    off = msgspec.structs.replace(two.there.settings, pki=msgspec.structs.replace(two.there.settings.pki, fetch=False))
    for services in (replace(two.there, roots=()), replace(two.there, settings=off)):
        assert await freshness.material(services, two.path(one)) in (Material(), Material((), ()))
    assert await two.tried() == {}
    assert await freshness.material(two.there, []) == await freshness.material(two.there, [b"x"]) == Material()
    assert await freshness.material(two.there, [b"x", b"y", two.here.root.certificate]) == Material()


async def test_an_answer_older_than_the_one_we_have_is_left(two: Two) -> None:
    db, now_us = two.there.db, two.clock.now_us()
    assert await db.write(fetched.keep, "http://x/", b"", b"new", now_us, now_us + 2)
    assert not await db.write(fetched.keep, "http://x/", b"", b"old", now_us - 1, now_us + 2)
    await db.write(fetched.fail, "http://x/", b"", "away")
    found = await db.read(fetched.find, "http://x/")
    assert (found.octets, found.failed) == (b"new", "away")
    two.clock.advance(89 * DAY_US)
    assert await db.write(fetched.forget) == 0
    two.clock.advance(2 * DAY_US)
    assert await db.write(fetched.forget) == 1
