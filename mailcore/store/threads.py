"""Conversations: which one a message belongs to is decided once, when it comes into the account. RFC 8474 §5.2, RFC 5256 §3.

Message-IDs say who wrote to whom about what, so none is readable in the database: they are found by an HMAC under a key
of the account, which goes with the account's key.
"""

from collections.abc import Iterable, Sequence

from config.database import Tx
from mailcore.message.types import Summary
from mailcore.store.keys import AccountKey, hmac_sha256
from mailcore.store.types import AccountId

TOKEN_BYTES = 16  # of an HMAC-SHA-256: two Message-IDs of one account never meet by chance
NAMES = 4  # that tell a conversation, at most
_CLAIM = {  # by how many tokens: all of them with the conversation that each is known to belong to, from now on at least
    count: f"""INSERT INTO thread_token (account_id, token, thread_id)
        VALUES {", ".join(f"(:account_id, :token{number}, :thread_id)" for number in range(count))}
        ON CONFLICT (account_id, token) DO UPDATE SET thread_id = thread_token.thread_id RETURNING token, thread_id"""
    for count in range(1, NAMES + 1)
}
_RENAME = "UPDATE thread_token SET thread_id = :thread_id WHERE account_id = :account_id AND thread_id = :made"
_NOTE = f"""
    INSERT INTO thread_token (account_id, token, thread_id)
    SELECT s.account_id, substr(:tokens, one.place * :width + :first, {TOKEN_BYTES}), s.message_next - 1
    FROM (:ids[#]) one CROSS JOIN account_state s WHERE s.account_id = one.id ON CONFLICT DO NOTHING
"""
_KNOWING = """
    SELECT s.account_id FROM account_state s WHERE s.account_id IN (:ids[]) AND :count > (
        SELECT COUNT(*) FROM thread_token t WHERE t.account_id = s.account_id AND t.thread_id = s.message_next - 1)
"""


def join(tx: Tx, account: AccountKey, message_id: int, summary: Summary) -> int:
    """Return the conversation of a new message: that of its nearest known ancestor, else a new one called after the message.

    A conversation never changes its name and two are never merged: clients keep THREADID for good (RFC 8474 §5.2).
    """
    wanted = tokens(account, named(summary))
    if not wanted:
        return message_id
    numbered = {f"token{number}": token for number, token in enumerate(wanted)}
    found: dict[bytes, int] = dict(tx.rows(_CLAIM[len(wanted)], account_id=account.account_id, thread_id=message_id, **numbered))
    thread_id: int = next((found[token] for token in wanted if found[token] != message_id), message_id)
    if thread_id != message_id:
        tx.execute(_RENAME, account_id=account.account_id, thread_id=thread_id, made=message_id)
    return thread_id


def join_many(tx: Tx, ids: Sequence[AccountId], message_ids: Sequence[int], names: Sequence[bytes]) -> list[tuple[AccountId, int, int]]:
    """Join a message that is new in many accounts: ascending ids, its number and its joined tokens in each.

    The accounts have taken those numbers already. Return (account, message id, conversation) where that is not one of its own. Nearly
    nobody knows a circular: so its tokens are noted as new, and only when that did not work everywhere accounts are looked at.
    """
    width, octets, noted = len(names[0]) if names else 0, b"".join(names), 0
    for start in range(0, width, TOKEN_BYTES):
        noted += tx.execute(_NOTE, ids=ids, tokens=octets, width=width, first=start + 1)
    count = width // TOKEN_BYTES
    if noted == len(ids) * count:
        return []
    joined: list[tuple[AccountId, int, int]] = []
    places = dict(zip(ids, range(len(ids)), strict=True))
    for account_id in tx.column(_KNOWING, ids=ids, count=count):
        message_id, mine = message_ids[places[account_id]], names[places[account_id]]
        some = [mine[start : start + TOKEN_BYTES] for start in range(0, width, TOKEN_BYTES)]
        found = known(tx, account_id, some)
        thread_id = next((found[token] for token in some if found[token] != message_id), message_id)
        tx.execute(_RENAME, account_id=account_id, thread_id=thread_id, made=message_id)
        joined.append((account_id, message_id, thread_id))
    return joined


def tokens(account: AccountKey, names: Sequence[str]) -> tuple[bytes, ...]:
    """Return under what an account knows Message-IDs."""
    if not names:
        return ()
    key = account.threads
    return tuple(hmac_sha256(key, name.encode("utf-8", "replace"))[:TOKEN_BYTES] for name in names)


def known(tx: Tx, account_id: int, wanted: Sequence[bytes]) -> dict[bytes, int]:
    """Return the conversations of those tokens that the account knows."""
    found: dict[bytes, int] = dict(
        tx.rows(
            "SELECT token, thread_id FROM thread_token WHERE account_id = :account_id AND token IN (:tokens[bytes])",
            account_id=account_id,
            tokens=list(wanted),
        )
    )
    return found


def named(summary: Summary) -> list[str]:
    """Return what tells the conversation: the message itself, its parents from the nearest on.

    Of a long chain only both ends count: what stands between came with one of them.
    """
    chain = summary.references
    names = [summary.message_id, summary.in_reply_to, *chain[-1:], *chain[:1]]
    return list(dict.fromkeys(name for name in names if name))


def forget(tx: Tx, left: Iterable[tuple[int, int]]) -> None:
    """Drop what is known of those conversations, (account, thread), that no message belongs to any more."""
    tx.many(
        """DELETE FROM thread_token WHERE account_id = :account_id AND thread_id = :thread_id
           AND NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = :account_id AND m.thread_id = :thread_id)""",
        [{"account_id": account_id, "thread_id": thread_id} for account_id, thread_id in left],
    )
