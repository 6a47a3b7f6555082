"""The main job in a browser: a registry signs an official letter, another registry sees that it is genuine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from directory.demo import FeaturedPerson
from tests.webmail.site import EDUCATION, INTERIOR, Site

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

LOCALES = {"fr": "fr-FR", "ar": "ar-DZ"}
WORDS = {
    "fr": {"dir": "ltr", "valid": "Signature valable", "sent": "La lettre a été signée et envoyée.", "changed": "Signature non valable"},
    "ar": {"dir": "rtl", "valid": "توقيع صحيح", "sent": "وُقّعت الرسالة وأُرسلت.", "changed": "توقيع غير صحيح"},
}
SUBJECT = "مراسلة رقم 12/2026: Note de service"
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 40


@asynccontextmanager
async def window(chromium: Browser, language: str, *, script: bool, width: int = 1280) -> AsyncIterator[Page]:
    """Open a browser of one person; whatever the page complains about fails the test."""
    context = await chromium.new_context(
        ignore_https_errors=True, locale=LOCALES[language], java_script_enabled=script, viewport={"width": width, "height": 900}
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    try:
        yield page
    finally:
        await context.close()
    assert complaints == []


async def sign_in(page: Page, address: str, person: FeaturedPerson, language: str) -> None:
    await page.goto(address)
    await expect(page.locator("html")).to_have_attribute("lang", language)  # what the browser asks for
    await page.fill("#login", person.address)
    await page.fill("#password", person.password)
    await page.click("main button.primary")
    await expect(page.locator("ul.folders")).to_be_visible()
    await page.locator(f'.languages [lang="{language}"]').click()  # the directory may know another preference
    await expect(page.locator("html")).to_have_attribute("dir", WORDS[language]["dir"])
    await page.locator(".others a").first.click()
    await expect(page.locator(".post-note")).to_be_visible()


async def is_mirrored(page: Page) -> bool:
    """Say whether the folders stand on the right of the text."""
    side, main = await page.locator("nav.side").bounding_box(), await page.locator("main").bounding_box()
    assert side is not None
    assert main is not None
    return side["x"] > main["x"]


@pytest.mark.parametrize(("language", "script"), [("fr", True), ("ar", True), ("ar", False)])
async def test_an_official_letter_travels(site: Site, address: str, chromium: Browser, language: str, script: bool) -> None:
    words = WORDS[language]
    clerk = site.people[INTERIOR]
    async with window(chromium, language, script=script) as page:
        await sign_in(page, address, clerk, language)
        assert await is_mirrored(page) == (language == "ar")
        await page.click("a.write")
        await page.fill("#to", EDUCATION)
        await page.fill("#subject", SUBJECT)
        await page.fill("#text", "السلام عليكم\n\nVeuillez trouver la note ci-jointe.")
        await page.set_input_files("#files", [{"name": "note 12.pdf", "mimeType": "application/pdf", "buffer": PDF}])
        await page.check("#sign")
        await page.click(".actions button[value=send]")
        await expect(page.locator(".digests")).to_contain_text("note 12.pdf")
        await page.fill("#password", "wrong")
        await page.click("form.confirm button.primary")
        await expect(page.locator("#password-problem")).to_be_visible()
        await page.fill("#password", clerk.password)
        await page.click("form.confirm button.primary")
        await expect(page.locator("[role=status] .notice")).to_have_text(words["sent"])
    async with window(chromium, language, script=script) as page:
        await sign_in(page, address, site.people[EDUCATION], language)
        row = page.locator(".letters li.unread").first
        for _ in range(40):
            if await row.count():
                break
            await page.locator(".head a").click()
        await expect(row).to_contain_text(SUBJECT)
        await row.locator("a").click()
        await expect(page.locator(".verdict.good h2")).to_have_text(words["valid"])
        await expect(page.locator(".verdict.good")).to_contain_text(INTERIOR)
        await expect(page.locator("h1")).to_have_text(SUBJECT)
        async with page.expect_download() as downloading:
            await page.locator(".attachments a").click()
        download = await downloading.value
        assert download.suggested_filename == "note 12.pdf"
        assert (await download.path()).read_bytes() == PDF


async def test_suggestions_are_taken_with_the_keyboard(site: Site, address: str, chromium: Browser) -> None:
    async with window(chromium, "fr", script=True) as page:
        await sign_in(page, address, site.people[INTERIOR], "fr")
        await page.click("a.write")
        await page.locator("#to").press_sequentially("bureau educ")
        await expect(page.locator("#to-suggestions [role=option]").first).to_be_visible()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        assert "@education.gov.example>, " in await page.input_value("#to")


async def test_a_hostile_letter_runs_nothing(site: Site, address: str, chromium: Browser) -> None:
    from tests.webmail.site import letter

    html = "<p id=seen>Bonjour</p><script>parent.document.title='owned'</script><img src=x onerror=\"top.document.title='owned'\">"
    await site.deliver(EDUCATION, letter(subject="<b>x</b>", html=html + '<form action="//t.example"><input><button>go</button></form>'))
    async with window(chromium, "fr", script=True, width=390) as page:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await sign_in_on_a_phone(page, address, site.people[EDUCATION])
        await page.locator(".letters li a").first.click()
        await page.locator(".choice a").click()
        frame = page.frame_locator("iframe.body")
        await expect(frame.locator("p")).to_have_text("Bonjour")
        assert await frame.locator("form, input, script, img[src]").count() == 0
        assert "owned" not in await page.title()
        assert all(url.startswith(address) for url in requests)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390


async def sign_in_on_a_phone(page: Page, address: str, person: FeaturedPerson) -> None:
    await page.goto(address)
    await page.fill("#login", person.address)
    await page.fill("#password", person.password)
    await page.click("main button.primary")
    await page.locator("details.accounts summary").click()
    await page.locator("details.accounts li a").nth(1).click()
    await expect(page.locator("a.write")).to_be_visible()
