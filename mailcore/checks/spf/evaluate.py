"""Whether a domain lets an address send for it: check_host. Pure: it yields questions to the DNS.

RFC 7208 §4 (the function), §4.6.4 (limits), §5 (mechanisms), §6 (modifiers).
"""

import ipaddress
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

from mailcore.answers import Answer, Outcome, Question
from mailcore.checks import names
from mailcore.checks.asking import Steps
from mailcore.checks.results import Spf, SpfResult
from mailcore.checks.spf import macro, record
from mailcore.checks.spf.macro import Values
from mailcore.checks.spf.record import Mechanism, Record

MAX_LOOKUPS = 10  # §4.6.4: include, a, mx, ptr, exists, redirect
MAX_VOID = 2  # §4.6.4: questions of these that find nothing
MAX_NAMES = 10  # §4.6.4: of one mx or ptr
EXPLANATION = 200  # characters of a stranger's words that are kept
RESULTS: dict[str, SpfResult] = {"+": "pass", "-": "fail", "?": "neutral", "~": "softfail"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class _Ended(Exception):
    """Nothing more can be found out: temperror or permerror, with the reason."""

    def __init__(self, result: SpfResult, reason: str) -> None:
        self.result, self.reason = result, reason
        super().__init__(reason)


@dataclass(slots=True)
class _Budget:
    """What one check may still ask; shared by what it includes."""

    lookups: int
    void: int
    validated: dict[str, str] = field(default_factory=dict)

    def spend(self) -> None:
        """Count a term that asks the DNS."""
        if self.lookups == 0:
            raise _Ended("permerror", "more than 10 terms ask the DNS")
        self.lookups -= 1

    def note(self, answer: Answer) -> None:
        """Count an answer that finds nothing."""
        if answer.outcome is Outcome.NONE:
            if self.void == 0:
                raise _Ended("permerror", "more than 2 questions find nothing")
            self.void -= 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One check: which address, for whom. `receiver` is our own name, `now_s` seconds since 1970."""

    address: str
    sender: str
    hello: str
    receiver: str = "unknown"
    now_s: int = 0


def check(asked: Asked) -> Steps[Spf]:
    """Return what the domain of the sender says about the address; that of the greeting for the null sender (§2.4).

    Every way to write an address and a name is taken; what cannot be a domain is "none" (§4.3).
    """
    identity: Literal["mailfrom", "helo"] = "mailfrom" if asked.sender else "helo"
    sender = asked.sender if "@" in asked.sender else f"postmaster@{asked.sender or asked.hello}"
    local, _, host = sender.rpartition("@")
    sender = f"{local or 'postmaster'}@{host}"
    try:
        domain = names.canonical(host.removesuffix("."))
        address = _plain(ipaddress.ip_address(asked.address))
    except (names.BadName, ValueError):
        return Spf("none", identity=identity, reason="not the name of a domain")
    values = Values(f"{local or 'postmaster'}@{domain}", domain, address, asked.hello, asked.receiver, asked.now_s)
    try:
        result, words = yield from _check_host(values, _Budget(MAX_LOOKUPS, MAX_VOID), explaining=True)
    except _Ended as end:
        return Spf(end.result, domain, identity, end.reason)
    return Spf(result, domain, identity, explanation=words)


Walk = Generator[Question, Answer, tuple[SpfResult, str]]


def _check_host(values: Values, budget: _Budget, *, explaining: bool = False) -> Walk:
    found = yield from _record(values.domain)
    if found is None:
        return "none", ""
    for mechanism in found.mechanisms:
        if (yield from _matches(mechanism, values, budget)):
            result = RESULTS[mechanism.qualifier]
            words = (yield from _explain(found, values, budget)) if explaining and result == "fail" else ""
            return result, words
    if found.redirect:
        budget.spend()
        target = yield from _domain(found.redirect, values, budget)
        result, words = yield from _check_host(replace(values, domain=target), budget, explaining=explaining)
        if result == "none":
            _fail(f"redirect to {_short(target)}, which has no record")  # §6.1
        return result, words
    return "neutral", ""


def _record(domain: str) -> Generator[Question, Answer, Record | None]:
    if not names.is_host(domain):
        return None
    answer = yield Question(domain, "TXT")
    if answer.failed:
        raise _Ended("temperror", "the DNS gives no record now")
    found = [text for text in answer.records if record.is_record(text)]
    if not found:
        return None
    if len(found) > 1:
        _fail("more than one record")
    if not found[0].isascii():
        _fail("record is not ASCII")
    try:
        return record.read(found[0])
    except record.BadRecord as error:
        _fail(str(error))


def _fail(reason: str) -> NoReturn:
    raise _Ended("permerror", reason)


def _short(name: str) -> str:
    return name[:80]


def _matches(mechanism: Mechanism, values: Values, budget: _Budget) -> Steps[bool]:
    """Say whether a mechanism matches (§5)."""
    if mechanism.network is not None:
        return values.address.version == mechanism.network.version and values.address in mechanism.network
    if mechanism.name == "all":
        return True
    budget.spend()
    target = (yield from _domain(mechanism.domain, values, budget)) if mechanism.domain else values.domain
    return (yield from _ASKING[mechanism.name](mechanism, target, values, budget))


def _include(_: Mechanism, target: str, values: Values, budget: _Budget) -> Steps[bool]:
    result, _words = yield from _check_host(replace(values, domain=target), budget)
    if result == "none":
        _fail(f"include of {_short(target)}, which has no record")  # §5.2
    return result == "pass"


def _a(mechanism: Mechanism, target: str, values: Values, budget: _Budget) -> Steps[bool]:
    answer = yield from _ask(target, _family(values.address), budget)
    return _any_in(answer, mechanism, values)


def _mx(mechanism: Mechanism, target: str, values: Values, budget: _Budget) -> Steps[bool]:
    answer = yield from _ask(target, "MX", budget)
    if len(answer.records) > MAX_NAMES:
        _fail("more than 10 mail servers")
    for text in answer.records:
        found = yield from _ask(text.rpartition(" ")[2], _family(values.address), None)
        if _any_in(found, mechanism, values):
            return True
    return False


def _exists(_: Mechanism, target: str, values: Values, budget: _Budget) -> Steps[bool]:
    answer = yield from _ask(target, "A", budget)
    return answer.outcome is Outcome.FOUND


def _ptr(_: Mechanism, target: str, values: Values, budget: _Budget) -> Steps[bool]:
    found = yield from _validated(values, budget)
    return any(names.is_within(name, target) for name in found)


_ASKING = {"include": _include, "a": _a, "mx": _mx, "exists": _exists, "ptr": _ptr}


def _ask(name: str, kind: str, budget: _Budget | None) -> Steps[Answer]:
    """Ask for a mechanism: no answer ends everything (§5), nothing found is counted."""
    if not names.is_host(name):
        answer = Answer(Outcome.NONE, exists=False)
    else:
        answer = yield Question(name, kind)
    if answer.failed:
        raise _Ended("temperror", f"the DNS gives no {kind} of {_short(name)} now")
    if budget is not None:
        budget.note(answer)
    return answer


def _validated(values: Values, budget: _Budget | None) -> Steps[list[str]]:
    """Return the names of the address that lead back to it (§5.5); a question that fails finds nothing."""
    pointer = yield Question(values.address.reverse_pointer, "PTR")
    if budget is not None and not pointer.failed:
        budget.note(pointer)
    return (yield from _leading_back(pointer, values.address))


def hosts(address: str) -> Steps[list[str]]:
    """Return the names of an address that lead back to it, as far as the DNS says."""
    plain = _plain(ipaddress.ip_address(address))
    return (yield from _leading_back((yield Question(plain.reverse_pointer, "PTR")), plain))


def _leading_back(pointer: Answer, address: Address) -> Steps[list[str]]:
    found = []
    for name in filter(names.is_host, pointer.records[:MAX_NAMES]):
        answer = yield Question(name, _family(address))
        if str(address) in answer.records:
            found.append(name)
    return found


def _domain(spec: str, values: Values, budget: _Budget) -> Steps[str]:
    """Return a domain-spec with its macros replaced; the name of p is looked up when it is asked for."""
    if macro.needs_validated(spec):
        values = yield from _with_validated(values, budget)
    return macro.domain(spec, values)


def _with_validated(values: Values, budget: _Budget) -> Steps[Values]:
    """Fill in p: the domain itself, else a name below it, else any (§7.3)."""
    if values.domain not in budget.validated:
        found = yield from _validated(values, None)
        best = [name for name in found if name == values.domain] or [n for n in found if names.is_within(n, values.domain)] or found
        budget.validated[values.domain] = best[0] if best else "unknown"
    return replace(values, validated=budget.validated[values.domain])


def _explain(found: Record, values: Values, budget: _Budget) -> Steps[str]:
    """Return what the domain says of a failure; nothing that goes wrong here changes the result (§6.2)."""
    if not found.explanation:
        return ""
    try:
        name = yield from _domain(found.explanation, values, budget)
        if not names.is_host(name):
            return ""
        answer = yield Question(name, "TXT")
        if len(answer.records) != 1:
            return ""
        if macro.needs_validated(answer.records[0], explaining=True):
            values = yield from _with_validated(values, budget)
        return macro.explanation([macro.expand(answer.records[0], values, explaining=True)], EXPLANATION)
    except macro.BadMacro:
        return ""


def _family(address: Address) -> str:
    return "A" if address.version == 4 else "AAAA"


def _any_in(answer: Answer, mechanism: Mechanism, values: Values) -> bool:
    bits = mechanism.bits4 if values.address.version == 4 else mechanism.bits6
    network = ipaddress.ip_network(f"{values.address}/{bits}", strict=False)
    return any(_plain(ipaddress.ip_address(each)) in network for each in answer.records)


def _plain(address: Address) -> Address:
    """Return an IPv4 address that is written as an IPv6 one as what it is (§5)."""
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
