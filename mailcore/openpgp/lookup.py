"""Keys from the web key directory of a correspondent's domain: over HTTPS with a good certificate, once, in bounded time and size.

draft-koch-openpgp-webkey-service §3.1: the direct method only for a domain that has no host ``openpgpkey``. Asked for when
somebody wants to write or presses a button, never because a letter was opened: its sender would learn of that.
"""

import asyncio
import ssl

import httpx

from config.log import log
from mailcore import bounded, dns
from mailcore.answers import Outcome
from mailcore.bounded import TooLarge
from mailcore.dns import Resolver
from mailcore.openpgp import wkd
from mailcore.openpgp.wkd import Place
from mailcore.queue import route
from mailcore.services import Services
from signing.openpgp import keys
from signing.openpgp.errors import BadPgpKey

FETCH_S = 10.0  # somebody waits for the page
HTTPS_PORT = 443
ADDRESSES = 2  # of one host that are tried


class NoAnswer(Exception):
    """The place gave no key, or could not be asked."""


class Directory:
    """Asks the directories of other domains, for one node."""

    def __init__(
        self, resolver: Resolver, allowed: route.Allowed = route.is_public, roots: ssl.SSLContext | None = None, port: int = HTTPS_PORT
    ) -> None:
        self._resolver, self._allowed, self._roots, self._port = resolver, allowed, roots, port

    async def fetch(self, address: str) -> bytes | None:
        """Return what the domain of an address publishes for it, unread; None for nothing. Raises BadPgpKey for what is too large."""
        local, _, domain = address.rpartition("@")
        keys.require_address(address)
        advanced, direct = wkd.places(local, domain.lower())
        found = await self._resolver.addresses(advanced.host)
        place = direct if found.outcome is Outcome.NONE else advanced
        try:
            async with asyncio.timeout(FETCH_S):
                return await self._fetch(place)
        except (NoAnswer, TimeoutError, httpx.HTTPError) as error:
            log.info("openpgp.no_key", domain=domain, host=place.host, reason=type(error).__name__)
            return None

    async def _fetch(self, place: Place) -> bytes:
        """Return what a place gives. A stranger's zone does not make us connect to our own networks."""
        addresses = [each for each in (await self._resolver.addresses(place.host)).records if self._allowed(each)]
        if self._roots is None:
            self._roots = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(verify=self._roots, timeout=FETCH_S, trust_env=False) as http:
            for address in addresses[:ADDRESSES]:
                shown = f"[{address}]" if ":" in address else address
                try:
                    return await _get(http, f"https://{shown}:{self._port}{place.path}", place.host)
                except httpx.ConnectError:
                    continue
        raise NoAnswer


def directory(services: Services) -> Directory:
    """Return what asks for this process."""
    return services.parts.get(Directory, lambda: Directory(dns.of(services)))


async def _get(http: httpx.AsyncClient, url: str, host: str) -> bytes:
    try:
        answer = await bounded.ask(http, url, keys.MAX_KEY_BYTES, host=host)
    except TooLarge as error:
        raise BadPgpKey("this key is larger than one may be", host=host) from error
    if answer.status != httpx.codes.OK:
        raise NoAnswer
    return answer.octets
