"""Grants: what somebody has just proved is good for, how often and how long. In memory alone, so that nobody finds them anywhere."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from config.clock import MINUTE_US, Clock
from directory.errors import SignInExpired
from mailcore.activation.wire import GRANT_BYTES, PURPOSES, Need, Purpose

LASTS_US = 10 * MINUTE_US  # as long as a proof of who is there is fresh
MAX_GRANTS = 100_000  # about 200 octets each; beyond, the oldest is forgotten and its holder is asked again


@dataclass(slots=True)
class _Granted:
    person_id: int
    need: Need
    uses: int
    until_us: int


class Grants:
    """What was granted and is not used up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, _Granted] = OrderedDict()

    def give(self, person_id: int, need: Need, uses: int) -> bytes:
        """Return a new grant: 256 random bits."""
        grant = secrets.token_bytes(GRANT_BYTES)
        self._kept[grant] = _Granted(person_id, need, uses, self._clock.now_us() + LASTS_US)
        if len(self._kept) > MAX_GRANTS:
            self._kept.popitem(last=False)
        return grant

    def use(self, grant: bytes, purpose: Purpose) -> int:
        """Use a grant once; return whose it is. Raises SignInExpired for one that is used up, too old, or for something else."""
        found = self._kept.get(grant)
        if found is None or found.until_us <= self._clock.now_us() or purpose not in PURPOSES[found.need]:
            raise SignInExpired(reason="grant")
        found.uses -= 1
        if found.uses <= 0:
            del self._kept[grant]
        return found.person_id
