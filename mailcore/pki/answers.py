"""Answer questions about certificates: what was signed beforehand while it is still true, else signed now. RFC 6960, RFC 5019.

Whoever asks without end costs a row read: what was never issued is told so without a signature (RFC 5019 §2.2.3).
"""

import asyncio
from dataclasses import dataclass

from config.errors import MailError
from config.log import log
from mailcore.pki.publish import answered
from mailcore.pki.responder import Responders
from mailcore.services import Services
from signing.der import BadDer
from signing.pki import ocsp, published, register
from signing.pki.register import Issued

KNOWN_S = 5.0  # how long a list of the authorities holds: a new one waits so long for its first answer


@dataclass(frozen=True, slots=True)
class Answer:
    """The octets, and until when they hold: 0 for a refusal, which nobody keeps."""

    octets: bytes
    this_update_us: int = 0
    next_update_us: int = 0


class Answers:
    """Those of one node."""

    def __init__(self, services: Services, responders: Responders) -> None:
        self._services, self._responders = services, responders
        self._authorities: dict[tuple[str, bytes, bytes], Issued] = {}
        self._known_until_s = 0.0

    async def to(self, octets: bytes) -> Answer:
        """Answer an OCSPRequest, whatever it is."""
        try:
            return await self._to(ocsp.read_request(octets))
        except BadDer:
            return Answer(ocsp.refusal(ocsp.MALFORMED))
        except MailError as error:  # the signer is away, or the key of the authority is elsewhere
            log.warning("pki.no_answer", kind=type(error).__name__, said=str(error))
            return Answer(ocsp.refusal(ocsp.TRY_LATER))

    async def authority(self, certificate: bytes) -> str | None:
        """Return the key of the authority of this node that has a certificate (DER) or one with its name and key; None for any other."""
        hashes = ocsp.issuer_hashes(certificate, ocsp.SHA1)
        found = (await self._by_hashes()).get((ocsp.SHA1, *hashes))
        return None if found is None else found.key_id

    async def _to(self, asked: ocsp.Asked) -> Answer:
        authority = (await self._by_hashes()).get((asked.method, asked.name_hash, asked.key_hash))
        if authority is None:
            return Answer(ocsp.refusal(ocsp.UNAUTHORIZED))
        found = await self._services.db.peek(published.standing, authority.key_id, asked.serial, asked.method)
        if found is None:
            return Answer(ocsp.refusal(ocsp.UNAUTHORIZED))
        if found.octets and found.next_update_us > self._services.clock.now_us():
            return Answer(found.octets, found.this_update_us, found.next_update_us)
        responder = await self._responders.of(authority)
        made = await answered(self._services, responder, found.serial, found.revoked_us, found.reason, asked.method)
        await self._services.db.write(published.answer, authority.key_id, asked.method, [made])
        return Answer(made[2], made[1].this_update_us, made[1].next_update_us)

    async def _by_hashes(self) -> dict[tuple[str, bytes, bytes], Issued]:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._known_until_s:
            found = await self._services.db.peek(register.authorities)
            self._authorities = {(method, *ocsp.issuer_hashes(one.der, method)): one for one in found for method in ocsp.HASHES}
            self._known_until_s = now_s + KNOWN_S
        return self._authorities
