"""A time stamp authority: answers requests with its own key, in the signer, and its own clock. RFC 3161 §2.4, EN 319 421 §7.7.

What it says is believed for years, so it rather says nothing: once the machine's clock was set, it refuses until somebody has looked at
that and started the process again.
"""

import secrets
import time
from collections.abc import Callable

from config.clock import SECOND_US, Clock
from config.log import log
from signing import timestamp
from signing.algorithms import SHA256, digest
from signing.cms import SigningIdentity
from signing.keys import Signer
from signing.timestamp import SYSTEM_FAILURE, TIME_NOT_AVAILABLE, Refused

MAX_JUMP_US = SECOND_US  # a token is right to a second: a clock that is steered drifts by less against one that nobody sets
SERIAL_BITS = 64  # random ones below the time: two processes with one key never give the same, and 160 are allowed (§2.4.2)
NONCE_BITS = 64


class TimeAuthority:
    """Stamps for one identity, whose certificate is for nothing else; one that was renewed takes its place, the clock stays watched."""

    def __init__(self, signer: Signer, identity: SigningIdentity, clock: Clock, steady_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._signer, self.identity, self._clock, self._steady_ns = signer, identity, clock, steady_ns
        self._offset_us = self._drift_us()
        self._latest_us = 0

    async def answer(self, octets: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq, whatever it is."""
        try:
            return timestamp.granted(await self._token(timestamp.read_request(octets)))
        except Refused as refused:
            log.info("tsa.refused", bit=refused.bit, said=refused.text)
            return timestamp.rejected(refused)
        except Exception as error:  # noqa: BLE001  (the driver: the signer is away, or a bug; whoever asks comes again)
            log.error("tsa.failed", kind=type(error).__name__, said=str(error))
            return timestamp.rejected(Refused(SYSTEM_FAILURE, "no time stamp can be given at the moment"))

    async def stamp(self, octets: bytes) -> bytes:
        """Return a token over octets. Raises Refused, SignerUnavailable."""
        return await self.stamp_digest(digest(SHA256, octets))

    async def stamp_digest(self, sha256: bytes) -> bytes:
        """Return a token over octets with this digest. Raises as `stamp`."""
        asked = timestamp.request(SHA256, sha256, secrets.randbits(NONCE_BITS))
        return await self._token(timestamp.read_request(asked))

    async def _token(self, asked: timestamp.Request) -> bytes:
        now_us = self._now_us()
        serial = now_us << SERIAL_BITS | secrets.randbits(SERIAL_BITS)
        info = timestamp.info(asked, serial, now_us)
        identity = self.identity
        to_sign = timestamp.prepare(info, identity, now_us)
        token = timestamp.finish(to_sign, await self._signer.sign(identity.key_id, to_sign.digest), info, asked)
        log.info("tsa.stamped", serial=f"{serial:x}", imprint=asked.imprint.hex())
        return token

    def _now_us(self) -> int:
        """Return the time, never less than before. Raises Refused when somebody has set the clock."""
        now_us = self._clock.now_us()
        jumped_us = self._drift_us() - self._offset_us
        if abs(jumped_us) > MAX_JUMP_US:
            log.error("tsa.clock_was_set", by_us=jumped_us)
            raise Refused(TIME_NOT_AVAILABLE, "the clock of this authority was set: its time is not vouched for")
        self._latest_us = max(self._latest_us, now_us)
        return self._latest_us

    def _drift_us(self) -> int:
        return self._clock.now_us() - self._steady_ns() // 1000
