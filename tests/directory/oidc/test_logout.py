"""Who is told that a session is over, with what, and how long it is tried."""

import pytest

from config.clock import HOUR_US, MINUTE_US, ManualClock
from config.database import Database
from directory import credentials
from directory.oidc import grants, logout, notices
from directory.oidc.errors import BadRedirect, InvalidToken, UnknownPlatform
from directory.oidc.provider import Provider
from directory.oidc.types import REFRESH_GRANT, SignedIn
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import BACK, Platform, facts, platform

BYE = "https://dossiers.sante.example/bye"


@pytest.fixture
async def told(provider: Provider, ministry: Ministry) -> Platform:
    """A platform that wants to be told."""
    return await platform(provider, facts(ministry, backchannel_logout_uri=BYE, post_logout_redirect_uris=(BYE,)))


async def test_signing_out_tells_each_platform_of_that_session(
    provider: Provider, database: Database, told: Platform, dossiers: Platform, amina: SignedIn
) -> None:
    answer = await told.tokens(amina)
    await dossiers.tokens(amina)  # wants not to be told
    await told.code(amina)  # got nothing yet
    await database.write(grants.end_session, amina.session_hash)
    (notice,) = await database.write(notices.lease, 10)
    claims = await provider.keys.read(await logout.token(provider, notice), "logout+jwt")
    identity = await provider.keys.read(answer["id_token"], "JWT")
    assert claims["aud"] == told.client.client_id
    assert (claims["sub"], claims["sid"]) == (identity["sub"], identity["sid"])
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims  # Back-Channel Logout 1.0 §2.4
    with pytest.raises(InvalidToken):  # it is no other kind of token
        await provider.keys.read(await logout.token(provider, notice), "JWT")
    assert await database.write(notices.lease, 10) == []  # reserved


async def test_offline_grants_outlive_the_session_but_the_platform_is_told(database: Database, told: Platform, amina: SignedIn) -> None:
    answer = await told.tokens(amina, scope="openid offline_access")
    await database.write(grants.end_session, amina.session_hash)
    assert len(await database.write(notices.lease, 10)) == 1
    assert "access_token" in await told.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])


async def test_platforms_are_told_of_people_who_changed_their_credentials(
    database: Database, ministry: Ministry, told: Platform, amina: SignedIn
) -> None:
    await told.tokens(amina, scope="openid offline_access")
    assert await database.write(grants.end_outdated) == 0
    await database.write(credentials.revoke_all, ministry.amina.person_id)
    assert await database.write(grants.end_outdated) == 1
    assert await database.write(grants.end_outdated) == 0
    assert len(await database.write(notices.lease, 10)) == 1


async def test_a_platform_that_does_not_answer_is_tried_eight_times(
    database: Database, told: Platform, amina: SignedIn, clock: ManualClock
) -> None:
    await told.tokens(amina)
    await database.write(grants.end_session, amina.session_hash)
    tries = 0
    for _ in range(24):
        for notice in await database.write(notices.lease, 10):
            tries += 1
            await database.write(notices.settle, notice.sid, told=False, attempts=notice.attempts)
        clock.advance(HOUR_US)
    assert tries == notices.MAX_ATTEMPTS


async def test_a_try_that_was_never_settled_is_made_again(database: Database, told: Platform, amina: SignedIn, clock: ManualClock) -> None:
    await told.tokens(amina)
    await database.write(grants.end_session, amina.session_hash)
    (notice,) = await database.write(notices.lease, 10)
    clock.advance(MINUTE_US)
    assert await database.write(notices.lease, 10) == [notice]
    await database.write(notices.settle, notice.sid, told=True, attempts=notice.attempts)
    clock.advance(MINUTE_US)
    assert await database.write(notices.lease, 10) == []


async def test_a_wish_for_logout_leads_to_registered_addresses_of_its_platform(
    provider: Provider, told: Platform, dossiers: Platform, amina: SignedIn
) -> None:
    hint, other = (await told.tokens(amina))["id_token"], (await dossiers.tokens(amina))
    ask = {"id_token_hint": [hint], "post_logout_redirect_uri": [BYE], "state": ["a b"]}
    assert (await logout.asked(provider, ask)).location == f"{BYE}?state=a+b"
    assert (await logout.asked(provider, {})).location == ""
    for wrong in (
        ask | {"post_logout_redirect_uri": [BACK]},
        ask | {"id_token_hint": [other["id_token"]]},
        {"post_logout_redirect_uri": [BYE]},
    ):
        with pytest.raises(BadRedirect):
            await logout.asked(provider, wrong)
    for wrong in (
        ask | {"client_id": [dossiers.client.client_id]},
        ask | {"id_token_hint": [other["access_token"]]},
        ask | {"id_token_hint": [hint[:-8] + "AAAAAAAA"]},
        {"client_id": ["platform-0"], "post_logout_redirect_uri": [BYE]},
    ):
        with pytest.raises(UnknownPlatform):
            await logout.asked(provider, wrong)
