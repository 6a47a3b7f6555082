"""Dates as IMAP writes them, without the calendar of any zone. RFC 3501 §9 (date, date-time)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from mailcore.imap.parse.cursor import BadSyntax, Cursor

MONTHS = {
    name: number
    for number, name in enumerate((b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1)
}
_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
_DATE_TIME = re.compile(rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
_WRITTEN = re.compile(rb"(\d{1,2})\s+([A-Za-z]{3})[a-z]*\.?\s+(\d{2,4})\b")
EPOCH = date(1970, 1, 1)
DAY_US = 86_400_000_000


def day(cursor: Cursor) -> int:
    """Take a date; return days since 1970."""
    found = _DATE.match(cursor.take(_DATE, "date"))
    assert found is not None
    return _day(found[3], found[2], found[1])


def _day(year: bytes, month: bytes, day_of_month: bytes) -> int:
    try:
        return (date(int(year), MONTHS[month.lower()], int(day_of_month)) - EPOCH).days
    except (KeyError, ValueError):
        raise BadSyntax("no such date") from None


def moment(cursor: Cursor) -> int:
    """Take a date-time; return µs since 1970, UTC."""
    found = _DATE_TIME.match(cursor.take(_DATE_TIME, "date and time"))
    assert found is not None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        local = datetime(
            int(found[3]), MONTHS[found[2].lower()], int(found[1]), int(found[4]), int(found[5]), min(int(found[6]), 59), tzinfo=zone
        )
        return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (KeyError, ValueError, OverflowError):
        raise BadSyntax("no such date") from None


def written_day(field: bytes) -> int | None:
    """Return the day that a Date field names, as written there and whatever its zone (RFC 3501 §6.4.4 SENTON)."""
    found = _WRITTEN.search(field)
    if found is None:
        return None
    year = found[3] if len(found[3]) == 4 else b"%d" % _century(int(found[3]))
    try:
        return _day(year, found[2], found[1])
    except BadSyntax:
        return None


def _century(year: int) -> int:
    """RFC 5322 §4.3."""
    if year >= 100:
        return year + 1900
    return year + (2000 if year < 50 else 1900)
