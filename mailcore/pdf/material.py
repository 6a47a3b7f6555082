"""What is known about the revocation of the certificates that a document needs."""

from collections.abc import Sequence

from mailcore.services import Services
from signing.pki.revocation import Material


async def material(services: Services, chain: Sequence[bytes]) -> Material:
    return Material()
