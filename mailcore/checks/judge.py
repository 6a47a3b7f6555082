"""All that is asked of a message from outside, at once and in bounded time, and what follows from the answers.

RFC 8601 §5 (what claims to be ours), RFC 7208 §4.6.4 (20 seconds). A check that does not end in time is a "temperror": nothing that is
missing here makes mail wait, unless the settings say so of a scanner.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

from config.clock import SECOND_US
from config.log import log
from directory import resolve
from mailcore import dns
from mailcore.answers import Answer, Question
from mailcore.checks import arc, authres, deciding, dkim, dmarc, scanning
from mailcore.checks import names as domains
from mailcore.checks.asking import Steps
from mailcore.checks.dkim import Head
from mailcore.checks.driving import drive
from mailcore.checks.results import Arc, Dkim, Dmarc, Spf
from mailcore.checks.spf import evaluate
from mailcore.checks.types import Arrival, Judgement, Scan
from mailcore.message import headers
from mailcore.message.headers import Field
from mailcore.services import Services

NAMES_S = 20.0  # for everything that asks the DNS; RFC 7208 §4.6.4 asks for at least 20 seconds for SPF
QUESTION_S = 5.0  # for one of these questions; where no name server answers at all, mail waits as long as this
TELL_US = 60 * SECOND_US  # a scanner that is down is told of once in this time, however much mail comes
IN_THREAD_BYTES = 262_144  # a larger body is hashed in a thread

NOTHING = Judgement()

T = TypeVar("T")


async def judge(services: Services, arrival: Arrival) -> Judgement:
    """Examine a message and say what follows. Never raises because of a message, a zone or a scanner."""
    checks = services.settings.checks
    asked = checks.enabled and not arrival.trusted and not is_exempt(arrival.peer, checks.exempt)
    if not asked and not arrival.has_results:
        return NOTHING
    fields, body_start = headers.scan(cast(bytes, arrival.raw))
    header = authres.neutralised(arrival.raw, fields, arrival.authserv_id)
    if header:
        log.warning("checks.forged_results", peer=arrival.peer, hello=arrival.hello)
    if not asked:
        return Judgement(header=header)
    found = await _examine(services, arrival, fields, body_start)
    decision, reasons = deciding.decide(checks, found)
    written = authres.field(authres.payload(arrival.authserv_id, found.spf, found.dkim, found.dmarc, found.arc))
    action = decision.action if decision is not None else "take"
    _tell(arrival, found, action, reasons)
    services.parts.get(Silences, Silences).tell(found.scans, services.clock.now_us())
    reply = decision.reply if decision is not None and action in ("reject", "defer") else None
    return Judgement(written, header, action, reply, reasons)


class Silences:
    """When the operator was last told that a scanner says nothing: mail that waits for it waits at its sender's, unseen here."""

    def __init__(self) -> None:
        self._told_us: dict[str, int] = {}

    def tell(self, scans: Sequence[Scan], now_us: int) -> None:
        """Warn of scanners that are down, of each once in a while."""
        for scan in scans:
            if scan.asked == "down" and now_us - self._told_us.get(scan.scanner, -TELL_US) >= TELL_US:
                self._told_us[scan.scanner] = now_us
                log.warning("checks.scanner_down", scanner=scan.scanner, reason=scan.name)


def is_exempt(peer: str, exempt: Sequence[str]) -> bool:
    """Say whether a peer is this machine or one that the settings exempt."""
    address = _address(peer)
    return address is not None and (is_loopback(address) or any(address in ipaddress.ip_network(network) for network in exempt))


@lru_cache(maxsize=1024)  # who brings one message brings many
def _address(peer: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Say whether an address is this machine's."""
    return address.is_loopback


def _tell(arrival: Arrival, found: deciding.Found, action: str, reasons: Sequence[str]) -> None:
    log.info(
        "checks.judged",
        peer=arrival.peer,
        action=action,
        reasons=list(reasons),
        author=found.dmarc.author,
        spf=found.spf.result,
        dkim=[each.result for each in found.dkim],
        dmarc=found.dmarc.result,
        arc=found.arc.result,
        scans=[f"{scan.scanner} {scan.asked}" for scan in found.scans],
    )


async def _examine(services: Services, arrival: Arrival, fields: tuple[Field, ...], body_start: int) -> deciding.Found:
    """Run what is configured, everything at once."""
    whose = _author(arrival)
    async with asyncio.TaskGroup() as group:
        names = group.create_task(_names(services, arrival, fields, body_start, whose))
        scans = [group.create_task(scan) for scan in scanning.begun(services, arrival)]
        ours = group.create_task(services.db.peek(resolve.is_local_domain, whose))
    found = names.result()
    return deciding.Found(found.spf, found.dkim, found.dmarc, found.arc, tuple(scan.result() for scan in scans), ours.result())


def _author(arrival: Arrival) -> str:
    try:
        return domains.canonical(arrival.author)
    except domains.BadName:
        return ""


@dataclass(frozen=True, slots=True)
class Named:
    """What the DNS helped to find out."""

    spf: Spf
    dkim: tuple[Dkim, ...]
    dmarc: Dmarc
    arc: Arc


async def _names(services: Services, arrival: Arrival, fields: tuple[Field, ...], body_start: int, whose: str) -> Named:
    """Check SPF, signatures and the chain at once, then what they prove for the author."""
    ends_s = asyncio.get_running_loop().time() + NAMES_S
    resolver = dns.of(services)
    head, now_s = Head.of(arrival.raw, fields), services.clock.now_us() // SECOND_US

    async def ask(question: Question) -> Answer:
        return await resolver.ask(question, QUESTION_S)

    async def within(steps: Steps[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout_at(ends_s):
                return await drive(steps, ask)
        except TimeoutError:
            return otherwise

    signed, chain = dkim.find(head), arc.read(head)
    bodies = await _hashes(arrival, body_start, [*dkim.shapes(signed), *arc.shapes(chain)])
    asked = evaluate.Asked(arrival.peer, arrival.sender, arrival.hello, arrival.authserv_id, now_s)
    async with asyncio.TaskGroup() as group:
        if whose:
            group.create_task(within(dmarc.look_ahead(whose), None))
        spf = group.create_task(within(evaluate.check(asked), Spf("temperror", reason="not in time")))
        judged = [group.create_task(within(dkim.verify(each, head, bodies, now_s), _late(each.result))) for each in signed]
        chained = group.create_task(within(arc.verify(chain, head, bodies, now_s), Arc("temperror", reason="not in time")))
    results = tuple(each.result() for each in judged)
    if not whose:
        return Named(spf.result(), results, Dmarc("permerror", reason="no single author"), chained.result())
    proven = await within(dmarc.verify(whose, spf.result(), results), Dmarc("temperror", whose, reason="not in time"))
    return Named(spf.result(), results, proven, chained.result())


def _late(of: Dkim) -> Dkim:
    return of if of.result == "permerror" else Dkim("temperror", of.domain, of.selector, of.algorithm, of.value, "not in time")


async def _hashes(arrival: Arrival, body_start: int, wanted: list[dkim.Shape]) -> dkim.Hashes:
    shapes = list(dict.fromkeys(wanted))
    if len(arrival.raw) - body_start < IN_THREAD_BYTES:
        return dkim.hashes(arrival.raw, body_start, shapes)
    return await asyncio.to_thread(dkim.hashes, arrival.raw, body_start, shapes)
