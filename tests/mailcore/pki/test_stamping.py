"""Where stamps come from: elsewhere, else from here, else later."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.wire import free_port
from config.clock import DAY_US, HOUR_US, MINUTE_US, ManualClock, SystemClock
from config.database import Database
from mailcore import certify, stamping
from mailcore.pki import renew
from mailcore.services import Services
from mailcore.stamping import Stamps
from signing import pending, timestamp
from signing.pki import register
from tests.mailcore.pki.station import Station, station

SIGNATURE = b"the value of a signature"
DIGEST = hashlib.sha256(SIGNATURE).digest()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Station]:
    async with station(tmp_path, ManualClock(SystemClock().now_us())) as made:
        yield made


def elsewhere(services: Services, url: str) -> Services:
    return replace(
        services, settings=msgspec.structs.replace(services.settings, pki=msgspec.structs.replace(services.settings.pki, times=url))
    )


async def test_a_stamp_comes_from_elsewhere_or_from_here_or_later(here: Station) -> None:
    services = here.services
    away = Stamps(elsewhere(services, f"http://127.0.0.1:{free_port()}/tsa"))
    assert await away.over(SIGNATURE) == b""  # nobody there, and no authority of time here
    assert await services.db.read(pending.waiting) == 1
    services.clock.advance(pending.AGAIN_US)  # type: ignore[attr-defined]
    assert await away.make_up() == {"stamped": 0, "waiting": 1}
    await certify.found(services, "Racine", ["localhost"])
    services.clock.advance(2 * pending.AGAIN_US)  # type: ignore[attr-defined]
    assert await away.make_up() == {"stamped": 1, "waiting": 0}
    assert timestamp.read(await services.db.read(pending.token, DIGEST)).digest == DIGEST
    assert timestamp.read(await away.over(b"another")).digest == hashlib.sha256(b"another").digest()

    there = Stamps(elsewhere(services, here.url + "/tsa"))
    before = (await services.signer.status()).signatures["tsa"]
    assert timestamp.read(await there.over(SIGNATURE)).digest == DIGEST
    assert there._authority is None  # asked over HTTP
    assert (await services.signer.status()).signatures["tsa"] == before + 1
    for one in (away, there):
        await one.aclose()


async def test_a_certificate_that_was_renewed_is_used_by_whoever_runs(here: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node ran with the one that it had begun with, until nobody took its stamps any more."""
    services = here.services
    await certify.found(services, "Racine", ["localhost"])
    running = Stamps(services)

    async def used() -> bytes:
        return timestamp.read(await running.over(SIGNATURE)).signed.certificates[0]

    [former] = await services.db.read(register.of_key, certify.CLOCK_KEY)
    assert await used() == former.der
    renewed = await renew.renew(services, former)
    assert await used() == former.der
    monkeypatch.setattr(stamping, "LOOK_S", 0.0)
    assert await used() == renewed.der != former.der
    await running.aclose()


async def test_an_answer_to_another_question_is_none(here: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token over something else, or without our nonce, would prove nothing."""
    await certify.found(here.services, "Racine", ["localhost"])
    there = Stamps(elsewhere(here.services, here.url + "/tsa"))
    own = timestamp.request

    def other(name: str, digest: bytes, nonce: int) -> bytes:
        return own(name, hashlib.sha256(digest).digest(), nonce)

    monkeypatch.setattr(stamping.timestamp, "request", other)
    with pytest.raises(ValueError, match="over something else"):
        await there._elsewhere(DIGEST)
    monkeypatch.setattr(stamping.timestamp, "request", lambda name, digest, nonce: own(name, digest, nonce + 1))
    with pytest.raises(ValueError, match="over something else"):
        await there._elsewhere(DIGEST)
    await there.aclose()


async def test_waiting_doubles_up_to_an_hour(database: Database, clock: ManualClock) -> None:
    await database.write(pending.add, DIGEST)
    await database.write(pending.add, DIGEST)
    waited = []
    for _ in range(9):
        start_us = clock.now_us()
        while not await database.read(pending.due, 10):
            clock.advance(MINUTE_US)
        waited.append((clock.now_us() - start_us) // MINUTE_US)
        await database.write(pending.again, DIGEST)
    assert waited == [1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert await database.write(pending.complete, DIGEST, b"token")
    assert not await database.write(pending.complete, DIGEST, b"another")
    await database.write(pending.add, DIGEST)
    clock.advance(DAY_US + HOUR_US)
    assert await database.read(pending.due, 10) == []
    assert await database.read(pending.token, DIGEST) == b"token"
    assert await database.read(pending.token, b"none") == b""
