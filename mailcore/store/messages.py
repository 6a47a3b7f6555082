"""Messages in mailboxes: append, flags, copy, move, expunge, and what changed since (RFC 3501, RFC 4315, RFC 6851).

Every unit that changes an account takes its modseq first (`accounts.reserve`): that row lock makes commit order equal
modseq order, so a reader that has seen modseq n has seen everything up to n.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.database import Tx
from config.failpoints import failpoint
from mailcore.errors import NoSuchMailbox
from mailcore.store import accounts, blobs, entries, quota, rows, shared, snapshots, threads, tracks
from mailcore.store.keys import AccountKey
from mailcore.store.types import (
    Appended,
    Copied,
    Delta,
    Expunged,
    Flag,
    Flagged,
    FlagState,
    MailboxKey,
    Prepared,
    Snapshot,
    Stored,
)

UNSEEN_MASK = int(Flag.SEEN)
LIGHT_BYTES = 16_384  # of a sealed field in a list of messages: nearly all; five hundred of them are 8 MiB
EVERY_FLAG = (1 << 62) - 1  # as `within`: no right is missing
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add": lambda old, flags: old | flags,
    "remove": lambda old, flags: old & ~flags,
    "replace": lambda old, flags: flags,
}
_ENTRY = "account_id = :account_id AND mailbox_id = :mailbox_id"


def snapshot(tx: Tx, key: MailboxKey) -> Snapshot:
    """Return the whole mailbox as arrays. Raises NoSuchMailbox."""
    return snapshots.snapshot(tx, key)


def uids(tx: Tx, key: MailboxKey) -> list[int]:
    """Return the UIDs of a mailbox, ascending."""
    return tx.column(f"SELECT uid FROM entry WHERE {_ENTRY} ORDER BY uid", **_params(key))


def changes(tx: Tx, key: MailboxKey, since_modseq: int) -> Delta:
    """Return what happened in a mailbox after `since_modseq`. Raises NoSuchMailbox when it is gone."""
    mailbox = rows.get(tx, key)
    if mailbox.highest_modseq <= since_modseq:
        return Delta(mailbox, (), ())
    spans = tracks.touched(tx, key, since_modseq, mailbox.highest_modseq)
    updated = tracks.changed(tx, "entry", "uid, flags, modseq", key, since_modseq, spans)
    gone = _vanished(tx, key, since_modseq, spans)
    return Delta(mailbox, tuple(FlagState(*row) for row in updated), tuple(gone or ()), complete=gone is not None)


def vanished(tx: Tx, key: MailboxKey, since_modseq: int) -> list[int] | None:
    """Return the UIDs that were removed after `since_modseq`, ascending, or None when tombstones of that time were swept."""
    highest: int | None = tx.value(f"SELECT highest_modseq FROM mailbox WHERE {_ENTRY}", **_params(key))
    return None if highest is None else _vanished(tx, key, since_modseq, tracks.touched(tx, key, since_modseq, highest))


def _vanished(tx: Tx, key: MailboxKey, since_modseq: int, spans: Sequence[tracks.Span]) -> list[int] | None:
    horizon: int = tx.value(f"SELECT complete_since FROM mailbox WHERE {_ENTRY}", **_params(key))
    if since_modseq < horizon:
        return None
    return [row[0] for row in tracks.changed(tx, "expunged", "uid", key, since_modseq, spans)]


def fetch(
    tx: Tx, key: MailboxKey, wanted: Sequence[int], *, summary: bool = False, header: bool = False, light: bool = False
) -> list[Stored]:
    """Return messages by UID, ascending, with the sealed fields asked for.

    Also finds messages that were expunged but not yet swept, because a session that has not been told of the
    removal still counts them (RFC 3501 §7.4.1). Unknown UIDs are left out. With `light`, sealed fields of more than
    LIGHT_BYTES are None, so that a list of many messages is of bounded size.
    """
    fields = {"summary": summary, "header": header, "light": light}
    wanted = entries.run(wanted)
    found = _select(tx, "entry", key, wanted, **fields)
    if len(found) < len(wanted):
        missing = set(wanted).difference(stored.uid for stored in found)
        found += _select(tx, "expunged", key, sorted(missing), **fields)
        found.sort(key=lambda stored: stored.uid)
    return found


def page(tx: Tx, key: MailboxKey, before_uid: int | None, limit: int) -> list[Stored]:
    """Return up to `limit` messages below `before_uid` (None: from the end), newest first, with their summaries."""
    found = tx.column(
        f"SELECT uid FROM entry WHERE {_ENTRY} AND uid < :before ORDER BY uid DESC LIMIT :limit",
        **_params(key),
        before=before_uid if before_uid is not None else 1 << 62,
        limit=limit,
    )
    return fetch(tx, key, found, summary=True)[::-1]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message on its way into a mailbox: its small blob is written beside it, a large one is durable already."""

    message: Prepared
    flags: int
    internaldate_us: int


