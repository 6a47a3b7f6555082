"""What one client asked to be told of, and what it has been told. RFC 5465."""

from collections.abc import Callable, Sequence

from mailcore.imap.notices import FLAGS, METADATA, NEW, OF_SELECTED, SELECTED, SERVER_METADATA, Group, State
from mailcore.store.bus import Bus
from mailcore.store.types import AccountId


class Watch:
    """Listens to the accounts whose mailboxes a client sees, and rings when one of them changes."""

    def __init__(self, groups: Sequence[Group], bus: Bus, ring: Callable[[], None]) -> None:
        self.groups = tuple(groups)
        self.state: State | None = None  # as last told
        self.rung = False
        self._bus, self._ring = bus, ring
        self._accounts: frozenset[AccountId] = frozenset()

    @property
    def selected(self) -> Group | None:
        """Return what is to be told of the selected mailbox, None for nothing at all."""
        return next((group for group in self.groups if group.filter in OF_SELECTED and group.events), None)

    @property
    def at_once(self) -> bool:
        """Say whether removals are told while no command runs, or wait for one that allows them (RFC 5465 §6.1, §6.2)."""
        return self.selected is not None and self.selected.filter == SELECTED

    @property
    def others(self) -> bool:
        """Say whether anything is to be told beside the selected mailbox."""
        return any(group.filter not in OF_SELECTED and group.events for group in self.groups)

    @property
    def annotations(self) -> bool:
        """Say whether annotations have to be looked at."""
        return any(not group.events.isdisjoint((METADATA, SERVER_METADATA)) for group in self.groups)

    def tells(self, *, flags: bool) -> bool:
        """Say whether arrivals and removals in the selected mailbox are told, or (`flags`) changes of flags."""
        return self.selected is not None and (FLAGS if flags else NEW) in self.selected.events

    def listen(self, accounts: frozenset[AccountId]) -> None:
        """Listen to these accounts, and to no others any more."""
        for account_id in accounts - self._accounts:
            self._bus.add(account_id, self)
        for account_id in self._accounts - accounts:
            self._bus.discard(account_id, self)
        self._accounts = accounts

    def also(self, account_id: AccountId) -> None:
        """Listen to one more account when anything is to be told of the selected mailbox."""
        if self.selected is not None:
            self.listen(self._accounts | {account_id})

    def set(self) -> None:
        """Ring: what the bus does when one of the accounts changes."""
        self.rung = True
        self._ring()

    def close(self) -> None:
        """Stop listening."""
        self.listen(frozenset())
