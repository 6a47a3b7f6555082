"""A letter to a list becomes a letter to its members: who they are is frozen once, then they are served piece by piece.

The expansion is a message of its own with the same octets: it goes out in the name of the list's owner, who is told what
cannot be delivered (RFC 5321 §3.9.2). Its recipient 0 stands for what is left to do; each time it has its turn, the next
pieces of CHUNK members are served (see circular) and it goes to the end of the queue. So a list of any size holds neither
the database nor other mail.

What was accepted as one letter gives one copy to each mailbox, however many lists and addresses lead there: the copies
are noted (`claim`) in the transaction that delivers. A list is noted likewise, so lists that contain each other end.
"""

from collections.abc import Sequence

from config.database import Tx
from config.failpoints import failpoint
from directory import lists
from directory.lists import MailingList
from mailcore.queue import lanes, queue, ranks
from mailcore.queue.types import Lease, Report, parsed

CHUNK = 250  # members served in one transaction: some 10 ms
_WIDTH = 8  # octets of an account id
SWEPT = 1000  # notes of copies dropped in one transaction

_CLAIM = "INSERT INTO queue_copy (origin_id, account_id) VALUES (:origin_id, :account_id) ON CONFLICT DO NOTHING"
_BEGIN = "INSERT INTO queue_fanout (queue_id, list_id, sender, account_id) VALUES (:queue_id, :list_id, :sender, :account_id)"
_FREEZE = "INSERT INTO queue_fanout_piece (queue_id, number, members) VALUES (:queue_id, :number, :members)"
_EXPANDER = """
    INSERT INTO queue_recipient (queue_id, number, address, domain, lane, rank, notify, orcpt, attempts, due_us, lease_owner,
                                 lease_token, delay_told, last_code, last_text, hold_id)
    VALUES (:queue_id, 0, :address, :domain, '', :rank, '', '', 0, :now_us, '', 0, 0, 0, '', 0)
"""
_ADDRESS = "SELECT address FROM address WHERE account_id = :id AND closed_us IS NULL ORDER BY created_us, folded LIMIT 1"
_OF_FANOUT = "SELECT list_id, sender, account_id FROM queue_fanout WHERE queue_id = :queue_id"
_OVER = """
    DELETE FROM queue_copy WHERE (origin_id, account_id) IN (
        SELECT origin_id, account_id FROM queue_copy c
        WHERE NOT EXISTS (SELECT 1 FROM queue_message m WHERE m.origin_id = c.origin_id) LIMIT :limit)
"""
_OVER_TOO = "DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM queue_message m WHERE m.queue_id = {table}.queue_id)"


def claim(tx: Tx, origin_id: int, account_id: int) -> bool:
    """Note that an account gets its copy of a letter; return whether it had none yet."""
    return tx.execute(_CLAIM, origin_id=origin_id, account_id=account_id) == 1


def is_expander(tx: Tx, lease: Lease) -> bool:
    """Say whether a recipient is what is left of an expansion, rather than a list that a letter is addressed to."""
    return lease.number == 0 and tx.row(_OF_FANOUT, queue_id=lease.message.queue_id) is not None


def author(tx: Tx, lease: Lease) -> tuple[str, int | None]:
    """Return the envelope sender of a letter and who submitted it, as it came: inside an expansion those of the origin."""
    row = tx.row(_OF_FANOUT, queue_id=lease.message.queue_id)
    return (lease.message.sender, lease.message.account_id) if row is None else (row[1], row[2])


def frozen(tx: Tx, list_id: int) -> list[bytes]:
    """Return who a list reaches now, in pieces, for `begin`."""
    members = lists.members(tx, list_id, 0, lists.MAX_MEMBERS)
    return [packed(members[start : start + CHUNK]) for start in range(0, len(members), CHUNK)]


def begin(tx: Tx, lease: Lease, one: MailingList, pieces: Sequence[bytes], lifetime_us: int, report: Report | None = None) -> bool:
    """Take the letter over from its recipient: an expansion now stands for it. Return False when the lease was lost.

    A list that the letter has reached already is finished without another word.
    """
    if not queue.held(tx, [lease]):
        return False
    message = lease.message
    origin_id = message.origin_id or message.queue_id
    if claim(tx, origin_id, one.list_id) and pieces:
        sender, account_id = author(tx, lease)
        queue_id = _expansion(tx, lease, one, origin_id, tx.now_us + lifetime_us)
        tx.execute(_BEGIN, queue_id=queue_id, list_id=one.list_id, sender=sender, account_id=account_id)
        tx.many(_FREEZE, [{"queue_id": queue_id, "number": number, "members": piece} for number, piece in _numbered(pieces)])
        rank = ranks.rank(message.priority)
        tx.execute(_EXPANDER, queue_id=queue_id, address=one.address, domain=parsed(one.address).domain, rank=rank, now_us=tx.now_us)
    if report is not None:
        queue.enqueue(tx, report.entry)
    queue.finish(tx, [lease])
    queue.wake(tx)
    failpoint("expand.before_commit")
    return True


def _expansion(tx: Tx, lease: Lease, one: MailingList, origin_id: int, expires_us: int) -> int:
    """Enter the letter once more, from the list to its members; return the queue id."""
    message = lease.message
    queue_id = queue.fresh_id(tx.now_us)
    tx.execute(
        queue.INSERT_MESSAGE,
        queue_id=queue_id,
        blob_id=message.blob_id,
        dek_wrapped=message.dek_wrapped,
        size_bytes=message.size_bytes,
        sender=_owner(tx, one),
        account_id=one.owner_id,
        envid="",
        ret="HDRS",
        smtputf8=int(message.smtputf8),
        created_us=message.created_us,
        expires_us=expires_us,
        pending=1,
        origin_id=origin_id,
        priority=message.priority,
        hold_until_us=0,
        **queue.by_columns(message.by),
        requiretls=int(message.requiretls),
        body=message.body,
        junk=int(message.junk),
        digest=message.digest or None,
        message_id=message.message_id,
    )
    return queue_id


def drop(tx: Tx) -> int:
    """Drop a batch of notes of letters that are through; return how many."""
    for table in ("queue_fanout", "queue_fanout_piece"):
        tx.execute(_OVER_TOO.format(table=table))
    return tx.execute(_OVER, limit=SWEPT)


def _owner(tx: Tx, one: MailingList) -> str:
    """Return the address of a list's owner; the null sender when the owner has left: then nobody is told."""
    address: str | None = tx.value(_ADDRESS, id=one.owner_id)
    return address or ""


def recipient(lease: Lease, number: int, address: str, due_us: int) -> dict[str, object]:
    """Return the row of a member that goes the ordinary way."""
    return {
        "queue_id": lease.message.queue_id,
        "number": number,
        "address": address,
        "domain": parsed(address).domain,
        "lane": lanes.LOCAL,
        "rank": ranks.rank(lease.message.priority),
        "hold_id": 0,
        "notify": "",
        "orcpt": "",
        "due_us": due_us,
    }


def _numbered(pieces: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Return each piece with the number of its first member; the expansion itself is recipient 0."""
    return [(1 + n * CHUNK, piece) for n, piece in enumerate(pieces)]


def packed(members: Sequence[int]) -> bytes:
    """Return members as a piece."""
    return b"".join(member.to_bytes(_WIDTH, "big") for member in members)


def unpacked(octets: bytes) -> list[int]:
    """Return the members of a piece."""
    return [int.from_bytes(octets[at : at + _WIDTH], "big") for at in range(0, len(octets), _WIDTH)]
