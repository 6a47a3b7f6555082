"""How the queue stands, for operators and for machines that watch: depths, ages, and the alarm when something waits too long."""

from dataclasses import dataclass

from config.clock import SECOND_US
from config.database import Tx
from mailcore.queue import listing

_COUNTS = """
    SELECT COUNT(*), COALESCE(SUM(CASE WHEN lease_owner <> '' THEN 1 ELSE 0 END), 0),
           COALESCE(SUM(CASE WHEN hold_id <> 0 THEN 1 ELSE 0 END), 0)
    FROM queue_recipient
"""


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits for one destination; `resting` while it is left alone."""

    domain: str
    waiting: int
    leased: int
    held: int
    oldest_s: int
    resting: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue stands. `oldest_s` is None when nothing waits that nobody holds back."""

    waiting: int
    leased: int
    held: int
    oldest_s: int | None
    destinations: tuple[Depth, ...]


def standing(tx: Tx, limit: int) -> Standing:
    """Return the depths of the whole queue and of the fullest destinations."""
    row = tx.row(_COUNTS)
    assert row is not None
    since_us = listing.oldest_us(tx)
    now_us = tx.now_us
    found = tuple(
        Depth(t.domain, t.waiting, t.leased, t.held, _age_s(now_us, t.oldest_us), t.rest_us > now_us) for t in listing.totals(tx, limit)
    )
    return Standing(int(row[0]), int(row[1]), int(row[2]), None if since_us is None else _age_s(now_us, since_us), found)


def said(found: Standing, limit_s: int) -> str:
    """Return in one line whether something waits too long."""
    if found.oldest_s is None:
        return "nothing waits in the queue"
    where = ", ".join(f"{one.waiting} for {one.domain}" for one in found.destinations[:3])
    return f"the oldest message waits for {found.oldest_s} s, {limit_s} are allowed; {found.waiting} recipients wait: {where}"


def _age_s(now_us: int, since_us: int) -> int:
    return max(0, now_us - since_us) // SECOND_US
