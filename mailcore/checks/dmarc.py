"""Whether the author's domain is proven, and what it asks for when it is not. Pure: it yields questions to the DNS.

RFC 9989: §4.4 (alignment), §4.7 (tags), §4.10 (tree walk), §5.3 (what a receiver does). Reports (RFC 9990, RFC 9991) are not sent.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.answers import Outcome, Question
from mailcore.checks import names, tags
from mailcore.checks.asking import Steps
from mailcore.checks.results import Disposition, Dkim, Dmarc, Spf

MAX_LABELS = 8  # RFC 9989 §4.10: a longer name is asked for itself, then for its last seven labels and each fewer
MAX_RECORD = 4096  # octets of TXT

POLICIES: dict[str, Disposition] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
LOWERED: dict[Disposition, Disposition] = {"none": "none", "quarantine": "none", "reject": "quarantine"}  # t=y


@dataclass(frozen=True, slots=True)
class Policy:
    """One record, and the domain that has it. `psd` is "y", "n" or "u"."""

    domain: str
    here: Disposition
    below: Disposition
    missing: Disposition
    psd: str
    testing: bool
    strict_dkim: bool
    strict_spf: bool


class Unanswered(Exception):
    """The DNS says nothing now."""


def verify(author: str, spf: Spf, dkim: Sequence[Dkim]) -> Steps[Dmarc]:
    """Judge a message by its author's domain (A-labels). `dkim` is what came of its signatures."""
    try:
        walked = yield from walk(author)
        organisation = of_organisation(author, walked)
        policy = _policy(author, organisation, walked)
        if policy is None:
            return Dmarc("none", author, organisation=organisation, reason="no policy is published")
        if (yield from _aligned(author, organisation, policy, spf, dkim)):
            return Dmarc("pass", author, policy.here, organisation=organisation)
        asked = yield from _asked(author, policy)
    except Unanswered:
        return Dmarc("temperror", author, reason="the DNS gives no policy now")
    disposition = LOWERED[asked] if policy.testing else asked
    if _undecided(spf, dkim):
        return Dmarc("temperror", author, asked, "none", organisation, "what could prove the author is not known now")
    return Dmarc("fail", author, asked, disposition, organisation)


def look_ahead(author: str) -> Steps[None]:
    """Ask for the policies of an author while other things are asked for, so that a resolver remembers them."""
    with contextlib.suppress(Unanswered):
        yield from walk(author)


def _undecided(spf: Spf, dkim: Iterable[Dkim]) -> bool:
    """Say whether a check that could have proven the author has no answer yet."""
    return spf.result == "temperror" or any(each.result == "temperror" for each in dkim)


def walk(domain: str) -> Steps[list[Policy]]:
    """Return the records of a domain and of those above it, the longest name first (§4.10). Raises Unanswered."""
    found: list[Policy] = []
    for name in targets(domain):
        policy = yield from _record(name)
        if policy is not None:
            found.append(policy)
            if policy.psd in ("y", "n"):
                break
    return found


def targets(domain: str) -> list[str]:
    """Return the names that the tree walk asks about, in order."""
    labels = domain.split(".")
    shorter = labels[-(MAX_LABELS - 1) :] if len(labels) >= MAX_LABELS else labels[1:]
    return [domain, *(".".join(shorter[at:]) for at in range(len(shorter)))]


def of_organisation(domain: str, walked: Sequence[Policy]) -> str:
    """Return the organisational domain (§4.10.2): itself when no record says otherwise."""
    for policy in walked:
        if policy.psd == "n":
            return policy.domain
        if policy.psd == "y" and policy.domain != domain:
            labels = domain.split(".")
            return ".".join(labels[-len(policy.domain.split(".")) - 1 :])
    return walked[-1].domain if walked else domain


def _policy(author: str, organisation: str, walked: Sequence[Policy]) -> Policy | None:
    """Return the record that holds for an author (§4.10.1): its own, else its organisation's, else that of the public suffix."""
    for wanted in (author, organisation):
        for policy in walked:
            if policy.domain == wanted:
                return policy
    return next((policy for policy in walked if policy.psd == "y"), None)


def _record(domain: str) -> Steps[Policy | None]:
    answer = yield Question(f"_dmarc.{domain}", "TXT")
    if answer.failed:
        raise Unanswered
    found = [read(domain, record) for record in answer.records if is_record(record)]
    return found[0] if len(found) == 1 else None  # several are as good as none (§4.10)


def is_record(text: str) -> bool:
    """Say whether a TXT record begins as one of DMARC does (§4.7, v)."""
    version, semicolon, _ = text.partition(";")
    name, _, value = version.partition("=")
    return name.strip() == "v" and value.strip() == "DMARC1" and (bool(semicolon) or text.strip() == version.strip())


def read(domain: str, record: str) -> Policy | None:
    """Read a record; unknown tags are passed over, and a policy that says nothing usable asks for nothing (§4.7)."""
    try:
        found = tags.read(record[:MAX_RECORD].encode("latin-1"))
    except tags.BadTags:
        return None
    here = POLICIES.get(found.get("p", "none").lower())
    if here is None:
        here = "none"
    below = POLICIES.get(found.get("sp", "").lower(), here)
    psd = found.get("psd", "u").lower()
    return Policy(
        domain=domain,
        here=here,
        below=below,
        missing=POLICIES.get(found.get("np", "").lower(), below),
        psd=psd if psd in ("y", "n") else "u",
        testing=found.get("t", "n").lower() == "y",
        strict_dkim=found.get("adkim", "r").lower() == "s",
        strict_spf=found.get("aspf", "r").lower() == "s",
    )


def _asked(author: str, policy: Policy) -> Steps[Disposition]:
    """Return what is asked for: for the domain itself, for one below it, or for one that does not exist (§4.7, p, sp, np)."""
    if policy.domain == author:
        return policy.here
    if policy.missing == policy.below:
        return policy.below
    for kind in ("A", "AAAA", "MX"):
        answer = yield Question(author, kind)
        if answer.failed:
            raise Unanswered
        if answer.outcome is Outcome.FOUND:
            return policy.below
    return policy.missing


def _aligned(author: str, organisation: str, policy: Policy, spf: Spf, dkim: Sequence[Dkim]) -> Steps[bool]:
    """Say whether a domain that was proven is the author's, or of the same organisation (§4.4)."""
    proven = [(each.domain, policy.strict_dkim) for each in dkim if each.proves]
    if spf.result == "pass":
        proven.append((spf.domain, policy.strict_spf))
    for domain, strict in sorted(proven, key=lambda pair: pair[0] != author):  # those that need no question first
        if domain == author:
            return True
        if strict or not names.is_within(domain, organisation):
            continue
        if of_organisation(domain, (yield from walk(domain))) == organisation:
            return True
    return False
