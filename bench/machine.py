"""Which class of machine this is and which versions run, without its name or paths."""

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return the processor's model as the kernel tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def filesystem(directory: Path) -> str:
    """Return the file system type that holds a directory: fsync is what the figures hang on."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind = line.split()[:3]
        if directory.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def load_average() -> float:
    """Return how many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def describe(directory: Path) -> str:
    """Return one line: cores, processor, memory, file system, kernel, Python."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    usable = len(os.sched_getaffinity(0))
    return (
        f"{usable} cores ({processor()}), {memory_gib:.0f} GiB, {filesystem(directory)}, "
        f"Linux {platform.release().split('-')[0]}, CPython {platform.python_version()}"
    )
