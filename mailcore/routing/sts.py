"""The MTA-STS policy of another domain: read, kept, and asked which hosts it names.

RFC 8461 §3.1 (the record), §3.2 (the policy), §4.1 (matching hosts), §5.1 (keeping it), §10.2 (denial by an old policy).
"""

import re
from dataclasses import dataclass
from typing import Literal

from config.clock import DAY_US, SECOND_US
from config.database import Tx
from mailcore.routing.dane import covers

MAX_POLICY_BYTES = 65_536  # §3.2 asks to limit it; real ones have some hundred octets
MAX_AGE_S = 31_557_600  # §3.2: one year at most
MIN_AGE_S = 3600  # shorter ones would make us ask with every message; §3.2 calls for weeks
MAX_MX = 100
_RECORD = re.compile(r"v=STSv1\s*;\s*id=([A-Za-z0-9]{1,32})\s*;?\s*(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[^;\s]+\s*;?\s*)*")
_MX = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")

Mode = Literal["enforce", "testing", "none"]
_MODES: dict[str, Mode] = {"enforce": "enforce", "testing": "testing", "none": "none"}

_KEEP = """
    INSERT INTO sts_policy (domain, policy_id, mode, mx, fetched_us, expires_us)
    VALUES (:domain, :policy_id, :mode, :mx, :now_us, :expires_us)
    ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, mode = excluded.mode, mx = excluded.mx,
        fetched_us = excluded.fetched_us, expires_us = excluded.expires_us
"""


class BadPolicy(ValueError):
    """A policy or a record that is not as RFC 8461 says."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain asks for."""

    mode: Mode
    mx: tuple[str, ...]
    max_age_s: int

    def lines(self) -> tuple[str, ...]:
        """Return it as a report tells of it (RFC 8460 §4.4)."""
        mx = tuple(f"mx: {pattern}" for pattern in self.mx)
        return ("version: STSv1", f"mode: {self.mode}", *mx, f"max_age: {self.max_age_s}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy with the id of the record that announced it, and until when it holds."""

    policy_id: str
    policy: Policy
    expires_us: int


def announced(records: tuple[str, ...]) -> str | None:
    """Return the id of the policy that a domain's TXT records announce; None when it has none, or more than one (§3.1)."""
    ours = [record for record in records if record.startswith("v=STSv1")]
    if len(ours) != 1:
        return None
    match = _RECORD.fullmatch(ours[0].strip())
    return None if match is None else match[1]


def parse(text: bytes) -> Policy:
    """Return the policy in a text (§3.2). Keys that are not known are passed over. Raises BadPolicy."""
    try:
        lines = text.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise BadPolicy("not UTF-8") from error
    pairs = [(key.strip(), value.strip()) for key, colon, value in (line.partition(":") for line in lines) if colon]
    said = dict(reversed(pairs))  # §3.2: of a key that comes again, the first counts
    mx = tuple(value.lower() for key, value in pairs if key == "mx")
    mode, age = _MODES.get(said.get("mode", "")), said.get("max_age", "")
    if said.get("version") != "STSv1" or mode is None or not re.fullmatch(r"[0-9]{1,10}", age):
        raise BadPolicy("version, mode or max_age is missing or wrong")
    if (not mx and mode != "none") or len(mx) > MAX_MX or not all(_MX.fullmatch(pattern) for pattern in mx):
        raise BadPolicy("no mx, too many, or one that is no host")
    return Policy(mode, mx, int(age))


def names(policy: Policy, host: str) -> bool:
    """Say whether a policy names a host as one that takes the domain's mail (§4.1)."""
    return any(covers(pattern, host.lower()) for pattern in policy.mx)


def keep(tx: Tx, domain: str, policy_id: str, policy: Policy) -> Kept:
    """Keep a policy for as long as it says, within bounds (§5.1)."""
    age_s = min(max(policy.max_age_s, MIN_AGE_S), MAX_AGE_S)
    expires_us = tx.now_us + age_s * SECOND_US
    mx = " ".join(policy.mx)
    tx.execute(_KEEP, domain=domain, policy_id=policy_id, mode=policy.mode, mx=mx, now_us=tx.now_us, expires_us=expires_us)
    return Kept(policy_id, policy, expires_us)


def kept(tx: Tx, domain: str) -> Kept | None:
    """Return a domain's policy while it holds."""
    sql = "SELECT policy_id, mode, mx, fetched_us, expires_us FROM sts_policy WHERE domain = :domain AND expires_us > :now_us"
    row = tx.row(sql, domain=domain, now_us=tx.now_us)
    if row is None:
        return None
    policy_id, mode, mx, fetched_us, expires_us = row
    return Kept(policy_id, Policy(mode, tuple(mx.split()), (expires_us - fetched_us) // SECOND_US), expires_us)


def sweep(tx: Tx) -> int:
    """Forget policies that ended a day ago; return how many."""
    return tx.execute("DELETE FROM sts_policy WHERE expires_us < :before_us", before_us=tx.now_us - DAY_US)
