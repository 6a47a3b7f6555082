"""From what was found to what is done, by the settings. Pure.

RFC 7372 (enhanced codes), RFC 9989 §5.3, RFC 7208 §8.4, RFC 8617 §7.2 (a chain as a reason to override).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.checking import Checks
from mailcore.checks import names
from mailcore.checks.results import Arc, Dkim, Dmarc, Spf
from mailcore.checks.types import Action, Refusal, Scan

RANK: dict[Action, int] = {"take": 0, "junk": 1, "defer": 2, "reject": 3}

VIRUS = "5.7.1"
SPF_FAILED = "5.7.23"  # RFC 7372 §3.2
NO_SCANNER = Refusal(451, "4.7.1", "the message cannot be examined now, try again later")
LATER = Refusal(451, "4.7.1", "try again later")


@dataclass(frozen=True, slots=True)
class Found:
    """All that was found of one message. `own_domain` says that its author is said to be one of ours."""

    spf: Spf
    dkim: tuple[Dkim, ...]
    dmarc: Dmarc
    arc: Arc
    scans: tuple[Scan, ...] = ()
    own_domain: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """One reason to do something. `reply` is what a refusal or a delay says."""

    action: Action
    reason: str
    reply: Refusal


def decide(checks: Checks, found: Found) -> tuple[Decision | None, tuple[str, ...]]:
    """Return the gravest decision, None to take the message, and every reason that there was."""
    made = [*_scanned(checks, found.scans), *_authenticated(checks, found)]
    grave = [each for each in made if each.action != "take"]
    return max(grave, key=lambda each: RANK[each.action], default=None), tuple(each.reason for each in made)


def _scanned(checks: Checks, scans: Sequence[Scan]) -> Iterator[Decision]:
    when_down: dict[str, Action] = {"clamav": checks.clamav_when_down, "rspamd": checks.rspamd_when_down}
    for scan in scans:
        if scan.asked == "down":
            yield Decision(when_down[scan.scanner], f"{scan.scanner} is down: {scan.name}", NO_SCANNER)
        elif scan.asked == "virus":
            yield Decision(checks.virus, f"virus {scan.name}", Refusal(554, VIRUS, f"the message contains {scan.name}"))
        elif scan.asked == "reject":
            yield Decision(checks.spam_reject, f"spam {scan.score:.1f}", Refusal(554, "5.7.1", "the message looks like spam"))
        elif scan.asked == "defer":
            yield Decision("defer", f"{scan.scanner} asks to wait", LATER)
        elif scan.asked == "junk":
            yield Decision("junk", f"spam {scan.score:.1f}", LATER)


def _authenticated(checks: Checks, found: Found) -> Iterator[Decision]:
    dmarc, spf = found.dmarc, found.spf
    if vouched(checks, found.arc):
        if dmarc.result == "fail":
            yield Decision("take", f"dmarc fails, {found.arc.sealers[-1]} vouches", LATER)
        return
    if dmarc.result == "fail":
        wanted: dict[str, Action] = {"none": "take", "quarantine": checks.dmarc_quarantine, "reject": checks.dmarc_reject}
        text = f"{dmarc.author} asks to refuse mail in its name that it did not send (DMARC)"
        yield Decision(wanted[dmarc.disposition], f"dmarc {dmarc.disposition} of {dmarc.author}", Refusal(550, "5.7.1", text))
    if found.own_domain and not proven(found):
        text = "mail in the name of this domain is sent from here, by people who sign in"
        yield Decision(checks.own_domain, "own domain without proof", Refusal(550, "5.7.1", text))
    if spf.result == "fail" and dmarc.result != "pass":
        words = f"; it says: {spf.explanation}" if spf.explanation else ""
        text = f"{spf.domain} does not send mail from this address (SPF){words}"
        yield Decision(checks.spf_fail, f"spf fail of {spf.domain}", Refusal(550, SPF_FAILED, text))


def vouched(checks: Checks, arc: Arc) -> bool:
    """Say whether a chain holds whose newest seal is of a forwarder that the settings trust, and who saw the author proven."""
    return (
        arc.result == "pass" and arc.said == "pass" and any(names.is_within(arc.sealers[-1], each.lower()) for each in checks.arc_trusted)
    )


def proven(found: Found) -> bool:
    """Say whether the author's domain stands behind the message, with or without a published policy."""
    author = found.dmarc.author
    if found.dmarc.result == "pass":
        return True
    return any(each.proves and each.domain == author for each in found.dkim) or (found.spf.result == "pass" and found.spf.domain == author)
