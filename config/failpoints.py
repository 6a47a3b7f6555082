"""Named places where a test may kill the process, to prove that what was acknowledged survives."""

import os
import signal

_name, _left, _signal = "", 0, signal.SIGKILL

NAMES = (
    "spool.after_write",
    "accept.before_blob",
    "blob.before_sync",
    "blob.before_name",
    "blob.after_name",
    "accept.after_blob",
    "accept.after_commit",
    "database.before_commit",
    "database.after_commit",
    "deliver.before_commit",
    "deliver.after_commit",
    "lease.after_commit",
    "lease.before_renewal",
    "script.before_commit",
    "later.before_commit",
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
SEALING = ("log.before_replace", "log.after_replace")


def arm(text: str) -> None:
    """Arm `name`, or `name:n` for the n-th pass; `name:n:STOP` sends SIGSTOP there, and the process goes on after SIGCONT."""
    global _name, _left, _signal
    _name, count, stop = [*text.split(":"), "", ""][:3]
    _left = int(count or 1)
    _signal = signal.SIGSTOP if stop == "STOP" else signal.SIGKILL


def failpoint(name: str) -> None:
    """Die by SIGKILL where `arm` or DIWAN_FAILPOINT says so; else do nothing."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), _signal)


arm(os.environ.get("DIWAN_FAILPOINT", ""))
