"""Signing in in two steps, and with a passkey alone."""

import json
import re

import pytest

from config.clock import MINUTE_US
from tests.directory.signin.authenticator import Authenticator
from tests.webmail.security.conftest import Amel, options
from tests.webmail.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_with_codes_on_the_password_opens_nothing_yet(amel: Amel) -> None:
    await amel.turn_codes_on()
    door = await amel.at_the_door()
    assert door.last is not None
    assert "Second proof" in door.last.text
    assert "__Host-session" not in door.client.cookies
    assert (await door.get("/security")).url.path == "/signin"


async def test_a_code_finishes_and_works_once(amel: Amel) -> None:
    await amel.turn_codes_on()
    door, other, typed = await amel.at_the_door(), await amel.at_the_door(), amel.code()
    for browser, status in ((door, 200), (other, 401)):
        fields = {"proof-ticket": browser.value("proof-ticket"), "factor": ["otp", "recovery"], "proof-code": typed, "next": "/security"}
        answer = await browser.post("/signin/second", fields)
        assert answer.status_code == status
    assert door.path == "/security"
    assert "A code works once" in answer.text
    fields = {"proof-ticket": other.value("proof-ticket"), "factor": ["otp"], "proof-code": amel.code(), "next": "//evil.example"}
    await other.post("/signin/second", fields)  # the page of the refusal goes on with the same ticket
    assert other.path.startswith("/mail/")


async def test_a_recovery_code_stands_for_the_application(amel: Amel) -> None:
    codes = re.findall(r"<code>([a-z2-7-]+)</code>", await amel.turn_codes_on())
    assert len(codes) == 10
    door = await amel.at_the_door()
    await door.post("/signin/second", {"proof-ticket": door.value("proof-ticket"), "proof-code": codes[3].upper()})
    assert door.path.startswith("/mail/")
    assert "Il reste 9 codes" in (await door.get("/security")).text


async def test_the_second_step_does_not_wait_for_ever(amel: Amel) -> None:
    await amel.turn_codes_on()
    door = await amel.at_the_door()
    amel.clock.ahead_us += 6 * MINUTE_US
    answer = await door.post("/signin/second", {"proof-ticket": door.value("proof-ticket"), "proof-code": amel.code()})
    assert answer.status_code == 403
    assert "took too long" in answer.text
    assert 'name="password"' in answer.text


async def test_guessing_is_stopped(amel: Amel) -> None:
    await amel.turn_codes_on()
    door = await amel.at_the_door()
    for _ in range(6):
        answer = await door.post("/signin/second", {"proof-ticket": door.value("proof-ticket"), "proof-code": "000000"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_the_form_of_the_second_step_needs_its_token(amel: Amel) -> None:
    await amel.turn_codes_on()
    door = await amel.at_the_door()
    ticket = door.value("proof-ticket")
    answer = await door.send("/signin/second", {"csrf": "", "proof-ticket": ticket, "proof-code": amel.code()})
    assert answer.status_code == 403


async def test_a_passkey_signs_in_alone(site: Site, amel: Amel, key: Authenticator) -> None:
    await amel.add_passkey(key)
    door = site.visitor()
    await door.get("/signin")
    asked = (await door.client.get("/signin/challenge")).json()
    fields = {"proof-ticket": asked["ticket"], "proof-answer": key.get(json.dumps(asked["options"])), "next": "/security"}
    await door.post("/signin/passkey", fields)
    assert door.path == "/security"
    again = site.visitor()
    await again.get("/signin")
    assert (await again.post("/signin/passkey", fields)).status_code == 401  # an answer is good once
    assert "__Host-session" not in again.client.cookies


async def test_a_passkey_is_a_second_factor_too(amel: Amel, key: Authenticator) -> None:
    await amel.add_passkey(key)
    door = await amel.at_the_door()
    assert door.last is not None
    ticket, answer = door.value("proof-ticket"), key.get(options(door.last.text))
    await door.post("/signin/second", {"proof-ticket": ticket, "proof-answer": answer})
    assert door.path.startswith("/mail/")


async def test_another_persons_passkey_is_refused(amel: Amel, key: Authenticator) -> None:
    await amel.turn_codes_on()
    door = await amel.at_the_door()
    stranger = Authenticator(host=key.host, origin=key.origin)
    answer = stranger.get('{"challenge": "AAAA"}')
    assert (await door.post("/signin/second", {"proof-ticket": door.value("proof-ticket"), "proof-answer": answer})).status_code == 401
