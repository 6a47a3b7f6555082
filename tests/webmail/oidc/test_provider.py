"""The provider as platforms meet it: Authlib's client against the running server, a browser between them."""

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from joserfc import jwk, jwt

from directory.demo import FeaturedPerson
from directory.oidc import clients
from directory.oidc.types import DEVICE_GRANT
from tests.webmail.oidc.conftest import BACK, BYE, Browser, Node, Platform, platform

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def allowed(node: Node, person: FeaturedPerson, one: Platform, browser: Browser | None = None, **changes: str) -> Browser:
    """Go through sign-in and consent; return the browser as it leaves for the platform."""
    browser = browser or node.browser()
    await browser.open(one.address(**changes))
    if browser.last is not None and not browser.left and browser.last.url.path == "/signin":
        await browser.sign_in(person)
    if not browser.left:
        await browser.send("/oauth/consent", decision="allow")
    return browser


@pytest.mark.parametrize("key", [False, True])
async def test_a_person_signs_in_to_a_platform(node: Node, clerk: FeaturedPerson, key: bool) -> None:
    one = await platform(node, key=key)
    browser = await allowed(node, clerk, one, scope="openid profile email organisation posts")
    assert browser.left.startswith(f"{BACK}?")
    assert browser.answer.keys() == {"code", "state", "iss"}
    assert browser.answer["iss"] == node.issuer
    token = await one.fetch(browser.left)
    claims = await one.read(token["id_token"])
    assert (claims["iss"], claims["aud"], claims["nonce"], claims["acr"]) == (node.issuer, one.client_id, "n1", "low")
    assert claims["email"] == clerk.address
    assert claims["organisation"]["code"] == "interieur"
    info = (await one.oauth.get(one.metadata["userinfo_endpoint"])).json()
    assert info["sub"] == claims["sub"]
    assert {post["email"] for post in info["posts"]} >= set(clerk.posts)
    renewed = await one.oauth.refresh_token(one.metadata["token_endpoint"])
    assert renewed["refresh_token"] != token["refresh_token"]
    said = (await one.oauth.introspect_token(one.metadata["introspection_endpoint"], renewed["access_token"])).json()
    assert said["active"] is True
    gone = await one.oauth.revoke_token(one.metadata["revocation_endpoint"], renewed["access_token"])
    assert gone.status_code == 200
    refused = await one.oauth.get(one.metadata["userinfo_endpoint"])
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_who_allowed_a_platform_once_is_not_asked_again(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node)
    browser = await allowed(node, clerk, one)
    await browser.open(one.address())
    assert "code" in browser.answer
    await browser.open(one.address(scope="openid profile email posts"))  # more than before
    assert not browser.left
    await browser.open(one.address(prompt="consent"))
    assert not browser.left
    await browser.open(one.address(prompt="none"))
    assert "code" in browser.answer


async def test_a_program_without_a_secret_is_asked_for_each_time(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node, auth="none", redirect_uris=(BACK, "http://127.0.0.1/back"), sector="sante.example")
    browser = await allowed(node, clerk, one)
    assert "access_token" in await one.fetch(browser.left)
    await browser.open(one.address())
    assert not browser.left
    await browser.open(one.address(redirect_uri="http://127.0.0.1:4711/back"))  # any port of its own machine
    assert browser.last is not None
    assert "form-action 'self' http://127.0.0.1:4711;" in browser.last.headers["content-security-policy"]


async def test_without_a_session_a_silent_request_is_refused(node: Node, clerk: FeaturedPerson) -> None:
    one, browser = await platform(node), node.browser()
    await browser.open(one.address(prompt="none"))
    assert browser.answer["error"] == "login_required"
    assert browser.answer["iss"] == node.issuer
    await allowed(node, clerk, one, browser)
    other = await platform(node)
    await browser.open(other.address(prompt="none"))
    assert browser.answer["error"] == "consent_required"


async def test_prompt_login_asks_for_the_password_again(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node)
    browser = await allowed(node, clerk, one)
    for asked in ({"prompt": "login"}, {"max_age": "0"}):
        page = await browser.open(one.address(**asked))
        assert page is not None
        assert page.url.path == "/signin"
        forged = f"/oauth/authorize?{one.address(**asked).partition('?')[2]}&asked=1.{'A' * 43}"
        page = await browser.open(forged)
        assert page is not None
        assert page.url.path == "/signin"
        await browser.open(one.address(**asked))
        await browser.sign_in(clerk)
        assert "code" in browser.answer, browser.left


