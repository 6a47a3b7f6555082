"""The listeners: `mx` for other servers and, by LMTP, other software here, `submission` for people on 587 (STARTTLS) and 465 (TLS at once).

RFC 5321, RFC 6409, RFC 8314 §3.3, RFC 2033.
"""

import contextlib
from collections.abc import AsyncIterator

import structlog

from config.gate import Gate
from config.settings import Settings
from mailcore.queue.accept import accept as queue_accept
from mailcore.services import Services
from mailcore.smtp import receive, submit
from mailcore.smtp.door import Door
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.smtp.session import Accept, Front, Rules
from mailcore.tls import Listening

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def mx(services: Services, accept: Accept = queue_accept, limits: Limits | None = None) -> AsyncIterator[None]:
    """Receive mail from other servers while the context lasts."""
    front = make_front(services, receive.RULES, accept, limits)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(listening(front, services.settings.listen.smtp, tls_at_once=False))
        if services.settings.listen.lmtp:
            path = str(services.settings.directory / services.settings.listen.lmtp)
            await stack.enter_async_context(listening(make_local(services, accept, limits), path, tls_at_once=False))
        yield


@contextlib.asynccontextmanager
async def submission(services: Services, accept: Accept = queue_accept, limits: Limits | None = None) -> AsyncIterator[None]:
    """Take mail from people who sign in while the context lasts."""
    front = make_front(services, submit.RULES, accept, limits)
    listen = services.settings.listen
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(listening(front, listen.submission, tls_at_once=False))
        await stack.enter_async_context(listening(front, listen.submissions, tls_at_once=True))
        yield


def make_front(services: Services, rules: Rules, accept: Accept, limits: Limits | None) -> Front:
    """Put together what the connections of a listener share."""
    limits = limits or limits_of(services.settings)
    return Front(
        services=services,
        rules=rules,
        limits=limits,
        gate=Gate(limits.connections, limits.connections_per_address),
        memory=Memory(max(limits.memory_bytes, limits.message_bytes)),
        tls=Listening(services, asks=rules.signs_in, nodes=None if rules.signs_in else services.settings.routing.ca),
        accept=accept,
    )


def make_local(services: Services, accept: Accept, limits: Limits | None) -> Front:
    """Put together what the connections of other mail software on this machine share (RFC 2033): one peer, no TLS."""
    limits = limits or limits_of(services.settings)
    memory = Memory(max(limits.memory_bytes, limits.message_bytes))
    return Front(services, receive.LMTP, limits, Gate(limits.connections, limits.connections), memory, None, accept)


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings name, the rest as it stands in `limits`."""
    return Limits(
        message_bytes=settings.smtp.max_message_bytes,
        recipients=settings.smtp.max_recipients,
        connections=settings.smtp.max_connections,
        connections_per_address=settings.smtp.max_connections_per_address,
    )


@contextlib.asynccontextmanager
async def listening(front: Front, where: str, *, tls_at_once: bool) -> AsyncIterator[None]:
    """Listen on ``host:port``, or not at all when `where` is empty; afterwards let messages on their way arrive."""
    if not where:
        yield
        return
    door = Door(front, where, tls_at_once=tls_at_once)
    log.info("smtp.listening", role=front.rules.name, where=where, tls_at_once=tls_at_once)
    try:
        yield
    finally:
        await door.close()
