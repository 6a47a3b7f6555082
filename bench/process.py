"""CPU time and memory of a process tree, from /proc (see proc(5); sched-stats.rst of the kernel)."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the command name, from field 3 on; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def tree(roots: Iterable[int]) -> set[int]:
    """Return the given processes and all their living descendants."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(int(name))) is not None:
            parents.setdefault(int(fields[1]), []).append(int(name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += parents.get(pid, [])
    return found


def cpu_s(roots: Iterable[int]) -> float:
    """Return user + system seconds of a tree, with the children that have already been waited for.

    utime, stime, cutime and cstime are fields 14 to 17 of stat, in ticks of 10 ms: too coarse for fifty processes that share
    a short test, so what lives is also asked for its nanoseconds. Those of threads that have ended only the ticks know.
    """
    total = 0.0
    for pid in tree(roots):
        if (fields := stat_fields(pid)) is not None:
            lived, waited = (sum(int(value) for value in fields[place : place + 2]) / TICKS_PER_S for place in (11, 13))
            total += max(lived, threads_s(pid)) + waited
    return total


def threads_s(pid: int) -> float:
    """Return the seconds that the living threads of a process have run: the first field of their schedstat, in nanoseconds."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[0])
        except OSError:
            continue
    return total / 1e9


def memory_bytes(roots: Iterable[int], *kinds: str) -> int:
    """Return the proportional set size of a tree (shared pages counted once), or that of some kinds of it, as `Pss_Anon`."""
    wanted = tuple(f"{kind}:" for kind in kinds or ("Pss",))
    total = 0
    for pid in tree(roots):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))
    return total


def pin(cpu: int | None) -> None:
    """Keep this process on one core; None leaves the scheduler free."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
