"""Dates of header fields and of IMAP, to and from microseconds since 1970 UTC. RFC 5322 §3.3, §4.3; RFC 3501 §9."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_NUMBERS = {month.lower().encode(): number for number, month in enumerate(MONTHS, 1)}
_ZONES = {  # minutes east; military letters mean nothing any more (RFC 5322 §4.3)
    b"ut": 0, b"utc": 0, b"gmt": 0, b"z": 0, b"est": -300, b"edt": -240, b"cst": -360, b"cdt": -300,
    b"mst": -420, b"mdt": -360, b"pst": -480, b"pdt": -420, b"cet": 60, b"cest": 120, b"wet": 0, b"west": 60,
}  # fmt: skip
_DATE = re.compile(
    rb"\s*+(?:[A-Za-z]{2,9}\s*+\.?,?\s*+)??(\d{1,2})[\s-]++([A-Za-z]{3})[a-z]*+[\s.-]++(\d{2,4})[\s,]++"
    rb"(\d{1,2})\s*+[:.]\s*+(\d{2})(?:\s*+[:.]\s*+(\d{2})(?:[.,]\d{1,9}+)?+)?+\s*+([+-]\d{4}|[A-Za-z]{1,5})?+"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999
_SECOND_US = 1_000_000


def parse_date(value: bytes) -> int | None:
    """Return the instant a Date field names in µs since 1970 UTC; None when it names none.

    Takes the obsolete forms: two-digit years, zone names, no seconds, comments. An unknown zone is UTC (RFC 5322 §4.3).
    """
    found = _DATE.match(value[:200])
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    try:
        days = date(_year(year), _NUMBERS[month.lower()], int(day)).toordinal() - _EPOCH_DAY
    except (ValueError, KeyError):
        return None
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    seconds = days * 86400 + int(hour) * 3600 + (int(minute) - _offset(zone)) * 60 + int(second or 0)
    return seconds * _SECOND_US


def _year(digits: bytes) -> int:
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _offset(zone: bytes | None) -> int:
    if zone is None:
        return 0
    if zone[:1] in b"+-":
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        return -minutes if zone[:1] == b"-" else minutes
    return _ZONES.get(zone.lower(), 0)


def format_date(us: int, offset_min: int = 0) -> str:
    """Return an instant as RFC 5322 §3.3 writes it, in the zone `offset_min` minutes east of UTC."""
    when = _at(us, offset_min)
    sign, minutes = ("-", -offset_min) if offset_min < 0 else ("+", offset_min)
    return (
        f"{DAYS[when.weekday()]}, {when.day:02} {MONTHS[when.month - 1]} {when.year:04} "
        f"{when.hour:02}:{when.minute:02}:{when.second:02} {sign}{minutes // 60:02}{minutes % 60:02}"
    )


def internaldate(us: int) -> bytes:
    """Return an instant as an IMAP date-time with its quotes, fixed width, in UTC. RFC 3501 §9 date-time."""
    when = _at(us, 0)
    return (f'"{when.day:2}-{MONTHS[when.month - 1]}-{when.year:04} {when.hour:02}:{when.minute:02}:{when.second:02} +0000"').encode()


def _at(us: int, offset_min: int) -> datetime:
    """Return the instant, held inside the years that can be written."""
    margin_us = 86_400 * _SECOND_US
    us = min(max(us, _FIRST_US + margin_us), _LAST_US - margin_us)
    return (_EPOCH + timedelta(microseconds=us)).astimezone(timezone(timedelta(minutes=offset_min)))
