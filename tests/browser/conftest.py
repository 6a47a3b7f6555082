"""A whole node on loopback, with Debian's Chromium in front of it."""

import dataclasses
import shutil
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from bench.wire import free_port
from tests.webmail.conftest import country, site
from tests.webmail.site import Site
from webmail.app import web

__all__ = ["address", "chromium", "country", "site"]

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(site: Site) -> AsyncIterator[str]:
    """Where the webmail answers."""
    port = free_port()
    listen = msgspec.structs.replace(site.services.settings.listen, https=f"127.0.0.1:{port}")
    services = dataclasses.replace(site.services, settings=msgspec.structs.replace(site.services.settings, listen=listen))
    async with web(services):
        yield f"https://127.0.0.1:{port}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()
