"""The scanners of the settings: one client of each for the whole process, and an end to waiting for them."""

import asyncio
from collections.abc import Awaitable, Coroutine

from config.checking import Checks
from mailcore import dns
from mailcore.checks.clamav import Clamav
from mailcore.checks.driving import drive
from mailcore.checks.rspamd import Rspamd
from mailcore.checks.spf import evaluate
from mailcore.checks.types import Arrival, Scan, Scanner
from mailcore.services import Services

HOST_S = 3.0  # to find the name of a peer, which only rspamd wants to know


def begun(services: Services, arrival: Arrival) -> list[Coroutine[None, None, Scan]]:
    """Return the scans of a message by the scanners of the settings; each ends in time, "down" if need be."""
    checks, parts = services.settings.checks, services.parts
    found: list[Coroutine[None, None, Scan]] = []
    if checks.clamav:
        found.append(_bounded("clamav", parts.get(Clamav, lambda: clamav(checks)).scan(arrival.raw), checks.deadline_s))
    if checks.rspamd:
        found.append(_bounded("rspamd", _rspamd(services, parts.get(Rspamd, lambda: rspamd(checks)), arrival), checks.deadline_s))
    return found


async def _rspamd(services: Services, scanner: Rspamd, arrival: Arrival) -> Scan:
    hosts: list[str] = []
    try:
        async with asyncio.timeout(HOST_S):
            hosts = await drive(evaluate.hosts(arrival.peer), dns.of(services).ask)
    except TimeoutError:
        pass
    return await scanner.scan(arrival, hosts[0] if hosts else "")


async def _bounded(scanner: Scanner, scan: Awaitable[Scan], deadline_s: float) -> Scan:
    try:
        async with asyncio.timeout(deadline_s):
            return await scan
    except TimeoutError:
        return Scan(scanner, "down", "not in time")


def clamav(checks: Checks) -> Clamav:
    """Return a client of the settings' clamd."""
    return Clamav(checks.clamav, checks.clamav_timeout_s)


def rspamd(checks: Checks) -> Rspamd:
    """Return a client of the settings' rspamd."""
    return Rspamd(checks.rspamd, checks.rspamd_timeout_s)
