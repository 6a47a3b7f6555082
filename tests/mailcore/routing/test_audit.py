"""No connection leaves the declared addresses: the kernel's own record of every connect() and every datagram of three nodes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.programs import needs

ROOT = Path(__file__).parents[3]
CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
_PLACE = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")')


def traces() -> bool:
    """Say whether one may trace here: containers may forbid it."""
    try:
        return subprocess.run(["strace", "-e", CALLS, "true"], capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.peer
@needs("strace")
@pytest.mark.skipif(not traces(), reason="tracing is not permitted here")
def test_no_connection_leaves_the_declared_addresses(tmp_path: Path) -> None:
    record = tmp_path / "record"
    command = ["strace", "-f", "-qq", "-e", CALLS, "-o", record, sys.executable, "-m", "tests.mailcore.routing.audited", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    places = {(match[2] or match[3], int(match[1])) for match in _PLACE.finditer(record.read_text("utf-8", "replace"))}
    assert {port for _, port in places} == set(told["ports"])
    assert {host for host, _ in places} == {"127.0.0.1"}
    assert told["inboxes"] == {"interieur": 3, "education": 5, "gate": 3}  # two are reports: its letters may not leave
    assert told["outside"] == 2
