"""Grants: what somebody has just proved is good for, how often and how long. In memory alone, so that nobody finds them anywhere."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from config.clock import MINUTE_US, Clock
from directory.errors import SignInExpired
from mailcore.activation.wire import GRANT_BYTES, PURPOSES, Need, Purpose

LASTS_US = 10 * MINUTE_US  # as long as a proof of who is there is fresh
MAX_GRANTS = 100_000  # about 400 octets each; beyond, the oldest is forgotten and its holder is asked again


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a grant is. It ends with the credentials of that moment: `epoch` is theirs."""

    person_id: int
    epoch: int


@dataclass(slots=True)
class _Granted:
    holder: Holder
    need: Need
    uses: int
    until_us: int


class Grants:
    """What was granted and is not used up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, _Granted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def give(self, holder: Holder, need: Need, uses: int) -> bytes:
        """Return a new grant: 256 random bits."""
        grant, now_us = secrets.token_bytes(GRANT_BYTES), self._clock.now_us()
        self._kept[grant] = _Granted(holder, need, uses, now_us + LASTS_US)
        while len(self._kept) > MAX_GRANTS or next(iter(self._kept.values())).until_us <= now_us:  # the oldest ends first
            self._kept.popitem(last=False)
        return grant

    def use(self, grant: bytes, purpose: Purpose) -> Holder:
        """Use a grant once; return whose it is. Raises SignInExpired for one that is used up, too old, or for something else."""
        found = self._kept.get(grant)
        if found is None or found.until_us <= self._clock.now_us() or purpose not in PURPOSES[found.need]:
            raise SignInExpired(reason="grant")
        found.uses -= 1
        if found.uses <= 0:
            del self._kept[grant]
        return found.holder
