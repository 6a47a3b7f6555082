"""A platform asks, a person signs in and decides, in Chromium: what policies hold back shows only there."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests import servers
from tests.browser.test_journey import window
from tests.webmail.oidc.conftest import Node, Platform, _closed, node, platform
from tests.webmail.site import INTERIOR

__all__ = ["_closed", "node"]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

WORDS = {"fr": ("ltr", "Autoriser « \u2068Dossiers\u2069 » ?"), "ar": ("rtl", "هل تسمح لـ«\u2068الملفات\u2069»؟")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def arrival(node: Node) -> AsyncIterator[str]:
    """Where the platform answers, whatever it is asked."""
    tls = node.services.settings.tls
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 8\r\nconnection: close\r\n\r\nplatform")
            await writer.drain()

    async with servers.serving(answer, ssl=context) as port:
        yield f"https://127.0.0.1:{port}"


async def listening(node: Node, arrival: str) -> Platform:
    """Return a platform that answers at `arrival`."""
    one = await platform(node, redirect_uris=(f"{arrival}/back",), post_logout_redirect_uris=(f"{arrival}/bye",))
    one.oauth.redirect_uri = f"{arrival}/back"
    return one


async def sign_in(page: Page, node: Node) -> None:
    person = node.people[INTERIOR]
    await page.fill("#login", person.address)
    await page.fill("#password", person.password)
    await page.click("main button.primary")


@pytest.mark.parametrize(("language", "script"), [("fr", True), ("ar", True), ("ar", False)])
async def test_a_person_decides_and_goes_back(node: Node, arrival: str, chromium: Browser, language: str, script: bool) -> None:
    one = await listening(node, arrival)
    direction, question = WORDS[language]
    async with window(chromium, language, script=script, width=390) as page:
        await page.goto(one.address())
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await sign_in(page, node)
        await page.locator(f'.languages [lang="{language}"]').click()  # and back to the same question
        await expect(page.locator("html")).to_have_attribute("dir", direction)
        await expect(page.locator("h1")).to_have_text(question)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.click("button[value=allow]")
        await page.wait_for_url(f"{arrival}/back?code=*")
        token = await one.fetch(page.url)
        await page.goto(one.address())  # allowed already: straight back
        await page.wait_for_url(f"{arrival}/back?code=*")
        await page.goto(one.address(prompt="login"))
        await sign_in(page, node)  # what follows a form of ours is held to its policy
        await page.wait_for_url(f"{arrival}/back?code=*")
        await page.goto(f"{one.metadata['end_session_endpoint']}?id_token_hint={token['id_token']}&post_logout_redirect_uri={arrival}/bye")
        await page.click("main button.primary")
        await page.wait_for_url(f"{arrival}/bye")


async def test_the_question_cannot_be_framed(node: Node, chromium: Browser) -> None:
    one = await platform(node)
    async with window(chromium, "fr", script=True) as page:
        await page.goto(one.address())
        await sign_in(page, node)
        await expect(page.locator("button[value=allow]")).to_be_visible()
        address = page.url

        async def thief(route: Route) -> None:
            await route.fulfill(status=200, content_type="text/html", body=f'<iframe src="{address}"></iframe>')

        await page.route("https://evil.example/**", thief)
        await page.goto("https://evil.example/")
        frame = page.frames[-1]
        assert await frame.locator("button").count() == 0