async def test_a_platform_that_needs_two_factors_does_not_get_a_password(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node, least_acr="substantial")
    browser = await allowed(node, clerk, one)
    assert browser.answer["error"] == "unmet_authentication_requirements"
    plain = await platform(node)
    await browser.open(plain.address(acr_values="high"))
    assert browser.answer["error"] == "unmet_authentication_requirements"


async def test_who_refuses_gives_nothing(node: Node, clerk: FeaturedPerson) -> None:
    one, browser = await platform(node), node.browser()
    await browser.open(one.address())
    await browser.sign_in(clerk)
    await browser.send("/oauth/consent", decision="deny")
    assert browser.answer == {"error": "access_denied", "error_description": "the person refused", "state": one.state, "iss": node.issuer}
    await browser.open(one.address())
    assert not browser.left


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": f"{BACK}/more"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": f"{BACK}?x=1"},
        {"redirect_uri": "https://dossiers.sante.example.evil.example/back"},
        {"redirect_uri": "https://dossiers.sante.example@evil.example/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": f"{BACK}#x"},
        {"redirect_uri": ""},
    ],
)
async def test_nobody_is_sent_to_an_address_that_was_not_registered(node: Node, changes: dict[str, str]) -> None:
    one, browser = await platform(node), node.browser()
    page = await browser.open(one.address(**changes))
    assert page is not None, browser.left
    assert page.status_code == 400
    assert "did not register" in page.text


async def test_only_approved_platforms_exist(node: Node, clerk: FeaturedPerson) -> None:
    one, browser = await platform(node, approved=False), node.browser()
    page = await browser.open(one.address())
    assert page is not None
    assert page.status_code == 400
    with pytest.raises(OAuthError) as refused:
        await one.oauth.fetch_token(one.metadata["token_endpoint"], code="x", code_verifier=one.verifier)
    assert refused.value.error == "invalid_client"
    other = await platform(node)
    browser = await allowed(node, clerk, other)
    token = await other.fetch(browser.left)
    await node.services.db.write(clients.revoke, other.client_id)
    async with httpx.AsyncClient(verify=node.trust, headers={"authorization": f"Bearer {token['access_token']}"}) as bearer:
        assert (await bearer.get(other.metadata["userinfo_endpoint"])).status_code == 401
    page = await browser.open(other.address())
    assert page is not None
    assert page.status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "openid ldap"}, "invalid_scope"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "x" * 600}, "invalid_request"),
        ({"resource": "https://unknown.example/"}, "invalid_target"),
    ],
)
async def test_what_is_wrong_goes_back_to_the_platform(node: Node, changes: dict[str, str], error: str) -> None:
    one, browser = await platform(node), node.browser()
    address = httpx.URL(one.address()).copy_merge_params(changes)
    await browser.open(str(address))
    assert browser.answer["error"] == error, browser.left
    assert browser.answer["state"] == one.state


async def test_the_consent_page_cannot_be_framed_forged_or_fed(node: Node, clerk: FeaturedPerson) -> None:
    one, browser = await platform(node, name_fr='<img src=x onerror="1">'), node.browser()
    await browser.open(one.address())
    page = await browser.sign_in(clerk)
    assert page is not None
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "form-action 'self' https://dossiers.sante.example;" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "<img src=x" not in page.text
    query = one.address().partition("?")[2]
    for headers, token in (({"sec-fetch-site": "cross-site"}, True), ({"sec-fetch-site": "same-origin"}, False)):
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0] if token else ""
        form = {"csrf": csrf, "request": query, "decision": "allow"}
        answer = await browser.client.post("/oauth/consent", data=form, headers=headers)
        assert answer.status_code == 403
    assert await browser.client.get("/oauth/consent") is not None


async def test_a_pushed_request_is_good_once_and_for_its_platform(node: Node, clerk: FeaturedPerson) -> None:
    one, other = await platform(node), await platform(node)
    parameters = dict(httpx.URL(one.address()).params)
    secret = (one.client_id, str(one.oauth.client_secret))
    async with httpx.AsyncClient(verify=node.trust) as plain:
        answer = await plain.post(one.metadata["pushed_authorization_request_endpoint"], data=parameters, auth=secret)
        assert answer.status_code == 201
        name = answer.json()["request_uri"]
        wrong = await plain.post(
            one.metadata["pushed_authorization_request_endpoint"], data=parameters | {"redirect_uri": "https://x.example/"}, auth=secret
        )
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request")
        assert (await plain.post(one.metadata["pushed_authorization_request_endpoint"], data=parameters)).status_code == 401
    browser = node.browser()
    page = await browser.open(f"/oauth/authorize?client_id={other.client_id}&request_uri={name}")
    assert page is not None
    assert page.status_code == 400
    await browser.open(f"/oauth/authorize?client_id={one.client_id}&request_uri={name}")
    await browser.sign_in(clerk)
    await browser.send("/oauth/consent", decision="allow")
    assert "access_token" in await one.fetch(browser.left)
    page = await browser.open(f"/oauth/authorize?client_id={one.client_id}&request_uri={name}")
    assert page is not None
    assert page.status_code == 400


