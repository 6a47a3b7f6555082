"""Messages from one account into another: each is sealed anew under the key of the account that it comes into. RFC 9051 §6.4.7.

What can be done before is done before: reading, opening, wrapping the key of the blob. The transaction numbers the copies,
seals what is bound to these numbers and inserts; both accounts are locked, in one order for all. The blob stays where it is.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from config.database import Database, Row, Tx
from mailcore.errors import LimitReached
from mailcore.message.types import Summary
from mailcore.store import accounts, entries, keywords, mailboxes, messages, quota, threads
from mailcore.store.keys import AccountKey
from mailcore.store.types import FIRST_KEYWORD_BIT, AccountId, Copied, MailboxKey, Stored

MAX_MESSAGES = 5_000  # of one command: the writer is held some 0.1 s, and 15 MB of headers are in memory
CHUNK = 500
_SYSTEM = (1 << FIRST_KEYWORD_BIT) - 1


Unit = Callable[[Tx, MailboxKey, Sequence[int], dict[int, "Opened"], AccountKey, str, int, int], Copied]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a message is made of in no account's seal, with the key of its blob wrapped for the account that it comes into."""

    dek_wrapped: bytes
    summary: Summary
    summary_plain: bytes
    header_plain: bytes


async def open_all(db: Database, source: AccountKey, key: MailboxKey, uids: Sequence[int], target: AccountKey) -> dict[int, Opened]:
    """Open messages for another account; return them by message id. Raises LimitReached, Damaged."""
    opened: dict[int, Opened] = {}
    for start in range(0, len(uids), CHUNK):
        rows = await db.read(messages.fetch, key, uids[start : start + CHUNK], summary=True, header=True)
        opened |= await asyncio.to_thread(_opened, rows, source, target)
        if len(opened) > MAX_MESSAGES:
            raise LimitReached(f"at most {MAX_MESSAGES} messages go into another account at a time")
    return opened


def _opened(rows: Sequence[Stored], source: AccountKey, target: AccountKey) -> dict[int, Opened]:
    return {row.message_id: _open(row, source, target) for row in rows}


def _open(row: Stored, source: AccountKey, target: AccountKey) -> Opened:
    return Opened(
        target.wrap(source.unwrap(row.dek_wrapped)),
        source.summary(row),
        source.summary_plain(row),
        source.header_plain(row),
    )


def copy(
    tx: Tx, source: MailboxKey, uids: Sequence[int], opened: dict[int, Opened], target: AccountKey, name: str, within: int, kept: int = 0
) -> Copied:
    """Copy messages into a mailbox of another account, all in one step. Raises NoSuchMailbox, OverQuota, LimitReached.

    `within` are the flags that may be set there. Keywords go by name: the same name has another bit in each account.
    `kept` keywords of the other account stay free for its owner.
    """
    accounts.lock(tx, [source.account_id, target.account_id])
    return _copy(tx, entries.chosen(tx, source, uids), source.account_id, opened, target, name, within, kept)


def move(
    tx: Tx, source: MailboxKey, uids: Sequence[int], opened: dict[int, Opened], target: AccountKey, name: str, within: int, kept: int = 0
) -> Copied:
    """Copy and remove in one step (RFC 6851 §3.1). Raises as `copy`."""
    accounts.lock(tx, [source.account_id, target.account_id])
    chosen = entries.chosen(tx, source, uids)
    copied = _copy(tx, chosen, source.account_id, opened, target, name, within, kept)
    removed = messages.remove(tx, source, [row[0] for row in chosen])
    return replace(copied, modseq=removed.modseq, since=removed.since)


def _copy(
    tx: Tx, chosen: Sequence[Row], source_id: AccountId, opened: dict[int, Opened], target: AccountKey, name: str, within: int, kept: int
) -> Copied:
    modseq, first = accounts.reserve(tx, target.account_id, len(chosen))
    key = mailboxes.find(tx, target.account_id, name).key
    quota.require_room(tx, target.account_id, len(chosen), sum(row[4] for row in chosen))
    meaning = _meaning(tx, source_id, target.account_id, chosen, within, kept)
    numbered = list(enumerate(chosen, first))
    tx.many(_MESSAGE, _messages(tx, numbered, source_id, opened, target))
    tx.many(_HEADER, _headers(numbered, opened, target))
    placed = [(row[0], number, meaning[row[2]], *row[3:]) for number, row in numbered]
    return entries.place(tx, placed, key, modseq)


_MESSAGE = """
    INSERT INTO message (account_id, message_id, blob_id, dek_wrapped, size_bytes, created_us, summary, thread_id)
    SELECT :account_id, :message_id, blob_id, :dek_wrapped, size_bytes, :now, :summary, :thread_id
    FROM message WHERE account_id = :source_id AND message_id = :original_id
"""
_HEADER = "INSERT INTO message_header (account_id, message_id, sealed) VALUES (:account_id, :message_id, :sealed)"


def _messages(
    tx: Tx, numbered: Sequence[tuple[int, Row]], source_id: AccountId, opened: dict[int, Opened], target: AccountKey
) -> Iterator[dict[str, object]]:
    for number, row in numbered:
        found = opened[row[1]]
        yield {
            "account_id": target.account_id,
            "message_id": number,
            "source_id": source_id,
            "original_id": row[1],
            "dek_wrapped": found.dek_wrapped,
            "now": tx.now_us,
            "summary": target.seal(b"summary", number, found.summary_plain),
            "thread_id": threads.join(tx, target, number, found.summary),
        }


def _headers(numbered: Sequence[tuple[int, Row]], opened: dict[int, Opened], target: AccountKey) -> Iterator[dict[str, object]]:
    for number, row in numbered:
        sealed = target.seal(b"header", number, opened[row[1]].header_plain)
        yield {"account_id": target.account_id, "message_id": number, "sealed": sealed}


def _meaning(tx: Tx, source_id: AccountId, target_id: AccountId, chosen: Sequence[Row], within: int, kept: int) -> dict[int, int]:
    """Return what each combination of flags is in the other account, as far as it may be set there. Raises LimitReached."""
    names = keywords.names(tx, source_id) if within & ~_SYSTEM else {}
    found: dict[int, int] = {}
    for flags in {row[2] for row in chosen}:
        named = keywords.bits(tx, target_id, [name for bit, name in names.items() if flags & bit], kept)
        found[flags] = (flags & _SYSTEM | named) & within
    return found
