"""Witnesses: what ours is asked and answers, and whom we ask. C2SP tlog-witness; over HTTP, or by files that somebody carries.

A witness signs a checkpoint of a log that it knows when it has grown from the last one that it signed. So whoever rewrites a log must also
have every witness do so, and none does: other nodes, the authority for the protection of data.
"""

import asyncio
from collections.abc import Sequence

import httpx

from config.database import Tx
from config.log import log
from mailcore import bounded
from mailcore.bounded import TooLarge
from mailcore.evidence import places, sealing
from mailcore.evidence.errors import NotWitnessed
from mailcore.evidence.places import Kept
from mailcore.evidence.sealing import Sealer
from mailcore.services import Services
from signing.evidence import checkpoint, note, seal, witness
from signing.evidence.log import Log
from signing.evidence.note import BadNote, Key
from signing.evidence.witness import SIZE_TYPE, Known, Refused, Request

TIMEOUT_S = 10.0  # of one answer: records wait for no witness, the next checkpoint asks again
MAX_ANSWER_BYTES = 65_536
_KEEP = """
    INSERT INTO evidence_witnessed (origin, size, root, at_us) VALUES (:origin, :size, :root, :now_us)
    ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, at_us = excluded.at_us
"""


def known(tx: Tx, origin: str) -> Known | None:
    """Return the last checkpoint of a log that this node has signed as a witness."""
    row = tx.row("SELECT size, root FROM evidence_witnessed WHERE origin = :origin", origin=origin)
    return None if row is None else Known(row[0], bytes(row[1]))


def admit(tx: Tx, request: Request, logs: Sequence[Key]) -> str:
    """Judge a request and note that its checkpoint is signed; return the text to sign. Raises Refused, and nothing is noted."""
    tx.row("SELECT 1 FROM evidence_tree WHERE one = 1 /* FOR UPDATE */")  # two requests for one log, one after the other
    text, made = witness.judge(request, logs, known(tx, witness.origin(request)))
    tx.execute(_KEEP, origin=made.origin, size=made.size, root=made.root, now_us=tx.now_us)
    return text


def name(services: Services) -> str:
    """Return the name under which this node cosigns the logs of others."""
    return f"{services.settings.node.hostname}/witness"


async def answer(services: Services, octets: bytes) -> tuple[int, str, bytes]:
    """Return status, media type and octets of the answer to a request of a log, whatever it is.

    What is signed is noted first, durably: a witness that forgot could be made to sign two histories.
    """
    try:
        asked, logs = witness.read(octets), sealing.logs(services.settings)
        witness.genuine(asked, logs)  # strangers get no transaction
        text = await services.db.write(admit, asked, logs)
    except Refused as refused:
        log.warning("evidence.not_witnessed", status=refused.status, said=refused.text)
        if refused.size >= 0:
            return refused.status, SIZE_TYPE, f"{refused.size}\n".encode()
        return refused.status, "text/plain", f"{refused.text}\n".encode()
    key = await seal.witness_key(services.signer, name(services))
    signature = await seal.cosigned(services.signer, key, text, services.clock.now_us())
    said = checkpoint.read(text)
    log.info("evidence.witnessed", origin=said.origin, size=said.size)
    return 200, "text/plain", witness.write_answer(signature)


async def request(files: Log, kept: Kept, old: int) -> bytes:
    """Return what to ask a witness that knows our checkpoint of `old` entries."""
    proof = await asyncio.to_thread(files.consistency, old, kept.size) if old > 0 else []
    return witness.write(Request(old, tuple(proof), kept.note))


async def attach(services: Services, kept: Kept, key: Key, octets: bytes) -> Kept:
    """Add the signature in a witness's answer to a checkpoint of ours and publish it. Raises BadNote."""
    found = await services.db.read(places.checkpoint, kept.size)
    kept = found or kept  # it may have got its stamp meanwhile
    signed = note.read(kept.note)
    cosigned = note.write(witness.added(signed, witness.read_answer(octets, signed, key)))
    await services.db.write(_cosigned, key.name, kept.size, cosigned)
    files = sealing.log_of(services.settings)
    published = files.checkpoint()
    if published is not None and published.size == kept.size:
        await asyncio.to_thread(files.publish, cosigned, kept.seal)
    return Kept(kept.size, kept.at_us, cosigned, kept.seal, kept.stamped)


def _cosigned(tx: Tx, name: str, size: int, octets: bytes) -> None:
    places.renote(tx, size, octets)
    places.note_cosigned(tx, name, max(size, places.cosigned(tx, name)))


class Cosigners:
    """The witnesses of this node that answer over HTTP."""

    def __init__(self, services: Services, sealer: Sealer) -> None:
        self._services, self._sealer = services, sealer
        self._witnesses = [(key, url) for key, url in sealing.witnesses(services.settings) if url]
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) if self._witnesses else None

    async def ask(self, kept: Kept) -> Kept:
        """Have every witness sign a checkpoint that it has not signed; who does not answer is asked again with the next one."""
        for key, url in self._witnesses:
            old = await self._services.db.read(places.cosigned, key.name)
            if old >= kept.size:
                continue
            try:
                kept = await self._ask(kept, key, url, old)
            except (NotWitnessed, BadNote) as error:
                log.warning("evidence.witness_silent", witness=key.name, said=str(error))
        return kept

    async def aclose(self) -> None:
        """End the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _ask(self, kept: Kept, key: Key, url: str, old: int) -> Kept:
        """Ask one witness; once more when it says that it knows another size of ours."""
        status, said = await self._post(url, await request(self._sealer.log, kept, old))
        if status == httpx.codes.CONFLICT and said.strip().isdigit() and int(said) != old and int(said) <= kept.size:
            status, said = await self._post(url, await request(self._sealer.log, kept, int(said)))
        if status != httpx.codes.OK:
            raise NotWitnessed(f"{url} answers {status}: {said[:200].decode('utf-8', 'replace').strip()}")
        return await attach(self._services, kept, key, said)

    async def _post(self, url: str, octets: bytes) -> tuple[int, bytes]:
        assert self._http is not None
        try:
            answer = await bounded.ask(self._http, f"{url.rstrip('/')}{witness.PATH}", MAX_ANSWER_BYTES, content=octets)
        except (httpx.HTTPError, TooLarge) as error:
            raise NotWitnessed(f"no answer from {url}: {str(error) or type(error).__name__}") from error
        return answer.status, answer.octets
