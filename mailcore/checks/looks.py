"""What `diwan doctor` asks about the checks: are the records of our keys published, do the scanners answer, is what they know fresh."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from config.checking import Checks
from mailcore.answers import Question
from mailcore.checks import tags
from mailcore.checks.keys import DkimKey
from mailcore.checks.scanning import clamav, rspamd
from mailcore.dns import Resolver

QUESTION_S = 5.0
AT_ONCE = 8  # questions under way
OLD = timedelta(days=7)  # ClamAV's signatures change several times a day


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at."""

    check: str
    ok: bool
    said: str


async def records(known: Sequence[DkimKey], resolver: Resolver) -> list[Look]:
    """Compare the records of our keys with what the DNS says."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(key: DkimKey) -> Look:
        async with slots:
            answer = await resolver.ask(Question(key.name, "TXT"), QUESTION_S)
        if answer.failed:
            return Look("dkim", False, f"{key.name}: the DNS does not answer")
        if not answer.records:
            return Look("dkim", False, f"{key.name} is missing from the DNS; publish: {key.zone_line}")
        if [_essence(text) for text in answer.records] != [_essence(key.record)]:
            return Look("dkim", False, f"{key.name} differs in the DNS; publish: {key.zone_line}")
        return Look("dkim", True, f"{key.name} is published")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(key)) for key in known]
    return [task.result() for task in tasks]


def _essence(text: str) -> tuple[str, str] | None:
    """Return what a key record says of the key, however it is written."""
    try:
        found = tags.read(text.encode("latin-1"))
    except tags.BadTags:
        return None
    return tags.blankless(found.get("k", "rsa")).lower(), tags.blankless(found.get("p", ""))


async def scanners(checks: Checks, now: datetime | None = None) -> list[Look]:
    """Ask the scanners of the settings how they are."""
    found = []
    if checks.clamav:
        found.append(await _clamav(checks, now or datetime.now(UTC)))
    if checks.rspamd:
        found.append(await _rspamd(checks))
    return found


async def _clamav(checks: Checks, now: datetime) -> Look:
    try:
        version, dated = await clamav(checks).version()
    except (OSError, TimeoutError) as error:
        return Look("clamav", False, f"{checks.clamav} does not answer: {error or type(error).__name__}")
    if dated is None:
        return Look("clamav", True, f"{version} answers at {checks.clamav}; it does not say of when its signatures are")
    said = f"{version} answers at {checks.clamav}, its signatures are of {dated:%Y-%m-%d}"
    return Look("clamav", now - dated < OLD, said if now - dated < OLD else f"{said}: is freshclam running?")


async def _rspamd(checks: Checks) -> Look:
    asked = rspamd(checks)
    try:
        return Look("rspamd", True, f"{await asked.version()} answers at {checks.rspamd}")
    except (httpx.HTTPError, OSError) as error:
        return Look("rspamd", False, f"{checks.rspamd} does not answer: {error or type(error).__name__}")
    finally:
        await asked.aclose()