def append(tx: Tx, key: MailboxKey, account: AccountKey, message: Prepared, flags: int, internaldate_us: int) -> Appended:
    """Add a message to a mailbox. Raises NoSuchMailbox, OverQuota."""
    return add(tx, account, "mailbox_id", key.mailbox_id, [Arrival(message, flags, internaldate_us)])[0]


def deliver(tx: Tx, account: AccountKey, message: Prepared, internaldate_us: int, role: str = "inbox") -> Appended:
    """Append to the mailbox with this special use, unseen. Raises NoSuchMailbox, OverQuota."""
    appended = add(tx, account, "role", role, [Arrival(message, 0, internaldate_us)], delivery=True)
    failpoint("deliver.before_commit")
    return appended[0]


def add(tx: Tx, account: AccountKey, by: str, value: int | str, several: Sequence[Arrival], *, delivery: bool = False) -> list[Appended]:
    """Add messages in order, as one change, to the mailbox that has this "mailbox_id", "name_fold" or "role".

    Raises NoSuchMailbox, OverQuota.
    """
    account_id, count = account.account_id, len(several)
    size_bytes = sum([one.message.size_bytes for one in several])
    modseq, message_id = accounts.reserve(tx, account_id, count)
    there = rows.standing(tx, account_id, by, value)
    quota.require_room(tx, account_id, count, size_bytes, delivery=delivery)
    rows.add(tx, there, modseq, count, sum([not one.flags & UNSEEN_MASK for one in several]), size_bytes)
    for number, one in enumerate(several):
        blobs.insert_small(tx, one.message.blob_id, one.message.sealed)
        _insert_message(tx, account, message_id + number, one.message)
        tx.execute(
            _INSERT_ENTRY,
            account_id=account_id,
            mailbox_id=there.key.mailbox_id,
            uid=there.uid_next + number,
            message_id=message_id + number,
            modseq=modseq,
            flags=one.flags,
            internaldate_us=one.internaldate_us,
            now=tx.now_us,
        )
    return [Appended(there.key, there.uidvalidity, there.uid_next + number, modseq) for number in range(count)]


_INSERT_ENTRY = """
    INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, saved_us)
    VALUES (:account_id, :mailbox_id, :uid, :message_id, :modseq, :flags, :internaldate_us, :now)"""


def store_flags(
    tx: Tx,
    key: MailboxKey,
    wanted: Sequence[int],
    op: str,
    flags: int,
    unchanged_since: int | None = None,
    within: int = EVERY_FLAG,
    known_modseq: int = -1,
) -> Flagged:
    """Add, remove or replace flags; say which messages changed and which UNCHANGEDSINCE refused (RFC 7162 §3.1.3).

    Messages that already have the flags keep their modseq; UIDs that are gone are passed over. A range of UIDs as
    `wanted` means all within it, and costs less than a list of them. Flags that are not in `within` stay as they are.
    A caller that knows the mailbox as of `known_modseq` works out what changed by itself when nothing happened since:
    reading it back takes as long as changing it.
    """
    if within != EVERY_FLAG:
        op, flags = (f"{op} within" if op == "replace" else op), flags & within
    modseq = accounts.bump(tx, key.account_id)
    since = _highest_modseq(tx, key)
    chosen, params = entries.among(wanted)
    params |= {**_params(key), "flags": flags}
    if op == "replace within":
        params |= {"within": within}
    where = f"{_ENTRY} AND {chosen}"
    failed: list[int] = []
    if unchanged_since is not None:
        params |= {"unchanged": unchanged_since}
        failed = tx.column(f"SELECT uid FROM entry WHERE {where} AND modseq > :unchanged ORDER BY uid", **params)
        where += " AND modseq <= :unchanged"
    becoming, differs = _CHANGES[op]
    seen = _seen_by(tx, where, params, op, flags)
    sql = f"UPDATE entry SET flags = {becoming}, modseq = :modseq WHERE {where} AND {differs}"
    if since <= known_modseq:
        counted = tx.execute(sql, **params, modseq=modseq)
        if counted:
            rows.grow(tx, key, modseq, touched=wanted, unseen=-seen)
        return Flagged((), tuple(failed), modseq, since, counted)
    changed = tx.rows(f"{sql} RETURNING uid, flags", **params, modseq=modseq)
    if changed:
        changed.sort()
        rows.grow(tx, key, modseq, touched=[uid for uid, _ in changed], unseen=-seen)
    return Flagged(tuple([FlagState(uid, new, modseq) for uid, new in changed]), tuple(failed), modseq, since)


_CHANGES = {  # what flags become, and which messages that changes
    "add": ("flags | :flags", "flags & :flags <> :flags"),
    "remove": ("flags & ~:flags", "flags & :flags <> 0"),
    "replace": (":flags", "flags <> :flags"),
    "replace within": ("(flags & ~:within) | :flags", "flags & :within <> :flags"),
}


