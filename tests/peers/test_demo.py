"""The main job, as `diwan demo` does it: two nodes, real clients, openssl as the judge."""

import subprocess
import sys

import pytest

from tests.ports import free_base


@pytest.mark.peer
def test_the_demonstration_carries_a_signed_letter_to_the_end() -> None:
    command = [sys.executable, "-m", "config", "demo", "--port-base", str(free_base(span=2))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == 12
    assert "✗" not in done.stdout
