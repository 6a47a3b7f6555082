"""What was signed, line after line, a file for each month: whoever looks years later finds every signature by its key and digest.

A line is JSON and written before the signature exists, so that a process that is killed has told of all that it gave.
"""

import os
from pathlib import Path

import msgspec

from config.clock import Clock, utc
from signing.errors import SignerUnavailable

FOLDER = "signed"  # below the keys directory


class Book:
    """The lines of one signer; one thread writes them."""

    def __init__(self, keys: Path, clock: Clock) -> None:
        self._folder, self._clock = keys / FOLDER, clock
        self._month, self._descriptor = "", -1

    def note(self, key_id: str, purpose: str, digest: bytes) -> None:
        """Write that a key is about to sign a digest. Raises SignerUnavailable: what cannot be told of is not signed."""
        at = utc(self._clock.now_us()).isoformat()
        line = msgspec.json.encode({"at": at, "key": key_id, "purpose": purpose, "digest": digest.hex()}) + b"\n"
        try:
            if at[:7] != self._month:
                self._turn(at[:7])
            written = os.write(self._descriptor, line)
        except OSError as reason:
            raise SignerUnavailable(reason=str(reason)) from reason
        if written != len(line):
            os.write(self._descriptor, b"\n")  # a line cut short stands alone
            raise SignerUnavailable(reason="no room to tell of it")

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._month, self._descriptor = "", -1

    def _turn(self, month: str) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = os.open(self._folder / f"{month}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._month = month
