"""Free ports for nodes that tests start."""

import os

from bench.wire import is_free
from mailcore.setup import PORTS

STEP = 1_000


def free_base(span: int = 1) -> int:
    """Return a port base whose every port is free now, for `span` nodes that lie 10,000 apart; parallel runs look elsewhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for base in range(20_000 + worker * 500 + os.getpid() % 7 * STEP, 38_000, STEP):
        if all(is_free(base + far * 10_000 + port) for far in range(span) for port in PORTS.values()):
            return base
    raise RuntimeError("no free ports")
