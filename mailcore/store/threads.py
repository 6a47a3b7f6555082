"""Conversations: which one a message belongs to is decided once, when it comes into the account. RFC 8474 §5.2, RFC 5256 §3.

Message-IDs say who wrote to whom about what, so none is readable in the database: they are found by an HMAC under a key
of the account, which goes with the account's key.
"""

import hmac
from collections.abc import Iterable, Sequence

from config.database import Tx
from mailcore.message.types import Summary
from mailcore.store.keys import AccountKey, derive

TOKEN_BYTES = 16  # of an HMAC-SHA-256: two Message-IDs of one account never meet by chance


def join(tx: Tx, account: AccountKey, message_id: int, summary: Summary) -> int:
    """Return the conversation of a new message: that of its nearest known ancestor, else a new one called after the message.

    A conversation never changes its name and two are never merged: clients keep THREADID for good (RFC 8474 §5.2).
    """
    wanted = tokens(account, named(summary))
    if not wanted:
        return message_id
    found = known(tx, account.account_id, wanted)
    thread_id = next((found[token] for token in wanted if token in found), message_id)
    remember(tx, ((account.account_id, token, thread_id) for token in wanted if token not in found))
    return thread_id


def tokens(account: AccountKey, names: Sequence[str]) -> tuple[bytes, ...]:
    """Return under what an account knows Message-IDs."""
    if not names:
        return ()
    key = derive(account.secret, b"threads")
    return tuple(hmac.digest(key, name.encode("utf-8", "replace"), "sha256")[:TOKEN_BYTES] for name in names)


def known(tx: Tx, account_id: int, wanted: Sequence[bytes]) -> dict[bytes, int]:
    """Return the conversations of those tokens that the account knows."""
    return dict(
        tx.rows(
            "SELECT token, thread_id FROM thread_token WHERE account_id = :account_id AND token IN (:tokens[bytes])",
            account_id=account_id,
            tokens=list(wanted),
        )
    )


def named(summary: Summary) -> list[str]:
    """Return what tells the conversation: the message itself, its parents from the nearest on.

    Of a long chain only both ends count: what stands between came with one of them.
    """
    chain = summary.references
    names = [summary.message_id, summary.in_reply_to, *chain[-1:], *chain[:1]]
    return list(dict.fromkeys(name for name in names if name))


def remember(tx: Tx, fresh: Iterable[tuple[int, bytes, int]]) -> None:
    """Note (account, token, conversation), parents too: answers to a message that never came here belong together."""
    tx.many(
        "INSERT INTO thread_token (account_id, token, thread_id) VALUES (:account_id, :token, :thread_id) ON CONFLICT DO NOTHING",
        ({"account_id": account_id, "token": token, "thread_id": thread_id} for account_id, token, thread_id in fresh),
    )


def forget(tx: Tx, left: Iterable[tuple[int, int]]) -> None:
    """Drop what is known of those conversations, (account, thread), that no message belongs to any more."""
    tx.many(
        """DELETE FROM thread_token WHERE account_id = :account_id AND thread_id = :thread_id
           AND NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = :account_id AND m.thread_id = :thread_id)""",
        [{"account_id": account_id, "thread_id": thread_id} for account_id, thread_id in left],
    )
