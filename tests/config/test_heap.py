"""Memory at hand: a process that warmed its heap touches no new pages for what it needs next."""

import platform
import subprocess
import sys

import pytest

from config.heap import HELD_BYTES

PROGRAM = """
import resource, sys
from config import heap
heap.warm()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
octets = b"x" * int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGE_BYTES = 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators know nothing of it")
def test_what_is_needed_next_is_there_already() -> None:
    size = HELD_BYTES // 2
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(size)], capture_output=True, check=True, timeout=60)
    assert int(done.stdout) <= size // PAGE_BYTES // 20
