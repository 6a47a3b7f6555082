"""Messages that clients bring: several in one transaction, all or none. RFC 3502."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import FIRST_KEYWORD_BIT, Appended, Prepared


@dataclass(frozen=True, slots=True)
class Draft:
    """A message whose blob is durable, with what it gets in the mailbox. Keywords go by name."""

    message: Prepared
    flags: int
    keywords: tuple[str, ...]
    internaldate_us: int


def append(
    tx: Tx, account: AccountKey, name: str, drafts: Sequence[Draft], within: int = messages.EVERY_FLAG, kept: int = 0
) -> list[Appended]:
    """Append to a mailbox by name, in order. Raises NoSuchMailbox, LimitReached, OverQuota: then nothing is appended.

    `within` are the flags that may be set there (RFC 4314 §4); `kept` keywords of the account stay free.
    """
    target = mailboxes.find(tx, account.account_id, name).key
    named = bool(within >> FIRST_KEYWORD_BIT)
    return [
        messages.append_with(tx, target, account, one.message, one.flags & within, one.keywords if named else (), one.internaldate_us, kept)
        for one in drafts
    ]
