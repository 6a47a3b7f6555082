"""How a place on the network is written."""

import re

_ENDPOINT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(?P<port>\d{1,5})")


def endpoint(text: str) -> tuple[str, int]:
    """Return (host, port) of ``host:port``. Raises ValueError."""
    match = _ENDPOINT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65_536:
        raise ValueError("Expected `host:port`")
    return match["host"].strip("[]"), int(match["port"])
