"""How failed sign-ins slow down further ones, without letting anybody lock somebody else out.

Two measures, both in memory and bounded:

* A *lock* per (account, place): after FREE_TRIES failures the next try from there must wait, each time twice as long.
  Somebody who guesses from elsewhere locks only themselves. A place is a network; but an address from which the account
  signed in lately is a place of its own, so that a colleague's guesses do not lock the owner's desk.
* A *pause* per account and per place, a few seconds at most, for guesses that come from many networks or try many
  accounts. Places from which the account signed in lately are spared, so its owner hardly notices.

Behind one address, such as that of a whole office, even the place is shared. There an answer that is right and that the
node remembers passes the lock; as this tells a guesser something, only FREE_LOOKS tries in an hour are looked at so.
Secrets that nobody can guess (app passwords, tokens, certificates, passkeys) know no lock at all.

A try counts as failed from its beginning, so that a thousand tries at once do not slip through before the first is judged.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from config.clock import DAY_US, HOUR_US, SECOND_US
from config.networks import site

FREE_TRIES = 5
MAX_LOCK_US = 900 * SECOND_US
FORGET_US = HOUR_US  # a window without failures for this long is gone
KNOWN_US = 7 * DAY_US  # how long a place of a good sign-in is known
FREE_LOOKS = 100  # NIST SP 800-63B §5.2.2: at most 100 failed tries in a row
ACCOUNT_FREE = 20
NETWORK_FREE = 50
PAUSE_STEP_S = 0.1
MAX_PAUSE_S = 3.0
IPV4_BITS = 24
MAX_PEER = 64  # characters of what is no address
MAX_ENTRIES = 50_000  # of each kind: about 15 MB in all


def network_of(peer: str) -> str:
    """Return the network that a peer's address counts for: /24 of IPv4, /64 of IPv6."""
    return site(peer.strip("[]")[:MAX_PEER], IPV4_BITS)


@dataclass(slots=True)
class _Window:
    failures: int = 0
    last_us: int = 0


class _Windows:
    """Windows by key; the ones touched longest ago make room."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

    def failures(self, key: Hashable, now_us: int) -> int:
        return self.get(key, now_us).failures

    def get(self, key: Hashable, now_us: int) -> _Window:
        window = self._windows.get(key)
        return window if window is not None and now_us - window.last_us < FORGET_US else _Window()

    def add(self, key: Hashable, now_us: int) -> None:
        window = self.get(key, now_us)
        self._windows[key] = _Window(window.failures + 1, now_us)
        self._windows.move_to_end(key)
        if len(self._windows) > MAX_ENTRIES:
            self._windows.popitem(last=False)

    def take_back(self, key: Hashable) -> None:
        window = self._windows.get(key)
        if window is not None and window.failures > 0:
            window.failures -= 1

    def forget(self, key: Hashable) -> None:
        self._windows.pop(key, None)


class Windows:
    """Failed tries by (account, place), by account and by place. Accounts are login names, existing or not."""

    def __init__(self) -> None:
        self._pairs, self._accounts, self._places, self._looks = _Windows(), _Windows(), _Windows(), _Windows()
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()

    def place(self, account: str, peer: str, now_us: int) -> str:
        """Return where a peer stands for an account: at an address of its own when it is known there, else in its network."""
        address = peer[:64]
        return address if self.is_known(account, address, now_us) else network_of(peer)

    def is_known(self, account: str, place: str, now_us: int) -> bool:
        """Say whether the account signed in from there lately."""
        return self._known.get((account, place), 0) > now_us

    def locked_s(self, account: str, place: str, now_us: int) -> int:
        """Return for how many seconds this account is closed to this place; 0 when it is not."""
        window = self._pairs.get((account, place), now_us)
        if window.failures < FREE_TRIES:
            return 0
        lock_us = min(MAX_LOCK_US, SECOND_US << min(window.failures - FREE_TRIES, 20))
        return max(0, math.ceil((window.last_us + lock_us - now_us) / SECOND_US))

    def look(self, account: str, place: str, now_us: int) -> bool:
        """Say whether an answer that is remembered may be looked for behind a lock, and count that."""
        if not self.is_known(account, place, now_us) or self._looks.failures((account, place), now_us) >= FREE_LOOKS:
            return False
        self._looks.add((account, place), now_us)
        return True

    def looked_well(self, account: str, place: str) -> None:
        """Take a look back: the answer was right."""
        self._looks.take_back((account, place))

    def pause_s(self, account: str, place: str, now_us: int) -> float:
        """Return how long a try must wait before it is looked at; 0 for a place the account is known from."""
        if self.is_known(account, place, now_us):
            return 0.0
        over = max(
            self._accounts.failures(account, now_us) - ACCOUNT_FREE,
            self._places.failures(place, now_us) - NETWORK_FREE,
        )
        return min(MAX_PAUSE_S, max(0, over) * PAUSE_STEP_S)

    def begin(self, account: str, place: str, now_us: int) -> None:
        """Count a try, as failed until `succeeded` says otherwise."""
        self._pairs.add((account, place), now_us)
        self._accounts.add(account, now_us)
        self._places.add(place, now_us)

    def give_back(self, account: str, place: str) -> None:
        """Take back a try that was never judged."""
        self._pairs.take_back((account, place))
        self._accounts.take_back(account)
        self._places.take_back(place)

    def succeeded(self, account: str, place: str, now_us: int, peer: str = "") -> None:
        """Open the lock of this account for this place, take the try back from the other counts, and know the place and the peer."""
        self.give_back(account, place)
        self._pairs.forget((account, place))
        self.know(account, place, now_us)
        if peer:
            self.know(account, peer[:64], now_us)

    def know(self, account: str, place: str, now_us: int) -> None:
        """Note that the account signed in from there."""
        self._known[account, place] = now_us + KNOWN_US
        self._known.move_to_end((account, place))
        if len(self._known) > 2 * MAX_ENTRIES:
            self._known.popitem(last=False)
