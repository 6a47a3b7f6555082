"""Where MTA-STS policies come from: announced in the DNS, fetched over HTTPS, kept in rows that survive a restart.

RFC 8461 §3.3 (HTTPS with a good certificate, no redirects), §5.1 (a kept policy holds while a new one cannot be had).
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx

from config.database import Database
from config.log import log
from mailcore import bounded
from mailcore.answers import Outcome, Question
from mailcore.bounded import TooLarge
from mailcore.dns import Resolver
from mailcore.routing import sts
from mailcore.routing.sts import BadPolicy, Kept

FETCH_S = 60.0  # RFC 8461 §3.3 suggests a minute
HTTPS_PORT = 443
AGAIN_S = 300.0  # after a fetch that failed; §3.3: not with every message
MAX_FAILED = 10_000  # domains whose last fetch failed

# RFC 8460 §4.3: what a report says of a policy that could not be had
Trouble = Literal["", "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"]


@dataclass(frozen=True, slots=True)
class Found:
    """A domain's policy, None for none; and what went wrong when a new one was asked for."""

    kept: Kept | None
    trouble: Trouble = ""


class Policies:
    """Finds policies for one node."""

    def __init__(
        self,
        db: Database,
        resolver: Resolver,
        allowed: Callable[[str], bool],
        *,
        roots: ssl.SSLContext | None = None,
        port: int = HTTPS_PORT,
    ) -> None:
        self._db, self._resolver, self._allowed, self._port = db, resolver, allowed, port
        self._roots = roots
        self._failed: dict[str, tuple[float, str, Trouble]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def of(self, domain: str) -> Found:
        """Return the policy of a domain: the kept one while its id is announced, or while no newer one can be had."""
        kept = await self._db.peek(sts.kept, domain)
        answer = await self._resolver.ask(Question(f"_mta-sts.{domain}", "TXT"))
        policy_id = sts.announced(answer.records) if answer.outcome is Outcome.FOUND else None
        if policy_id is None or (kept is not None and kept.policy_id == policy_id):
            return Found(kept)
        lock = self._asking.setdefault(domain, asyncio.Lock())
        try:
            async with lock:
                return await self._newer(domain, policy_id)
        finally:
            if not lock.locked():
                self._asking.pop(domain, None)

    async def _newer(self, domain: str, policy_id: str) -> Found:
        kept = await self._db.peek(sts.kept, domain)
        if kept is not None and kept.policy_id == policy_id:  # somebody else has fetched it meanwhile
            return Found(kept)
        now_s = asyncio.get_running_loop().time()
        until_s, failed_id, trouble = self._failed.get(domain, (0.0, "", ""))
        if until_s > now_s and failed_id == policy_id:
            return Found(kept, trouble)
        octets, trouble = await self._fetch(domain)
        if not trouble:
            try:
                policy = sts.parse(octets)
                self._failed.pop(domain, None)
                return Found(await self._db.write_brief(sts.keep, domain, policy_id, policy))
            except BadPolicy:
                trouble = "sts-policy-invalid"
        log.info("routing.no_sts_policy", domain=domain, trouble=trouble)
        while len(self._failed) >= MAX_FAILED:
            del self._failed[next(iter(self._failed))]
        self._failed[domain] = (now_s + AGAIN_S, policy_id, trouble)
        return Found(kept, trouble)

    async def _fetch(self, domain: str) -> tuple[bytes, Trouble]:
        """Return a policy's text, or what went wrong. A stranger's record does not make us connect to our own networks."""
        host = f"mta-sts.{domain}"
        addresses = [each for each in (await self._resolver.addresses(host)).records if self._allowed(each)]
        if self._roots is None:
            self._roots = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(verify=self._roots, timeout=FETCH_S, trust_env=False) as http:
            for address in addresses[:2]:
                place = f"[{address}]" if ":" in address else address
                try:
                    async with asyncio.timeout(FETCH_S):
                        return await _get(http, f"https://{place}:{self._port}/.well-known/mta-sts.txt", host), ""
                except httpx.HTTPError as error:
                    if "CERTIFICATE_VERIFY_FAILED" in str(error):
                        return b"", "sts-webpki-invalid"
                except (BadPolicy, TooLarge, TimeoutError):
                    pass
        return b"", "sts-policy-fetch-error"


async def _get(http: httpx.AsyncClient, url: str, host: str) -> bytes:
    answer = await bounded.ask(http, url, sts.MAX_POLICY_BYTES, headers={"accept": "text/plain"}, host=host)
    if answer.status != httpx.codes.OK or answer.kind != "text/plain":
        raise BadPolicy(f"{answer.status} {answer.kind}")
    return answer.octets
