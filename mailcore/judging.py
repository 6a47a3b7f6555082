"""The judge of signatures of a node: its roots, what it knows of revocation, and what it remembers of paths."""

from functools import partial

from mailcore.pki.freshness import material
from mailcore.services import Services
from signing.judging import Judging


def judging(services: Services) -> Judging:
    """Return the one judge of this process."""
    return services.parts.get(Judging, lambda: Judging(services.roots, partial(material, services)))
