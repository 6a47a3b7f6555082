"""How platforms prove themselves, and how others fail to."""

import base64
from typing import Any

import pytest
from joserfc import jwk, jwt

from config.clock import DAY_US, HOUR_US, SECOND_US, ManualClock
from directory.oidc import client_auth, clients
from directory.oidc.errors import InvalidClient, InvalidRequest, OpenIdError
from directory.oidc.provider import Provider
from tests.directory.conftest import Ministry
from tests.directory.oidc.conftest import ISSUER, TOKEN, Platform, facts, platform


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def asserting(assertion: str, **more: str) -> dict[str, list[str]]:
    form = {"client_assertion_type": client_auth.ASSERTION_TYPE, "client_assertion": assertion} | more
    return {name: [value] for name, value in form.items() if value}


async def test_the_three_ways(provider: Provider, ministry: Ministry, dossiers: Platform, keyed: Platform) -> None:
    native = await platform(provider, facts(ministry, auth="none", sector="sante.example"))
    for one in (dossiers, keyed, native):
        assert (await one.authenticated()).client_id == one.client.client_id


async def test_an_assertion_is_good_once(provider: Provider, keyed: Platform, clock: ManualClock) -> None:
    assertion = keyed.assertion(exp=clock.now_us() // SECOND_US + 3600)
    assert await client_auth.authenticate(provider, "", asserting(assertion), TOKEN)
    for _ in range(2):
        with pytest.raises(InvalidClient):
            await client_auth.authenticate(provider, "", asserting(assertion), TOKEN)
        clock.advance(HOUR_US - SECOND_US)  # for as long as it counts


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://evil.example/token"},
        {"aud": None},
        {"aud": [ISSUER]},
        {"aud": [ISSUER, "https://evil.example"]},
        {"aud": f"{ISSUER}/"},
        {"iss": "platform-1"},
        {"iss": None},
        {"iss": 7},
        {"sub": "somebody"},
        {"sub": None},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"jti": "x" * 300},
        {"exp": None},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"exp": 10**30},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
    ],
)
async def test_an_assertion_is_for_us_by_them_and_short_lived(provider: Provider, keyed: Platform, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidClient):
        await client_auth.authenticate(provider, "", asserting(keyed.assertion(**changes)), TOKEN)


async def test_only_the_registered_key_signs_for_a_platform(provider: Provider, keyed: Platform, dossiers: Platform) -> None:
    now_s = provider.clock.now_us() // SECOND_US
    claims = {"iss": keyed.client.client_id, "sub": keyed.client.client_id, "aud": ISSUER, "jti": "j", "exp": now_s + 60}
    thief = jwk.ECKey.generate_key("P-256")
    assert keyed.key is not None
    public = jwk.OctKey.import_key(keyed.client.facts.jwks)
    forged = [
        jwt.encode({"alg": "ES256"}, claims, thief),
        jwt.encode({"alg": "ES256", "kid": keyed.key.thumbprint()}, claims, thief),
        jwt.encode({"alg": "HS256"}, claims, public),
        jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, keyed.key),
        jwt.encode({"alg": "ES256"}, claims | {"iss": dossiers.client.client_id, "sub": dossiers.client.client_id}, keyed.key),
        "a.b.c",
    ]
    for assertion in forged:
        with pytest.raises(InvalidClient):
            await client_auth.authenticate(provider, "", asserting(assertion), TOKEN)


async def test_one_way_is_not_another(provider: Provider, ministry: Ministry, dossiers: Platform, keyed: Platform) -> None:
    native = await platform(provider, facts(ministry, auth="none", sector="sante.example"))
    name = dossiers.client.client_id
    right = basic(name, dossiers.secret)
    tries: list[tuple[str, dict[str, list[str]]]] = [
        ("", {"client_id": [name]}),
        ("", {"client_id": [name], "client_secret": [dossiers.secret]}),
        (right, {"client_id": [keyed.client.client_id]}),
        (right, {"client_secret": [dossiers.secret]}),
        (right, asserting(keyed.assertion())),
        (basic(name, ""), {}),
        (basic(name, "wrong"), {}),
        (basic(keyed.client.client_id, dossiers.secret), {}),
        (basic(native.client.client_id, ""), {}),
        (basic("platform-1' OR '1'='1", "x"), {}),
        (basic("a\0b", "x"), {}),
        ("Basic !!!", {}),
        ("Basic " + base64.b64encode(b"nocolon").decode(), {}),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), {}),
        ("Bearer x", {}),
        ("", {}),
        ("", {"client_assertion": [keyed.assertion()]}),
        ("", {"client_assertion_type": [client_auth.ASSERTION_TYPE]}),
        ("", asserting(keyed.assertion()) | {"client_assertion_type": ["urn:x"]}),
        ("", asserting(keyed.assertion(), client_id=name)),
        ("", {"client_id": [name, name]}),
    ]
    for authorization, form in tries:
        with pytest.raises((InvalidClient, InvalidRequest)):
            await client_auth.authenticate(provider, authorization, form, TOKEN)


async def test_a_rotated_secret_goes_on_for_a_week(provider: Provider, dossiers: Platform, clock: ManualClock) -> None:
    former, dossiers.secret = dossiers.secret, clients.new_secret()
    await provider.db.write(clients.rotate, dossiers.client.client_id, clients.digest(dossiers.secret))
    assert await dossiers.authenticated()
    clock.advance(6 * DAY_US)
    assert await client_auth.authenticate(provider, basic(dossiers.client.client_id, former), {}, TOKEN)
    clock.advance(2 * DAY_US)
    with pytest.raises(InvalidClient):
        await client_auth.authenticate(provider, basic(dossiers.client.client_id, former), {}, TOKEN)
    assert await dossiers.authenticated()


async def test_only_approved_platforms_prove_anything(provider: Provider, ministry: Ministry, dossiers: Platform) -> None:
    pending = await platform(provider, facts(ministry), approved=False)
    with pytest.raises(OpenIdError):
        await pending.authenticated()
    assert await dossiers.authenticated()
    await provider.db.write(clients.revoke, dossiers.client.client_id)
    with pytest.raises(OpenIdError):
        await dossiers.authenticated()
