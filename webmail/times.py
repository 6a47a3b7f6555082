"""The node's own time zone, from the machine it runs on."""

from datetime import UTC, datetime


def local(at_us: int) -> datetime:
    """Return an instant in the node's time zone."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone()


def offset_min(at_us: int) -> int:
    """Return how many minutes east of UTC the node is at that instant."""
    offset = local(at_us).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60
