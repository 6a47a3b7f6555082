"""Which destination comes next: one row for each foreign lane and rank, never due later than its first recipient.

Whoever makes a recipient of a foreign lane due earlier calls `lower` in the same transaction; whoever takes from a lane
calls `settle` after it. So the next destination costs a few keyed reads, however much is queued for others.
"""

from collections.abc import Iterable, Sequence

from config.database import Tx

LOCAL = ""  # the lane of our own mailboxes

_LOWER = """
    INSERT INTO queue_lane (lane, rank, due_us) VALUES (:lane, :rank, :due_us)
    ON CONFLICT (lane, rank) DO UPDATE SET due_us = excluded.due_us WHERE queue_lane.due_us > excluded.due_us
"""
_OF_NODES = " AND lane IN (SELECT domain FROM node_domain)"
_NEXT, _NEXT_OF_NODES = (
    " UNION ALL ".join(
        f"""SELECT lane, rank, due_us FROM (SELECT lane, rank, due_us FROM queue_lane WHERE rank = {rank} AND due_us <= :now_us
            AND lane NOT IN (:busy[text]){only} ORDER BY due_us LIMIT 1) r{rank}"""
        for rank in (3, 2, 1, 0)
    )
    for only in ("", _OF_NODES)
)
_LOCK = "SELECT rank FROM queue_lane WHERE lane = :lane AND due_us <= :now_us /* FOR UPDATE */"
_FIRST = "SELECT MIN(due_us) FROM queue_recipient WHERE lane = :lane AND rank = :rank"
_SET = "UPDATE queue_lane SET due_us = :due_us WHERE lane = :lane AND rank = :rank"
_EMPTY = "DELETE FROM queue_lane WHERE lane = :lane AND rank = :rank"
_DUE = "SELECT MIN(due_us) FROM ({branches}) d"
_DUE_LOCAL = _DUE.format(
    branches=" UNION ALL ".join(f"SELECT MIN(due_us) AS due_us FROM queue_recipient WHERE lane = '' AND rank = {r}" for r in range(4))
)
_DUE_FOREIGN, _DUE_OF_NODES = (
    _DUE.format(
        branches=" UNION ALL ".join(
            f"""SELECT due_us FROM (SELECT due_us FROM queue_lane WHERE rank = {r} AND lane NOT IN (:busy[text]){only}
                ORDER BY due_us LIMIT 1) r{r}"""
            for r in range(4)
        )
    )
    for only in ("", _OF_NODES)
)


def lower(tx: Tx, lanes: Iterable[tuple[str, int]], due_us: int) -> None:
    """Note that lanes, each with a rank, have something due at `due_us`."""
    for lane, rank in sorted(set(lanes)):
        if lane != LOCAL:
            tx.execute(_LOWER, lane=lane, rank=rank, due_us=due_us)


def choose(tx: Tx, busy: Sequence[str], *, by_age: bool, nodes: bool = False) -> str | None:
    """Return the foreign lane to serve next: of the highest rank, or `by_age` the one that has been due for longest.

    With `nodes` only one whose mail goes to a node of the topology.
    """
    found = tx.rows(_NEXT_OF_NODES if nodes else _NEXT, now_us=tx.now_us, busy=list(busy))
    if not found:
        return None
    lane: str = min(found, key=lambda row: row[2] if by_age else (-row[1], row[2]))[0]
    return lane


def lock(tx: Tx, lane: str) -> list[int]:
    """Hold the due rows of a lane until the transaction ends, so that nobody makes a recipient due unseen; return their ranks."""
    return [] if lane == LOCAL else tx.column(_LOCK, lane=lane, now_us=tx.now_us)


def settle(tx: Tx, lane: str, ranks: Iterable[int]) -> None:
    """Write when a lane is due next, after recipients were taken from it; one without recipients goes."""
    for rank in ranks:
        due_us = tx.value(_FIRST, lane=lane, rank=rank)
        if due_us is None:
            tx.execute(_EMPTY, lane=lane, rank=rank)
        else:
            tx.execute(_SET, lane=lane, rank=rank, due_us=due_us)


def due_us(tx: Tx, *, local: bool, busy: Sequence[str] = (), nodes: bool = False) -> int | None:
    """Return when the next recipient may be due, or None when there is none; `busy` lanes are passed over, with `nodes` all others' too."""
    foreign = _DUE_OF_NODES if nodes else _DUE_FOREIGN
    due: int | None = tx.value(_DUE_LOCAL) if local else tx.value(foreign, busy=list(busy))
    return due
