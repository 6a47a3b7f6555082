"""How TLS with other domains went, counted by day, and the report that a domain may ask for.

RFC 8460 §3 (who wants reports), §4.3 (kinds of failure), §4.4 (JSON), §5.3 and §5.4 (names, delivery). Units of work, and pure JSON.
"""

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import msgspec

from config.clock import DAY_US, SECOND_US
from config.database import Tx

RESULTS = (
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-not-trusted",
    "certificate-expired",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
)
KEEP_DAYS = 30
MAX_REASON = 200  # characters of what a library or a peer said
MAX_POLICY = 1000  # characters of a policy: a row's key holds it, and PostgreSQL takes no key of more than 2704 octets
TRIED = "-"  # in place of where a report went: nowhere so far, and it comes again (§5.5). No URI is like that
MAX_DETAILS = 1000  # of one domain in a report
_RECORD = re.compile(r"v=TLSRPTv1\s*;\s*rua=([^;\s]+)\s*(?:;.*)?", re.IGNORECASE)
_PLACE = re.compile(r"mailto:[!-~]+@[!-~]+|https://[!-~]+", re.IGNORECASE)

_COUNT = """
    INSERT INTO tls_session (day, domain, kind, policy, result, host, address, reason, sessions)
    VALUES (:day, :domain, :kind, :policy, :result, :host, :address, :reason, 1)
    ON CONFLICT (day, domain, kind, policy, result, host, address, reason) DO UPDATE SET sessions = tls_session.sessions + 1
"""
_OF_DAY = """
    SELECT domain, kind, policy, result, host, address, reason, sessions FROM tls_session
    WHERE day = :day ORDER BY domain, kind, policy, result, host, address, reason
"""
_UNREPORTED = """
    SELECT day, domain, at_us FROM (
        SELECT DISTINCT s.day AS day, s.domain AS domain, COALESCE(r.at_us, 0) AS at_us
        FROM tls_session s LEFT JOIN tls_report r ON r.day = s.day AND r.domain = s.domain
        WHERE s.day < :today AND s.day >= :first AND (r.day IS NULL OR r.rua = :tried)
    ) d ORDER BY at_us, day, domain LIMIT :limit
"""
_REPORTED = """
    INSERT INTO tls_report (day, domain, rua, at_us) VALUES (:day, :domain, :rua, :now_us)
    ON CONFLICT (day, domain) DO UPDATE SET rua = excluded.rua, at_us = excluded.at_us WHERE tls_report.rua = :tried
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One session with a host of a domain, and the policy that it was held to. `result` is "" for success.

    `kind` is "tlsa", "sts" or "no-policy-found", `policy` its lines, `patterns` the hosts that it names.
    """

    domain: str
    kind: str
    policy: tuple[str, ...]
    patterns: tuple[str, ...]
    result: str
    host: str
    address: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many sessions of a day went the same way."""

    domain: str
    kind: str
    policy: tuple[str, ...]
    result: str
    host: str
    address: str
    reason: str
    sessions: int


def day_of(at_us: int) -> int:
    """Return the number of a UTC day (RFC 8460 §4.1: reports are of whole days)."""
    return at_us // DAY_US


def count(tx: Tx, events: Sequence[Event]) -> None:
    """Count sessions under today. What succeeded is not told apart by address."""
    for event in events:
        failed = bool(event.result)
        tx.execute(
            _COUNT,
            day=day_of(tx.now_us),
            domain=event.domain,
            kind=event.kind,
            policy=_short(event.policy),
            result=event.result,
            host=event.host,
            address=event.address if failed else "",
            reason=event.reason[:MAX_REASON] if failed else "",
        )


def _short(policy: Sequence[str]) -> str:
    """Return the lines of a policy that fit, on lines of their own."""
    lengths = accumulate(len(line) + 1 for line in policy)
    return "\n".join(line for line, length in zip(policy, lengths, strict=True) if length <= MAX_POLICY)


def of_day(tx: Tx, day: int) -> list[Count]:
    """Return what was counted on a day, by domain."""
    return [
        Count(domain, kind, tuple(policy.split("\n")) if policy else (), *rest) for domain, kind, policy, *rest in tx.rows(_OF_DAY, day=day)
    ]


def unreported(tx: Tx, limit: int) -> list[tuple[int, str]]:
    """Return days that are over and domains of which nothing was reported yet: the oldest first, then what was tried, the longest ago."""
    today = day_of(tx.now_us)
    return [(row[0], row[1]) for row in tx.rows(_UNREPORTED, today=today, first=today - 2, limit=limit, tried=TRIED)]


def reported(tx: Tx, day: int, domain: str, rua: str) -> None:
    """Note that a report went out, that nobody wants one (`rua` is ""), or that it will be tried again (TRIED)."""
    tx.execute(_REPORTED, day=day, domain=domain, rua=rua, now_us=tx.now_us, tried=TRIED)


def sweep(tx: Tx) -> int:
    """Forget days that are long over; return how many rows that were."""
    first = day_of(tx.now_us) - KEEP_DAYS
    return tx.execute("DELETE FROM tls_session WHERE day < :first", first=first) + tx.execute(
        "DELETE FROM tls_report WHERE day < :first", first=first
    )


def wanted_at(records: Sequence[str]) -> tuple[str, ...]:
    """Return where a domain wants reports to go, of its TXT records: mailto: and https: (§3); () for nowhere."""
    ours = [record for record in records if record.lower().startswith("v=tlsrptv1")]
    match = _RECORD.fullmatch(ours[0].strip()) if len(ours) == 1 else None
    places = match[1].split(",") if match is not None else []
    return tuple(place for place in places if _PLACE.fullmatch(place))


def render(organisation: str, contact: str, report_id: str, day: int, counts: Sequence[Count]) -> bytes:
    """Return the report on one domain as JSON (§4.4)."""
    begin, end = (datetime.fromtimestamp(at * DAY_US // SECOND_US - late, UTC) for at, late in ((day, 0), (day + 1, 1)))
    groups: dict[tuple[str, str, tuple[str, ...]], list[Count]] = {}
    for one in counts:
        groups.setdefault((one.domain, one.kind, one.policy), []).append(one)
    document = {
        "organization-name": organisation,
        "date-range": {"start-datetime": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end-datetime": f"{end:%Y-%m-%dT%H:%M:%SZ}"},
        "contact-info": contact,
        "report-id": report_id,
        "policies": [_policy(*group, of) for group, of in groups.items()],
    }
    return msgspec.json.encode(document)


def _policy(domain: str, kind: str, lines: tuple[str, ...], counts: Sequence[Count]) -> dict[str, Any]:
    patterns = [line.removeprefix("mx: ") for line in lines if line.startswith("mx: ")]
    policy: dict[str, Any] = {"policy-type": kind, "policy-domain": domain}
    policy |= {"policy-string": list(lines)} if lines else {}
    policy |= {"mx-host": patterns} if patterns else {}
    failed = [one for one in counts if one.result]
    good = sum(one.sessions for one in counts if not one.result)
    summary = {"total-successful-session-count": good, "total-failure-session-count": sum(one.sessions for one in failed)}
    found: dict[str, Any] = {"policy": policy, "summary": summary}
    if failed:
        found["failure-details"] = [_detail(one) for one in failed[:MAX_DETAILS]]
    return found


def _detail(one: Count) -> dict[str, Any]:
    detail: dict[str, Any] = {"result-type": one.result, "failed-session-count": one.sessions}
    detail |= {"receiving-mx-hostname": one.host} if one.host else {}
    detail |= {"receiving-ip": one.address} if one.address else {}
    return detail | ({"failure-reason-code": one.reason} if one.reason else {})


def packed(document: bytes) -> bytes:
    """Return a report as it is sent (§5.2: application/tlsrpt+gzip). The same document gives the same octets."""
    return gzip.compress(document, mtime=0)


def file_name(sender: str, domain: str, day: int, report_id: str) -> str:
    """Return the name of a report's file (§5.1)."""
    begin = day * DAY_US // SECOND_US
    return f"{sender}!{domain}!{begin}!{begin + DAY_US // SECOND_US - 1}!{report_id}.json.gz"
