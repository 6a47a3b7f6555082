"""How long what happened waits for the log: for whoever watches over the node, in figures and in `diwan doctor`.

While it waits it can still be removed unseen: only what a checkpoint covers is held fast.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.clock import SECOND_US
from config.database import Tx
from config.metrics import family
from mailcore.evidence import places
from signing.evidence import record

LATE_TURNS = 6  # of the sealer; one that has much to do takes a few
_OLDEST = "SELECT record FROM evidence_fact ORDER BY fact_id LIMIT 1"
_FIRST_BARE = "SELECT record FROM evidence WHERE place >= :size AND record IS NOT NULL ORDER BY place LIMIT 1"


@dataclass(frozen=True, slots=True)
class Standing:
    """How many records no checkpoint covers, how long the first of them has waited, and how many checkpoints want a time stamp."""

    waiting: int
    oldest_s: int
    unstamped: int


def standing(tx: Tx) -> Standing:
    """Return what waits."""
    kept = places.latest(tx)
    covered = kept.size if kept is not None else 0
    first = tx.value(_FIRST_BARE, size=covered) or tx.value(_OLDEST)
    oldest_s = 0 if first is None else max(0, tx.now_us - record.read(bytes(first)).at) // SECOND_US
    unstamped = int(tx.value("SELECT COUNT(*) FROM evidence_checkpoint WHERE stamped = 0"))
    return Standing(places.waiting(tx) + places.tree(tx).size - covered, oldest_s, unstamped)


def lines(found: Standing) -> Iterator[str]:
    """Yield it as Prometheus reads it."""
    for name, said, value in (
        ("waiting", "Records that no checkpoint covers.", found.waiting),
        ("oldest_seconds", "How long the first of them has waited.", found.oldest_s),
        ("unstamped", "Checkpoints that want a time stamp.", found.unstamped),
    ):
        yield from family(f"diwan_evidence_{name}", said, "gauge", (), [((), float(value))])


def said(found: Standing, every_s: int) -> tuple[bool, str]:
    """Say in one line whether all is well, for people."""
    if found.waiting and found.oldest_s > LATE_TURNS * every_s:
        late = f"{found.waiting} records wait to be sealed, the first for {found.oldest_s} s"
        return False, f"{late}: the role `seal` does that, and its log says what hinders it (evidence.not_sealed)"
    if found.unstamped:
        return False, f"{found.unstamped} checkpoints want a time stamp: nobody gives one, see [pki] times"
    return True, f"{found.waiting} records wait to be sealed" if found.waiting else "all records are sealed"
