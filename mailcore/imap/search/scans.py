"""How many searches may read messages at once. Reading every message of a mailbox is the dearest thing a client can ask for."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from mailcore.errors import LimitReached
from mailcore.store.types import AccountId

PER_ACCOUNT = 4  # a client searches in one or two connections; phones send 10 to 15 searches, but one after the other
ALTOGETHER = 64  # in a process: each holds some 4 MB of messages (reference: others allow 60 searches a minute)


class Scans:
    """Counts the searches that read messages."""

    def __init__(self) -> None:
        self._by_account: Counter[AccountId] = Counter()

    @contextlib.contextmanager
    def one(self, account_id: AccountId) -> Iterator[None]:
        """Count one in while it lasts. Raises LimitReached."""
        if self._by_account[account_id] >= PER_ACCOUNT or self._by_account.total() >= ALTOGETHER:
            raise LimitReached("too many searches read messages at the moment", account_id=account_id)
        self._by_account[account_id] += 1
        try:
            yield
        finally:
            self._by_account[account_id] -= 1
            if not self._by_account[account_id]:
                del self._by_account[account_id]