async def test_a_device_gets_its_tokens_when_somebody_typed_its_code(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node)
    secret = (one.client_id, str(one.oauth.client_secret))
    async with httpx.AsyncClient(verify=node.trust, auth=secret) as device:
        begun = (await device.post(one.metadata["device_authorization_endpoint"], data={"scope": "openid imap"})).json()
        form = {"grant_type": DEVICE_GRANT, "device_code": begun["device_code"]}
        assert (await device.post(one.metadata["token_endpoint"], data=form)).json()["error"] == "authorization_pending"
        assert (await device.post(one.metadata["token_endpoint"], data=form)).json()["error"] == "slow_down"
        browser = node.browser()
        await browser.open(begun["verification_uri_complete"].replace(node.issuer, ""))
        page = await browser.sign_in(clerk)
        assert page is not None
        assert begun["user_code"] in page.text
        page = await browser.send("/device", code=begun["user_code"].lower())
        assert page is not None
        assert "mail" in page.text
        page = await browser.send("/device", code=begun["user_code"], decision="allow")
        assert page is not None
        assert "Allowed" in page.text
        page = await browser.send("/device", code=begun["user_code"])  # decided on already
        assert page is not None
        assert page.status_code == 404


async def test_endpoints_bound_what_they_read(node: Node) -> None:
    one = await platform(node)
    secret = (one.client_id, str(one.oauth.client_secret))
    async with httpx.AsyncClient(verify=node.trust, auth=secret) as plain:
        endpoint = one.metadata["token_endpoint"]
        assert (await plain.post(endpoint, data={"code": "x" * 70_000})).status_code == 413
        assert (await plain.post(endpoint, data={f"n{i}": "1" for i in range(200)})).json()["error"] == "invalid_request"
        assert (await plain.post(endpoint, json={"grant_type": "x"})).json()["error"] == "invalid_request"
        assert (
            await plain.post(endpoint, content=b"a=%ff%fe", headers={"content-type": "application/x-www-form-urlencoded"})
        ).status_code == 400
        assert (await plain.post(endpoint, data={"grant_type": "a\0b"})).json()["error"] == "invalid_request"
        twice = b"grant_type=refresh_token&grant_type=refresh_token"
        answer = await plain.post(endpoint, content=twice, headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.json()["error"] == "invalid_request"
        assert (await plain.get(endpoint)).status_code == 405
    async with httpx.AsyncClient(verify=node.trust) as plain:
        answer = await plain.post(endpoint, data={"client_id": one.client_id, "client_secret": secret[1], "grant_type": "refresh_token"})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert "www-authenticate" in answer.headers


async def test_the_keys_are_public_and_only_that(node: Node) -> None:
    one = await platform(node)
    answer = await one.oauth.request("GET", one.metadata["jwks_uri"], withhold_token=True)
    assert all(key["kty"] == "EC" and "d" not in key for key in answer.json()["keys"])
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert jwk.KeySet.import_key_set(answer.json())


async def test_signing_out_by_a_platform_is_confirmed_and_leads_back(node: Node, clerk: FeaturedPerson) -> None:
    one = await platform(node)
    browser = await allowed(node, clerk, one)
    token = await one.fetch(browser.left)
    end, hint = one.metadata["end_session_endpoint"], token["id_token"]
    page = await browser.open(str(httpx.URL(end, params={"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/"})))
    assert page is not None
    assert page.status_code == 400
    page = await browser.open(str(httpx.URL(end, params={"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "z"})))
    assert page is not None
    assert "Sign out?" in page.text
    assert (await one.oauth.get(one.metadata["userinfo_endpoint"])).status_code == 200
    await browser.send("/oauth/leave")
    assert browser.left == f"{BYE}?state=z"
    assert (await one.oauth.get(one.metadata["userinfo_endpoint"])).status_code == 401
    page = await browser.open("/")
    assert page is not None
    assert page.url.path == "/signin"


async def test_a_forged_hint_is_no_hint(node: Node) -> None:
    forged = jwt.encode({"alg": "HS256"}, {"iss": node.issuer, "aud": "platform-1"}, jwk.OctKey.import_key("x" * 32))
    page = await node.browser().open(f"/oauth/logout?id_token_hint={forged}&post_logout_redirect_uri={BYE}")
    assert page is not None
    assert page.status_code == 400
