"""Where a mailbox name leads, what is selected, and what may be done there. RFC 4314 §4."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from mailcore.errors import NoSuchMailbox, NotAllowed
from mailcore.imap import names
from mailcore.imap.view import View
from mailcore.store import keywords, rights
from mailcore.store.keys import AccountKey
from mailcore.store.rights import ALL, Rights
from mailcore.store.types import MAX_KEYWORDS, MailboxKey


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mailbox name leads: an account, and the name as that account calls it."""

    account: AccountKey
    name: str
    rights: Rights = ALL  # of who signed in, there
    above: Rights = ALL  # and where a mailbox of this name would be made
    root: str = ""  # under which this client sees the account; "" for the one that it signed in to

    def require(self, needed: str) -> "Place":
        """Return the place when every one of these rights is there. Raises NotAllowed, NoSuchMailbox (RFC 4314 §4, §6).

        Without ``l`` a mailbox is as good as absent, and so it is for who may look it up but finds none.
        """
        if self.rights.issuperset(needed):
            return self
        if "l" not in self.rights:
            raise NoSuchMailbox(name=self.name)
        raise NotAllowed("you have not the right to do this in this mailbox", needed=needed)

    def require_above(self, needed: str) -> "Place":
        """Return the place when every one of these rights is there where the mailbox would be made. Raises NotAllowed, NoSuchMailbox.

        Who may look up neither a mailbox nor what it would be in must not learn whether there is one (RFC 4314 §6).
        """
        if not self.above.issuperset(needed):
            if "l" not in self.rights | self.above:
                raise NoSuchMailbox(name=self.name)
            raise NotAllowed("you have not the right to make a mailbox there", needed=needed)
        return self

    @property
    def changes(self) -> bool:
        """Say whether anything may be changed there; if not, the mailbox opens READ-ONLY (RFC 4314 §5.2)."""
        return not self.rights.isdisjoint(rights.CHANGING)

    def shown(self, name: str) -> str:
        """Return what this client calls a mailbox of the same account."""
        return names.shown(self.root, name) if self.root else name


@dataclass(slots=True)
class Selected:
    """The selected mailbox, and the account that it is in: one's own or another's. `rights` are those of the present command."""

    account: AccountKey
    key: MailboxKey
    uidvalidity: int
    view: View
    read_only: bool
    rights: Rights = ALL
    name: str = ""  # what this client calls it

    def keywords(self, names: Mapping[int, str], more: int, *, whole: bool) -> tuple[Mapping[int, str], bool]:
        """Return of which keywords of the account this client may know, and whether it may make new ones.

        Whoever is a guest here must not learn from them what is in mailboxes that nobody showed them.
        """
        room = len(names) + rights.kept_keywords(self.rights) < MAX_KEYWORDS
        if whole or self.rights == ALL:
            return names, room
        return keywords.shown(names, reduce(or_, set(self.view.flags), more)), room

    def require(self, needed: str) -> None:
        """Let pass who has every one of these rights in the mailbox. Raises NotAllowed."""
        if not self.rights.issuperset(needed):
            raise NotAllowed("you have not the right to do this in this mailbox", needed=needed)
