"""The page Security: each change, what it asks before, what it ends, and whom it tells."""

import hashlib
import json
import re

import pytest

from config.clock import MINUTE_US
from config.database import Tx
from directory import journal
from directory.errors import BadCredentials
from directory.oidc import clients, consents, grants
from directory.oidc.types import Registration
from directory.rights import NATION
from mailcore.store.types import AccountId
from tests.directory.signin.authenticator import Authenticator
from tests.webmail.security.conftest import PASSWORD, Amel, options
from tests.webmail.site import Site
from tests.webmail.views.test_compose import newest

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW = "quatre autres mots choisis"


async def test_the_page_is_in_the_menu_and_in_three_languages(amel: Amel) -> None:
    assert 'href="/security"' in (await amel.visitor.get("/")).text
    for code, title, direction in (("ar", "الأمان", "rtl"), ("fr", "Sécurité", "ltr"), ("en", "Security", "ltr")):
        await amel.visitor.get("/security")
        page = (await amel.visitor.post("/language", {"language": code, "back": "/security"})).text
        assert f'<html lang="{code}" dir="{direction}">' in page
        assert re.search(rf"<h1>.*{title}</h1>", page, re.DOTALL)


async def test_the_addresses_of_forms_lead_back_to_the_page(amel: Amel) -> None:
    for path in ("codes", "codes/confirm", "recovery", "passkeys/new", "passkeys/add", "sessions", "platforms", "apps/revoke"):
        assert (await amel.visitor.get(f"/security/{path}")).url.path == "/security"


async def test_an_old_proof_is_asked_again_and_the_change_goes_on(amel: Amel) -> None:
    await amel.visitor.get("/security/apps")
    fields = {"label": "Thunderbird <b>", "scope": ["imap", "dav"]}
    amel.clock.ahead_us += 11 * MINUTE_US
    page = await amel.visitor.post("/security/apps", fields)
    assert "Confirm that it is you" in page.text
    assert page.text.count('name="scope"') == 2
    for wrong in ("wrong", "", "qyamc-bhk3b-szlpb-okwyt-zlfeiq"):
        page = await amel.visitor.post("/security/apps", fields | {"proof-password": wrong, "proof-code": ""})
        assert "Confirm that it is you" in page.text
    page = await amel.visitor.post("/security/apps", fields | {"proof-password": PASSWORD})
    assert "Thunderbird &lt;b&gt;" in page.text
    await amel.visitor.get("/security")
    page = await amel.visitor.post("/security/sessions", {})  # not asked for ten minutes
    assert amel.visitor.path.startswith("/security?done=ended")


async def test_a_second_factor_is_a_fresh_proof_too(amel: Amel, key: Authenticator) -> None:
    await amel.turn_codes_on()
    await amel.add_passkey(key)
    amel.clock.ahead_us += 11 * MINUTE_US
    await amel.visitor.get("/security")
    page = await amel.visitor.post("/security/recovery", {})
    assert 'name="proof-code"' in page.text
    assert (await amel.visitor.post("/security/recovery", {"proof-code": "000000"})).status_code == 401
    page = await amel.visitor.post("/security/recovery", {"proof-code": amel.code()})
    assert page.text.count("<li><code>") == 10
    amel.clock.ahead_us += 11 * MINUTE_US
    await amel.visitor.get("/security")
    asked = (await amel.visitor.client.get("/security/challenge")).json()
    answer = key.get(json.dumps(asked["options"]))
    page = await amel.visitor.post("/security/recovery", {"proof-ticket": asked["ticket"], "proof-answer": answer})
    assert page.text.count("<li><code>") == 10


