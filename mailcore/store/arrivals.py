"""Messages that clients bring: several in one transaction, all or none. RFC 3502."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.messages import Arrival
from mailcore.store.types import FIRST_KEYWORD_BIT, Appended, Prepared


@dataclass(frozen=True, slots=True)
class Draft:
    """A message with what it gets in the mailbox; a large blob is durable already. Keywords go by name."""

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
    named = bool(within >> FIRST_KEYWORD_BIT)
    several = [
        Arrival(
            one.message,
            one.flags & within | (keywords.bits(tx, account.account_id, one.keywords, kept) if named and one.keywords else 0),
            one.internaldate_us,
        )
        for one in drafts
    ]
    return messages.add(tx, account, "name_fold", mailboxes.canonical(name).casefold(), several)
