"""The role that shows figures to Prometheus on loopback: `[metrics] listen`. RFC 9112 as far as one GET needs it.

The counts are those of this process; what waits in the queue is read from the database, so that every process says the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial

import structlog

from config.metrics import family
from config.settings import endpoint
from mailcore.evidence import watch as watch_evidence
from mailcore.pki import lasting
from mailcore.pki import watch as certificates
from mailcore.queue import counters, watch
from mailcore.queue.watch import Standing
from mailcore.services import Services

PATH = b"/metrics"
MAX_REQUEST = 8192  # octets of a request line and its header
PATIENCE_S = 5.0
MAX_ASKING = 8  # connections at once
TOP = 50  # destinations that are shown by name
TYPE = "text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def metrics(services: Services) -> AsyncIterator[None]:
    """Serve figures for as long as the node serves, when the settings say where."""
    where = services.settings.metrics.listen
    if not where:
        yield
        return
    host, port = endpoint(where)
    asking = asyncio.Semaphore(MAX_ASKING)
    server = await asyncio.start_server(partial(_serve, services, asking), host, port, limit=MAX_REQUEST)
    async with server:
        yield


async def _serve(services: Services, asking: asyncio.Semaphore, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asking, asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await answer(services, head.split(b"\r\n", 1)[0]))
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    except Exception as error:  # a driver: figures are not worth a dead role
        log.error("metrics.error", exc_info=error)
    finally:
        writer.close()


async def answer(services: Services, line: bytes) -> bytes:
    """Return the whole response to a request line."""
    match line.split(b" "):
        case [b"GET", path, *_] if path.split(b"?")[0] == PATH:
            return _response("200 OK", "\n".join(await figures(services)) + "\n")
        case [b"GET", *_]:
            return _response("404 Not Found", "figures are at /metrics\n")
    return _response("405 Method Not Allowed", "GET only\n")


async def figures(services: Services) -> list[str]:
    """Return the lines of all figures."""
    issued = await services.db.read(certificates.standing)
    revocation = lasting.lines(await services.db.read(lasting.standing))
    evidence = watch_evidence.lines(await services.db.read(watch_evidence.standing))
    return [*_depths(await services.db.read(watch.standing, TOP)), *certificates.lines(issued), *revocation, *evidence, *counters.lines()]


def _depths(found: Standing) -> Iterator[str]:
    named = [(one.domain, one) for one in found.destinations]
    shown = (
        ("waiting", "Recipients that wait, held and leased ones included.", found.waiting, [one.waiting for _, one in named]),
        ("leased", "Recipients that are being served.", found.leased, [one.leased for _, one in named]),
        ("held", "Recipients that an operator holds back.", found.held, [one.held for _, one in named]),
    )
    for name, said, whole, counts in shown:
        samples = [((domain,), float(count)) for (domain, _), count in zip(named, counts, strict=True)]
        rest = (("other",), float(whole - sum(counts)))
        yield from family(f"diwan_queue_{name}", said, "gauge", ("destination",), [*samples, rest])
    ages = [((domain,), float(one.oldest_s)) for domain, one in named]
    yield from family("diwan_queue_age_seconds", "Age of the oldest message, by destination.", "gauge", ("destination",), ages)
    yield from family(
        "diwan_queue_oldest_seconds", "Age of the oldest message that nobody holds.", "gauge", (), [((), float(found.oldest_s or 0))]
    )
    resting = [((domain,), float(one.resting)) for domain, one in named]
    yield from family("diwan_queue_resting", "1 while a destination is left alone after failures.", "gauge", ("destination",), resting)


def _response(status: str, body: str) -> bytes:
    octets = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {TYPE}\r\nContent-Length: {len(octets)}\r\nConnection: close\r\n\r\n"
    return head.encode() + octets
