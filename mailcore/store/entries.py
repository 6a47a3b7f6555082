"""Rows of many messages at once: shown in a mailbox, turned into tombstones. Two statements however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

from config.database import Row, Tx
from mailcore.store import rows
from mailcore.store.types import Copied, Flag, MailboxKey

_CHOSEN = """SELECT e.uid, e.message_id, e.flags, e.internaldate_us, m.size_bytes, e.saved_us FROM entry e
    JOIN message m ON m.account_id = e.account_id AND m.message_id = e.message_id
    WHERE e.account_id = :account_id AND e.mailbox_id = :mailbox_id"""
_ENTRY = "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, saved_us)"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages of a mailbox: the condition that finds them, and what they come to. `uids` ascend."""

    key: MailboxKey
    where: str
    params: dict[str, Any]
    uids: list[int]
    unseen: int
    size_bytes: int


def choose(tx: Tx, key: MailboxKey, wanted: Sequence[int] | None, *, with_flag: int = 0) -> Chosen:
    """Return those of these messages (None: of all) that are there and have a flag. The account is locked already."""
    condition, among_params = among(wanted, "e.uid") if wanted is not None else ("0 = 0", {})
    where = f"e.account_id = :account_id AND e.mailbox_id = :mailbox_id AND {condition}"
    params = {"account_id": key.account_id, "mailbox_id": key.mailbox_id, **among_params}
    if with_flag:
        where += f" AND e.flags & {with_flag} <> 0"
    uids = tx.column(f"SELECT e.uid FROM entry e WHERE {where} ORDER BY e.uid", **params)
    unseen = size_bytes = 0
    if uids:
        row = tx.row(
            f"""SELECT SUM(CASE WHEN e.flags & {int(Flag.SEEN)} = 0 THEN 1 ELSE 0 END), SUM(m.size_bytes) FROM entry e
                JOIN message m ON m.account_id = e.account_id AND m.message_id = e.message_id WHERE {where}""",
            **params,
        )
        assert row is not None
        unseen, size_bytes = map(int, row)
    return Chosen(key, where, params, uids, unseen, size_bytes)


def show(tx: Tx, there: Chosen, target: MailboxKey, modseq: int, within: int) -> Copied:
    """Show chosen messages in a mailbox of the same account, with new UIDs and those of their flags that are in `within`."""
    count = len(there.uids)
    unseen = there.unseen if within & Flag.SEEN else count
    uidvalidity, first = rows.grow(tx, target, modseq, messages=count, unseen=unseen, size_bytes=there.size_bytes, uids=count)
    if count:
        tx.execute(
            f"""{_ENTRY}
                SELECT e.account_id, :target_id, :first + ROW_NUMBER() OVER (ORDER BY e.uid) - 1, e.message_id, :modseq,
                       e.flags & :within, e.internaldate_us, :now
                FROM entry e WHERE {there.where}""",
            **there.params,
            target_id=target.mailbox_id,
            first=first,
            modseq=modseq,
            within=within,
            now=tx.now_us,
        )
    return Copied(uidvalidity, tuple(zip(there.uids, range(first, first + count), strict=True)), modseq)


def bury(tx: Tx, there: Chosen, modseq: int) -> None:
    """Turn chosen messages into tombstones: those that were there when they were chosen, not what was shown since."""
    if not there.uids:
        return
    where, params = f"{there.where} AND e.uid <= :last", {**there.params, "last": there.uids[-1]}
    tx.execute(
        f"""INSERT INTO expunged (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, expunged_us, saved_us)
            SELECT e.account_id, e.mailbox_id, e.uid, e.message_id, :modseq, e.flags, e.internaldate_us, :now, e.saved_us
            FROM entry e WHERE {where}""",
        **params,
        modseq=modseq,
        now=tx.now_us,
    )
    tx.execute(f"DELETE FROM entry AS e WHERE {where}", **params)
    rows.grow(tx, there.key, modseq, touched=there.uids, messages=-len(there.uids), unseen=-there.unseen, size_bytes=-there.size_bytes)


def chosen(tx: Tx, key: MailboxKey, wanted: Sequence[int]) -> list[Row]:
    """Return what `place` takes of those of these messages that are there, ascending: UID, message id, flags, date, size, when saved."""
    condition, params = among(wanted, "e.uid")
    return tx.rows(f"{_CHOSEN} AND {condition} ORDER BY e.uid", account_id=key.account_id, mailbox_id=key.mailbox_id, **params)


def place(tx: Tx, there: Sequence[Row], target: MailboxKey, modseq: int) -> Copied:
    """Show messages that were made in this account just now, with new UIDs."""
    uidvalidity, first = rows.grow(
        tx,
        target,
        modseq,
        messages=len(there),
        unseen=sum(not row[2] & Flag.SEEN for row in there),
        size_bytes=sum(row[4] for row in there),
        uids=len(there),
    )
    tx.many(
        f"{_ENTRY} VALUES (:account_id, :mailbox_id, :uid, :message_id, :modseq, :flags, :date, :now)",
        [
            {
                "account_id": target.account_id,
                "mailbox_id": target.mailbox_id,
                "uid": first + n,
                "message_id": row[1],
                "modseq": modseq,
                "flags": row[2],
                "date": row[3],
                "now": tx.now_us,
            }
            for n, row in enumerate(there)
        ],
    )
    return Copied(uidvalidity, tuple((row[0], first + n) for n, row in enumerate(there)), modseq)


def run(wanted: Sequence[int]) -> Sequence[int]:
    """Return UIDs as a range when they are one: a list of them is written out and read again, which takes a third of the time."""
    if isinstance(wanted, range) or not wanted:
        return wanted
    run = range(wanted[0], wanted[0] + len(wanted))
    return run if wanted[-1] == run[-1] and all(map(eq, wanted, run)) else wanted


def among(wanted: Sequence[int], column: str = "uid") -> tuple[str, dict[str, Any]]:
    """Return the condition that a UID is among these, and its parameters. A range is never written out."""
    if isinstance(wanted, range):
        return f"{column} BETWEEN :low AND :high", {"low": wanted.start, "high": wanted.stop - 1}
    return f"{column} IN (:uids[])", {"uids": list(wanted)}  # a tuple is a record to PostgreSQL
