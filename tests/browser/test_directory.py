"""The directory on a telephone, without JavaScript: a letter to whoever holds a post, found by looking at the chart."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_journey import WORDS, window
from tests.webmail.site import INTERIOR, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.mark.parametrize("language", ["fr", "ar"])
async def test_a_post_is_found_in_the_chart_and_written_to(site: Site, address: str, chromium: Browser, language: str) -> None:
    clerk = site.people[INTERIOR]
    async with window(chromium, language, script=False, width=390) as page:
        await page.goto(address)
        await page.fill("#login", clerk.address)
        await page.fill("#password", clerk.password)
        await page.click("main button.primary")
        await page.locator(f'.languages [lang="{language}"]').click()
        await page.click("a.to-directory")
        await expect(page.locator("html")).to_have_attribute("dir", WORDS[language]["dir"])
        await page.locator(".tiles a").first.click()
        seat = page.locator(".seat", has_text=clerk.name if language == "fr" else clerk.name_ar)
        await expect(seat).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.locator("summary", has=page.locator(".unit")).first.click()
        await expect(seat).to_be_hidden()
        await page.locator("summary", has=page.locator(".unit")).first.click()
        await seat.locator("a.seat-title").click()
        await expect(page.locator(".card h1")).to_be_visible()
        for path in ("/directory?q=bureau", "/loans", f"/loans/{clerk.person_id}", "/lists"):
            await page.goto(address + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        await page.goto(f"{address}/directory?q={INTERIOR}")
        await page.locator(".entries .deeds a").first.click()
        assert INTERIOR in await page.input_value("#to")
