"""Which class of machine this is and which versions run, without its name or paths."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from bench.process import cpu_s


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


def busy_s() -> float:
    """Return the seconds that all cores together have worked since boot, stolen time included: /proc/stat, proc(5)."""
    user, nice, system, _, _, irq, softirq, steal = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Witness:
    """Remembers how busy the machine and the benchmark were, to tell how much others took meanwhile."""

    roots: tuple[int, ...]  # the benchmark's own processes
    busy_s: float
    own_s: float
    at_s: float

    @classmethod
    def begin(cls, roots: tuple[int, ...]) -> "Witness":
        """Look now."""
        return cls(roots, busy_s(), cpu_s(roots), time.monotonic())

    def others(self) -> float:
        """Return the share of all cores that other programs have taken since."""
        cores_s = (time.monotonic() - self.at_s) * (os.cpu_count() or 1)
        return max(0.0, (busy_s() - self.busy_s) - (cpu_s(self.roots) - self.own_s)) / cores_s


def describe(directory: Path) -> str:
    """Return one line: cores, processor, memory, file system, kernel, Python."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    usable = len(os.sched_getaffinity(0))
    return (
        f"{usable} cores ({processor()}), {memory_gib:.0f} GiB, {filesystem(directory)}, "
        f"Linux {platform.release().split('-')[0]}, CPython {platform.python_version()}"
    )
