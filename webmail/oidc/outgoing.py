"""What goes out to platforms by HTTP: that a session is over. Only to addresses that were registered and approved.

OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx

from config.background import running
from config.log import log
from directory.oidc import grants, logout, notices
from directory.oidc.notices import Notice
from mailcore.services import Services

EVERY_S = 2.0
OUTDATED_EVERY = 30  # of these turns: people who left or changed their credentials are looked for once a minute
AT_ONCE = 20
TIMEOUT_S = 5.0


@contextlib.asynccontextmanager
async def farewells(services: Services) -> AsyncIterator[None]:
    """Tell platforms of ended sessions for as long as the context lasts."""
    async with running("farewells", _forever(services)):
        yield


async def send_due(services: Services, client: httpx.AsyncClient) -> int:
    """Tell what is due; return how many platforms were tried."""
    due = await services.db.write(notices.lease, AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for notice in due:
            tasks.create_task(_tell(services, client, notice))
    return len(due)


def http_client(roots: Sequence[bytes], ca: Path | None = None) -> httpx.AsyncClient:
    """Return a client that trusts the system's roots, or those of a file, and the state's own; it follows nobody elsewhere."""
    return httpx.AsyncClient(verify=trust(roots, ca), timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


def trust(roots: Sequence[bytes], ca: Path | None = None) -> ssl.SSLContext:
    """Return what servers are checked by (RFC 9325 §3.1.1)."""
    context = ssl.create_default_context(cafile=ca)
    for root in roots:
        context.load_verify_locations(cadata=root)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _forever(services: Services) -> None:
    async with http_client(services.roots) as client:
        turn = 0
        while True:
            try:
                if turn % OUTDATED_EVERY == 0:
                    await services.db.write(grants.end_outdated)
                while await send_due(services, client) == AT_ONCE:
                    pass
            except Exception:  # noqa: BLE001  (a driver: the next turn is another try)
                log.exception("openid.farewell_failed")
            turn += 1
            await asyncio.sleep(EVERY_S)


async def _tell(services: Services, client: httpx.AsyncClient, notice: Notice) -> None:
    token = await logout.token(services.openid, notice)
    try:
        async with client.stream("POST", notice.client.facts.backchannel_logout_uri, data={"logout_token": token}) as answer:
            told = answer.status_code in (200, 204)
    except httpx.HTTPError as error:
        log.info("openid.farewell_unheard", client=notice.client.client_id, error=type(error).__name__)
        told = False
    await services.db.write(notices.settle, notice.sid, told=told, attempts=notice.attempts)
