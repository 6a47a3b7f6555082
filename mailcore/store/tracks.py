"""Which UIDs each change of a mailbox touched, in a log of a line or a few per change. RFC 7162 §3.2, §4.

Indexes of messages by modseq would do the same, but every flag that changes would rewrite them: three quarters of what a STORE
of thousands of messages costs. Each line names the modseq before it, so a log that was cut, or beside which somebody changed
something, is found out, and then the whole mailbox is looked at. It can be useless, never wrong.
"""

from collections.abc import Sequence

from config.database import Row, Tx
from mailcore.store.types import MailboxKey

MAX_LINES = 16  # of one change: what lies between the UIDs of a line is looked at in vain
MAX_SPANS = 200  # looked at one by one: some 5 µs each
KEPT_MODSEQS = 65_536  # how far back the log of a mailbox reaches: 3 MB of a mailbox in which every change is of one message
TRIM_EVERY = 512

Span = tuple[int, int]
_NOTE = """
    INSERT INTO touched (account_id, mailbox_id, modseq, low_uid, high_uid, after_modseq)
    SELECT account_id, mailbox_id, :modseq, {low}, {high}, highest_modseq FROM mailbox
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id
    ON CONFLICT (account_id, mailbox_id, modseq, low_uid) DO UPDATE SET
        high_uid = CASE WHEN excluded.high_uid > touched.high_uid THEN excluded.high_uid ELSE touched.high_uid END"""
_NOTE_ADDED = """
    INSERT INTO touched (account_id, mailbox_id, modseq, low_uid, high_uid, after_modseq)
    VALUES (:account_id, :mailbox_id, :modseq, :low, :high, :after)"""
_NOTE_SPAN, _NOTE_NEXT = _NOTE.format(low=":low", high=":high"), _NOTE.format(low="uid_next", high="uid_next + :uids - 1")
_IN = "account_id = :account_id AND mailbox_id = :mailbox_id"


def note(tx: Tx, key: MailboxKey, modseq: int, uids: Sequence[int]) -> None:
    """Note that a change touched these UIDs, or fewer. Before the mailbox's own row is changed."""
    tx.many(_NOTE_SPAN, [{**_params(key), "modseq": modseq, "low": low, "high": high} for low, high in spans(uids)])
    _trim(tx, key, modseq)


def note_next(tx: Tx, key: MailboxKey, modseq: int, count: int) -> None:
    """Note that a change adds messages with the next UIDs. Before the mailbox's own row is changed."""
    tx.execute(_NOTE_NEXT, **_params(key), modseq=modseq, uids=count)
    _trim(tx, key, modseq)


def note_added(tx: Tx, key: MailboxKey, modseq: int, uids: range, after_modseq: int) -> None:
    """Note that a change adds messages with these UIDs, for whoever knows where the mailbox stands."""
    tx.execute(_NOTE_ADDED, **_params(key), modseq=modseq, low=uids.start, high=uids.stop - 1, after=after_modseq)
    _trim(tx, key, modseq)


def _trim(tx: Tx, key: MailboxKey, modseq: int) -> None:
    if modseq % TRIM_EVERY == 0:
        tx.execute(f"DELETE FROM touched WHERE {_IN} AND modseq <= :before", **_params(key), before=modseq - KEPT_MODSEQS)


def spans(uids: Sequence[int]) -> list[Span]:
    """Return at most MAX_LINES spans that cover these UIDs; one without any for none: the modseq is another all the same."""
    if not uids:
        return [(0, 0)]
    if isinstance(uids, range):
        return [(uids.start, uids.stop - 1)]
    ordered = sorted(uids)
    if ordered[-1] - ordered[0] < len(ordered):
        return [(ordered[0], ordered[-1])]
    step = -(-len(ordered) // MAX_LINES)
    runs = [ordered[start : start + step] for start in range(0, len(ordered), step)]
    return [(run[0], run[-1]) for run in runs]


def touched(tx: Tx, key: MailboxKey, since_modseq: int, highest_modseq: int) -> list[Span]:
    """Return spans, ascending and apart, with all UIDs touched after `since_modseq`; where the log has a gap, all there are."""
    lines = tx.rows(
        f"SELECT modseq, low_uid, high_uid, after_modseq FROM touched WHERE {_IN} AND modseq > :since ORDER BY modseq, after_modseq",
        **_params(key),
        since=since_modseq,
    )
    if not _unbroken(lines, since_modseq, highest_modseq):
        return [(1, 1 << 62)]
    return joined([(low, high) for _, low, high, _ in lines])


def _unbroken(lines: Sequence[Row], since_modseq: int, highest_modseq: int) -> bool:
    """Say whether each change begins where the one before it ended."""
    reached = since_modseq
    for modseq, _, _, after in lines:
        if after > reached and after != modseq:  # a unit may touch a mailbox twice under one modseq
            return False
        reached = modseq
    return reached == highest_modseq


def joined(found: Sequence[Span]) -> list[Span]:
    """Return the same UIDs in spans that ascend and are apart; more than MAX_SPANS become one."""
    apart: list[Span] = []
    for low, high in sorted(found):
        if apart and low <= apart[-1][1] + 1:
            apart[-1] = apart[-1][0], max(high, apart[-1][1])
        else:
            apart.append((low, high))
    return apart if len(apart) <= MAX_SPANS else [(apart[0][0], apart[-1][1])]


def changed(tx: Tx, table: str, columns: str, key: MailboxKey, since_modseq: int, within: Sequence[Span]) -> list[Row]:
    """Return those of the rows within these spans that changed after `since_modseq`, ascending by UID."""
    sql = f"SELECT {columns} FROM {table} WHERE {_IN} AND uid BETWEEN :low AND :high AND modseq > :since ORDER BY uid"
    found: list[Row] = []
    for low, high in within:
        found += tx.rows(sql, **_params(key), low=low, high=high, since=since_modseq)
    return found


def _params(key: MailboxKey) -> dict[str, int]:
    return {"account_id": key.account_id, "mailbox_id": key.mailbox_id}
