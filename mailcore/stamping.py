"""The time stamps that signatures of this node get. RFC 3161; ETSI EN 319 122-1 §6 (form B-T).

From an authority elsewhere when the settings name one, else, or when that is away, from the node's own. A letter waits for no stamp: when
there is none to be had, the signature goes without one, good as long as its certificate, and gets it later (`signing.pending`).
"""

import asyncio
import hashlib
import secrets
import ssl

import httpx

from config.errors import MailError
from config.log import log
from mailcore import bounded, certify
from mailcore.bounded import TooLarge
from mailcore.services import Services
from signing import der, pending, timestamp
from signing.algorithms import SHA256
from signing.timestamp import Refused
from signing.tsa import NONCE_BITS, TimeAuthority

ASK_S = 5.0  # of an authority elsewhere: somebody waits for their letter to go
REST_S = 60.0  # so long one that failed is left alone
LOOK_S = 60.0  # between two looks for its own certificate: one that was renewed is used by then, weeks before the other ends
MAX_ANSWER = 65_536  # octets; a token with its chain is some 4 KiB
BATCH = 100  # stamps that are made up for at once
KIND, ANSWERED = "application/timestamp-query", "application/timestamp-reply"


class Stamps:
    """Those of this process; the authority from its first stamp on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._authority: TimeAuthority | None = None
        self._http: httpx.AsyncClient | None = None
        self._rested_s = self._looked_s = 0.0

    async def over(self, signature: bytes) -> bytes:
        """Return a token over a signature, b"" when there is none to be had: then it is made up for later."""
        digest = hashlib.sha256(signature).digest()
        token = await self._over(digest)
        if not token:
            await self._services.db.write(pending.add, digest)
        return token

    async def make_up(self) -> dict[str, int]:
        """Stamp what went without, as far as it can be done now; return how many got one and how many still wait."""
        stamped = 0
        for digest in await self._services.db.read(pending.due, BATCH):
            if token := await self._over(digest):
                stamped += await self._services.db.write(pending.complete, digest, token)
            else:
                await self._services.db.write(pending.again, digest)
        return {"stamped": stamped, "waiting": await self._services.db.read(pending.waiting)}

    async def answer(self, octets: bytes) -> bytes:
        """Return the TimeStampResp to a TimeStampReq that somebody sent, whatever it is."""
        try:
            authority = await self._own()
        except (MailError, OSError) as error:
            log.warning("stamp.none", kind=type(error).__name__, said=str(error))
            return timestamp.rejected(Refused(timestamp.SYSTEM_FAILURE, "no time stamp can be given at the moment"))
        return await authority.answer(octets)

    async def aclose(self) -> None:
        """Stop asking."""
        if self._http is not None:
            await self._http.aclose()

    async def _over(self, digest: bytes) -> bytes:
        now_s = asyncio.get_running_loop().time()
        if self._services.settings.pki.times and now_s >= self._rested_s:
            try:
                async with asyncio.timeout(ASK_S):
                    return await self._elsewhere(digest)
            except (httpx.HTTPError, TimeoutError, TooLarge, Refused, der.BadDer, OSError) as error:
                self._rested_s = now_s + REST_S
                log.warning("stamp.not_elsewhere", kind=type(error).__name__, said=str(error)[:200])
        try:
            return await (await self._own()).stamp_digest(digest)
        except (MailError, Refused, OSError) as error:  # OSError: the node has no root, or no room for a certificate
            log.warning("stamp.none", kind=type(error).__name__, said=str(error))
            return b""

    async def _own(self) -> TimeAuthority:
        now_s = asyncio.get_running_loop().time()
        if self._authority is None:
            self._authority = TimeAuthority(self._services.signer, await certify.clock(self._services), self._services.clock)
        elif now_s >= self._looked_s + LOOK_S:  # another process may have renewed its certificate
            self._authority.identity = await certify.clock(self._services)
        else:
            return self._authority
        self._looked_s = now_s
        return self._authority

    async def _elsewhere(self, digest: bytes) -> bytes:
        """RFC 3161 §3.4. Whether its authority is trusted is for readers to say; that it is an answer to this question, for us (§2.2)."""
        nonce = secrets.randbits(NONCE_BITS)
        question = timestamp.request(SHA256, digest, nonce)
        if self._http is None:
            self._http = await asyncio.to_thread(self._client)
        where, headers = self._services.settings.pki.times, {"content-type": KIND}
        answer = await bounded.ask(self._http, where, MAX_ANSWER, content=question, headers=headers)
        if answer.status != httpx.codes.OK or answer.kind != ANSWERED:
            raise der.BadDer(f"status {answer.status}, no {ANSWERED}")
        token = timestamp.read_response(answer.octets)
        said = timestamp.read(token)
        if (said.digest_algorithm, said.digest, said.nonce) != (SHA256, digest, der.write_integer(nonce)):
            raise der.BadDer("a token over something else")
        return token

    def _client(self) -> httpx.AsyncClient:
        settings = self._services.settings
        trusted = ssl.create_default_context(cafile=settings.pki.times_ca) if settings.pki.times.startswith("https:") else False
        return httpx.AsyncClient(verify=trusted, timeout=ASK_S, trust_env=False)


def stamps(services: Services) -> Stamps:
    """Return what stamps for this node."""
    return services.parts.get(Stamps, lambda: Stamps(services))
