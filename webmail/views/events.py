"""News for a page that stays open: one event when the mailbox has changed (HTML Living Standard §9.2, server-sent events).

Without JavaScript nothing is missing: the list has a link that loads it again.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mailcore.store.types import AccountId
from webmail import desk as desks
from webmail.desk import Desk

HEARTBEAT_S = 30.0  # proxies cut silent connections after a minute
LIFETIME_S = 900.0  # then the browser comes back by itself and shows its session again
RETRY_MS = 15_000
MAX_STREAMS = 2_000

_room = asyncio.Semaphore(MAX_STREAMS)


async def show(request: Request, desk: Desk) -> Response:
    """Stream hints about one account; 503 when too many listen."""
    box = desk.box(request.path_params["account"])
    if _room.locked():
        return Response(status_code=503, headers={"retry-after": "60"})
    return StreamingResponse(_hints(desk, box.account_id), media_type="text/event-stream")


async def _hints(desk: Desk, account_id: int) -> AsyncIterator[bytes]:
    bus = desk.services.store.bus
    async with _room:
        with bus.subscribe(AccountId(account_id)) as subscription:
            yield f"retry: {RETRY_MS}\n\n".encode()
            for _ in range(int(LIFETIME_S / HEARTBEAT_S)):
                changed = await subscription.wait(HEARTBEAT_S)
                if not await _may_listen(desk, account_id):
                    return
                yield b"event: changed\ndata: 1\n\n" if changed else b": still here\n\n"


async def _may_listen(desk: Desk, account_id: int) -> bool:
    """Say whether the session still lives and the mailbox is still the visitor's: a post or a loan may have been withdrawn."""
    today = await desks.find_by(desk.services, desk.cookie)
    box = today.find(account_id) if today is not None else None
    return box is not None and box.opens
