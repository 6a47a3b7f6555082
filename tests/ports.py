"""Free ports for nodes that tests start."""

import os
import random

from bench.wire import BASES, is_free
from mailcore.setup import PORTS

FAR = 10_000  # between two nodes of one test
LAST = 32_000 - max(PORTS.values())  # the system gives what is above to whoever asks for any


def free_base(span: int = 1) -> int:
    """Return a port base whose every port is free now, for `span` nodes that lie FAR apart; parallel runs look elsewhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    bases = range(10_000 + worker % 4 * BASES, LAST - (span - 1) * FAR, 4 * BASES)
    for base in random.sample(bases, len(bases)):
        if all(is_free(base + far * FAR + port) for far in range(span) for port in PORTS.values()):
            return base
    raise RuntimeError("no free ports")
