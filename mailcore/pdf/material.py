"""What is known about the revocation of every certificate that a document needs: of signers and of time stamp authorities."""

from collections.abc import Iterator, Sequence

from mailcore.pki import freshness
from mailcore.services import Services
from signing.certificate import Outline, outline
from signing.der import BadDer
from signing.pki.revocation import Material

MAX_PATH = 8  # as signing.pki.path
MAX_PATHS = 8  # of one signature: its own, those of its time stamps


async def material(services: Services, certificates: Sequence[bytes]) -> Material:
    """Return the lists and answers that are to be had about certificates (DER, in any order) and their issuers."""
    crls: dict[bytes, None] = {}
    ocsps: dict[bytes, None] = {}
    for path in list(paths(certificates, services.roots))[:MAX_PATHS]:
        found = await freshness.material(services, path)
        crls |= dict.fromkeys(found.crls)
        ocsps |= dict.fromkeys(found.ocsps)
    return Material(tuple(crls), tuple(ocsps))


def paths(certificates: Sequence[bytes], roots: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Return a path for each certificate that issued none of the others, itself first and its root last, by their names alone."""
    known = {one: read for one in (*certificates, *roots) if (read := _read(one)) is not None}
    by_subject = {read.subject: one for one, read in reversed(known.items())}
    issuers = {read.issuer for read in known.values() if read.issuer != read.subject}
    for one in dict.fromkeys(certificates):
        if one in known and known[one].subject not in issuers:
            path = [one]
            while len(path) < MAX_PATH and (above := by_subject.get(known[path[-1]].issuer)) is not None and above not in path:
                path.append(above)
            yield tuple(path)


def _read(certificate: bytes) -> Outline | None:
    try:
        return outline(certificate)
    except BadDer:
        return None
