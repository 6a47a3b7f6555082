"""What a listener announces, what it does not understand, and what of a message's times and urgency it grants.

RFC 5321 §4.1.1.1 (EHLO), RFC 8689 §2 (REQUIRETLS), RFC 4865 §3 (FUTURERELEASE), RFC 2852 §3 (DELIVERBY), RFC 6710 §3
(MT-PRIORITY), RFC 9422 §3 (LIMITS), RFC 3030 (CHUNKING, BINARYMIME).
"""

from datetime import UTC, datetime

from config.clock import SECOND_US
from mailcore.queue.types import By
from mailcore.smtp import signin
from mailcore.smtp.limits import Limits
from mailcore.smtp.params import MAIL_READERS, ONLY_IN_TLS, ONLY_SUBMITTED, MailParameters
from mailcore.smtp.reply import TOO_FAR_AHEAD, TOO_SOON, Refused
from mailcore.smtp.session import Session

ALWAYS = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME", "MT-PRIORITY")

# The parameters of MAIL that hold: inside TLS or not, for submission or not.
OFFERED = {
    (tls, submits): frozenset(MAIL_READERS) - (frozenset() if tls else ONLY_IN_TLS) - (frozenset() if submits else ONLY_SUBMITTED)
    for tls in (False, True)
    for submits in (False, True)
}


def announced(session: Session) -> tuple[str, ...]:
    """Return the EHLO keywords that hold for this session now."""
    front, limits = session.front, session.limits
    found = ["PIPELINING", f"SIZE {limits.message_bytes}", *ALWAYS, f"DELIVERBY {limits.by_s}"]
    found.append(f"LIMITS RCPTMAX={limits.recipients} MAILMAX={limits.messages}")
    if front.rules.signs_in:
        last = datetime.fromtimestamp(front.services.clock.now_us() // SECOND_US + limits.hold_s, UTC)
        found.append(f"FUTURERELEASE {limits.hold_s} {last:%Y-%m-%dT%H:%M:%SZ}")
    if session.tls:
        found.append("REQUIRETLS")
    elif front.tls is not None:
        found.append("STARTTLS")
    if front.rules.signs_in and session.tls and session.identity is None:
        found.append(" ".join(("AUTH", *signin.offered(session))))
    return tuple(found)


def offered(session: Session) -> frozenset[str]:
    """Return the parameters of MAIL that hold for this session."""
    return OFFERED[session.tls, session.front.rules.signs_in]


def release_us(parameters: MailParameters, limits: Limits, now_us: int) -> int:
    """Return when a message may go on its way, 0 for at once (RFC 4865 §4). Raises Refused."""
    wanted = now_us + parameters.hold_for_s * SECOND_US if parameters.hold_for_s else parameters.hold_until_us
    if not wanted:
        return 0
    if not now_us < wanted <= now_us + limits.hold_s * SECOND_US:
        raise Refused(TOO_FAR_AHEAD)
    return wanted


def deadline(parameters: MailParameters, limits: Limits, now_us: int) -> By | None:
    """Return when a message must have arrived (RFC 2852 §4). Raises Refused for one to be returned too soon."""
    by = parameters.by
    if by is None:
        return None
    if not by.notify and by.seconds < limits.by_s:
        raise Refused(TOO_SOON)
    return By(now_us + by.seconds * SECOND_US, by.notify, by.trace)
