"""Signing in and out, and how sessions end."""

import pytest

from config.clock import HOUR_US
from directory import credentials
from directory.demo import FeaturedPerson
from tests.clocks import ShiftedClock
from tests.webmail.site import Site, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_cookie_is_for_this_host_alone(site: Site, clerk: FeaturedPerson) -> None:
    visitor = site.visitor()
    await visitor.get("/signin")
    answer = await visitor.send("/signin", {"csrf": visitor.token(), "login": clerk.address, "password": clerk.password})
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("__Host-session="))
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


async def test_wrong_passwords_and_unknown_people_look_the_same(site: Site) -> None:
    pages = []
    for login in (site.people["bureau.ordre@sante.gov.example"].address, "nobody@sante.gov.example"):
        visitor = site.visitor()
        await visitor.get("/signin")
        answer = await visitor.post("/signin", {"login": login, "password": "wrong"})
        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert f'value="{login}"' in answer.text
        pages.append(answer.text.partition('role="alert"')[2].partition("</p>")[0])
    assert pages[0] == pages[1]


async def test_the_sign_in_form_needs_its_token(site: Site, clerk: FeaturedPerson) -> None:
    visitor = site.visitor()
    answer = await visitor.send("/signin", {"csrf": "", "login": clerk.address, "password": clerk.password})
    assert answer.status_code == 403
    assert "__Host-session" not in visitor.client.cookies


async def test_an_idle_session_ends(visitor: Visitor, later: ShiftedClock) -> None:
    later.ahead_us = 7 * HOUR_US
    assert (await visitor.get("/")).url.path.startswith("/mail/")
    later.ahead_us = 14 * HOUR_US  # used since: still alive
    assert (await visitor.get("/")).url.path.startswith("/mail/")
    later.ahead_us = 23 * HOUR_US
    assert (await visitor.get("/")).url.path == "/signin"


async def test_no_session_outlives_a_day(visitor: Visitor, later: ShiftedClock) -> None:
    for hours in range(6, 24, 6):
        later.ahead_us = hours * HOUR_US
        assert (await visitor.get("/")).url.path.startswith("/mail/")
    later.ahead_us = 24 * HOUR_US
    assert (await visitor.get("/")).url.path == "/signin"


async def test_a_changed_password_ends_every_session(site: Site) -> None:
    person = site.people["bureau.ordre@finances.gov.example"]
    visitor = await site.signed_in(person)
    await site.services.db.write(credentials.revoke_all, person.person_id)
    assert (await visitor.get("/")).url.path == "/signin"


async def test_signing_out_ends_the_session_on_the_server(visitor: Visitor) -> None:
    cookie = visitor.client.cookies["__Host-session"]
    await visitor.get("/")
    assert (await visitor.post("/signout", {})).url.path == "/signin"
    visitor.client.cookies.set("__Host-session", cookie, domain="mx.diwan.example")
    assert (await visitor.get("/")).url.path == "/signin"


async def test_one_goes_on_where_one_wanted_to_but_never_elsewhere(site: Site, clerk: FeaturedPerson) -> None:
    for wanted, got in (("/mail/{}/compose", "/mail/{}/compose"), ("//evil.example/", "/mail/"), ("https://evil.example", "/mail/")):
        visitor = site.visitor()
        await visitor.get(f"/signin?next={wanted.format(clerk.person_id)}")
        await visitor.post("/signin", {"login": clerk.address, "password": clerk.password, "next": wanted.format(clerk.person_id)})
        assert visitor.path.startswith(got.format(clerk.person_id))


async def test_what_was_being_written_survives_the_end_of_the_session(visitor: Visitor, clerk: FeaturedPerson, later: ShiftedClock) -> None:
    await visitor.get(f"/mail/{clerk.person_id}/compose")
    later.ahead_us = 12 * HOUR_US
    fields = {"to": "a@x.example", "subject": "سؤال", "text": "Long\nletter <b>", "action": "send", "nonce": visitor.value("nonce")}
    answer = await visitor.post(f"/mail/{clerk.person_id}/compose", fields)
    assert answer.status_code == 401
    kept = {name: visitor.value(f"kept:{name}") for name in ("path", "to", "subject", "text")}
    assert kept == {"path": f"/mail/{clerk.person_id}/compose", "to": "a@x.example", "subject": "سؤال", "text": "Long\nletter <b>"}
    again = {"login": clerk.address, "password": clerk.password, **{f"kept:{name}": value for name, value in kept.items()}}
    answer = await visitor.post("/signin", again)
    assert "letter &lt;b&gt;</textarea>" in answer.text
    assert visitor.value("subject") == "سؤال"


async def test_the_language_is_kept_and_the_way_back_stays_here(site: Site) -> None:
    visitor = site.visitor()
    await visitor.get("/signin")
    answer = await visitor.post("/language", {"language": "ar", "back": "/signin"})
    assert '<html lang="ar" dir="rtl">' in answer.text
    answer = await visitor.send("/language", {"csrf": visitor.token(), "language": "fr", "back": "//evil.example"})
    assert answer.headers["location"] == "/"
