"""The DNS for the whole node: one resolver, a bounded cache, and outcomes as values: nothing here raises because of a stranger's zone.

RFC 1035 §4.2 (messages), RFC 3596 §2.1 (AAAA), RFC 2308 §5 (how long a "no" is kept), RFC 4035 §4.9.3 (AD is worth what the way to the
resolver is worth).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from config.checking import Dns
from config.places import endpoint
from mailcore.answers import NO_ANSWER, NO_SUCH_NAME, NOTHING, Answer, Outcome, Question
from mailcore.services import Services

LIFETIME_S = 20.0  # of one question, over all servers and tries
TRY_S = 2.0  # before the next server is asked
MAX_RECORDS = 100  # of one answer; Postfix uses as many
MAX_CACHED = 20_000  # answers, about 500 octets each
MAX_CACHED_BYTES = 16 * 1024 * 1024  # of their records: one may have 64 KiB, and a stranger may name thousands of those
MAX_UNDER_WAY = 256  # questions at once
MAX_TTL_S = 3600.0  # a change in the DNS is believed within the hour, whatever its time to live
MAX_NO_S = 900.0  # RFC 2308 §5 suggests one to three hours at most; somebody who mends a zone wants to see it
FAILURE_S = 5.0  # RFC 2308 §7.1: a failure may be kept for five minutes; this only spares a burst of the same question
PAYLOAD_BYTES = 1232  # of EDNS: no fragments on any path (DNS flag day 2020)


@dataclass(frozen=True, slots=True)
class Kept:
    answer: Answer
    until_s: float

    @property
    def size_bytes(self) -> int:
        """Return how large its records are."""
        return sum(map(len, self.answer.records))


class Resolver:
    """Asks name servers and remembers for as long as they say. `validating`: their AD flag may be believed."""

    def __init__(
        self, asking: dns.asyncresolver.Resolver, *, validating: bool = False, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._asking, self._validating, self._now_s = asking, validating, now_s
        self._kept: OrderedDict[Question, Kept] = OrderedDict()
        self._held_bytes = 0
        self._room = asyncio.Semaphore(MAX_UNDER_WAY)
        asking.use_edns(0, dns.flags.DO if validating else 0, PAYLOAD_BYTES)
        asking.flags = dns.flags.RD | (dns.flags.AD if validating else 0)
        asking.cache = None

    async def ask(self, question: Question, lifetime_s: float = LIFETIME_S) -> Answer:
        """Return what the DNS says; TEMPORARY when it says nothing in time."""
        kept = self._kept.get(question)
        if kept is not None and kept.until_s > self._now_s():
            self._kept.move_to_end(question)
            return kept.answer
        name = _name(question.name)
        if name is None:
            return NO_SUCH_NAME
        async with self._room:
            answer, ttl_s = await self._asked(name, question.kind, lifetime_s)
        self._keep(question, Kept(answer, self._now_s() + ttl_s))
        return answer

    def _keep(self, question: Question, kept: Kept) -> None:
        """Remember an answer; those that nobody has asked for lately give way."""
        if (before := self._kept.pop(question, None)) is not None:
            self._held_bytes -= before.size_bytes
        self._kept[question] = kept
        self._held_bytes += kept.size_bytes
        while len(self._kept) > MAX_CACHED or self._held_bytes > MAX_CACHED_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._held_bytes -= oldest.size_bytes

    async def _asked(self, name: dns.name.Name, kind: str, lifetime_s: float) -> tuple[Answer, float]:
        """Return the answer and for how many seconds it holds."""
        try:
            found = await self._asking.resolve(name, kind, lifetime=lifetime_s, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            return NO_SUCH_NAME, _no_ttl_s(_responses(error))
        except (dns.exception.DNSException, OSError):
            return NO_ANSWER, FAILURE_S
        authentic = self._validating and bool(found.response.flags & dns.flags.AD)
        if found.rrset is None:
            return Answer(Outcome.NONE, authentic=authentic), _no_ttl_s([found.response])
        records = tuple(_text(record) for record in list(found.rrset)[:MAX_RECORDS])
        return Answer(Outcome.FOUND, records, authentic=authentic), min(float(found.rrset.ttl), MAX_TTL_S)

    async def addresses(self, name: str) -> Answer:
        """Return IPv6 and IPv4 addresses in turn; TEMPORARY only when there is none and one family could not be asked."""
        six, four = await asyncio.gather(self.ask(Question(name, "AAAA")), self.ask(Question(name, "A")))
        records = tuple(_in_turn(six.records, four.records))
        if records:
            authentic = all(each.authentic for each in (six, four) if each.records)
            return Answer(Outcome.FOUND, records, authentic=authentic)
        if six.failed or four.failed:
            return NO_ANSWER
        return NOTHING if six.exists or four.exists else NO_SUCH_NAME


def system_resolver(settings: Dns | None = None) -> Resolver:
    """Return a resolver with the name servers of the settings, else the machine's; without any, every question fails for a while."""
    settings = settings or Dns()
    try:
        asking = dns.asyncresolver.Resolver(configure=not settings.nameservers)
    except dns.resolver.NoResolverConfiguration:
        asking = dns.asyncresolver.Resolver(configure=False)
    if settings.nameservers:
        places = [endpoint(each) for each in settings.nameservers]
        asking.nameservers = [host for host, _ in places]
        asking.nameserver_ports = dict(places)
    asking.timeout = TRY_S
    return Resolver(asking, validating=settings.validating)


def of(services: Services) -> Resolver:
    """Return the resolver that all of a node's process shares."""
    return services.parts.get(Resolver, lambda: system_resolver(services.settings.dns))


async def look_up(name: str, kind: str, resolver: Resolver) -> tuple[str, ...] | None:
    """Return the records of a name as a zone file writes them; None when the DNS does not answer."""
    answer = await resolver.ask(Question(name.rstrip("."), kind))
    return None if answer.failed else answer.records


def _name(text: str) -> dns.name.Name | None:
    """Return a name of these labels, octet for octet; None for one that no zone can hold."""
    try:
        labels = tuple(label.encode("latin-1") for label in text.removesuffix(".").split("."))
        return dns.name.Name((*labels, b"")) if all(labels) else None
    except (UnicodeEncodeError, dns.exception.DNSException):
        return None


def _text(record: Rdata) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("latin-1")
    if isinstance(record, MX):
        return f"{record.preference} {_host(record.exchange)}"
    target = getattr(record, "target", None)
    if isinstance(target, dns.name.Name) and record.rdtype != dns.rdatatype.SRV:
        return _host(target)
    return record.to_text()


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _responses(error: dns.resolver.NXDOMAIN) -> list[dns.message.Message]:
    return list(error.kwargs["responses"].values())


def _no_ttl_s(responses: Sequence[dns.message.Message]) -> float:
    """Return how long a "no" holds: the lesser of the SOA's time to live and its minimum (RFC 2308 §5)."""
    held = [
        float(min(rrset.ttl, rrset[0].minimum))
        for response in responses
        for rrset in response.authority
        if rrset.rdtype == dns.rdatatype.SOA and len(rrset)
    ]
    return min([MAX_NO_S, *held]) if held else FAILURE_S


def _in_turn(first: Sequence[str], second: Sequence[str]) -> list[str]:
    shorter = min(len(first), len(second))
    pairs = [each for pair in zip(first, second, strict=False) for each in pair]
    return [*pairs, *first[shorter:], *second[shorter:]]
