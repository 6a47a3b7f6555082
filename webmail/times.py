"""The node's own time zone, from the machine it runs on."""

from datetime import UTC, date, datetime, time, timedelta

from config.clock import SECOND_US


def local(at_us: int) -> datetime:
    """Return an instant in the node's time zone."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone()


def offset_min(at_us: int) -> int:
    """Return how many minutes east of UTC the node is at that instant."""
    offset = local(at_us).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


def day_of(at_us: int) -> str:
    """Return the day of an instant as a form holds it: ``2026-11-21``."""
    return local(at_us).date().isoformat()


def day_span(text: str) -> tuple[int, int] | None:
    """Return when a day of a form begins, and when the next one does; None when it is no day."""
    try:
        day = date.fromisoformat(text)
        return _begins_us(day), _begins_us(day + timedelta(days=1))
    except (ValueError, OverflowError):
        return None


def _begins_us(day: date) -> int:
    return int(datetime.combine(day, time()).astimezone().timestamp()) * SECOND_US
