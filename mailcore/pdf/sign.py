"""Sign a PDF document: a worker makes room, the signer signs what its holder confirmed, a worker adds what keeps it verifiable.

ETSI EN 319 142-1 §6: B-B, with a time stamp B-T, with certificates and lists B-LT, with a time stamp over all of that B-LTA. What cannot be
had is left out, and the form that was reached is said.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from config.log import log
from mailcore.activation.wire import Purpose
from mailcore.pdf import material
from mailcore.pdf.signatory import Signatory
from mailcore.services import Services
from mailcore.stamping import stamps
from signing import cms, timestamp, worker
from signing.cms import SigningIdentity
from signing.errors import NoSuchCertificate, PdfRefused
from signing.pdf import pades
from signing.pdf.types import LEVELS, REFUSALS, Kept, Level, Plan, Prepared, Stamp

PURPOSE: Purpose = "pdf"
MAX_BYTES = 20_000_000  # of a document: it travels to a worker and back three times
CPU_S = 20  # a page tree of some thousand pages

Permit = Callable[..., Awaitable[bytes]]  # gives the activation of this key for a digest


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document, and the form that was reached."""

    pdf: bytes
    level: Level


async def sign(services: Services, who: Signatory, grant: bytes, pdf: bytes, level: Level, stamp: Stamp | None, reason: str = "") -> Signed:
    """Sign a document in somebody's name, by a grant that they got from the process of activations for their proofs.

    Raises NoSuchCertificate, PdfRefused, WorkerFailed, WorkerBusy, SignInExpired, NotAllowed, SignerUnavailable and the other
    refusals of the signer.
    """
    if who.certificate is None:
        raise NoSuchCertificate(f"{who.address} has no certificate in force to sign with", account_id=who.account_id)
    if len(pdf) > MAX_BYTES:
        raise refused("too_large")
    identity = SigningIdentity(who.certificate.key_id, who.certificate.der, who.certificate.chain)
    permit = partial(services.activator.permit, grant, who.account_id, identity.key_id, purpose=PURPOSE)
    basic, token = await _sign(services, identity, permit, pdf, level, stamp, reason)
    reached: Level = "B-T" if token else "B-B"
    if token and LEVELS.index(level) >= LEVELS.index("B-LT"):
        basic, reached = await _extend(services, identity, basic, token, level)
    log.info(
        "pdf.signed",
        account_id=who.account_id,
        person_id=who.person_id,
        key_id=identity.key_id,
        form=reached,
        wanted=level,
        size_bytes=len(pdf),
    )
    return Signed(basic, reached)


def refused(why: str, said: str = "") -> PdfRefused:
    """Return why a document is refused, in words."""
    return PdfRefused(REFUSALS[why], why=why, said=said)


async def _sign(
    services: Services, identity: SigningIdentity, permit: Permit, pdf: bytes, level: Level, stamp: Stamp | None, reason: str
) -> tuple[bytes, bytes]:
    """Return the signed document, and the time stamp over its signature, b"" for none."""
    now_us = services.clock.now_us()
    plan = Plan(now_us, pades.digest_name(identity), reason, stamp)  # type: ignore[arg-type]
    room = await _ask("prepare", pdf, msgspec.msgpack.encode(plan))
    to_sign = pades.to_sign(room, identity)
    activation = await permit(digest=to_sign.digest)
    signature = await services.signer.sign(identity.key_id, to_sign.digest, activation, PURPOSE)
    token = b"" if level == "B-B" else await stamps(services).over(signature)
    return pades.fill(room, cms.finish(to_sign, signature, timestamp=token)), token


async def _extend(services: Services, identity: SigningIdentity, pdf: bytes, token: bytes, level: Level) -> tuple[bytes, Level]:
    """Add certificates and what is known of their revocation, then a time stamp over all of it."""
    certificates = (identity.certificate, *identity.chain, *timestamp.read(token).signed.certificates)
    known = await material.material(services, certificates)
    kept = Kept(tuple(dict.fromkeys((*certificates, *services.roots))), known.crls, known.ocsps)
    document = (await _ask("keep", pdf, msgspec.msgpack.encode(kept))).pdf
    if level == "B-LT":
        return document, "B-LT"
    room = await _ask("prepare_time", document)
    over = await stamps(services).over(pades.covered(room))
    return (pades.fill(room, over), "B-LTA") if over else (document, "B-LT")


async def _ask(step: str, *arguments: bytes) -> Prepared:
    answer = await worker.ask(Prepared, f"signing.pdf.write:{step}", *arguments, cpu_s=CPU_S)
    if answer.refused:
        raise refused(answer.refused, answer.said)
    return answer
