"""Named places where a test may kill the process, to prove that what was acknowledged survives."""

import os
import signal

_armed = os.environ.get("DIWAN_FAILPOINT", "")
_name, _, _count = _armed.partition(":")
_left = int(_count or 1) if _armed else 0

NAMES = (
    "accept.before_blob",
    "accept.after_blob",
    "accept.after_commit",
    "database.before_commit",
    "database.after_commit",
    "deliver.before_commit",
    "deliver.after_commit",
    "expand.before_commit",
    "expand.before_chunk",
    "circular.before_commit",
    "circular.after_commit",
    "remote.before_send",
    "remote.after_reply",
    "bounce.before_commit",
    "bounce.after_commit",
)
INDEXING = (
    "fulltext.after_chunk",
    "fulltext.before_advance",
    "fulltext.after_advance",
    "fulltext.before_replace",
    "fulltext.after_replace",
)


def failpoint(name: str) -> None:
    """Die by SIGKILL when DIWAN_FAILPOINT is `name` or `name:n` and this is the n-th pass; else do nothing."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
