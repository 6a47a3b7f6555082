"""Answer questions about certificates: what was signed beforehand while it is still true, else signed now. RFC 6960, RFC 5019.

Whoever asks without end about one costs a row read: what was never issued is told so without a signature (RFC 5019 §2.2.3). An answer
about several is signed for whoever asks, as a time stamp is, and not more of them at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.database import Tx
from config.errors import MailError
from config.log import log
from mailcore.pki.publish import ANSWER_LASTS_US, answered, signed
from mailcore.pki.responder import Responders
from mailcore.services import Services
from signing.der import BadDer
from signing.pki import ocsp, published, register
from signing.pki.ocsp import Asked, Said
from signing.pki.published import Standing
from signing.pki.register import Issued

SEVERAL_AT_ONCE = 64  # answers that are signed for one who asks
KNOWN_S = 5.0  # how long a list of the authorities holds: a new one waits so long for its first answer


@dataclass(frozen=True, slots=True)
class Answer:
    """The octets, and until when they hold: 0 for what nobody keeps, a refusal or an answer that was made for one."""

    octets: bytes
    this_update_us: int = 0
    next_update_us: int = 0


class Answers:
    """Those of one node."""

    def __init__(self, services: Services, responders: Responders) -> None:
        self._services, self._responders = services, responders
        self._authorities: dict[tuple[str, bytes, bytes], Issued] = {}
        self._known_until_s = 0.0
        self._several = asyncio.Semaphore(SEVERAL_AT_ONCE)

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

    async def _to(self, several: Sequence[Asked]) -> Answer:
        """Answer about certificates of one authority: who signs is certified by it, and speaks for no other (RFC 6960 §4.2.2.2)."""
        by_hashes = await self._by_hashes()
        authorities = {by_hashes.get((asked.method, asked.name_hash, asked.key_hash)) for asked in several}
        authority = authorities.pop() if len(authorities) == 1 else None
        if authority is None:
            return Answer(ocsp.refusal(ocsp.UNAUTHORIZED))
        found = await self._services.db.peek(_standings, authority.key_id, several)
        if len(several) == 1 and found[0] is not None:
            return await self._to_one(authority, several[0], found[0])
        if not any(found):
            return Answer(ocsp.refusal(ocsp.UNAUTHORIZED))
        async with self._several:
            return await self._to_several(authority, several, found)

    async def _to_one(self, authority: Issued, asked: Asked, found: Standing) -> Answer:
        if found.octets and found.next_update_us > self._services.clock.now_us():
            return Answer(found.octets, found.this_update_us, found.next_update_us)
        responder = await self._responders.of(authority)
        made = await answered(self._services, responder, found.serial, found.revoked_us, found.reason, asked.method)
        await self._services.db.write(published.answer, authority.key_id, asked.method, [made])
        return Answer(made[2], made[1].this_update_us, made[1].next_update_us)

    async def _to_several(self, authority: Issued, several: Sequence[Asked], found: Sequence[Standing | None]) -> Answer:
        """Say of each what it is, in the order asked; of one that was never issued that it is unknown (RFC 6960 §2.2)."""
        responder, now_us = await self._responders.of(authority), self._services.clock.now_us()
        answers = []
        for asked, one in zip(several, found, strict=True):
            said = Said(now_us, now_us + ANSWER_LASTS_US, cutoff_us=responder.since_us, known=one is not None)
            if one is not None:
                said = replace(said, revoked_us=one.revoked_us, reason=one.reason)
            answers.append((ocsp.identifier(authority.der, asked.serial, asked.method), said))
        return Answer(await signed(self._services, responder, answers, now_us))

    async def _by_hashes(self) -> dict[tuple[str, bytes, bytes], Issued]:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._known_until_s:
            found = await self._services.db.peek(register.authorities)
            self._authorities = {(method, *ocsp.issuer_hashes(one.der, method)): one for one in found for method in ocsp.HASHES}
            self._known_until_s = now_s + KNOWN_S
        return self._authorities


def _standings(tx: Tx, authority: str, several: Sequence[Asked]) -> list[Standing | None]:
    return [published.standing(tx, authority, asked.serial, asked.method) for asked in several]
