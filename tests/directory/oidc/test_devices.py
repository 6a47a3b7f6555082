"""Devices: polling, guessing, and whose code it is."""

from dataclasses import replace

import pytest

from config.clock import MINUTE_US, SECOND_US, ManualClock
from config.database import Database
from directory.errors import TooManyAttempts
from directory.oidc import clients, devices
from directory.oidc.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    NoSuchDevice,
    SignInTooWeak,
    SlowDown,
    TooManyDevices,
)
from directory.oidc.provider import Provider
from directory.oidc.types import DEVICE_GRANT, SignedIn
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import Platform, facts, platform

ASKED = ("openid", "offline_access", "imap")


async def waiting(database: Database, one: Platform) -> tuple[str, str]:
    return await database.write(devices.begin, one.client, ASKED, one.provider.issuer)


async def test_a_device_waits_until_somebody_decides(database: Database, dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    code, shown = await waiting(database, dossiers)
    assert len(shown) == 9
    with pytest.raises(AuthorizationPending):
        await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)
    assert await database.write(devices.decide, amina, shown.lower().replace("-", " "), allowed=True) is None
    clock.advance(5 * SECOND_US)
    answer = await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)
    assert answer["scope"] == "openid offline_access imap"
    assert "refresh_token" in answer
    clock.advance(MINUTE_US)
    with pytest.raises(InvalidGrant):  # once
        await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)


async def test_who_asks_too_often_waits_longer_each_time(database: Database, dossiers: Platform, clock: ManualClock) -> None:
    code, _ = await waiting(database, dossiers)
    poll = {"grant_type": DEVICE_GRANT, "device_code": code}
    with pytest.raises(AuthorizationPending):
        await dossiers.exchange(**poll)
    for pause_s, want in ((1, SlowDown), (10, AuthorizationPending), (9, SlowDown), (14, SlowDown), (20, AuthorizationPending)):
        clock.advance(pause_s * SECOND_US)
        with pytest.raises(want):
            await dossiers.exchange(**poll)


async def test_a_refusal_and_time_end_it(database: Database, dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    code, shown = await waiting(database, dossiers)
    assert await database.write(devices.decide, amina, shown, allowed=False) is None
    with pytest.raises(AccessDenied):
        await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)
    code, shown = await waiting(database, dossiers)
    clock.advance(10 * MINUTE_US)
    with pytest.raises(ExpiredToken):
        await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)
    assert isinstance(await database.write(devices.decide, amina, shown, allowed=True), NoSuchDevice)


async def test_a_device_gets_nothing_below_the_assurance_of_its_platform(
    database: Database, provider: Provider, ministry: Ministry, amina: SignedIn
) -> None:
    strict = await platform(provider, facts(ministry, least_acr="substantial"))
    code, shown = await waiting(database, strict)
    weak = replace(amina, methods=("pwd",))
    assert isinstance(await database.write(devices.decide, weak, shown, allowed=True), SignInTooWeak)
    with pytest.raises(AuthorizationPending):
        await strict.exchange(grant_type=DEVICE_GRANT, device_code=code)
    assert await database.write(devices.decide, amina, shown, allowed=True) is None
    _, shown = await waiting(database, strict)
    assert await database.write(devices.decide, weak, shown, allowed=False) is None


async def test_a_device_code_is_its_platforms(database: Database, dossiers: Platform, keyed: Platform, amina: SignedIn) -> None:
    code, shown = await waiting(database, dossiers)
    await database.write(devices.decide, amina, shown, allowed=True)
    with pytest.raises(InvalidGrant):
        await keyed.exchange(grant_type=DEVICE_GRANT, device_code=code)
    assert "access_token" in await dossiers.exchange(grant_type=DEVICE_GRANT, device_code=code)


async def test_nobody_guesses_codes(database: Database, dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    _, shown = await waiting(database, dossiers)
    for _ in range(devices.GUESSES):
        assert isinstance(await database.write(devices.typed, amina.person_id, "BBBB-BBBB"), NoSuchDevice)
    refused = await database.write(devices.typed, amina.person_id, shown)  # the right one comes too late
    assert isinstance(refused, TooManyAttempts)
    assert 0 < refused.retry_after_s <= 600
    assert isinstance(await database.write(devices.decide, amina, shown, allowed=True), TooManyAttempts)
    clock.advance(10 * MINUTE_US)
    _, shown = await waiting(database, dossiers)
    assert await database.write(devices.typed, amina.person_id, shown) == (dossiers.client.client_id, ASKED, dossiers.provider.issuer)


async def test_a_platform_fills_no_table_with_devices(
    database: Database, dossiers: Platform, keyed: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "MAX_WAITING", 3)
    for _ in range(3):
        await waiting(database, dossiers)
    with pytest.raises(TooManyDevices):
        await waiting(database, dossiers)
    await waiting(database, keyed)


async def test_a_revoked_platforms_device_gets_nothing(database: Database, dossiers: Platform, amina: SignedIn) -> None:
    _, shown = await waiting(database, dossiers)
    await database.write(clients.revoke, dossiers.client.client_id)
    assert isinstance(await database.write(devices.decide, amina, shown, allowed=True), NoSuchDevice)
