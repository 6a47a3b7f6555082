"""How long certificates still last: for whoever watches over the node, in figures, in the log and in `diwan doctor`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from config.clock import DAY_US, SECOND_US
from config.database import Tx
from config.log import log
from config.metrics import family
from mailcore.services import Services
from signing.pki import register
from signing.pki.register import Issued

AGAIN_US = DAY_US  # an alarm comes once a day
MAX_NAMED = 3

_GOOD = """
    SELECT kind, COUNT(*), MIN(not_after_us) FROM issued
    WHERE state = 'good' AND successor = '' AND not_after_us >= :now_us GROUP BY kind ORDER BY kind
"""
_ENDED = "SELECT state, COUNT(*) FROM issued WHERE state <> 'good' AND not_after_us >= :now_us GROUP BY state ORDER BY state"
_WAITING = "SELECT COUNT(*) FROM certificate_order WHERE done_us = 0"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in force: by kind how many and the seconds that the first of them still lasts; how many are suspended or revoked."""

    good: tuple[tuple[str, int, int], ...]
    ended: tuple[tuple[str, int], ...]
    waiting: int


def standing(tx: Tx) -> Standing:
    """Return what is in force, and how many orders wait."""
    good = tuple((kind, int(count), int(until_us - tx.now_us) // SECOND_US) for kind, count, until_us in tx.rows(_GOOD, now_us=tx.now_us))
    ended = tuple((state, int(count)) for state, count in tx.rows(_ENDED, now_us=tx.now_us))
    return Standing(good, ended, int(tx.value(_WAITING)))


def lines(found: Standing) -> Iterator[str]:
    """Yield it as Prometheus reads it."""
    counts = [((kind,), float(count)) for kind, count, _ in found.good]
    yield from family("diwan_certificates", "Certificates in force that nothing has replaced, by kind.", "gauge", ("kind",), counts)
    lasts = [((kind,), float(left_s)) for kind, _, left_s in found.good]
    yield from family("diwan_certificate_lasts_seconds", "How long the first of them still lasts.", "gauge", ("kind",), lasts)
    ended = [((state,), float(count)) for state, count in found.ended]
    yield from family("diwan_certificates_ended", "Certificates that ended before their time.", "gauge", ("state",), ended)
    yield from family("diwan_certificate_orders", "Orders about certificates that wait.", "gauge", (), [((), float(found.waiting))])


async def alarm(services: Services) -> dict[str, int]:
    """Log what runs out soon and was not renewed, each once a day; return how many there are."""
    found = await services.db.read(soon, services.settings.pki.alert_days)
    for one in found:
        if await services.db.write(register.warn, one, services.clock.now_us() - AGAIN_US):
            log.warning("pki.expires", kind=one.kind, address=one.address, serial=f"{one.serial:x}", days=days_left(one, services))
    return {"expiring": len(found)}


def soon(tx: Tx, days: int) -> list[Issued]:
    """Return what runs out within so many days and was not replaced, the soonest first."""
    return register.expiring(tx, tx.now_us + days * DAY_US)


def days_left(one: Issued, services: Services) -> int:
    """Return the whole days that a certificate still lasts."""
    return int(one.not_after_us - services.clock.now_us()) // DAY_US


def said(found: Iterable[Issued], days: int) -> str:
    """Return in one line what runs out, for people."""
    names = [f"{one.kind} of {one.address or one.key_id} ({one.serial:x})" for one in found]
    if not names:
        return f"no certificate runs out within {days} days"
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"run out within {days} days: {', '.join(names[:MAX_NAMED])}{more}; `diwan cert renew` replaces one"