def _seen_by(tx: Tx, where: str, params: dict[str, Any], op: str, flags: int) -> int:
    """Return how many messages more will be \\Seen after a change of flags."""
    touched = flags if op in ("add", "remove") else params.get("within", EVERY_FLAG)
    if not touched & UNSEEN_MASK:
        return 0
    more = bool(flags & UNSEEN_MASK) == (op != "remove")
    count: int = tx.value(f"SELECT COUNT(*) FROM entry WHERE {where} AND flags & {UNSEEN_MASK} {'=' if more else '<>'} 0", **params)
    return count if more else -count


def copy(tx: Tx, source: MailboxKey, wanted: Sequence[int], target: MailboxKey, within: int = EVERY_FLAG) -> Copied:
    """Show messages in another mailbox of the same account, with new UIDs (RFC 3501 §6.4.7). Raises NoSuchMailbox, OverQuota.

    `within` are the flags that may be set there (RFC 4314 §4).
    """
    modseq = accounts.bump(tx, source.account_id)
    there = entries.choose(tx, source, wanted)
    quota.require_room(tx, source.account_id, len(there.uids), there.size_bytes)
    return entries.show(tx, there, target, modseq, within)


def move(tx: Tx, source: MailboxKey, wanted: Sequence[int], target: MailboxKey, within: int = EVERY_FLAG) -> Copied:
    """Copy and remove in one step (RFC 6851). Raises NoSuchMailbox."""
    modseq = accounts.bump(tx, source.account_id)
    since = _highest_modseq(tx, source)
    there = entries.choose(tx, source, wanted)
    copied = entries.show(tx, there, target, modseq, within)
    entries.bury(tx, there, modseq)
    return replace(copied, since=since)


def remove(tx: Tx, key: MailboxKey, wanted: Sequence[int]) -> Expunged:
    """Remove messages whatever their flags: they are somewhere else now. Those that are gone already are left out."""
    return _remove(tx, key, wanted)


def expunge(tx: Tx, key: MailboxKey, only: Sequence[int] | None) -> Expunged:
    """Remove the \\Deleted messages of a mailbox; return their UIDs, ascending.

    A UID in `only` that is not \\Deleted is left alone (RFC 4315 §2.1). Tombstones stay until the sweep.
    """
    return _remove(tx, key, only, with_flag=int(Flag.DELETED))


def _remove(tx: Tx, key: MailboxKey, wanted: Sequence[int] | None, *, with_flag: int = 0) -> Expunged:
    modseq = accounts.bump(tx, key.account_id)
    since = _highest_modseq(tx, key)
    there = entries.choose(tx, key, wanted, with_flag=with_flag)
    entries.bury(tx, there, modseq)
    return Expunged(tuple(there.uids), modseq, since)


def _highest_modseq(tx: Tx, key: MailboxKey) -> int:
    """Return the modseq of the last change of a mailbox. Raises NoSuchMailbox."""
    found: int | None = tx.value(f"SELECT highest_modseq FROM mailbox WHERE {_ENTRY}", **_params(key))
    if found is None:
        raise NoSuchMailbox(mailbox_id=key.mailbox_id)
    return found


def _params(key: MailboxKey) -> dict[str, int]:
    return {"account_id": key.account_id, "mailbox_id": key.mailbox_id}


def _insert_message(tx: Tx, account: AccountKey, message_id: int, message: Prepared) -> None:
    tx.execute(
        """INSERT INTO message (account_id, message_id, blob_id, dek_wrapped, size_bytes, created_us, summary, thread_id)
           VALUES (:account_id, :message_id, :blob_id, :dek_wrapped, :size_bytes, :now, :summary, :thread_id)""",
        account_id=account.account_id,
        message_id=message_id,
        blob_id=message.blob_id,
        dek_wrapped=account.wrap(message.dek),
        size_bytes=message.size_bytes,
        now=tx.now_us,
        summary=account.seal_summary(message_id, message.index.summary),
        thread_id=threads.join(tx, account, message_id, message.index.summary),
    )
    tx.execute(
        "INSERT INTO message_header (account_id, message_id, sealed) VALUES (:account_id, :message_id, :sealed)",
        account_id=account.account_id,
        message_id=message_id,
        sealed=account.seal_header(message_id, message.index.header),
    )


def _select(tx: Tx, table: str, key: MailboxKey, wanted: Sequence[int], *, summary: bool, header: bool, light: bool) -> list[Stored]:
    chosen, params = entries.among(wanted, "e.uid")
    most = LIGHT_BYTES if light else None
    found = tx.rows(
        f"""SELECT e.uid, e.flags, e.modseq, e.internaldate_us, m.size_bytes, e.message_id, m.blob_id, m.dek_wrapped,
                   {shared.summary(most) if summary else "NULL"}, {shared.header(most) if header else "NULL"}, e.saved_us,
                   m.thread_id, {shared.IS if summary or header else "0"}
            FROM {table} e JOIN message m ON m.account_id = e.account_id AND m.message_id = e.message_id
            {"LEFT JOIN message_header h ON h.account_id = e.account_id AND h.message_id = e.message_id" if header else ""}
            WHERE e.account_id = :account_id AND e.mailbox_id = :mailbox_id AND {chosen} ORDER BY e.uid""",
        **_params(key),
        **params,
    )
    return [Stored(*row) for row in found]
