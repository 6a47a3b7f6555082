"""What a script may ask about its account while it runs, and whose account that is. Units of work."""

from dataclasses import dataclass
from datetime import UTC, datetime

from config.clock import SECOND_US
from config.database import Tx
from directory import resolve
from directory.address import parse
from mailcore.errors import BadMailboxName, NoSuchMailbox
from mailcore.message.addresses import Mailbox
from mailcore.sieve import marks
from mailcore.store import mailboxes
from mailcore.store.keys import AccountKey

_NAME = """
    SELECT name_ar, name_fr, address FROM person WHERE person_id = :account_id
    UNION ALL SELECT title_ar, title_fr, address FROM post WHERE post_id = :account_id
    UNION ALL SELECT name_ar, name_fr, address FROM unit WHERE unit_id = :account_id AND address IS NOT NULL
"""


class Account:
    """Implements `run.Surroundings` for the time of one unit of work."""

    def __init__(self, tx: Tx, account: AccountKey) -> None:
        self._tx, self._account = tx, account
        self.known: set[bytes] = set()  # marks that were found

    def mailbox_exists(self, name: str) -> bool:
        """Say whether there is a mailbox of this name (RFC 5490 §3.1)."""
        try:
            return mailboxes.exists(self._tx, self._account.account_id, name)
        except BadMailboxName:
            return False

    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        """Say whether some mailbox, or this one, has a special use (RFC 8579 §3)."""
        try:
            found = mailboxes.by_role(self._tx, self._account.account_id, use)
            return mailbox is None or mailboxes.find(self._tx, self._account.account_id, mailbox).key == found.key
        except (NoSuchMailbox, BadMailboxName):
            return False

    def seen(self, mark: bytes) -> bool:
        """Say whether a mark is remembered (RFC 7352 §3)."""
        token = marks.token(self._account, mark)
        found = marks.live(self._tx, self._account.account_id, [token])
        self.known |= found
        return bool(found)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose account it is: names in both scripts, the address that stands for it, and all that reach it."""

    name_ar: str
    name_fr: str
    address: str
    addresses: tuple[str, ...]

    def mailbox(self, text: str) -> Mailbox:
        """Return the owner as sender of a text, called as the text is written."""
        arabic = any("\u0600" <= char <= "\u06ff" for char in text)
        name = (self.name_ar or self.name_fr) if arabic else (self.name_fr or self.name_ar)
        parts = parse(self.address)
        return Mailbox(name, parts.local, parts.domain)


def owner(tx: Tx, account_id: int) -> Owner:
    """Return whose account this is."""
    row = tx.row(_NAME, account_id=account_id)
    known = tuple(resolve.addresses(tx, account_id))
    name_ar, name_fr, address = row or ("", "", known[0] if known else "")
    return Owner(name_ar, name_fr, address, known)


def offset_min(at_us: int) -> int:
    """Return how many minutes east of UTC this machine is at that instant."""
    offset = datetime.fromtimestamp(at_us // SECOND_US, UTC).astimezone().utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60
