"""The seal of an office beside the signature of whoever signs for it: both over the same letter, neither knows the other. RFC 5652 §5.1."""

from config.database import Tx
from directory import certificates, delegations, posts
from directory.types import Certificate
from mailcore.stamping import stamps
from signing import signers, smime
from signing.cms import SigningIdentity
from webmail.desk import Desk

SEAL = "seal"


async def beside(desk: Desk, sender: int, entity: bytes, signature: bytes) -> bytes:
    """Return a signature over an entity with the seal of the sender's office beside it; as it is when that has none in force.

    The seal's key acts without a confirmation of its own: the signatory has just confirmed the letter. Raises as `Signer.sign`.
    """
    services = desk.services
    now_us = services.clock.now_us()
    seal = await services.db.read(find, sender, now_us)
    if seal is None:
        return signature
    to_sign = smime.prepare(entity, SigningIdentity(seal.key_id, seal.der, seal.chain), now_us)
    value = await services.signer.sign(seal.key_id, to_sign.digest)
    return signers.join(signature, smime.finish(to_sign, value, await stamps(services).over(value)))


async def is_set(desk: Desk, sender: int) -> bool:
    """Say whether a seal is set beside the signature of a sender now."""
    return await desk.services.db.read(find, sender, desk.services.clock.now_us()) is not None


def find(tx: Tx, account_id: int, at_us: int) -> Certificate | None:
    """Return the seal of a post or unit, or of the unit of a post; None for people, who are no office."""
    kind = delegations.kind(tx, account_id)
    if kind == "person":
        return None
    own = certificates.current(tx, account_id, SEAL, at_us)
    if own is not None or kind != "post":
        return own
    return certificates.current(tx, posts.find(tx, account_id).unit_id, SEAL, at_us)
