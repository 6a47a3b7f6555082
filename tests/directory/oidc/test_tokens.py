"""Codes, refresh tokens and what comes of them: bound to who asked, good once, dead at once."""

from typing import Any

import pytest
from joserfc import jwk, jwt

from config.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, ManualClock
from config.database import Database
from directory import credentials, people
from directory.oidc import access, authorize, clients, grants, jose
from directory.oidc.authorization import single
from directory.oidc.errors import InvalidClient, InvalidGrant, InvalidScope, InvalidTarget, InvalidToken, OpenIdError, UnsupportedGrantType
from directory.oidc.provider import Provider
from directory.oidc.types import REFRESH_GRANT, SignedIn
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import BACK, ISSUER, Platform, facts, platform


async def read(provider: Provider, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token as a platform reads it: with the published keys alone."""
    published = jwk.KeySet.import_key_set(await provider.keys.published())
    read = jwt.decode(token, published, algorithms=["ES256"])
    return read.header, read.claims


async def test_a_code_becomes_tokens_of_the_kinds_that_the_standards_name(
    provider: Provider, dossiers: Platform, amina: SignedIn, clock: ManualClock
) -> None:
    answer = await dossiers.tokens(amina, scope="openid profile email posts")
    now_s = clock.now_us() // SECOND_US
    header, claims = await read(provider, answer["id_token"])
    assert header["alg"] == "ES256"
    assert claims["iss"] == ISSUER
    assert claims["aud"] == dossiers.client.client_id
    assert (claims["iat"], claims["exp"], claims["auth_time"]) == (now_s, now_s + 600, now_s)
    assert (claims["nonce"], claims["acr"], claims["amr"]) == ("n1", "substantial", ["pwd", "otp", "mfa"])
    assert claims["at_hash"] == jose.half_hash(answer["access_token"])
    assert (claims["name#ar"], claims["email"]) == ("أمينة بن علي", "amina.benali@interieur.gov.example")
    assert claims["posts"][0]["email"] == "bureau.ordre@interieur.gov.example"
    assert claims["posts"][0]["organisation"]["code"] == "interieur"
    header, claims = await read(provider, answer["access_token"])
    assert header["typ"] == "at+jwt"
    assert claims.keys() >= {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope", "auth_time", "acr", "amr"}  # RFC 9068 §2.2
    assert "name" not in claims


async def test_a_code_is_good_once_and_its_second_use_revokes_what_it_gave(provider: Provider, dossiers: Platform, amina: SignedIn) -> None:
    code = await dossiers.code(amina)
    answer = await dossiers.redeem(code)
    assert (await access.userinfo(provider, answer["access_token"]))["name"] == "Amina Benali"
    with pytest.raises(InvalidGrant):
        await dossiers.redeem(code)
    with pytest.raises(InvalidToken):
        await access.userinfo(provider, answer["access_token"])
    with pytest.raises(InvalidGrant):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"redirect_uri": f"{BACK}/"},
        {"redirect_uri": ""},
        {"code": "guess"},
        {"code": ""},
    ],
)
async def test_a_code_is_bound_to_its_verifier_and_address(dossiers: Platform, amina: SignedIn, changes: dict[str, str]) -> None:
    code = await dossiers.code(amina)
    with pytest.raises(InvalidGrant):
        await dossiers.redeem(**({"code": code} | changes))
    if "code" not in changes:
        with pytest.raises(InvalidGrant):  # whoever tried had the code and not the rest: it is spent
            await dossiers.redeem(code)


async def test_a_code_is_bound_to_its_platform(provider: Provider, dossiers: Platform, keyed: Platform, amina: SignedIn) -> None:
    code = await dossiers.code(amina)
    keyed.verifier = dossiers.verifier
    with pytest.raises(InvalidGrant):
        await keyed.redeem(code)


async def test_a_code_lives_for_a_minute(dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    code = await dossiers.code(amina)
    clock.advance(MINUTE_US)
    with pytest.raises(InvalidGrant):
        await dossiers.redeem(code)


async def test_refresh_tokens_rotate_and_a_used_one_ends_everything(provider: Provider, dossiers: Platform, amina: SignedIn) -> None:
    first = await dossiers.tokens(amina)
    second = await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    with pytest.raises(InvalidGrant):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=first["refresh_token"])
    with pytest.raises(InvalidGrant):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=second["refresh_token"])
    with pytest.raises(InvalidToken):
        await access.userinfo(provider, second["access_token"])


async def test_a_refresh_token_is_bound_to_its_platform(dossiers: Platform, keyed: Platform, amina: SignedIn) -> None:
    stolen = (await dossiers.tokens(amina))["refresh_token"]
    with pytest.raises(InvalidGrant):
        await keyed.exchange(grant_type=REFRESH_GRANT, refresh_token=stolen)
    with pytest.raises(InvalidGrant):  # it is in wrong hands
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=stolen)


async def test_a_refresh_can_narrow_scopes_but_not_widen_them(provider: Provider, dossiers: Platform, amina: SignedIn) -> None:
    answer = await dossiers.tokens(amina, scope="openid profile email")
    answer = await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"], scope="openid email")
    assert answer["scope"] == "openid email"
    assert "name" not in await access.userinfo(provider, answer["access_token"])
    with pytest.raises(OpenIdError):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"], scope="openid posts")
    with pytest.raises(InvalidScope):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"], scope="openid ldap")


async def test_without_offline_access_nothing_outlives_the_session(dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    answer = await dossiers.tokens(amina)
    clock.advance(24 * HOUR_US)
    with pytest.raises(InvalidGrant):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])


async def test_with_offline_access_it_does_for_as_long_as_it_is_used(dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    answer = await dossiers.tokens(amina, scope="openid offline_access")
    for _ in range(3):
        clock.advance(29 * DAY_US)
        answer = await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])
    clock.advance(30 * DAY_US)
    with pytest.raises(InvalidGrant):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])


async def leaves(database: Database, ministry: Ministry, platform: Platform) -> None:
    await database.write(people.close, ministry.amina.person_id)


async def changes_password(database: Database, ministry: Ministry, platform: Platform) -> None:
    await database.write(credentials.revoke_all, ministry.amina.person_id)


async def revokes_platform(database: Database, ministry: Ministry, platform: Platform) -> None:
    await database.write(clients.revoke, platform.client.client_id)


async def withdraws(database: Database, ministry: Ministry, platform: Platform) -> None:
    await database.write(grants.withdraw, ministry.amina.person_id, platform.client.client_id)


async def signs_out(database: Database, ministry: Ministry, platform: Platform) -> None:
    await database.write(grants.end_session, b"s" * 32)


@pytest.mark.parametrize("event", [leaves, changes_password, revokes_platform, withdraws, signs_out])
async def test_tokens_die_at_once(
    provider: Provider, database: Database, ministry: Ministry, dossiers: Platform, amina: SignedIn, event: Any
) -> None:
    answer, waiting = await dossiers.tokens(amina, scope="openid imap"), await dossiers.code(amina)
    checker = access.AccessTokens(provider)
    assert await checker.check(answer["access_token"], "imap") is not None
    await event(database, ministry, dossiers)
    assert await checker.check(answer["access_token"], "imap") is None
    with pytest.raises(InvalidToken):
        await access.userinfo(provider, answer["access_token"])
    with pytest.raises((InvalidGrant, InvalidClient)):
        await dossiers.exchange(grant_type=REFRESH_GRANT, refresh_token=answer["refresh_token"])
    if event is not signs_out:  # a code that was never used gave nothing that could end
        with pytest.raises((InvalidGrant, InvalidClient)):
            await dossiers.redeem(waiting)
    assert await access.introspect(provider, dossiers.client, answer["access_token"]) == {"active": False}


async def test_a_token_opens_the_doors_that_it_names_and_runs_out(
    provider: Provider, dossiers: Platform, ministry: Ministry, amina: SignedIn, clock: ManualClock
) -> None:
    answer = await dossiers.tokens(amina, scope="imap")
    assert "id_token" not in answer
    checker = access.AccessTokens(provider)
    owner = await checker.check(answer["access_token"], "imap")
    assert owner is not None
    assert (owner.person_id, owner.epoch, owner.methods) == (ministry.amina.person_id, amina.epoch, ("pwd", "otp"))
    assert await checker.check(answer["access_token"], "smtp") is None
    assert await checker.check(answer["access_token"], "web") is None
    assert await checker.check(answer["refresh_token"], "imap") is None
    for nonsense in ("", ".", "..", "a.b.c", "x" * 100_000, "é.é.é", "eyJhbGciOiJub25lIn0.e30."):
        assert await checker.check(nonsense, "imap") is None
    clock.advance(10 * MINUTE_US)
    assert await checker.check(answer["access_token"], "imap") is None


async def test_an_id_token_is_no_access_token(provider: Provider, dossiers: Platform, amina: SignedIn) -> None:
    answer = await dossiers.tokens(amina, scope="openid imap")
    with pytest.raises(InvalidToken):
        await access.userinfo(provider, answer["id_token"])


async def test_subjects_are_pairwise_and_stable(provider: Provider, dossiers: Platform, ministry: Ministry, amina: SignedIn) -> None:
    other = await platform(provider, facts(ministry, redirect_uris=("https://marches.example/back",)))
    sibling = await platform(provider, facts(ministry, redirect_uris=(f"{BACK}/2",)))
    found = [
        (await access.userinfo(provider, (await one.tokens(amina))["access_token"]))["sub"] for one in (dossiers, dossiers, other, sibling)
    ]
    assert found[0] == found[1] == found[3]  # one sector
    assert found[2] != found[0]


async def test_introspection_answers_the_service_a_token_is_for_and_nobody_else(
    provider: Provider, dossiers: Platform, keyed: Platform, ministry: Ministry, amina: SignedIn
) -> None:
    audience = "https://api.sante.example/"
    service = await platform(provider, facts(ministry, grant_types=(), redirect_uris=(), scopes=(), audience=audience))
    stranger = await platform(provider, facts(ministry, grant_types=(), redirect_uris=(), scopes=(), audience="https://b.example/"))
    answer = await dossiers.tokens(amina, resource=audience)
    said = await access.introspect(provider, service.client, answer["access_token"])
    assert said["active"] is True
    assert (said["aud"], said["client_id"]) == (audience, dossiers.client.client_id)
    assert (await access.introspect(provider, dossiers.client, answer["access_token"]))["active"] is True
    assert (await access.introspect(provider, dossiers.client, answer["refresh_token"]))["active"] is True
    for other in (stranger, keyed):
        assert await access.introspect(provider, other.client, answer["access_token"]) == {"active": False}
        assert await access.introspect(provider, other.client, answer["refresh_token"]) == {"active": False}
    with pytest.raises(InvalidToken):  # and it opens nothing here
        await access.userinfo(provider, answer["access_token"])
    own = await dossiers.tokens(amina)
    assert await access.introspect(provider, service.client, own["access_token"]) == {"active": False}


@pytest.mark.parametrize(("scope", "resource"), [("openid imap", "https://api.sante.example/"), ("openid", "https://unknown.example/")])
async def test_a_token_is_for_one_place_that_exists(
    provider: Provider, dossiers: Platform, ministry: Ministry, amina: SignedIn, scope: str, resource: str
) -> None:
    wanted = facts(ministry, grant_types=(), redirect_uris=(), scopes=(), audience="https://api.sante.example/")
    await platform(provider, wanted)
    request = await authorize.begin(provider, dossiers.request(scope=scope, resource=resource))
    assert isinstance(request.refusal, InvalidTarget)


async def test_a_platform_revokes_its_own_tokens_only(provider: Provider, dossiers: Platform, keyed: Platform, amina: SignedIn) -> None:
    for kind in ("access_token", "refresh_token"):
        answer = await dossiers.tokens(amina)
        await access.revoke(provider, keyed.client, answer[kind])
        assert (await access.introspect(provider, dossiers.client, answer[kind]))["active"] is True
        await access.revoke(provider, dossiers.client, answer[kind])
        assert await access.introspect(provider, dossiers.client, answer["access_token"]) == {"active": False}
    await access.revoke(provider, dossiers.client, "nonsense")


async def test_only_registered_grants_are_taken(provider: Provider, ministry: Ministry, dossiers: Platform) -> None:
    with pytest.raises(UnsupportedGrantType):
        await dossiers.exchange(grant_type="password", username="amina", password="x")
    with pytest.raises(UnsupportedGrantType):
        await dossiers.exchange(grant_type="client_credentials")
    assert single({}, "grant_type") == ""


async def test_what_has_run_out_is_swept(database: Database, dossiers: Platform, amina: SignedIn, clock: ManualClock) -> None:
    await dossiers.tokens(amina)
    await dossiers.code(amina)
    clock.advance(40 * DAY_US)
    await database.write(grants.sweep)
    tables = ("openid_code", "openid_refresh", "openid_grant", "openid_assertion")
    left = [await database.read(lambda tx, t=table: tx.value(f"SELECT count(*) FROM {t}")) for table in tables]
    assert left == [0, 0, 0, 0]
    assert await database.read(lambda tx: tx.value("SELECT count(*) FROM openid_consent")) == 2
