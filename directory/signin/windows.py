"""How failed sign-ins slow down further ones, without letting anybody lock somebody else out.

Two measures, both in memory and bounded:

* A *lock* per (account, peer network): after FREE_TRIES failures the next try from there must wait, each time twice as
  long. Somebody who guesses from elsewhere locks only themselves.
* A *pause* per account and per network, a few seconds at most, for guesses that come from many networks or try many
  accounts. Networks from which the account signed in lately are spared, so its owner hardly notices.

A try counts as failed from its beginning, so that a thousand tries at once do not slip through before the first is judged.
"""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from config.clock import DAY_US, HOUR_US, SECOND_US

FREE_TRIES = 5
MAX_LOCK_US = 900 * SECOND_US
FORGET_US = HOUR_US  # a window without failures for this long is gone
KNOWN_US = 7 * DAY_US  # how long a network of a good sign-in is spared
ACCOUNT_FREE = 20
NETWORK_FREE = 50
PAUSE_STEP_S = 0.1
MAX_PAUSE_S = 3.0
MAX_ENTRIES = 50_000  # of each kind: about 10 MB in all


def network_of(peer: str) -> str:
    """Return the network that a peer's address counts for: /24 of IPv4, /64 of IPv6 (RFC 4291 §2.5.1)."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0].strip("[]"))
    except ValueError:
        return peer[:64]
    mapped = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((mapped, 24 if mapped.version == 4 else 64), strict=False))


@dataclass(slots=True)
class _Window:
    failures: int = 0
    last_us: int = 0


class _Windows:
    """Windows by key; the ones touched longest ago make room."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

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
    """Failed tries by (account, network), by account and by network. Accounts are login names, existing or not."""

    def __init__(self) -> None:
        self._pairs, self._accounts, self._networks = _Windows(), _Windows(), _Windows()
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()

    def locked_s(self, account: str, network: str, now_us: int) -> int:
        """Return for how many seconds this account is closed to this network; 0 when it is not."""
        window = self._pairs.get((account, network), now_us)
        if window.failures < FREE_TRIES:
            return 0
        lock_us = min(MAX_LOCK_US, SECOND_US << min(window.failures - FREE_TRIES, 20))
        return max(0, math.ceil((window.last_us + lock_us - now_us) / SECOND_US))

    def pause_s(self, account: str, network: str, now_us: int) -> float:
        """Return how long a try must wait before it is looked at; 0 for a network the account is known from."""
        if self._known.get((account, network), 0) > now_us:
            return 0.0
        over = max(
            self._accounts.get(account, now_us).failures - ACCOUNT_FREE,
            self._networks.get(network, now_us).failures - NETWORK_FREE,
        )
        return min(MAX_PAUSE_S, max(0, over) * PAUSE_STEP_S)

    def begin(self, account: str, network: str, now_us: int) -> None:
        """Count a try, as failed until `succeeded` says otherwise."""
        self._pairs.add((account, network), now_us)
        self._accounts.add(account, now_us)
        self._networks.add(network, now_us)

    def give_back(self, account: str, network: str) -> None:
        """Take back a try that was never judged."""
        self._pairs.take_back((account, network))
        self._accounts.take_back(account)
        self._networks.take_back(network)

    def succeeded(self, account: str, network: str, now_us: int) -> None:
        """Open the lock of this account for this network and take the try back from the other counts."""
        self.give_back(account, network)
        self._pairs.forget((account, network))
        self._known[account, network] = now_us + KNOWN_US
        self._known.move_to_end((account, network))
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)
