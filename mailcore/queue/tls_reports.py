"""Reports about TLS to domains that ask for them: one for each day that is over, by mail or HTTPS.

RFC 8460 §3 (where to), §4.1 (of whole days), §5.2 (compressed), §5.3 (mail), §5.4 (HTTPS), §5.5 (again when it fails). A report goes
out whatever became of TLS: it asks for no encryption itself (RFC 8689 §5), has the null sender, and nobody is told when it fails. Where
to is a stranger's word: it leads neither to our own networks nor to endless work.
"""

import asyncio
import base64
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from config.clock import SECOND_US
from config.errors import MailError
from config.log import log
from mailcore import bounded, dns
from mailcore.answers import Question
from mailcore.dns import Resolver
from mailcore.message.date import format_date
from mailcore.queue import route
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient, Submission, parsed
from mailcore.routing import sts, tlsrpt
from mailcore.routing.tlsrpt import Count
from mailcore.services import Services

ROUND = 100  # reports of one round; the next hour sends more
AT_ONCE = 10  # of them, so that a round takes no longer than ten minutes
REPORT_S = 60.0  # of waiting for one domain, in all
STEPS = 4  # connect, TLS, send, hear: each has its part of the time
MAX_PLACES = 4  # of one domain, tried one after the other
LINE = 76  # characters of base64 (RFC 2045 §6.8)
NEVER = frozenset({"NEVER"})


async def send(
    services: Services, resolver: Resolver | None = None, verify: ssl.SSLContext | bool = True, allowed: route.Allowed = route.is_public
) -> dict[str, int]:
    """Send the reports that are due, and forget what is old; return how many went out."""
    resolver = resolver or dns.of(services)
    await services.db.write(tlsrpt.sweep)
    await services.db.write(sts.sweep)
    due = await services.db.read(tlsrpt.unreported, ROUND) if services.settings.routing.reports else []
    free, web = asyncio.Semaphore(AT_ONCE), _Web(resolver, verify, allowed)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_report(services, web, free, day, domain)) for day, domain in due]
    return {"reports": sum(task.result() for task in tasks)}


async def _report(services: Services, web: "_Web", free: asyncio.Semaphore, day: int, domain: str) -> bool:
    """Send one report if its domain wants it, and note that; return whether it went out. What fails comes again, behind others (§5.5)."""
    async with free:
        rua = await _send(services, web, day, domain)
        await services.db.write(tlsrpt.reported, day, domain, rua)
    return rua not in ("", tlsrpt.TRIED)


async def _send(services: Services, web: "_Web", day: int, domain: str) -> str:
    """Send one report to the first place that takes it (RFC 8460 §3); return where, "" when none is wanted, else TRIED."""
    until_s = asyncio.get_running_loop().time() + REPORT_S
    places = await _places(web.resolver, domain, until_s)
    if not places:
        return tlsrpt.TRIED if places is None else ""
    counts = [one for one in await services.db.read(tlsrpt.of_day, day) if one.domain == domain]
    node = services.settings.node
    report_id = f"{day}.{secrets.token_hex(8)}@{node.hostname}"
    packed = tlsrpt.packed(tlsrpt.render(node.hostname, f"mailto:{node.postmaster}", report_id, day, counts))
    for place in places:
        try:
            if place.lower().startswith("mailto:"):
                name = tlsrpt.file_name(node.hostname, domain, day, report_id)
                to = str(parsed(place[7:].partition("?")[0]))
                await accept(services, _letter(services, to, domain, report_id, name, packed))
            else:
                await web.post(place, packed, until_s)
        except (httpx.HTTPError, httpx.InvalidURL, MailError, TimeoutError, ValueError) as error:
            log.info("tls.report_not_taken", domain=domain, place=place, error=type(error).__name__)
            continue
        log.info("tls.reported", domain=domain, day=day, sessions=sum(one.sessions for one in counts))
        return place
    return tlsrpt.TRIED


async def _places(resolver: Resolver, domain: str, until_s: float) -> tuple[str, ...] | None:
    """Return where a domain wants its reports, () for nowhere; None when the DNS does not say."""
    try:
        async with asyncio.timeout_at(until_s):
            answer = await resolver.ask(Question(f"_smtp._tls.{domain}", "TXT"))
    except TimeoutError:
        return None
    return None if answer.failed else tlsrpt.wanted_at(answer.records)[:MAX_PLACES]


@dataclass(frozen=True, slots=True)
class _Web:
    """How places on the web are reached."""

    resolver: Resolver
    verify: ssl.SSLContext | bool
    allowed: route.Allowed

    async def post(self, place: str, packed: bytes, until_s: float) -> None:
        """Send a report; of the answer only the status is read.

        Raises httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError.
        """
        async with asyncio.timeout_at(until_s):
            await self._post(httpx.URL(place), packed, until_s)

    async def _post(self, url: httpx.URL, packed: bytes, until_s: float) -> None:
        addresses = [each for each in (await self.resolver.addresses(url.host)).records if self.allowed(each)]
        if not addresses:
            raise ValueError("no public address")
        step_s = max(until_s - asyncio.get_running_loop().time(), 0.1) / STEPS
        headers = {"host": url.netloc.decode("ascii"), "content-type": "application/tlsrpt+gzip"}
        to, extensions = url.copy_with(host=addresses[0]), {"sni_hostname": url.host, "trace": bounded.closing()}  # there is a deadline
        async with (
            httpx.AsyncClient(timeout=step_s, trust_env=False, verify=self.verify) as http,
            http.stream("POST", to, content=packed, headers=headers, extensions=extensions) as answer,
        ):
            answer.raise_for_status()


def _letter(services: Services, to: str, domain: str, report_id: str, name: str, packed: bytes) -> Submission:
    """Return a report as a message (RFC 8460 §5.3)."""
    node, now_us = services.settings.node, services.clock.now_us()
    coded = base64.b64encode(packed).decode("ascii")
    lines = [coded[at : at + LINE] for at in range(0, len(coded), LINE)]
    mark = f"=_{secrets.token_hex(16)}"
    text = [
        f"From: <{node.postmaster}>",
        f"To: <{to}>",
        f"Date: {format_date(now_us // SECOND_US * SECOND_US)}",
        f"Message-ID: <{report_id}>",
        f"Subject: Report Domain: {domain}\r\n Submitter: {node.hostname}\r\n Report-ID: <{report_id}>",
        f"TLS-Report-Domain: {domain}",
        f"TLS-Report-Submitter: {node.hostname}",
        "TLS-Required: No",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type="tlsrpt";\r\n boundary="{mark}"',
        "",
        f"--{mark}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is an aggregate TLS report from {node.hostname}.",
        "",
        f"--{mark}",
        "Content-Type: application/tlsrpt+gzip",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment;\r\n filename="{name}"',
        "",
        *lines,
        f"--{mark}--",
        "",
    ]
    return Submission("", (Recipient(to, NEVER),), "\r\n".join(text).encode())


def shown(counts: Sequence[Count]) -> list[dict[str, object]]:
    """Return what was counted as rows for people and machines."""
    return [
        {
            "domain": one.domain,
            "policy": one.kind,
            "result": one.result or "success",
            "host": one.host,
            "address": one.address,
            "reason": one.reason,
            "sessions": one.sessions,
        }
        for one in counts
    ]
