"""Instants and their parts. Pure. RFC 5260 §4, §5."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from mailcore.message import date

MAX_ZONE_MIN = 24 * 60 - 1
_ZONE = re.compile(r"([+-])([0-9]{2})([0-9]{2})", re.ASCII)
_LAST_ZONE = re.compile(rb"([+-][0-9]{4})\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JULIAN_OF_YEAR_1 = 678_576  # the modified Julian day of ordinal 0 is this much below it (RFC 5260 §4.2)


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, and the zone that it was written in (minutes east)."""

    us: int
    zone_min: int

    def at(self, zone_min: int) -> datetime:
        """Return it in a zone, held inside the years that can be written."""
        held = min(max(self.us, -62_135_510_400_000_000), 253_402_214_400_000_000)
        return (_EPOCH + timedelta(microseconds=held)).astimezone(timezone(timedelta(minutes=zone_min)))


def read(octets: bytes) -> Instant | None:
    """Return the moment that a field names; behind the last semicolon where it has one, as Received does. None for none."""
    written = octets.rpartition(b";")[2].strip()
    us = date.parse_date(written)
    if us is None:
        return None
    zone = _LAST_ZONE.search(written)
    return Instant(us, minutes(zone[1].decode("ascii")) or 0 if zone else 0)


def minutes(zone: str) -> int | None:
    """Return how many minutes east ``+hhmm`` is; None for what is no zone."""
    found = _ZONE.fullmatch(zone)
    if found is None or int(found[3]) > 59:
        return None
    value = int(found[2]) * 60 + int(found[3])
    return None if value > MAX_ZONE_MIN else -value if found[1] == "-" else value


def _zone(when: datetime, colon: str = "") -> str:
    offset = when.utcoffset() or timedelta()
    total = round(offset.total_seconds()) // 60
    return f"{'-' if total < 0 else '+'}{abs(total) // 60:02}{colon}{abs(total) % 60:02}"


def _std11(when: datetime) -> str:
    return f"{date.DAYS[when.weekday()]}, {when.day:02} {date.MONTHS[when.month - 1]} {when.year:04} {when:%H:%M:%S} {_zone(when)}"


PARTS: Mapping[str, Callable[[datetime], str]] = {  # RFC 5260 §4.2
    "year": lambda when: f"{when.year:04}",
    "month": lambda when: f"{when.month:02}",
    "day": lambda when: f"{when.day:02}",
    "date": lambda when: f"{when.year:04}-{when.month:02}-{when.day:02}",
    "julian": lambda when: str(when.toordinal() - _JULIAN_OF_YEAR_1),
    "hour": lambda when: f"{when.hour:02}",
    "minute": lambda when: f"{when.minute:02}",
    "second": lambda when: f"{when.second:02}",
    "time": lambda when: f"{when:%H:%M:%S}",
    "iso8601": lambda when: f"{when.year:04}-{when:%m-%dT%H:%M:%S}{_zone(when, ':')}",
    "std11": _std11,
    "zone": _zone,
    "weekday": lambda when: str(when.isoweekday() % 7),
}
