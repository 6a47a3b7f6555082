"""Fetch what other authorities say of their certificates, by HTTP, in bounded time and size. RFC 5280 §4.2.1.13, RFC 6960 appendix A.1.

Up to its soft limit what was fetched is used as it is; behind that newer is asked for, and what is there is good until its hard limit, its
next update. A reader waits for neither longer than PATIENCE_S: what comes later is there for the next one.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from config.clock import HOUR_US, MINUTE_US
from config.log import log
from mailcore import bounded
from mailcore.services import Services
from signing.certificate import UNREADABLE
from signing.pki import crl, fetched, ocsp, revocation
from signing.pki.fetched import Fetched

PATIENCE_S = 4.0  # of somebody who reads a letter
FETCH_S = 20.0  # over a satellite link
SOFT_US = HOUR_US  # authorities publish every hour at most
AGAIN_US = 5 * MINUTE_US  # after nothing came
MAX_AT_ONCE = 32
MAX_WHY = 200
OCSP_REQUEST = "application/ocsp-request"

Check = Callable[[bytes], tuple[int, int]]


class Fetching:
    """What one process fetches; two that want the same wait for one."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._http: httpx.AsyncClient | None = None
        self._coming: dict[tuple[str, bytes], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(MAX_AT_ONCE)

    async def list(self, url: str, issuer: bytes) -> bytes:
        """Return the newest list of an address, b"" for none to be had."""
        return await self._newest(url, b"", lambda octets: revocation.updates(octets, issuer))

    async def answer(self, url: str, issuer: bytes, serial: int) -> bytes:
        """Return the newest answer about a certificate, b"" for none to be had."""

        def check(octets: bytes) -> tuple[int, int]:
            said = ocsp.read(octets, issuer, serial)
            return said.this_update_us, said.next_update_us

        return await self._newest(url, ocsp.request(issuer, serial), check)

    async def aclose(self) -> None:
        """Stop."""
        for task in self._coming.values():
            task.cancel()
        await asyncio.gather(*self._coming.values(), return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def _newest(self, url: str, asked: bytes, check: Check) -> bytes:
        found = await self._services.db.peek(fetched.find, url, asked)
        if not self._is_wanted(url, found):
            return found.octets
        task = self._coming.get((url, asked))
        if task is None:
            task = self._coming[url, asked] = asyncio.create_task(self._fetch(url, asked, check), name="pki-fetch")
            task.add_done_callback(lambda _: self._coming.pop((url, asked), None))
        await asyncio.wait([task], timeout=PATIENCE_S)
        return (await self._services.db.peek(fetched.find, url, asked)).octets

    def _is_wanted(self, url: str, found: Fetched) -> bool:
        """Only plain HTTP: a list by https would need a list (RFC 5280 §8)."""
        if not self._services.settings.pki.fetch or urlsplit(url).scheme != "http":
            return False
        now_us = self._services.clock.now_us()
        if now_us - found.tried_us < (AGAIN_US if found.failed else 0):
            return False
        soft_us = min(SOFT_US, (found.next_update_us - found.this_update_us) // 2)
        return not found.octets or now_us >= min(found.tried_us + soft_us, found.next_update_us)

    async def _fetch(self, url: str, asked: bytes, check: Check) -> None:
        try:
            async with self._room, asyncio.timeout(FETCH_S):
                octets = await self._got(url, asked)
            times = await asyncio.to_thread(check, octets)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, *UNREADABLE) as error:
            why = f"{type(error).__name__}: {error}"[:MAX_WHY]
            log.warning("pki.not_fetched", url=url[:MAX_WHY], said=why)
            await self._services.db.write(fetched.fail, url, asked, why)
            return
        await self._services.db.write(fetched.keep, url, asked, octets, *times)
        log.info("pki.fetched", url=url[:MAX_WHY], size_bytes=len(octets))

    async def _got(self, url: str, asked: bytes) -> bytes:
        if self._http is None:  # no redirects: an address that was signed leads nowhere else
            self._http = httpx.AsyncClient(timeout=FETCH_S, trust_env=False, follow_redirects=False)
        most = ocsp.MAX_BYTES if asked else crl.MAX_BYTES
        headers = {"content-type": OCSP_REQUEST} if asked else {}
        answer = await bounded.ask(self._http, url, most, content=asked or None, headers=headers)
        if answer.status != httpx.codes.OK:
            raise ValueError(f"status {answer.status}")
        return answer.octets


def fetching(services: Services) -> Fetching:
    """Return what fetches for this process."""
    return services.parts.get(Fetching, lambda: Fetching(services))
