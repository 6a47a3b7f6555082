"""How long what is published about certificates still holds: in figures, in the log and in `diwan doctor`. Nobody is told by silence."""

from collections.abc import Iterator, Sequence

from config.clock import SECOND_US
from config.database import Tx
from config.log import log
from config.metrics import family
from mailcore.services import Services
from signing import pending
from signing.pki import published
from signing.pki.published import Lasting

MAX_NAMED = 3
KINDS = {False: "list", True: "delta"}


def standing(tx: Tx) -> tuple[list[Lasting], int]:
    """Return how long the lists of each authority hold, and how many signatures wait for a stamp."""
    return published.lasting(tx), pending.waiting(tx)


def lines(found: tuple[Sequence[Lasting], int]) -> Iterator[str]:
    """Yield it as Prometheus reads it."""
    lists, waiting = found
    left = [((one.authority, KINDS[one.delta]), float(one.left_us // SECOND_US)) for one in lists]
    names = ("authority", "kind")
    yield from family("diwan_revocation_lasts_seconds", "How long the lists of revoked certificates still hold.", "gauge", names, left)
    yield from family("diwan_stamps_waiting", "Signatures that wait for a time stamp.", "gauge", (), [((), float(waiting))])


async def alarm(services: Services) -> None:
    """Log each authority whose lists end soon."""
    for one in await services.db.read(published.lasting):
        if one.alarm:
            log.error("pki.lists_end", authority=one.authority, kind=KINDS[one.delta], left_s=one.left_us // SECOND_US)


def said(found: Sequence[Lasting]) -> tuple[bool, str]:
    """Say in one line whether all is well, for people."""
    late = sorted({one.authority for one in found if one.alarm})
    if not late:
        return True, "lists of revoked certificates are fresh"
    more = f" and {len(late) - MAX_NAMED} more" if len(late) > MAX_NAMED else ""
    names = ", ".join(late[:MAX_NAMED]) + more
    return False, f"lists end soon, or there are none: {names}; the role `pki` makes them, or `diwan crl take` brings those made elsewhere"