async def test_a_changed_password_ends_the_others_and_keeps_this_one(site: Site, amel: Amel) -> None:
    other, before = await amel.at_the_door(), amel.visitor.client.cookies["__Host-session"]
    await amel.visitor.get("/security/password")
    wrong = {"old": "wrong", "new": NEW, "again": NEW}
    for fields, status, said in (
        (wrong, 401, "The password is wrong."),
        ({"old": PASSWORD, "new": "court", "again": "court"}, 422, "These are 5 characters; at least 12 are needed."),
        ({"old": PASSWORD, "new": NEW, "again": NEW + "x"}, 422, "The two entries differ."),
        ({"old": PASSWORD, "new": PASSWORD, "again": PASSWORD}, 422, "neither the former password"),
        ({"old": PASSWORD, "new": "abcde-abcde-abcde-abcde-abcdef", "again": ""}, 422, "cannot be a password"),
    ):
        answer = await amel.visitor.post("/security/password", fields)
        assert (answer.status_code, said in answer.text) == (status, True), said
    answer = await amel.visitor.post("/security/password", {"old": PASSWORD, "new": NEW, "again": NEW})
    assert "The password was changed." in answer.text
    assert amel.visitor.client.cookies["__Host-session"] != before
    assert (await other.get("/")).url.path == "/signin"
    stolen = site.visitor()
    stolen.client.cookies.set("__Host-session", before, domain="mx.diwan.example")
    assert (await stolen.get("/")).url.path == "/signin"
    identity = await site.services.signin.first_factor(amel.person.address, NEW, "192.0.2.9")
    assert identity is not None


async def test_the_person_is_told_in_their_language(site: Site, amel: Amel) -> None:
    await site.services.store.open_account(amel.person.person_id)
    with site.services.store.bus.subscribe(AccountId(amel.person.person_id)) as news:
        await amel.turn_codes_on()
        assert await news.wait(20)
    _, raw = await newest(site, amel.person.person_id, "inbox")
    text = raw.decode()
    assert "Auto-Submitted: auto-generated" in text
    assert "192.0.2.7" in text
    reader = await amel.visitor.get("/")
    assert "Sécurité de votre compte" in reader.text


async def test_changes_are_journalled_without_secrets(site: Site, amel: Amel) -> None:
    codes = re.findall(r"<code>([a-z2-7-]+)</code>", await amel.turn_codes_on())
    await amel.visitor.get("/security/apps")
    page = await amel.visitor.post("/security/apps", {"label": "Aegis", "scope": "imap"})
    secret = re.search(r'class="secret">([a-z2-7-]+)<', page.text)
    assert secret is not None

    def read(tx: Tx) -> list[tuple[str, str]]:
        found = journal._find(tx, NATION, 2**62, 50, [amel.person.person_id], "")
        return [(one.act, str(one.body)) for one in found]

    written = await site.services.db.read(read)
    assert {"codes.on", "app_password.add"} <= {act for act, _ in written}
    assert not any(hidden in body for _, body in written for hidden in (codes[0], secret[1], PASSWORD))


async def test_codes_are_turned_on_with_the_right_code_only(amel: Amel) -> None:
    await amel.visitor.get("/security")
    page = await amel.visitor.post("/security/codes", {})
    assert "<svg" in page.text.partition('role="img"')[2][:200]
    shown = re.search(r'class="secret">([^<]+)<', page.text)
    again = await amel.visitor.post("/security/codes/confirm", {"code": "000000"})
    assert again.status_code == 422
    assert shown is not None
    assert shown[0] in again.text  # the same secret: the application has read it already
    await amel.turn_codes_on()
    assert "Turn off" in (await amel.visitor.get("/security")).text
    await amel.visitor.post("/security/codes/off", {})
    page = await amel.visitor.get("/security")
    assert "Turn off" not in page.text
    assert "codes are left" not in page.text
    assert (await amel.at_the_door()).path.startswith("/mail/")


async def test_a_passkey_is_renamed_and_removed(amel: Amel, key: Authenticator) -> None:
    await amel.add_passkey(key, "bureau")
    page = await amel.visitor.get("/security")
    fields = {"passkey": amel.visitor.value("passkey")}
    assert fields["passkey"] == key.credential_id.hex()
    page = await amel.visitor.post("/security/passkeys", fields | {"action": "rename", "label": "clé \u202e<i>"})
    assert "<bdi>clé &lt;i&gt;</bdi>" in page.text
    page = await amel.visitor.post("/security/passkeys", fields | {"action": "remove"})
    assert "The passkey was removed." in page.text
    assert (await amel.visitor.post("/security/passkeys", fields | {"action": "remove"})).status_code == 404


