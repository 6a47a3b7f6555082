"""openssl as the foreign judge of our signatures."""

import subprocess
import tempfile
from pathlib import Path


def verify(message: bytes, root: Path) -> tuple[bool, str]:
    """Let `openssl cms -verify` judge a clear-signed message against a root; return its judgement and its words."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(message)
        file.flush()
        command = ["openssl", "cms", "-verify", "-cades", "-in", file.name, "-CAfile", str(root), "-purpose", "smimesign"]
        done = subprocess.run([*command, "-out", "/dev/null"], capture_output=True, text=True, timeout=20, check=False)
    words = done.stderr.strip().splitlines()
    return done.returncode == 0, words[-1] if words else ""
