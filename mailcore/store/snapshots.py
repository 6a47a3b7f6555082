"""Whole mailboxes as arrays: row by row, or from one piece that was put by and what changed since.

A piece can be old or missing, then more is read; it is used only where it fits what the mailbox says of itself.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass

from config.database import Row, Tx
from mailcore.store import packing, rows, tracks
from mailcore.store.packing import Columns, widened
from mailcore.store.types import Mailbox, MailboxKey, Snapshot

LARGE_MESSAGES = 2_000  # fewer are read row by row in 3 ms
MAX_MESSAGES = 4_000_000  # of a piece: 100 MB while it is unpacked
BRIEF_ROWS = 200  # read one by one in 0.3 ms, on the event loop too
BRIEF_MESSAGES = 200_000  # of a piece: unpacked in 1 to 2 ms
MAX_CHANGED_SHARE = 4  # when more than a fourth changed since, the rows are as quick
_IN = "account_id = :account_id AND mailbox_id = :mailbox_id"


@dataclass(frozen=True, slots=True)
class Piece:
    """A mailbox at a modseq, ready to be put by."""

    key: MailboxKey
    uidvalidity: int
    modseq: int
    message_count: int
    packed: bytes


def snapshot(tx: Tx, key: MailboxKey) -> Snapshot:
    """Return the whole mailbox as arrays. Raises NoSuchMailbox."""
    mailbox = rows.get(tx, key)
    columns = _restored(tx, mailbox) if mailbox.exists >= LARGE_MESSAGES else None
    return Snapshot(mailbox, *(columns if columns is not None else read(tx, key)))


def brief(tx: Tx, key: MailboxKey) -> Snapshot | None:
    """Return the whole mailbox when that takes a moment, None when it may take longer (`snapshot`). Raises NoSuchMailbox."""
    mailbox = rows.get(tx, key)
    if mailbox.exists <= BRIEF_ROWS:
        return Snapshot(mailbox, *read(tx, key))
    columns = _restored(tx, mailbox, BRIEF_ROWS) if LARGE_MESSAGES <= mailbox.exists <= BRIEF_MESSAGES else None
    return None if columns is None else Snapshot(mailbox, *columns)


def read(tx: Tx, key: MailboxKey) -> Columns:
    """Return UIDs, flags and modseqs row by row."""
    found = tx.rows(f"SELECT uid, flags, modseq FROM entry WHERE {_IN} ORDER BY uid", **_params(key))
    uids, flags, modseqs = (array("q", column) for column in (zip(*found, strict=True) if found else ((), (), ())))
    return uids, flags, modseqs


def put(tx: Tx, piece: Piece) -> None:
    """Put a piece by, unless a later one is there or the mailbox has gone. It may be lost."""
    tx.execute(
        f"""INSERT INTO mailbox_snapshot (account_id, mailbox_id, uidvalidity, modseq, message_count, packed)
            SELECT account_id, mailbox_id, uidvalidity, :modseq, :message_count, :packed FROM mailbox
            WHERE {_IN} AND uidvalidity = :uidvalidity
            ON CONFLICT (account_id, mailbox_id) DO UPDATE SET uidvalidity = excluded.uidvalidity, modseq = excluded.modseq,
                message_count = excluded.message_count, packed = excluded.packed
            WHERE excluded.modseq > mailbox_snapshot.modseq""",
        **_params(piece.key),
        uidvalidity=piece.uidvalidity,
        modseq=piece.modseq,
        message_count=piece.message_count,
        packed=piece.packed,
    )


def put_by(tx: Tx, key: MailboxKey) -> int:
    """Return the modseq of the piece that is put by, 0 for none."""
    return int(tx.value(f"SELECT modseq FROM mailbox_snapshot WHERE {_IN}", **_params(key)) or 0)


def differing(tx: Tx) -> list[str]:
    """Return which pieces that are put by would show a mailbox as it is not, one line each."""
    found = []
    for account_id, mailbox_id in tx.rows("SELECT account_id, mailbox_id FROM mailbox_snapshot ORDER BY account_id, mailbox_id"):
        key = MailboxKey(account_id, mailbox_id)
        restored = _restored(tx, rows.get(tx, key))
        if restored is not None and restored != read(tx, key):
            found.append(f"what is put by is the mailbox: account {account_id} mailbox {mailbox_id}: another one")
    return found


def _restored(tx: Tx, mailbox: Mailbox, most: int = MAX_MESSAGES) -> Columns | None:
    """Return a mailbox from the piece that was put by and what changed since; None when that is not all of it, or more than `most`."""
    row = tx.row(f"SELECT uidvalidity, modseq, message_count, packed FROM mailbox_snapshot WHERE {_IN}", **_params(mailbox.key))
    if row is None or row[0] != mailbox.uidvalidity or row[1] > mailbox.highest_modseq or row[2] > MAX_MESSAGES:
        return None
    columns = packing.unpack(row[3], row[2])
    if columns is not None and row[1] < mailbox.highest_modseq:
        lags = mailbox.highest_modseq - row[1] > most
        columns = None if lags else _advanced(tx, mailbox, row[1], columns, min(most, mailbox.exists // MAX_CHANGED_SHARE))
    return columns if columns is not None and len(columns[0]) == mailbox.exists else None


def _advanced(tx: Tx, mailbox: Mailbox, since_modseq: int, columns: Columns, most: int) -> Columns | None:
    """Return columns brought up to date, None when that cannot be done, or by looking at more than `most` messages only."""
    spans = tracks.touched(tx, mailbox.key, since_modseq, mailbox.highest_modseq)
    uids, flags, modseqs = columns
    horizon: int = tx.value(f"SELECT complete_since FROM mailbox WHERE {_IN}", **_params(mailbox.key))
    touched = sum(bisect_left(uids, high + 1) - bisect_left(uids, low) for low, high in spans)
    if since_modseq < horizon or touched > most:
        return None
    uids, flags, modseqs = columns = widened(uids), widened(flags), widened(modseqs)
    for (uid,) in reversed(tracks.changed(tx, "expunged", "uid", mailbox.key, since_modseq, spans)):
        place = _place(uids, uid)
        if place is not None:
            del uids[place], flags[place], modseqs[place]
    brought = tracks.changed(tx, "entry", "uid, flags, modseq", mailbox.key, since_modseq, spans)
    return columns if all(_bring(columns, row) for row in brought) else None


def _bring(columns: Columns, row: Row) -> bool:
    uids, flags, modseqs = columns
    uid, flags_now, modseq = row
    if not uids or uid > uids[-1]:
        uids.append(uid)
        flags.append(flags_now)
        modseqs.append(modseq)
        return True
    place = _place(uids, uid)
    if place is None:
        return False
    flags[place], modseqs[place] = flags_now, modseq
    return True


def _place(uids: "array[int]", uid: int) -> int | None:
    place = bisect_left(uids, uid)
    return place if place < len(uids) and uids[place] == uid else None


def _params(key: MailboxKey) -> dict[str, int]:
    return {"account_id": key.account_id, "mailbox_id": key.mailbox_id}