async def test_a_late_passkey_is_asked_for_again(amel: Amel, key: Authenticator) -> None:
    await amel.visitor.get("/security")
    page = await amel.visitor.post("/security/passkeys/new", {})
    answer = key.create(options(page.text))
    amel.clock.ahead_us += 6 * MINUTE_US
    fields = {"ticket": amel.visitor.value("ticket"), "label": "x", "answer": answer}
    page = await amel.visitor.post("/security/passkeys/add", fields)
    assert page.status_code == 422
    assert "data-options" in page.text


async def test_an_app_password_is_shown_once_with_what_to_type(site: Site, amel: Amel) -> None:
    await amel.visitor.get("/security/apps")
    for fields, said in (
        ({"label": "", "scope": "imap"}, "Say for which"),
        ({"label": "x"}, "Choose at least"),
        ({"label": "x", "scope": "web"}, "Choose"),
    ):
        page = await amel.visitor.post("/security/apps", fields)
        assert (page.status_code, said in page.text) == (422, True)
    page = await amel.visitor.post("/security/apps", {"label": "Thunderbird", "scope": ["imap", "smtp"]})
    found = re.search(r'class="secret">([a-z2-7-]+)<', page.text)
    assert found is not None
    assert f"{site.services.settings.node.hostname}:" in page.text
    await site.services.signin.password(amel.person.address, found[1], "imap", "192.0.2.8")
    page = await amel.visitor.get("/security")
    assert found[1] not in page.text
    assert "192.0.2.8" in page.text
    page = await amel.visitor.post("/security/apps/revoke", {"app": amel.visitor.value("app")})
    assert "The app password was revoked." in page.text
    with pytest.raises(BadCredentials):
        await site.services.signin.password(amel.person.address, found[1], "imap", "192.0.2.8")


async def test_sessions_are_ended_one_by_one_and_all_others(amel: Amel) -> None:
    one, two, three = [await amel.at_the_door() for _ in range(3)]
    page = await amel.visitor.get("/security")
    assert page.text.count('name="session"') == 3
    assert "this one" in page.text
    await amel.visitor.post("/security/sessions", {"session": amel.visitor.value("session")})
    alive = [(await each.get("/")).url.path != "/signin" for each in (one, two, three)]
    assert alive.count(False) == 1
    page = await amel.visitor.post("/security/sessions", {})
    assert "2 sessions were ended." in page.text
    assert all([(await each.get("/")).url.path == "/signin" for each in (one, two, three)])


async def test_nobody_ends_the_session_of_another(site: Site, amel: Amel) -> None:
    other = await site.signed_in(site.people["bureau.ordre@interieur.gov.example"])
    digest = hashlib.sha256(other.client.cookies["__Host-session"].encode()).hexdigest()
    await amel.visitor.get("/security")
    await amel.visitor.post("/security/sessions", {"session": digest})
    assert (await other.get("/")).url.path != "/signin"


async def test_what_a_platform_was_allowed_is_withdrawn(site: Site, amel: Amel) -> None:
    def allow(tx: Tx) -> str:
        organisation_id = tx.value("SELECT organisation_id FROM organisation WHERE code = 'interieur'")
        facts = Registration(organisation_id, "منصة", "Plateforme", "client_secret_basic", redirect_uris=("https://x.example/",))
        client = clients.approve(tx, clients.register(tx, facts).client_id)
        grants.note(tx, amel.person.person_id, client.client_id, ("openid", "profile"), "allowed")
        return client.client_id

    client_id = await site.services.db.write(allow)
    page = await amel.visitor.get("/security")
    assert "Plateforme" in page.text
    assert "See your name and language" in page.text
    page = await amel.visitor.post("/security/platforms", {"platform": client_id})
    assert "The platform may not see your data any more." in page.text
    assert await site.services.db.read(consents.allowed, amel.person.person_id) == []
    assert (await amel.visitor.post("/security/platforms", {"platform": client_id})).status_code == 404
