"""The time stamps that signatures of this node get. RFC 3161; ETSI EN 319 122-1 §6 (form B-T).

A letter waits for no stamp: when there is none to be had, the signature goes without one and is good as long as its certificate.
"""

from config.errors import MailError
from config.log import log
from mailcore import certify
from mailcore.services import Services
from signing import timestamp
from signing.timestamp import Refused
from signing.tsa import TimeAuthority


class Stamps:
    """The authority of this process, from its first stamp on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._authority: TimeAuthority | None = None

    async def over(self, signature: bytes) -> bytes:
        """Return a token over a signature, b"" when there is none to be had."""
        try:
            return await (await self._own()).stamp(signature)
        except (MailError, Refused, OSError) as error:  # OSError: the node has no root, or no room for a certificate
            log.warning("stamp.none", kind=type(error).__name__, said=str(error))
            return b""

    async def answer(self, octets: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq that somebody sent, whatever it is."""
        try:
            authority = await self._own()
        except (MailError, OSError) as error:
            log.warning("stamp.none", kind=type(error).__name__, said=str(error))
            return timestamp.rejected(Refused(timestamp.SYSTEM_FAILURE, "no time stamp can be given at the moment"))
        return await authority.answer(octets)

    async def _own(self) -> TimeAuthority:
        if self._authority is None:
            self._authority = TimeAuthority(self._services.signer, await certify.clock(self._services), self._services.clock)
        return self._authority


def stamps(services: Services) -> Stamps:
    """Return what stamps for this node."""
    return services.parts.get(Stamps, lambda: Stamps(services))
