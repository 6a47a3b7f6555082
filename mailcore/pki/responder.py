"""Who answers for each authority: a key of its own, certified by that authority for nothing else. RFC 6960 §2.6, §4.2.2.2."""

import asyncio
from dataclasses import dataclass

from config.clock import DAY_US
from mailcore.services import Services
from signing.errors import KeyExists
from signing.pki import ca, register
from signing.pki.ca import Authority
from signing.pki.profiles import Subject
from signing.pki.register import Issued, New

KIND = "ocsp"
RENEW_BEFORE_US = 15 * DAY_US  # its answers hold for a day


@dataclass(frozen=True, slots=True)
class Responder:
    """A key in the signer, its certificate and its issuer's; `since_us` is how far back its answers go."""

    key_id: str
    certificate: bytes
    issuer: bytes
    since_us: int


class Responders:
    """Those of one node, made at first need."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, tuple[bytes, Issued]] = {}
        self._making = asyncio.Lock()

    async def of(self, authority: Issued) -> Responder:
        """Return who answers for an authority. Raises NoSuchKey when its key is not in this signer, SignerUnavailable."""
        async with self._making:
            issuer, one = self._known.get(authority.key_id, (b"", None))
            if one is None or issuer != authority.der or not self._lasts(one, authority):
                one = await self._found(authority)
                self._known[authority.key_id] = authority.der, one
        return Responder(one.key_id, one.der, authority.der, authority.not_before_us)

    def _lasts(self, one: Issued, authority: Issued) -> bool:
        """Say whether it need not be renewed yet; nobody outlives the authority."""
        now_us = self._services.clock.now_us()
        return one.is_good(now_us) and (one.not_after_us - now_us > RENEW_BEFORE_US or one.not_after_us >= authority.not_after_us)

    async def _found(self, authority: Issued) -> Issued:
        key_id = f"{KIND}-{authority.key_id}"
        for one in await self._services.db.read(register.of_key, key_id):
            if one.authority == authority.key_id and self._lasts(one, authority):
                return one
        return await self._made(authority, key_id)

    async def _made(self, authority: Issued, key_id: str) -> Issued:
        signer = self._services.signer
        await signer.public(authority.key_id)
        try:
            public_key = await signer.generate(key_id, "p256")
        except KeyExists:
            public_key = await signer.public(key_id)
        issuer = Authority(authority.key_id, authority.der)
        subject = Subject(f"{self._services.settings.node.hostname} OCSP", country=self._services.settings.pki.country)
        certificate = await ca.issue(signer, issuer, KIND, subject, public_key, self._services.clock.now_us())
        return await self._services.db.write(register.add, authority.key_id, certificate, New(KIND, key_id))
