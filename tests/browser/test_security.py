"""A person makes a passkey on a telephone, in Arabic, signs out, and comes back with the passkey alone."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from directory import factors
from directory.demo import FeaturedPerson
from directory.signin import Site as Bound
from tests.browser.test_journey import window
from tests.webmail.site import Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

REGISTRY = "bureau.ordre@finances.gov.example"
PHONE = 390


@pytest.fixture
def localhost(site: Site, address: str) -> Iterator[str]:
    """The node under the one name for which browsers allow passkeys without a certificate that they trust."""
    origin, steps = address.replace("127.0.0.1", "localhost"), site.services.signin.steps
    before = steps.site
    steps.site = Bound("localhost", "Diwan", (origin,))
    yield origin
    steps.site = before


@pytest_asyncio.fixture(loop_scope="session")
async def person(site: Site) -> AsyncIterator[FeaturedPerson]:
    """A registry clerk, who has no second factor before and after."""
    found = site.people[REGISTRY]
    yield found
    await site.services.db.write(factors.reset, found.person_id)


async def give_authenticator(page: Page) -> None:
    """Give the browser an authenticator that has made sure who uses it (WebAuthn Level 2 §11)."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def fits(page: Page) -> bool:
    """Say whether nothing has to be scrolled sideways."""
    return int(await page.evaluate("document.documentElement.scrollWidth")) <= PHONE


async def test_a_passkey_is_made_and_signs_in_alone(person: FeaturedPerson, localhost: str, chromium: Browser) -> None:
    async with window(chromium, "ar", script=True, width=PHONE) as page:
        await give_authenticator(page)
        await page.goto(localhost)
        await page.fill("#login", person.address)
        await page.fill("#password", person.password)
        await page.click("main button.primary")
        await page.locator("details.accounts summary").click()
        await page.locator('.languages [lang="ar"]').click()
        await page.locator("details.accounts summary").click()
        await page.locator('details.accounts a[href="/security"]').click()
        await expect(page.locator("h1")).to_have_text("الأمان")
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        assert await fits(page)
        await page.locator("#passkeys button").click()
        await page.fill("#label", "هاتف المكتب")
        await page.locator("[data-passkey=create]").click()
        await expect(page.locator("ol.codes li")).to_have_count(10)
        await page.locator("a.button.primary").click()
        await expect(page.locator(".held strong bdi").first).to_have_text("هاتف المكتب")
        assert await fits(page)
        await page.locator(".out button").click()
        await page.locator(".by-passkey [data-passkey=get]").click()
        await expect(page.locator("ul.folders")).to_be_visible()
        await page.locator(".out button").click()
        await page.fill("#login", person.address)
        await page.fill("#password", person.password)
        await page.click("main button.primary")
        await expect(page.locator("h1")).to_have_text("الإثبات الثاني")
        assert await fits(page)
        await page.locator("[data-passkey=get]").click()
        await expect(page.locator("ul.folders")).to_be_visible()
